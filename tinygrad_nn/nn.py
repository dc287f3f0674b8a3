"""Neuron, Layer and MLP: a neuron is one `dot` and its activation, a layer is neurons side by side, an MLP is layers.

Each is a plain list of the smaller thing, so networks can be wired by hand from any of them.
"""

from __future__ import annotations

from . import primitives as table
from .choices import (
    activation_function,
    activation_name,
    checked_activation,
    checked_names,
    checked_rng,
    checked_size,
    checked_weights,
    weight_draws,
)
from .elementary import as_operand, as_operands
from .module import Module, _table
from .primitives import Primitive
from .recording import scope
from .reverse import Column
from .value import Value, column_numbers, recorded

TYPE_CHECKING = False
if TYPE_CHECKING:
    import random
    from collections.abc import Iterable, Sequence
    from typing import Any

    from .choices import Activation, Init


class Neuron(Module):
    """activation(w1 x1 + ... + wn xn + b): `weights` is a tuple of n Values, `bias` a Value.

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
        n_inputs = checked_size("n_inputs", n_inputs)
        self.activation = checked_activation(activation if nonlin is None else nonlin)
        self._activate = activation_function(self.activation)
        draw, draw_bias = weight_draws(init, n_inputs, n_outputs)
        generator = checked_rng(rng)
        self.name = name
        self.weights = tuple([Value(draw(generator), label=f"w{i + 1}") for i in range(n_inputs)])
        self.bias = Value(draw_bias(generator), label="b")
        self._column = Column(self.weights)

    def __call__(self, inputs: Any) -> Any:
        """The output for n inputs: numbers or Values. Raises ValueError for another number of them."""
        xs = as_operands(inputs, self.name)
        return self._output(Column(xs), column_numbers(xs))

    def _output(self, inputs: Column, numbers: list[float] | None) -> Any:
        """The output for a column of operands; `numbers` are their data where all are floats and Values."""
        weights, bias, activate = self.weights, self.bias, self._activate
        if len(inputs.operands) != len(weights):
            raise ValueError(f"{self.name} takes {len(weights)} inputs, but was given {len(inputs.operands)}")
        if numbers is None or type(weights) is not tuple or (activate is not None and type(activate) is not Primitive):
            return self._output_of_any(inputs.operands)
        if self._column.operands is not weights:
            self._column = Column(weights)
        try:
            number = bias.data  # the fold of `dot`, on data that the neurons of a layer share
            for weight, x in zip(weights, numbers):  # noqa: B905 (the lengths are equal)
                number += weight.data * x
        except AttributeError:  # a weight or bias that is a plain number
            return self._output_of_any(inputs.operands)
        total = recorded(table.dot, number, self._column, inputs, bias, self)
        return total if activate is None else recorded(activate, activate.value(number), total, None, None, self)

    def _output_of_any(self, xs: tuple[Any, ...]) -> Any:
        """The output for traced inputs, for weights that were replaced by hand, and for an activation of any kind."""
        with scope(self):
            weights, bias = as_operands(self.weights, f"the weights of {self.name}"), self.bias
            total = table.dot(weights, xs, as_operand(bias, f"the bias of {self.name}"))
            output = total if self._activate is None else self._activate(total)
            return as_operand(output, f"the activation of {self.name}")

    @property
    def w(self) -> list[Value]:
        """The weights, by micrograd's name, in a new list: assign to `w` or `weights` to replace them."""
        return list(self.weights)

    @w.setter
    def w(self, weights: Iterable[Value]) -> None:
        self.weights = tuple(weights)

    @property
    def b(self) -> Value:
        """The bias, by micrograd's name."""
        return self.bias

    @b.setter
    def b(self, bias: Value) -> None:
        self.bias = bias

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
        n_outputs = checked_size("n_outputs", n_outputs)
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
        outputs = self._outputs(as_operands(inputs, self.name))
        return outputs[0] if len(outputs) == 1 else outputs

    def _outputs(self, inputs: tuple[Any, ...]) -> list[Any]:
        """The list of outputs, of one neuron too."""
        column, numbers = Column(inputs), column_numbers(inputs)
        return [neuron._output(column, numbers) for neuron in self.neurons]

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
        widths = [n_inputs, *sizes] if hasattr(sizes, "__iter__") and not isinstance(sizes, str) else [n_inputs]
        if len(widths) == 1:
            raise TypeError(f"MLP(n_inputs, sizes) wants a list of layer sizes such as [16, 16, 1], but got {sizes!r}")
        widths = [checked_size("each size", width) for width in widths]
        activation, output_activation = checked_activation(activation), checked_activation(output_activation)
        last = len(widths) - 2
        self.input_names = checked_names("input_names", input_names, widths[0])
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
        numbers = checked_weights(weights, biases)
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
            outputs = layer._outputs(xs)
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
