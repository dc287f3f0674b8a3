"""What a storey asks of one above it, which it does not know: imports run one way all the same."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

from .annotation import Any


class Provided:
    """A function of a storey above. Whoever puts the storeys together says what loads it, once.

    It is not asked the first times, `after` so many, which are not worth what it takes to load.
    """

    _load: Callable[[], Any] | None = None

    def __init__(self, after: int = 0) -> None:
        self._waiting = after

    def loaded_by(self, load: Callable[[], Any]) -> None:
        """Say what imports the function and gives it, at the first call."""
        self._load = load

    @cached_property
    def _function(self) -> Any:
        return self._load() if self._load is not None else lambda *_: None

    def __call__(self, *arguments: Any) -> Any:
        """What the function gives; None where nobody provides it, or it is not asked yet."""
        if self._waiting > 0:
            self._waiting -= 1
            return None
        return self._function(*arguments)
