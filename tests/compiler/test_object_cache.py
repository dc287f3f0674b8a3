"""The cache of object code on disk: what is odd about it is as if it were not there, and nothing else is believed."""

import os
import random
import signal
import stat
import subprocess
import sys
import time

import pytest
from shared import ROOT, needed

from tinygrad_nn.compiler import object_cache
from tinygrad_nn.compiler.object_cache import cache_folder, from_cache

CODE = bytes(range(256)) * 8


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("TINYGRAD_NN_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def asked(key, code=CODE):
    """The code for a key, and whether it had to be compiled."""
    compiled = []

    def compile_it():
        compiled.append(key)
        return code

    return from_cache([key], compile_it), bool(compiled)


def test_code_is_compiled_once_and_the_folder_is_the_users_alone(folder):
    assert asked("a") == (CODE, True)
    assert asked("a") == (CODE, False)
    assert asked("b") == (CODE, True)
    if os.name == "posix":
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    assert len(list(folder.iterdir())) == 2


def test_a_key_may_name_a_folder_in_any_bytes(folder):
    """As the library's own may be, which is in the key of a text."""
    for name in (b"/home/\xff/lib", b"/home/\xfe/lib"):
        key = name.decode("utf-8", "surrogateescape")
        assert asked(key) == (CODE, True)
        assert asked(key) == (CODE, False)


def test_parts_of_a_key_are_not_run_together(folder):
    from_cache(["a", "b"], lambda: b"1")
    assert from_cache(["ab", ""], lambda: b"2") == b"2"


@pytest.mark.parametrize("word", ["off", "OFF", "0", "", " off "])
def test_it_can_be_switched_off(word, monkeypatch, tmp_path):
    monkeypatch.setenv("TINYGRAD_NN_CACHE", word)
    monkeypatch.chdir(tmp_path)
    assert cache_folder() is None
    assert [asked("a")[1] for _ in range(2)] == [True, True]
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(os.name != "posix", reason="folders have owners on POSIX")
@pytest.mark.parametrize("there", ["", ".cache", ".cache/tinygrad_nn"])
def test_nothing_is_made_in_the_home_of_another_user(there, monkeypatch, tmp_path):
    """As by root that has the HOME of whom it works for, whose ~/.cache would then be root's."""
    home = tmp_path / "home"
    (home / there).mkdir(parents=True)
    monkeypatch.delenv("TINYGRAD_NN_CACHE", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setattr(sys, "platform", "linux")
    if os.geteuid() == 0:
        for path in (home, *home.rglob("*")):
            os.chown(path, 12345, -1)
    else:
        monkeypatch.setattr(os, "geteuid", lambda: 0)
    before = sorted(home.rglob("*"))
    assert [asked("a")[1] for _ in range(2)] == [True, True]
    assert sorted(home.rglob("*")) == before
    monkeypatch.undo()
    monkeypatch.setenv("TINYGRAD_NN_CACHE", str(home / "here"))  # which somebody has asked for
    assert [asked("a")[1] for _ in range(2)] == [True, False]


@pytest.mark.skipif(os.name != "posix", reason="this is where POSIX has it")
def test_the_folders_above_it_are_made_in_ones_own_home(monkeypatch, tmp_path):
    monkeypatch.delenv("TINYGRAD_NN_CACHE", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(sys, "platform", "linux")
    assert [asked("a")[1] for _ in range(2)] == [True, False]


@pytest.mark.parametrize(
    ("platform", "variables", "expected"),
    [
        ("linux", {"HOME": "/home/me"}, "/home/me/.cache/tinygrad_nn"),
        ("linux", {"HOME": "/home/me", "XDG_CACHE_HOME": "/caches"}, "/caches/tinygrad_nn"),
        ("linux", {"HOME": "/home/me", "XDG_CACHE_HOME": "relative"}, "/home/me/.cache/tinygrad_nn"),
        ("darwin", {"HOME": "/Users/me"}, "/Users/me/Library/Caches/tinygrad_nn"),
        ("linux", {"HOME": "/home/me", "TINYGRAD_NN_CACHE": "~/here"}, "/home/me/here"),
        ("win32", {"LOCALAPPDATA": "/local"}, "/local/tinygrad_nn"),
        ("win32", {}, None),
    ],
)
@pytest.mark.skipif(os.name != "posix", reason="these paths are of POSIX")
def test_it_lies_where_the_platform_keeps_caches(platform, variables, expected, monkeypatch):
    for name in ("HOME", "XDG_CACHE_HOME", "LOCALAPPDATA", "TINYGRAD_NN_CACHE"):
        monkeypatch.delenv(name, raising=False)
    for name, text in variables.items():
        monkeypatch.setenv(name, text)
    monkeypatch.setattr(sys, "platform", platform)
    assert cache_folder() == expected


@pytest.mark.parametrize("count", [60, pytest.param(500, marks=pytest.mark.slow)])
def test_no_changed_or_cut_file_is_believed(count, folder):
    """Each byte of the file may be another, be missing, or be one too many."""
    assert asked("a") == (CODE, True)
    (path,) = folder.iterdir()
    whole, rng = path.read_bytes(), random.Random(0)
    others = [object_cache.MAGIC, b"", whole + b"\0", whole[1:], bytes(len(whole))]
    for _ in range(count - len(others)):
        place = rng.randrange(len(whole))
        changed = bytes([(whole[place] + rng.randrange(1, 256)) % 256])
        cut = whole[:place]
        others.append(
            rng.choice([cut, cut + changed + whole[place + 1 :], cut + changed + whole[place:], whole[place:]])
        )
    for content in others:
        if content != whole:
            path.write_bytes(content)
            assert asked("a") == (CODE, True)
            assert path.read_bytes() == whole  # it is put right
    assert asked("a") == (CODE, False)


def test_the_code_of_another_key_is_not_believed(folder):
    assert asked("a", b"code of a") == (b"code of a", True)
    (path,) = folder.iterdir()
    content = path.read_bytes()
    assert asked("b", b"code of b") == (b"code of b", True)
    (other,) = set(folder.iterdir()) - {path}
    other.write_bytes(content)
    assert asked("b", b"code of b") == (b"code of b", True)


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="the system knows of no users")
def test_what_others_may_write_is_left_alone(folder, monkeypatch, tmp_path):
    asked("a")
    (path,) = folder.iterdir()
    for place, mode in ((folder, 0o770), (folder, 0o707), (path, 0o620), (path, 0o602)):
        before = stat.S_IMODE(place.stat().st_mode)
        place.chmod(mode)
        assert asked("a") == (CODE, True)
        if place == folder:
            assert asked("b") == (CODE, True)
            assert list(folder.iterdir()) == [path]  # nothing is written there, either
        place.chmod(before)
    asked("a")
    user = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: user + 1)  # then folder and file are somebody else's
    assert asked("a") == (CODE, True)
    monkeypatch.setattr(os, "geteuid", lambda: user)
    assert asked("a") == (CODE, False)
    link = tmp_path / "link"
    link.symlink_to(folder)
    monkeypatch.setenv("TINYGRAD_NN_CACHE", str(link))
    assert asked("a") == (CODE, True)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no pipes with names")
def test_links_pipes_and_folders_in_a_files_place_are_not_read(folder, tmp_path):
    asked("a")
    (path,) = folder.iterdir()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_bytes(path.read_bytes())
    path.unlink()
    path.symlink_to(elsewhere)
    assert asked("a") == (CODE, True)
    assert not path.is_symlink()
    path.unlink()
    os.mkfifo(path)
    assert asked("a") == (CODE, True)
    path.unlink()
    path.mkdir()
    assert [asked("a") for _ in range(2)] == [(CODE, True)] * 2
    assert [entry.name for entry in folder.iterdir()] == [path.name]  # nothing is left beside


@pytest.mark.parametrize("place", ["a file", "in a file", "/dev/null/cache", "with\0nul"])
def test_a_folder_that_cannot_be_is_no_cache(place, tmp_path, monkeypatch):
    (tmp_path / "a file").write_text("")
    monkeypatch.chdir(tmp_path)
    given = "a file/inside" if place == "in a file" else place
    monkeypatch.setattr(object_cache, "cache_folder", lambda: os.path.abspath(given))
    assert [asked("a") for _ in range(2)] == [(CODE, True)] * 2


def test_a_folder_in_a_working_folder_that_is_gone_is_no_cache(tmp_path):
    code = """
import os, sys
from tinygrad_nn.compiler.object_cache import from_cache
os.mkdir(sys.argv[1])
os.chdir(sys.argv[1])
try:
    os.rmdir(sys.argv[1])
except OSError:
    print("the system keeps it")
print([from_cache(["a"], lambda: b"code") for _ in range(2)])
"""
    arguments = [str(tmp_path / "gone")]
    found = run_beside(code, "relative", *arguments).communicate()[0].strip()
    if "keeps it" in found:
        pytest.skip("the system keeps a working folder")
    assert found == str([b"code"] * 2)


def run_beside(code, folder, *arguments):
    environment = {**os.environ, "TINYGRAD_NN_CACHE": str(folder), "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments], env=environment, stdout=subprocess.PIPE, text=True
    )


def test_a_full_disk_costs_no_more_than_the_cache(folder):
    pytest.importorskip("resource", reason="the system limits no files")
    code = """
import os, resource
from tinygrad_nn.compiler.object_cache import from_cache
resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
found = [from_cache(["a"], lambda: bytes(1000)) for _ in range(2)]
print(found == [bytes(1000)] * 2, os.listdir(os.environ["TINYGRAD_NN_CACHE"]))
"""
    assert run_beside(code, folder).communicate()[0].strip() == "True []"


def test_it_keeps_what_was_used_last(folder, monkeypatch):
    monkeypatch.setattr(object_cache, "MOST_FILES", 4)
    for k, key in enumerate("abcd"):
        asked(key)
        for path in folder.iterdir():
            os.utime(path, (k, path.stat().st_mtime - 10))  # a second or so passes
    assert asked("a")[1] is False
    asked("e")
    assert [asked(key)[1] for key in "ae"] == [False, False]
    assert len(list(folder.iterdir())) == 4
    monkeypatch.setattr(object_cache, "MOST_BYTES", 3 * len(CODE))
    asked("f")
    assert len(list(folder.iterdir())) == 2
    (folder / "notes.txt").write_text("not of the cache")
    unfinished = folder / f"{'0' * 64}.code.1.abc.part"
    unfinished.write_text("left by a process that was killed")
    asked("g")
    assert unfinished.exists()
    os.utime(unfinished, (0, time.time() - 100))
    asked("h")
    assert not unfinished.exists()
    assert (folder / "notes.txt").exists()


WRITER = """
import os, random
from contextlib import suppress
from tinygrad_nn.compiler.object_cache import from_cache
rng = random.Random(os.getpid())
folder = os.environ["TINYGRAD_NN_CACHE"]
print("begun", flush=True)
while {going}:
    key = str(rng.randrange(20))
    code = key.encode() * 1_000_000
    assert from_cache([key], lambda: code) == code
    with suppress(OSError):  # so that it is written again
        os.unlink(os.path.join(folder, rng.choice(os.listdir(folder) or ["none"])))
print("ended")
"""


def check_whole(folder):
    """All codes are right, whatever lies in the folder, and all lie there then."""
    for key in map(str, range(20)):
        assert asked(key, key.encode() * 1_000_000)[0] == key.encode() * 1_000_000
    assert len([path for path in folder.iterdir() if path.suffix == ".code"]) == 20


KILLED = """
import os, signal
from tinygrad_nn.compiler import object_cache

def die():
    os.kill(os.getpid(), signal.SIGKILL)

class Cut:
    def __init__(self, handle): self.file = open(handle, "wb")
    def __enter__(self): return self
    def __exit__(self, *error): self.file.close()
    def write(self, content):
        self.file.write(content[: int({share} * len(content))])
        self.file.flush()
        if {moment!r} == "write":
            die()

def replace(beside, path, replaces=os.replace):
    if {moment!r} == "after":
        replaces(beside, path)
    die()

object_cache.open = lambda handle, mode: Cut(handle) if mode == "wb" else open(handle, mode)
os.replace = replace
key = "7"
object_cache.from_cache([key], lambda: key.encode() * 1_000_000)
"""
MOMENTS = [("write", k / 47) for k in range(48)] + [("before", 1.0), ("after", 1.0)]


@pytest.mark.parametrize("moments", [MOMENTS[::24], pytest.param(MOMENTS, marks=pytest.mark.slow)], ids=len)
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="the system has no SIGKILL")
def test_a_process_that_is_killed_while_it_writes_leaves_nothing_wrong(moments, folder, monkeypatch):
    """At every moment of a file: nothing of it there, parts of it, all of it but its name, and all."""
    for moment, share in moments:
        for path in folder.glob("*.code"):
            path.unlink()
        process = run_beside(KILLED.format(moment=moment, share=share), folder)
        process.communicate()
        assert process.returncode == -signal.SIGKILL
        assert len(list(folder.glob("*.part"))) == (moment != "after")
        assert asked("7", b"7" * 1_000_000) == (b"7" * 1_000_000, moment != "after")
        assert asked("7", b"7" * 1_000_000) == (b"7" * 1_000_000, False)
        monkeypatch.setattr(object_cache, "LONGEST_WRITING", -1.0)
        asked("another")  # whoever writes next clears away what is left
        assert not list(folder.glob("*.part"))
        monkeypatch.undo()
        monkeypatch.setenv("TINYGRAD_NN_CACHE", str(folder))


@pytest.mark.parametrize("count", [2, pytest.param(30, marks=pytest.mark.slow)])
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="the system has no SIGKILL")
def test_processes_that_are_killed_at_any_time_leave_nothing_wrong(count, folder):
    rng = random.Random(1)
    for _ in range(count):
        process = run_beside(WRITER.format(going="True"), folder)
        assert process.stdout.readline() == "begun\n"
        time.sleep(0.02 + 0.05 * rng.random())
        process.kill()
        process.communicate()
        check_whole(folder)


def test_eight_processes_at_once(folder):
    processes = [run_beside(WRITER.format(going="rng.random() < 0.98"), folder) for _ in range(8)]
    for process in processes:
        assert process.communicate()[0].endswith("ended\n")
        assert process.returncode == 0
    check_whole(folder)
    assert not list(folder.glob("*.part"))


TRAINS = """
import random
import tinygrad_nn as tn
from tinygrad_nn.compiler.backends.llvm import engine
{planted}
X, Y = tn.data.xor()
model = tn.MLP(2, [5, 1], "tanh", rng=random.Random(1))
step = tn.compile_step(model, "squared_error", tn.SGD(model.parameters(), lr=0.1, momentum=0.9), backend="llvm")
print([step(X, Y) for _ in range(3)], step.run(X, Y, 50, 2).losses[-1], model.state_dict())
"""


def test_a_second_process_compiles_nothing_and_learns_the_same(folder):
    needed("llvm")
    refuses = "engine._compiled = None"
    first, second, none = (
        run_beside(TRAINS.format(planted=planted), place).communicate()[0]
        for planted, place in (("", folder), (refuses, folder), ("", "off"))
    )
    assert first == second == none != ""
    for path in folder.iterdir():
        path.write_bytes(path.read_bytes()[:-1])
    assert run_beside(TRAINS.format(planted=""), folder).communicate()[0] == first
    assert run_beside(TRAINS.format(planted=refuses), folder).communicate()[0] == first
