"""tinygrad_nn: scalar code you can see through.

A `Value` is one number that remembers how it was computed; `backward` fills in the derivative of a result with respect
to every Value behind it. On it stand neurons, networks, losses and momentum SGD, and `draw` draws what was recorded.

    import tinygrad_nn as tn

    a, b = tn.Value(-4.0, label="a"), tn.Value(2.0, label="b")
    c = a * b + b**3
    c.backward()
    a.grad, b.grad                          # (2.0, 8.0)
    tn.draw(c).write("graph.svg")           # a picture of the graph, with its numbers

    X, Y = tn.data.xor()
    model = tn.MLP(2, [4, 1], activation="tanh", output_activation="sigmoid")
    optimizer = tn.SGD(model.parameters(), lr=0.1, momentum=0.9)
    for epoch in range(300):
        for x, y in zip(X, Y):
            optimizer.zero_grad()
            loss = tn.losses.binary_cross_entropy(model(x), y)
            loss.backward()
            optimizer.step()
    model.predict_classes(X)                # [0, 1, 1, 0]

Where to look
- numbers and derivatives: Value, grad, no_grad, detach; of plain functions, to any depth inside one another:
  derivative, gradient, value_and_grad, jacobian, hessian, hvp, jvp, vjp
- functions of numbers and Values: exp, log, tanh ... dot, take, where, sum, mean, std, norm, maximum, softmax
- networks: Neuron, Layer, MLP, and Module for your own
- training: fit, and minimize for small models; losses, metrics, SGD, Adam, optim (schedules), data; save and load
- checking: gradcheck; detect_anomaly (where a nan came from); formula (what was recorded, or its derivative);
  explain (what a gradient is made of); lint (what is likely wrong with a model and its loss)
- functions of your own: primitive (a row beside those of the table)
- speed: compile (a plain function as straight-line code), compile_step (training steps, and whole runs of them)
- C, for where Python does not run: export_c (a model that predicts, and learns), check_c
- drawing: draw, draw_network, steps (a page that steps through backpropagation)

Numbers are IEEE 754 doubles with one meaning everywhere: 1/0 is inf, log(-1) is nan, and nothing raises a math error.

The source, from the ground up: `version`, `support`; `autograd`; `data`, `functional`, `schedules`; `optim`,
`losses`, `metrics`; `nn`; `compiler`, `plots`; `check`, `drawing`; `training`; `export`; `sklearn`. Each folder's
docstring says in which order to read its files.
"""

from __future__ import annotations

from . import data, functional, losses, optim
from .autograd.recording import no_grad
from .autograd.transforms.derivatives import derivative, grad, gradient, hessian, hvp, jacobian, value_and_grad
from .autograd.transforms.products import jvp, vjp
from .autograd.value import Value
from .functional import *  # noqa: F403
from .nn.layers import MLP, Layer, Neuron
from .nn.module import Module
from .nn.module import of_many_rows as _of_many_rows
from .nn.module import of_one_row as _of_one_row
from .optim import SGD, Adam
from .support.annotation import TYPE_CHECKING, Any
from .version import __version__ as __version__

# What most programs do not begin with is imported when it is first asked for.
if TYPE_CHECKING:  # for editors and type checkers, which do not see `_LATER`
    from . import metrics, plots
    from . import nn as nn
    from .autograd.custom.custom import primitive
    from .check.anomaly import AnomalyError, detect_anomaly
    from .check.explain import explain
    from .check.formula import formula
    from .check.gradcheck import GradientError, gradcheck
    from .check.lint import Finding, LintWarning, lint
    from .compiler.function import compile
    from .drawing.graph.draw import draw
    from .drawing.network import draw_network
    from .drawing.steps.steps import steps
    from .export.comparison import check_c
    from .export.export import export_c
    from .export.state_bytes import c_state, load_c_state
    from .nn.entries import StorageError
    from .nn.saving import load, save
    from .training.fit import fit
    from .training.history import History
    from .training.minimizing.minimize import minimize
    from .training.steps.step import compile_step

    def __getattr__(name: str) -> functional.NumericFunction: ...  # exp, sin ... gelu: the functions of the table


__all__ = ["MLP", "SGD", "Adam", "Layer", "Module", "Neuron", "Value", "data", "functional", "losses", "optim"]
__all__ += ["derivative", "grad", "gradient", "hessian", "hvp", "jacobian", "jvp", "no_grad", "value_and_grad", "vjp"]
__all__ += ["History", "StorageError", "compile", "compile_step", "fit", "load", "metrics", "minimize", "plots", "save"]
__all__ += ["AnomalyError", "GradientError", "detect_anomaly", "explain", "formula", "gradcheck", "primitive"]
__all__ += ["Finding", "LintWarning", "c_state", "check_c", "draw", "draw_network", "export_c", "lint", "load_c_state"]
__all__ += ["steps"]
__all__ += functional.__all__
__all__.sort(key=lambda name: (not name.isupper(), not name[0].isupper(), name))

# Where each of them is: in the module of its name, or of another.
_LATER = {
    "metrics": "metrics",
    "plots": "plots",
    "AnomalyError": "check.anomaly",
    "Finding": "check.lint",
    "GradientError": "check.gradcheck",
    "History": "training.history",
    "LintWarning": "check.lint",
    "StorageError": "nn.entries",
    "c_state": "export.state_bytes",
    "check_c": "export.comparison",
    "compile": "compiler.function",
    "compile_step": "training.steps.step",
    "detect_anomaly": "check.anomaly",
    "draw": "drawing.graph.draw",
    "draw_network": "drawing.network",
    "explain": "check.explain",
    "export_c": "export.export",
    "fit": "training.fit",
    "formula": "check.formula",
    "gradcheck": "check.gradcheck",
    "lint": "check.lint",
    "load": "nn.saving",
    "load_c_state": "export.state_bytes",
    "minimize": "training.minimizing.minimize",
    "primitive": "autograd.custom.custom",
    "save": "nn.saving",
    "steps": "drawing.steps.steps",
}


def _prediction() -> Any:
    from .training.prediction import predicted

    return predicted


def _prediction_of_one() -> Any:
    from .training.one_row import predicted_row

    return predicted_row


_of_many_rows.loaded_by(_prediction)  # who stands above networks, which do not know of it
_of_one_row.loaded_by(_prediction_of_one)


if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        if name not in _LATER:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module

        module = import_module(f".{_LATER[name]}", __name__)
        found = globals()[name] = module if name == _LATER[name] else getattr(module, name)
        return found


def __dir__() -> list[str]:
    return [*__all__, "nn"]
