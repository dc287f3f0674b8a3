"""Notes of slots: sets of them against Python's own, names that are passed on, entries after the last."""

import random

from tinygrad_nn.compiler.program.notes import BySlot, Derived, SlotSet


def test_sets_of_slots_are_those_of_python():
    rng = random.Random(1)
    for _ in range(200):
        ours, theirs = SlotSet(), set[int]()
        for _ in range(6):
            start = rng.randrange(40)
            run = range(start, start + rng.randrange(6))
            some = [rng.randrange(60) for _ in range(rng.randrange(4))]
            assert ours.has_all(run) is theirs.issuperset(run)
            assert ours.has_any(run) is not theirs.isdisjoint(run)
            for slots in (run, some):
                ours.update(slots)
                theirs.update(slots)
        assert [slot for slot in range(-3, 80) if slot in ours] == sorted(theirs)


def test_the_first_name_of_a_slot_is_its_own():
    derived = Derived()
    derived.pass_on(7, 5)  # which has no name yet
    derived.add("d_", (5, 6, 5), (1, 2, 3))
    twin = derived.copy()
    derived.pass_on(8, 6)
    derived.add("v_", (6, 9), (4, 4))
    derived.pass_on(6, 9)
    assert derived.names == {5: ("d_", 1), 6: ("d_", 2), 8: ("d_", 2), 9: ("v_", 4)}
    assert twin.names == {5: ("d_", 1), 6: ("d_", 2)}
    assert twin != derived
    assert repr(twin) == repr(twin.names)


def test_what_is_noted_of_no_slot_is_none():
    noted = BySlot([1, None])
    noted.put(4, 5)
    assert [noted.get(slot) for slot in range(-1, 7)] == [None, 1, None, None, None, 5, None, None]
