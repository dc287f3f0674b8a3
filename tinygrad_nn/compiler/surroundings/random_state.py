"""The states of random generators, so that a trace that draws is found out, and leaves them as they were."""

from __future__ import annotations

import pickle
import sys
from collections.abc import Mapping
from typing import Any

SHARED = {"random": "random", "numpy.random": "numpy.random", "torch": "torch's generator"}  # of whole modules
# The methods of Python's, PyTorch's and NumPy's generators; those of NumPy's new ones are of their source.
ACCESSORS = (("getstate", "setstate"), ("get_rng_state", "set_rng_state"), ("get_state", "set_state"))


class States:
    """The states of generators, by name, and of those that modules share."""

    def __init__(self, generators: Mapping[str, Any]) -> None:
        shared = {name: sys.modules[module] for module, name in SHARED.items() if module in sys.modules}
        self.generators: dict[str, Any] = {**shared, **generators}
        self.states = {name: _state(found) for name, found in self.generators.items()}
        self._before = {name: _bytes(state) for name, state in self.states.items()}

    def drawn(self) -> list[str]:
        """Those that are not as they were."""
        return [name for name, found in self.generators.items() if _bytes(_state(found)) != self._before[name]]

    def restore(self) -> None:
        """Put those back that were drawn from."""
        for name in self.drawn():
            _put(self.generators[name], self.states[name])


def _state(found: Any) -> Any:
    get = next((get for get, _ in ACCESSORS if hasattr(found, get)), None)
    return getattr(found, get)() if get else _bits(found).state


def _bytes(state: Any) -> bytes:
    return state.numpy().tobytes() if hasattr(state, "numpy") else pickle.dumps(state)


def _put(found: Any, state: Any) -> None:
    put = next((put for _, put in ACCESSORS if hasattr(found, put)), None)
    if put:
        getattr(found, put)(state)
    else:
        _bits(found).state = state


def _bits(found: Any) -> Any:
    """The source of a generator of NumPy's."""
    return getattr(found, "bit_generator", found)
