"""Every public function with arguments that it cannot take: what is raised is an error of the library, in its words.

Each case is a call that works; each of its arguments in turn becomes each thing of a pool. Either the call works
then, too, or a line of the library raises ValueError, TypeError or a named subclass. Python's or NumPy's own words,
from typing import Any
from a line that is no `raise`, are a fault.
"""

import io
import linecache
import random
import shutil
import traceback
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

import tinygrad_nn as tn
from tinygrad_nn import Value
from tinygrad_nn.autograd.primitives import TABLE
from tinygrad_nn.autograd.rules import is_column

PACKAGE = str(Path(tn.__file__).parent)
EVERY = 53  # of the cases of a function in the base suite: one
CALLABLE = ("lambda", "class", "module", "builtin")  # of the pool


class Odd:
    """An object of nobody's."""


def pool():
    """Things that are no argument of most functions, by their names; new ones, since some can be used up."""
    found: dict[str, Any] = {
        "None": None, "True": True, "zero": 0, "one": 1, "minus one": -1, "half": 0.5, "nan": float("nan"),
        "inf": float("inf"), "past floats": 10**400, "complex": 1j, "text": "x", "no text": "", "bytes": b"x",
        "no list": [], "list": [1.0, 2.0], "ragged": [[1.0], [2.0, 3.0]], "texts": ["a", "b"], "Nones": [None, None],
        "tuple": (1.0,), "dict": {"a": 1}, "set": {1.0, 2.0}, "lambda": lambda: 1.0, "class": int, "object": Odd(),
        "generator": (x for x in (1.0, 2.0)), "iterator": iter([]), "Value": Value(1.0), "Values": [Value(1.0)],
        "module": tn.MLP(2, [1]), "ellipsis": ..., "range": range(3), "file": io.StringIO("x"),
        "error": ValueError("x"),
        "history": tn.History(), "random": random.Random(0), "builtin": print,
    }  # fmt: skip
    try:
        import numpy
    except ImportError:
        return found
    found |= {
        "array": numpy.array([1.0, 2.0]), "matrix": numpy.eye(2), "no dimension": numpy.array(2.0),
        "objects": numpy.array([None, "a"], dtype=object), "letters": numpy.array(["a"]), "numpy int": numpy.int64(2),
        "numpy bool": numpy.bool_(True), "dates": numpy.array(["2020-01-01"], dtype="datetime64[D]"),
        "numpy rng": numpy.random.default_rng(0), "old numpy rng": numpy.random.RandomState(0),
        "empty": numpy.zeros((0, 2)),
    }  # fmt: skip
    try:
        import pandas
    except ImportError:
        return found
    return found | {
        "frame": pandas.DataFrame({"a": [1.0, 2.0], "b": [3.0, 4.0]}), "series": pandas.Series([1.0, 2.0]),
        "words": pandas.DataFrame({"a": ["x", "y"]}),
    }  # fmt: skip


def model(outputs=1):
    return tn.MLP(2, [2, outputs], "tanh", rng=random.Random(0))


def stepped(**options):
    net = model()
    return tn.compile_step(net, "hinge", tn.SGD(net.parameters(), lr=0.1), backend="python", **options)


def loss():
    return tn.losses.squared_error(model()([1.0, 2.0]), 1.0)


def learned():
    history = tn.History()
    history.record(1, 0.5, 0.1, {"gradient of layer 1": 1.0})
    return history


X, Y = [[1.0, 2.0], [0.5, -1.0], [-1.0, 0.0]], [1.0, -1.0, 1.0]


def square(x):
    return x * x


def first(v):
    return v[0] * v[1]


def cases():
    """A call that works for each public function: its name, the function, its arguments by position and by name."""
    for name, row in TABLE.items():
        if name in tn.__all__ and not any(map(is_column, row.operands)):
            yield name, lambda name=name, row=row: (getattr(tn, name), (0.5,) * len(row.operands), {})
    for name in ("mean", "std", "sum", "prod", "norm", "softmax", "log_softmax", "logsumexp", "maximum", "minimum"):
        yield name, lambda name=name: (getattr(tn, name), ([1.0, 2.0],), {})
    yield "where", lambda: (tn.where, (True, 1.0, 2.0), {})
    yield "maximum of two", lambda: (tn.maximum, (1.0, 2.0), {})
    yield "clip", lambda: (tn.clip, (1.0, 0.0, 2.0), {})
    yield "dot", lambda: (tn.dot, ([1.0], [2.0]), {"bias": 1.0})
    yield "take", lambda: (tn.take, ([1.0, 2.0], 1), {})
    yield "detach", lambda: (tn.detach, (1.0,), {})
    for name in tn.losses.LOSSES:
        if name != "cross_entropy":
            yield name, lambda name=name: (getattr(tn.losses, name), (0.5, 1.0), {})
            yield f"{name} of lists", lambda name=name: (getattr(tn.losses, name), ([0.5, 1.0], [1.0, 0.0]), {})
    yield "cross_entropy", lambda: (tn.losses.cross_entropy, ([0.5, 1.0], 1), {})
    yield "huber's delta", lambda: (tn.losses.huber, (0.5, 1.0), {"delta": 2.0})
    yield "losses.named", lambda: (tn.losses.named, ("hinge",), {})
    for name in ("accuracy", "mean_absolute_error", "root_mean_squared_error"):
        yield name, lambda name=name: (getattr(tn.metrics, name), ([0.5, 1.0], [1.0, 0.0]), {})
    yield "accuracy's threshold", lambda: (tn.metrics.accuracy, ([0.5, 1.0], [1.0, 0.0]), {"threshold": 0.1})
    yield "metrics.named", lambda: (tn.metrics.named, ("mae",), {})
    # numbers that record, and their derivatives
    yield "Value", lambda: (Value, (1.0,), {"label": "a"})
    yield "Value.backward", lambda: (loss().backward, (), {})
    yield "grad", lambda: (tn.grad, ((x := Value(2.0)) * x, x), {"create_graph": True})
    yield "derivative", lambda: (tn.derivative, (square, 2.0), {"order": 2})
    yield "gradient", lambda: (lambda f, x: tn.gradient(f)(x), (square, 2.0), {})
    yield "jacobian", lambda: (lambda f, x: tn.jacobian(f)(x), (first, [1.0, 2.0]), {})
    yield "hessian", lambda: (lambda f, x: tn.hessian(f)(x), (first, [1.0, 2.0]), {})
    yield "hvp", lambda: (lambda f, x, v: tn.hvp(f)(x, v), (first, [1.0, 2.0], [1.0, 0.0]), {})
    yield "jvp", lambda: (lambda f, x, v: tn.jvp(f)(x, v), (square, 1.0, 2.0), {})
    yield "vjp", lambda: (lambda f, x, v: tn.vjp(f)(x, v), (square, 1.0, 2.0), {})
    yield "value_and_grad", lambda: (lambda f, x, has_aux: tn.value_and_grad(f, has_aux)(x), (square, 1.0, False), {})
    yield "gradcheck", lambda: (tn.gradcheck, (square, [2.0]), {"order": 1, "tolerance": 1e-3})
    yield "no_grad", lambda: (tn.no_grad(), (square,), {})
    # networks
    yield "Neuron", lambda: (tn.Neuron, (2, "tanh"), {"init": "he", "rng": random.Random(0), "nonlin": None})
    yield "Layer", lambda: (tn.Layer, (2, 2, "tanh"), {"init": "he", "rng": random.Random(0)})
    yield "MLP", lambda: (
        tn.MLP, (2, [2, 1], "tanh", "linear", "he", random.Random(0), ["a", "b"], ["c"]), {"name": "net"},
    )  # fmt: skip
    yield "MLP.from_weights", lambda: (
        tn.MLP.from_weights, ([[[1.0], [2.0]]], [[0.5]], "tanh", "tanh"),
        {"input_names": ["a", "b"], "output_names": ["c"]},
    )  # fmt: skip
    for made in (tn.Neuron(2), tn.Layer(2, 2), model()):
        yield f"{type(made).__name__}.__call__", lambda made=made: (made, ([1.0, 2.0],), {})
    yield "predict", lambda: (model().predict, (X,), {})
    yield "predict_classes", lambda: (model().predict_classes, (X,), {"threshold": 0.5})
    yield "load_state_dict", lambda: ((net := model()).load_state_dict, (net.state_dict(),), {})
    yield "load_state_dict's weights", lambda: (
        lambda weights: (net := model()).load_state_dict(net.state_dict() | {"layers.0.neurons.0.weights": weights}),
        ([1.0, 2.0],), {},
    )  # fmt: skip
    # training
    yield "SGD", lambda: (
        tn.SGD, (model().parameters(), 0.1), {"momentum": 0.5, "nesterov": True, "weight_decay": 0.1},
    )  # fmt: skip
    yield "Adam", lambda: (
        tn.Adam, (model().parameters(), 0.1), {"betas": (0.9, 0.99), "epsilon": 1e-8, "weight_decay": 0.1},
    )  # fmt: skip
    yield "SGD with a lr that is set", lambda: (stepping, (0.1,), {"momentum": 0.5})
    schedules = (("linear", 0.1, 0.2, 10), ("cosine", 0.2, 0.1, 10), ("step_decay", 0.1, 0.5, 2), ("warmup", 0.1, 5))
    for name, *settings in schedules:
        yield f"optim.{name}", lambda name=name, settings=settings: (
            lambda *given: getattr(tn.optim, name)(*given[:-1])(given[-1]), (*settings, 3), {},
        )  # fmt: skip
    yield "fit", lambda: (fitted, (model(), X, Y, "hinge"), {"regularizer": None, "metrics": "accuracy"})
    yield "fit's numbers", lambda: (
        fitted, (), {"epochs": 2, "batch_size": 2, "patience": 1, "progress": False, "shuffle": True},
    )  # fmt: skip
    yield "fit's others", lambda: (
        fitted, (), {
            "rng": random.Random(0), "validation": (X, Y), "until": None, "checkpoint": None, "callbacks": (),
            "backend": "python", "dtype": "float64", "optimizer": None,
        },
    )  # fmt: skip
    if find_spec("scipy") is not None:
        yield "minimize", lambda: (minimized, (model(), X, Y, "squared_error"), {"regularizer": None, "metrics": "mae"})
        yield "minimize's others", lambda: (
            minimized, (), {
                "method": "lm", "epochs": 2, "tolerance": 1e-3, "validation": (X, Y), "patience": 1, "progress": False,
                "callbacks": lambda history: False, "backend": "auto", "until": None,
            },
        )  # fmt: skip
        yield "minimize's until", lambda: (
            lambda metric, limit: minimized(until=(metric, limit)), (lambda p, t: (p - t) ** 2, 0.5), {}
        )  # fmt: skip
    yield "fit's until", lambda: (lambda metric, limit: fitted(until=(metric, limit)), (lambda p, t: p, 0.5), {})
    yield "compile_step", lambda: (
        lambda net, loss, backend, dtype, regularizer: tn.compile_step(
            net, loss, tn.SGD(model().parameters(), 0.1), regularizer, backend, dtype
        ), (model(), "hinge", "python", "float64", None), {},
    )  # fmt: skip
    yield "compile_step's optimizer", lambda: (
        lambda optimizer: tn.compile_step(model(), "hinge", optimizer), (tn.SGD(model().parameters(), 0.1),), {},
    )  # fmt: skip
    yield "step", lambda: (stepped(), (X, Y), {})
    yield "step.run", lambda: (
        stepped().run, (X, Y, 2, 2), {"shuffle": True, "rng": random.Random(0), "until": None, "progress": None},
    )  # fmt: skip
    yield "step.source", lambda: ((step := stepped())(X, Y) and step.source, ("python",), {})
    for name, of in (("half_adder", ()), ("xor", ())):
        yield name, lambda name=name, of=of: (getattr(tn.data, name), of, {})
    yield "moons", lambda: (tn.data.moons, (4, 0.1, random.Random(0)), {})
    yield "circles", lambda: (tn.data.circles, (4, 0.1, 0.5, random.Random(0)), {})
    yield "spirals", lambda: (tn.data.spirals, (4, 2, 0.5, 0.1, random.Random(0)), {})
    yield "batches", lambda: (lambda *given: list(tn.data.batches(*given)), (X, Y, 2, True, random.Random(0)), {})
    yield "History.record", lambda: (tn.History().record, (1, 0.5, 0.1, {"mae": 0.1}), {})
    # compiled functions
    yield "compile", lambda: (tn.compile, (square,), {"backend": "python", "dtype": "float64", "exact": True})
    yield "compile's namespace", lambda: (tn.compile, (square,), {"namespace": None})
    for name in ("__call__", "grad", "value_and_grad"):
        yield f"f.{name}", lambda name=name: (getattr(tn.compile(square), name), (2.0,), {})
        yield f"f.{name} of a list", lambda name=name: (getattr(tn.compile(first), name), ([2.0, 1.0],), {})
    yield "f.batch", lambda: (tn.compile(square).batch, ([[1.0], [2.0]],), {"gradients": True})
    yield "f.source", lambda: (called().source, ("python",), {"gradient": True})
    # checks
    yield "formula", lambda: (tn.formula, ((x := Value(2.0)) * x,), {"wrt": x, "max_operations": 10})
    yield "explain", lambda: (tn.explain, ((x := Value(2.0)) * x, x), {"top": 3})
    yield "lint", lambda: (tn.lint, (net := model(), tn.losses.hinge(net([1.0, 2.0]), 1.0)), {"rows": X})
    yield "primitive", lambda: (
        lambda name, value, rules, symbol, spellings: own(name, value, rules, symbol=symbol, spellings=spellings),
        ("cubed", lambda x: x**3, "g * 3.0 * x * x", "x3", None), {},
    )  # fmt: skip
    # drawings
    yield "draw", lambda: (
        lambda root, **options: tn.draw(root, **options).source, (loss(),), {
            "view": "graph", "style": "compact", "expand": True, "rankdir": "LR", "digits": 4, "title": "t",
            "max_nodes": 500, "clusters": True, "repeat_shared": False,
        },
    )  # fmt: skip
    yield "draw_network", lambda: (
        lambda net, *x, **options: tn.draw_network(net, *x, **options).source, (model(), [1.0, 2.0]), {
            "color": "weight", "max_neurons": 5, "edge_labels": True, "title": "t", "optimizer": None,
        },
    )  # fmt: skip
    yield "steps", lambda: (
        lambda root, **options: tn.steps(root, **options).html(), (Value(1.0) * 2.0,), {
            "expand": True, "digits": 4, "title": "t", "max_nodes": 500,
        },
    )  # fmt: skip


def plotted():
    """The same for what needs matplotlib."""
    yield "plot_history", lambda: (tn.plots.plot_history, (learned(),), {})
    yield "plot_history's Axes", lambda: (tn.plots.plot_history, (learned(),), {"ax": None})
    yield "plot_gradients", lambda: (tn.plots.plot_gradients, (learned(),), {"ax": None})
    yield "plot_boundary", lambda: (
        tn.plots.plot_boundary, (model(), X, Y), {"ax": None, "threshold": 0.0, "resolution": 5},
    )  # fmt: skip


def estimated():
    """The same for what needs scikit-learn."""
    from tinygrad_nn.sklearn import MLPClassifier, MLPRegressor

    def fit_of(kind):
        return lambda X=X, Y=Y, weights=None, **given: kind(**({"max_iter": 1} | given)).fit(X, Y, weights)

    for kind in (MLPClassifier, MLPRegressor):
        for name, good in {
            "hidden_layer_sizes": (3,), "activation": "relu", "solver": "adam", "alpha": 0.1, "batch_size": 2,
            "learning_rate_init": 0.1, "max_iter": 2, "shuffle": True, "random_state": 0, "tol": 0.1, "momentum": 0.5,
            "nesterovs_momentum": True, "n_iter_no_change": 2, "dtype": "float64",
        }.items():  # fmt: skip
            yield f"{kind.__name__}'s {name}", lambda kind=kind, name=name, good=good: (fit_of(kind), (), {name: good})
        fitted = fit_of(kind)(X, Y)
        yield f"{kind.__name__}.fit", lambda kind=kind: (fit_of(kind), (X, Y, [1.0, 1.0, 1.0]), {})
        for name in ("predict", "input_gradients"):
            yield f"{kind.__name__}.{name}", lambda fitted=fitted, name=name: (getattr(fitted, name), (X,), {})


def filed(folder):
    """The same for what writes files."""
    path = folder / "model.txt"
    tn.save(model(), path)
    yield "save", lambda: (tn.save, (model(), path), {"optimizer": None})
    yield "load", lambda: (tn.load, (path,), {"optimizer": False})
    yield "export_c", lambda: (
        tn.export_c, (model(), folder / "model.c"), {
            "name": "net", "loss": None, "train": None, "dtype": "float", "header": False, "overwrite": True,
            "inputs": None, "targets": None, "save": False, "batches": False, "weights_apart": False,
        },
    )  # fmt: skip
    yield "export_c in 8 bits", lambda: (
        lambda rows, **options: tn.export_c(model(), folder / "model.c", dtype="int8", rows=rows, overwrite=True),
        (X,), {},
    )  # fmt: skip
    net = model()
    block = tn.c_state(net, tn.SGD(net.parameters(), 0.1))
    yield "c_state", lambda: (tn.c_state, (n := model(), tn.SGD(n.parameters(), 0.1)), {"dtype": "float"})
    yield "load_c_state", lambda: (tn.load_c_state, (model(), block), {"optimizer": None})
    yield "export_c that learns", lambda: (
        lambda loss, **options: tn.export_c(
            net := model(), folder / "model.c", loss=loss, train=tn.SGD(net.parameters(), 0.1), overwrite=True,
            **options
        ), ("hinge",), {"targets": 1},
    )  # fmt: skip
    yield "draw.write", lambda: (tn.draw(loss()).write, (folder / "graph.gv",), {})
    yield "steps.save", lambda: (tn.steps(loss()).save, (folder / "page.html",), {})


def built(folder):
    """The same for what calls a compiler."""
    yield "check_c", lambda: (
        tn.check_c, (model(), X), {"dtype": "float", "compiler": None, "flags": (), "inputs": None},
    )  # fmt: skip
    yield "check_c in 8 bits", lambda: (
        lambda rows, scale_rows: tn.check_c(model(), rows, dtype="int8", scale_rows=scale_rows), (X, X), {},
    )  # fmt: skip


def stepping(lr, momentum):
    optimizer = tn.SGD(model().parameters(), 0.1)
    optimizer.lr, optimizer.momentum = lr, momentum
    optimizer.step()


def minimized(net=None, X=X, Y=Y, loss="squared_error", **options):
    net = model() if net is None else net
    return tn.minimize(net, X, Y, loss, **({"epochs": 2, "progress": False} | options))


def fitted(net=None, X=X, Y=Y, loss="hinge", optimizer=None, **options):
    net = model() if net is None else net
    parameters = net.parameters() if isinstance(net, tn.Module) else model().parameters()
    optimizer = optimizer if optimizer is not None else tn.SGD(parameters, lr=0.01)
    given: dict[str, Any] = {"epochs": 1, "progress": False, "backend": "python"} | options
    return tn.fit(net, X, Y, loss, optimizer, **given)


def called():
    f = tn.compile(square)
    f.grad(1.0)
    return f


def own(name, *given, **options):
    return tn.primitive(name, *given, **options)


def innermost(error):
    trace = error.__traceback__
    while trace.tb_next is not None:
        trace = trace.tb_next
    return trace.tb_frame.f_code, trace.tb_lineno


def is_ours(error, thing):
    """Whether the innermost line is a `raise` of the library, or the fault that of a function of the caller's own."""
    code, line = innermost(error)
    if code.co_filename == __file__ and code.co_name in ("square", "first"):
        return True
    files = [frame.filename for frame in traceback.extract_tb(error.__traceback__)]
    if any("sklearn" in file and not file.startswith(PACKAGE) for file in files):
        return True  # scikit-learn checks what its estimators are given
    if not isinstance(error, (ValueError, TypeError, RuntimeError)):
        return False
    if code.co_filename.startswith(PACKAGE) and linecache.getline(code.co_filename, line).strip().startswith("raise "):
        return True
    return isinstance(error, TypeError) and (thing in CALLABLE or "square()" in str(error))  # called with too many


def faults_of(name, make, every=1, shift=0):
    """What goes wrong where one argument of a call that works is something else."""
    function, by_place, by_name = make()
    function(*by_place, **by_name)
    found = []
    things = [(place, thing) for place in (*range(len(by_place)), *by_name) for thing in pool()]
    for place, thing in things[shift % every :: every]:
        function, by_place, by_name = make()
        arguments, options = list(by_place), dict(by_name)
        (arguments if isinstance(place, int) else options)[place] = pool()[thing]
        try:
            function(*arguments, **options)
        except OSError:  # of a path that the system refuses
            pass
        except Exception as error:
            if not is_ours(error, thing):
                code, line = innermost(error)
                where = f"{Path(code.co_filename).name}:{line}"
                found.append(f"{name}({place}={thing}): {type(error).__name__} at {where}: {str(error)[:150]}")
    return found


@pytest.fixture(autouse=True)
def quiet(monkeypatch, tmp_path):
    """Whatever is written, and wherever by a wrong path, is out of the way."""
    monkeypatch.chdir(tmp_path)


def all_cases(folder):
    found = [*cases(), *filed(folder)]
    if find_spec("matplotlib"):
        import matplotlib

        matplotlib.use("Agg")
        found += plotted()
    return found


def closed():
    if find_spec("matplotlib"):
        from matplotlib import pyplot

        pyplot.close("all")


@pytest.mark.filterwarnings("ignore")
def test_some_wrong_arguments_of_every_function_are_told(tmp_path, capsys):
    """Some of those of each function, others of the next."""
    found = []
    for shift, (name, make) in enumerate(all_cases(tmp_path)):
        found += faults_of(name, make, every=EVERY, shift=shift * 7)
        closed()
    assert not found, "\n".join(found)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_all_wrong_arguments_of_every_function_are_told(tmp_path, capsys):
    found = []
    compilers = built(tmp_path) if shutil.which("cc") else ()
    estimators = estimated() if find_spec("sklearn") else ()
    for name, make in [*all_cases(tmp_path), *compilers, *estimators]:
        found += faults_of(name, make)
        closed()
    assert not found, "\n".join(found)


def test_every_public_function_is_tried():
    """Whoever adds a public name adds a call of it."""
    tried = {name.split("'")[0].split(".")[0].split(" ")[0] for name, _ in cases()} | {
        "save",
        "minimize",
        "load",
        "export_c",
        "c_state",
        "load_c_state",
        "check_c",
    }
    kinds = {"AnomalyError", "Finding", "GradientError", "LintWarning", "Module", "StorageError", "History"}
    rooms = {"data", "functional", "losses", "metrics", "optim", "plots"}
    assert set(tn.__all__) - tried - kinds - rooms - {"detect_anomaly"} == set()


def test_the_check_catches_words_of_others():
    def leaking(numbers):
        return sum(numbers)

    assert faults_of("leaking", lambda: (leaking, ([1.0],), {}))
    assert faults_of("tn.leaking", lambda: (lambda f: tn.fit, (1.0,), {})) == []
