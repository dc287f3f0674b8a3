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


def show_loops():
    model = tn.MLP(2, [16, 16, 1], activation="tanh", rng=random.Random(1))
    f = tn.compile(model)
    f([0.1, 0.2])
    print(
        f"\nA network's program: what was written in loops is found again in 33 dots and 32 activations:\n\n{f.program}"
    )


def show_step():
    X, Y = tn.data.xor()
    model = tn.MLP(2, [3, 1], activation="tanh", output_activation="sigmoid", rng=random.Random(3))
    step = tn.compile_step(model, tn.losses.squared_error, tn.SGD(model.parameters(), lr=0.5, momentum=0.9))
    history = step.run(X, Y, epochs=2000)
    steps = len(X) * history.epochs[-1]
    print(f"\nA training step, its update traced from the optimiser, on the {step.backend} back end:")
    print(
        f"  {steps:,} steps on exclusive or, {1e6 * history.times[-1] / steps:.1f} us each: {model.predict_classes(X)}"
    )


def show_speed():
    model = tn.MLP(2, [16, 16, 1], rng=random.Random(1))
    f = tn.compile(model)
    row = [0.1, 0.2]

    def eager():
        values = [tn.Value(x) for x in row]
        model(values).backward()
        return [value.grad for value in values]

    assert f.grad(row) == [eager()]
    slow, fast = microseconds(eager, 50), microseconds(lambda: f.grad(row), 50)
    print("\nThe slope of a network of 2, 16, 16 and 1 at a point:")
    print(f"  recorded           {slow:7.1f} us")
    print(f"  compiled to Python {fast:7.1f} us   {slow / fast:.1f} times faster, the same bits")
    for backend in ("array", "llvm"):
        try:
            f = tn.compile(model, backend=backend)
        except ImportError as error:
            print(f"  {error}")
            continue
        rows = [[[0.001 * i, 0.2]] for i in range(10_000)]
        many = microseconds(lambda f=f, rows=rows: f.batch(rows, gradients=True), 1) / len(rows)
        print(
            f"  {backend:5} {len(rows):,} rows {many:7.1f} us a row   {slow / many:.1f} times faster, within rounding"
        )


def main():
    show_neuron()
    show_loops()
    show_step()
    show_speed()


if __name__ == "__main__":
    main()
