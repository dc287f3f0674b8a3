"""Optimizers as users write them, which keep their state, or are copied, in a way of their own."""

from typing import Any

import tinygrad_nn as tn


class Slotted(tn.SGD):
    """One that keeps a setting in a slot."""

    __slots__ = ("rho",)

    def __init__(self, parameters, lr):
        super().__init__(parameters, lr, momentum=0.5)
        self.rho = 0.75

    def update(self, parameter, gradient, state, lr, step):
        return super().update(parameter, self.rho * gradient, state, lr, step)


class Own(tn.SGD):
    """A user's own, in one way or another."""

    def __init__(self, parameters, lr):
        super().__init__(parameters, lr, momentum=0.5)


class Restored(Own):
    """A user's own, that says itself how it is restored."""

    def __setstate__(self, entries):
        self.__dict__.update(entries)


class ClassState(Own):
    """With an attribute of the class that is called as the state is."""

    state: Any = None


class Mixed:
    state: Any = ()


class MixedState(Mixed, Own):
    """With one of another class."""


class PropertyState(Own):
    """With a property of its own, which keeps the state elsewhere."""

    @property
    def state(self) -> Any:
        return vars(self)["_kept"][0]

    @state.setter
    def state(self, state: Any) -> None:
        vars(self)["_kept"] = [state]


usual: Any = tn.SGD.state


class WatchedState(Own):
    """With a property that looks at what is set."""

    @property
    def state(self) -> Any:
        return usual.__get__(self)

    @state.setter
    def state(self, state: Any) -> None:
        assert type(state) is list
        usual.__set__(self, state)


class SlotState(Own):
    __slots__ = ("state",)


NAMES = {"parameters", "lr", "steps", "state", "momentum", "weight_decay", "nesterov"}


class Restricted(Own):
    """With names that may be set, and no others."""

    def __setattr__(self, name, entry):
        if name not in NAMES:
            raise AttributeError(f"{name} may not be set")
        super().__setattr__(name, entry)


class Shared(Own):
    """With a copy that has what this has."""

    def __copy__(self):
        twin = type(self).__new__(type(self))
        twin.__dict__.update(self.__dict__)
        return twin


class SharedState(Own):
    """With a state for copies that is what this has."""

    def __getstate__(self):
        return dict(self.__dict__)


class Copying:
    def __copy__(self):
        twin = type(self).__new__(type(self))
        twin.__dict__.update(self.__dict__)
        return twin


class MixedCopy(Copying, Own):
    """With a copy of another class."""


class Inherited(Shared):
    """With one of a class above."""


OWN_OPTIMIZERS = [
    Restored, Slotted, ClassState, MixedState, PropertyState, WatchedState, SlotState, Restricted, Shared, SharedState,
    MixedCopy, Inherited,
]  # fmt: skip
