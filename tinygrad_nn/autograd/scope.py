"""Whose an operation is: the names of neurons, layers and losses, and which module is a part of which."""

from __future__ import annotations

from ..support.checks import checked_text


class Place:
    """A module's name, and the place of the larger module that it is a part of; None where it stands alone.

    A place is an identity apart from the module: so a neuron can tell its layer without holding it, which would be a
    reference cycle. Drawings nest their boxes by it.

    >>> str(Place("neuron 2", Place("layer 1", Place(""))))
    'layer 1, neuron 2'
    """

    __slots__ = ("name", "within")

    def __init__(self, name: str, within: Place | None = None) -> None:
        self.name, self.within = checked_text("the name of a module", name), within

    def path(self) -> list[Place]:
        """The places from the outermost to this one."""
        path, place = [self], self.within
        while place is not None:
            path.append(place)
            place = place.within
        return path[::-1]

    def __str__(self) -> str:
        return ", ".join(place.name for place in self.path() if place.name)


def scope_name(scope: object) -> str:
    """What is said of who recorded an operation: the name of the neuron, layer or loss; "" where there is none."""
    if scope is None:
        return ""
    name = getattr(scope, "name", None) or getattr(scope, "__name__", None)
    return str(name or (scope if isinstance(scope, str) else type(scope).__name__))
