"""Primitives of one's own: eager and of all orders, on each back end that has a spelling, in gradcheck and drawings."""

import copy
import math
import pickle
import random
from typing import Any

import pytest
from c_files import built, called, library, needs_cc
from hypothesis import given, settings
from hypothesis import strategies as st
from own_primitives import log_gamma, soft_sign
from shared import matched, wrong

import tinygrad_nn as tn
from tinygrad_nn import Value

try:
    import llvmlite  # noqa: F401
    import numpy

    BACKENDS = ["python", "array", "llvm"]
except ImportError:
    BACKENDS = ["python"]


angle = tn.primitive(
    "angle",
    lambda a, b: math.atan2(a, b),
    {"b": "-(g * a / (a * a + b * b))", "a": "g * b / (a * a + b * b)"},
    spellings={"array": lambda a, b: numpy.arctan2(a, b), "llvm": "atan2(a, b)", "c": "atan2(a, b)"},
)


hard = tn.primitive(
    "hard",
    lambda x: min(1.0, max(-1.0, x)),
    "g * step(1.0 - abs(x))",
    spellings={
        "python": "1.0 if x >= 1.0 else -1.0 if x <= -1.0 else x",
        "array": "xp.clip(x, -1.0, 1.0)",
        "llvm": "1.0 if x >= 1 else -1.0 if x <= -1.0 else x",
        "c": "x >= 1.0 ? 1.0 : x <= -1.0 ? -1.0 : x",
    },
)


def mixed(x, v):
    return soft_sign(x * v[0]) * angle(v[1], x) + hard(v[0] * 2.0) - soft_sign(v[1]) / 3.0


numbers = st.floats(-5.0, 5.0).filter(lambda x: abs(x) > 1e-3)


@settings(max_examples=50, deadline=None)
@given(numbers, numbers, numbers)
def test_back_ends_agree_with_the_graph(x, a, b):
    values = [Value(x), [Value(a), Value(b)]]
    y = mixed(*values)
    slopes = tn.grad(y, values)
    for f in COMPILED:
        value, (dx, dv) = f.value_and_grad(x, [a, b])
        assert value == pytest.approx(y.data, rel=1e-13, abs=1e-13)
        assert [dx, *dv] == pytest.approx([slopes[0], *slopes[1]], rel=1e-12, abs=1e-13)
        if f.backend == "python":
            assert (value, [dx, dv]) == (y.data, slopes)


COMPILED = [tn.compile(mixed, backend=backend) for backend in BACKENDS]


@pytest.mark.parametrize("backend", BACKENDS)
def test_batches(backend):
    rng = random.Random(1)
    rows = [[rng.gauss(0, 1), [rng.gauss(0, 1), rng.gauss(0, 1)]] for _ in range(100)]
    values, flows = tn.compile(mixed, backend=backend).batch(rows, gradients=True)
    for (x, v), value, (dx, _) in zip(rows, values, flows, strict=True):
        assert value == pytest.approx(mixed(x, v), rel=1e-12, abs=1e-14)
        assert dx == pytest.approx(tn.derivative(lambda t, v=v: mixed(t, v), x), rel=1e-11, abs=1e-13)


def test_against_torch():
    torch = pytest.importorskip("torch")
    for number in (-30.0, -1.0, -1e-9, 0.0, 0.3, 4.0, 1e9):
        t = torch.tensor(number, dtype=torch.float64, requires_grad=True)
        y = torch.nn.functional.softsign(t)
        (slope,) = torch.autograd.grad(y, t, create_graph=True)
        curvature = 0.0 if number == 0.0 else torch.autograd.grad(slope, t)[0].item()
        assert soft_sign(number) == pytest.approx(y.item(), rel=1e-15)
        assert tn.derivative(soft_sign, number) == pytest.approx(slope.item(), rel=1e-13)
        assert tn.derivative(soft_sign, number, order=2) == pytest.approx(curvature, rel=1e-6, abs=1e-300)
    for number in (0.1, 1.0, 3.7, 20.0):
        t = torch.tensor(number, dtype=torch.float64, requires_grad=True)
        torch.lgamma(t).backward()
        assert tn.derivative(log_gamma, number) == pytest.approx(t.grad.item(), rel=1e-9)
        assert tn.derivative(log_gamma, number, order=2) == pytest.approx(
            torch.polygamma(1, torch.tensor(number, dtype=torch.float64)).item(), rel=1e-7
        )


def test_gradcheck_sees_right_rules_and_wrong_ones():
    for primitive, inputs in (
        (soft_sign, [0.7]),
        (angle, [0.5, -2.0]),
        (hard, [0.3]),
        (hard, [1.3]),
        (log_gamma, [2.2]),
    ):
        assert tn.gradcheck(primitive, [Value(x) for x in inputs])
    wrong = tn.primitive("soft_sign", lambda x: x / (1.0 + abs(x)), "g * (1.0 - abs(y))")
    with pytest.raises(tn.GradientError):
        tn.gradcheck(wrong, [Value(0.7)])
    wrong = tn.primitive("angle", lambda a, b: math.atan2(a, b), ["g * a / (a * a + b * b)", None])
    with pytest.raises(tn.GradientError):
        tn.gradcheck(wrong, [Value(0.7), Value(0.2)])


def test_numbers_of_all_kinds():
    assert soft_sign(1) == soft_sign(True) == soft_sign(1.0) == 0.5
    assert soft_sign(Value(1.0)).data == 0.5
    assert type(angle(1, Value(2.0))) is type(Value(1.0) * 2)
    assert angle(1, 2) == math.atan2(1.0, 2.0)
    inverse = tn.primitive("inverse", lambda x: 1 / x, "-(g * y * y)")
    assert inverse(0.0) == math.inf
    assert math.isnan(tn.compile(lambda x: inverse(x) * 0.0, backend="python")(0.0))
    x = Value(0.0)
    inverse(x).backward()
    assert x.grad == -math.inf
    with tn.no_grad():
        assert soft_sign(Value(1.0)).op is None


@pytest.mark.parametrize("backend", ["eager", *(b for b in BACKENDS if b != "array")])
def test_networks_train_on_it(backend):
    X, Y = tn.data.xor()
    models = [tn.MLP(2, [4, 1], soft_sign, rng=random.Random(1)) for _ in range(2)]
    histories = []
    for model, by in zip(models, ("eager", backend), strict=True):
        options = {"rng": random.Random(2), "progress": False, "backend": by}
        histories.append(tn.fit(model, X, Y, "squared_error", tn.Adam(model.parameters(), lr=0.05), 50, **options))
    assert histories[0].losses == pytest.approx(histories[1].losses, rel=1e-9)
    assert "soft_sign" in str(models[0].summary())


@needs_cc
def test_in_c(tmp_path):
    f = tn.compile(lambda x, z: mixed(x, [z, 0.7]) + log_gamma(x * x + 0.5), backend="python")
    value, flows = f.value_and_grad(0.3, -0.8)
    name = matched(r"double (\w+)_grad\(", f.source("c"))[1]
    got, mine = called(library(f.source("c"), tmp_path), f"{name}_grad", [0.3, -0.8], [1, 1])
    assert got == pytest.approx(value, rel=1e-14)
    assert [flow for (flow,) in mine] == pytest.approx(flows, rel=1e-12)
    model = tn.MLP(2, [4, 1], soft_sign, rng=random.Random(1))
    for dtype in ("float", "double"):
        text = tmp_path / f"{dtype}.c"
        tn.export_c(
            model, text, name="net", loss="squared_error", train=tn.SGD(model.parameters(), lr=0.1), dtype=dtype
        )
        built(text.read_text(), tmp_path, "-O2", "-c")
    assert tn.check_c(model) < 1e-6
    predict = tn.primitive("predict", lambda x: x / 2.0, "g * 0.5", spellings={"c": "x / 2.0"})  # a name of the file's
    assert tn.check_c(tn.MLP(2, [4, 1], predict, rng=random.Random(1))) < 1e-6


def test_drawings_formulas_and_receipts_show_it():
    x = Value(2.0, label="x")
    y = soft_sign(x)
    y.label = "y"
    y.backward()
    assert "soft" in tn.draw(y).source
    page = tn.steps(y).html()
    assert "soft(x)" in page
    assert "square(1.0 - abs(y))" in page
    assert str(tn.formula(y)).startswith("y = soft_sign(x)  # 0.666667")
    assert tn.explain(y, x).gradient == x.grad == pytest.approx(1 / 9)
    with pytest.raises(tn.AnomalyError, match="soft_sign gave nan"), tn.detect_anomaly():
        soft_sign(Value(math.inf))
    model = tn.Neuron(1, soft_sign)
    assert tn.lint(model, model([1.0])) == []


def test_it_is_an_identity():
    assert copy.deepcopy(soft_sign) is copy.copy(soft_sign) is pickle.loads(pickle.dumps(soft_sign)) is soft_sign
    assert soft_sign.__name__ == soft_sign.name == "soft_sign"
    lost = tn.primitive("lost", lambda x: x, "g")
    with pytest.raises(ValueError, match=r"test_custom.lost is no primitive: keep it under its name"):
        pickle.loads(pickle.dumps(lost))
    with pytest.raises(AttributeError, match="cannot be changed"):
        soft_sign.symbol = "?"
    model = pickle.loads(pickle.dumps(tn.MLP(2, [3, 1], soft_sign, rng=random.Random(1))))
    assert model.layers[0].neurons[0].activation is soft_sign


def test_two_of_one_name():
    other = tn.primitive("soft_sign", lambda x: x * 2.0, "g * 2.0")
    assert tn.compile(lambda x: other(x), backend="python")(3.0) == 6.0
    with pytest.raises(ValueError, match="two primitives are called soft_sign"):
        tn.compile(lambda x: other(x) + soft_sign(x), backend="python")(3.0)


def test_names_that_a_program_has_already():
    def f(x):
        soft_sign_ = soft_sign(x)
        soft_sign_.label = "soft_sign"
        return soft_sign_ * soft_sign(soft_sign_)

    for backend in BACKENDS:
        assert tn.compile(f, backend=backend).batch([[1.0]] * 3) == pytest.approx([1 / 6] * 3)
        assert tn.compile(soft_sign, backend=backend)(1.0) == 0.5
        assert tn.compile(soft_sign, backend=backend).grad(1.0) == [0.25]


WRONG = [
    ({"name": 3}, TypeError, "the name of a primitive is a string"),
    ({"name": "soft sign"}, ValueError, "is a word such as soft_sign, but got 'soft sign'"),
    ({"name": "lambda"}, ValueError, "is a word such as soft_sign"),
    ({"name": "tanh"}, ValueError, "'tanh' has a meaning in the table"),
    ({"name": "max"}, ValueError, "'max' has a meaning"),
    ({"value": 2.0}, TypeError, "must be a text or a function of floats, but got 2.0"),
    ({"value": "x +"}, ValueError, r"the value of mine, 'x \+', is no expression"),
    ({"value": ""}, ValueError, "must be an expression"),
    ({"value": "size = x"}, ValueError, "must be an expression"),
    ({"value": "inf = x; inf"}, ValueError, "names inf, which has a meaning already"),
    ({"value": "mine = exp(x); mine"}, ValueError, "names mine, which has a meaning already"),
    ({"value": "_exactly = 1.0 / x; _exactly"}, ValueError, "names _exactly, which has a meaning already"),
    ({"value": "a = x; a = a + 1.0; a"}, ValueError, "names a, which has a meaning already"),
    ({"value": "x = abs(x); x", "operands": "x"}, ValueError, "names x, which has a meaning already"),
    ({"value": "a = b; b = x; a", "operands": "x"}, ValueError, "names b, which has a meaning already"),
    ({"value": "math = x; math.gamma(math)"}, ValueError, "names math, which has a meaning already"),
    ({"value": "exp(mine)"}, ValueError, "has an operand that is called as the primitive is"),
    ({"value": "math.unheard(x)"}, ValueError, "calls math.unheard, which is no primitive of the table, nor known"),
    ({"value": f"x + {10**400}"}, ValueError, "a whole number in it that is too large"),
    ({"value": " + ".join(["x"] * 5000)}, ValueError, "is nested too deep: name parts of it"),
    ({"value": "x", "operands": ["x"]}, TypeError, r"`operands` of mine is a text such as 'a b', but got \['x'\]"),
    ({"value": "x", "operands": "x x"}, ValueError, "x is twice among the operands of mine"),
    ({"value": "x", "operands": "x 2"}, ValueError, "an operand of mine is called '2'"),
    ({"value": "x", "operands": "x if"}, ValueError, "an operand of mine is called 'if'"),
    ({"value": "x ** 2"}, ValueError, r"has more than .* write x \* x or .* power\(x, n\)"),
    ({"value": "x.real"}, ValueError, "has more than"),
    ({"value": "[x]"}, ValueError, "has more than"),
    ({"value": "x if 0.0 < x < 1.0 else 0.0"}, ValueError, "compares several numbers"),
    ({"value": "x if x else 0.0"}, ValueError, "asks for the truth of x"),
    ({"value": "x + (x < 0.0)"}, ValueError, "takes x < 0.0 for a number"),
    ({"value": "x + 'a'"}, ValueError, "has 'a' in it, which is no number"),
    ({"value": "exp(x, x)"}, ValueError, "calls exp on 2 numbers, which takes 1"),
    ({"value": "dot(x)"}, ValueError, "calls dot on 1 numbers, which is no primitive of numbers"),
    ({"value": "unheard(x)"}, ValueError, "calls unheard, which is no primitive of the table, nor known in its module"),
    ({"value": "a / b"}, ValueError, r'speaks of a, b: say which are its operands, .*operands="a b"'),
    ({"value": "1.0"}, ValueError, "speaks of nothing: say which"),
    ({"value": "x / z", "operands": "x"}, ValueError, "speaks of x, z, but its operands are x"),
    ({"value": "g * 2.0"}, ValueError, "an operand of mine is called 'g'"),
    ({"operands": "x"}, ValueError, "names those of a text; the value of mine is a function"),
    ({"value": lambda *xs: 0.0}, TypeError, r"its parameters are \(\*xs\): put it into a lambda"),
    ({"value": lambda: 0.0}, TypeError, "takes one to 3 floats"),
    ({"value": lambda a, b, c, d: 0.0}, TypeError, "takes one to 3 floats"),
    ({"value": lambda y: y}, ValueError, "an operand of mine is called 'y'"),
    ({"value": lambda xp: xp}, ValueError, "an operand of mine is called 'xp'"),
    ({"value": lambda xs: 0.0}, ValueError, "a name that ends in s a list"),
    ({"rules": "g *"}, ValueError, "the rule of mine for x, 'g \\*', is no expression"),
    ({"rules": "g * z"}, ValueError, "speaks of z, which is no operand"),
    ({"rules": "g ** x"}, ValueError, r"has more than \+ - \* / and calls"),
    ({"rules": "g if x else y"}, ValueError, "has more than"),
    ({"rules": ["g", "g"]}, ValueError, "takes x and wants a rule for each, but got 2"),
    ({"rules": {"a": "g"}}, ValueError, "wants a rule for each of x, but got a"),
    ({"rules": lambda x: x}, TypeError, r"must be a function of \(g, y, x\)"),
    ({"rules": [3]}, TypeError, "must be a text such as"),
    ({"symbol": 3}, TypeError, "the symbol of mine must be a string"),
    ({"spellings": {"fortran": "x"}}, ValueError, "is for 'fortran': the back ends are python, array, llvm, c"),
    ({"spellings": {"llvm": "x +"}}, ValueError, "is no expression of x"),
    ({"spellings": {"c": 3}}, TypeError, "for 'c' must be a text, but got 3"),
]


TEXTS = ["7 * x / 2", "half = x / 2; 7 * half;", "half = x / 2  # of x\n7 * half", "7 if x > 0 else 0"]


@pytest.mark.parametrize("text", TEXTS)
def test_a_text_is_written_as_it_is_meant(text):
    made = tn.primitive("written", text, "g * 3.5")
    found = [made(2.0), made(tn.Value(2.0)).data, *(tn.compile(made, backend=b)(2.0) for b in ("python", "auto"))]
    assert [(type(y), y) for y in found] == [(float, 7.0)] * 4
    assert tn.primitive("rounded", "round(x) + float(int(x, 0)) if x > 9 else 0", None)(1.0) == 0.0


@pytest.mark.parametrize(("change", "kind", "words"), WRONG)
def test_bad_input(change, kind, words):
    arguments = {"name": "mine", "value": lambda x: x, "rules": "g"} | change
    with pytest.raises(kind, match=words):
        tn.primitive(**arguments)


def test_bad_calls():
    with pytest.raises(TypeError, match=r"soft_sign\(x\) takes 1 numbers or Values, but got 2"):
        soft_sign(1.0, 2.0)
    with pytest.raises(TypeError, match="soft_sign wants a number or a Value, but got 'a'"):
        soft_sign("a")
    text = tn.primitive("text", lambda x: wrong("a"), "g")
    with pytest.raises(TypeError, match=r"the value of text must be a number, but text\(1.0\) gave 'a'"):
        text(1.0)
    raising = tn.primitive("raising", lambda x: math.exp(x), "g * y")
    for call in (raising, lambda x: raising(Value(x)), tn.compile(lambda x: raising(x), backend="python")):
        with pytest.raises(ValueError, match=r"raised OverflowError .* at 1000.0: write it with tn.exp"):
            call(1000.0)


@pytest.mark.skipif("array" not in BACKENDS, reason="no NumPy here")
def test_under_jax():
    jax = pytest.importorskip("jax")
    f = tn.compile(lambda x: soft_sign(x) * hard(x), namespace=jax.numpy, dtype="float32")
    assert list(f.batch([[0.5], [3.0]])) == pytest.approx([1 / 6, 0.75], rel=1e-6)


NAMES = ["value_x, x, z", "first, second", "second, a", "a, first", "result, third", "rule_x, x"]


@pytest.mark.parametrize("names", NAMES)
def test_operands_of_any_name(names):
    listed = names.split(", ")
    rules = [" * ".join(["g", *(other for other in listed if other != name)]) for name in listed]
    product = tn.primitive("product", eval(f"lambda {names}: {' * '.join(listed)}"), rules)
    values = [Value(2.0), Value(3.0), Value(4.0)][: len(listed)]
    product(*values).backward()
    assert [value.grad for value in values] == tn.grad(product(*values), values)
    assert [value.grad for value in values] == ([12.0, 8.0, 6.0] if len(listed) == 3 else [3.0, 2.0])
    first = tn.primitive("first_of_all", lambda first: first * 2.0, "g * 2.0")
    x = Value(1.0)
    first(x).backward()
    assert x.grad == 2.0


@pytest.mark.parametrize("name", ["threshold", "error", "rows", "tables", "found", "inputs", "train", "predict", "v3"])
def test_primitives_of_any_name(name):
    made = tn.primitive(name, lambda x: 0.5 * x * x, "g * x", spellings={"array": "0.5 * x * x", "llvm": "0.5 * x * x"})
    model = tn.MLP(2, [3, 1], made, rng=random.Random(1))
    losses = []
    for backend in ("eager", *(b for b in BACKENDS if b != "array")):
        model = tn.MLP(2, [3, 1], made, rng=random.Random(1))
        optimizer = tn.Adam(model.parameters(), lr=0.01)
        options: dict[str, Any] = {"epochs": 3, "shuffle": False, "progress": False, "backend": backend}
        losses.append(tn.fit(model, *tn.data.xor(), "squared_error", optimizer, **options).losses)
    assert all(each == pytest.approx(losses[0], rel=1e-9) for each in losses)
    for backend in BACKENDS:
        f = tn.compile(lambda x: made(x) * made(x + 1.0), backend=backend)
        assert f.batch([[2.0]] * 3) == pytest.approx([9.0] * 3)
        assert f.grad(2.0) == pytest.approx([15.0])


WRONG_CALLS = ["g * exp(x, x)", "g * dot(x)", "g(x)", "3(x)", 'g * x + "a"', "g * 2j", "g * exp(x=x)", "3.0 * x"]


@pytest.mark.parametrize("rule", WRONG_CALLS)
@pytest.mark.filterwarnings("ignore::SyntaxWarning")
def test_rules_that_would_fail_later(rule):
    with pytest.raises(ValueError, match="the rule of mine for x"):
        tn.primitive("mine", lambda x: x, rule)
    assert tn.primitive("mine", lambda x: x, "  g * 1.0 ")(2.0) == 2.0


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"spellings": ["x"]}, "the spellings of mine are a dict"),
        ({"spellings": {"c": " "}}, "must be a text"),
        ({"rules": 3}, "the rules of mine are one, a list or a dict"),
        ({"rules": {"g", "y"}}, "the rules of mine are one, a list or a dict"),
    ],
)
def test_more_bad_input(change, words):
    arguments = {"name": "mine", "value": lambda x: x, "rules": "g"} | change
    with pytest.raises(TypeError, match=words):
        tn.primitive(**arguments)
    with pytest.raises(ValueError, match="an activation takes one number, but angle takes 2"):
        tn.Neuron(2, angle)
