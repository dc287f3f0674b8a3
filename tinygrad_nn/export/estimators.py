"""Fitted estimators, alone or in a pipeline, as functions of features: scaling, a network, and what it tells of them.

A scaler is recognised by its class, an estimator of this library says itself what it computes. Scaling goes into the
first layer in double precision; a mean that is large beside what it is the middle of is subtracted first, since of two
large sums a float would keep few digits.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from ..autograd.value import Value
from ..compiler.backends.c.constants import Constants
from ..compiler.backends.c.file import File
from ..compiler.backends.c.over_time.sums import with_sums
from ..compiler.backends.c.printer import Printer
from ..compiler.backends.c.regions import Region
from ..compiler.function import compile
from ..compiler.loops.roll import rolled
from ..compiler.single_precision import rounded
from ..functional import sigmoid, softmax
from ..nn.layers import MLP
from ..nn.module import Module

WHOLE_LABELS = "int", "long"  # of C, by how many bits they take
MOST_LOST = 1e-7  # of a sum in the first layer, by rounding what scaling adds to it; else the middle is subtracted
TAKEN = (
    "an MLPClassifier or MLPRegressor of tinygrad_nn.sklearn, alone or last in a Pipeline after StandardScaler, "
    "MinMaxScaler, MaxAbsScaler or RobustScaler"
)

Columns = Sequence[float]


def _of_standard(scaler: Any, n: int) -> tuple[Any, Any]:
    return scaler.mean_ if scaler.with_mean else [0.0] * n, scaler.scale_ if scaler.with_std else [1.0] * n


def _of_robust(scaler: Any, n: int) -> tuple[Any, Any]:
    return (
        scaler.center_ if scaler.with_centering else [0.0] * n,
        scaler.scale_ if scaler.with_scaling else [1.0] * n,
    )


def _of_range(scaler: Any, n: int) -> tuple[Any, Any]:
    if scaler.clip:
        raise ValueError("MinMaxScaler(clip=True) does more than scale, which no layer can: fit it with clip=False")
    return [-low / factor for low, factor in zip(scaler.min_, scaler.scale_, strict=True)], 1.0 / scaler.scale_


# Of each scaler what it subtracts from a feature, and then divides it by.
SCALERS: dict[str, Callable[[Any, int], tuple[Any, Any]]] = {
    "StandardScaler": _of_standard,
    "MinMaxScaler": _of_range,
    "MaxAbsScaler": lambda scaler, n: ([0.0] * n, scaler.scale_),
    "RobustScaler": _of_robust,
}


class Estimated(Module):
    """What a fitted estimator tells of a row: its predictions, or the probabilities of its labels.

    `network` gives the outputs for a row less its `middle`, `spread` is what features vary by, where that is known.
    `labels` are None of numbers that are predicted; of one row `several` may hold.
    """

    def __init__(self, network: MLP, labels: Sequence[Any] | None, several: bool, steps: Sequence[str]) -> None:
        self.middle: list[Value] = []
        self.network, self.several = network, several
        self._labels, self._steps = None if labels is None else list(labels), list(steps)
        self._typical: tuple[Columns, Columns] | None = None
        if labels is not None and len(labels) == 1:
            raise ValueError(f"y had one class alone, {labels[0]}, which is the answer for every row")

    @property
    def labels(self) -> list[Any] | None:
        return self._labels

    def scaled(self, shifts: Columns, scales: Columns, single: bool, apart: bool) -> None:
        """Let features be less `shifts` and divided by `scales` before they come to the network."""
        neurons, exact = self.network.layers[0].neurons, 24 if single else 53
        for neuron in neurons:
            for weight, scale in zip(neuron.weights, scales, strict=True):
                weight.data = weight.data / scale
        added = [[-w.data * shift for w, shift in zip(n.weights, shifts, strict=True)] for n in neurons]
        if apart or max(math.fsum(map(abs, each)) for each in added) * 2.0**-exact > MOST_LOST:
            self.middle = [Value(rounded(shift) if single else shift) for shift in shifts]
            rest = [middle.data - shift for middle, shift in zip(self.middle, shifts, strict=True)]
            added = [[w.data * more for w, more in zip(n.weights, rest, strict=True)] for n in neurons]
        for neuron, each in zip(neurons, added, strict=True):
            neuron.bias.data = math.fsum([neuron.bias.data, *each])
        self._typical = shifts, scales

    def row_of(self, numbers: Columns) -> list[float]:
        """A row of features that are these numbers once they are scaled."""
        if self._typical is None:
            return [*numbers]
        return [shift + scale * x for x, shift, scale in zip(numbers, *self._typical, strict=True)]

    def outputs(self, row: Any) -> Any:
        """What the network gives for a row: predictions, or logits."""
        return self.network([x - m for x, m in zip(row, self.middle, strict=True)] if self.middle else row)

    def told(self, outputs: Any) -> Any:
        """What is told of these outputs."""
        if self.labels is None:
            return outputs
        outputs = outputs if isinstance(outputs, list | tuple) else [outputs]
        if self.several:
            return [sigmoid(z) for z in outputs]
        if len(outputs) > 1:
            return softmax(outputs)
        right = sigmoid(outputs[0])
        return [1.0 - right, right]

    def __call__(self, row: Any) -> Any:
        return self.told(self.outputs(row))

    def __repr__(self) -> str:
        *before, last = self._steps
        less = " (of which the middle is subtracted, and the rest in the first layer)" if self.middle else ""
        return f"{last} after {', '.join(before)}{less}, {self.network!r}" if before else f"{last}, {self.network!r}"

    def add_to(self, file: File, inputs: int, outputs: int, weights: int = 0) -> None:
        """Add the functions of probabilities and labels to a file, after that of the outputs.

        `weights` is how many they are given, where those are not in the file.
        """
        assert self.labels is not None
        name, n = file.name, len(self.labels)
        program = compile(self.told, backend="python")
        program([0.5] * outputs)
        z, y = Region("z", 0, outputs), Region("y", 0, n)
        roll = rolled(*with_sums(program.program.flat))
        printer = Printer(roll, [z], [], [y], False, "return;", "slots", file.constants)
        scratch = f"    real slots[{printer.slots}];\n" if printer.slots else ""
        begin = f"    real z[{outputs}];\n    {name}_outputs({'weights, ' if weights else ''}x, z);\n"
        x = f"const real weights[{weights}], " * bool(weights) + f"const real x[{inputs}]"
        file.function(f"void {name}_predict({x}, real y[{n}])", f"{scratch}{begin}{printer.text}")
        if self.several:
            each = f"    for (int k = 0; k < {n}; ++k) {{\n        found[k] = z[k] > 0.0;\n    }}\n"
            file.function(f"void {name}_classes({x}, int found[{n}])", begin + each)
        elif outputs == 1:
            file.function(f"int {name}_class({x})", f"{begin}    return z[0] > 0.0;\n")
        else:
            largest = "if (z[k] > z[best]) {\n            best = k;\n        }"
            loop = f"    for (int k = 1; k < {n}; ++k) {{\n        {largest}\n    }}\n"
            file.function(f"int {name}_class({x})", f"{begin}    int best = 0;\n{loop}    return best;\n")
        file.function(*self.label_function(name, file.constants), literal=True)

    def label_function(self, name: str, constants: Constants) -> tuple[str, str]:
        """The head and the lines of the function that gives a label; whole numbers stand in a table of the file."""
        assert self.labels is not None
        kind, entries = _as_c(self.labels)
        if kind in WHOLE_LABELS:
            return f"{kind} {name}_label(int index)", f"    return {constants.table(entries, kind, 'labels')}[index];\n"
        const = "const char *const " if kind == "const char *" else f"const {kind} "
        table = "".join(f"        {entry},\n" for entry in entries)
        lines = f"    static {const}labels[{len(entries)}] = {{\n{table}    }};\n    return labels[index];\n"
        return f"{kind}{' ' * kind[-1].isalpha()}{name}_label(int index)", lines

    def whole(self) -> MLP:
        """All of it as one network: of two classes it gives the probability of the second, else of each label."""
        layers, names = self.network.layers, self.network.input_names
        hidden, ends = layers[0].neurons[0].activation, layers[-1].neurons
        end = ends[0].activation
        if self.labels is not None:
            end = "sigmoid" if self.several or len(ends) == 1 else "softmax"
        sizes = [len(layer.neurons) for layer in layers]
        made = MLP(len(layers[0].neurons[0].weights), sizes, hidden, end, input_names=names)
        made.load_state_dict(self.network.state_dict())
        for neuron in made.layers[0].neurons if self.middle else ():
            subtracted = (-w.data * middle.data for w, middle in zip(neuron.weights, self.middle, strict=True))
            neuron.bias.data = math.fsum([neuron.bias.data, *subtracted])
        made._learned = [0.5] * len(ends) if self.several else None
        return made

    def calls(self, name: str, given: str) -> list[str]:
        """What the comment says of those functions, of which the first arguments are given."""
        if self.labels is None:
            return []
        of_each = "each label" if self.several else "each class"
        index = (
            f"{name}_classes({given}x, found)    found[k] is 1 where label k holds, else 0"
            if self.several
            else f"{name}_class({given}x)    the index of the class that `predict` gives in Python"
        )
        named = ", ".join(map(str, self.labels))
        return [
            f"{name}_predict({given}x, y)    y is the probability of {of_each}, {len(self.labels)}: {named}",
            index,
            f"{name}_label(index)    the label of an index from 0 to {len(self.labels) - 1}",
        ]


def _as_c(labels: Sequence[Any]) -> tuple[str, list[str]]:
    """Labels as constants of C, and their type: numbers where all are, else texts."""
    plain = [label.item() if hasattr(label, "item") else label for label in labels]
    if all(isinstance(label, int) and -(2**31) < label < 2**31 for label in plain):  # also False and True
        return WHOLE_LABELS[any(abs(label) >= 2**15 for label in plain)], [str(int(label)) for label in plain]
    if all(isinstance(label, float) and math.isfinite(label) for label in plain):
        return "double", [repr(label) for label in plain]
    return "const char *", [_quoted(str(label)) for label in plain]


def _quoted(text: str) -> str:
    """A text as C has it, its letters beyond ASCII as the bytes of UTF-8."""
    kept = {*range(32, 127)} - {*b'"\\?'}
    return '"' + "".join(chr(b) if b in kept else f"\\{b:03o}" for b in text.encode("utf-8", "surrogatepass")) + '"'


def estimated(model: Any, dtype: Any, apart: bool = False) -> Any:
    """A fitted estimator, or a pipeline that ends in one, as what it computes; another model as it is.

    Where weights are `apart` from the program, which is to take those of another fit, it is the same program for all.

    Raises ValueError for a step that no layer can take in, TypeError for an estimator of another kind.
    """
    if callable(model):
        return model
    *scalers, last = [*_steps(model)] or [model]
    if not hasattr(last, "_for_c"):
        if hasattr(model, "fit"):
            hint = ": give its best_estimator_" if hasattr(model, "best_estimator_") else ""
            raise TypeError(f"export to C takes {TAKEN}, but got {type(last).__name__}{hint}")
        return model
    network, labels, several = last._for_c()
    names = [type(step).__name__ for step in (*scalers, last)]
    found = Estimated(network, labels, several, names)
    given = getattr(model, "feature_names_in_", None) if scalers else None
    if given is not None:
        network.input_names = [str(name) for name in given]
    n = len(network.layers[0].neurons[0].weights)
    shifts, scales = [0.0] * n, [1.0] * n
    for scaler in scalers:
        less, by = _scaling(scaler, n)
        shifts = [shift + scale * s for shift, scale, s in zip(shifts, scales, less, strict=True)]
        scales = [scale * b for scale, b in zip(scales, by, strict=True)]
    if scalers:
        found.scaled(shifts, scales, dtype == "float", apart)
    return found


def _steps(model: Any) -> Iterator[Any]:
    """The steps of a pipeline, and of pipelines in it, those left out that do nothing."""
    if not hasattr(model, "steps"):
        yield model
        return
    for _, step in model.steps:
        if step is not None and step != "passthrough":
            yield from _steps(step)


def _scaling(scaler: Any, n: int) -> tuple[list[float], list[float]]:
    """What a scaler subtracts from each feature, and then divides it by."""
    kind = type(scaler)
    if kind.__module__.partition(".")[0] != "sklearn" or kind.__name__ not in SCALERS:
        raise ValueError(f"export to C takes {TAKEN}, but the pipeline has the step {kind.__name__}: do that before C")
    if not hasattr(scaler, "n_features_in_"):
        raise ValueError(f"{kind.__name__} is not fitted yet: fit the pipeline first")
    less, by = SCALERS[kind.__name__](scaler, n)
    return list(map(float, less)), list(map(float, by))
