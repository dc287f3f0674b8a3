"""Neuron, Layer and MLP: a neuron is one `dot` and its activation, a layer is neurons side by side, an MLP is layers.

Each is a plain list of the smaller thing, so networks can be wired by hand from any of them.
"""

from __future__ import annotations

from itertools import pairwise

from . import primitives as table
from .choices import (
    activation_function,
    activation_name,
    check_size,
    checked_activation,
    checked_matrix,
    checked_names,
    checked_rng,
    weight_draws,
)
from .elementary import as_operands
from .module import Module, _table
from .primitives import Primitive
from .recording import scope
from .value import Value, column_numbers, recorded_neuron

TYPE_CHECKING = False
if TYPE_CHECKING:
    import random
    from collections.abc import Sequence
    from typing import Any

    from .choices import Activation, Init


class Neuron(Module):
    """activation(w1 x1 + ... + wn xn + b): `weights` is a list of n Values, `bias` a Value.

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

    def __init__(
        self,
        n_inputs: int,
        activation: Activation | bool = "relu",
        *,
        nonlin: bool | None = None,
        init: Init = "uniform",
        rng: random.Random | None = None,
        n_outputs: int = 1,
        name: str = "neuron",
    ) -> None:
        check_size("n_inputs", n_inputs)
        self.activation = checked_activation(activation if nonlin is None else nonlin)
        self._activate = activation_function(self.activation)
        draw, draw_bias = weight_draws(init, n_inputs, n_outputs)
        generator = checked_rng(rng)
        self.name = name
        self.weights = tuple([Value(draw(generator), label=f"w{i + 1}") for i in range(n_inputs)])
        self.bias = Value(draw_bias(generator), label="b")

    def __call__(self, inputs: Any) -> Any:
        """The output for n inputs: numbers or Values. Raises ValueError for another number of them."""
        xs = as_operands(inputs, self.name)
        if len(xs) != len(self.weights):
            raise ValueError(f"{self.name} takes {len(self.weights)} inputs, but was given {len(xs)}")
        return self._output(xs, column_numbers(xs))

    def _output(self, xs: tuple[Any, ...], numbers: list[float] | None) -> Any:
        """The output for the right number of operands; `numbers` are their data where these are floats and Values."""
        activate = self._activate
        if numbers is not None and (activate is None or type(activate) is Primitive):
            return recorded_neuron(self.weights, xs, numbers, self.bias, activate, self)
        with scope(self):
            total = table.dot(self.weights, xs, self.bias)
            return total if activate is None else activate(total)

    @property
    def w(self) -> list[Value]:
        """The weights in a list, by micrograd's name."""
        return list(self.weights)

    @property
    def b(self) -> Value:
        """The bias, by micrograd's name."""
        return self.bias

    def __repr__(self) -> str:
        return f"Neuron({len(self.weights)}, activation={activation_name(self.activation)!r})"


class Layer(Module):
    """`n_outputs` Neurons that share `n_inputs` inputs: `neurons` is the list of them.

    Called with n_inputs numbers it returns the list of outputs, or the one output itself. The options are a Neuron's.
    """

    def __init__(
        self,
        n_inputs: int,
        n_outputs: int,
        activation: Activation | bool = "relu",
        *,
        nonlin: bool | None = None,
        init: Init = "uniform",
        rng: random.Random | None = None,
        name: str = "layer",
    ) -> None:
        check_size("n_outputs", n_outputs)
        self.name = name
        self.neurons = [
            Neuron(
                n_inputs,
                activation,
                nonlin=nonlin,
                init=init,
                rng=rng,
                n_outputs=n_outputs,
                name=f"{name}, neuron {i + 1}",
            )
            for i in range(n_outputs)
        ]

    def __call__(self, inputs: Any) -> Any:
        """The outputs for n inputs. Raises ValueError for another number of inputs."""
        outputs = self.outputs(as_operands(inputs, self.name))
        return outputs[0] if len(outputs) == 1 else outputs

    def outputs(self, inputs: tuple[Any, ...]) -> list[Any]:
        """The list of outputs, of one neuron too."""
        if self.neurons and len(inputs) != len(self.neurons[0].weights):
            raise ValueError(f"{self.name} takes {len(self.neurons[0].weights)} inputs, but was given {len(inputs)}")
        numbers = column_numbers(inputs)
        return [neuron._output(inputs, numbers) for neuron in self.neurons]

    def __repr__(self) -> str:
        neuron = self.neurons[0]
        return f"Layer({len(neuron.weights)}, {len(self.neurons)}, activation={activation_name(neuron.activation)!r})"


class MLP(Module):
    """A multilayer perceptron: each layer's outputs are the next one's inputs. `layers` is the list of Layers.

    `sizes` lists the number of neurons of each layer, [n1, n2, ...]; the last one is the output layer and takes
    `output_activation`. Called with n_inputs numbers it returns the list of outputs, or the one output itself.
    Names of inputs and outputs show in drawings. The other options are a Neuron's.

    >>> import random
    >>> model = MLP(2, [3, 1], activation="tanh", rng=random.Random(0))
    >>> len(model.parameters()), type(model([1.0, 2.0])).__name__
    (13, 'Value')
    """

    def __init__(
        self,
        n_inputs: int,
        sizes: Sequence[int],
        activation: Activation = "relu",
        output_activation: Activation = "linear",
        init: Init = "uniform",
        rng: random.Random | None = None,
        input_names: Sequence[str] | None = None,
        output_names: Sequence[str] | None = None,
    ) -> None:
        if isinstance(sizes, str) or not hasattr(sizes, "__iter__") or not list(sizes):
            raise TypeError(f"MLP(n_inputs, sizes) wants a list of layer sizes such as [16, 16, 1], but got {sizes!r}")
        widths = [n_inputs, *sizes]
        activation, output_activation = checked_activation(activation), checked_activation(output_activation)
        last = len(widths) - 2
        self.input_names = checked_names("input_names", input_names, n_inputs)
        self.output_names = checked_names("output_names", output_names, widths[-1])
        self.layers = [
            Layer(
                widths[i],
                widths[i + 1],
                output_activation if i == last else activation,
                init=init,
                rng=rng,
                name=f"layer {i + 1}",
            )
            for i in range(len(widths) - 1)
        ]

    @classmethod
    def from_weights(
        cls,
        weights: Any,
        biases: Any,
        activation: Activation = "relu",
        output_activation: Activation = "linear",
        input_names: Sequence[str] | None = None,
        output_names: Sequence[str] | None = None,
    ) -> MLP:
        """The network of given numbers: per layer a matrix of shape (n_inputs, n_outputs) and n_outputs biases.

        Matrices and biases are nested sequences or NumPy arrays. Raises ValueError where the shapes do not chain,
        TypeError where an entry is no number.

        >>> MLP.from_weights([[[1.0], [2.0]]], [[0.5]])([3.0, 4.0]).data
        11.5
        """
        for what, given in (("weights", weights), ("biases", biases)):
            if not hasattr(given, "__len__") or isinstance(given, str):
                raise TypeError(
                    f"from_weights() wants a list of {what} with an entry for each layer, but got {given!r}"
                )
        matrices, offsets = list(weights), list(biases)
        if not matrices or len(matrices) != len(offsets):
            raise ValueError(
                f"from_weights() wants one matrix and one list of biases for each layer, "
                f"but got {len(matrices)} matrices and {len(offsets)} lists of biases"
            )
        numbers = [
            checked_matrix(matrix, bias, i + 1) for i, (matrix, bias) in enumerate(zip(matrices, offsets, strict=True))
        ]
        for i, ((_, before), (after, _)) in enumerate(pairwise(numbers)):
            if len(before) != len(after):
                raise ValueError(
                    f"layer {i + 1} has {len(before)} outputs, but the matrix of layer {i + 2} has {len(after)} rows: "
                    "a weight matrix has the shape (n_inputs, n_outputs)"
                )
        sizes = [len(bias) for _, bias in numbers]
        model = cls(
            len(numbers[0][0]),
            sizes,
            activation,
            output_activation,
            init=lambda rng: 0.0,
            input_names=input_names,
            output_names=output_names,
        )
        for layer, (matrix, bias) in zip(model.layers, numbers, strict=True):
            for j, neuron in enumerate(layer.neurons):
                neuron.bias.data = bias[j]
                for i, weight in enumerate(neuron.weights):
                    weight.data = matrix[i][j]
        return model

    def __call__(self, inputs: Any) -> Any:
        """The outputs for n inputs: numbers or Values. Raises ValueError for another number of inputs."""
        xs = as_operands(inputs, self.layers[0].name)
        if self.input_names and len(self.input_names) == len(xs):
            named = zip(xs, self.input_names, strict=True)
            xs = tuple([Value(x, label=name) if type(x) is float else x for x, name in named])
        outputs: list[Any] = []
        for layer in self.layers:
            outputs = layer.outputs(xs)
            xs = tuple(outputs)
        if self.output_names:
            for output, name in zip(outputs, self.output_names, strict=True):
                if isinstance(output, Value):
                    output.label = name
        return outputs[0] if len(outputs) == 1 else outputs

    def summary(self) -> str:
        """A table of the layers: their shapes, activations and parameters.

        >>> print(MLP(2, [16, 1]).summary())
        MLP                        parameters
        layer 1: 2 -> 16, relu             48
        layer 2: 16 -> 1, linear           17
        total                              65
        """
        rows = []
        for layer in self.layers:
            neuron = layer.neurons[0]
            shape = f"{layer.name}: {len(neuron.weights)} -> {len(layer.neurons)}, {activation_name(neuron.activation)}"
            rows.append((shape, len(layer.neurons) * (len(neuron.weights) + 1)))
        return _table("MLP", rows)

    def __repr__(self) -> str:
        sizes = [len(layer.neurons) for layer in self.layers]
        first, last = self.layers[0].neurons[0], self.layers[-1].neurons[0]
        return (
            f"MLP({len(first.weights)}, {sizes}, activation={activation_name(first.activation)!r}, "
            f"output_activation={activation_name(last.activation)!r})"
        )
