"""Training steps in machine code that look after each epoch, so that no number leaves it between two epochs."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from ....support.checks import MOST
from ..rows import Row
from ..state import Kept
from ..structure import structure_known
from .engine import Look, Made, Stretch, UnsupportedError
from .native import NativeEngine, NativeSteps
from .native_look import Looks


class LookingEngine(NativeEngine):
    """Makes steps in machine code, and looks after each epoch where it is asked to and can."""

    _looks: Looks | None = None  # the latest that could be made
    _after: tuple[int, int, int] = 0, 0, 0  # epochs of the latest stretch, steps until their end, steps of an epoch
    _asked: tuple[Any, Any] = None, None  # what for, and between which steps; these are None where they could not

    def can_look(self, looks: Sequence[Look], rows: Sequence[Row], batch_size: int) -> bool:
        asked, before = self._asked
        if asked == looks and before is None:
            return False
        self._asked = looks, None
        try:
            steps = self.ready(batch_size, rows)
            if asked != looks or before is not steps:
                self._looks = self._made_for(looks, steps)
            if self._looks is not None and self._looks.on_path:
                self._asked = looks, steps
                return True
        except Exception:  # which the user is told where it is asked in another way
            pass
        self.take()
        return False

    def _made_for(self, looks: Sequence[Look], steps: NativeSteps) -> Looks | None:
        """What looks between those steps; None where it cannot."""
        if steps.text.branches:
            return None
        from .look_text import text_for_look

        known = structure_known(self.recipe)
        texts = [text_for_look(look, self.recipe, known, steps.text, self.target) for look in looks]
        if not all(look.suits(text.shape) for look, text in zip(looks, texts, strict=True)):
            return None
        found = Looks(looks, texts, self.target, steps.compiled, steps.text.padded)
        if found.unsure:
            found.now(steps.arrays.parameters.ctypes.data)
        return found

    def stretch(self, stretch: Stretch) -> Made:
        if not stretch.looking:
            return super().stretch(stretch)
        if not self.can_look(self._asked[0], stretch.orders.rows, stretch.batch_size) or self._looks is None:
            raise UnsupportedError("what is looked at after each epoch has changed in the midst of the run")
        looks, steps = self._looks, self._asked[1]
        self.most, looks.trail = looks.most, None
        if stretch.keeping and not looks.many:
            looks.keep(steps.arrays)
            self.most = min(looks.most, len(looks.trail))
        if not looks.many:
            steps.many = looks.between
        try:
            made = super().stretch(stretch)
        finally:
            self.most, steps.many = MOST, steps.compiled.run
        if looks.many and made.means:
            draws = stretch.epochs > 1 and self.recipe.metric is None and stretch.orders.generator is not None
            looks.beside(steps.arrays.parameters.ctypes.data, partial(stretch.orders.draw, 2) if draws else None)
        self._after = len(made.means), steps.arrays.done - len(made.losses), stretch.batches
        return made

    def found(self, epochs: int) -> list[Any]:
        return [] if self._looks is None else self._looks.found(epochs)

    def now(self, later: int = 0) -> Kept:
        if (steps := self._holder) is None:
            return super().now()
        if not later:
            return steps.arrays.listed(), steps.arrays.done
        parameters, states, done = self._kept_before(later)
        return steps.arrays.listed(parameters, states), done

    def end(self, later: int) -> None:
        self._asked[1].arrays.back(self._kept_before(later))

    def _kept_before(self, later: int) -> Any:
        """What the numbers were so many epochs before the latest stretch ended, and the count of steps."""
        (epochs, done, batches), arrays, looks = self._after, self._asked[1].arrays, self._looks
        assert looks is not None  # as a stretch was made with them
        row, width = looks.trail[epochs - 1 - later], arrays.parameters.size
        return row[:width], row[width:].reshape(arrays.state.shape), done - later * batches
