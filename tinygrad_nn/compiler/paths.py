"""Paths: a program holds for one way through the branches of a function; these are the ways met so far.

The latest is tried first. A path says by OffPath that it does not fit; where none fits, another is traced.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from .program.program import OffPath

MOST_PATHS = 16

AnyPath = TypeVar("AnyPath")
Returned = TypeVar("Returned")


class PathError(RuntimeError):
    """The function branches in more ways than are worth a program each."""


class Paths(Generic[AnyPath]):
    """The programs of one function for one shape of its arguments, the latest first."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.found: list[AnyPath] = []
        self._where = "an unknown line"
        self._tracing = threading.RLock()

    def __len__(self) -> int:
        return len(self.found)

    def run(self, attempt: Callable[[AnyPath], Returned], trace: Callable[[], AnyPath]) -> Returned:
        """What `attempt` gives for the path that fits, which is traced where there is none yet.

        Raises PathError where a new path would be one too many.
        """
        tried: list[AnyPath] = []
        result = self._first(attempt, tried)
        if result is None:
            with self._tracing:  # one thread at a time, and what another has traced meanwhile is tried first
                result = self._first(attempt, tried) or self._another(attempt, trace)
        return result[0]

    def _first(self, attempt: Callable[[AnyPath], Returned], tried: list[AnyPath]) -> tuple[Returned] | None:
        """What `attempt` gives for the first path that fits and was not tried yet."""
        for path in self.found:
            if path in tried:
                continue
            tried.append(path)
            try:
                result = attempt(path)
            except OffPath as off:
                self._where = str(off) or self._where
                continue
            if path is not self.found[0]:
                with self._tracing:
                    self.found = [path, *(other for other in self.found if other is not path)]
            return (result,)
        return None

    def _another(self, attempt: Callable[[AnyPath], Returned], trace: Callable[[], AnyPath]) -> tuple[Returned]:
        """What `attempt` gives for a path that is traced now."""
        if len(self.found) >= MOST_PATHS:
            raise PathError(
                f"{self.name} has taken {len(self.found)} paths through its branches, the last of them at "
                f"{self._where}, and each is a program of its own: write the branch as tn.relu, tn.maximum or tn.take "
                "(tn.take(values, t) for values[int(t)], tn.exp(t) for math.exp(t)), which are one path"
            )
        path = trace()
        result = (attempt(path),)
        self.found = [path, *self.found]
        return result
