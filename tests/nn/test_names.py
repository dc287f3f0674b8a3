"""What layers are called: as the attributes of the modules that hold them, in drawings, errors and findings."""

import copy
import dataclasses
import inspect
import pickle
import random
import weakref
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import pytest
from shared import wrong

import tinygrad_nn as tn
from tinygrad_nn.drawing.nodes import nodes


def layer(n_inputs=2, n_outputs=2, activation="tanh", **options):
    return tn.Layer(n_inputs, n_outputs, activation, rng=random.Random(1), **options)


class Encoder(tn.Module):
    def __init__(self):
        self.blocks = []
        for _ in range(2):
            self.blocks.append(layer())

    def __call__(self, row):
        for block in self.blocks:
            row = block(row)
        return row


class Net(tn.Module):
    """A part of every kind: a module of one's own, an MLP, a layer, a neuron, one with a name, and a dict of them."""

    def __init__(self):
        self.encoder = Encoder()
        self.body = tn.MLP(2, [2], "tanh", "tanh", rng=random.Random(1))
        self.head = layer()
        self.gate = tn.Neuron(2, "sigmoid", rng=random.Random(1))
        self.mine = layer(name="output")
        self.sides = {"left": layer(), "right": (layer(), [layer()])}

    def __call__(self, row):
        row = self.mine(self.head(self.body(self.encoder(row))))
        left, (right, (last,)) = self.sides.values()
        return self.gate(last(right(left(row))))


NAMES = {
    "encoder, blocks 1", "encoder, blocks 2", "body, layer 1", "head", "gate", "output", "sides left", "sides right 1",
    "sides right 2 1",
}  # fmt: skip


def names(model, row=(1.0, 2.0)):
    """The names of all layers that record, and of neurons in none."""
    places = [node.value.scope.place for node in nodes(model(list(row))) if hasattr(node.value.scope, "place")]
    return {str(place.layer) for place in places}


def test_layers_are_called_as_the_attributes_that_hold_them():
    assert names(Net()) == NAMES
    net: Any = Net()
    assert (net.head.name, net.head.neurons[1].name) == ("head", "head, neuron 2")
    assert (net.mine.name, net.body.layers[0].name) == ("output", "body, layer 1")
    assert net.body.summary().splitlines()[1].startswith("body, layer 1  2 -> 2")
    model = tn.MLP(2, [2])
    assert model.layers[0].name == "layer 1"
    model.layers = [layer(), layer()]
    model.layers[1].neurons = [tn.Neuron(2)]
    assert model.layers[1].neurons[0].name == "layer 2, neuron 1"
    assert (tn.Layer(2, 2).name, tn.Neuron(2).name) == ("layer", "neuron")


def test_the_first_attribute_and_a_name_that_was_given_stay():
    net: Any = Net()
    net.other = net.again = net.head
    net.wrapped = [net.encoder, net.mine]
    assert names(net) == NAMES
    net.head = layer()
    assert (net.head.name, net.other.name) == ("head", "head")
    tied: Any = tn.Module()
    tied.first = tied.second = shared = layer()
    assert shared.name == "first"
    model = tn.MLP(2, [2], name="critic")
    tied.model = model
    assert model.layers[0].name == "critic, layer 1"
    assert tied.model.layers[0].neurons[0].name == "critic, layer 1, neuron 1"


def test_a_copy_of_a_part_is_called_as_what_holds_it_next():
    net: Any = Net()
    for again in (copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        assert names(again) == NAMES
        assert again.head.place.within is not net.head.place.within
    alone = copy.deepcopy(net.head)
    assert alone.name == "head"
    net.target = alone
    assert (net.target.name, net.head.name) == ("target", "head")
    net.copies = [copy.deepcopy(net.mine), copy.deepcopy(net.encoder)]
    assert net.copies[0].name == "output"
    assert net.copies[1].blocks[1].name == "copies 2, blocks 2"


def test_a_file_keeps_the_name_and_what_holds_an_unnamed_one_names_it(tmp_path):
    net: Any = Net()
    for part, name in ((net.head, "head"), (net.body, "body, layer 1"), (layer(), "top")):
        tn.save(part, tmp_path / "part.txt")
        net.top = tn.load(tmp_path / "part.txt")
        assert getattr(net.top, "layers", [net.top])[0].name == name


def test_drawings_nest_by_them_and_leave_out_what_holds_all():
    net: Any = Net()
    output = net([1.0, 2.0])
    output.backward()
    paths = {tuple(box.label for box in node.box.path()) for node in nodes(output) if node.box}
    assert ("encoder", "blocks 2", "neuron 1") in paths
    assert ("body", "layer 1", "neuron 2") in paths
    assert {path[0] for path in paths} == {
        "encoder", "body", "head", "gate", "output", "sides left", "sides right 1", "sides right 2 1",
    }  # fmt: skip
    for view, title in (("neurons", "gate"), ("layers", "blocks 2"), ("layers", "head")):
        assert f"<b>{title}</b>" in tn.draw(output, view=view).source
    both = {node.box.path()[0].label for node in nodes(Net()([1.0, 2.0]) + Encoder()([1.0, 2.0])[0]) if node.box}
    assert both == {"Net", "Encoder"}

    class Around(tn.Module):
        def __init__(self, model):
            self.model = model

    Around(Around(net))
    assert {tuple(box.label for box in node.box.path()) for node in nodes(output) if node.box} == paths
    assert {node.label for node in nodes(Encoder()([1.0, 2.0])[0])} >= {"z1.1", "h1.2", "z2.1"}


def test_neurons_by_hand_stand_side_by_side():
    class Sparse(tn.Module):
        def __init__(self):
            self.hidden = [tn.Neuron(1, "tanh", rng=random.Random(i)) for i in range(2)]
            self.output = tn.Neuron(2, "linear", rng=random.Random(3))

        def __call__(self, row):
            return self.output([neuron([x]) for neuron, x in zip(self.hidden, row, strict=True)])

    output = Sparse()([1.0, 2.0])
    assert {tuple(box.label for box in node.box.path()) for node in nodes(output) if node.box} == {
        ("hidden 1",), ("hidden 2",), ("output",),
    }  # fmt: skip
    source = tn.draw(output, view="layers").source
    assert all(f"<b>{title}</b>" in source for title in ("hidden 1", "hidden 2", "output"))
    f = tn.compile(Sparse())
    f([1.0, 2.0])
    assert "tanh(b1 + w1_1 * x0)" in f.source()


def test_errors_and_findings_say_them():
    net: Any = Net()
    with pytest.raises(ValueError, match=r"^head, neuron 1 takes 2 inputs, but was given 3"):
        net.head([1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match=r"^encoder, blocks 2, neuron 1 takes 2 inputs"):
        net.encoder.blocks[1]([1.0])
    with pytest.raises(TypeError, match="weights of gate"):
        net.gate.weights[0] = "w"
    net.head.neurons[0].weights[0].data = float("inf")
    with pytest.raises(tn.AnomalyError, match="recorded by head, neuron 1"), tn.detect_anomaly():
        net([1.0, 2.0])
    net = Net()
    net.encoder.blocks[1] = dead = layer(activation="relu")
    net.encoder.blocks = net.encoder.blocks
    for neuron in dead.neurons:
        neuron.bias.data = -9.0
    loss = tn.mean([(sum(net.encoder([x, 1.0])) - 1.0) ** 2 for x in (0.1, 0.2, 0.3, 0.4)])
    [finding] = [found for found in tn.lint(net.encoder, loss) if found.kind == "dead units"]
    assert "2 of 2 relu units of encoder, blocks 2 are 0" in str(finding)


def test_a_users_class_may_call_its_own_things_so():
    class Board(tn.Module):
        def __init__(self):
            self.head = layer()
            self.hold = tn.Value(1.0)

        def place(self, piece):
            return piece

    board = Board()
    assert (board.head.name, board.place(3), list(board.state_dict())[-1]) == ("head", 3, "hold")

    class Field(tn.Module):
        def __init__(self, *, place=0.0):
            self.place = tn.Value(place)
            self.head = layer()

    field = Field(place=2.0)
    assert (field.head.name, field.state_dict()["place"]) == ("head", 2.0)
    assert str(inspect.signature(Field)) == "(*, place=0.0)"
    with pytest.raises(TypeError, match=r"Field.__init__\(\) got an unexpected keyword argument 'plaice'"):
        Field(**wrong({"plaice": 2.0}))

    @dataclasses.dataclass(eq=False)
    class Data(tn.Module):
        size: int
        blocks: list = dataclasses.field(default_factory=lambda: [layer(), layer()])

    assert [block.name for block in Data(2).blocks] == ["blocks 1", "blocks 2"]

    class Base(tn.Module, ABC):
        def __init__(self, width):
            self.head = layer(n_outputs=width)

        @abstractmethod
        def __call__(self, row): ...

    class Last(Base):
        def __init__(self):
            super().__init__(3)
            self.tail = [layer()]

        def __call__(self, row):
            return self.head(row)

    assert (Last().head.name, Last().tail[0].name) == ("head", "tail 1")


def test_a_module_that_is_held_in_a_circle_has_a_name():
    net: Any = Net()
    net.head.owner = net
    net.loop = [net.head]
    net.loop.append(net.loop)
    net.loop = net.loop
    assert net.head.name.endswith("head")
    assert len(net.head.place.path()) < 4


def test_a_name_holds_no_module_and_costs_no_new_program():
    net: Any = Net()
    output, held = net([1.0, 2.0]), weakref.ref(net)
    f = tn.compile(net)
    f([1.0, 2.0])
    around = tn.Module()
    around.net = net
    around.head = net.head
    f([2.0, 3.0])
    assert len(f.latest_paths()) == 1
    assert repr(f).startswith("<compiled Net: 1 program,")
    del net, f, around
    assert held() is None
    assert output.scope.name.startswith("net, gate")


def test_what_is_no_list_is_not_read_for_names():
    class Unopened(Sequence):
        def __len__(self):
            raise OSError("the file is not open yet")

        def __getitem__(self, i):
            raise OSError("the file is not open yet")

    class Reader(tn.Module):
        def __init__(self, rows):
            self.rows, self.head = rows, layer()

    assert Reader(Unopened()).head.name == "head"
