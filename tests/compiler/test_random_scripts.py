"""Random scripts in which something that a function reads beside its arguments changes, between calls or by its hand.

Each script is run plain and compiled, from the same text: the numbers are equal, or the compiled one raises or warns,
and that only where the function does what no program can hold.
"""

import random
import warnings
from typing import Any

import pytest

import tinygrad_nn as tn

# By kind: what declares a name n, how the function reads it, and what changes it. u, v and w are numbers.
KINDS = {
    "number": ("{n} = {u}", ["{n}", "max({n}, {v})"], ["{n} = {w}", "{n} = -{n}", "{n} = {n} + 0.0"]),
    "whole number": ("{n} = 2", ["{n}", "[{u}, {v}, {w}, 0.5][{n}]"], ["{n} = 3", "{n} = 1", "{n} = True"]),
    "switch": ("{n} = True", ["({u} if {n} else {v})"], ["{n} = not {n}", "{n} = 1"]),
    "text": ("{n} = 'tanh'", ["getattr(tn, {n})({x})"], ["{n} = 'sin'", "{n} = 'cos'"]),
    "list": (
        "{n} = [{u}, {v}]",
        ["{n}[0]", "sum({n})", "{n}[-1] * len({n})"],
        ["{n}[0] = {w}", "{n}.append({w})", "{n}.reverse()", "{n} = [{w}]", "{n}[:] = [{u}, {w}]"],
    ),
    "nested": ("{n} = [[{u}], ({v}, [{w}])]", ["{n}[1][1][0]"], ["{n}[1][1][0] = {u}", "{n}[1] = (0.0, [{v}])"]),
    "dictionary": (
        "{n} = dict(a={u}, b={v})",
        ["{n}['a']", "sum({n}.values())", "len({n})"],
        ["{n}['a'] = {w}", "{n}['c'] = {w}", "{n} = dict(a={w})", "{n}.update(a={v})"],
    ),
    "set": ("{n} = {{{u}, {v}}}", ["max({n})", "len({n})"], ["{n}.add({w})", "{n}.discard({u})"]),
    "deque": ("{n} = deque([{u}, {v}])", ["{n}[0]"], ["{n}.rotate()", "{n}.appendleft({w})"]),
    "object": (
        "{n} = Plain({u})",
        ["{n}.number", "{n}.factor", "{n}.twice()", "{n}.late", "{n}.shown", "{n}({x})"],
        ["{n}.number = {w}", "{n}.factor = {w}", "{n} = Plain({v})", "{n}.hidden = {v}", "{n}.twice = lambda: {u}"],
    ),
    "slots": ("{n} = Slotted({u})", ["{n}.number"], ["{n}.number = {w}", "{n} = Slotted({v})"]),
    "namespace": ("{n} = SimpleNamespace(a={u})", ["{n}.a"], ["{n}.a = {w}", "{n}.a = Value({w})"]),
    "helper": (
        "{n} = lambda y, k={u}: y * k",
        ["{n}({x})", "{n}(2.0)"],
        ["{n}.__defaults__ = ({w},)", "{n} = lambda y: y + {v}", "{n}.__code__ = (lambda y, k=0.0: y - k).__code__"],
    ),
    "partial": ("{n} = partial(lambda k, y: k[0] * y, [{u}])", ["{n}({x})"], ["{n}.args[0][0] = {w}"]),
    "array": (
        "{n} = np.array([{u}, {v}])",
        ["float({n}[0])", "float({n}.sum())"],
        ["{n}[0] = {w}", "{n} *= 2.0", "{n} = np.array([{w}])", "{n}.sort()"],
    ),
    "Value": ("{n} = Value({u})", ["{n}"], ["{n}.data = {w}", "{n} = Value({w})", "{n} = {v}"]),
    "its number": (
        "{n} = Value({u})",
        ["{n}.data", "({x} if {n}.data > 1.0 else -{x})", "float(abs({n}.data))", "({n} * {n}) * {n}.data"],
        ["{n}.data = -{n}.data", "{n}.data = {w}", "{n} = Value({w})"],
    ),
    "branch": ("{n} = Value({u})", ["({x} if {n} > 1.0 else -{x})"], ["{n}.data = {w}", "{n}.data = -{n}.data"]),
    "result": ("{n} = Value({u}) * 2.0", ["{n}"], ["{n} = Value({w}) + {v}"]),
    "Values": (
        "{n} = [Value({u}), Value({v})]",
        ["{n}[0]", "sum({n})", "{n}[-1].data"],
        ["{n}[0] = Value({w})", "{n}.reverse()", "{n}[0].data = {w}", "{n}[0] = {v}", "{n}.append(Value({w}))"],
    ),
    "neuron": (
        "{n} = tn.Neuron(1, 'linear', rng=random.Random(3))",
        ["{n}([{x}])", "{n}([0.5])", "{n}.weights[0]", "{n}.state_dict()['bias']"],
        ["{n}.activation = 'tanh'", "{n}.bias = Value({w})", "{n}.w[0] = Value({w})", "{n}.bias.data = {v}"],
    ),
    "network": (
        "{n} = tn.MLP(1, [2, 1], 'tanh', rng=random.Random(3))",
        ["{n}([{x}])"],
        [
            "{n}.layers[0].neurons.reverse()", "{n}.layers[1].neurons[0].w.reverse()",
            "{n}.layers[0].neurons[1] = tn.Neuron(1, 'relu', rng=random.Random(5))",
            "{n}.load_state_dict(tn.MLP(1, [2, 1], rng=random.Random(6)).state_dict())",
        ],
    ),
}  # fmt: skip
EFFECTS = {
    "random": ("{n} = 0", ["random.random()", "random.gauss(0.0, 1.0)"], []),
    "generator": ("{n} = random.Random({u})", ["{n}.random()", "{n}.choice([1.0, 2.0])"], ["{n}.seed(3)"]),
    "of NumPy": ("{n} = np.random.default_rng(3)", ["{n}.random()"], []),
    "counter": ("{n} = Counter()", ["{n}.up()"], ["{n}.count = 0"]),
    "iterator": ("{n} = itertools.count()", ["next({n})"], []),
    "kept": ("{n} = []", ["({n}.append({x}) or len({n}))"], ["{n}.clear()"]),
    "setting": ("{n} = Value({u})", ["(setattr({n}, 'data', {n}.data * 0.5) or {n})"], ["{n}.data = {w}"]),
}

HEAD = """
class Plain:
    factor = 1.5
    hidden = 0.25
    def __init__(self, number):
        self.number = number
    def twice(self):
        return 2.0 * self.number
    @property
    def late(self):
        return getattr(self, "hidd" + "en")
    @property
    def shown(self):
        return self.number - 1.0
    def __call__(self, y):
        return y * self.number

class Slotted:
    __slots__ = ("number",)
    def __init__(self, number):
        self.number = number

class Counter:
    count = 0
    def up(self):
        self.count += 1
        return float(self.count)
"""


def written(rng, most_effects=1):
    """The text of a script that defines function(x) and change(k), how many changes there are, and its effects."""
    kinds = rng.sample(list(KINDS), rng.randint(1, 4))
    effects = rng.sample(list(EFFECTS), most_effects) if rng.random() < 0.2 else []
    lines, terms, changes, names = [], [], [], []
    for i, kind in enumerate([*kinds, *effects]):
        declared, reads, changed = (KINDS | EFFECTS)[kind]
        n = f"a{i}"
        numbers = {name: round(rng.uniform(0.2, 2.5), 2) for name in "uvw"}
        lines.append(declared.format(n=n, x="x", **numbers))
        names.append(n)
        for read in rng.sample(reads, rng.randint(1, min(2, len(reads)))):
            terms.append(f"{rng.choice(['x * ', 'tn.sin(x) + ', 'x - ', ''])}{read.format(n=n, x='x', **numbers)}")
        changes += [change.format(n=n, x="x", **numbers) for change in changed]
    rng.shuffle(changes)
    outside = rng.random() < 0.5
    place, word = ("", "global") if outside else ("    ", "nonlocal")
    text = [HEAD] if outside else [HEAD, "def script():"]
    text += [f"{place}{line}" for line in lines]
    text += [f"{place}def function(x):", f"{place}    return x * 0.5 + {' + '.join(f'({term})' for term in terms)}"]
    text += [f"{place}def change(k):", f"{place}    {word} {', '.join(names)}"]
    text += [f"{place}    if k == {k}: {change}" for k, change in enumerate(changes)]
    text += [] if outside else ["    return function, change", "function, change = script()"]
    return "\n".join(text), len(changes), effects


def made(text):
    """The function and its change, from a fresh run of the script."""
    names: dict[str, Any] = {}
    exec("import itertools, random\nfrom collections import deque\nfrom functools import partial", names)
    exec("from types import SimpleNamespace\nimport numpy as np\nimport tinygrad_nn as tn", names)
    exec("from tinygrad_nn import Value\n", names)
    names["__name__"] = "a_script_of_a_user"
    random.seed(7)
    exec(text, names)
    return names["function"], names["change"]


def outcome(run):
    """What a run gives, or the error that it raises; and the warnings on the way."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            found = run()
        except Exception as error:
            found = error
    return found, [each for each in caught if each.category is RuntimeWarning]


def check_function(seed):
    """A function called again and again, with changes in between."""
    rng = random.Random(seed)
    text, changes, effects = written(rng)
    backend = rng.choice(["python"] * 6 + ["auto", "array", "llvm"])
    drawn = [(rng.choice([0, 0, 1, 2]), rng.uniform(-2.0, 2.0), rng.random() < 0.3) for _ in range(8)]
    plan = [([rng.randrange(changes) for _ in range(n if changes else 0)], x, slope) for n, x, slope in drawn]

    def plain():
        function, change = made(text)
        found = []
        for these, x, _ in plan:
            for k in these:
                change(k)
            leaf = tn.Value(x)
            result = function(leaf)
            result = result if isinstance(result, tn.Value) else tn.Value(result)
            found.append((result.data, tn.grad(result, leaf)))
        return found

    def compiled():
        function, change = made(text)
        f, found = tn.compile(function, backend=backend), []
        for these, x, slope in plan:
            for k in these:
                change(k)
            value, slopes = f.value_and_grad(x) if slope else (f(x), None)
            found.append((value, slopes and slopes[0]))
        return found

    expected, found = outcome(plain)[0], outcome(compiled)[0]
    if isinstance(expected, Exception):
        assert isinstance(found, Exception), (text, plan, expected)
    elif isinstance(found, Exception):
        assert effects, (text, plan, found)
    else:
        assert not effects, (text, plan)
        for (value, slope), (got, flow) in zip(expected, found, strict=True):
            assert got == pytest.approx(value, rel=1e-9, abs=1e-12), (text, plan, backend)
            assert flow is None or flow == pytest.approx(slope, rel=1e-9, abs=1e-12), (text, plan, backend)


def check_training(seed):
    """A run with changes in its callback, of a model, a loss or a regularizer that reads what changes."""
    rng = random.Random(seed)
    text, changes, effects = written(rng)
    backend = rng.choice(["python"] * 6 + ["auto", "llvm"])
    place = rng.choice(["model", "loss", "regularizer"])
    at = {epoch: [rng.randrange(changes)] for epoch in range(1, 5) if changes and rng.random() < 0.5}
    batch_size, shuffle, looks = rng.randint(1, 3), rng.random() < 0.5, rng.random() < 0.5

    def run(backend):
        function, change = made(text)

        class Model(tn.Module):
            def __init__(self):
                self.w = tn.Value(0.3)

            def __call__(self, row):
                read = function(row[0]) if place == "model" else row[0]
                return tn.tanh(self.w * read * 0.1)

        def loss(p, t):
            return (p - t) ** 2 + (tn.tanh(function(p)) ** 2 if place == "loss" else 0.0)

        def regularizer(model):
            return tn.tanh(function(model.w)) ** 2

        def callback(history):
            for k in at.get(history.epochs[-1], ()):
                change(k)

        model = Model()
        X, Y = [[0.5], [-1.0], [1.5]], [0.2, -0.4, 0.9]
        history = tn.fit(
            model, X, Y, loss, tn.SGD([model.w], lr=0.05, momentum=0.5), 5, batch_size, shuffle, random.Random(2),
            regularizer if place == "regularizer" else None, validation=(X, Y) if looks else None, callbacks=callback,
            progress=False, backend=backend,
        )  # fmt: skip
        return [*history.losses, *history.metrics.get("validation loss", []), model.w.data]

    expected, (found, warned) = outcome(lambda: run("eager"))[0], outcome(lambda: run(backend))
    if isinstance(expected, Exception):
        assert isinstance(found, Exception), (text, place, at, expected)
    elif isinstance(found, Exception):
        assert effects, (text, place, at, backend, found)
    else:
        assert bool(warned) == bool(effects) or "its number" in text, (text, place, at, backend, warned)
        assert found == pytest.approx(expected, rel=1e-9, abs=1e-12), (text, place, at, backend)


@pytest.mark.parametrize("seed", range(25))
def test_a_function_is_the_plain_one_whatever_changes(seed):
    pytest.importorskip("llvmlite")
    check_function(seed)


@pytest.mark.parametrize("seed", range(15))
def test_a_run_is_the_recorded_one_whatever_changes(seed):
    pytest.importorskip("llvmlite")
    check_training(seed)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(10))
def test_a_thousand_scripts(part):
    pytest.importorskip("llvmlite")
    for seed in range(1000 + 60 * part, 1060 + 60 * part):
        check_function(seed)
    for seed in range(1000 + 40 * part, 1040 + 40 * part):
        check_training(seed)
