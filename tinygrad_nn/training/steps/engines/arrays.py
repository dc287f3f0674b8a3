"""The numbers that steps in machine code change: parameters and states in arrays, which the user's objects look at.

In double precision the parameters are packed: each Value reads and sets its place in the array, and the optimizer reads
its state there, so that nothing is taken or put back between two steps. Where that cannot be (single precision, Values
of other classes) the numbers are loaded before steps and committed after them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ....autograd.column import Column
from ....autograd.containers import pack_of
from ....autograd.packs import Pack, StatesInArrays
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


class StepArrays:
    """The arrays of an optimizer's numbers: `parameters`, those that are trained to the end of whole vectors and after
    them those that are only read, and `state`, a row for each number that is kept of a parameter."""

    def __init__(
        self, optimizer: Optimizer, target: Target, padded: int, width: int, untrained: Sequence[Value]
    ) -> None:
        self.optimizer, self.target, self.padded, self.width = optimizer, target, padded, width
        self.count, self.untrained = len(optimizer.parameters), tuple(untrained)
        self.looked_at = target.dtype == "float64" and self._may_be_packed()  # by the Values
        self.pack: Pack | None = None
        self.states: StatesInArrays | None = None
        self.parameters: Any = None
        self.state: Any = None
        self.made = 0  # steps since the user's objects were known to have the numbers

    def _may_be_packed(self) -> bool:
        """Whether each is a Value of the library's that stands there once."""
        if column_of(self.optimizer.parameters).in_pack() is not None and not self.untrained:
            return True
        values = [*self.optimizer.parameters, *self.untrained]
        return {*map(type, values)} <= LEAVES and len({*map(id, values)}) == len(values)

    @property
    def done(self) -> int:
        """How many steps were made of all."""
        return self.optimizer.steps + (0 if self.looked_at else self.made)

    def load(self) -> bool:
        """Let the arrays hold what the user sees; whether they are other ones. What raises has changed nothing."""
        self.made = 0
        if self.pack is not None and not self.pack.broken and self.optimizer.held_state is self.states:
            return False
        before = self.parameters, self.state
        states = self._states()
        if self.looked_at:
            self._look_at_parameters()
            self._look_at_states(states)
        else:
            self._fill(states)
        return self.parameters is not before[0] or self.state is not before[1]

    def _states(self) -> Any:
        """The states in the dtype, a row for each number of one; those that stand in arrays already as they are."""
        held = self.optimizer.held_state
        as_many = len(held) == self.count  # and as wide, as the text that is run
        if type(held) is StatesInArrays and self.looked_at and as_many:
            return held
        numbers, trained = states_of(self.optimizer), self.optimizer.parameters
        columns = [numbers[k :: self.width] for k in range(self.width)]
        return [self.narrow(column, trained, "the state of parameter ") for column in columns]

    def _look_at_states(self, states: Any) -> None:
        """Let the optimizer read its state from an array."""
        if type(states) is not StatesInArrays:
            if self.states is None:
                rows = zeros(self.target, self.padded * self.width).reshape((self.width, self.padded))
                self.states = StatesInArrays(rows, self.count)
            for row, column in zip(self.states.array, states, strict=True):
                row[: self.count] = column
            states = self.states
        self.states, self.state = states, states.array
        self.optimizer.held_state = states

    @uncollected
    def _look_at_parameters(self) -> None:
        """Let the Values be in one pack, which may be that which steps of others have made."""
        trained, apart = column_of(self.optimizer.parameters), Column(self.untrained)
        pack, size = trained.in_pack(), self.padded + len(self.untrained)
        beside = not apart.operands or (apart.in_pack() is pack and apart.place == self.padded)
        if pack is not None and self._fits(pack, size) and trained.place == 0 and beside:
            self.pack, self.parameters = pack, pack.array
            return
        for values in (trained.operands, self.untrained):
            data_of(values)  # which has the words for what is no number
        found = zeros(self.target, size)
        self.pack, self.parameters = pack_of(found, [(0, trained.operands), (self.padded, self.untrained)]), found

    def _fits(self, pack: Pack, size: int) -> bool:
        """Whether steps have made a pack of this size, for as many Values."""
        as_many = pack.members == self.count + len(self.untrained) and len(pack.array) == size
        return as_many and isinstance(pack.array, self.target.namespace.ndarray)

    def _fill(self, states: Any) -> None:
        trained = self.optimizer.parameters
        parameters = self.narrow(data_of(trained), trained, "the parameter ")
        apart = self.narrow(data_of(self.untrained), self.untrained, "the parameter ")
        if self.parameters is None:
            self.parameters = zeros(self.target, self.padded + len(self.untrained))
            self.state = zeros(self.target, self.padded * max(1, self.width)).reshape((-1, self.padded))
        self.parameters[: self.count], self.parameters[self.padded :] = parameters, apart
        for row, column in zip(self.state, states, strict=False):
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
        self.made += made
        if self.pack is not None:
            self.pack.version += 1
            self.optimizer.steps += made
            self.optimizer.held_state = self.states  # type: ignore[assignment]

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
        """What `back` needs to let them be what they are now."""
        return self.parameters.copy(), self.state.copy(), self.done

    def back(self, kept: Any) -> None:
        """Let them be what they were."""
        self.parameters[:], self.state[:], done = kept
        if self.pack is None or self.states is None:
            self.made = done - self.optimizer.steps
            return
        self.pack.version += 1
        self.made = 1  # so that they are committed where the pack is broken
        self.optimizer.steps, self.optimizer.held_state = done, self.states

    def finite(self) -> bool:
        """Whether all are."""
        xp = self.target.namespace
        return bool(xp.isfinite(self.parameters).all() and xp.isfinite(self.state).all())
