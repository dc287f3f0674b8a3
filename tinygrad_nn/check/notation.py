"""How operations are written in formulas, as text and as LaTeX, with parentheses where the order needs them."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from ..autograd import primitives as table
from ..autograd.column import numbers
from ..autograd.ieee.floats import FLOOR
from ..autograd.primitives import Primitive
from ..autograd.value import Result

Piece = tuple[str, int]  # a text, and how tightly it holds together
Spellings = dict[str, tuple[str, int, tuple[int, ...]]]

SUM, PRODUCT, UNARY, POWER, ATOM = range(1, 6)

# How each is written, how tightly that holds together, and how tightly its operands must; then the same in LaTeX. What
# is not here is a function, called by its name.
TEXT: Spellings = {
    "add": ("{} + {}", SUM, (SUM, PRODUCT)),
    "subtract": ("{} - {}", SUM, (SUM, PRODUCT)),
    "multiply": ("{}*{}", PRODUCT, (PRODUCT, POWER)),
    "divide": ("{}/{}", PRODUCT, (PRODUCT, POWER)),
    "negative": ("-{}", UNARY, (PRODUCT,)),
    "power": ("{}**{}", POWER, (ATOM, ATOM)),
    "zeroth_power": ("1", ATOM, (SUM,)),
    "square": ("{}**2", POWER, (ATOM,)),
    "cube": ("{}**3", POWER, (ATOM,)),
    "fourth_power": ("{}**4", POWER, (ATOM,)),
    "absolute": ("abs({})", ATOM, (SUM,)),
    "monomial": ("{}*{}**{}", PRODUCT, (PRODUCT, ATOM, ATOM)),
    "scaled": ("{}*{}", PRODUCT, (PRODUCT, POWER)),
    "gap": ("{} - {}", SUM, (SUM, PRODUCT)),
    "exp_gap": ("exp({} - {})", ATOM, (SUM, PRODUCT)),
    "asin_slope": ("1/sqrt((1 - {0})*(1 + {0}))", PRODUCT, (PRODUCT,)),
    "atan_slope": ("1/(1 + {}**2)", PRODUCT, (ATOM,)),
    "sigmoid_slope": ("{1}*(1 - {1})", PRODUCT, (SUM, POWER)),
    "floored": (f"max({{}}, {FLOOR:.3g})", ATOM, (SUM,)),
    "sigmoid_cross_entropy": ("binary_cross_entropy({0}, {2})", ATOM, (SUM, SUM, SUM)),
    "log_power": ("{0}**{1}*log({0})**{2}", PRODUCT, (ATOM, ATOM, ATOM)),
    "log2": ("log({}, 2)", ATOM, (SUM,)),
    "log10": ("log({}, 10)", ATOM, (SUM,)),
    "exp2": ("2**{}", POWER, (ATOM,)),
    "mod": ("{} % {}", PRODUCT, (PRODUCT, POWER)),
    "floor_divide": ("{} // {}", PRODUCT, (PRODUCT, POWER)),
    "hypot": ("sqrt({}**2 + {}**2)", ATOM, (ATOM, ATOM)),
    "hypot_slope": ("{0}/sqrt({0}**2 + {1}**2)", PRODUCT, (ATOM, ATOM)),
    "asinh_slope": ("1/sqrt(1 + {}**2)", PRODUCT, (ATOM,)),
    "acosh_slope": ("1/sqrt(({0} - 1)*({0} + 1))", PRODUCT, (PRODUCT,)),
    "atanh_slope": ("1/(1 - {}**2)", PRODUCT, (ATOM,)),
    "sinc": ("sin(pi*{0})/(pi*{0})", PRODUCT, (POWER,)),
    "softsign": ("{0}/(1 + abs({0}))", PRODUCT, (PRODUCT,)),
    "zeta": ("zeta({1}, {0})", ATOM, (SUM, SUM)),
}
LATEX: Spellings = {
    **TEXT,
    "multiply": (r"{} \, {}", PRODUCT, (PRODUCT, POWER)),
    "divide": (r"\frac{{{}}}{{{}}}", ATOM, (SUM, SUM)),
    "power": ("{}^{{{}}}", POWER, (ATOM, SUM)),
    "square": ("{}^2", POWER, (ATOM,)),
    "cube": ("{}^3", POWER, (ATOM,)),
    "fourth_power": ("{}^4", POWER, (ATOM,)),
    "absolute": (r"\left|{}\right|", ATOM, (SUM,)),
    "sqrt": (r"\sqrt{{{}}}", ATOM, (SUM,)),
    "exp": ("e^{{{}}}", POWER, (SUM,)),
    "monomial": (r"{} \, {}^{{{}}}", PRODUCT, (PRODUCT, ATOM, SUM)),
    "scaled": (r"{} \, {}", PRODUCT, (PRODUCT, POWER)),
    "exp_gap": ("e^{{{} - {}}}", POWER, (SUM, PRODUCT)),
    "asin_slope": (r"\frac{{1}}{{\sqrt{{1 - {0}^2}}}}", ATOM, (ATOM,)),
    "atan_slope": (r"\frac{{1}}{{1 + {}^2}}", ATOM, (ATOM,)),
    "sigmoid_slope": (r"{1} \, \left(1 - {1}\right)", PRODUCT, (SUM, POWER)),
    "floored": (rf"\max\left({{}}, {FLOOR:.3g}\right)", ATOM, (SUM,)),
    "sigmoid_cross_entropy": (r"\operatorname{{binary\_cross\_entropy}}\left({0}, {2}\right)", ATOM, (SUM, SUM, SUM)),
    "log_power": (r"{0}^{{{1}}} \, \log\left({0}\right)^{{{2}}}", PRODUCT, (ATOM, SUM, SUM)),
    "log2": (r"\log_2\left({}\right)", ATOM, (SUM,)),
    "log10": (r"\log_{{10}}\left({}\right)", ATOM, (SUM,)),
    "exp2": ("2^{{{}}}", POWER, (SUM,)),
    "cbrt": (r"\sqrt[3]{{{}}}", ATOM, (SUM,)),
    "floor": (r"\left\lfloor {} \right\rfloor", ATOM, (SUM,)),
    "ceil": (r"\left\lceil {} \right\rceil", ATOM, (SUM,)),
    "mod": (r"{} \bmod {}", PRODUCT, (PRODUCT, POWER)),
    "floor_divide": (r"\left\lfloor \frac{{{}}}{{{}}} \right\rfloor", ATOM, (SUM, SUM)),
    "hypot": (r"\sqrt{{{}^2 + {}^2}}", ATOM, (ATOM, ATOM)),
    "hypot_slope": (r"\frac{{{0}}}{{\sqrt{{{0}^2 + {1}^2}}}}", ATOM, (ATOM, ATOM)),
    "asinh_slope": (r"\frac{{1}}{{\sqrt{{1 + {}^2}}}}", ATOM, (ATOM,)),
    "acosh_slope": (r"\frac{{1}}{{\sqrt{{{}^2 - 1}}}}", ATOM, (ATOM,)),
    "atanh_slope": (r"\frac{{1}}{{1 - {}^2}}", ATOM, (ATOM,)),
    "sinc": (r"\operatorname{{sinc}}\left({}\right)", ATOM, (SUM,)),
    "softsign": (r"\frac{{{0}}}{{1 + \left|{0}\right|}}", ATOM, (SUM,)),
    "lgamma": (r"\log\left|\Gamma\left({}\right)\right|", ATOM, (SUM,)),
    "digamma": (r"\psi\left({}\right)", ATOM, (SUM,)),
    "trigamma": (r"\psi'\left({}\right)", ATOM, (SUM,)),
    "zeta": (r"\zeta\left({1}, {0}\right)", ATOM, (SUM, SUM)),
    "sigmoid": (r"\sigma\left({}\right)", ATOM, (SUM,)),
    "normal_cdf": (r"\Phi\left({}\right)", ATOM, (SUM,)),
    "normal_pdf": (r"\varphi\left({}\right)", ATOM, (SUM,)),
}
LATEX_FUNCTIONS = {"log", "sin", "cos", "tan", "sinh", "cosh", "tanh", "maximum", "minimum", "largest"}
NAMES = {"maximum": "max", "minimum": "min", "largest": "max", "ceil": "ceiling", "lgamma": "loggamma"}


def written(result: Result, operands: Sequence[Piece], latex: bool) -> Piece:
    """An operation as text or as LaTeX, given its operands so written."""
    op = result.op
    found = WRITTEN_BY[op](result, operands, latex) if op in WRITTEN_BY else None
    if found is not None:
        return found
    if spelling := (LATEX if latex else TEXT).get(op.name):
        template, tightness, wanted = spelling
        held = [_held(o, least, latex) for o, least in zip(operands, wanted, strict=True)]
        return template.format(*held), tightness
    elements = operands[: len(result.groups[0])] if op.folds else operands
    return _function(op.name, [_held(o, SUM, latex) for o in elements], latex), ATOM


def _add(result: Result, operands: Sequence[Piece], latex: bool) -> Piece | None:
    """a + -b as a - b, which it is to the bit."""
    if operands[1][1] != UNARY:
        return None
    return f"{_held(operands[0], SUM, latex)} - {operands[1][0][1:]}", SUM


def _multiply(result: Result, operands: Sequence[Piece], latex: bool) -> Piece | None:
    """x * 1 as x, which it is to the bit."""
    ones = [type(operand) is float and operand == 1.0 for operand in result.operands]
    return operands[1 if ones[0] else 0] if any(ones) else None


def _normalizer(result: Result, operands: Sequence[Piece], latex: bool) -> Piece:
    shares = operands[: len(result.groups[0])]
    return " + ".join([_held(o, PRODUCT, latex) for o in shares]), SUM if len(shares) > 1 else shares[0][1]


def _logsumexp(result: Result, operands: Sequence[Piece], latex: bool) -> Piece:
    exp = LATEX["exp"][0] if latex else "exp({})"
    return _function("log", [" + ".join([exp.format(_held(o, SUM, latex)) for o in operands])], latex), ATOM


def _dot(result: Result, operands: Sequence[Piece], latex: bool) -> Piece:
    """w1 x1 + w2 x2 + ... + b, without a bias of 0."""
    product = (LATEX if latex else TEXT)["multiply"][0]
    n, terms = len(result.groups[0]), []
    for w, x, weight in zip(operands[:n], operands[n : 2 * n], result.groups[0], strict=True):
        one = type(weight) is float and weight == 1.0
        pair = _held(w, PRODUCT, latex), _held(x, POWER, latex)
        terms.append(_held(x, PRODUCT, latex) if one else product.format(*pair))
    bias = result.groups[2]
    if not terms or type(bias) is not float or bias != 0.0:
        terms.append(_held(operands[-1], PRODUCT, latex))
    return " + ".join(terms), SUM if len(terms) > 1 else PRODUCT


# How operations are written that are more than a template; None leaves it to that.
WRITTEN_BY: dict[Primitive, Callable[..., Piece | None]] = {
    table.add: _add, table.multiply: _multiply, table.dot: _dot, table.normalizer: _normalizer,
    table.partition: _normalizer, table.logsumexp: _logsumexp,
    table.detached: lambda _, operands, latex: operands[0],
    table.take: lambda result, operands, latex: operands[int(numbers(result.second))],
}  # fmt: skip


def _function(name: str, operands: Sequence[str], latex: bool) -> str:
    shown = NAMES.get(name, name)
    if not latex:
        return f"{shown}({', '.join(operands)})"
    head = rf"\{shown}" if name in LATEX_FUNCTIONS else rf"\operatorname{{{shown.replace('_', chr(92) + '_')}}}"
    return rf"{head}\left({', '.join(operands)}\right)"


def _held(operand: Piece, least: int, latex: bool) -> str:
    """The text of an operand, in parentheses where it holds together less than it must."""
    text, tightness = operand
    if tightness >= least:
        return text
    return rf"\left({text}\right)" if latex else f"({text})"


def latex_name(name: str) -> str:
    """x_{1} for x1, and words as words."""
    found = re.fullmatch(r"([^\W\d_]+)(\d*)(?:_(\d+))?", name)
    letters, digits, again = found.groups() if found else (name.replace("_", r"\_"), "", "")
    head = letters if len(letters) == 1 else rf"\mathrm{{{letters}}}"
    return head + (f"_{{{digits}}}" if digits else "") + (f"^{{({again})}}" if again else "")


def latex_number(number: float, digits: int = 0) -> str:
    """A number, of so many digits or all that it takes; a power of ten as one."""
    text = f"{number:.{digits}g}" if digits else repr(number).removesuffix(".0")
    if text in ("inf", "-inf"):
        return text.replace("inf", r"\infty")
    mantissa, _, exponent = text.partition("e")
    return rf"{mantissa} \cdot 10^{{{int(exponent)}}}" if exponent else text
