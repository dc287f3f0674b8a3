"""Names that are each given once: the one that is wanted or, where that is taken, the same with a number."""

from __future__ import annotations

from collections.abc import Callable, Iterable


def numbered(name: str, k: int) -> str:
    return f"{name}_{k}"


def underscored(name: str, k: int) -> str:
    return name + "_" * (k - 1)


def free(wanted: str, refused: Callable[[str], object], form: Callable[[str, int], str] = numbered, k: int = 1) -> str:
    """The name itself or, where it is refused, form(wanted, 2), form(wanted, 3) ...: the first from k on that is not.

    >>> free("lambda", ["lambda", "lambda_2"].__contains__), free("max", ["max"].__contains__, underscored)
    ('lambda_3', 'max_')
    """
    name = wanted if k == 1 else form(wanted, k)
    while refused(name):
        k += 1
        name = form(wanted, k)
    return name


class Names:
    """Gives each name that it is asked for, once: x, then x_2, x_3 ...; none is one of those `taken`.

    >>> names = Names(["y"])
    >>> [names(wanted) for wanted in ("x", "y", "x", "x_2")]
    ['x', 'y_2', 'x_2', 'x_2_2']
    """

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self.taken = set(taken)
        self._again: dict[str, int] = {}  # how often a name was wanted that was taken

    def __call__(self, wanted: str) -> str:
        name = wanted
        if self.refuses(name):  # it has as many numbers at least already
            self._again[wanted] = k = self._again.get(wanted, 1) + 1
            name = free(wanted, self.refuses, k=k)
        self.taken.add(name)
        return name

    def refuses(self, name: str) -> bool:
        return name in self.taken
