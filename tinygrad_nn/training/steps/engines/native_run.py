"""The course of a run in machine code: stretches of many steps in one call, else as any other course."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from time import perf_counter
from typing import Any

from ....autograd.ieee.functions import NoSuchIndexError
from ....compiler.surroundings.captured import SurroundingsError
from ....compiler.target import Target
from ..interrupt import Uninterrupted
from ..run import Course
from ..state import RowError, commit, state_of
from ..stretch import Batches, Ended
from .native import NativeSteps, matrix


class NativeCourse(Course):
    """One run on the llvm back end. Batches whose rows take several paths are left to the python one."""

    def __init__(self, *given: Any, target: Target) -> None:
        super().__init__(*given)
        self.target = target
        self.batches = -(-len(self.rows) // self.batch_size)
        self.at = 0  # the batch that comes next in this epoch
        self.given: Any = None  # the rows as a matrix
        self.x: Any = None  # and in the orders of this epoch and of those that follow in one stretch
        self.native: NativeSteps | None = None
        self.means: Any = []  # of the batches of this epoch so far
        self._loaded()

    def _stretch(self) -> None:
        native = self._loaded()
        try:
            super()._stretch()
        finally:
            if native is not None and (self.history.stopped or self.seen):
                native.commit()

    def go(self) -> Any:
        try:
            return super().go()
        except Exception:
            if self.epoch == self.begun and self.native is not None:  # the numbers are those of the start again
                self.native.made = 0
            raise
        finally:
            if self.native is not None and self.native.made:
                self.native.commit()

    def _loaded(self) -> NativeSteps | None:
        """The compiled steps for the settings as they are, with the numbers loaded where anybody may have set them.

        None where they cannot be compiled, and the stepper makes them otherwise.
        """
        found, stepper, batched = self.native, self.stepper, self.batch_size > 1
        if found is None or found.recipe is not stepper.recipe or stepper.recorded is not None or not found.holds():
            if found is not None and found.made:
                found.commit()
            self.native = None
            if stepper.recorded is not None:
                return None
            found = stepper.native.get(batched)
            if found is None or not found.holds():
                try:
                    found = NativeSteps(stepper.recipe, stepper.shapes, self.rows[0], self.target, batched)
                except NoSuchIndexError as error:
                    raise RowError(0, error) from None
                except SurroundingsError as error:
                    stepper.record(error)
                    return None
                stepper.native[batched] = found
            self.native = found
            found.load()
        elif self.seen:
            found.load()
        return found

    @property
    def done(self) -> int:
        return self.at * self.batch_size

    @property
    def unfinished(self) -> Sequence[float]:
        return self.means  # type: ignore[no-any-return]

    def put(self) -> None:
        if self.native is not None:
            self.native.commit()

    def made(self) -> Ended:
        with Uninterrupted():
            return super().made()

    def _kept(self) -> Any:
        native, optimizer = self.native, self.stepper.optimizer
        self.orders.start()
        if native is None:
            numbers: Any = state_of(optimizer), None, optimizer.steps
        else:
            numbers = native.parameters.copy(), native.state.copy(), native.made + optimizer.steps
        return numbers, self.epoch, self.at, self.means, self.error

    def _back(self, kept: Any) -> None:
        native, optimizer = self.native, self.stepper.optimizer
        (parameters, state, steps), self.epoch, self.at, self.means, self.error = kept
        if native is None:
            commit(optimizer, iter(parameters), steps - optimizer.steps)
        else:
            native.parameters[:], native.state[:], native.made = parameters, state, steps - optimizer.steps
        self.orders.back()
        if self.at:
            self._arrange(1)

    def finite(self) -> bool:
        if self.native is None:
            return super().finite()
        return self.native.finite() or self._all_finite(self.native.numbers())

    def _of_batches(self) -> list[float]:
        return list(map(float, self.means))

    def _take_up(self, losses: list[float]) -> None:
        self.at = len(losses)
        if losses:
            self.means = self.target.namespace.asarray(losses, dtype=self.target.dtype)
            self._arrange(1)

    def _measured(self) -> Mapping[str, float]:
        if self.watch is not None and self._looked_at():
            self.put()
        return super()._measured()

    def _one_by_one(self) -> Any:
        return self._steps()

    def _batch(self) -> Any:
        return self._steps()

    def _steps(self) -> Any:
        """A stretch of steps. The mean loss and the metric of each epoch that ended in it."""
        native, n = self.native, self.batches
        if self.x is None:
            self._arrange(0)
        start = perf_counter()
        losses: Any = ()
        sums: list[float] = []
        rates = [] if native is None else native.rates(n * self._whole() or min(self.pace.rows, n - self.at))
        if not self.at:
            self._arrange(-(-len(rates) // n) or 1)
        refused = native is None
        if native is not None:
            losses, sums, self.error, refused = native.run(
                self.x, len(self.rows), self.batch_size, self.at, rates, self.error, self.threshold
            )
            self.pace.took(len(losses), perf_counter() - start)
        if refused:
            losses = self._joined(losses, [self._apart(native, self.at + len(losses))])
            if (self.at + len(losses)) % n == 0:
                sums.append(self.error)
                self.error = 0.0
        return self._ended(losses, sums)

    def _whole(self) -> int:
        """How many epochs a stretch makes that begins with one; none whose order would be drawn and may not be run."""
        ahead = 1 if self.orders.generator is not None and self.metric else self._ahead()
        return 0 if self.at else min(self.pace.rows // self.batches, self.epochs - self.epoch, ahead)

    def _arrange(self, epochs: int) -> None:
        """The rows of some epochs in their orders, one after the other."""
        if self.given is None:
            self.given = self.x = matrix(self.rows, self.target)
        if self.orders.generator is None or not epochs:
            return
        self.orders.draw(epochs)
        places = chain.from_iterable(self.orders.waiting[:epochs])
        self.x = self.given[self.target.namespace.fromiter(places, int, epochs * len(self.rows))]
        self.orders.follow()

    def _joined(self, losses: Any, more: Any) -> Any:
        return self.target.namespace.concatenate([losses, more]) if len(losses) else self.target.namespace.asarray(more)

    def _apart(self, native: NativeSteps | None, batch: int) -> float:
        """The step on a batch whose rows are on several paths, by the python back end; its loss."""
        if native is not None:
            native.commit()
        epoch, place = divmod(batch, self.batches)
        start = place * self.batch_size
        self.orders.follow(epoch)
        self.losses = [0.0] * start  # rows of this epoch that are through, which names one that is wrong
        rows = self.order[start : start + self.batch_size]
        if len(rows) > 1:
            loss, error = self.stepper.batch(rows)
            self.error += error
        else:
            losses: list[float] = []
            told: list[float] = []
            self.stepper.advance(lambda: [rows], rows[0], losses, told, 0.0, float("-inf"))
            loss = losses[0]
            self.error += told[0] if told else 0.0
        if native is not None:
            native.load()
        return loss

    def _ended(self, losses: Any, sums: list[float]) -> Any:
        """The epochs that ended with these losses of batches."""
        n = self.batches
        losses = self._joined(self.means, losses)
        count, self.at = divmod(len(losses), n)
        self.means = losses[count * n :]
        self.epoch += count
        if count and self.orders.generator is not None:
            self.orders.over(count)
            self.x = self.x[count * len(self.rows) :] if self.orders.waiting else None
        weights = self.target.namespace.full(n, float(self.batch_size))
        weights[-1] = len(self.rows) - (n - 1) * self.batch_size
        return Batches(losses[: count * n].reshape((count, n)), sums, weights, self.target.namespace)
