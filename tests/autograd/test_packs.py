"""Values whose numbers stand side by side in memory are those that they were, to whoever computes with them."""

import copy
import pickle
import random
from array import array
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from programs import KINDS, OPERATIONS

import tinygrad_nn as tn
from tinygrad_nn import Value
from tinygrad_nn.autograd.column import Column
from tinygrad_nn.autograd.containers import pack_of, stand_apart
from tinygrad_nn.autograd.value import Packed


def packed(numbers, labels=""):
    """Values of one pack, and the pack."""
    values = [Value(number, label=labels) for number in numbers]
    return values, pack_of(array("d", numbers), [(0, values)])


@given(st.lists(st.sampled_from(KINDS), min_size=1, max_size=12), st.integers(0, 10**9))
def test_a_program_gives_the_same_bits_and_gradients(kinds, seed):
    found = []
    for make in (lambda numbers: [Value(number) for number in numbers], lambda numbers: packed(numbers)[0]):
        rng, leaves = random.Random(seed), make([0.5, -1.25, 2.0])
        values = list(leaves)
        for kind in kinds:
            values.append(OPERATIONS[kind](*rng.choices(values, k=3)))
        values[-1].backward()
        found.append([(value.data.hex(), value.grad.hex()) for value in values])
    assert found[0] == found[1]


def test_a_network_learns_the_same_bits_and_is_read_as_columns():
    models = [tn.MLP(2, [4, 1], "tanh", rng=random.Random(0)) for _ in range(2)]
    pack_of(array("d", [p.data for p in models[1].parameters()]), [(0, models[1].parameters())])
    optimizers = [tn.SGD(model.parameters(), lr=0.1, momentum=0.9) for model in models]
    for _ in range(3):
        for model, optimizer in zip(models, optimizers, strict=True):
            loss = (model([0.5, -1.0]) - 1.0) ** 2 + tn.dot(model.parameters(), [0.125] * 17)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            model.layers[0].neurons[0].weights[1].data *= 0.5
        seen = [([(p.data, p.grad) for p in optimizer.parameters], optimizer.state) for optimizer in optimizers]
        assert seen[0] == seen[1]
    assert models[1].layers[0].neurons[0].weights.column.pack is not None
    assert {type(p) for p in models[1].parameters()} == {Packed}


def test_what_is_set_is_what_is_read_and_stands_in_the_pack():
    (a, b, c), pack = packed([1.0, 2.0, 3.0])
    b.data = -0.5
    assert (b.data, list(pack.array), pack.broken) == (-0.5, [1.0, -0.5, 3.0], False)
    pack.numbers[2] = 7.0
    assert (a.data, c.data, type(c.data)) == (1.0, 7.0, float)
    pack.put(1, [8.0, 9.0])
    assert [a.data, b.data, c.data] == [1.0, 8.0, 9.0]


@pytest.mark.parametrize("number", [3, True, Fraction(1, 2), "much", None, (1.0, 2.0), Value(1.0)], ids=repr)
def test_what_is_no_float_leaves_the_pack_as_it_came(number):
    (a, b), pack = packed([1.0, 2.0])
    plain = Value(1.0)
    a.data = plain.data = number
    assert a.data is number
    assert type(a) is Value
    assert pack.broken
    b.data = 5.0
    assert (b.data, pack.array[1]) == (5.0, 5.0)
    told: list[Any] = []
    for value in (a, plain):
        try:
            result = value * 2.0 + value
            result.backward()
            told.append((result.data, value.grad))
        except TypeError as error:
            told.append(str(error))
    assert told[0] == told[1]


def test_a_value_is_in_one_pack():
    values, old = packed([1.0, 2.0, 3.0])
    column = Column(tuple(values))
    assert column.packed() == [1.0, 2.0, 3.0]
    new = pack_of(array("d", [2.5]), [(0, values[1:2])])
    assert old.broken
    assert not new.broken
    values[1].data, values[0].data = 4.0, 0.5
    assert ([value.data for value in values], list(new.array)) == ([0.5, 4.0, 3.0], [4.0])
    assert column.packed() is None
    assert Column(tuple(values[1:2])).packed() == [4.0]


def test_a_column_knows_the_numbers_until_one_is_set():
    values, pack = packed([1.0, 2.0, 3.0, 4.0])
    column = Column(tuple(values[1:3]))
    first = column.packed()
    assert first == [2.0, 3.0]
    assert column.packed() is first
    values[0].data = 0.0  # beside it: it may look again
    assert column.packed() == [2.0, 3.0]
    values[2].data = -3.0
    assert column.packed() == [2.0, -3.0]
    assert column.put([5.0, 6.0])
    assert (column.packed(), list(pack.array)) == ([5.0, 6.0], [0.0, 5.0, 6.0, 4.0])
    assert not column.put([1, 2.0])
    values[1].data = 7
    assert column.packed() is None
    assert not column.put([1.0, 2.0])
    assert values[1].data == 7


@pytest.mark.parametrize(
    "choose",
    [
        lambda v, w: (),
        lambda v, w: (v[0], Value(2.0)),
        lambda v, w: (v[0], 2.0),
        lambda v, w: (2.0, v[1]),
        lambda v, w: (v[0], Value(2.0), v[2]),
    ],
)
def test_what_stands_apart_is_no_packed_column(choose):
    column = Column(choose(*[packed([1.0, 2.0, 3.0])[0] for _ in range(2)]))
    assert column.packed() is None
    assert column.spread() is None
    assert not column.put([1.0] * len(column.operands))


@pytest.mark.parametrize("orders", [[1, 0], [0, 2], [0, 4], [3, 4, 1, 2, 0], [2, 1, 0, 5, 4], [0, 0], [1, 2, 4, 5, 0]])
def test_what_stands_in_several_packs_is_copied_and_set_at_one_go(orders):
    """Whoever moves meanwhile."""
    values = [*packed([1.0, 2.0, 3.0])[0], *packed([4.0, 5.0, 6.0])[0]]
    chosen, others = [values[k] for k in orders], [value for k, value in enumerate(values) if k not in orders]
    column, before = Column(tuple(chosen)), [value.data for value in others]
    assert column.packed() is None

    def check():
        copies = column.spread()
        assert copies is not None
        copies.refresh()
        assert copies.numbers.tolist() == [value.data for value in chosen]

    check()
    chosen[1].data = -2.0
    check()
    assert column.put([float(k) + 0.5 for k in range(len(chosen))])
    assert chosen[-1].data == len(chosen) - 0.5
    assert [value.data for value in others] == before
    check()
    pack_of(array("d", [0.0]), [(0, values[:1])])
    assert (column.spread() is None) == (not {1, 2}.isdisjoint(orders))
    stand_apart(values, lambda count: array("d", bytes(8 * count)))
    values[0].data = -4.0
    check()
    assert not column.put([1] * len(chosen))


def test_who_stands_nowhere_is_packed_and_nobody_else():
    (a, b), pack = packed([1.0, 2.0])
    (c, d), left = packed([3.0, 4.0])
    e, f, g = Value(5.0), Value(6.0), Own(7.0)
    d.data, f.data = 4, 6
    stand_apart([a, b, c, d, e, f, g], lambda count: array("d", bytes(8 * count)))
    assert (a.cell.pack, b.cell.pack, pack.broken, left.broken) == (pack, pack, False, True)
    home: Any = c.cell
    assert home.pack is getattr(e, "cell").pack is not left  # noqa: B009
    assert [type(value) for value in (d, f, g)] == [Value, Value, Own]
    assert [value.data for value in (a, b, c, d, e, f, g)] == [1.0, 2.0, 3.0, 4, 5.0, 6, 7.0]
    assert list(home.pack.array) == [3.0, 5.0]


class Own(Value):
    """A user's own kind of Value."""


class Named(Value):
    """A user's own kind that a Value may be made."""

    __slots__ = ()

    def name(self):
        return f"it is {self.data}"


@pytest.mark.parametrize(
    "action",
    [
        "del v.data",
        "del v.data; del v.data",
        "del v.data; v.data = 2.5",
        "del v.grad, v.label",
        "v.__class__ = Named",
        "v.__class__ = Named; v.data = 4",
        "v.__class__ = Own",
        "v.__class__ = int",
        "v.__class__ = Value",
        "del v.__class__",
        "isinstance(v, Named | int)",
        "v.other = 3",
    ],
)
def test_what_may_be_done_with_a_value_may_be_done_with_one_in_a_pack(action):
    (a, b), pack = packed([1.5, 2.0])
    told: list[Any] = []
    for value in (a, Value(1.5)):
        try:
            exec(action, globals(), {"v": value})
            found: Any = None
        except (TypeError, AttributeError) as error:
            found = TypeError if "__class__" in action else type(error)
        whole = [getattr(value, name, "nothing") for name in ("data", "grad", "label", "__class__")]
        told.append(
            (
                found,
                whole,
                value.name() if isinstance(value, Named) else "",
                hasattr(value, "data") and (value + b).data,
            )
        )
    assert told[0] == told[1]
    assert (type(a) is Packed) == (not pack.broken)
    b.data = 3.0
    assert list(pack.array)[1] == 3.0


def test_it_is_a_value_to_everyone():
    (a, _), _ = packed([0.5, 1.0], labels="w")
    a.grad = 2.0
    assert repr(a) == "Value(data=0.5, grad=2.0, label='w')"
    assert isinstance(a, Value)
    assert a.op is None
    assert a.__class__ is Value
    assert a == a
    assert a != Value(0.5)
    assert {a: 1}[a] == 1
    for twin in (copy.copy(a), copy.deepcopy(a), pickle.loads(pickle.dumps(a))):
        assert (type(twin), twin.data, twin.grad, twin.label) == (Value, 0.5, 2.0, "w")
        twin.data = 9.0
    assert a.data == 0.5
    told = []
    for value in (a, Value(0.5, label="w")):
        result = value * 3.0 + 1.0
        result.backward()
        value.grad = 0.0
        told.append([str(finding) for finding in tn.lint([value], result)])
    assert told[0] == told[1] != []


def test_a_value_is_read_while_others_pack_it():
    """Its class changes first, and then what its slot holds; a reader in between finds the number."""
    value = Value(1.5)
    value.__class__ = Packed
    assert value.data == 1.5
    value.data = 2.5
    assert (type(value), value.data) == (Value, 2.5)
