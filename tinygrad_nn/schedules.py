"""Learning rates as functions of the step: schedules, which print, compare, and are saved with their optimizer.

A schedule is a name and its numbers, and never changes; what it gives depends on the step alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from .support.annotation import Any
from .support.checks import checked_count, checked_finite
from .support.numbers import as_float
from .support.tabular import short

LearningRate = float | Callable[[int], float]


class Schedule:
    """A learning rate by a formula of the step, counted from 0: `linear`, `cosine`, `step_decay` or `warmup` make one.

    `name` is the name of the one that did, `settings` what it was given. Two of one name and equal settings are equal.
    """

    __slots__ = ("_formula", "_settings", "name")
    name: str
    _formula: Callable[..., float]
    _settings: dict[str, Any]

    def __init__(self, name: str, formula: Callable[..., float], settings: dict[str, Any]) -> None:
        for slot, entry in (("name", name), ("_formula", formula), ("_settings", settings)):
            object.__setattr__(self, slot, entry)

    @property
    def settings(self) -> dict[str, Any]:
        """The numbers that it was made of, by their names; of `warmup` the learning rate that follows, too."""
        return dict(self._settings)

    def __call__(self, step: int) -> float:
        """The learning rate of a step, counted from 0. Raises TypeError for what is no number, ValueError below 0."""
        checked_finite("the step of a schedule", step, least=0.0)
        return self._formula(step, **self._settings)

    def __setattr__(self, name: str, entry: object = None) -> None:
        raise AttributeError(f"a schedule does not change: set the lr of the optimizer to another than {self!r}")

    __delattr__ = __setattr__

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Schedule):
            return NotImplemented
        return self.name == other.name and self._settings == other._settings

    def __hash__(self) -> int:
        return hash((self.name, *self._settings.items()))

    def __repr__(self) -> str:
        return f"{self.name}({', '.join(f'{name}={entry!r}' for name, entry in self._settings.items())})"

    def __reduce__(self) -> tuple[Any, ...]:
        return SCHEDULES[self.name], tuple(self._settings.values())


def linear(start: float, end: float, steps: int) -> Schedule:
    """A learning rate that goes from start to end in equal parts over `steps` steps, and stays there.

    >>> lr = linear(1.0, 0.1, steps=100)
    >>> lr(0), round(lr(50), 6), lr(1000), lr
    (1.0, 0.55, 0.1, linear(start=1.0, end=0.1, steps=100))
    """

    def rate(step: int, start: float, end: float, steps: int) -> float:
        return end if step >= steps else start + (end - start) * step / steps

    return Schedule("linear", rate, _between(start, end, steps))


def cosine(start: float, end: float, steps: int) -> Schedule:
    """A learning rate that falls from start to end along half a cosine over `steps` steps (Loshchilov & Hutter, 2017).

    >>> lr = cosine(1.0, 0.0, steps=100)
    >>> lr(0), round(lr(50), 6), lr(1000)
    (1.0, 0.5, 0.0)
    """

    def rate(step: int, start: float, end: float, steps: int) -> float:
        return end + (start - end) * (1.0 + math.cos(math.pi * min(step, steps) / steps)) / 2.0

    return Schedule("cosine", rate, _between(start, end, steps))


def step_decay(start: float, factor: float, every: int) -> Schedule:
    """A learning rate that is multiplied by a factor of at most 1 after every so many steps.

    >>> lr = step_decay(1.0, 0.5, every=100)
    >>> lr(0), lr(99), lr(100), lr(250)
    (1.0, 1.0, 0.5, 0.25)
    """

    def rate(step: int, start: float, factor: float, every: int) -> float:
        return float(start * factor ** (step // every))

    if (factor := checked_setting("factor", factor)) > 1.0:
        raise ValueError(f"step_decay wants a factor of at most 1, but got {factor!r}")
    settings = {"start": checked_setting("start", start), "factor": factor, "every": checked_count("every", every)}
    return Schedule("step_decay", rate, settings)


def warmup(after: LearningRate, steps: int) -> Schedule:
    """A learning rate that rises in equal parts over `steps` steps to that of `after`, a number or another schedule,
    which follows from its own step 0 on.

    >>> lr = warmup(cosine(1.0, 0.0, steps=100), steps=4)
    >>> [lr(step) for step in range(5)], round(lr(54), 6)
    ([0.25, 0.5, 0.75, 1.0, 1.0], 0.5)
    """

    def rate(step: int, after: LearningRate, steps: int) -> float:
        if step >= steps:
            return after(step - steps) if callable(after) else after
        return (after(0) if callable(after) else after) * (step + 1) / steps

    after = after if callable(after) else checked_setting("after", after)
    return Schedule("warmup", rate, {"after": after, "steps": checked_count("steps", steps)})


def _between(start: float, end: float, steps: int) -> dict[str, Any]:
    """The settings of a schedule from start to end."""
    ends = {"start": checked_setting("start", start), "end": checked_setting("end", end)}
    return {**ends, "steps": checked_count("steps", steps)}


SCHEDULES: dict[str, Callable[..., Schedule]] = {made.__name__: made for made in (linear, cosine, step_decay, warmup)}


def is_own(rate: Any) -> bool:
    """Whether a learning rate is a function of somebody's own, or a warmup to one, which no file can hold."""
    while isinstance(rate, Schedule):
        rate = rate.settings.get("after")
    return callable(rate)


def checked_setting(name: str, number: object, below: float = math.inf) -> float:
    """A setting as a float. Raises TypeError unless it is a number, ValueError unless 0 <= number < below."""
    setting = as_float(number)
    if setting is None:
        or_function = " or a function of the step" if name in ("lr", "after") else ""
        raise TypeError(f"{name} must be a number{or_function}, got {short(number)}")
    if not 0.0 <= setting < below:
        limit = "0 or more and finite" if below == math.inf else f"in [0, {below:g})"
        raise ValueError(f"{name} must be {limit}, but got {short(number)}")
    return setting
