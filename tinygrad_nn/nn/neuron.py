"""Neuron: one `dot` of weights and inputs plus a bias, and its activation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from operator import attrgetter

from ..autograd import primitives as table
from ..autograd.column import Column
from ..autograd.containers import OWN_ATTRIBUTES
from ..autograd.elementary import as_operand, as_operands
from ..autograd.primitives import Primitive
from ..autograd.recording import current_recorder, next_number, scope
from ..autograd.scope import Place
from ..autograd.value import Packed, Result, Value, unrecorded
from ..losses import Probabilities
from ..support.annotation import Any, Random
from ..support.checks import checked_count, checked_rng
from .activations import Activation, activate_of, activation_name, checked_activation, of_a_whole_layer
from .initial import Init, weight_draws
from .module import Module
from .weights import Weights, column_numbers


def _fold(weights: Sequence[Value], numbers: list[float], total: float) -> float:
    """total + w1 x1 + w2 x2 + ... from the left: the value of `dot`, read from the Values themselves."""
    for weight, x in zip(weights, numbers, strict=True):
        total += weight.data * x
    return total


def _fold_known(weights: Sequence[float], numbers: list[float], total: float) -> float:
    """The same of numbers."""
    for weight, x in zip(weights, numbers, strict=True):
        total += weight * x
    return total


@cache
def _folds_of(n: int) -> tuple[Callable[..., float], Callable[..., float]]:
    """`_fold` and `_fold_known` for n pairs; up to 64 written out, without the loop that takes half of their time."""
    if not 1 <= n <= 64:
        return _fold, _fold_known
    unpack = [f"{', '.join(f'{name}{i}' for i in range(n))}, = {source}" for name, source in (("w", "ws"), ("x", "xs"))]
    namespace: dict[str, Any] = {}
    for name, number in (("fold", ".data"), ("fold_known", "")):
        total = "".join(f" + w{i}{number} * x{i}" for i in range(n))
        exec(f"def {name}(ws, xs, total):\n    {'; '.join(unpack)}\n    return total{total}", namespace)
    return namespace["fold"], namespace["fold_known"]


def neuron_outputs(neurons: Sequence[Neuron], xs: tuple[Any, ...]) -> list[Any]:
    """The output of each neuron for the same operands.

    This is where a network spends its forward pass: the data of the inputs is looked up once, and the two Results of
    a neuron, its `dot` and its activation, are made as `recorded` makes them, but written out, a sixth faster.
    """
    column, numbers, recorder = Column(xs), column_numbers(xs), current_recorder()
    if numbers is None or (recorder is not None and recorder.watcher is not None):
        return [neuron._output_of_any(xs) for neuron in neurons]
    n, (fold, fold_known), dot = len(xs), _folds_of(len(xs)), table.dot
    outputs: list[Any] = []
    for neuron in neurons:
        activate: Any = neuron._activate
        weights, bias = neuron.weights.column, neuron.bias
        if weights is None or len(weights.operands) != n or not neuron._has_row:
            outputs.append(neuron._output_of_any(xs))
            continue
        try:
            if type(bias) is Packed and (known := weights.packed()) is not None:
                number = fold_known(known, numbers, bias.data)
            else:
                number = fold(weights.operands, numbers, bias.data)
        except AttributeError:  # a weight or bias that is a plain number
            outputs.append(neuron._output_of_any(xs))
            continue
        if recorder is None:
            outputs.append(unrecorded(number if activate is None else activate.value(number)))
            continue
        result = Result()
        result.data = number
        result.grad = 0.0
        result.label = ""
        result.op = dot
        result.first = weights
        result.second = column
        result.third = bias
        result.scope = neuron
        result.number = next_number()
        if activate is not None:
            value, total = activate.value, result
            result = Result()
            result.data = value(number)
            result.grad = 0.0
            result.label = ""
            result.op = activate
            result.first = total
            result.second = result.third = None
            result.scope = neuron
            result.number = next_number()
        outputs.append(result)
    return outputs


def layer_outputs(neurons: Sequence[Neuron], xs: tuple[Any, ...]) -> list[Any]:
    """The outputs of the neurons of a layer, of which softmax is the one activation that is of all together."""
    if not neurons or neurons[0]._activate is not of_a_whole_layer:
        return neuron_outputs(neurons, xs)
    if any(neuron._activate is not of_a_whole_layer for neuron in neurons):
        of_a_whole_layer(None)
    return Probabilities([neuron._sum_of(xs) for neuron in neurons])


def _also(name: str, doc: str) -> Any:
    """A second name of an attribute, to read and to set it by."""
    return property(attrgetter(name), lambda neuron, entry: setattr(neuron, name, entry), doc=doc)


class Neuron(Module):
    """activation(w1 x1 + ... + wn xn + b): `weights` is the list of n Values, `bias` a Value.

    The list is the neuron's own: entries may be set, added and taken away, and other weights assigned. A weight that is
    a plain number stays as it is.

    `activation` is a name (linear, relu, tanh, sigmoid, leaky_relu, elu, softplus, silu, gelu) or a function of a
    Value. `init` draws the weights, in order, then the bias: "uniform" (weights from U(-1, 1), bias 0), "normal"
    (N(0, 1) for both), "xavier" (Glorot & Bengio, 2010) and "he" (He et al., 2015) with bias 0, or a function of the
    generator called for each. `rng` is a random.Random; with none the `random` module draws.

    Raises ValueError for a size below 1 or an unknown name, TypeError for a size that is no int.

    >>> import random
    >>> neuron = Neuron(2, "linear", rng=random.Random(0))
    >>> neuron.weights[0].data = neuron.weights[1].data = 0.5
    >>> neuron([1.0, 3.0]).data
    2.0
    """

    __slots__ = ("_given_away",)  # set once somebody has the dict of the attributes

    def __init__(
        self,
        n_inputs: int,
        activation: Activation | bool = "relu",
        *,
        nonlin: bool | None = None,
        init: Init = "uniform",
        rng: Random | None = None,
        n_outputs: int = 1,
        name: str = "neuron",
        within: Place | None = None,
    ) -> None:
        n_inputs = checked_count("n_inputs", n_inputs)
        activation = checked_activation(activation if nonlin is None else nonlin)
        if within is None and activate_of(activation) is of_a_whole_layer:
            of_a_whole_layer(None)
        draw, draw_bias = weight_draws(init, n_inputs, n_outputs)
        generator = checked_rng(rng)
        self.place = Place(name, within, given=within is None and name != "neuron")
        self.weights: Any = [Value(draw(generator), label=f"w{i + 1}") for i in range(n_inputs)]
        self.bias = Value(draw_bias(generator), label="b")
        self.activation = activation  # a Module has its own parameters, after these

    def __call__(self, inputs: Any) -> Any:
        """The output for n inputs: numbers or Values. Raises ValueError for another number of them."""
        return neuron_outputs((self,), as_operands(inputs, self.place))[0]

    def _output_of_any(self, xs: tuple[Any, ...]) -> Any:
        """The output by the long way: for traced inputs, and for weights and activations of any kind."""
        total = self._sum_of(xs)
        with scope(self):
            output = total if self._activate is None else self._activate(total)
            return as_operand(output, f"the activation of {self.place}")

    def _sum_of(self, xs: tuple[Any, ...]) -> Any:
        """The sum that the activation is of."""
        if len(self.weights) != len(xs):
            raise ValueError(f"{self.place} takes {len(self.weights)} inputs, but was given {len(xs)}")
        with scope(self):
            weights = self.weights.shared().operands  # and the short way next time
            return table.dot(weights, xs, as_operand(self.bias, f"the bias of {self.place}"))

    @property
    def name(self) -> str:
        """The name of the neuron after those of the layer and the network it stands in."""
        return str(self.place)

    def __setattr__(self, name: str, entry: Any) -> None:
        stamped = self._stamped()
        if name == "weights":
            if entry is not getattr(self, name, None):  # as += assigns it
                entry = Weights(entry, getattr(self, "place", type(self).__name__))
            object.__setattr__(self, name, entry)  # there are no modules to name among them
        else:
            if name == "activation":  # a name or a function
                entry = checked_activation(entry)
                self._activate = activate_of(entry)
                self._has_row = self._activate is None or isinstance(self._activate, Primitive)
            super().__setattr__(name, entry)
        if stamped is not None:
            stamped.column = None

    def __delattr__(self, name: str) -> None:
        stamped = self._stamped()
        super().__delattr__(name)
        if stamped is not None:
            stamped.column = None

    def _stamped(self) -> Weights | None:
        """The weights, whose Column every change of an attribute drops; None where the class is another one."""
        weights = getattr(self, "weights", None) if type(self) is Neuron else None
        return weights if type(weights) is Weights else None

    def _stamp_of_attributes(self) -> Weights | None:
        stamped = None if hasattr(self, "_given_away") else self._stamped()
        return stamped if stamped is not None and stamped.shared() is stamped.column else None

    @property
    def __dict__(self) -> Any:
        """The attributes, for whoever may change them there from now on, where no Column is dropped."""
        if self._stamped() is not None:  # else it is being made, as a copy is
            self._given_away = True
        return OWN_ATTRIBUTES.__get__(self)

    @__dict__.setter
    def __dict__(self, given: dict[str, Any]) -> None:
        OWN_ATTRIBUTES.__set__(self, given)
        self._given_away = True

    def __getstate__(self) -> object:
        return object.__getstate__(self)  # which the first protocols of pickle ask for where there are slots

    w = _also("weights", "The weights, by micrograd's name.")
    b = _also("bias", "The bias, by micrograd's name.")

    def __repr__(self) -> str:
        return f"Neuron({len(self.weights)}, activation={activation_name(self.activation)!r})"
