"""The expression of micrograd's README: its value, its derivatives, and its graph.

python examples/expression.py
"""

from pathlib import Path

import tinygrad_nn as tn

PICTURES = Path(__file__).parent / "pictures"


def expression(a, b):
    c = a + b
    d = a * b + b**3
    c += c + 1
    c += 1 + c + (-a)
    d += d * 2 + (b + a).relu()
    d += 3 * d + (b - a).relu()
    e = c - d
    f = e**2
    g = f / 2.0
    g += 10.0 / f
    return g


def main():
    a, b = tn.Value(-4.0, label="a"), tn.Value(2.0, label="b")
    g = expression(a, b)
    g.label = "g"
    g.backward()
    print(f"g     = {g.data:.4f}")
    print(f"dg/da = {a.grad:.4f}")
    print(f"dg/db = {b.grad:.4f}")
    print(f"second derivatives: {tn.hessian(lambda x: expression(*x))([-4.0, 2.0])}")
    PICTURES.mkdir(exist_ok=True)
    print(f"its graph is in {tn.draw(g).write(PICTURES / 'expression.svg')}")


if __name__ == "__main__":
    main()
