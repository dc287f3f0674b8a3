"""Transforms inside transforms: against SymPy, PyTorch and one another; recorded, inside no_grad, and compiled."""

import math
import random
from typing import Any

import mpmath
import pytest
from c_files import called, library, needs_cc
from programs import near
from shared import close, same, wrong

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
    for backend in [b for b in backends() if b != "llvm"]:
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
    "at a number, of the variable of one at a number": (
        lambda x: x * derivative(lambda y: derivative(lambda z: (y * z) ** 2, 3.0), 2.0), [5.0], 120.0, [24.0]),
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


def test_all_of_them_in_machine_code():
    pytest.importorskip("llvmlite", reason="llvmlite is not installed")
    functions, points, values, slopes = zip(*NESTED.values(), strict=True)

    def each(points):
        return [f(*point) for f, point in zip(functions, points, strict=True)]

    assert tn.compile(each, backend="llvm")(list(points)) == pytest.approx(list(values), rel=1e-12)
    _, (flows,) = tn.compile(lambda points: tn.sum(each(points)), backend="llvm").value_and_grad(list(points))
    for flow, slope in zip(flows, slopes, strict=True):
        assert flow == pytest.approx(slope, rel=1e-12)


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


def expression(rng, names, depth, size):
    """A tree of sums, products, sines and transforms up to a depth, that reads the variables."""
    if size <= 0 or rng.random() < 0.15:
        return rng.choice([("variable", rng.choice(names)), ("number", rng.choice([0.5, -0.7, 1.2]))])
    kind = rng.choice(["add", "multiply", "sin", "cos", *["transform"] * (4 if depth else 0)])
    if kind in ("sin", "cos"):
        return kind, expression(rng, names, depth, size - 1)
    if kind in ("add", "multiply"):
        return kind, expression(rng, names, depth, size // 2), expression(rng, names, depth, size // 2)
    new = [f"x{len(names)}", f"x{len(names) + 1}"]
    product = "multiply", ("sin", ("variable", new[0])), ("variable", new[1])  # so that no derivative is 0 throughout
    total = "add", expression(rng, [*names, *new, *new], depth - 1, size - 1), product
    body = "multiply", total, ("variable", rng.choice(names))
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
    if kind in ("sin", "cos"):
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
    if kind in ("sin", "cos"):
        return getattr(sympy, kind)(by_sympy(sympy, rest[0], scope))
    if kind in ("add", "multiply"):
        a, b = (by_sympy(sympy, t, scope) for t in rest)
        return a + b if kind == "add" else a * b
    kind, names, body, point, direction = rest
    at, along = ([by_sympy(sympy, t, scope) for t in trees] for trees in (point, direction))
    a, b = symbols = [sympy.Symbol(name, real=True) for name in names]
    f = by_sympy(sympy, body, {**scope, **dict(zip(names, symbols, strict=True))})
    if f.count_ops() > 40:
        raise OverflowError("its derivatives would be long, and take SymPy long")
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


def agree_with_sympy(seed, on=("python", "array")):
    """A random expression and its slope; whether it was one to judge by."""
    sympy = pytest.importorskip("sympy", reason="SymPy, whose derivatives these are held against, is not installed")
    rng = random.Random(seed)
    tree = expression(rng, ["x0"], 4, 6)
    x = sympy.Symbol("x0", real=True)
    try:
        symbolic = by_sympy(sympy, tree, {"x0": x})
    except OverflowError:
        return False
    point = rng.uniform(-1.0, 1.0)
    numeric = sympy.lambdify(x, [symbolic, symbolic.diff(x)], "mpmath", cse=True)
    with mpmath.workdps(40):
        value, slope = map(float, numeric(mpmath.mpf(point)))
    if not count_of_transforms(tree) or not abs(value) + abs(slope) < 1e6:
        return False

    def f(x):
        return by_engine(tree, {"x0": x})

    found = {"recorded": (f(point), tn.gradient(f)(point)[0]), "forward": tn.jvp(f)(point, 1.0)}
    for backend in [b for b in backends() if b in on]:
        y, (flow,) = tn.compile(f, backend=backend).value_and_grad(point)
        found[backend] = y, flow
    for way, numbers in found.items():
        for mine, right in zip(numbers, (value, slope), strict=True):
            assert near(mine, right, 1e-9), (way, seed, tree, mine, right)
    return True


def test_random_transforms_against_sympy():
    assert sum(map(agree_with_sympy, range(6))) >= 4


@pytest.mark.slow
def test_many_random_transforms_against_sympy():
    assert sum(agree_with_sympy(seed, on=("python", "array", "llvm")) for seed in range(1000, 1200)) >= 120


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        *(
            (lambda t=t: getattr(tn, t)(3.0), TypeError, rf"{t}\(\) wants a function of numbers, but got 3.0")
            for t in ("gradient", "value_and_grad", "jacobian", "hessian", "hvp", "jvp", "vjp")
        ),
        (lambda: derivative(wrong(3.0), 1.0), TypeError, r"derivative\(\) wants a function of numbers, but got 3.0"),
        (lambda: derivative(lambda v: v[0], [1.0]), TypeError, r"derivative\(\) is at one number, but got \[1.0\]"),
        (lambda: tn.jvp(tn.sin)(1.0, [1.0]), ValueError, "a direction in the shape of the point"),
        (lambda: tn.jvp(tn.sin)(1.0, "1"), TypeError, r"jvp\(\) wants numbers or nested lists of numbers, but got '1'"),
        (lambda: tn.vjp(lambda v: [v[0], v[1]])([1.0, 2.0], [1.0]), ValueError, "a cotangent in the shape of what"),
        (lambda: tn.jvp(lambda v: "text")([1.0], [1.0]), TypeError, "but it returned 'text'"),
        (lambda: tn.value_and_grad(lambda x: x, has_aux=True)(1.0), TypeError, "f to return .number, anything else."),
        (lambda: tn.value_and_grad(lambda x: [x])(1.0), TypeError, "returns one number, but it returned"),
    ],
)
def test_bad_input(call, error, words):
    with pytest.raises(error, match=words):
        call()


class Equation(tn.Module):
    """The residual of u' + u = 0 for a small network u, by one way to its derivative."""

    def __init__(self, way, activation="tanh"):
        self.net = tn.MLP(1, [5, 1], activation=activation, output_activation="linear", rng=random.Random(0))
        self.way = way

    def __call__(self, row):
        if self.way == "grad":
            x = Value(row[0], label="x")
            u = self.net([x])
            return tn.grad(u, x, create_graph=True) + u
        u = lambda x: self.net([x])  # noqa: E731
        x = row[0]
        slope = {
            "derivative": lambda: derivative(u, x),
            "gradient": lambda: tn.gradient(u)(x)[0],
            "jacobian": lambda: tn.jacobian(self.net)([x])[0][0],
            "jvp": lambda: tn.jvp(u)(x, 1.0)[1],
            "vjp": lambda: tn.vjp(u)(x, 1.0)[1],
            "value_and_grad": lambda: tn.value_and_grad(u)(x)[1][0],
        }[self.way]()
        return slope + u(x)


def at_the_border(model):
    """(u(0) - 1)**2 and a penalty of the curvature, by Values made outside of the model."""
    curved = tn.hessian(lambda v: model.net(v))([0.5])[0][0] + tn.hvp(lambda v: model.net(v))([0.25], [1.0])[0]
    return (
        (model.net([ZERO]) - 1.0) ** 2
        + 0.01 * tn.grad(model.net([ZERO]), ZERO, create_graph=True) ** 2
        + 1e-3 * (curved * curved)
    )


ZERO = Value(0.0)
X, Y = [[k / 6] for k in range(6)], [0.0] * 6


def trained(way, backend, epochs=2, quiet=False):
    model = Equation(way)

    def fit():
        return tn.fit(
            model, X, Y, loss="squared_error", optimizer=tn.SGD(model.parameters(), lr=0.05), epochs=epochs,
            batch_size=2, regularizer=at_the_border, backend=backend, progress=False, rng=random.Random(1),
        )  # fmt: skip

    if quiet:
        with tn.no_grad():
            history = fit()
    else:
        history = fit()
    return history.losses, [p.data for p in model.parameters()]


@pytest.mark.parametrize("way", ["derivative", "gradient", "jacobian", "jvp", "vjp", "value_and_grad", "grad"])
def test_a_physics_informed_network_trains_on_every_back_end(way):
    losses, weights = trained(way, "eager")
    assert losses[1] < losses[0]
    for backend in [b for b in backends() if b == "python" or (b == "llvm" and way in ("derivative", "grad"))]:
        compiled, numbers = trained(way, backend)
        assert compiled == pytest.approx(losses, rel=1e-12)
        assert numbers == pytest.approx(weights, rel=1e-10)


def test_a_derivative_of_data_is_a_number_as_it_is_in_a_recorded_run():
    """Its powers are Python's, and it may be compared with any number; so losses are equal in bits."""

    def model(row):
        slope = derivative(lambda u: u**3 + derivative(lambda v: v * v * u, 0.7), row[0])
        assert not isinstance(slope, Value)
        constant = derivative(lambda u: u**3, 0.5)
        assert type(constant) is float
        gradient = tn.grad(w * row[0], w)
        return w * (slope**3 if slope > 1.5 else slope) + gradient**3 + w * constant

    losses = []
    for backend in ("eager", "python"):
        w = Value(0.1)
        fit: dict[str, Any] = {
            "optimizer": tn.SGD([w], lr=0.01),
            "epochs": 3,
            "rng": random.Random(0),
            "progress": False,
        }
        losses.append(tn.fit(model, X, Y, loss="squared_error", backend=backend, batch_size=1, **fit).losses)
    assert losses[0] == losses[1]


def test_the_loss_of_a_derivative_against_pytorch():
    torch = pytest.importorskip("torch", reason="PyTorch, which these are held against, is not installed")
    model = Equation("derivative")
    first, second = model.net.layers
    numbers = [
        part
        for layer in (first, second)
        for part in ([[w.data for w in n.weights] for n in layer.neurons], [n.bias.data for n in layer.neurons])
    ]
    given = [torch.tensor(part, dtype=torch.float64, requires_grad=True) for part in numbers]
    x = torch.tensor([[0.3]], dtype=torch.float64, requires_grad=True)
    u = torch.tanh(x @ given[0].T + given[1]) @ given[2].T + given[3]
    (slope,) = torch.autograd.grad(u.sum(), x, create_graph=True)
    loss = ((slope + u) ** 2).sum()
    right = torch.autograd.grad(loss, given)
    for way in ("derivative", "grad", "jvp"):
        model.way = way
        mine = model([0.3]) ** 2
        model.zero_grad()
        mine.backward()
        assert mine.data == pytest.approx(loss.item(), rel=1e-13)
        flows = [[w.grad for n in layer.neurons for w in n.weights] for layer in (first, second)]
        biases = [[n.bias.grad for n in layer.neurons] for layer in (first, second)]
        assert flows[0] == pytest.approx(right[0].flatten().tolist(), rel=1e-12)
        assert biases[0] == pytest.approx(right[1].tolist(), rel=1e-12)
        assert flows[1] == pytest.approx(right[2].flatten().tolist(), rel=1e-12)
        assert biases[1] == pytest.approx(right[3].tolist(), rel=1e-12)


def test_a_value_made_of_a_traced_number_is_a_leaf_of_its_own():
    w = Value(2.0)

    def f(x):
        v = Value(x, label="v")
        twice = tn.grad(v**3 * w, v, create_graph=True) + v * v + (1.0 - v) / 2.0 + abs(-v) + 2.0**v
        return twice + tn.dot([v, w], [v, v], v) + (v if v > w else w * v) + tn.grad(v * v, v)

    for backend in backends():
        compiled = tn.compile(f, backend=backend)
        for x in (1.5, 3.0):
            assert compiled(x) == pytest.approx(f(x).data, rel=1e-14)
    with pytest.raises(TypeError, match="run once on values without a number"):
        tn.compile(lambda x: Value(x).data * x)(1.0)
    with pytest.raises(TypeError, match="holds one real number"):
        tn.compile(lambda x: Value(w) * x)(1.0)


def test_a_gradient_without_a_graph_is_a_constant_everywhere():
    f = lambda x: tn.grad(x**3, x) * x  # noqa: E731
    assert tn.gradient(f)(2.0) == [12.0]
    for backend in backends():
        assert tn.compile(f, backend=backend).grad(2.0) == [12.0]


def test_transforms_record_for_themselves_inside_no_grad():
    w, x, model = Value(3.0), Value(2.0), tn.MLP(2, [3, 1], rng=random.Random(0))
    kept = w**3 * x
    calls = [
        lambda: derivative(lambda x: x**3, 2.0), lambda: derivative(lambda x: x**3, 2.0, order=2),
        lambda: tn.gradient(lambda a, b: a * b)(2.0, 3.0), lambda: tn.jacobian(lambda v: [v[0] * v[1]])([2.0, 3.0]),
        lambda: tn.hessian(lambda v: v[0] ** 2 * v[1])([2.0, 3.0]), lambda: tn.hvp(lambda v: v[0] ** 3)([2.0], [1.0]),
        lambda: tn.jvp(lambda x: x * x)(2.0, 3.0), lambda: tn.vjp(lambda x: x * x)(2.0, 3.0),
        lambda: tn.value_and_grad(lambda x: x * x)(2.0), lambda: tn.gradcheck(tn.sin, [0.5]),
        lambda: derivative(lambda x: derivative(lambda y: x * y, x), 2.0), lambda: tn.compile(tn.sin).grad(0.5),
        lambda: derivative(lambda x: w * x * x, 2.0).data,
        lambda: [g.data for g in tn.gradient(lambda v: model(v))([1.0, 2.0])[0]],
        lambda: str(tn.formula(kept, wrt=w)), lambda: tn.grad(kept, w),
    ]  # fmt: skip
    for k, call in enumerate(calls):
        outside = call()
        with tn.no_grad():
            assert call() == outside, k
            assert (w * 2.0).op is None
    assert (w * 2.0).op is not None


def test_grad_of_what_was_not_recorded_is_an_error():
    w = Value(3.0)
    with tn.no_grad():
        y, z = w * 2.0, tn.exp(w)
        output = tn.MLP(1, [2, 1])([w])
        for unrecorded in (y, z, output, w + w, tn.dot([w], [w])):
            with pytest.raises(ValueError, match=r"was computed inside no_grad\(\): compute it outside"):
                tn.grad(unrecorded, w)
    with pytest.raises(ValueError, match=r"was computed inside no_grad\(\)"):
        tn.grad(y, [w])
    quiet = tn.no_grad()(lambda x: x * x)
    forward, once = (lambda f: lambda x: tn.jvp(f)(x, 1.0)), (lambda f: lambda x: derivative(f, x))
    for transform in (tn.gradient, tn.value_and_grad, forward, once):
        with pytest.raises(
            ValueError, match=r"was computed inside no_grad\(\): compute it outside, and take tn\.detach"
        ):
            transform(quiet)(2.0)
    assert derivative(lambda x: x * quiet(x).data, 3.0) == 9.0
    assert tn.grad(y, [y, w]) == [1.0, 0.0]
    assert tn.grad(y * 3.0, [y, w]) == [3.0, 0.0]
    assert tn.grad(Value(1.0), w) == 0.0
    slope = tn.grad(2.0 * w, w, create_graph=True)
    assert tn.grad(slope, w) == 0.0


@pytest.mark.parametrize("backend", ["eager", "python"])
def test_fit_trains_inside_no_grad(backend):
    assert trained("derivative", backend, quiet=True) == trained("derivative", backend)


def test_detach_is_a_constant_everywhere():
    def f(x, y):
        return tn.detach(x * x) * y + x * tn.detach(y).tanh() + (x * y).detach()

    x, y = 1.5, -0.5
    everywhere(f, [x, y], x * x * y + x * math.tanh(y) + x * y, [math.tanh(y), x * x])
    assert tn.detach(2) == 2.0
    assert tn.detach(Value(2.0)).op.name == "detached"
    with pytest.raises(TypeError, match=r"tn\.detach wants a number or a Value, but got '2'"):
        tn.detach(wrong("2"))


@needs_cc
def test_detach_and_derivatives_in_c(tmp_path):
    f = tn.compile(lambda x, y: tn.detach(x * x) * y + derivative(lambda u: u**3 * y, x), backend="python")
    right = f.value_and_grad(1.5, -0.5)
    value, flows = called(library(f.source("c"), tmp_path), "lambda_grad", [1.5, -0.5], [1, 1])
    assert (value, [flow for (flow,) in flows]) == right == (-4.5, [-4.5, 9.0])


def test_a_target_that_is_detached_trains_on_every_back_end():
    """One step of learning a prediction from itself: only the first term has a gradient."""

    def one(backend):
        model = tn.MLP(1, [3, 1], activation="tanh", rng=random.Random(0))
        given = {"optimizer": tn.SGD(model.parameters(), lr=0.1), "epochs": 4, "backend": backend, "progress": False}
        return tn.fit(model, [[0.5]], [1.0], loss=lambda p, t: (p - tn.detach(t + 0.9 * p)) ** 2, **given).losses

    losses = one("eager")
    for backend in [b for b in backends() if b != "array"]:
        assert one(backend) == pytest.approx(losses, rel=1e-13)
