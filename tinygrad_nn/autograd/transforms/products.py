"""jvp and vjp: a Jacobian times a direction, and a cotangent times a Jacobian, each in one pass and without the matrix.

`jvp` pushes tangents forward, by the rules that the table has for backward; `vjp` is a gradient. They nest in one
another and in the other transforms, and compile, as those do.
"""

from __future__ import annotations

from collections.abc import Callable

from ...support.annotation import Any
from ...support.checks import checked_function
from ...support.nested import leaves, mapped
from ...support.tabular import short
from .. import primitives as table
from .derivation import Derivation, Differentiable, float_of, one_number


def jvp(f: Differentiable) -> Callable[[Any, Any], tuple[Any, Any]]:
    """The function that gives f(xs) and its derivative along a direction, J . direction, where J is the Jacobian at xs.

    `xs` is a number or nested lists of numbers, and so is the direction, in the same shape; f returns a number or
    nested lists, and the derivative has their shape. It takes about as long as f by itself, for any number of results
    (forward mode: Griewank & Walther, Evaluating Derivatives, 2008, chapter 3). Values come back where the point or the
    direction holds Values or f computes with Values of its own, else floats.

    Raises ValueError when the direction has another shape than the point, TypeError when f returns no numbers.

    >>> jvp(lambda x: [x[0] * x[1], x[0] + x[1]])([2.0, 3.0], [1.0, 10.0])
    ([6.0, 5.0], [23.0, 11.0])
    """
    checked_function("jvp()", f, "of numbers")

    def jvp_of_f(xs: Any, direction: Any) -> tuple[Any, Any]:
        with Derivation("jvp()") as run:
            (inputs, point), along = run.made(xs), run.constants(direction)
            _check_shapes("jvp() wants a direction", along, "the point", inputs)
            outputs = mapped(f(point), lambda output: one_number(output, f"each entry of {run.what}"))
            run.settle(outputs)
            return run.told(outputs), run.tangents(outputs, inputs, along)

    return jvp_of_f


def vjp(f: Differentiable) -> Callable[[Any, Any], tuple[Any, Any]]:
    """The function that gives f(xs) and cotangent . J, the gradient of the sum of cotangent_i f_i, in the shape of xs.

    `xs` is a number or nested lists of numbers; f returns a number or nested lists, and the cotangent has their shape.
    Values come back where the point or the cotangent holds Values or f computes with Values of its own, else floats.

    Raises ValueError when the cotangent has another shape than the results, TypeError when f returns no numbers.

    >>> vjp(lambda x: [x[0] * x[1], x[0] + x[1]])([2.0, 3.0], [1.0, 10.0])
    ([6.0, 5.0], [13.0, 12.0])
    """
    checked_function("vjp()", f, "of numbers")

    def vjp_of_f(xs: Any, cotangent: Any) -> tuple[Any, Any]:
        with Derivation("vjp()") as run:
            (inputs, point), along = run.made(xs), run.constants(cotangent)
            outputs = mapped(f(point), lambda output: one_number(output, f"each entry of {run.what}"))
            _check_shapes("vjp() wants a cotangent", along, "what the function returns", outputs)
            run.settle(outputs)
            product = table.dot(tuple(leaves(along)), tuple(leaves(outputs)), 0.0)
            return run.told(outputs), run.gradients(product, inputs)

    return vjp_of_f


def _check_shapes(wanted: str, given: Any, like: str, other: Any) -> None:
    if mapped(given, lambda entry: None) != mapped(other, lambda entry: None):
        raise ValueError(
            f"{wanted} in the shape of {like}, such as {short(mapped(other, lambda entry: 0.0))}, but got "
            f"{short(mapped(given, float_of))}"
        )
