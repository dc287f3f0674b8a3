"""explain: the parts add up to the gradient, each is the product of its factors, and none is counted twice."""

import math
import random
import re

import pytest
from programs import OPERATIONS

import tinygrad_nn as tn
from tinygrad_nn import Value
from tinygrad_nn.autograd.graph import taken
from tinygrad_nn.autograd.reverse import contributions

KINDS = sorted(set(OPERATIONS) - {"branch"})


def random_graph(rng):
    leaves = [Value(rng.uniform(-2, 2), label) for label in ("a", "b", "")]
    pool = [*leaves, 0.5, -2.0]
    for _ in range(rng.randint(2, 12)):
        found = OPERATIONS[rng.choice(KINDS)](*(rng.choice(pool) for _ in range(3)))
        if isinstance(found, Value):
            found.label = rng.choice(["", "", "e"])
            pool.append(found)
    return pool[-1] * leaves[0] + leaves[1], leaves


def every_way(output, variable):
    """The products of all ways, one by one: what no library could do."""
    products, waiting = [], [(output, 1.0)]
    while waiting:
        at, product = waiting.pop()
        if at is variable:
            products.append(product)
        elif at.op is not None:
            slopes = contributions(at, 1.0)
            operands = taken(at, at.operands)
            waiting += [(o, product * s) for o, s in zip(operands, slopes, strict=True) if isinstance(o, Value)]
        assert len(products) + len(waiting) < 20_000
    return products


@pytest.mark.parametrize("seed", range(300))
def test_the_parts_of_random_graphs_add_up(seed):
    rng = random.Random(seed)
    output, leaves = random_graph(rng)
    for leaf in leaves:
        gradient = tn.grad(output, leaf)
        size = math.fsum(abs(entry.amount) for entry in tn.explain(output, leaf, 10_000).entries)  # that may cancel
        for top in (1, 3, 10, 1000):
            receipt = tn.explain(output, leaf, top)
            amounts = [*(entry.amount for entry in receipt.entries), receipt.rest]
            assert receipt.gradient == gradient
            assert abs(math.fsum(amounts) - gradient) <= 50 * math.ulp(size)
            assert len(receipt.entries) <= top
            for entry in receipt.entries:
                assert math.prod(n for _, n in entry.factors) == pytest.approx(entry.amount, rel=1e-12)
            assert [abs(a) for a in amounts[:-1]] == sorted((abs(a) for a in amounts[:-1]), reverse=True)


@pytest.mark.parametrize("seed", range(0, 300, 10))
def test_single_ways_are_all_ways(seed):
    output, leaves = random_graph(random.Random(seed))
    for leaf in leaves:
        ways = every_way(output, leaf)
        receipt = tn.explain(output, leaf, 20_000)
        assert receipt.ways == len(ways)
        found = sorted(entry.amount for entry in receipt.entries)
        assert found == pytest.approx(sorted(ways), rel=1e-12, abs=1e-300)
        assert all(entry.ways == 1 for entry in receipt.entries)


def test_a_planted_fault_is_caught(monkeypatch):
    from tinygrad_nn.autograd import reverse
    from tinygrad_nn.check import explain as receipt

    right = reverse.contributions
    monkeypatch.setattr(receipt, "contributions", lambda result, adjoint: [1.01 * s for s in right(result, adjoint)])
    a = Value(2.0)
    with pytest.raises(AssertionError):
        assert math.fsum(entry.amount for entry in tn.explain(a * a, a).entries) == pytest.approx(4.0)


def test_more_ways_than_anyone_can_list():
    y = a = Value(2.0, label="a")
    for _ in range(200):
        y = y * a + y
    receipt = tn.explain(y, a, top=20)  # enumerating them would take longer than the universe has
    assert receipt.ways == 2**201 - 1
    assert math.fsum([*(e.amount for e in receipt.entries), receipt.rest]) == pytest.approx(receipt.gradient)
    assert f"{2**201 - 1:,} ways" in str(receipt)


def test_a_batch_goes_by_examples_and_then_by_neurons():
    model = tn.MLP(2, [4, 3, 1], "tanh", rng=random.Random(1))
    X, Y = tn.data.moons(6, rng=random.Random(1))
    loss = tn.mean([tn.losses.squared_error(model(x), y) for x, y in zip(X, Y, strict=True)])
    loss.label = "loss"
    weight = model.layers[0].neurons[0].weights[0]
    before = [p.grad for p in model.parameters()]
    parts = tn.explain(loss, weight, top=6)
    assert {places for entry in parts.entries for places, _ in entry.factors if places.startswith("term")} == {
        f"term {k}" for k in range(1, 7)
    }
    assert all("3 ways of layer 3, neuron 1" in str(entry) for entry in parts.entries)
    ways = tn.explain(loss, weight, top=100)
    assert (ways.ways, len(ways.entries)) == (18, 18)
    number = r" \([-\d., e]+\)"
    assert re.search(f"layer 3, neuron 1{number}; layer 2, neuron 3{number}; layer 1, neuron 1{number}", str(ways))
    assert [p.grad for p in model.parameters()] == before


def test_what_does_not_flow():
    a, b = Value(3.0, label="a"), Value(2.0, label="b")
    assert str(tn.explain(a * 2.0, b)) == "dy/db = 0, along 0 ways"
    assert str(tn.explain(a, a)).splitlines()[0] == "da/da = 1, along 1 way"
    assert tn.explain(a * b, a * b).ways == 0
    inner = a * b
    assert tn.explain(inner * inner, inner).gradient == 12.0


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        ((3.0, Value(1.0)), TypeError, "from one Value to another, but got 3.0"),
        ((Value(1.0), "a"), TypeError, "but got 'a'"),
        ((Value(1.0), Value(1.0), 0), ValueError, "1 or more, but got 0"),
        ((Value(1.0), Value(1.0), 2.5), ValueError, "1 or more, but got 2.5"),
    ],
)
def test_bad_input_is_said(given, error, words):
    with pytest.raises(error, match=words):
        tn.explain(*given)


def chain(n):
    x = Value(0.5, label="x")
    y = x
    for _ in range(n // 2):
        y = (y + 0.1) * 0.99999
    return x, y


def test_a_chain_of_one_way_is_told_shortly():
    x, y = chain(4000)
    receipt = tn.explain(y, x)
    assert (receipt.ways, len(receipt.entries)) == (1, 1)
    assert receipt.entries[0].amount == pytest.approx(0.99999**2000, rel=1e-12)
    assert len(receipt.entries[0].factors) == 4000
    assert len(str(receipt)) < 600
    z = x
    for _ in range(4000):
        z = z * 0.9999
    assert "(3,988 more)" in str(tn.explain(z, x))
    assert len(str(tn.explain(z, x))) < 600


@pytest.mark.slow
def test_a_chain_of_200000_operations_is_explained():
    """Where each part carried the factors before it along, it took 69 s, and four times that for twice the length."""
    x, y = chain(200_000)
    receipt = tn.explain(y, x)
    assert receipt.gradient == pytest.approx(0.99999**100_000, rel=1e-9)
    assert receipt.entries[0].amount == pytest.approx(receipt.gradient, rel=1e-9)


def test_ways_past_counting_are_more_than_can_be_told():
    x = Value(1.0)
    y = x
    for _ in range(3000):
        y = y * 0.5 + y * 0.5
    receipt = tn.explain(y, x, top=3)
    assert "dy/dx = 1, along more than 1e100 ways" in str(receipt)
    assert sum(entry.amount for entry in receipt.entries) + receipt.rest == pytest.approx(1.0)
