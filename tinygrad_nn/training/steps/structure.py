"""The structure of training steps: what their code follows from, apart from the numbers.

It is known without a trace where network, loss and optimizer are the library's own in every part. Steps of one
structure have one code, so that a second fit, a fold of a cross-validation or a new network of a known architecture
compiles nothing.
"""

from __future__ import annotations

from collections.abc import Hashable
from operator import is_
from typing import Any

from ...autograd.containers import ABSENT, PACKAGE
from ...autograd.primitives import Primitive
from ...autograd.value import Value
from ...compiler.arguments import ArrayShape
from ...compiler.surroundings.surroundings import Surroundings
from ...losses import LOSSES
from ...nn.structure import are_as_written, are_leaves, as_classes_are, places_in, structure_of
from ...optim import SGD, Adam, Optimizer
from .recipe import Recipe
from .state import NUMBER, settings_of

OPTIMIZERS = [Optimizer, SGD, Adam]
AS_WRITTEN = as_classes_are(OPTIMIZERS)
AS_MADE: dict[type, Any] = {kind: vars(kind([Value(0.0)], 0.1)).keys() for kind in (SGD, Adam)}
OWN_LOSSES = tuple(LOSSES.values())
PLAIN = {type(None), bool, int, float, str, type(Ellipsis)}  # which are written as they are
KeyAndValues = tuple[Hashable, list[Value]]  # the key of a structure, and the Values that its code may read


class Structured:
    """A loss, a metric or a regularizer of the library's that says what its code follows from.

    Its objects have the attributes in their slots alone, and what they do follows from `structure`.
    """

    __slots__ = ()

    def structure(self) -> KeyAndValues:
        """What its code follows from beside its class and the network, and the Values that it reads beside that."""
        raise NotImplementedError

    def __init_subclass__(cls) -> None:
        if cls.__module__.partition(".")[0] == PACKAGE:
            AS_DEFINED[cls] = as_classes_are([cls])


AS_DEFINED: dict[type, Any] = {}


def known_optimizer(kind: Any) -> Any:
    """A decorator of an optimizer of the library's, which is known as those of `optim` are."""
    OPTIMIZERS.append(kind)
    AS_WRITTEN.extend(as_classes_are([kind]))
    AS_MADE[kind] = vars(kind([Value(0.0)], 0.1)).keys()
    return kind


def structure_of_steps(recipe: Recipe) -> KeyAndValues | None:
    """The key of the structure of a recipe's steps, and the Values that they may read; None where it is unknown.

    The key has the network's structure, which of its parameters are trained and in which order, the loss, the metric of
    `until`, the regularizer, and the optimizer with all of its settings that are no numbers.
    """
    optimizer, trained = recipe.optimizer, recipe.optimizer.parameters
    functions = [_structure_of_function(given) for given in (recipe.loss, recipe.metric, recipe.regularizer)]
    found = structure_of(recipe.model) if None not in functions else None
    if found is None or not _is_as_made(optimizer) or not are_leaves(trained):
        return None
    of_model, parameters, distinct = found.key, found.parameters(), set(trained)
    beside = [value for function in functions for value in function[1]]  # type: ignore[index]
    if len(distinct) < len(trained) or not (are_leaves(beside) and distinct.isdisjoint(beside)):
        return None
    places, keys = places_in(parameters, trained), [function[0] for function in functions]  # type: ignore[index]
    if beside and not (places is None and len(set(beside)) == len(beside)):
        return None
    return (of_model, len(trained), places, *keys, *settings_of(optimizer)[1]), [*parameters, *beside]


class OwnSurroundings(Surroundings):
    """The surroundings of steps of a known structure, which are walked through at the second look."""

    def __init__(self, recipe: Recipe, structure: KeyAndValues) -> None:
        self.roots, self.moving, self.reads = recipe.functions, recipe.optimizer, {}
        self.recipe, self.structure, self.names = recipe, structure, _names(recipe.model)
        self.gone = self.asked = False  # whether they were others when they were walked through; looked at since

    def __getattr__(self, name: str) -> Any:
        if name != "walk":
            raise AttributeError(name)
        self.gone = not self._same()
        super().__init__(self.roots, self.moving)
        if self.gone:
            self.walk.snapshot = {"": (ABSENT,)}
        return self.walk

    def unchanged(self) -> bool:
        if not self.asked and "walk" not in self.__dict__:
            self.asked = True
            return self._same()
        return not self.gone and ("walk" in self.__dict__ or self._same()) and Surroundings.unchanged(self)

    def _same(self) -> bool:
        """Whether the structure is as it was, of the same Values."""
        (key, parameters), now = self.structure, structure_of_steps(self.recipe)
        if now is None or now[0] != key or not all(map(is_, now[1], parameters)):
            return False
        return self.names == _names(self.recipe.model)


def surroundings_of(recipe: Recipe) -> Surroundings:
    """The surroundings of a recipe's functions as they are now."""
    found = structure_of_steps(recipe)
    return recipe.surroundings() if found is None else OwnSurroundings(recipe, found)


def structure_known(recipe: Recipe) -> KeyAndValues | None:
    """The structure of a recipe's steps: that of its surroundings where they have it, who look whether it still is."""
    world = recipe.world
    return world.structure if isinstance(world, OwnSurroundings) else structure_of_steps(recipe)


def _names(model: Any) -> list[list[str]]:
    """The names of inputs and outputs, which programs show."""
    return [list(getattr(model, name, None) or ()) for name in ("input_names", "output_names")]


def is_listed(loss: object) -> bool:
    """Whether a loss, or a metric, is a function of `losses`."""
    return any(loss is one for one in OWN_LOSSES)


def _structure_of_function(given: Any) -> KeyAndValues | None:
    """What the code of a loss, a metric or a regularizer follows from, and the Values that it reads itself."""
    if given is None or is_listed(given):
        return given, []
    as_defined = AS_DEFINED.get(type(given))
    if as_defined is None or not are_as_written([type(given)], as_defined):
        return None
    key, values = given.structure()
    return (type(given), key), values


def _is_as_made(optimizer: Optimizer) -> bool:
    """Whether an optimizer is one of the library's, as it was written and with the attributes that it was made with."""
    attributes = AS_MADE.get(type(optimizer))
    as_made = attributes is not None and vars(optimizer).keys() == attributes
    return as_made and are_as_written(OPTIMIZERS, AS_WRITTEN)


def in_words(key: object) -> str | None:
    """A key in words that say the same in every process; None for one of which not all can be said."""
    found: list[str] = []
    waiting: list[Any] = [key]
    while waiting:
        part = waiting.pop()
        if type(part) in PLAIN:
            found.append(repr(part))
        elif type(part) is tuple or type(part) is ArrayShape:
            parts = part.sides if type(part) is ArrayShape else part
            found.append(f"{type(part).__name__} of {len(parts)}")
            waiting += reversed(parts)
        elif part is NUMBER:
            found.append("a number")
        elif type(part) is Primitive:
            found.append(f"the primitive {part.name}")
        elif getattr(part, "__module__", "").partition(".")[0] == PACKAGE and "<" not in part.__qualname__:
            found.append(f"{part.__module__}.{part.__qualname__}")
        else:
            return None
    return " ".join(found)
