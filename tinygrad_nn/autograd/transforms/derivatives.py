"""Derivatives without `backward`: grad of recorded Values; derivative, gradient, jacobian ... of plain functions.

The latter call a plain Python function on variables made from the given numbers and read derivatives off what was
recorded. Floats come back for floats. Given Values, or of a function that computes with Values (the weights of a model,
the variable of another transform), they are Values, which can be differentiated again, and traced values inside a
compiled function: so transforms nest to any depth, and compile.
"""

from __future__ import annotations

from collections.abc import Callable

from ...support.annotation import Any
from ...support.checks import checked_count, checked_function, checked_switch
from ...support.nested import entries_in, leaves
from ...support.tabular import short
from .. import primitives as table
from ..scalar import Scalar
from ..value import Value
from .derivation import Derivation, Differentiable, check_recorded, one_number, slopes


def grad(output: Value, inputs: Any, create_graph: bool = False) -> Any:
    """d output / d input for one Value or nested lists of them, in the same shape.

    Gradients come back as floats, or with `create_graph=True` as Values that can be differentiated again; 0.0 where
    the output does not depend on an input. An input may be a leaf or an intermediate result. `.grad` is not touched.

    Raises TypeError when the output or an input is no Value, ValueError for an output that was not recorded, but
    computed inside `no_grad`.

    >>> x = Value(3.0)
    >>> slope = grad(x**3, x, create_graph=True)
    >>> slope.data, grad(slope, [x, Value(1.0)])
    (27.0, [18.0, 0.0])
    """
    if not isinstance(output, Scalar):
        raise TypeError(f"grad(output, inputs) differentiates a Value, but the output is {output!r}")
    listed = list(leaves(inputs))
    for entry in listed:
        if not isinstance(entry, Scalar):
            raise TypeError(f"grad(output, inputs) wants Values or nested lists of Values as inputs, but got {entry!r}")
    if not any(entry is output for entry in listed):
        check_recorded(output, "grad(output, inputs)")
    return slopes(output, inputs, checked_switch("create_graph", create_graph))


def derivative(f: Differentiable, x: Any, order: int = 1) -> Any:
    """The derivative of f at the number x, of any order >= 1.

    A float; a Value, which can be differentiated again, where x is one or f computes with Values of its own.

    Raises TypeError when x is no number or f does not return one, ValueError for an order below 1.

    >>> derivative(lambda x: x**5, 2.0, order=2)
    160.0
    >>> derivative(lambda x: x * derivative(lambda y: x * y, 2.0), 1.0)
    2.0
    """
    checked_function("derivative()", f, "of numbers")
    order = checked_count("the order of derivative()", order)
    with Derivation("derivative()") as run:
        variable, given = run.made(x)
        if isinstance(variable, list):
            raise TypeError(f"derivative() is at one number, but got {short(x)}: take tn.gradient(f)(x) for a list")
        result = one_number(f(given), run.what)
        run.settle(result)
        for _ in range(order - 1):
            result = slopes(result, variable, create_graph=True)
        return run.gradients(result, variable)


def gradient(f: Differentiable) -> Callable[..., list[Any]]:
    """The function that gives [df/dx1, df/dx2, ...] for arguments (x1, x2, ...); a list for an argument that is one.

    The derivatives are Values where an argument holds Values or f computes with Values of its own, else floats.

    Raises TypeError when f does not return one number.

    >>> gradient(lambda x, y: x * y)(3.0, 4.0), gradient(lambda v: v[0] * v[1])([3.0, 4.0])
    ([4.0, 3.0], [[4.0, 3.0]])
    """
    checked_function("gradient()", f, "of numbers")

    def gradient_of_f(*arguments: Any) -> list[Any]:
        return _value_and_gradient(Derivation("gradient()"), f, arguments)[1]  # type: ignore[no-any-return]

    return gradient_of_f


def value_and_grad(f: Differentiable, has_aux: bool = False) -> Callable[..., tuple[Any, list[Any]]]:
    """The function that gives f(x1, x2, ...) and its gradient [df/dx1, df/dx2, ...], as `gradient` does.

    With `has_aux`, f returns a pair of the number that is differentiated and of anything else, and ((number, anything
    else), gradient) comes back; numbers in lists, tuples and dicts there come back as the value does.

    Raises TypeError when f does not return one number, or with `has_aux` no pair.

    >>> value_and_grad(lambda x, y: x * y)(3.0, 4.0)
    (12.0, [4.0, 3.0])
    >>> value_and_grad(lambda x: (x**2, {"root": x}), has_aux=True)(3.0)
    ((9.0, {'root': 3.0}), [6.0])
    """
    checked_function("value_and_grad()", f, "of numbers")
    has_aux = checked_switch("has_aux", has_aux)

    def value_and_grad_of_f(*arguments: Any) -> tuple[Any, list[Any]]:
        return _value_and_gradient(Derivation("value_and_grad()"), f, arguments, has_aux)

    return value_and_grad_of_f


def _value_and_gradient(run: Derivation, f: Differentiable, arguments: Any, has_aux: bool = False) -> tuple[Any, Any]:
    with run:
        inputs, given = run.made(arguments)
        result, beside = f(*given), None
        if has_aux:
            if not isinstance(result, tuple) or len(result) != 2:
                raise TypeError(
                    f"{run.what} with has_aux wants f to return (number, anything else), but got {result!r}"
                )
            result, beside = result
        found: list[Any] = []
        result = one_number(result, run.what)
        entries_in(beside, found.append)
        run.settle([result, *found])
        value = run.told(result)
        return (value, entries_in(beside, run.beside)) if has_aux else value, run.gradients(result, inputs)


def jacobian(f: Differentiable) -> Callable[[Any], list[list[Any]]]:
    """The function that gives the matrix of df_i / dx_j at a list of n numbers: m rows of n for m results.

    A function that returns one number counts as one with a list of one result. The entries are Values where the point
    holds Values or f computes with Values of its own, else floats.

    >>> jacobian(lambda x: [x[0] * x[1], x[0] + x[1]])([2.0, 3.0])
    [[3.0, 2.0], [1.0, 1.0]]
    """
    checked_function("jacobian()", f, "of numbers")

    def jacobian_of_f(xs: Any) -> list[list[Any]]:
        with Derivation("jacobian()") as run:
            inputs, point = run.made(xs)
            run.vector(inputs)
            results = f(point)
            listed = isinstance(results, list | tuple) or getattr(results, "ndim", 0) > 0
            results = [one_number(result, "each entry of jacobian()") for result in (results if listed else [results])]
            run.settle(results)
            return [run.gradients(result, inputs) for result in results]

    return jacobian_of_f


def hessian(f: Differentiable) -> Callable[[Any], list[list[Any]]]:
    """The function that gives the n x n matrix of d2f / dx_i dx_j at a list of n numbers.

    The entries are Values where the point holds Values or f computes with Values of its own, else floats.

    Raises TypeError when f does not return one number.

    >>> hessian(lambda x: x[0] ** 2 * x[1])([3.0, 5.0])
    [[10.0, 6.0], [6.0, 0.0]]
    """
    checked_function("hessian()", f, "of numbers")

    def hessian_of_f(xs: Any) -> list[list[Any]]:
        with Derivation("hessian()") as run:
            inputs, point = run.made(xs)
            run.vector(inputs)
            result = one_number(f(point), run.what)
            run.settle(result)
            return [run.gradients(slope, inputs) for slope in slopes(result, inputs, create_graph=True)]

    return hessian_of_f


def hvp(f: Differentiable) -> Callable[[Any, Any], list[Any]]:
    """The function that gives the Hessian at a list of n numbers times a direction of n numbers, in linear time.

    The gradient of (gradient of f) . direction (Pearlmutter, Fast exact multiplication by the Hessian, 1994), of Values
    where the point or the direction holds Values or f computes with Values of its own, else floats.

    Raises ValueError when the direction has another length than the point.

    >>> hvp(lambda x: x[0] ** 2 * x[1])([3.0, 5.0], [1.0, 2.0])
    [22.0, 6.0]
    """
    checked_function("hvp()", f, "of numbers")

    def hvp_of_f(xs: Any, direction: Any) -> list[Any]:
        with Derivation("hvp()") as run:
            (inputs, point), along = run.made(xs), run.vector(run.constants(direction))
            if len(run.vector(inputs)) != len(along):
                raise ValueError(f"hvp() got a point of {len(inputs)} numbers and a direction of {len(along)}")
            result = one_number(f(point), run.what)
            run.settle(result)
            product = table.dot(tuple(slopes(result, inputs, create_graph=True)), tuple(along), 0.0)
            return run.gradients(product, inputs)  # type: ignore[no-any-return]

    return hvp_of_f
