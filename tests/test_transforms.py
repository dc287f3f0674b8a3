"""Transforms inside transforms: against SymPy, PyTorch and one another; recorded, inside no_grad, and compiled."""

import math
import random

import pytest
from conftest import close, same
from programs import near

import tinygrad_nn as tn
from tinygrad_nn import Value

derivative = tn.derivative


def backends():
    """The back ends that this machine has."""
    found = ["python"]
    for name, module in (("array", "numpy"), ("llvm", "llvmlite")):
        try:
            __import__(module)
        except ImportError:
            continue
        found.append(name)
    return found


def everywhere(f, point, value, slopes, tolerance=1e-12):
    """The value and the gradient of f at numbers, by every way: recorded, inside no_grad and compiled."""
    found = {"recorded": tn.value_and_grad(f)(*point)}
    with tn.no_grad():
        found["inside no_grad"] = tn.value_and_grad(f)(*point)
    values = [Value(number) for number in point]
    output = f(*values)
    output.backward()
    found["backward"] = output.data, [v.grad for v in values]
    found["jvp"] = value, [tn.jvp(lambda v: f(*v))(list(point), [float(i == k) for i in range(len(point))])[1]
                           for k in range(len(point))]  # fmt: skip
    for backend in backends():
        compiled = tn.compile(f, backend=backend)
        assert close(compiled(*point), value, tolerance), (backend, compiled(*point), value)
        found[backend] = compiled.value_and_grad(*point)
    for way, (y, flows) in found.items():
        assert type(y) is float, way
        assert close(y, value, tolerance, 1e-14), (way, y, value)
        for mine, right in zip(flows, slopes, strict=True):
            assert type(mine) is float, way
            assert close(mine, right, tolerance, 1e-14), (way, flows, slopes)


SINE = math.sin(1.5)
NESTED = {
    "the variable of another": (lambda x: x * derivative(lambda y: x * y, 2.0), [1.0], 1.0, [2.0]),
    "at the variable of another": (lambda x: derivative(lambda u: u**3, x), [2.0], 12.0, [12.0]),
    "of an order, at another": (lambda x: derivative(lambda u: u**5, x, order=3), [2.0], 240.0, [240.0]),
    "a penalty of the gradient": (
        lambda x: x + derivative(lambda u: u**3, x) ** 2, [2.0], 2.0 + 144.0, [1.0 + 2 * 12.0 * 12.0]),
    "gradient": (lambda x, y: tn.gradient(lambda a, b: a * b * x)(x, y)[0], [3.0, 5.0], 15.0, [5.0, 3.0]),
    "jacobian of a gradient": (
        lambda x, y: tn.jacobian(lambda v: tn.gradient(lambda w: w[0] ** 2 * w[1] * x)(v)[0])([x, y])[0][1],
        [3.0, 5.0], 18.0, [12.0, 0.0]),
    "hessian inside gradient": (
        lambda x, y: tn.hessian(lambda v: v[0] ** 3 * v[1] * y)([x, y])[0][0], [2.0, 3.0],
        6 * 2.0 * 9.0, [6 * 9.0, 6 * 2.0 * 6.0]),
    "hvp, and a direction that is a variable": (
        lambda x, y: tn.hvp(lambda v: v[0] ** 2 * v[1])([x, y], [y, 1.0])[0], [3.0, 5.0], 56.0, [2.0, 20.0]),
    "jvp": (lambda x, y: tn.jvp(lambda u: tn.sin(u) * y)(x, y)[1], [1.5, 2.0],
            4.0 * math.cos(1.5), [-4.0 * SINE, 4.0 * math.cos(1.5)]),
    "vjp": (lambda x, y: tn.vjp(lambda v: [v[0] * v[1], tn.sin(v[0])])([x, y], [y, 3.0])[1][0], [1.5, 2.0],
            4.0 + 3.0 * math.cos(1.5), [-3.0 * SINE, 4.0]),
    "value_and_grad": (lambda x: tn.value_and_grad(lambda u: (u**2, u * x), has_aux=True)(x)[0][1], [3.0], 9.0, [6.0]),
    "three deep, each of the one outside": (
        lambda x: derivative(lambda y: y * derivative(lambda z: x * y * z * z, x), 2.0), [3.0],
        4 * 2.0 * 9.0, [8 * 3.0 * 2.0]),
    "tn.grad inside derivative": (
        lambda x: derivative(lambda u: tn.grad(u**3 * x, u, create_graph=True), x), [2.0], 24.0, [24.0]),
    "a derivative that is constant": (lambda x: x * derivative(lambda u: 3.0 * u, 2.0), [5.0], 15.0, [3.0]),
    "a function of no variable": (lambda x: x + derivative(lambda u: 7.0, x), [5.0], 5.0, [1.0]),
    "a function of others alone": (lambda x: x + derivative(lambda u: x * x, 2.0), [5.0], 5.0, [1.0]),
    "the identity": (lambda x: x * derivative(lambda u: u, x), [5.0], 5.0, [1.0]),
    "a second derivative of what is linear": (lambda x: x + derivative(lambda u: x * u, x, order=2), [5.0], 5.0, [1.0]),
    "detached": (lambda x: x * derivative(lambda u: tn.detach(u) * u * x, x), [2.0], 8.0, [8.0]),
}  # fmt: skip


@pytest.mark.parametrize("name", NESTED)
def test_transforms_inside_transforms(name):
    everywhere(*NESTED[name])


def test_a_branch_inside_a_transform_is_a_path():
    def f(x):
        return derivative(lambda u: u**2 * x if u > 1.0 else -u, x)

    for backend in backends():
        compiled = tn.compile(f, backend=backend)
        assert [compiled(x) for x in (2.0, 0.5, 3.0)] == [f(x) for x in (2.0, 0.5, 3.0)] == [8.0, -1.0, 18.0]


def test_floats_come_back_for_floats_and_values_where_a_value_is_outside():
    w, kept = Value(3.0), Value(2.0) * 1.0
    transforms = {
        "derivative": lambda f, x: derivative(f, x),
        "gradient": lambda f, x: tn.gradient(f)(x)[0],
        "value_and_grad": lambda f, x: tn.value_and_grad(f)(x)[1][0],
        "jacobian": lambda f, x: tn.jacobian(lambda v: [f(v[0])])([x])[0][0],
        "hessian": lambda f, x: tn.hessian(lambda v: f(v[0]))([x])[0][0],
        "hvp": lambda f, x: tn.hvp(lambda v: f(v[0]))([x], [1.0])[0],
        "jvp": lambda f, x: tn.jvp(f)(x, 1.0)[1],
        "vjp": lambda f, x: tn.vjp(f)(x, 1.0)[1],
    }
    for name, transform in transforms.items():
        for f in (lambda u: u**3, lambda u: 7.0, lambda u: derivative(lambda v: v**2 * u, 2.0), lambda u: 2.0 * u):
            assert type(transform(f, 2.0)) is float, name
            assert isinstance(transform(f, Value(2.0)), Value), name
            with tn.no_grad():
                assert type(transform(f, 2.0)) is float, name
                inside = transform(f, Value(2.0))
                assert isinstance(inside, Value), name
                assert inside.op is None
            assert inside.data == transform(f, 2.0)
        for f in (lambda u: u**2 * w, lambda u: w, lambda u: u**2 * kept, lambda u: u**2 * tn.detach(w)):
            assert isinstance(transform(f, 2.0), Value), name
        if name in ("derivative", "gradient", "value_and_grad", "jacobian", "jvp", "vjp"):
            assert tn.grad(transform(lambda u: u**2 * w, 2.0), w) == 4.0, name
            assert tn.grad(transform(lambda u: u**2 * kept, 2.0), kept) == 4.0, name
        else:
            assert tn.grad(transform(lambda u: u**2 * w, 2.0), w) == 2.0, name
    assert tn.hvp(lambda v: v[0] ** 3)([2.0], [w])[0].data == 36.0
    assert isinstance(tn.jvp(lambda u: u * u)(2.0, w)[1], Value)
    assert isinstance(tn.vjp(lambda u: u * u)(2.0, w)[1], Value)


def test_a_variable_is_told_from_the_value_it_was_made_of():
    """x * y at y = x: the derivative by y alone is x."""
    x = Value(3.0)
    inner = derivative(lambda y: x * y, x)
    assert inner.data == 3.0
    assert tn.grad(inner, x) == 1.0
    assert same(derivative(lambda y: y, Value(-0.0)).data, 1.0)
    assert same(tn.jvp(lambda y: y)(Value(-0.0), 1.0)[0].data, -0.0)


# Random expressions of transforms, held against SymPy.


def expression(rng, names, depth, size):
    """A tree of sums, products, sines and transforms up to a depth, that reads the variables."""
    if size <= 0 or rng.random() < 0.15:
        return rng.choice([("variable", rng.choice(names)), ("number", rng.choice([0.5, -0.7, 1.2]))])
    kind = rng.choice(["add", "multiply", "sin", "tanh", *["transform"] * (4 if depth else 0)])
    if kind in ("sin", "tanh"):
        return kind, expression(rng, names, depth, size - 1)
    if kind in ("add", "multiply"):
        return kind, expression(rng, names, depth, size // 2), expression(rng, names, depth, size // 2)
    new = [f"x{len(names)}", f"x{len(names) + 1}"]
    body = expression(rng, [*names, *new, *new], depth - 1, size - 1)
    point = [expression(rng, names, depth - 1, 1) for _ in new]
    direction = [expression(rng, names, 0, 1) for _ in new]
    kind = rng.choice(["derivative", "second", "gradient", "jacobian", "hessian", "hvp", "jvp", "vjp"])
    return "transform", kind, new, body, point, direction


def by_engine(tree, scope):
    """The tree on floats, Values or traced values."""
    kind, *rest = tree
    if kind == "variable":
        return scope[rest[0]]
    if kind == "number":
        return rest[0]
    if kind in ("sin", "tanh"):
        return getattr(tn, kind)(by_engine(rest[0], scope))
    if kind in ("add", "multiply"):
        a, b = (by_engine(t, scope) for t in rest)
        return a + b if kind == "add" else a * b
    kind, names, body, point, direction = rest
    at, along = ([by_engine(t, scope) for t in trees] for trees in (point, direction))

    def f(v):
        return by_engine(body, {**scope, **dict(zip(names, v, strict=True))})

    return {
        "derivative": lambda: derivative(lambda a: f([a, at[1]]), at[0]),
        "second": lambda: derivative(lambda a: f([a, at[1]]), at[0], order=2),
        "gradient": lambda: tn.gradient(lambda a, b: f([a, b]))(*at)[1],
        "jacobian": lambda: tn.jacobian(lambda v: [v[0], f(v)])(at)[1][0],
        "hessian": lambda: tn.hessian(f)(at)[0][1],
        "hvp": lambda: tn.hvp(f)(at, along)[1],
        "jvp": lambda: tn.jvp(f)(at, along)[1],
        "vjp": lambda: tn.vjp(lambda v: [f(v), v[0]])(at, along)[1][0],
    }[kind]()


def by_sympy(sympy, tree, scope):
    """The tree as an expression of SymPy."""
    kind, *rest = tree
    if kind == "variable":
        return scope[rest[0]]
    if kind == "number":
        return sympy.Rational(str(rest[0]))
    if kind in ("sin", "tanh"):
        return getattr(sympy, kind)(by_sympy(sympy, rest[0], scope))
    if kind in ("add", "multiply"):
        a, b = (by_sympy(sympy, t, scope) for t in rest)
        return a + b if kind == "add" else a * b
    kind, names, body, point, direction = rest
    at, along = ([by_sympy(sympy, t, scope) for t in trees] for trees in (point, direction))
    a, b = symbols = [sympy.Symbol(name) for name in names]
    f = by_sympy(sympy, body, {**scope, **dict(zip(names, symbols, strict=True))})
    found = {
        "derivative": lambda: f.diff(a),
        "second": lambda: f.diff(a, 2),
        "gradient": lambda: f.diff(b),
        "jacobian": lambda: f.diff(a),
        "hessian": lambda: f.diff(a, b),
        "hvp": lambda: f.diff(a, b) * along[0] + f.diff(b, 2) * along[1],
        "jvp": lambda: f.diff(a) * along[0] + f.diff(b) * along[1],
        "vjp": lambda: f.diff(a) * along[0] + along[1],
    }[kind]()
    return found.subs(dict(zip(symbols, at, strict=True)), simultaneous=True)


def count_of_transforms(tree):
    return sum(count_of_transforms(t) for t in tree if isinstance(t, tuple | list)) + (tree[:1] == ("transform",))


def agree_with_sympy(seed):
    """A random expression and its slope; whether it was one to judge by."""
    sympy = pytest.importorskip("sympy", reason="SymPy, whose derivatives these are held against, is not installed")
    rng = random.Random(seed)
    tree = expression(rng, ["x0"], 4, 6)
    x = sympy.Symbol("x0")
    symbolic = by_sympy(sympy, tree, {"x0": x})
    point = rng.uniform(-1.0, 1.0)
    value, slope = (float(found.evalf(30, subs={x: sympy.Float(point, 40)})) for found in (symbolic, symbolic.diff(x)))
    if not count_of_transforms(tree) or symbolic.count_ops() > 3000 or not abs(value) + abs(slope) < 1e6:
        return False

    def f(x):
        return by_engine(tree, {"x0": x})

    found = {"recorded": (f(point), tn.gradient(f)(point)[0]), "forward": tn.jvp(f)(point, 1.0)}
    for backend in backends():
        y, (flow,) = tn.compile(f, backend=backend).value_and_grad(point)
        found[backend] = y, flow
    for way, numbers in found.items():
        for mine, right in zip(numbers, (value, slope), strict=True):
            assert near(mine, right, 1e-9), (way, seed, tree, mine, right)
    return True


def test_random_transforms_against_sympy():
    assert sum(map(agree_with_sympy, range(40))) >= 15


@pytest.mark.slow
def test_many_random_transforms_against_sympy():
    assert sum(map(agree_with_sympy, range(1000, 1400))) >= 150
