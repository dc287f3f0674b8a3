"""How operations are written: parentheses where the order needs them, and LaTeX that is balanced."""

import pytest

import tinygrad_nn as tn
from tinygrad_nn import Value
from tinygrad_nn.check.formula import formula


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda a, b: a - (b - a), "y = a - (b - a)"),
        (lambda a, b: (a + b) * (a - b), "y = (a + b)*(a - b)"),
        (lambda a, b: a / (b / a), "y = a/(b/a)"),
        (lambda a, b: -((a + b) ** 2), "y = -(a + b)**2"),
        (lambda a, b: (-a) ** b, "y = (-a)**b"),
        (lambda a, b: a * -b, "y = a*(-b)"),
        (lambda a, b: a + -b * a, "y = a + -b*a"),
        (lambda a, b: a * 1.0 + 2 * b, "y = a + 2*b"),
        (lambda a, b: tn.sqrt(a * a + b * b), "y = sqrt(a*a + b*b)"),
        (lambda a, b: tn.dot([a, 2.0], [b, a], 0.0), "y = a*b + 2*a"),
        (lambda a, b: tn.maximum(a, b, 3.0), "y = max(a, b, 3)"),
        (lambda a, b: tn.take([a, b], 1) * 2.5, "y = b*2.5"),
        (lambda a, b: tn.logsumexp([a, b]), "y = log(exp(a) + exp(b))"),
    ],
)
def test_parentheses_stand_where_the_order_needs_them(make, text):
    a, b = Value(2.0, "a"), Value(0.5, "b")
    found = formula(make(a, b))
    assert f"{found.lines[-1][0]} = {found.lines[-1][1]}" == text


def test_latex():
    a, b = Value(3.0, label="a"), Value(2.0, label="beta2")
    found = formula(tn.sqrt(a / b) * tn.sigmoid(-a) + abs(b) ** a)
    assert found.latex == (
        r"\begin{aligned}y &= \sqrt{\frac{a}{\mathrm{beta}_{2}}} \, \sigma\left(-a\right) + "
        r"\left|\mathrm{beta}_{2}\right|^{a} && = 8.05808 \\ & \text{where } a = 3,\; \mathrm{beta}_{2} = 2"
        r"\end{aligned}"
    )
    assert found._repr_latex_() == f"$${found.latex}$$"
    assert r"\frac{\partial y}{\partial a}" in formula(a * b, wrt=a).latex
    assert r"1 \cdot 10^{-7}" in formula(a * 1e-7).latex


def test_latex_of_every_primitive_is_balanced():
    from programs import ROWS, corner_call, corner_rows

    for row in ROWS:
        values = [Value(x) for x in corner_rows(row)[0]]
        latex = formula(corner_call(row)(*values) * 1.0 + values[0]).latex
        assert latex.count("{") == latex.count("}"), latex
        assert latex.count(r"\left") == latex.count(r"\right"), latex
