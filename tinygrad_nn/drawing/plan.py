"""What a drawing shows: a node for each recorded Value in the order of recording, with its name, kind and box.

The views, the picture of a step and the page are made from this one reading of the graph, which changes nothing.
"""

from __future__ import annotations

from itertools import count
from typing import Any

from .. import primitives as table
from .. import reverse
from ..module import Module
from ..neuron import Neuron
from ..recording import Place
from ..value import Result, Value

Operands = tuple["Node | float", ...]


class Box:
    """A frame around the Values of one neuron, layer, network or loss; `within` is the frame around it."""

    __slots__ = ("label", "name", "within")

    def __init__(self, name: str, label: str, within: Box | None) -> None:
        self.name, self.label, self.within = name, label, within

    def path(self) -> list[Box]:
        """The boxes from the outermost to this one."""
        return [*(self.within.path() if self.within else []), self]


class Node:
    """One drawn Value: its `label` (`given` by the user or made up), what kind it is, its box and its operands.

    `kind` is "input", "parameter", "operation" or "root". `grad` is None before any backward.
    """

    __slots__ = ("box", "data", "given", "grad", "kind", "label", "name", "operands", "value")

    def __init__(self, name: str, value: Value, kind: str, box: Box | None, operands: Operands) -> None:
        self.name, self.value, self.kind, self.box, self.operands = name, value, kind, box, operands
        self.data = value.data
        self.label = str(value.label)
        self.given = bool(self.label)
        self.grad: float | None = value.grad


def nodes(root: Value, expand: bool = False, clusters: bool = True, repeat_shared: bool = False) -> list[Node]:
    """The nodes behind `root` and its own, operands first.

    With `expand` a dot is its products and their sum; with `repeat_shared` a leaf has a node for each operation that
    uses it; without `clusters` no node has a box.
    """
    if expand and isinstance(root, Result):
        root = expanded(root)
    values = recorded_values(root)
    parameters = owned_parameters(values)
    boxes = Boxes(values) if clusters else None
    drawn: list[Node] = []
    by_value: dict[int, Node] = {}

    def node(value: Value, owner: object) -> Node:
        operands = tuple([operand(o, value.scope) for o in value.operands])
        kind = "operation" if value.op else "parameter" if id(value) in parameters else "input"
        box = boxes.of(owner) if boxes and owner is not None else None
        drawn.append(Node(f"v{len(drawn)}", value, "root" if value is root else kind, box, operands))
        return drawn[-1]

    def operand(o: Value | float, user: object) -> Node | float:
        if not isinstance(o, Value):
            return o
        if repeat_shared and o.op is None and o is not root:
            return node(o, user)
        return by_value[id(o)]

    for value in values:
        if not (repeat_shared and value.op is None) or value is root:
            by_value[id(value)] = node(value, value.scope if value.op else parameters.get(id(value)))
    if not any(n.value.grad != 0.0 for n in drawn if n.value.op is not None or n.value is root):
        for n in drawn:
            n.grad = None
    _name(drawn)
    return drawn


def flows(node: Node) -> list[float | None]:
    """What a node adds to the gradient of each of its operands; None before any backward."""
    if node.grad is None or not isinstance(node.value, Result):
        return [None] * len(node.operands)
    return list(reverse.contributions(node.value, node.grad))


def recorded_values(root: Value) -> list[Value]:
    """Every Value behind `root` and itself, operands first, in the order of recording."""
    results = reversed(reverse.history(root)) if isinstance(root, Result) else [root]
    values: dict[int, Value] = {}
    for result in results:
        for value in (*result.operands, result):
            if isinstance(value, Value):
                values.setdefault(id(value), value)
    return list(values.values())


def owned_parameters(values: list[Value]) -> dict[int, Module]:
    """The module whose parameter a leaf is, by the id of the leaf, for the modules that recorded some of the Values."""
    modules = {id(value.scope): value.scope for value in values if isinstance(value.scope, Module)}
    owners: dict[int, Module] = {}
    for module in modules.values():
        own = (*module.weights, module.bias) if isinstance(module, Neuron) else module.parameters()
        for parameter in own:
            owners.setdefault(id(parameter), module)
    return owners


def expanded(root: Result) -> Result:
    """A copy of the recorded graph in which each dot is its products and their sum; leaves stay themselves."""
    copies: dict[int, Result] = {}
    next_number = count(1).__next__

    def now(operand: Any) -> Any:
        return copies.get(id(operand), operand)

    def copy(of: Result, primitive: Any, data: float, label: str, operands: list[Any]) -> Result:
        result: Result = Result()
        result.op, result.data, result.grad, result.label, result.scope = primitive, data, of.grad, label, of.scope
        result.first, result.second, result.third = [
            reverse.Column(o) if type(o) is tuple else o for o in (*operands, None, None)
        ][:3]
        result.number = next_number()
        return result

    for result in reversed(reverse.history(root)):
        groups = [tuple(map(now, g)) if type(g) is tuple else now(g) for g in result.groups]
        if result.op is table.dot and not is_sum(result):
            ws, xs, bias = groups
            products: list[Any] = []
            for w, x in zip(ws, xs, strict=True):
                product: Any = reverse.numbers(w) * reverse.numbers(x)
                if not (type(w) is type(x) is float):
                    product = copy(result, table.multiply, product, "", [w, x])
                products.append(product)
            groups = [(1.0,) * len(products), tuple(products), bias]
        copies[id(result)] = copy(result, result.op, result.data, result.label, groups)
    return copies[id(root)]


def is_sum(value: Value) -> bool:
    """Whether a dot only adds: all its weights are the number 1."""
    if value.op is not table.dot or not isinstance(value, Result):
        return False
    weights = value.groups[0]
    return bool(weights) and all(type(w) is float and w == 1.0 for w in weights)


class Boxes:
    """The box of each scope, nested by the places of neurons and layers; that of an only network is left out."""

    def __init__(self, values: list[Value]) -> None:
        places = [getattr(scope, "place", None) for scope in {id(v.scope): v.scope for v in values}.values()]
        paths = [place.path() for place in places if isinstance(place, Place)]
        self.networks = {id(path[0]) for path in paths if len(path) > 2}
        self.boxes: dict[int, Box] = {}

    def of(self, scope: object) -> Box:
        """The box of what one scope recorded."""
        place = getattr(scope, "place", None)
        if isinstance(place, Place):
            return self._of_place(place)
        if id(scope) not in self.boxes:
            name = getattr(scope, "name", None) or getattr(scope, "__name__", None) or scope
            self.boxes[id(scope)] = Box(f"cluster_{len(self.boxes)}", str(name), None)
        return self.boxes[id(scope)]

    def _of_place(self, place: Place) -> Box:
        box = self.boxes.get(id(place))
        if box is None:
            within = place.within
            only = within is not None and within.within is None and self.networks == {id(within)}
            outer = None if within is None or only else self._of_place(within)
            box = self.boxes[id(place)] = Box(f"cluster_{len(self.boxes)}", place.name or "MLP", outer)
        return box


def _name(drawn: list[Node]) -> None:
    """Labels for the operations without one.

    z and h are the weighted sum and the output of a neuron, with its number in the layer; a product of two named
    numbers is a·b; any other is v1, v2 ...
    """
    inside = {
        operand.name
        for node in drawn
        for operand in node.operands
        if isinstance(operand, Node) and operand.value.op and operand.value.scope is node.value.scope
    }
    unnamed = count(1)
    for node in drawn:
        scope = node.value.scope
        if node.given or node.value.op is None:
            continue
        if isinstance(scope, Neuron) and node.name not in inside:
            node.label = "h" + _number_of(scope)
        elif isinstance(scope, Neuron) and node.value.op is table.dot:
            node.label = "z" + _number_of(scope)
        else:
            node.label = _product_of_names(node) or f"v{next(unnamed)}"


def _number_of(neuron: Neuron) -> str:
    last = neuron.place.name.rpartition(" ")[2]
    return last if last.isdecimal() else ""


def _product_of_names(node: Node) -> str:
    """The label a·b of a product of numbers that have names of their own, else nothing."""
    if node.value.op is not table.multiply:
        return ""
    names = [o.label if isinstance(o, Node) and (o.given or o.label[:1] in "zh") else "" for o in node.operands]
    return "·".join(names) if all(names) and len("".join(names)) <= 12 else ""
