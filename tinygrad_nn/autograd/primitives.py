"""The table of primitives: all the calculus of the project, one row each.

A row is a name, a symbol for drawings, the operands, the value on floats and one derivative rule per operand. A rule
is one expression in g (the adjoint of the result), y (the result) and the operands; it gives g * dy/d(operand).
Written with `+ - * /` and other rows alone, the same rule runs on floats (backward), on Values (derivatives of
derivatives) and on traced values (compiled gradients).
"""

from __future__ import annotations

import math
import operator

from .ieee import functions as ieee
from .ieee.floats import IeeeFloat
from .rules import is_column, pull_function, rule_functions

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from .rules import Rule


class Primitive:
    """One scalar function that the engine can differentiate: a row of the table.

    Calling it with floats gives a float; with a recorded scalar among the operands (a Value, a traced value) that
    scalar records the operation. An operand named in the plural (`xs`) is a tuple of scalars, and its rule speaks of
    the element `x`, or of its position `i`. A rule of None says that the result does not depend on that operand. A
    primitive is an identity: it is frozen, compared by `is`, and pickles and copies to itself by its name.

    >>> multiply(2.0, 3.0), multiply.formulas, multiply.rules[0](1.0, 6.0, 2.0, 3.0)
    (6.0, ('g * b', 'g * a'), 3.0)
    """

    __slots__ = ("_rules", "folds", "formulas", "name", "operands", "partial", "pull", "symbol", "value")
    name: str
    symbol: str
    operands: tuple[str, ...]
    value: Callable[..., float]
    formulas: tuple[Rule, ...]
    partial: bool  # whether the result does not depend on some operand
    folds: bool  # whether some operand is a column
    _rules: tuple[Callable[..., Any] | None, ...] | None
    spellings: Any = None  # of a primitive of one's own, for the back ends
    pull: Callable[[Any], None]  # all rules as one: adds to the gradients of the operands of a Result

    def __init__(self, name: str, symbol: str, operands: str, value: Callable[..., float], *formulas: Rule) -> None:
        fields = {"name": name, "symbol": symbol, "operands": tuple(operands.split()), "value": value}
        fields["folds"] = any(map(is_column, operands.split()))
        for field, content in (
            fields | {"formulas": formulas, "partial": None in formulas, "_rules": None, "pull": self._first_pull}
        ).items():
            object.__setattr__(self, field, content)

    @property
    def rules(self) -> tuple[Callable[..., Any] | None, ...]:
        """For each operand its rule as a function of (g, y, *operands), or None."""
        if self._rules is None:
            functions = rule_functions(self.name, self.operands, self.formulas, self._names(of_floats=False))
            object.__setattr__(self, "_rules", functions)
        return self._rules  # type: ignore[return-value]

    def _first_pull(self, result: Any) -> None:
        """The pull until it is first called: most programs need few of them."""
        pull = pull_function(self.name, self.operands, self.formulas, self._names(of_floats=True))
        object.__setattr__(self, "pull", pull)
        self.pull(result)

    def _names(self, of_floats: bool) -> dict[str, Any]:
        """What the text of a rule may name: rows, or where all operands are floats their values."""
        return _VALUES if of_floats else _NAMES

    def __call__(self, first: Any, *others: Any) -> Any:
        if type(first) is not float:
            if not others and hasattr(first, "_record"):
                return first._record(self, (first,))
            return self._recorded((first, *others))
        for operand in others:
            if type(operand) is not float:
                return self._recorded((first, *others))
        return self.value(first, *others)

    def _recorded(self, operands: tuple[Any, ...]) -> Any:
        """The call where an operand is no plain float: the scalar of the highest precedence records it."""
        scalars = [s for operand in operands for s in (operand if isinstance(operand, tuple) else (operand,))]
        recorder = max((s for s in scalars if hasattr(s, "_record")), key=_precedence, default=None)
        if recorder is not None:
            return recorder._record(self, tuple(map(_plain, operands)))
        result = self.value(*operands)
        return IeeeFloat(result) if any(type(s) is IeeeFloat for s in scalars) else result

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"the primitive {self.name} is a row of the table and cannot be changed")

    def __repr__(self) -> str:
        return f"<primitive {self.name}>"

    def __reduce__(self) -> tuple[Callable[[str], Primitive], tuple[str]]:
        return named, (self.name,)

    def __copy__(self) -> Primitive:
        return self

    def __deepcopy__(self, memo: object) -> Primitive:
        return self


def _plain(operand: Any) -> Any:
    """An operand without IeeeFloats: what is recorded holds plain floats."""
    if isinstance(operand, tuple):
        return operand if IeeeFloat not in map(type, operand) else tuple(map(_plain, operand))
    return float(operand) if type(operand) is IeeeFloat else operand


def _precedence(scalar: Any) -> int:
    return scalar._precedence  # type: ignore[no-any-return]


def named(name: str) -> Primitive:
    """The row of that name. Raises KeyError where there is none.

    >>> named("tanh") is tanh
    True
    """
    return TABLE[name]


# fmt: off
# Arithmetic. A literal exponent 0, 2, 3 or 4 has a row of its own: the same products in every engine.
add          = Primitive("add",          "+",    "a b", operator.add,   "g",      "g")
subtract     = Primitive("subtract",     "-",    "a b", operator.sub,   "g",      "-g")
multiply     = Primitive("multiply",     "*",    "a b", operator.mul,   "g * b",  "g * a")
divide       = Primitive("divide",       "/",    "a b", ieee.divide,    "g / b",  "-(g * y / b)")
negative     = Primitive("negative",     "neg",  "x",   operator.neg,   "-g")
absolute     = Primitive("absolute",     "abs",  "x",   operator.abs,   "g * sign(x)")
power        = Primitive("power",        "**",   "x n", ieee.power,     "g * monomial(n, x, n - 1.0)",
                                                                        "g * log_power(x, n, 1.0)")
zeroth_power = Primitive("zeroth_power", "**0",  "x",   lambda x: 1.0,  None)
square       = Primitive("square",       "**2",  "x",   lambda x: x * x,              "g * (2.0 * x)")
cube         = Primitive("cube",         "**3",  "x",   lambda x: x * x * x,          "g * (3.0 * (x * x))")
fourth_power = Primitive("fourth_power", "**4",  "x",   lambda x: (x * x) * (x * x),  "g * (4.0 * (x * x * x))")

# Elementary functions. Where a rule has `minimum(maximum(x, -40.0), 40.0)`, here and below, what that goes with is 0
# from there on: an infinite x would make it nan.
exp          = Primitive("exp",      "exp",      "x", ieee.exp,      "g * y")
expm1        = Primitive("expm1",    "expm1",    "x", ieee.expm1,    "g * exp(x)")
log          = Primitive("log",      "log",      "x", ieee.log,      "g / x")
log1p        = Primitive("log1p",    "log1p",    "x", ieee.log1p,    "g / (1.0 + x)")
sqrt         = Primitive("sqrt",     "sqrt",     "x", ieee.sqrt,     "g / (2.0 * y)")
sin          = Primitive("sin",      "sin",      "x", ieee.sin,      "g * cos(x)")
cos          = Primitive("cos",      "cos",      "x", ieee.cos,      "-(g * sin(x))")
tan          = Primitive("tan",      "tan",      "x", ieee.tan,      "g * (1.0 + y * y)")
asin         = Primitive("asin",     "asin",     "x", ieee.asin,     "g * asin_slope(x)")
acos         = Primitive("acos",     "acos",     "x", ieee.acos,     "-(g * asin_slope(x))")
atan         = Primitive("atan",     "atan",     "x", math.atan,     "g * atan_slope(x)")
sinh         = Primitive("sinh",     "sinh",     "x", ieee.sinh,     "g * cosh(x)")
cosh         = Primitive("cosh",     "cosh",     "x", ieee.cosh,     "g * sinh(x)")
tanh         = Primitive("tanh",     "tanh",     "x", math.tanh,     "g * (1.0 - y * y)")
erf          = Primitive("erf",      "erf",      "x", math.erf,
                         "g * (TWO_OVER_SQRT_PI * exp(-square(minimum(maximum(x, -40.0), 40.0))))")

# Activations.
sigmoid      = Primitive("sigmoid",    "sigmoid",    "x", ieee.sigmoid,    "g * sigmoid_slope(x, y)")
softplus     = Primitive("softplus",   "softplus",   "x", ieee.softplus,   "g * sigmoid(x)")
relu         = Primitive("relu",       "ReLU",       "x", ieee.relu,       "g * step(y)")
leaky_relu   = Primitive("leaky_relu", "leaky ReLU", "x", ieee.leaky_relu, "g * (0.01 + 0.99 * step(x))")
elu          = Primitive("elu",        "ELU",        "x", ieee.elu,        "g * exp(minimum(x, 0.0))")
silu         = Primitive("silu",       "SiLU",       "x", ieee.silu,
                         "g * (sigmoid(x) * (1.0 + minimum(maximum(x, -800.0), 800.0) * sigmoid(-x)))")
gelu         = Primitive("gelu",       "GELU",       "x", ieee.gelu,
                         "g * (normal_cdf(x) + minimum(maximum(x, -40.0), 40.0) * normal_pdf(x))")

# Two operands; the gradient of a tie is split in half.
maximum      = Primitive("maximum", "max", "a b", ieee.maximum, "g * tie(a, b)", "g * tie(b, a)")
minimum      = Primitive("minimum", "min", "a b", ieee.minimum, "g * tie(b, a)", "g * tie(a, b)")

# The cross-entropy of a probability, with a gradient that is finite at p = 0 and 1. Where p is sigmoid(z), the gradient
# of z is p - t: what reaches z by way of p, and the rest of it where the sigmoid is too flat for that.
binary_cross_entropy  = Primitive("binary_cross_entropy", "cross-entropy", "p t", ieee.binary_cross_entropy,
                                  "g * ((p - t) / floored(p * (1.0 - p)))",
                                  "g * (maximum(log(1.0 - p), -100.0) - maximum(log(p), -100.0))")
sigmoid_cross_entropy = Primitive("sigmoid_cross_entropy", "cross-entropy", "p z t", ieee.sigmoid_cross_entropy,
                                  "g * ((p - t) / floored(p * (1.0 - p)))",
                                  "g * ((p - t) * (1.0 - p * (1.0 - p) / floored(p * (1.0 - p))))",
                                  "g * (maximum(log(1.0 - p), -100.0) - maximum(log(p), -100.0))")

# Any number of operands. `largest` is told the count of those that are, and splits the gradient evenly.
dot          = Primitive("dot",       "dot",       "ws xs b",    ieee.dot,       "g * x", "g * w", "g")
take         = Primitive("take",      "take",      "xs index",   ieee.take,      "where_equal(g, float(i), index)",
                                                                                None)
logsumexp    = Primitive("logsumexp", "logsumexp", "xs",         ieee.logsumexp,
                         "g * (exp_gap(x, y) / normalizer(tuple([exp_gap(x, y) for x in xs]), y))")
largest      = Primitive("largest",   "max",       "xs count",   ieee.largest,   "g * (equal(x, y) / count)", None)
ties         = Primitive("ties",      "ties",      "xs",         ieee.ties,      None)

# What the rules above need. A branch is a function with a value, so that no rule has an `if`. `scaled`, `monomial` and
# `log_power` are c * x, c * x**n and x**n * log(x)**k with 0 wherever c or x**n is 0; `gap` is a - b with 0 between
# equal infinities; `sigmoid_slope` is told s = sigmoid(x). `detached` is x itself, taken for a constant; and so is
# `normalizer`, which is 1 but for rounding.
detached     = Primitive("detached",    "detach",   "x",     operator.pos,     None)
step         = Primitive("step",        "step",     "x",     ieee.step,        None)
sign         = Primitive("sign",        "sign",     "x",     ieee.sign,        None)
tie          = Primitive("tie",         "tie",      "a b",   ieee.tie,         None, None)
equal        = Primitive("equal",       "==",       "a b",   ieee.equal,       None, None)
where_equal  = Primitive("where_equal", "where ==", "x a b", ieee.where_equal, "where_equal(g, a, b)", None, None)
gap          = Primitive("gap",         "-",        "a b",   ieee.gap,         "g", "-g")
exp_gap      = Primitive("exp_gap",     "exp -",    "a b",   ieee.exp_gap,     "g * y", "-(g * y)")
scaled       = Primitive("scaled",      "*",        "c x",   ieee.scaled,      "g * x", "scaled(c, g)")
floored      = Primitive("floored",     "floor",    "x",     ieee.floored,     "where_equal(g, x, y)")
monomial     = Primitive("monomial",    "c x**n",   "c x n", ieee.monomial,    "g * power(x, n)",
                                                                               "g * monomial(c * n, x, n - 1.0)",
                                                                               "g * scaled(c, log_power(x, n, 1.0))")
log_power    = Primitive("log_power",   "x**n log**k", "x n k", ieee.log_power,
                         "g * (scaled(n, log_power(x, n - 1.0, k)) + scaled(k, log_power(x, n - 1.0, k - 1.0)))",
                         "g * log_power(x, n, k + 1.0)", None)
normalizer   = Primitive("normalizer",  "sum",      "xs total", ieee.normalizer, None, None)
asin_slope   = Primitive("asin_slope",  "asin'",    "x",     ieee.asin_slope,  "g * (x * cube(y))")
atan_slope   = Primitive("atan_slope",  "atan'",    "x",     ieee.atan_slope,  "-(g * (2.0 * scaled(y, x) * y))")
sigmoid_slope = Primitive("sigmoid_slope", "sigmoid'", "x s", ieee.sigmoid_slope, "-(g * (y * tanh(0.5 * x)))", None)
normal_cdf   = Primitive("normal_cdf",  "Phi",      "x",     ieee.normal_cdf,  "g * normal_pdf(x)")
normal_pdf   = Primitive("normal_pdf",  "phi",      "x",     ieee.normal_pdf,
                         "-(g * (minimum(maximum(x, -40.0), 40.0) * y))")
# fmt: on

TABLE: dict[str, Primitive] = {row.name: row for row in list(globals().values()) if isinstance(row, Primitive)}
_CONSTANTS = {"TWO_OVER_SQRT_PI": 2.0 / math.sqrt(math.pi), "float": float, "tuple": tuple}
_NAMES = _CONSTANTS | TABLE
_VALUES = _CONSTANTS | {name: row.value for name, row in TABLE.items()}
