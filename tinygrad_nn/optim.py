"""SGD with momentum and Adam: each is one pure `update` of a parameter, and a loop over the parameters.

`update(parameter, gradient, state, lr, step)` gives the new parameter and its new state. It runs on floats here and on
traced values in the compiler, so the formula stands in one place.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain
from math import inf

from .autograd import primitives as table
from .autograd.column import Column, SharingList
from .autograd.containers import Holder, flattened, slots_of
from .autograd.packs import State, StateHolder, StatesInArrays
from .autograd.recording import watcher
from .autograd.scalar import Scalar
from .autograd.value import Value
from .schedules import LearningRate, Schedule, checked_setting, cosine, linear, step_decay, warmup
from .support.annotation import Any
from .support.checks import MOST, checked_count, checked_switch
from .support.numbers import as_float
from .support.tabular import is_list, plain, short

__all__ = ["SGD", "Adam", "Optimizer", "Schedule", "cosine", "linear", "step_decay", "warmup"]
__dir__ = __all__.copy  # so that dir() shows what is a user's


class Optimizer(StateHolder, Holder):
    """Parameters, a learning rate and a state of floats for each parameter.

    The parameters are Values, in a list, an array, a dict by names, or in those within others, in their order.
    `lr` is a number or a function of the step alone, counted from 0; it may be set to another between steps. `steps`
    counts the updates made. Raises ValueError for no parameters, one given twice or a negative lr, TypeError for a
    parameter that is no Value.
    """

    _moved_by_steps = frozenset({"steps", "state", "velocity", "rate"})
    initial_state: State = ()
    state_names: tuple[str, ...] = ()  # what the numbers of the state are called

    def __init__(self, parameters: Iterable[Value], lr: LearningRate) -> None:
        whose = f"the parameters of {type(self).__name__}"
        if not isinstance(parameters, dict):
            parameters = list(plain(parameters, whose, "a list of Values, such as model.parameters()"))
        self.parameters: list[Value] = SharingList(flattened(parameters))  # whose changes a step sees at a glance
        if not self.parameters:
            raise ValueError(f"{type(self).__name__} got no parameters: give it model.parameters()")
        for parameter in self.parameters:
            if not isinstance(parameter, Value):
                do = ": give it model.parameters()" if hasattr(parameter, "parameters") else ""
                raise TypeError(f"{type(self).__name__} updates Values, but one of the parameters is {parameter!r}{do}")
        if len({id(parameter) for parameter in self.parameters}) < len(self.parameters):
            raise ValueError(f"{type(self).__name__} got a parameter twice, and would update it twice a step")
        self.lr = lr if callable(lr) else checked_setting("lr", lr)
        self.steps = 0
        self.state = [self.initial_state] * len(self.parameters)

    def __getstate__(self) -> object:
        entries = dict(vars(self))
        kind: Any = type(self)
        if isinstance(held := entries.get("held_state"), list | StatesInArrays):
            entries["held_state"] = list(held)
        names = [name for name in slots_of(kind) if not name.startswith("__") and hasattr(self, name)]
        slots = {name: getattr(self, name) for name in names}
        return (entries, slots) if slots else entries

    def update(self, parameter: Any, gradient: Any, state: State, lr: Any, step: Any) -> tuple[Any, State]:
        """The new value of one parameter and its new state, for a step counted from 0."""
        raise NotImplementedError(f"{type(self).__name__} has no update: define the formula of one parameter")

    def rate(self, step: int | None = None) -> float:
        """The learning rate of a step, counted from 0; of the next one by default. Raises ValueError for a bad one."""
        step = self.steps if step is None else step
        if type(self.lr) is float and 0.0 <= self.lr < inf:
            return self.lr
        return checked_setting("lr", self.lr(step) if callable(self.lr) else self.lr)

    def check(self) -> None:
        """Raise ValueError for a setting that was set to what it must not be, and do no more.

        Called before each step, and before each stretch of compiled steps.
        """

    def step(self) -> None:
        """Update every parameter by its `.grad`. Raises ValueError, and changes nothing, for a bad setting."""
        self.check()
        check_steps(self)
        lr, update, steps, column = self.rate(), self.update, self.steps, column_of(self.parameters)
        known = column.packed()
        try:
            pairs = zip(column.operands, self.held_state, strict=True)
            if known is None:
                given = [update(parameter.data, parameter.grad, state, lr, steps) for parameter, state in pairs]
            else:
                given = [update(x, p.grad, state, lr, steps) for x, (p, state) in zip(known, pairs, strict=True)]
        except (TypeError, ValueError):
            check_state(self)  # which has better words where it is that
            raise
        updated = [found if type(found) is tuple and len(found) == 2 else self.pair(found) for found in given]
        numbers, states = [data for data, _ in updated], [state for _, state in updated]
        if not ({float}.issuperset(map(type, numbers)) and {float}.issuperset(map(type, chain.from_iterable(states)))):
            numbers, states = list(map(_as_float, numbers)), [tuple(map(_as_float, state)) for state in states]
        if (watching := watcher()) is not None:
            watching.updated(self, numbers)
        if known is None or not column.put(numbers):
            for parameter, number in zip(column.operands, numbers, strict=True):
                parameter.data = number
        self.state = states
        self.steps += 1

    def pair(self, updated: Any) -> tuple[Any, State]:
        """What `update` gave, the new parameter and its state. Raises TypeError for anything else."""
        if not isinstance(updated, list | tuple) or len(updated) != 2 or not isinstance(updated[1], list | tuple):
            one = isinstance(updated, Scalar) or as_float(updated) is not None
            raise TypeError(
                f"{type(self).__name__}.update() must return the new parameter and its new state, such as "
                f"(parameter - lr * gradient, ()), but returned {'one number' if one else short(updated)}"
            )
        return updated[0], tuple(updated[1])

    def zero_grad(self) -> None:
        """Set the gradient of every parameter to 0."""
        for parameter in self.parameters:
            parameter.grad = 0.0


def _as_float(number: Any) -> Any:
    """A number as a float, where it was computed from others, such as NumPy's; what is an int, or none, as it is."""
    found = None if type(number) is int else as_float(number)
    return number if found is None else found


def check_state(optimizer: Optimizer) -> None:
    """Raise TypeError or ValueError for a state that was set to anything but numbers for each parameter."""
    state: Any = optimizer.held_state
    count = len(optimizer.parameters)
    if type(state) is StatesInArrays:
        state = [state[0]] * len(state)  # which are numbers
    if not is_list(state):
        raise TypeError(f"the state of an optimizer is a list of tuples of numbers, but was set to {short(state)}")
    if len(state) != count:
        raise ValueError(
            f"the optimizer has {count} parameters, but its state was set to {len(state)}: give a tuple of numbers for "
            "each"
        )
    names = optimizer.state_names if type(optimizer).update in (SGD.update, Adam.update) else None
    tuples = {tuple}.issuperset(map(type, state)) and {float}.issuperset(map(type, chain.from_iterable(state)))
    if tuples and (names is None or {len(names)}.issuperset(map(len, state))):
        return
    for i, entry in enumerate(state):
        if not is_list(entry):
            raise TypeError(
                f"the state of an optimizer is a tuple of numbers for each parameter, but that of parameter {i} was "
                f"set to {short(entry)}"
            )
        for number in entry:
            if as_float(number) is None:
                raise TypeError(f"the state of the optimizer was set to {number!r}, which is no number")
        if names is not None and len(entry) != len(names):
            raise ValueError(
                f"{type(optimizer).__name__} keeps {' and '.join(names)} of each parameter, but the state of parameter "
                f"{i} was set to {entry!r}"
            )


def column_of(parameters: list[Value]) -> Column:
    """The Column of the parameters as they are."""
    return parameters.shared() if type(parameters) is SharingList else Column(tuple(parameters))


def check_steps(optimizer: Optimizer) -> None:
    """Raise TypeError or ValueError for `steps` that were set to no count."""
    if type(optimizer.steps) is int and 0 <= optimizer.steps < MOST:
        return
    optimizer.steps = checked_count("the steps of an optimizer", optimizer.steps, least=0)


class SGD(Optimizer):
    """Stochastic gradient descent with momentum: v = momentum v + g, p = p - lr v.

    With `nesterov`, p = p - lr (g + momentum v); `weight_decay` d first adds d p to the gradient g. These are
    PyTorch's forms (Polyak, 1964; Sutskever et al., 2013). `momentum` may be set to another between steps. Without it
    p = p - lr g, and v is 0, from where a momentum that is set later begins.

    Raises ValueError for a momentum outside [0, 1), a negative lr or weight decay, or nesterov without momentum.

    >>> p = Value(1.0)
    >>> optimizer = SGD([p], lr=0.1, momentum=0.5)
    >>> for _ in range(2):
    ...     p.grad = 2.0
    ...     optimizer.step()
    >>> round(p.data, 6), optimizer.velocity
    (0.5, [3.0])
    """

    initial_state: State = (0.0,)
    state_names = ("velocity",)

    def __init__(
        self,
        parameters: Iterable[Value],
        lr: LearningRate,
        momentum: float = 0.0,
        nesterov: bool = False,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(parameters, lr)
        self.momentum = checked_setting("momentum", momentum, below=1.0)
        self.weight_decay = checked_setting("weight_decay", weight_decay)
        self.nesterov = checked_switch("nesterov", nesterov)
        if self.nesterov and not self.momentum:
            raise ValueError("SGD with nesterov=True looks ahead by the momentum: give a momentum above 0")

    def check(self) -> None:
        """Raise ValueError for a momentum that was set outside [0, 1)."""
        if not (type(self.momentum) is float and 0.0 <= self.momentum < 1.0):
            self.momentum = checked_setting("momentum", self.momentum, below=1.0)

    def update(self, parameter: Any, gradient: Any, state: State, lr: Any, step: Any) -> tuple[Any, State]:
        """v = momentum v + g, p = p - lr v; without momentum p = p - lr g."""
        (velocity,) = state
        if self.weight_decay:
            gradient = gradient + self.weight_decay * parameter
        if not self.momentum:
            return parameter - lr * gradient, (0.0,)
        velocity = self.momentum * velocity + gradient
        direction = gradient + self.momentum * velocity if self.nesterov else velocity
        return parameter - lr * direction, (velocity,)

    @property
    def velocity(self) -> list[float]:
        """The velocity v of each parameter."""
        return [velocity for (velocity,) in self.held_state]


class Adam(Optimizer):
    """Adam (Kingma & Ba, 2015): steps of about lr, by running means of the gradient and of its square.

    m = beta1 m + (1 - beta1) g, v = beta2 v + (1 - beta2) g**2, and with both divided by 1 - beta**t for the t-th
    step, p = p - lr m / (sqrt(v) + epsilon). `weight_decay` d first adds d p to g.

    Raises ValueError for a beta outside [0, 1), or a negative lr, epsilon or weight decay.

    >>> p = Value(1.0)
    >>> optimizer = Adam([p], lr=0.1)
    >>> p.grad = 2.0
    >>> optimizer.step()
    >>> round(p.data, 6)
    0.9
    """

    initial_state: State = (0.0, 0.0)
    state_names = ("mean", "square")

    def __init__(
        self,
        parameters: Iterable[Value],
        lr: LearningRate = 0.001,
        betas: tuple[float, float] = (0.9, 0.999),
        epsilon: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(parameters, lr)
        if not isinstance(betas, list | tuple) or len(betas) != 2:
            raise TypeError(f"Adam wants betas=(beta1, beta2), but got {betas!r}")
        self.betas = (checked_setting("beta1", betas[0], below=1.0), checked_setting("beta2", betas[1], below=1.0))
        self.epsilon = checked_setting("epsilon", epsilon)
        self.weight_decay = checked_setting("weight_decay", weight_decay)

    def update(self, parameter: Any, gradient: Any, state: State, lr: Any, step: Any) -> tuple[Any, State]:
        """p = p - lr m / (sqrt(v) + epsilon), with m and v corrected for their start at 0."""
        (mean, square), (beta1, beta2) = state, self.betas
        if self.weight_decay:
            gradient = gradient + self.weight_decay * parameter
        mean = beta1 * mean + (1.0 - beta1) * gradient
        square = beta2 * square + (1.0 - beta2) * (gradient * gradient)
        corrected_mean = mean / (1.0 - table.power(beta1, step + 1.0))
        corrected_square = square / (1.0 - table.power(beta2, step + 1.0))
        moved = table.divide(lr * corrected_mean, table.sqrt(corrected_square) + self.epsilon)
        return parameter - moved, (mean, square)
