"""The states of random generators, so that a trace that draws is found out, and leaves them as they were."""

from __future__ import annotations

import pickle
import sys
from collections.abc import Callable, Mapping
from typing import Any

SHARED = {"random": "random", "numpy.random": "numpy.random", "torch": "torch's generator"}  # of whole modules
# The methods of Python's, PyTorch's and NumPy's generators; those of NumPy's new ones are of their source.
ACCESSORS = (("getstate", "setstate"), ("get_rng_state", "set_rng_state"), ("get_state", "set_state"))


class States:
    """The states of generators, by name, and of those that modules share."""

    def __init__(self, generators: Mapping[str, Any]) -> None:
        shared = {name: sys.modules[module] for module, name in SHARED.items() if module in sys.modules}
        self.generators = {name: _accessors(found) for name, found in {**shared, **generators}.items()}
        self.states = {name: state() for name, (state, _) in self.generators.items()}
        self._before = {name: _bytes(state) for name, state in self.states.items()}

    def drawn(self) -> list[str]:
        """Those that are not as they were."""
        return [name for name, (state, _) in self.generators.items() if _bytes(state()) != self._before[name]]

    def restore(self) -> None:
        """Put those back that were drawn from."""
        for name in self.drawn():
            self.generators[name][1](self.states[name])


def _accessors(found: Any) -> tuple[Callable[[], Any], Callable[[Any], None]]:
    """What gives the state of a generator, and what sets it."""
    for get, put in ACCESSORS:
        if hasattr(found, get):
            return getattr(found, get), getattr(found, put)
    source = getattr(found, "bit_generator", found)  # of a generator of NumPy's
    return lambda: source.state, lambda state: setattr(source, "state", state)


def _bytes(state: Any) -> bytes:
    return state.numpy().tobytes() if hasattr(state, "numpy") else pickle.dumps(state)
