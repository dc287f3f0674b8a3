"""Whose an operation is: the names of neurons, layers and losses, and which module is a part of which."""

from __future__ import annotations

from ..support.annotation import Any
from ..support.checks import checked_text


class Place:
    """A module's name, and the place of the larger module that it is a part of; None where it stands alone.

    A place is an identity apart from the module: so a neuron can tell its layer without holding it, which would be a
    reference cycle. Drawings nest their boxes by it. `kind` is the class of a network, "" for a layer or a neuron, and
    `given` says whether the user gave the name: else the module that holds this one does, by its attribute.

    >>> str(Place("neuron 2", Place("layer 1", Place("", kind="MLP"))))
    'layer 1, neuron 2'
    """

    __slots__ = ("given", "kind", "name", "within")

    def __init__(self, name: str, within: Place | None = None, kind: str = "", given: bool = False) -> None:
        self.name, self.within = checked_text("the name of a module", name), within
        self.kind, self.given = kind, given

    def hold(self, part: Place, name: str) -> None:
        """Make a place one within this, of this name where none was given; one that is held already stays."""
        if part.within is None and part not in self.path():
            part.within, part.name = self, part.name if part.given else name

    @property
    def layer(self) -> Place:
        """The place of the layer that a neuron stands in; its own where it stands in none."""
        return self if self.within is None or self.within.kind else self.within

    def number(self, with_layer: bool = True) -> str:
        """The number of a neuron after that of its layer, 1.2 for layer 1, neuron 2; none where its name has none."""
        places = [self.layer, self] if with_layer and self.layer is not self else [self]
        last = [place.name.rpartition(" ")[2] for place in places]
        return ".".join(word for word in last if word.isascii() and word.isdigit())

    def path(self) -> list[Place]:
        """The places from the outermost to this one."""
        return [self] if self.within is None else [*self.within.path(), self]

    def __reduce__(self) -> tuple[Any, ...]:
        return Place, (self.name, self.within, self.kind, self.given)

    def __deepcopy__(self, memo: dict[int, Any]) -> Place:
        """A copy in the copy of the larger module; where a part is copied by itself, it is held by none."""
        return Place(self.name, memo.get(id(self.within)), self.kind, self.given)

    def __str__(self) -> str:
        return ", ".join(place.name for place in self.path() if place.name)


def scope_name(scope: object) -> str:
    """What is said of who recorded an operation: the name of the neuron, layer or loss; "" where there is none."""
    if scope is None:
        return ""
    name = getattr(scope, "name", None) or getattr(scope, "__name__", None)
    return str(name or (scope if isinstance(scope, str) else type(scope).__name__))
