"""Nodes of a drawing: what each is called and holds, a dot as its products and sum, numbers that were changed since."""

from drawings import cells, edges, learned

import tinygrad_nn as tn
from tinygrad_nn import Value
from tinygrad_nn.drawing.nodes import nodes


def test_operations_without_a_label_get_a_name():
    a, b = Value(2.0, label="a"), Value(3.0, label="b")
    assert [node.label for node in nodes(Value(1.0) + Value(2.0))] == ["v1", "v2", "v3"]
    clash = Value(1.0, label="v1")
    assert [node.label for node in nodes((clash + 2) * Value(3.0))] == ["v1", "v2", "v3", "v4"]
    names = {node.value.op.name: (node.label, node.given) for node in nodes((a * b + a).exp()) if node.value.op}
    assert names == {"multiply": ("a·b", False), "add": ("v1", False), "exp": ("v2", False)}
    loss = learned()
    labels = [node.label for node in nodes(loss) if node.operands]
    assert labels == [
        *("z1.1", "h1.1", "z1.2", "h1.2", "z1.3", "h1.3", "z2.1", "carry", "z2.2", "sum"),
        *("v1", "v2", "v3", "v4", "v5", "loss"),
    ]
    assert "w1·h1.1" in [node.label for node in nodes(loss, expand=True)]


def test_gradients_of_another_pass_do_not_show_as_this_ones():
    a, b = Value(2.0, label="a"), Value(3.0)
    (a * a).backward()
    assert cells(tn.draw(a + b).source)["v0"] == ["a", "2", "grad", "-"]


def test_a_root_that_no_backward_reached_shows_no_gradient_of_another_pass():
    x = Value(2.0, label="x")
    h = x * 3
    h.backward()
    source = tn.draw(h * 10).source
    assert [card[-1] for card in cells(source).values()] == ["-", "-", "-"]
    assert "no backward() has reached" in source


def test_data_that_was_set_after_recording_is_told():
    a = Value(2.0, label="a")
    y = a * 3.0 + tn.dot([a], [1.0], 0.5)
    assert "was changed after this was recorded" not in tn.draw(y).source
    a.data = 5.0
    assert "was changed after this was recorded" in tn.draw(y).source
    taken = tn.take([a, 1.0], index := Value(0.0))
    index.data = 7.0
    assert "was changed after this was recorded" in tn.draw(taken).source


def test_the_counts_of_ties_are_no_numbers_of_the_user():
    a, b = Value(1.0, label="a"), Value(2.0, label="b")
    source = tn.draw(tn.maximum(a, b, 0.5, b)).source
    assert list(cells(source).values())[-1][0] == "max 0.5"
    assert len(edges(source)) == 3
    assert "ties" not in source


def test_expand_draws_a_dot_as_its_products_and_sum():
    loss = learned()
    drawn = nodes(loss, expand=True)
    plain = {node.label: node for node in nodes(loss)}
    for node in drawn:
        if node.label in plain and plain[node.label].kind != "parameter" and not node.label.startswith("v"):
            same = [n for n in nodes(loss) if n.label == node.label]
            assert (node.data, node.grad) in [(n.data, n.grad) for n in same]
    sums = [node for node in drawn if node.label == "z1.1"]
    assert [operand.label for operand in sums[0].operands if not isinstance(operand, float)] == ["w1·x1", "w2·x2", "b"]
    assert len(drawn) == len(nodes(loss)) + 12
    half = tn.draw(tn.dot([Value(2.0, label="w")], [0.5]), expand=True).source
    assert cells(half)["v1"][0] == "× 0.5"
    no_dot = Value(2.0, label="a") * 3.0
    assert tn.draw(no_dot, expand=True).source == tn.draw(no_dot).source
    assert len(nodes(tn.dot([], [], Value(1.0)), expand=True)) == 2
