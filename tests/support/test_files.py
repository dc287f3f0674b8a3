"""Files of every kind: written whole or not at all, never over a device, and cleared of what killed runs left."""

import errno
import os
import pathlib
import time
from typing import Any

import pytest
from shared import wrong

import tinygrad_nn as tn
from tinygrad_nn import Value
from tinygrad_nn.support import files


def graph():
    a, b = Value(2.0, label="a"), Value(3.0, label="b")
    return a * b + a


def film(path):
    from tinygrad_nn.drawing.film import Film

    found = Film("title")
    found.add("a frame", "<svg></svg>")
    return found.save(path)


WRITERS = {
    "model.txt": lambda path: tn.save(tn.Neuron(2), path),
    "graph.gv": lambda path: tn.draw(graph()).write(path),
    "network.gv": lambda path: tn.draw_network(tn.MLP(2, [1])).write(path),
    "steps.html": lambda path: tn.steps(graph()).save(path),
    "film.html": film,
    "model.c": lambda path: tn.export_c(tn.MLP(2, [1]), path, overwrite=True),
}


@pytest.mark.parametrize("fails", ["fsync", "replace"])
@pytest.mark.parametrize("name", WRITERS)
def test_a_full_disk_leaves_the_file_of_before(name, fails, tmp_path, monkeypatch):
    pytest.importorskip("tinygrad_nn.drawing.film", reason="graphviz is not installed")
    path = tmp_path / name
    path.write_text("before", encoding="utf-8")

    def full(*arguments):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, fails, full)
        with pytest.raises(OSError, match="No space left on device"):
            WRITERS[name](path)
    assert path.read_text(encoding="utf-8") == "before"
    assert [entry.name for entry in tmp_path.iterdir()] == [name]
    WRITERS[name](path)
    assert len(path.read_text(encoding="utf-8")) > 100
    assert [entry.name for entry in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("name", WRITERS)
def test_what_is_no_file_is_refused(name, tmp_path):
    pytest.importorskip("tinygrad_nn.drawing.film", reason="graphviz is not installed")
    write, ending = WRITERS[name], pathlib.Path(name).suffix
    for no_path in (1, True, 0, None, 1.0, b"model" + ending.encode(), [name]):
        with pytest.raises(TypeError, match="a path is text such as"):
            write(no_path)
    for no_name in ("", f"a\0b{ending}"):
        with pytest.raises(ValueError, match="a path is text such as"):
            write(no_name)
    if not hasattr(os, "mkfifo"):
        return
    pipe, link = tmp_path / f"pipe{ending}", tmp_path / f"link{ending}"
    os.mkfifo(pipe)
    for target in (pipe, "/dev/null", "/dev/stdout", "/dev/fd/1"):
        link.unlink(missing_ok=True)
        link.symlink_to(target)
        if os.path.lexists(target) and not os.path.isdir(target):
            with pytest.raises(ValueError, match="is a device or a pipe"):
                write(link)
    assert {entry.name for entry in tmp_path.iterdir()} == {pipe.name, link.name}


def test_whole_numbers_are_no_paths_to_load():
    for no_path in (0, 1, True, None, 2.0, b"model.txt"):
        with pytest.raises(TypeError, match="a path is text such as"):
            tn.load(wrong(no_path))


def test_what_killed_runs_left_is_cleared_away(tmp_path):
    now, path = time.time(), tmp_path / "model.txt"
    names = [".model.txt.abcdefgh.part", ".model.txt.12345678.part", ".other.txt.abcdefgh.part", ".model.txt.x.part"]
    for k, name in enumerate(names):
        (tmp_path / name).write_text("cut", encoding="utf-8")
        if k != 1:  # which another process may be writing
            os.utime(tmp_path / name, (now - 2.0 * files.OLD, now - 2.0 * files.OLD))
    tn.save(tn.Neuron(2), path)
    assert {entry.name for entry in tmp_path.iterdir()} == {"model.txt", *names[1:]}


@pytest.mark.parametrize("checkpoint", ["", "no/such/folder/model.txt", 3])
def test_a_checkpoint_that_cannot_be_is_said_before_the_run(checkpoint, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    model, asked = tn.MLP(2, [1]), list[Any]()
    before = model.state_dict()
    with pytest.raises((TypeError, ValueError, OSError), match=r"a path is text|there is no folder"):
        tn.fit(
            model, [[0.0, 1.0]], [1.0], "squared_error", tn.SGD(model.parameters(), 0.1), checkpoint=checkpoint,
            callbacks=asked.append,
        )  # fmt: skip
    assert (asked, model.state_dict()) == ([], before)


def test_a_folder_that_cannot_be_written_is_said_before_the_run(tmp_path, monkeypatch):
    import tempfile

    def refused(*given, **named):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(tempfile, "mkstemp", refused)
    model, asked = tn.MLP(2, [1]), list[Any]()
    with pytest.raises(PermissionError, match=r"model.txt cannot be written: no file may be made in"):
        tn.fit(
            model, [[0.0, 1.0]], [1.0], "squared_error", tn.SGD(model.parameters(), 0.1), callbacks=asked.append,
            checkpoint=tmp_path / "model.txt",
        )  # fmt: skip
    assert asked == []
