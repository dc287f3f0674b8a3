"""Derivatives without `backward`: grad of recorded Values; derivative, gradient, jacobian ... of plain functions.

The latter call a plain Python function on Values made from the given numbers and read gradients off the recorded graph.
Arguments are numbers or nested lists of numbers; what comes back is floats in the same shape.
"""

from __future__ import annotations

from . import reverse
from .operators import as_float
from .recording import watcher
from .value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Function = Callable[..., Any]


def grad(output: Value, inputs: Any, create_graph: bool = False) -> Any:
    """d output / d input for one Value or nested lists of them, in the same shape.

    Gradients come back as floats, or with `create_graph=True` as Values that can be differentiated again; 0.0 where
    the output does not depend on an input. An input may be a leaf or an intermediate result. `.grad` is not touched.

    Raises TypeError when the output or an input is no Value.

    >>> x = Value(3.0)
    >>> slope = grad(x**3, x, create_graph=True)
    >>> slope.data, grad(slope, [x, Value(1.0)])
    (27.0, [18.0, 0.0])
    """
    watching = watcher()
    if watching is not None and (found := watching.grad(output, inputs, create_graph)) is not None:
        return found
    if not isinstance(output, Value):
        raise TypeError(f"grad(output, inputs) differentiates a Value, but the output is {output!r}")
    wanted: dict[int, Value] = {}
    _collect(inputs, wanted)
    adjoints = reverse.adjoints(output, wanted, create_graph)

    def answer(entry: Any) -> Any:
        if isinstance(entry, list | tuple):
            return [answer(e) for e in entry]
        adjoint = adjoints.get(id(entry), 0.0)
        return Value(adjoint) if create_graph and not isinstance(adjoint, Value) else adjoint

    return answer(inputs)


def _collect(inputs: Any, wanted: dict[int, Value]) -> None:
    if isinstance(inputs, list | tuple):
        for entry in inputs:
            _collect(entry, wanted)
    elif isinstance(inputs, Value):
        wanted[id(inputs)] = inputs
    else:
        raise TypeError(f"grad(output, inputs) wants Values or nested lists of Values as inputs, but got {inputs!r}")


def variables(argument: Any, what: str) -> Any:
    """A number, or nested lists of numbers, as fresh Values in the same shape (a Value gives a fresh copy).

    Raises TypeError that names `what` holds something else.
    """
    if isinstance(argument, list | tuple) or getattr(argument, "ndim", 0) > 0:
        return [variables(entry, what) for entry in argument]
    number = argument.data if isinstance(argument, Value) else as_float(argument)
    if number is None:
        raise TypeError(f"{what} wants numbers or nested lists of numbers, but got {argument!r}")
    return Value(number)


def one_number(result: Any, what: str) -> Value:
    """The result of a function that must return one number. Raises TypeError where it did not."""
    if isinstance(result, Value):
        return result
    number = as_float(result)
    if number is None:
        raise TypeError(f"{what} differentiates a function that returns one number, but it returned {result!r}")
    return Value(number)


def data(result: Any) -> Any:
    """The floats of a Value, or of nested lists of Values."""
    return [data(entry) for entry in result] if isinstance(result, list) else result.data


def derivative(f: Function, x: float, order: int = 1) -> float:
    """The derivative of f at the number x, of any order >= 1.

    Raises TypeError when f does not return one number, ValueError for an order below 1.

    >>> derivative(lambda x: x**5, 2.0, order=2)
    160.0
    """
    if not isinstance(order, int) or order < 1:
        raise ValueError(f"derivative() wants an order of 1 or more, but got {order!r}")
    variable = variables(x, "derivative()")
    result = one_number(f(variable), "derivative()")
    for _ in range(order - 1):
        result = grad(result, variable, create_graph=True)
    return grad(result, variable)  # type: ignore[no-any-return]


def gradient(f: Function) -> Callable[..., list[Any]]:
    """The function that gives [df/dx1, df/dx2, ...] for arguments (x1, x2, ...); a list for an argument that is one.

    Raises TypeError when f does not return one number.

    >>> gradient(lambda x, y: x * y)(3.0, 4.0), gradient(lambda v: v[0] * v[1])([3.0, 4.0])
    ([4.0, 3.0], [[4.0, 3.0]])
    """

    def gradient_of_f(*arguments: Any) -> list[Any]:
        inputs = [variables(argument, "gradient()") for argument in arguments]
        return grad(one_number(f(*inputs), "gradient()"), inputs)  # type: ignore[no-any-return]

    return gradient_of_f


def jacobian(f: Function) -> Callable[[Any], list[list[float]]]:
    """The function that gives the matrix of df_i / dx_j at a list of n numbers: m rows of n for m results.

    A function that returns one number counts as one with a list of one result.

    >>> jacobian(lambda x: [x[0] * x[1], x[0] + x[1]])([2.0, 3.0])
    [[3.0, 2.0], [1.0, 1.0]]
    """

    def jacobian_of_f(xs: Any) -> list[list[float]]:
        inputs = _vector(xs, "jacobian()")
        results = f(inputs)
        results = results if isinstance(results, list | tuple) else [results]
        return [grad(one_number(result, "each entry of jacobian()"), inputs) for result in results]

    return jacobian_of_f


def hessian(f: Function) -> Callable[[Any], list[list[float]]]:
    """The function that gives the n x n matrix of d2f / dx_i dx_j at a list of n numbers.

    Raises TypeError when f does not return one number.

    >>> hessian(lambda x: x[0] ** 2 * x[1])([3.0, 5.0])
    [[10.0, 6.0], [6.0, 0.0]]
    """

    def hessian_of_f(xs: Any) -> list[list[float]]:
        inputs = _vector(xs, "hessian()")
        slopes = grad(one_number(f(inputs), "hessian()"), inputs, create_graph=True)
        return [grad(slope, inputs) for slope in slopes]

    return hessian_of_f


def hvp(f: Function) -> Callable[[Any, Any], list[float]]:
    """The function that gives the Hessian at a list of n numbers times a direction of n numbers, in linear time.

    The gradient of (gradient of f) . direction (Pearlmutter, Fast exact multiplication by the Hessian, 1994).
    Raises ValueError when the direction has another length than the point.

    >>> hvp(lambda x: x[0] ** 2 * x[1])([3.0, 5.0], [1.0, 2.0])
    [22.0, 6.0]
    """

    def hvp_of_f(xs: Any, direction: Any) -> list[float]:
        inputs, along = _vector(xs, "hvp()"), data(_vector(direction, "hvp()"))
        if len(inputs) != len(along):
            raise ValueError(f"hvp() got a point of {len(inputs)} numbers and a direction of {len(along)}")
        slopes = grad(one_number(f(inputs), "hvp()"), inputs, create_graph=True)
        product = Value(0.0)
        for slope, component in zip(slopes, along, strict=True):
            product = product + slope * component
        return grad(product, inputs)  # type: ignore[no-any-return]

    return hvp_of_f


def _vector(xs: Any, what: str) -> list[Value]:
    vector = variables(xs, what)
    if not isinstance(vector, list) or any(isinstance(entry, list) for entry in vector):
        raise TypeError(f"{what} wants one flat list of numbers, but got {xs!r}")
    return vector
