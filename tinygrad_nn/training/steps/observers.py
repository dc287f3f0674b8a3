"""Who may look at a run: a watch at the end of each epoch, which may end it, a guard at each stretch of steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ..history import History
from .stretch import Ended

if TYPE_CHECKING:
    from .run import Course


class Watch:
    """Looks at the model at the end of each epoch, and may end the run. This one does neither.

    One whose `looks` is False sees the history alone, and may let several epochs pass before it is asked: `ahead`.
    """

    looks = True

    @property
    def ahead(self) -> int:
        """How many epochs may pass before the next verdict."""
        return 1

    def measured(self) -> Mapping[str, float]:
        """What the history is to know of the model as it stands."""
        return {}

    def remember(self, history: History) -> None:
        """Take note of the epoch that was written down last, before anything can interrupt."""

    def verdict(self, history: History, losses: Sequence[float]) -> str:
        """Why the run is to end now, or "". `losses` are those of the epochs since the last time, each of them."""
        return ""


class Guard:
    """Looks at each stretch of steps, and may refuse it. This one does not."""

    def made(self, course: Course, before: int) -> Ended:
        """The epochs that end with some more steps of the course."""
        return course.made()
