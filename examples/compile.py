"""The same scalar code as a program, and as plain Python that a person can read: a neuron, and what compiling saves.

python examples/compile.py
"""

import random
import time

import tinygrad_nn as tn


def microseconds(work, times):
    """The best of five runs."""
    best = float("inf")
    for _ in range(5):
        start = time.perf_counter()
        for _ in range(times):
            work()
        best = min(best, (time.perf_counter() - start) / times)
    return best * 1e6


def show_neuron():
    neuron = tn.Neuron(2, "tanh", rng=random.Random(4))

    def error(x1, x2, wanted):
        return (neuron([x1, x2]) - wanted) ** 2

    f = tn.compile(error)
    print("A neuron's error, compiled at its first call:", f(1.0, 2.0, 0.5))
    print(f"\nIts program:\n\n{f.program}")
    print(f"\nIts value and derivatives as Python:\n\n{f.source(gradient=True)}")
    neuron.bias.data += 0.1
    print("The weights are read at every call; after a nudge of the bias:", f(1.0, 2.0, 0.5))


def show_speed():
    model = tn.MLP(2, [16, 16, 1], rng=random.Random(1))
    f = tn.compile(model)
    row = [0.1, 0.2]

    def eager():
        values = [tn.Value(x) for x in row]
        model(values).backward()
        return [value.grad for value in values]

    assert f.grad(row) == [eager()]
    print("\nThe slope of a network of 2, 16, 16 and 1 at a point:")
    slow, fast = microseconds(eager, 50), microseconds(lambda: f.grad(row), 50)
    print(f"  recorded {slow:6.1f} us   compiled {fast:6.1f} us   {slow / fast:.1f} times faster, the same bits")


def main():
    show_neuron()
    show_speed()


if __name__ == "__main__":
    main()
