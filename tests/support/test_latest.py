"""The latest of what was made: what was not asked for longest goes first."""

import threading

from tinygrad_nn.support.latest import Latest


def test_what_was_not_asked_for_longest_goes_first():
    latest: Latest[str] = Latest(2)
    for key in "ab":
        latest.put(key, key * 2)
    assert latest.get("a") == "aa"
    latest.put("c", "cc")
    assert latest.get("b") is None
    assert latest.get("a") == "aa"
    assert latest.get("c") == "cc"
    assert len(latest) == 2
    latest.put("a", "another")
    latest.put("d", "dd")
    assert latest.get("a") == "another"
    assert latest.get("c") is None
    latest.clear()
    assert latest.get("a") is None
    assert not len(latest)


def test_fewer_may_be_kept_from_now_on():
    latest: Latest[int] = Latest(9)
    for key in range(9):
        latest.put(key, key)
    assert latest.get(0) == 0
    latest.keep(3)
    assert [key for key in range(9) if latest.get(key) is not None] == [0, 7, 8]
    latest.put(1, 1)
    assert len(latest) == 3


def test_threads():
    latest: Latest[int] = Latest(5)
    wrong: list[int | None] = []

    def use(k):
        for i in range(2000):
            latest.put(i % 7, i % 7)
            found = latest.get((i + k) % 7)
            wrong.extend([found] * (found is not None and found != (i + k) % 7))

    threads = [threading.Thread(target=use, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert len(latest) == 5
