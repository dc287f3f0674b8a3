"""The numbers that steps in machine code change: parameters and states in arrays, which the user's objects look at.

In double precision the parameters are packed: each Value reads and sets its place in the array, and the optimizer reads
its state there, so that nothing is taken or put back between two steps. Those that are only read stay in the packs of
whoever trains them, and are copied once they were changed. Where that cannot be (single precision, Values of other
classes, or such as two optimizers train by turns) the numbers are loaded before steps and committed after them.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from math import inf
from typing import Any

from ....autograd.column import SharingList
from ....autograd.containers import may_stand, pack_of, stand_apart
from ....autograd.packs import Copies, Pack, StatesInArrays
from ....autograd.value import LEAVES, Value
from ....compiler.arguments import data_of
from ....compiler.single_precision import TooLargeError
from ....compiler.target import Target
from ....optim import Optimizer, column_of
from ....support.decorators import uncollected
from ..state import commit, states_of


def zeros(target: Target, count: int, first: int = 0) -> Any:
    """So many zeros, of which the one at `first` lies where a line of the cache begins, as vectors are fastest."""
    xp, size = target.namespace, 4 if target.dtype == "float32" else 8
    found = xp.zeros(count + 128 // size, dtype=target.dtype)
    start = -(found.ctypes.data // size + first) % (64 // size)
    return found[start : start + count]


SOON, OFTEN, LATER = 16, 3, 256  # steps after which a pack may be made again; times it was sooner; steps without one


class StepArrays:
    """The arrays of an optimizer's numbers: `parameters`, those that are trained to the end of whole vectors and after
    them those that are only read, and `state`, a row for each number that is kept of a parameter."""

    def __init__(
        self, optimizer: Optimizer, target: Target, padded: int, width: int, untrained: Sequence[Value]
    ) -> None:
        self.optimizer, self.target, self.padded, self.width = optimizer, target, padded, width
        self.count, self.untrained = len(optimizer.parameters), SharingList(untrained)
        self.looked_at = target.dtype == "float64" and self._may_be_packed()  # by Values and optimizer
        self.pack: Pack | None = None
        self._copies: Copies | None = None  # of those that are only read
        self._mark = object()
        self.states: StatesInArrays | None = None
        self.parameters: Any = None
        self.state: Any = None
        self.made = 0  # steps since the user's objects were known to have the numbers
        self._packed, self._soon, self._again = 0, 0, inf  # steps when it was, times soon after, when again

    def _may_be_packed(self) -> bool:
        """Whether each is a Value of the library's that stands there once, and the state where that of others is."""
        if hasattr(type(self.optimizer), "held_state"):
            return False
        if column_of(values := self.optimizer.parameters).in_pack() is not None:
            return True
        return {*map(type, values)} <= LEAVES and len({*map(id, values)}) == len(values)

    @property
    def done(self) -> int:
        """How many steps were made of all."""
        return self.optimizer.steps + (0 if self.looked_at else self.made)

    def load(self) -> bool:
        """Let the arrays hold what the user sees; whether they are other ones. What raises has changed nothing."""
        self.made = 0
        if self.pack is not None and not self.pack.broken and self.optimizer.held_state is self.states:
            if self.untrained:
                self._look_beside(self.pack)
            return False
        before = self.parameters, self.state
        if self.done >= self._again:
            self.looked_at, self._packed, self._soon, self._again = True, self.done, OFTEN, inf
        states = self._states()
        if self.pack is not None and self.pack.broken and self._moves_often():
            states = self._states()
        if self.looked_at:
            self._look_at_parameters()
            self._look_at_states(states)
        else:
            self._fill(states)
        return self.parameters is not before[0] or self.state is not before[1]

    def _moves_often(self) -> bool:
        """Whether others pack the Values again and again, so that they are left to those for many steps."""
        self._soon = self._soon + 1 if self.done - self._packed < SOON else 0
        self._packed = self.done
        if self._soon <= OFTEN:
            return False
        self.looked_at, self.pack, self.states, self._again = False, None, None, self.done + LATER
        self._make()
        return True

    def _make(self) -> None:
        """Arrays at which nobody looks."""
        self.parameters = zeros(self.target, self.padded + len(self.untrained))
        self.state = zeros(self.target, self.padded * self.width).reshape((self.width, self.padded))

    def _states(self) -> Any:
        """The states in the dtype, a row for each number of one; those that stand in arrays already as they are."""
        held = self.optimizer.held_state
        as_many = len(held) == self.count  # and as wide, as the text that is run
        if type(held) is StatesInArrays and self.looked_at and as_many and held.owner() is self.optimizer:
            return held
        numbers, trained = states_of(self.optimizer), self.optimizer.parameters
        columns = [numbers[k :: self.width] for k in range(self.width)]
        return [self.narrow(column, trained, "the state of parameter ") for column in columns]

    def _look_at_states(self, states: Any) -> None:
        """Let the optimizer read its state from an array."""
        if type(states) is not StatesInArrays:
            if self.states is None:
                rows = zeros(self.target, self.padded * self.width).reshape((self.width, self.padded))
                self.states = StatesInArrays(rows, self.count, self.optimizer)
            for row, column in zip(self.states.array, states, strict=True):
                row[: self.count] = column
            states = self.states
        self.states, self.state = states, states.array
        vars(self.optimizer)["held_state"] = states

    @uncollected
    def _look_at_parameters(self) -> None:
        """Let the trained Values be in one pack, which may be that which steps of others have made."""
        trained, size = column_of(self.optimizer.parameters), self.padded + len(self.untrained)
        pack = trained.in_pack()
        if pack is None or trained.place or not self._fits(pack, size):
            for values in (self.optimizer.parameters, self.untrained):
                data_of(values)  # which has the words for what is no number
            pack = pack_of(zeros(self.target, size), [(0, trained.operands)])
        if self.pack is not pack:
            self.pack, self.parameters, self._copies = pack, pack.array[:size], None
        if self.untrained:
            self._look_beside(pack)

    def _fits(self, pack: Pack, size: int) -> bool:
        """Whether steps have made a pack of as many Values, with room for so many numbers."""
        as_many = pack.members == self.count and len(pack.array) >= size
        return as_many and isinstance(pack.array, self.target.namespace.ndarray)

    def _look_beside(self, pack: Pack) -> None:
        """Let the numbers that are only read be those that the user sees."""
        copies, mine = self._copies, pack.beside is self._mark
        if copies is not None and mine and not copies.loose and copies.known():
            return
        if copies is None or not copies.sound() or any(may_stand(copies.values[k]) for k in copies.loose):
            stand_apart(self.untrained, partial(zeros, self.target))
            copies = self._copies = Copies(self.untrained, memoryview(self.parameters)[self.padded :])
        apart = data_of([copies.values[k] for k in copies.loose])
        pack.beside = None
        copies.refresh(anew=not mine)
        for k, number in zip(copies.loose, apart, strict=True):
            copies.numbers[k] = number
        pack.beside = self._mark

    def _fill(self, states: Any) -> None:
        trained = self.optimizer.parameters
        if self._again < inf:
            stand_apart(trained, partial(zeros, self.target))
        parameters = self.narrow(data_of(trained), trained, "the parameter ")
        apart = self.narrow(data_of(self.untrained), self.untrained, "the parameter ")
        if self.parameters is None:
            self._make()
        self.parameters[: self.count], self.parameters[self.padded :] = parameters, apart
        for row, column in zip(self.state, states, strict=True):
            row[: self.count] = column

    def narrow(self, numbers: Sequence[float], values: Sequence[Value], what: str) -> Any:
        """Numbers in the dtype of the steps. Raises ValueError that says what it cannot hold, and of which Value."""
        if self.target.dtype == "float64":
            return self.target.namespace.array(numbers, dtype="float64")
        try:
            return self.target.array(numbers)
        except TooLargeError as error:
            which = values[error.place].label or error.place if values else ""
            raise ValueError(f"{what}{which}: {error}") from None

    def advance(self, made: int) -> None:
        """So many steps were made."""
        own = vars(self.optimizer)
        self.made += made
        if self.pack is not None:
            self.pack.version += 1
            self.optimizer.steps += made
            own["held_state"] = self.states

    def commit(self) -> None:
        """Let the user's objects have the numbers, if steps were made since they did."""
        made, self.made = self.made, 0
        if made and (self.pack is None or self.pack.broken):
            commit(self.optimizer, iter(self.listed()), 0 if self.looked_at else made)

    def listed(self, parameters: Any = None, state: Any = None) -> list[float]:
        """The parameters, then the states, as `state_of` gives them; of arrays like these where some are given."""
        parameters, state = (self.parameters, self.state) if parameters is None else (parameters, state)
        rows = state[: self.width, : self.count]
        return parameters[: self.count].tolist() + rows.T.ravel().tolist()  # type: ignore[no-any-return]

    def kept(self) -> Any:
        return self.parameters.copy(), self.state.copy(), self.done

    def back(self, kept: Any) -> None:
        parameters, self.state[:], done = kept
        self.parameters[: self.padded] = parameters[: self.padded]  # what is only read may be another's by now
        if self.pack is None or self.states is None:
            self.made = done - self.optimizer.steps
            return
        self.pack.version += 1
        self.made = 1  # so that they are committed where the pack is broken
        self.optimizer.steps, vars(self.optimizer)["held_state"] = done, self.states

    def finite(self) -> bool:
        xp = self.target.namespace
        return bool(xp.isfinite(self.parameters).all() and xp.isfinite(self.state).all())
