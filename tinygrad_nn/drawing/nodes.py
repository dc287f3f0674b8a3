"""What a drawing shows: a node for each recorded Value in the order of recording, with its name, kind and box.

The views, the picture of a step and the page are made from this one reading of the graph, which changes nothing.
"""

from __future__ import annotations

import operator
import re
from collections import Counter
from itertools import count
from typing import Any, NamedTuple

from ..autograd import primitives as table
from ..autograd.column import Column, numbers
from ..autograd.graph import holds, operations_behind, reached
from ..autograd.reverse import contributions
from ..autograd.scope import Place, scope_name
from ..autograd.value import Result, Value
from ..nn.module import Module
from ..nn.neuron import Neuron
from .labels import clean

Operands = tuple["Node | float", ...]


class Box(NamedTuple):
    """A frame around the Values of one neuron, layer, network or loss; `within` is the frame around it."""

    name: str
    label: str
    within: Box | None

    def path(self) -> list[Box]:
        """The boxes from the outermost to this one."""
        return [*(self.within.path() if self.within else []), self]


class Node:
    """One drawn Value: its `label` (`given` by the user or made up), what kind it is, its box and its operands.

    `kind` is "input", "parameter", "operation" or "root". `grad` is None where no backward reached the root, `reached`
    False where none gets to the Value from there.
    """

    __slots__ = (
        "box", "data", "given", "grad", "kind", "label", "name", "number", "operands", "reached", "turn", "value",
    )  # fmt: skip

    def __init__(self, number: int, value: Value, kind: str, box: Box | None, operands: Operands) -> None:
        self.number, self.name = number, f"v{number}"  # its place among the nodes
        self.value, self.kind, self.box, self.operands = value, kind, box, operands
        self.reached = True
        self.data = value.data
        self.label = clean(str(value.label))
        self.given = bool(self.label)
        self.grad: float | None = value.grad
        self.turn: int = getattr(value, "number", 0)  # backward goes from the highest turn to the lowest


def nodes(root: Value, expand: bool = False, clusters: bool = True, repeat_shared: bool = False) -> list[Node]:
    """The nodes behind `root` and its own, operands first.

    With `expand` a dot is its products and their sum; with `repeat_shared` a leaf has a node for each operation that
    uses it; without `clusters` no node has a box.
    """
    turns: dict[int, int] = {}
    if expand and isinstance(root, Result):
        root, turns = expanded(root)
    values = recorded_values(root)
    parameters = owned_parameters(values)
    boxes = Boxes(values) if clusters else None
    drawn: list[Node] = []
    by_value: dict[int, Node] = {}

    def node(value: Value, owner: object) -> Node:
        operands = tuple([operand(o, value.scope) for o in value.operands])
        kind = "operation" if value.op else "parameter" if id(value) in parameters else "input"
        box = boxes.of(owner) if boxes and owner is not None else None
        drawn.append(Node(len(drawn), value, "root" if value is root else kind, box, operands))
        drawn[-1].turn = turns.get(id(value), drawn[-1].turn)
        return drawn[-1]

    def operand(o: Value | float, user: object) -> Node | float:
        if not isinstance(o, Value):
            return o
        if o.op is table.ties:  # the count that the gradient of a maximum is split by: no number of the user's
            return o.data
        if repeat_shared and o.op is None and o is not root:
            return node(o, user)
        return by_value[id(o)]

    for value in values:
        if (not (repeat_shared and value.op is None) and value.op is not table.ties) or value is root:
            by_value[id(value)] = node(value, value.scope if value.op else parameters.get(id(value)))
    results = [value for value in reversed(values) if isinstance(value, Result)]
    live = reached(results) if any(result.op.partial for result in results) else ()
    for n in drawn:
        n.reached = not live or id(n.value) in live
        if root.grad == 0.0:  # of this root nothing is known, and what others hold is of another pass
            n.grad = None
    _name(drawn)
    return drawn


def weighs(node: Node) -> bool:
    """Whether a node is the weighted sum of its neuron: the dot of the weights that the neuron has now."""
    neuron, value = node.value.scope, node.value
    if not (isinstance(neuron, Neuron) and value.op is table.dot and isinstance(value, Result)):
        return False
    weights = value.groups[0]
    return len(weights) == len(neuron.weights) and all(map(operator.is_, weights, neuron.weights))


def changed(drawn: list[Node]) -> bool:
    """Whether some data was set since it was recorded: an operation that is not what its operands now give."""
    return any(isinstance(node.value, Result) and not holds(node.value) for node in drawn)


def flows(node: Node) -> list[float | None]:
    """What a node adds to the gradient of each of its operands; None where no backward comes."""
    if node.grad is None or not node.reached or not isinstance(node.value, Result):
        return [None] * len(node.operands)
    return list(contributions(node.value, node.grad))


def recorded_values(root: Value) -> list[Value]:
    """Every Value behind `root` and itself, operands first, in the order of recording."""
    results = reversed(operations_behind(root)) if isinstance(root, Result) else [root]
    met = (value for result in results for value in (*result.operands, result) if isinstance(value, Value))
    return list({id(value): value for value in met}.values())


def owned_parameters(values: list[Value]) -> dict[int, Module]:
    """The module whose parameter a leaf is, by the id of the leaf, for the modules that recorded some of the Values."""
    modules = {id(value.scope): value.scope for value in values if isinstance(value.scope, Module)}
    owners: dict[int, Module] = {}
    for module in modules.values():
        own = (*module.weights, module.bias) if isinstance(module, Neuron) else module.parameters()
        for parameter in own:
            owners.setdefault(id(parameter), module)
    return owners


def expanded(root: Result) -> tuple[Result, dict[int, int]]:
    """A copy of the recorded graph in which each dot is its products and their sum; leaves stay themselves.

    With it come the turns of the products in `backward`, by id: from left to right, as the dot itself goes.
    """
    copies: dict[int, Result] = {}
    turns: dict[int, int] = {}
    next_number = count(1).__next__

    def now(operand: Any) -> Any:
        return copies.get(id(operand), operand)

    def copy(of: Result, primitive: Any, data: float, label: str, operands: list[Any]) -> Result:
        result: Result = Result()
        result.op, result.data, result.grad, result.label, result.scope = primitive, data, of.grad, label, of.scope
        result.first, result.second, result.third = [
            Column(o) if type(o) is tuple else o for o in (*operands, None, None)
        ][:3]
        result.number = next_number()
        return result

    for result in reversed(operations_behind(root)):
        groups = [tuple(map(now, g)) if type(g) is tuple else now(g) for g in result.groups]
        if result.op is table.dot and not is_sum(result):
            ws, xs, bias = groups
            products: list[Any] = []
            for w, x in zip(ws, xs, strict=True):
                product: Any = numbers(w) * numbers(x)
                literal = type(w) is type(x) is float
                products.append(product if literal else copy(result, table.multiply, product, "", [w, x]))
            recorded = [product for product in products if type(product) is not float]
            for product, mirrored in zip(recorded, reversed(recorded), strict=True):
                turns[id(product)] = mirrored.number
            groups = [(1.0,) * len(products), tuple(products), bias]
        copies[id(result)] = copy(result, result.op, result.data, result.label, groups)
    return copies[id(root)], turns


def is_sum(value: Value) -> bool:
    """Whether a dot only adds: all its weights are the number 1."""
    if value.op is not table.dot or not isinstance(value, Result):
        return False
    weights = value.groups[0]
    return bool(weights) and all(type(w) is float and w == 1.0 for w in weights)


class Boxes:
    """The box of each scope, nested by the places of modules; a network that holds all neurons of a graph has none."""

    def __init__(self, values: list[Value]) -> None:
        places = [getattr(scope, "place", None) for scope in {id(v.scope): v.scope for v in values}.values()]
        paths = [place.path() for place in places if isinstance(place, Place)]
        networks = [held for path in paths if (held := {place for place in path if place.kind})]
        self.left_out = set.intersection(*networks) if networks else set()
        self.boxes: dict[int, Box] = {}

    def of(self, scope: object) -> Box:
        """The box of what one scope recorded, or of a place."""
        place = getattr(scope, "place", scope)
        key = id(place if isinstance(place, Place) else scope)
        if key not in self.boxes:
            label, outer = scope_name(scope), None
            if isinstance(place, Place):
                label, within = place.name or place.kind, place.within
                outer = None if within is None or within in self.left_out else self.of(within)
            self.boxes[key] = Box(f"cluster_{len(self.boxes)}", label, outer)
        return self.boxes[key]


def _name(drawn: list[Node]) -> None:
    """Names for the nodes without a label.

    z2.1 and h2.1 are the weighted sum and the output of the first neuron of the second layer (z1 and h1 where neurons
    stand in one layer), of its second call h2.1 (2); a product of two named numbers is a·b; any other is v1, v2 ...
    past those that are labels.
    """
    within = {  # what the rest of its neuron's call works on
        operand.name
        for node in drawn
        for operand in node.operands
        if isinstance(operand, Node) and operand.value.scope is node.value.scope and not weighs(node)
    }
    taken = {node.label for node in drawn}
    numbered = (name for name in map("v{}".format, count(1)) if name not in taken)
    layers = {id(n.value.scope.place.within) for n in drawn if isinstance(n.value.scope, Neuron)}
    calls: Counter[str] = Counter()
    for node in drawn:
        scope = node.value.scope
        if node.given:
            continue
        if isinstance(scope, Neuron) and (node.name not in within or weighs(node) or is_sum(node.value)):
            letter = "z" if node.name in within else "h"
            name = letter + scope.place.number(len(layers) > 1)
            calls[name] += 1
            node.label = f"{name} ({calls[name]})" if calls[name] > 1 else name
        else:
            node.label = _product_of_names(node) or next(numbered)


def span(drawn: list[Node]) -> int:
    """How many ranks all edges together pass: what a layered layout has to work on."""
    ranks: list[int] = []
    total = 0
    for node in drawn:
        below = [ranks[operand.number] for operand in node.operands if isinstance(operand, Node)]
        ranks.append(1 + max(below, default=-1))
        total += sum(ranks[-1] - rank for rank in below)
    return total


def _product_of_names(node: Node) -> str:
    """The name a·b of a product of numbers that have names of their own, else nothing."""
    if node.value.op is not table.multiply:
        return ""
    names = [o.label if isinstance(o, Node) and (o.given or o.label[:1] in "zh") else "" for o in node.operands]
    single = all(re.fullmatch(r"[\w.]+", name) for name in names)
    return "·".join(names) if single and len("".join(names)) <= 12 else ""
