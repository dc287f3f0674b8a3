"""Layer and MLP: a layer is neurons side by side that share their inputs, an MLP is layers one after the other.

Each is a plain list of the smaller thing, so networks can be wired by hand from any of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from ..autograd.elementary import as_operands
from ..autograd.scope import Place
from ..autograd.value import Value
from ..support.annotation import Any, Random
from ..support.checks import checked_count
from ..support.tabular import plain
from .activations import SOFTMAX, Activation, activation_name, checked_activation
from .initial import Init, checked_names, checked_weights
from .module import Module, parameter_table
from .neuron import Neuron, layer_outputs

__all__ = ["MLP", "Layer", "Neuron"]


class Layer(Module):
    """`n_outputs` Neurons that share `n_inputs` inputs: `neurons` is the list of them.

    Called with n_inputs numbers it returns the list of outputs, or the one output itself. The options are a Neuron's,
    and for two outputs or more there is the activation "softmax": probabilities that add up to 1.
    """

    def __init__(
        self,
        n_inputs: int,
        n_outputs: int,
        activation: Activation | bool = "relu",
        *,
        nonlin: bool | None = None,
        init: Init = "uniform",
        rng: Random | None = None,
        name: str = "layer",
        within: Place | None = None,
    ) -> None:
        n_outputs = checked_count("n_outputs", n_outputs)
        self.place = Place(name, within, given=within is None and name != "layer")
        activation = checked_activation(activation if nonlin is None else nonlin)
        if activation == SOFTMAX and n_outputs == 1:
            raise ValueError(f"softmax of one output is always 1: give {name} two or more, or the activation 'sigmoid'")
        self.neurons = [
            Neuron(n_inputs, activation, init=init, rng=rng, n_outputs=n_outputs, name=f"neuron {i}", within=self.place)
            for i in range(1, n_outputs + 1)
        ]

    def __call__(self, inputs: Any) -> Any:
        """The outputs for n inputs. Raises ValueError for another number of inputs."""
        outputs = layer_outputs(self.neurons, as_operands(inputs, self.place))
        return outputs[0] if len(outputs) == 1 else outputs

    @property
    def name(self) -> str:
        """The name of the layer after that of the network it stands in."""
        return str(self.place)

    def __repr__(self) -> str:
        neuron = self.neurons[0]
        return f"Layer({len(neuron.weights)}, {len(self.neurons)}, activation={activation_name(neuron.activation)!r})"


class MLP(Module):
    """A multilayer perceptron: each layer's outputs are the next one's inputs. `layers` is the list of Layers.

    `sizes` lists the number of neurons of each layer, [n1, n2, ...]; the last one is the output layer and takes
    `output_activation`. Called with n_inputs numbers it returns the list of outputs, or the one output itself.
    Names of inputs and outputs, and the `name` of the network, show in drawings and errors.

    Activations: linear, relu, tanh, sigmoid, leaky_relu, elu, softplus, silu, gelu, softmax (of a layer's outputs
    together), or a function of a Value. `init`: uniform, normal, xavier, he, or a function of the generator; `rng`: a
    random.Random (see Neuron).

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
        rng: Random | None = None,
        input_names: Sequence[str] | None = None,
        output_names: Sequence[str] | None = None,
        *,
        name: str = "",
    ) -> None:
        wanted = "a list of layer sizes such as [16, 16, 1]"
        widths = [n_inputs, *plain(sizes, "the sizes of MLP(n_inputs, sizes)", wanted)]
        if len(widths) == 1:
            raise TypeError(f"the sizes of MLP(n_inputs, sizes) must be {wanted}, but got {sizes!r}")
        widths = [checked_count("each size", width) for width in widths]
        activation, output_activation = checked_activation(activation), checked_activation(output_activation)
        self.place = Place(name, kind=type(self).__name__, given=name != "")
        self.input_names = checked_names("input_names", input_names, widths[0])
        self.output_names = checked_names("output_names", output_names, widths[-1])
        activations = [*[activation] * (len(widths) - 2), output_activation]
        self.layers = [
            Layer(n, count, of_layer, init=init, rng=rng, name=f"layer {i}", within=self.place)
            for i, ((n, count), of_layer) in enumerate(zip(pairwise(widths), activations, strict=True), 1)
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
        model = cls(
            len(numbers[0][0]),
            [len(bias) for _, bias in numbers],
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
        xs = as_operands(inputs, self.layers[0].place)
        if self.input_names and len(self.input_names) == len(xs):
            named = zip(xs, self.input_names, strict=True)
            xs = tuple([Value(x, label=name) if type(x) is float else x for x, name in named])
        outputs: list[Any] = []
        for layer in self.layers:
            outputs = layer_outputs(layer.neurons, xs)
            xs = tuple(outputs)
        if self.output_names:
            for output, name in zip(outputs, self.output_names, strict=True):
                if isinstance(output, Value):
                    output.label = name
        return outputs[0] if len(outputs) == 1 else outputs

    def summary(self) -> str:
        """A table of the layers: their shapes, activations and parameters; bytes, and operations per prediction.

        The parameters are counted as doubles of 8 bytes, the operations as the products and sums of every neuron and
        its activation, unless that is linear.

        >>> print(MLP(2, [16, 1]).summary())
        layer    shape    activation  parameters
        layer 1  2 -> 16  relu                48
        layer 2  16 -> 1  linear              17
        total                                 65
        520 bytes of parameters, 112 operations per prediction
        """
        rows, counts, operations = [], [], 0
        for layer in self.layers:
            names = list(dict.fromkeys(activation_name(neuron.activation) for neuron in layer.neurons))
            shape = f"{len(layer.neurons[0].weights)} -> {len(layer.neurons)}"
            rows.append([layer.name, shape, ", ".join(names)])
            counts.append(sum(len(neuron.weights) + 1 for neuron in layer.neurons))
            operations += sum(2 * len(n.weights) + (n.activation != "linear") for n in layer.neurons)
        below = f", {operations:,} operations per prediction"
        return parameter_table(["layer", "shape", "activation"], rows, counts, below)

    def __repr__(self) -> str:
        sizes = [len(layer.neurons) for layer in self.layers]
        first, last = self.layers[0].neurons[0], self.layers[-1].neurons[0]
        return (
            f"MLP({len(first.weights)}, {sizes}, activation={activation_name(first.activation)!r}, "
            f"output_activation={activation_name(last.activation)!r})"
        )
