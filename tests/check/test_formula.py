"""formula: what it writes is what was recorded, as SymPy reads it; and it is good to read."""

import math
import random

import pytest
from programs import OPERATIONS, near
from shared import wrong

import tinygrad_nn as tn
from tinygrad_nn import Value
from tinygrad_nn.check.formula import formula

SYMPYS = (
    "exp", "log", "sin", "cos", "tanh", "sqrt", "floor", "ceiling", "asinh", "acosh", "atanh", "atan2", "cbrt", "erfc",
    "erfinv", "loggamma", "digamma", "trigamma", "zeta", "pi",
)  # fmt: skip
KINDS = sorted(set(OPERATIONS) - {"branch"})


def random_graph(rng):
    """A result of some operations on labelled and nameless leaves, and the leaves."""
    leaves = [Value(rng.uniform(-2, 2), label) for label in ("a", "b", "", "w1", "w1", "not a name")]
    pool = [*leaves, 0.5, -2.0, 1.0]
    for k in range(rng.randint(2, 10)):
        found = OPERATIONS[rng.choice(KINDS)](*(rng.choice(pool) for _ in range(3)))
        if isinstance(found, Value):
            found.label = rng.choice(["", "", "", f"e{k}", "a", "two words"])
            pool.append(found)
    return pool[-1] * leaves[0] + leaves[1], leaves


def evaluated(found, sympy):
    """The last line, by SymPy, line after line, in thirty digits."""
    functions = {name: getattr(sympy, name) for name in SYMPYS} | {
        "max": sympy.Max,
        "min": sympy.Min,
        "sigmoid": lambda x: 1 / (1 + sympy.exp(-x)),
        "relu": lambda x: sympy.Max(x, 0),
        "step": lambda x: sympy.Integer(int(bool(x > 0))),
        "sign": sympy.sign,
        "tie": lambda a, b: sympy.Rational(int(bool(a > b)) * 2 + int(bool(a == b)), 2),
        "equal": lambda a, b: sympy.Integer(int(bool(a == b))),
        "where_equal": lambda x, a, b: x if bool(a == b) else sympy.Integer(0),
        "less": lambda a, b: sympy.Integer(int(bool(a < b))),
        "less_equal": lambda a, b: sympy.Integer(int(bool(a <= b))),
        "where": lambda c, a, b: a if c != 0 else b,
        "fmod": lambda a, b: a - b * sympy.sign(a / b) * sympy.floor(abs(a / b)),
        "trunc": lambda x: sympy.sign(x) * sympy.floor(abs(x)),
        "round": lambda x: sympy.Integer(round(x)),
        "hardtanh": lambda x: sympy.Max(sympy.Min(x, 1), -1),
        "norm_scale": lambda x: sympy.Integer(1),
        "sinc_slope": lambda x: (sympy.cos(sympy.pi * x) - sympy.sinc(sympy.pi * x)) / x,
        "ties": lambda *xs: sympy.Integer(sum(bool(x == sympy.Max(*xs)) for x in xs)),
    }
    known = {name: sympy.Float(number, 30) for name, number in found.leaves.items()}
    for name, expression, number in found.lines:
        value = eval(expression, {"abs": abs}, functions | known)
        known[name] = sympy.Float(sympy.N(value, 30), 30)
        assert near(float(known[name]), number, 1e-9), (name, expression, number, str(found))
    return float(known[found.lines[-1][0]])


@pytest.mark.parametrize("seed", range(300))
def test_random_graphs_as_sympy_reads_them(seed):
    sympy = pytest.importorskip("sympy", reason="SymPy is not installed")
    rng = random.Random(seed)
    value, leaves = random_graph(rng)
    assert near(evaluated(formula(value), sympy), value.data, 1e-9)
    for leaf in leaves[:2]:
        assert near(evaluated(formula(value, wrt=leaf), sympy), tn.grad(value, leaf), 1e-9)


def test_a_planted_fault_is_caught(monkeypatch):
    sympy = pytest.importorskip("sympy", reason="SymPy is not installed")
    from tinygrad_nn.check import notation

    monkeypatch.setitem(notation.TEXT, "subtract", ("{} + {}", notation.SUM, (notation.SUM, notation.PRODUCT)))
    a, b = Value(2.0, "a"), Value(3.0, "b")
    with pytest.raises(AssertionError):
        evaluated(formula(a - b), sympy)


def test_labels_and_parts_that_are_used_again():
    x = Value(0.7, label="x")
    e = tn.exp(-x * x)
    e.label = "e"
    y = tn.sin(x * 3.0 + 1.0) * e + tn.sin(x * 3.0 + 1.0)
    y.label = "L"
    assert [name for name, _, _ in formula(y).lines] == ["e", "L"]
    assert str(formula(y)).splitlines()[0] == "e = exp(-x*x)                      # 0.612626"
    shared = tn.tanh(x * 3.0 + 1.0)
    assert [name for name, _, _ in formula(shared * shared + shared).lines] == ["t1", "y"]
    twins = Value(1.0, "w") * Value(2.0, "w") + Value(3.0, "t1")
    assert str(formula(twins)) == "y = w*w_2 + t1  # 5\nwhere w = 1, w_2 = 2, t1 = 3"


def test_derivatives_have_their_title():
    a, b = Value(3.0, label="a"), Value(2.0)
    L = a * b
    L.label = "L"
    assert str(formula(L, wrt=a)) == "dL/da = x1  # 2\nwhere x1 = 2"
    assert formula(L, wrt=b).lines[0][:2] == ("dL/dx1", "a")
    assert formula(L, wrt=Value(1.0, "c")).lines == [("dL/dc", "0.0", 0.0)]
    assert formula(a).lines == [("a", "a", 3.0)]


def test_bad_input_is_said():
    a = Value(1.0)
    with pytest.raises(TypeError, match=r"writes what a Value was recorded by, but got 3\.0"):
        formula(wrong(3.0))
    with pytest.raises(TypeError, match="but got 'a'"):
        formula(a * 2.0, wrt=wrong("a"))
    deep = a
    for _ in range(300):
        deep = deep + a
    with pytest.raises(ValueError, match="recorded by 300 operations, more than max_operations=200"):
        formula(deep)
    assert len(formula(deep, max_operations=1000).lines) > 10
    assert math.isclose(formula(deep, max_operations=1000).lines[-1][2], 301.0)
