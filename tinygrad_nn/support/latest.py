"""The latest of what was made, by keys, and a bounded number of it: what was not asked for longest goes first."""

from __future__ import annotations

from collections.abc import Hashable
from threading import Lock
from typing import Generic, TypeVar

Content = TypeVar("Content")


class Latest(Generic[Content]):
    """What was made for the latest keys, at most so many; safe with threads."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._found: dict[Hashable, Content] = {}
        self._lock = Lock()

    def get(self, key: Hashable) -> Content | None:
        """What was made for a key, which is the latest from now on; None where nothing was, or is not any more."""
        with self._lock:
            found = self._found.pop(key, None)
            if found is not None:
                self._found[key] = found
            return found

    def put(self, key: Hashable, content: Content) -> None:
        """Keep what was made for a key."""
        with self._lock:
            self._found.pop(key, None)
            self._found[key] = content
            if len(self._found) > self.most:
                del self._found[next(iter(self._found))]

    def keep(self, most: int) -> None:
        """Keep at most so many from now on."""
        with self._lock:
            self.most = most
            while len(self._found) > most:
                del self._found[next(iter(self._found))]

    def clear(self) -> None:
        """Forget all."""
        with self._lock:
            self._found.clear()

    def __len__(self) -> int:
        return len(self._found)
