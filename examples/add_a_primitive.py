"""A function that the library does not have: its value and its derivative, each a line. Then it is there.

    python examples/add_a_primitive.py

soft_sign(x) = x / (1 + |x|) goes to -1 and 1 as tanh does, but takes its time (Glorot & Bengio, 2010). Its slope is
1 / (1 + |x|)**2, and that is (1 - |y|)**2 for the result y.
"""

import math
import random
from pathlib import Path

import tinygrad_nn as tn

PICTURES = Path(__file__).parent / "pictures"

soft_sign = tn.primitive(
    "soft_sign",
    # A text, which every back end writes in its language: generated Python, whole arrays, machine code and C.
    value="x / (1.0 + abs(x))",
    # g, the gradient of the result, times the slope; in text rules there are g, y, the operands, + - * / and the
    # primitives of the table (tinygrad_nn/autograd/primitives.py), such as square.
    rules="g * square(1.0 - abs(y))",
    symbol="x/(1+|x|)",
)

# A value may be a function, which only Python can call, unless `spellings` say how other languages write it. Two
# operands have a rule each. A rule may be a function of (g, y, operands), too.
bearing = tn.primitive(
    "bearing",
    value=lambda a, b: math.atan2(a, b),
    rules=["g * b / (a * a + b * b)", lambda g, y, a, b: -(g * a / (a * a + b * b))],
    symbol="angle",
)


def check():
    """Its derivatives of first and second order, against differences of its value; and its spellings."""
    for number in (-3.0, -0.1, 0.2, 5.0):
        tn.gradcheck(soft_sign, [tn.Value(number)])
        tn.gradcheck(bearing, [tn.Value(number), tn.Value(0.7)])
    print("The rules agree with differences of the values, and the rules' own derivatives with those of the rules.")
    print(
        "soft_sign, its slope and its curvature at 1:",
        soft_sign(1.0),
        *(tn.derivative(soft_sign, 1.0, k) for k in (1, 2)),
    )

    wrong = tn.primitive("soft_sign", lambda x: x / (1.0 + abs(x)), "g * (1.0 - abs(y))")  # the square is forgotten
    try:
        tn.gradcheck(wrong, [tn.Value(0.2)])
    except tn.GradientError as error:
        print(f"A rule that is wrong does not pass: {error}")
    for backend in ("python", "array", "llvm"):  # gradcheck is of rules; spellings are compared
        try:
            print(f"{backend:6} soft_sign(0.7) = {tn.compile(soft_sign, backend=backend)(0.7):.12f}")
        except ImportError as error:
            print(f"{backend:6} {error}")


def draw():
    x, w = tn.Value(0.5, label="x"), tn.Value(-3.0, label="w")
    y = soft_sign(w * x)
    y.label = "y"
    y.backward()
    print(f"\n{tn.formula(y, wrt=w)}")
    PICTURES.mkdir(exist_ok=True)
    print(f"its graph is in {tn.draw(y).write(PICTURES / 'soft_sign.svg')}")


def train():
    """As the activation of a network, on every back end."""
    X, classes = tn.data.moons(100, rng=random.Random(0))
    Y = [2 * y - 1 for y in classes]  # hinge takes 1 and -1
    print("\nTwo moons, a network of soft_signs, with the same losses on every back end:")
    for backend in ("eager", "python", "llvm"):
        model = tn.MLP(2, [8, 8, 1], activation=soft_sign, rng=random.Random(1))
        optimizer = tn.SGD(model.parameters(), lr=0.1, momentum=0.9)
        rng, epochs = random.Random(2), 3 if backend == "eager" else 100
        try:
            history = tn.fit(model, X, Y, "hinge", optimizer, epochs, rng=rng, progress=False, backend=backend)
        except ImportError as error:
            print(f"  {error}")
            continue
        trained = model
        seconds = history.times[-1] / history.epochs[-1]
        print(f"  {backend:6} loss after 3 epochs {history.losses[2]:.9f}; {1e3 * seconds:7.3f} ms an epoch")
    right = sum(p == y for p, y in zip(trained.predict_classes(X, threshold=0.0), classes, strict=True))
    print(f"  {right} of {len(X)} points are on their side after {history.epochs[-1]} epochs")
    f = tn.compile(soft_sign)
    f(2.0)
    print(f"\nThe middle of its C file:\n{f.source('c').split('#endif')[-1].split('double soft_sign_grad')[0].strip()}")


def refuse():
    """A back end without a spelling says so; with backend="auto" another is taken."""
    try:
        tn.compile(bearing, backend="array")(1.0, 2.0)
    except (ImportError, ValueError) as error:
        print(f"\n{error}")
    print("bearing on the back end that is chosen for it:", tn.compile(bearing)(1.0, 2.0))


def main():
    check()
    draw()
    train()
    refuse()


if __name__ == "__main__":
    main()
