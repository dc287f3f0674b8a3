"""A compiled function as one of a single vector, with its derivatives: what methods of optimization take.

Its arguments, however they are nested, lie in the vector one after the other; NumPy's arrays come back where NumPy is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from importlib.util import find_spec
from typing import Any

from ..autograd.transforms.derivatives import hessian, hvp, jacobian
from ..support.nested import leaves
from .arguments import flat, shaped, size_of
from .target import Target


class FlatFunction:
    """A compiled function of one vector, as f.flat(x, y, ...) gives it, whose arguments have the shapes of those.

    Called with a vector it gives the function's value there: a float, or a vector where the function returns lists.
    `x0` are the arguments that it was made with as a vector, and `arguments(x)` those that a vector holds, in their
    shapes. `grad(x)` is the gradient, `value_and_grad(x)` the pair of both, `jacobian(x)` has a row for each result and
    a column for each number of x, `hessian(x)` is a matrix and `hvp(x, p)` its product with a vector. What is given is
    a vector of len(x0) numbers; what comes back are arrays of NumPy, or lists where that is not installed. Each is
    compiled when it is first asked for, and what the function reads is watched as in any call.

    Raises ValueError for a vector of another length, TypeError as calls do, such as for a gradient of several results.

    >>> import tinygrad_nn as tn
    >>> from scipy.optimize import least_squares, minimize
    >>> f = tn.compile(lambda x, y: (1.0 - x) ** 2 + 100.0 * (y - x**2) ** 2)
    >>> at = f.flat(-1.2, 1.0)
    >>> at([1.0, 1.0]), at.hessian([1.0, 1.0]).tolist()
    (0.0, [[802.0, -400.0], [-400.0, 200.0]])
    >>> found = minimize(at.value_and_grad, at.x0, jac=True, hess=at.hessian, method="trust-exact")
    >>> [round(number, 6) for number in at.arguments(found.x)]
    [1.0, 1.0]

    A function that returns a list has residuals:

    >>> g = tn.compile(lambda ws, b: [ws[0] + 2.0 * ws[1] - b, ws[0] - 3.0, b - 1.0])
    >>> at = g.flat([0.0, 0.0], 0.0)
    >>> (w1, w2), b = at.arguments(least_squares(at, at.x0, jac=at.jacobian, method="lm").x)
    >>> round(w1, 6), round(w2, 6), round(b, 6)
    (3.0, -1.0, 1.0)
    """

    def __init__(self, function: Any, arguments: Sequence[Any]) -> None:
        self._function, self.__name__ = function, function.__name__
        self._shape, numbers = flat(arguments, function.__name__)
        self._count = size_of(self._shape)
        self._xp: Any = Target("array").namespace if find_spec("numpy") is not None else None
        self.x0 = self._vector(numbers)

    def __call__(self, x: Any) -> Any:
        """The value: a float, or a vector of the results in their order."""
        path, outputs = self._function.run(self._shape, self._numbers(x), gradients=False)
        return float(outputs[0]) if path.shape is None else self._vector(outputs)

    def value_and_grad(self, x: Any) -> tuple[float, Any]:
        """The value and the gradient."""
        _, outputs = self._function.run(self._shape, self._numbers(x), gradients=True)
        return float(outputs[0]), self._vector(outputs[1:])

    def grad(self, x: Any) -> Any:
        """The gradient."""
        return self.value_and_grad(x)[1]

    def jacobian(self, x: Any) -> Any:
        """The matrix of the derivative of each result by each number."""
        return self._matrix(self._jacobian, self._numbers(x))

    def hessian(self, x: Any) -> Any:
        """The matrix of the second derivatives."""
        return self._matrix(self._hessian, self._numbers(x))

    def hvp(self, x: Any, p: Any) -> Any:
        """The product of the Hessian and a vector, in about the time of a gradient."""
        shape = (None,) * self._count
        _, outputs = self._hvp.run((shape, shape), [*self._numbers(x), *self._numbers(p)], gradients=False)
        return self._vector(outputs)

    def arguments(self, x: Any) -> list[Any]:
        """The arguments that a vector holds, each in its shape."""
        found: list[Any] = shaped(self._shape, iter(self._numbers(x)))
        return found

    def __reduce__(self) -> tuple[Any, ...]:
        return FlatFunction, (self._function, self.arguments(self.x0))  # a copy compiles for itself

    @cached_property
    def _jacobian(self) -> Any:
        return self._compiled(jacobian(self._of_list))

    @cached_property
    def _hessian(self) -> Any:
        return self._compiled(hessian(self._of_list))

    @cached_property
    def _hvp(self) -> Any:
        return self._compiled(hvp(self._of_list))

    def _of_list(self, numbers: Sequence[Any]) -> Any:
        """The results for a list of numbers: one, or a list of all."""
        result = self._function.function(*shaped(self._shape, iter(numbers)))
        listed = isinstance(result, list | tuple) or getattr(result, "ndim", 0) > 0
        return list(leaves(result)) if listed else result

    def _compiled(self, function: Callable[..., Any]) -> Any:
        """A derivative, compiled for where the function is, which also says what it reads."""
        return type(self._function)(function, self._function.target, [self._function.function])

    def _matrix(self, function: Any, numbers: list[float]) -> Any:
        _, outputs = function.run(((None,) * self._count,), numbers, gradients=False)
        if self._xp is not None:
            return self._xp.array(outputs, dtype="float64").reshape((-1, self._count))
        return [list(outputs[k : k + self._count]) for k in range(0, len(outputs), self._count)]

    def _vector(self, numbers: Sequence[float]) -> Any:
        return list(numbers) if self._xp is None else self._xp.array(numbers, dtype="float64")

    def _numbers(self, x: Any) -> list[float]:
        _, numbers = flat((x,), self.__name__)
        if len(numbers) != self._count:
            raise ValueError(f"{self.__name__} is of {self._count} numbers in one vector, but got {len(numbers)}")
        return list(numbers)
