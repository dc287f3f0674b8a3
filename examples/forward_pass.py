"""What a network does with its inputs, layer by layer: 2 inputs, 3 and 4 hidden neurons, 2 outputs, given by weights.

python examples/forward_pass.py
"""

import tinygrad_nn as tn

# One matrix for each layer: a row for each input, a column for each neuron.
WEIGHTS = [
    [[1, -3, 5], [2, 4, -6]],
    [[-1, 1, 2, 7], [1, 2, 3, -3], [1, 2, 3, 4]],
    [[-1, 6], [1, -2], [1, 2], [1, 3]],
]
BIASES = [[-1, 1, 2], [1, 2, 3, 4], [1, 2]]


def in_digits(numbers):
    return "  ".join(f"{number:.8f}" for number in numbers)


def main():
    model = tn.MLP.from_weights(WEIGHTS, BIASES, activation="sigmoid", output_activation="sigmoid")
    print(model.summary())

    print("\nThe activations of each layer for the input [200, 17]:")
    activations = [200, 17]
    for layer in model.layers:
        activations = layer.predict(activations)
        print(f"  {layer.name}: {in_digits(activations)}")
    print(f"The whole network at once: {in_digits(model.predict([200, 17]))}")

    print("\nOnly the last layer, on activations of your own choice:")
    for hidden in ([1, 0, 1, 0], [0.5, 0.5, 0.5, 0.5]):
        print(f"  {hidden} -> {in_digits(model.layers[-1].predict(hidden))}")


if __name__ == "__main__":
    main()
