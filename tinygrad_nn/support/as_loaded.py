"""Which code the library runs: that of the sources that lie there, as it was loaded from them, or some other.

What is kept on disk by what it is for, and not by what it came out as, holds for the code that made it alone. So it is
kept by the state of the sources; and where they, or anything that was loaded from them, were changed since, it is not.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from functools import lru_cache
from operator import is_
from types import FunctionType

from .annotation import Any

PACKAGE = __name__.partition(".")[0]
STANDS_ON = {
    "numpy",
    "llvmlite",
    "scipy",
    "sklearn",
    "matplotlib",
    "graphviz",
    "tqdm",
}  # whose functions are imported by name
COARSEST = 2.0  # seconds to which a file system may round the time of a change


class AsLoaded:
    """The modules of the library and their classes as they are when this is made.

    What is put in later, by a test or a user, is seen where it takes the place of what was there. `since` is the time
    at which the first of them was loaded.
    """

    def __init__(self, since: float) -> None:
        self.since = since
        found = {name: module for name, module in sys.modules.items() if name.partition(".")[0] == PACKAGE}
        self.modules = list(found.items())
        spaces: list[Mapping[str, Any]] = list(map(vars, found.values()))
        classes = {entry for names in spaces for entry in names.values() if isinstance(entry, type)}
        spaces += [vars(entry) for entry in classes if entry.__module__ in found]
        self.entries = [(names, dict(names)) for names in spaces]
        self.own = all(map(_is_own, [entry for names in spaces for entry in names.values()]))

    def sources(self) -> str | None:
        """A text that says which sources run; None where what runs, or lies there, was changed since it was loaded."""
        same = self.own and all(sys.modules.get(name) is module for name, module in self.modules)
        if not same or not all(all(map(is_, map(now.get, then), then.values())) for now, then in self.entries):
            return None
        return sources_of(sys.modules[PACKAGE].__path__[0], self.since)


@lru_cache(maxsize=1)
def sources_of(folder: str, since: float) -> str | None:
    """The state of all sources in a folder; None where one was changed since a time, or none is there."""
    found, waiting = list[str](), [folder]
    try:
        for place in waiting:  # a list that grows as more are met
            with os.scandir(place) as entries:
                for entry in entries:
                    if entry.name.endswith(".py"):
                        now = entry.stat()
                        if max(now.st_mtime, now.st_ctime) > since - COARSEST:
                            return None
                        found.append(f"{entry.path} {now.st_ino} {now.st_size} {now.st_mtime_ns} {now.st_ctime_ns}")
                    elif entry.is_dir(follow_symlinks=False) and entry.name != "__pycache__":
                        waiting.append(entry.path)
    except OSError:  # as in a zip
        return None
    return "\n".join(sorted(found)) or None


def _is_own(entry: object) -> bool:
    """Whether an entry is no function of somebody else's, who has put it there."""
    home = (entry.__module__ or "").partition(".")[0] if isinstance(entry, FunctionType) else PACKAGE
    return home == PACKAGE or home in STANDS_ON or home in sys.stdlib_module_names
