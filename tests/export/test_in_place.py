"""Training in place in C: to the bit what a step makes that keeps all gradients and updates afterwards."""

import ctypes
import math
import random
import re
from typing import Any

import pytest
from c_files import MODELS, library, needs_cc, network

import tinygrad_nn as tn
from tinygrad_nn import Value
from tinygrad_nn.export import in_place
from tinygrad_nn.export.model import ModelFile

pytestmark = needs_cc

OPTIMIZERS: list[Any] = [
    lambda p: tn.SGD(p, 0.05),
    lambda p: tn.SGD(p, 0.05, momentum=0.5, weight_decay=0.01),
    lambda p: tn.SGD(p, 0.05, momentum=0.5, nesterov=True),
    lambda p: tn.Adam(p, 0.01, weight_decay=0.01),
]


class Drawn(tn.Module):
    """Layers, some of them used again, loops over time, lookups, products with parameters and sums of them."""

    def __init__(self, rng):
        n = self.n = rng.choice([2, 3, 5, 9])
        self.steps = rng.choice([2, 3, 6, 12])
        self.w = [[Value(rng.uniform(-1, 1)) for _ in range(n)] for _ in range(n)]
        self.u = [[Value(rng.uniform(-1, 1)) for _ in range(n)] for _ in range(n)]
        self.b = [Value(rng.uniform(-1, 1)) for _ in range(n)]
        self.scale, self.unused = Value(rng.uniform(0.5, 1.5)), Value(0.25)
        self.table = [Value(rng.uniform(-1, 1)) for _ in range(4)]
        self.deep = [tn.Layer(n, n, "tanh", rng=rng) for _ in range(rng.randint(1, 4))]
        self.kinds = [rng.randrange(9) for _ in range(rng.randint(1, 5))]
        self.outputs = rng.choice([1, n])

    def __call__(self, x):
        h, n = list(x), self.n
        for kind in self.kinds:
            if kind == 0:  # dense, and again where drawn again
                h = [tn.tanh(tn.dot(row, h, b)) for row, b in zip(self.w, self.b, strict=True)]
            elif kind == 1:  # the same weights across
                h = [sum(self.w[i][j] * h[i] for i in range(n)) for j in range(n)]
            elif kind == 2:
                h = [v * self.scale for v in h]
            elif kind == 3:  # over time
                state = self.b if n % 2 else [0.0] * n
                for t in range(self.steps):
                    state = [
                        tn.tanh(sum(u * s for u, s in zip(row, state, strict=True)) + h[(t + i) % n])
                        for i, row in enumerate(self.u)
                    ]
                h = list(state)
            elif kind == 4:
                index = x[0] * 0.0 + 2.0
                h = [v + tn.take(self.table, index) for v in h]
            elif kind == 5:
                for layer in self.deep:
                    h = layer(h)
            elif kind == 6:
                h = [v + b * b for v, b in zip(h, self.b, strict=True)]
            elif kind == 7:
                total = self.scale
                for t in range(self.steps):
                    total = total * self.table[t % 4] + h[t % n]
                h = [*h[:-1], tn.tanh(total)]
            else:
                h = [u * v for u, v in zip(self.u[0], h, strict=True)]
        return h if self.outputs > 1 else sum(h)


def product_of_parameters(model):
    """A loss whose gradients are parameters, and which is one itself."""
    return lambda p, t: model.scale * model.table[1] + 0.0 * (p if not isinstance(p, list) else p[0])


def drawn(seed):
    """A model, its loss, its optimizer and the number of its targets."""
    rng = random.Random(seed)
    model = Drawn(rng)
    parameters = model.parameters()
    if rng.random() < 0.3:  # some are frozen
        parameters = [p for p in parameters if rng.random() < 0.7] or parameters
    if rng.random() < 0.3:
        rng.shuffle(parameters)
    optimizer = rng.choice(OPTIMIZERS)(parameters)
    if model.outputs > 1 and rng.random() < 0.5:
        return model, tn.losses.cross_entropy, optimizer, 1
    if rng.random() < 0.15:
        return model, product_of_parameters(model), optimizer, model.outputs
    penalty = rng.random() < 0.3

    def loss(prediction, target):
        found = tn.losses.squared_error(prediction, target)
        return found + 0.01 * sum(p * p for p in parameters) if penalty else found

    return model, loss, optimizer, model.outputs


def both(model, name, loss, optimizer, targets, inputs=None, kept=()):
    """A file as it is, and one that keeps the gradients of these outputs, and of what is put with them, or of all."""
    new = ModelFile(model, name, loss, optimizer, "double", inputs, targets)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(in_place.Times, "_is_early", lambda self, output, time: not kept or output in kept)
        return new, ModelFile(model, f"{name}_kept", loss, optimizer, "double", inputs, targets)


class Learner:
    def __init__(self, loaded, file):
        self.name, self.loaded, self.count = file.name, loaded, file.update.numbers
        getattr(loaded, f"{self.name}_train").restype = ctypes.c_double
        self.state = ctypes.create_string_buffer(1 << 17)
        getattr(loaded, f"{self.name}_init")(self.state)

    def train(self, x, target):
        given = [(ctypes.c_double * len(numbers))(*numbers) for numbers in (x, target)]
        return float(getattr(self.loaded, f"{self.name}_train")(self.state, *given))

    @property
    def held(self):
        return self.state.raw[: 8 * self.count]


def check(made, folder, steps=6, refused=None):
    """Pairs of files, each with its inputs and how targets are drawn: their losses and states are equal in bits."""
    heads = "".join(file.texts()[0] for pair, *_ in made for file in pair)
    loaded = library(heads, folder, "-O0", "-Wno-unused-variable", "-Wno-unused-but-set-variable")
    for (new, old), inputs, targets, classes in made:
        learners, rng = [Learner(loaded, file) for file in (new, old)], random.Random(1)
        for step in range(steps):
            x = [rng.uniform(-1, 1) for _ in range(inputs)]
            target = [float(rng.randrange(classes))] if classes else [rng.uniform(-1, 1) for _ in range(targets)]
            found, expected = (learner.train(x, target) for learner in learners)
            assert found == expected or (found != found and expected != expected), (new.name, step)
            assert learners[0].held == learners[1].held, (new.name, step)
        if classes:
            before = learners[0].held
            assert math.isnan(learners[0].train(x, [float(classes) if refused is None else refused]))
            assert learners[0].held == before


def random_pairs(seeds):
    for seed in seeds:
        model, loss, optimizer, targets = drawn(seed)
        classes = model.n if loss is tn.losses.cross_entropy else 0
        yield both(model, f"m{seed}", loss, optimizer, targets, model.n), model.n, targets, classes


def test_random_models_learn_in_place_as_they_do_with_all_gradients_kept(tmp_path):
    made = list(random_pairs(range(4)))
    check(made, tmp_path)
    assert any(pair[0].slots < pair[1].slots for pair, *_ in made)


@pytest.mark.slow
def test_many_random_models_learn_in_place_as_they_do_with_all_gradients_kept(tmp_path):
    for first in range(100, 260, 20):
        folder = tmp_path / str(first)
        folder.mkdir()
        check(list(random_pairs(range(first, first + 20))), folder)


USUAL = {
    "deep": lambda: network((8, 8, 8, 8, 8, 8, 3)),
    "wide and narrow": lambda: network((6, 9, 5, 9, 5, 4)),
    "one layer": lambda: network((4, 3)),
}


def test_networks_learn_without_an_array_of_gradients(tmp_path):
    usual: dict[str, tuple[Any, ...]] = {
        name: (make, "cross_entropy", OPTIMIZERS[k], {}) for k, (name, make) in enumerate(USUAL.items())
    }
    made = []
    for k, (make, loss, optimizer, own) in enumerate([*MODELS.values(), *usual.values()]):
        model, loss = make(), getattr(tn.losses, loss) if isinstance(loss, str) else loss
        new, old = both(model, f"n{k}", loss, optimizer(model.parameters()), None, own.get("inputs"))
        assert new.slots == old.slots - new.count
        assert "gradient = " not in new.texts()[0]
        classes = new.n_outputs if loss is tn.losses.cross_entropy else 0
        made.append(((new, old), len(new.inputs), new.n_targets, classes))
    check(made, tmp_path)


@pytest.mark.parametrize(("sizes", "most"), [((64, 32, 10), 1.05 * 9748), ((4, 16, 3), 700), ((2, 3, 2), 200)])
def test_what_learns_takes_little_more_memory_than_its_weights(sizes, most):
    model = network(sizes, "relu")
    optimizer = tn.SGD(model.parameters(), lr=0.05)
    file = ModelFile(model, "net", tn.losses.cross_entropy, optimizer, "float", None, None)
    assert 4 * (file.slots + file.update.numbers) < most


def test_what_an_inner_loop_reads_again_and_again_is_read_once(tmp_path):
    """As a compiler cannot know that no parameter lies there."""
    model = network((9, 8, 3), "relu")
    text = ModelFile(model, "net", tn.losses.hinge, tn.SGD(model.parameters(), 0.1), "float", None, None).texts()[0]
    for number, x in (("d_z1", r"x\[j\]"), ("d_z2", r"h1\[j\]")):
        held = (
            rf"const float {number}_i = {number}\[i\];\n *for \(int j = .*\n *net_update_at\(.*, {number}_i \* {x}\);"
        )
        assert re.search(held, text), number


def test_parameters_that_nothing_reads_are_updated_in_a_loop(tmp_path):
    """As weight decay has them decay."""
    model, unused = network((2, 2, 1)), network((5, 5))
    parameters = [*model.parameters(), *unused.parameters()]
    pair = both(model, "net", tn.losses.squared_error, tn.SGD(parameters, 0.1, weight_decay=0.1), None)
    assert pair[0].texts()[0].count("net_update_at(") < 20
    assert pair[0].slots < 10
    check([(pair, 2, 1, 0)], tmp_path)


@pytest.mark.parametrize("kept", [[2], [16, 33], [1, 19], range(19, 24)])
def test_gradients_that_are_kept_lie_side_by_side(kept, tmp_path):
    model = tn.MLP(3, [4, 2, 4], "relu", rng=random.Random(2))
    pair = both(model, "net", tn.losses.squared_error, tn.Adam(model.parameters()), None, kept=kept)
    assert pair[0].slots < pair[1].slots < pair[0].slots + len(model.parameters())
    check([(pair, 3, 4, 0)], tmp_path)


class Chain(tn.Module):
    """What each iteration of a loop computes is read with another parameter in the next."""

    def __init__(self):
        self.w = [Value(0.5 + 0.1 * k) for k in range(12)]

    def __call__(self, x):
        h = x[0]
        for w in self.w:
            h = tn.tanh(h * w)
        return h


CHAINS = {
    "over time": lambda model, p, t: tn.losses.squared_error(p, t),
    "and at once": lambda model, p, t: (p - t) * model.w[3] * model.w[8],
    "with a penalty": lambda model, p, t: tn.losses.squared_error(p, t) + 0.1 * sum(w * w for w in model.w),
    "mirrored": lambda model, p, t: tn.dot(model.w, model.w[::-1], 0.0),
    "next to one another": lambda model, p, t: t * tn.dot(model.w[1:], model.w[:-1], 0.0) + p,
    "sine": lambda model, p, t: sum(tn.sin(w) * v * v for w, v in zip(model.w[1:], model.w, strict=False)) + t * p,
}


@pytest.mark.parametrize("which", CHAINS)
def test_what_is_read_later_in_the_same_loop_is_the_old_parameter(which, tmp_path):
    model = Chain()
    loss = lambda p, t: CHAINS[which](model, p, t)  # noqa: E731
    pair = both(model, "net", loss, tn.SGD(model.parameters(), 0.1, momentum=0.5), 1, 1)
    check([(pair, 1, 1, 0)], tmp_path)


@pytest.mark.parametrize("index", [12.0, -1.0, 0.5, math.nan])
def test_a_lookup_that_comes_late_refuses_the_step_before_anything_is_updated(index, tmp_path):
    model = Chain()

    def loss(prediction, target):
        total = sum(tn.sin(w) for w in model.w)  # in one loop with its gradient, which nothing else reads
        return total + tn.take([Value(float(k)) for k in range(12)], target + (total - total))

    new, old = both(model, "net", loss, tn.Adam(model.parameters()), 1, 1)
    check([((new, old), 1, 1, 12)], tmp_path, refused=index)


class Outputs(tn.Module):
    """A line, and a number that it does not read."""

    def __init__(self):
        self.a, self.b, self.c = Value(0.5), Value(-1.5), Value(2.0)

    def __call__(self, x):
        return self.a * x[0] + self.b


@pytest.mark.parametrize(
    ("loss", "gradient"),
    [
        (lambda model: model.a * model.b, lambda a, b, c: (b, a, 0.0)),
        (lambda model: model.a, lambda a, b, c: (1.0, 0.0, 0.0)),
        (lambda model: model.a * model.b * model.c, lambda a, b, c: (b * c, a * c, a * b)),
    ],
)
def test_a_gradient_or_a_loss_that_is_a_parameter_is_the_old_one(loss, gradient, tmp_path):
    model = Outputs()
    tn.export_c(
        model, tmp_path / "model.c", inputs=1, dtype="double", loss=lambda p, t: loss(model),
        train=tn.SGD([model.a, model.b, model.c], lr=0.25),
    )  # fmt: skip
    loaded = library((tmp_path / "model.c").read_text(), tmp_path)
    loaded.model_train.restype = ctypes.c_double
    state = ctypes.create_string_buffer(1 << 12)
    loaded.model_init(state)
    numbers = (ctypes.c_double * 3).from_buffer(state)
    for _ in range(3):
        a, b, c = numbers
        assert loaded.model_train(state, (ctypes.c_double * 1)(0.0), (ctypes.c_double * 1)(0.0)) == loss(model).data
        slopes = gradient(a, b, c)
        assert list(numbers) == [w - 0.25 * g for w, g in zip((a, b, c), slopes, strict=True)]
        for value, number in zip((model.a, model.b, model.c), numbers, strict=True):
            value.data = number
