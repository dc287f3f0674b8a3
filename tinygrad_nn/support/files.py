"""Files that are written whole or not at all: each beside its place, and then put there in one go.

So a crash, a full disk or a second process leaves what was there before. What a killed process leaves beside a file is
cleared away when the file is next written.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

OLD = 60.0  # seconds after which what is still beside a file was left there, as no file takes so long to be written
DRAWN_LETTERS = 8  # letters that tempfile puts into a name


def path_of(path: Any) -> str:
    """A path as text. Raises TypeError for what is none, as whole numbers are, ValueError for an empty one."""
    text = os.fspath(path) if isinstance(path, str) or hasattr(path, "__fspath__") else path
    if not isinstance(text, str):
        raise TypeError(f'a path is text such as "model.txt", but got {path!r:.80}')
    if not text or "\0" in text:
        raise ValueError(f'a path is text such as "model.txt", but got {text!r:.80}')
    return text


def place_for(path: Any) -> tuple[str, str]:
    """The folder of a file that is to be written, and its name, where a link points to.

    Raises OSError where there can be no such file, ValueError for what is there and is no file (a device, a pipe).
    """
    text = path_of(path)
    folder, name = os.path.split(os.path.realpath(text))
    if os.path.isdir(text):
        raise IsADirectoryError(f"{text} is a folder: give the name of a file in it")
    if (os.path.exists(text) and not os.path.isfile(text)) or _is_open(text):
        raise ValueError(f"{text} is a device or a pipe, which cannot be written whole: give the name of a file")
    if not os.path.isdir(folder):
        raise FileNotFoundError(f"there is no folder {folder} to save {name} in: make it first")
    return folder, name


def check_writable(path: Any) -> None:
    """Raise as `write_all` would before it writes."""
    os.unlink(_beside(*place_for(path), b""))


def write_all(files: Sequence[tuple[Any, str | bytes]]) -> None:
    """Put contents in place of what files held: all or, unless the system fails between two renamings, none."""
    ready: list[tuple[str, str]] = []
    try:
        for path, content in files:
            folder, name = place_for(path)
            written = content.encode("utf-8") if isinstance(content, str) else content
            ready.append((_beside(folder, name, written), os.path.join(folder, name)))
        for beside, place in ready:
            os.replace(beside, place)
    finally:
        for beside, _ in ready:
            if os.path.exists(beside):
                os.unlink(beside)
    for _, place in ready:
        _clear(*os.path.split(place))


def _is_open(path: str) -> bool:
    """Whether a path leads to what a process has open, as /dev/stdout does, whatever that is."""
    path = os.path.abspath(path)
    for _ in range(40):
        if not os.path.islink(path):
            return False
        folder = os.path.realpath(os.path.dirname(path))
        if folder.startswith("/proc/"):
            return True
        path = os.path.join(folder, os.readlink(path))
    return False


def _beside(folder: str, name: str, content: bytes) -> str:
    """The path of a new file beside the one of that name, which holds the content and has its mode."""
    import tempfile

    try:
        handle, beside = tempfile.mkstemp(dir=folder, prefix=_prefix(name), suffix=".part")
    except OSError as error:
        kind = PermissionError if isinstance(error, PermissionError) else OSError
        raise kind(f"{name} cannot be written: no file may be made in {folder} ({error.strerror})") from None
    try:
        with open(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        mask, path = os.umask(0), os.path.join(folder, name)
        os.umask(mask)
        os.chmod(beside, os.stat(path).st_mode & 0o777 if os.path.exists(path) else 0o666 & ~mask)
    except BaseException:
        os.unlink(beside)
        raise
    return beside


def _prefix(name: str) -> str:
    return f".{name[:100]}."


def _clear(folder: str, name: str) -> None:
    """Take away what processes that were killed have left beside a file."""
    import time
    from contextlib import suppress

    start = _prefix(name)
    with suppress(OSError):
        for entry in os.listdir(folder):
            left = entry.startswith(start) and entry.endswith(".part")
            if left and len(entry) == len(start) + DRAWN_LETTERS + len(".part"):
                with suppress(OSError):
                    path = os.path.join(folder, entry)
                    if time.time() - os.stat(path).st_mtime > OLD:
                        os.unlink(path)
