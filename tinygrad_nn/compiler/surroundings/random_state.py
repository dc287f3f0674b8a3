"""The states of random generators, so that a trace that draws is found out, and leaves them as they were."""

from __future__ import annotations

import pickle
import sys
from collections.abc import Mapping
from typing import Any

SHARED = {"random": "random", "numpy.random": "numpy.random", "torch": "torch's generator"}  # of whole modules


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
    if hasattr(found, "getstate"):  # Python's
        return found.getstate()
    if hasattr(found, "get_rng_state"):
        return found.get_rng_state()
    return found.get_state() if hasattr(found, "get_state") else _bits(found).state


def _bytes(state: Any) -> bytes:
    return state.numpy().tobytes() if hasattr(state, "numpy") else pickle.dumps(state)


def _put(found: Any, state: Any) -> None:
    if hasattr(found, "setstate"):
        found.setstate(state)
    elif hasattr(found, "set_rng_state"):
        found.set_rng_state(state)
    elif hasattr(found, "set_state"):
        found.set_state(state)
    else:
        _bits(found).state = state


def _bits(found: Any) -> Any:
    """The source of a generator of NumPy's."""
    return getattr(found, "bit_generator", found)
