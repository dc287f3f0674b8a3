"""What runs programs, each in a module of its own: a printer of programs, and how it spells each primitive."""

from __future__ import annotations

from importlib.util import find_spec

# By its name, the package that a back end needs and the extra that installs it.
BACKENDS: dict[str, tuple[str, str] | None] = {"python": None}


class BackendError(ImportError):
    """A back end's package is not installed."""


def chosen(backend: str, dtype: str = "float64") -> str:
    """The name of the back end to use: the one that is asked for, or with "auto" the fastest that is installed.

    Raises ValueError for an unknown one or for numbers that it cannot compute in, BackendError for one whose package is
    not installed.
    """
    if backend != "auto" and backend not in BACKENDS:
        names = ", ".join(repr(name) for name in ["auto", *BACKENDS])
        raise ValueError(f"unknown back end {backend!r}: give one of {names}")
    if dtype != "float64":
        raise ValueError(f"the python back end computes in dtype 'float64', but got {dtype!r}")
    if backend != "auto":
        needed = BACKENDS[backend]
        if needed is not None and find_spec(needed[0]) is None:
            raise BackendError(
                f"the back end {backend!r} needs {needed[0]}, which is not installed: "
                f"pip install 'tinygrad_nn[{needed[1]}]', or give backend='auto'"
            )
        return backend
    return next(name for name, needed in reversed(BACKENDS.items()) if needed is None or find_spec(needed[0]))
