"""Optimizers that take turns and read one another's parameters, as those of a GAN do: numbers are those of the recorded
graph, and what is only read stays where it stands."""

import random
from typing import Any

import pytest
from shared import needed
from training import X, Y, eager, numbers

import tinygrad_nn as tn
from tinygrad_nn import Value
from tinygrad_nn.autograd.packs import Copies
from tinygrad_nn.autograd.value import Packed
from tinygrad_nn.optim import column_of
from tinygrad_nn.training.steps.engines import arrays

LOSS = tn.losses.squared_error


class Chain(tn.Module):
    """One network after another."""

    def __init__(self, first, second):
        self.first, self.second = first, second

    def __call__(self, row):
        return self.second(self.first(row))


class World:
    """Two networks, a chain of them, and optimizers whose steps are compiled, or recorded."""

    def __init__(self, backend):
        self.backend = backend
        rng = random.Random(3)
        self.g, self.d = tn.MLP(2, [3, 2], "tanh", rng=rng), tn.MLP(2, [4, 2], "tanh", rng=rng)
        self.other = tn.MLP(2, [3, 2], "tanh", rng=rng)
        self.other.layers[0] = self.g.layers[0]
        self.gan, self.back, self.apart = Chain(self.g, self.d), Chain(self.d, self.g), Chain(self.other, self.d)
        self.optimizers = {
            "g": tn.SGD(self.g.parameters(), lr=0.05, momentum=0.9),
            "d": tn.Adam(self.d.parameters(), lr=0.01),
            "turned": tn.SGD(self.d.parameters()[::-1], lr=0.02),
            "both": tn.SGD([*self.g.layers[1].parameters(), *self.d.layers[0].parameters()], lr=0.03, momentum=0.5),
            "other": tn.SGD(self.other.parameters(), lr=0.05),
        }
        self.steps: dict[Any, Any] = {}
        self.predict = tn.compile(lambda x: self.gan(x), backend=backend) if backend else self.gan

    def step(self, model, optimizer, rows=4):
        given = getattr(self, model), self.optimizers[optimizer]
        if not self.backend:
            eager(given[0], LOSS, given[1], X[:rows], Y[:rows])
            return
        key = model, optimizer
        if key not in self.steps:
            self.steps[key] = tn.compile_step(given[0], LOSS, given[1], backend=self.backend)
        self.steps[key](X[:rows], Y[:rows])

    def run(self, model, optimizer):
        if not self.backend:
            for _ in range(2):
                self.step(model, optimizer, 2)
            return
        given = getattr(self, model), self.optimizers[optimizer]
        tn.compile_step(given[0], LOSS, given[1], backend=self.backend).run(X[:2], Y[:2], epochs=2, batch_size=2)

    def numbers(self):
        return [
            *[p.data for p in [*self.gan.parameters(), *self.other.parameters()]],
            *[number for optimizer in self.optimizers.values() for number in numbers(optimizer)],
            *[getattr(output, "data", output) for output in self.predict([0.25, -0.5])],
        ]

    def freeze(self, k):
        """One parameter of g is trained no more; the next time it is again, as the first one."""
        parameters, optimizer = self.g.parameters(), self.optimizers["g"]
        if len(optimizer.parameters) == len(parameters):
            optimizer.parameters.pop(k)
            optimizer.state.pop(k)
            return
        (missing,) = {*parameters} - {*optimizer.parameters}
        optimizer.parameters.insert(0, missing)
        optimizer.state.insert(0, (0.0,))

    def set_one(self, k, number):
        self.gan.parameters()[k].data = number

    def train_outside(self):
        eager(self.gan, LOSS, self.optimizers["g"], X, Y)

    def look(self):
        return self.gan.predict(X), self.g.predict(X), [optimizer.state for optimizer in self.optimizers.values()]

    def own(self):
        """A parameter of a class of the user's own."""
        self.d.layers[1].neurons[0].bias = Own(0.5)
        self.optimizers["d"] = tn.SGD(self.d.parameters(), lr=0.05)
        self.steps = {key: step for key, step in self.steps.items() if key[1] != "d"}


class Own(Value):
    """A user's own kind of Value."""


def actions(rng):
    """An endless choice of what to do, the same for each world."""
    turns = [("gan", "g"), ("d", "d"), ("gan", "d"), ("back", "d"), ("g", "g"), ("gan", "turned"), ("gan", "both")]
    turns += [("back", "both"), ("other", "other"), ("apart", "d")]
    while True:
        kind, turn = rng.random(), rng.choice(turns)
        k, number, rows = rng.randrange(30), rng.uniform(-1.0, 1.0), rng.choice([1, 2, 4])
        if kind < 0.7:
            yield lambda world, turn=turn, rows=rows: world.step(*turn, rows)
        elif kind < 0.75:
            yield lambda world, turn=turn: world.run(*turn)
        elif kind < 0.8:
            yield lambda world, k=k, number=number: world.set_one(k, number)
        elif kind < 0.84:
            yield lambda world, k=k: world.set_one(k, k % 3)
        elif kind < 0.88:
            yield lambda world, k=k: world.freeze(k % 15)
        elif kind < 0.92:
            yield lambda world: world.train_outside()
        elif kind < 0.97:
            yield lambda world: world.look()
        else:
            yield lambda world: world.own()


def check_script(seed, length):
    rng = random.Random(seed)
    worlds, chosen = [World(""), World(needed("llvm"))], actions(rng)
    for _ in range(length):
        action = next(chosen)
        for world in worlds:
            action(world)
        told, found = (world.numbers() for world in worlds)
        assert found == pytest.approx(told, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("seed", range(4))
def test_any_turns_come_to_the_numbers_of_the_recorded_graph(seed, monkeypatch):
    monkeypatch.setattr(arrays, "LATER", 5)
    check_script(seed, 40)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(4))
def test_many_turns(part, monkeypatch):
    monkeypatch.setattr(arrays, "LATER", 5)
    for seed in range(100 + 10 * part, 110 + 10 * part):
        check_script(seed, 60)


def packs_of(*models):
    """The packs that parameters stand in."""
    return {parameter.cell.pack for model in models for parameter in model.parameters()}


@pytest.mark.parametrize("third", [None, ("gan", "d"), ("back", "g"), ("apart", "d")])
def test_nothing_is_packed_again_by_turns(third, monkeypatch):
    """Also where an optimizer has steps with others beside and steps without."""
    world = World(needed("llvm"))
    turns = [("gan", "g"), ("d", "d"), *([third] if third else [])]
    for _ in range(2):
        for turn in turns:
            world.step(*turn)
    packs, called = packs_of(world.g, world.d), []
    assert len(packs) == 2
    monkeypatch.setattr(arrays, "pack_of", lambda *_: called.append("pack_of"))
    monkeypatch.setattr(arrays, "Copies", lambda *_: called.append("Copies"))
    for _ in range(3):
        for turn in turns:
            world.step(*turn)
        world.gan.predict([[0.5, 0.25]] * 10)
        world.gan([0.5, 0.25])
        world.predict([0.5, 0.25])
    assert called == []
    assert packs_of(world.g, world.d) == packs
    assert not any(pack.broken for pack in packs)


def test_what_is_only_read_is_copied_once_it_was_changed(monkeypatch):
    world, copied = World(needed("llvm")), []
    world.step("gan", "g")
    world.step("d", "d")
    world.step("gan", "g")
    copies = world.steps["gan", "g"]._latest._steps[True].arrays._copies
    monkeypatch.setattr(Copies, "refresh", lambda self, anew=False: copied.append(anew))
    world.step("gan", "g")
    assert copied == []
    assert copies.known()
    world.step("d", "d")
    assert not copies.known()
    world.step("gan", "g")
    assert copied == [False]


def test_two_that_train_the_same_values_by_turns_leave_them_to_one_of_them():
    """After a few turns the one has them in its pack, the other loads and commits; and it tries again later."""
    world = World(needed("llvm"))
    world.step("g", "g")
    world.step("other", "other")
    found = [world.steps[name, name]._latest._steps[True].arrays for name in ("g", "other")]
    before = [one.state for one in found]
    for _ in range(2 * arrays.OFTEN + 1):
        world.step("g", "g")
        world.step("other", "other")
    assert sorted(one.looked_at for one in found) == [False, True]
    (apart,) = (one for one in found if not one.looked_at)
    (home,) = (one for one in found if one.looked_at)
    assert apart.state is not before[found.index(apart)]  # which copies of the optimizer may have
    assert column_of(apart.optimizer.parameters).spread() is not None
    pack = home.pack
    for _ in range(4):
        world.step("g", "g")
        world.step("other", "other")
    assert home.pack is pack
    assert not pack.broken
    name = "g" if apart is found[0] else "other"
    for _ in range(arrays.LATER):
        world.step(name, name)
    assert apart.looked_at


def test_what_steps_are_taken_back_to_leaves_what_others_have_beside():
    """Steps of one optimizer have one array, in which each has what it reads beside."""
    world = World(needed("llvm"))
    for _ in range(2):
        world.step("gan", "d")
        world.step("apart", "d")
    mine, others = (world.steps[key]._latest._steps[True].arrays for key in (("gan", "d"), ("apart", "d")))
    assert mine.pack is others.pack
    world.step("gan", "d")
    kept, before = mine.kept(), numbers(world.optimizers["d"])
    world.step("apart", "d")
    beside = others.parameters[others.padded :].tolist()
    assert beside != kept[0][mine.padded :].tolist()
    mine.back(kept)
    assert numbers(world.optimizers["d"]) == before
    assert others.parameters[others.padded :].tolist() == beside


def test_a_number_that_is_only_read_stays_what_it_is():
    """An int stays one, until it is set to another number, which counts."""
    worlds = [World(""), World(needed("llvm"))]
    for number in (2, 0.5, 3, -0.25):
        for world in worlds:
            world.set_one(30, number)
            for _ in range(2):
                world.step("gan", "g")
            found = world.gan.parameters()[30].data
            assert (type(found), found) == (type(number), number)
            if world.backend:
                assert type(world.gan.parameters()[30]) is (Packed if type(number) is float else Value)
        told, found = (world.numbers() for world in worlds)
        assert found == pytest.approx(told, rel=1e-12)


@pytest.mark.parametrize("number", ["much", None])
def test_what_is_no_number_among_what_is_only_read_changes_nothing(number):
    world = World(needed("llvm"))
    for _ in range(2):
        world.step("gan", "g")
    before = world.numbers()
    world.set_one(30, number)
    with pytest.raises(TypeError, match=rf"was set to {number!r}, which is no number"):
        world.step("gan", "g")
    world.set_one(30, before[30])
    assert world.numbers() == before
    world.step("gan", "g")
    assert world.numbers() != before


def test_predictions_leave_the_packs_of_steps_as_they_are():
    """Also those of a network of which a part is trained."""
    needed("llvm")
    model = tn.MLP(2, [3, 2], "tanh", rng=random.Random(1))
    step = tn.compile_step(model, LOSS, tn.SGD(model.layers[1].parameters(), lr=0.1), backend="llvm")
    step(X, Y)
    packs = packs_of(model)
    for _ in range(2):
        found = model.predict([[0.5, 0.25]] * 9000)
        assert found[0] == pytest.approx([output.data for output in model([0.5, 0.25])], rel=1e-12)
        step(X, Y)
        assert packs_of(model) == packs
    assert {type(parameter) for parameter in model.parameters()} == {Packed}
