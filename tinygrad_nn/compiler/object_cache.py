"""Object code on disk, so that a second process compiles nothing that another one has: a cache of files, each of which
says what it was made from and is believed only where its digest is right.

It lies in the user's cache folder, or in that of the environment variable TINYGRAD_NN_CACHE, which "off" or "0" switch
off. A folder or a file that is not the user's own, or that others may write, is left alone; whatever is odd about the
cache, what asks for code compiles as if there were none.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

VARIABLE, OFF = "TINYGRAD_NN_CACHE", ("", "0", "off")
MAGIC = b"tinygrad_nn object code 1\n"
ENDING, UNFINISHED = ".code", ".part"
MOST_BYTES, MOST_FILES = 64 << 20, 512  # of all files; those that were used longest ago go first
LONGEST_WRITING = 60.0  # seconds; what is unfinished after them was left by a process that was killed
HEXADECIMAL = frozenset("0123456789abcdef")


def from_cache(key: Iterable[str], make: Callable[[], bytes]) -> bytes:
    """What is made from what the key says, all that it follows from: from the cache, or made now and put there."""
    if (folder := folder_in_use()) is None:
        return make()
    digest = _digest("\0".join(key).encode(errors="surrogatepass"))  # a folder may be named in any bytes
    path = os.path.join(folder, digest.hex() + ENDING)
    found = None
    with suppress(OSError, ValueError):
        found = _read(folder, path, digest)
    if found is None:
        found = make()
        with suppress(OSError, ValueError):
            _write(folder, path, MAGIC + digest + _digest(found) + found)
    return found


def folder_in_use() -> str | None:
    """Where the files are, or would be; None where there is no cache."""
    with suppress(OSError):  # a path may be relative to a working folder that is gone
        return cache_folder()
    return None


def cache_folder() -> str | None:
    """Where the files are: what TINYGRAD_NN_CACHE says, else the platform's folder for caches; None for nowhere."""
    if (named := os.environ.get(VARIABLE)) is not None:
        return None if named.strip().lower() in OFF else os.path.abspath(os.path.expanduser(named))
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA", "")
    elif sys.platform == "darwin":
        base = os.path.expanduser("~/Library/Caches")
    else:
        base = os.environ.get("XDG_CACHE_HOME", "")
        base = base if os.path.isabs(base) else os.path.expanduser("~/.cache")
    return os.path.join(base, "tinygrad_nn") if os.path.isabs(base) else None


def _digest(content: bytes) -> bytes:
    from hashlib import sha256

    return sha256(content).digest()


def _is_own(found: os.stat_result) -> bool:
    """Whether a file or folder is the user's, and nobody else may write it; where the system knows of users."""
    user: Any = getattr(os, "geteuid", None)
    return user is None or (found.st_uid == user() and not found.st_mode & (stat.S_IWGRP | stat.S_IWOTH))


def _is_own_folder(folder: str) -> bool:
    found = os.lstat(folder)
    return stat.S_ISDIR(found.st_mode) and _is_own(found)


def _may_stand_in(above: str) -> bool:
    """Whether a folder there is no other user's, as it is where root has the HOME of whom it works for."""
    user: Any = getattr(os, "geteuid", None)
    if user is None:
        return True
    while not os.path.exists(above):
        above = os.path.dirname(above)
    return os.stat(above).st_uid in (user(), 0)


def _read(folder: str, path: str, digest: bytes) -> bytes | None:
    """The code in a file; None where it is not what was written for this digest, in a folder and a file of ours."""
    if not _is_own_folder(folder):
        return None
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    with open(os.open(path, flags), "rb") as file:
        found = os.fstat(file.fileno())
        if not (stat.S_ISREG(found.st_mode) and _is_own(found) and found.st_size <= MOST_BYTES):
            return None
        content = file.read()
    head = MAGIC + digest
    code = content[len(head) + len(digest) :]
    if not code or content[: len(head) + len(digest)] != head + _digest(code):
        return None
    with suppress(OSError):
        os.utime(path)  # it was used now
    return code


def _write(folder: str, path: str, content: bytes) -> None:
    """A file of this content, whole or not at all, and no more of others than there is room for."""
    if VARIABLE not in os.environ and not _may_stand_in(os.path.dirname(folder)):
        return
    os.makedirs(os.path.dirname(folder), exist_ok=True)
    with suppress(FileExistsError):
        os.mkdir(folder, 0o700)
    if not _is_own_folder(folder) or len(content) > MOST_BYTES:
        return
    beside = f"{path}.{os.getpid()}.{os.urandom(4).hex()}{UNFINISHED}"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    try:
        with open(os.open(beside, flags, 0o600), "wb") as file:
            file.write(content)
        os.replace(beside, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(beside)
        raise
    _make_room(folder)


def _make_room(folder: str) -> None:
    """Take away what was used longest ago until the rest has room, and what killed processes left."""
    import time

    found: list[tuple[float, int, str]] = []
    with os.scandir(folder) as entries:
        for entry in entries:
            name, _, rest = entry.name.partition(".")
            if len(name) != 64 or not HEXADECIMAL.issuperset(name):
                continue  # it is not ours
            with suppress(OSError):
                about = entry.stat(follow_symlinks=False)
                if f".{rest}" == ENDING:
                    found.append((about.st_mtime, about.st_size, entry.path))
                elif rest.endswith(UNFINISHED) and time.time() - about.st_mtime > LONGEST_WRITING:
                    os.unlink(entry.path)
    found.sort(reverse=True)
    room = MOST_BYTES
    for k, (_, size, path) in enumerate(found):
        room -= size
        if room < 0 or k >= MOST_FILES:
            with suppress(OSError):
                os.unlink(path)
