"""How C99 spells the primitives: an expression, or a small function beside the code that wants it.

The texts are written for doubles; `spelled` turns them into floats. What is over columns is a loop that the printer
writes.
"""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Iterable

from ....autograd.ieee.functions import FLOOR, SINGLE_FLOOR
from ....autograd.primitives import Primitive
from ....support.names import Names
from ..python.expressions import MATHS
from ..spellings import LIBRARY, in_c, spelling
from .reserved_names import meaning

# What is written in place, of operands that are names, numbers or elements of arrays.
EXPRESSIONS: dict[str, str] = {
    "add": "{a} + {b}",
    "subtract": "{a} - {b}",
    "multiply": "{a} * {b}",
    "divide": "{a} / {b}",
    "negative": "-{x}",
    "absolute": "fabs({x})",
    "power": "pow({x}, {n})",
    "zeroth_power": "1.0",
    "square": "{x} * {x}",
    "cube": "{x} * {x} * {x}",
    "fourth_power": "({x} * {x}) * ({x} * {x})",
    "detached": "{x}",
    "atan_slope": "1.0 / (1.0 + {x} * {x})",
    "sigmoid_slope": "{s} * (1.0 - {s})",
    "equal": "{a} == {b} ? 1.0 : 0.0",
    "where_equal": "{a} == {b} ? {x} : 0.0",
    **{name: f"{name}({{x}})" for name in MATHS},
}

# What is a function of its own: its parameters, its body, and which of these it calls. `own_` stands before the names
# of such functions, and gives way to the name of the export.
FUNCTIONS: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "relu": ("x", "return x <= 0.0 ? 0.0 : x;", ()),
    "leaky_relu": ("x", "return x < 0.0 ? 0.01 * x : x;", ()),
    "elu": ("x", "return x < 0.0 ? expm1(x) : x;", ()),
    "step": ("x", "return x > 0.0 ? 1.0 : x <= 0.0 ? 0.0 : x;", ()),
    "sign": ("x", "return x > 0.0 ? 1.0 : x < 0.0 ? -1.0 : x == 0.0 ? 0.0 : x;", ()),
    "sigmoid": (
        "x",
        "const real small = exp(x >= 0.0 ? -x : x);\n    return (x >= 0.0 ? 1.0 : small) / (1.0 + small);",
        (),
    ),
    "softplus": ("x", "return (x <= 0.0 ? 0.0 : x) + log1p(exp(-fabs(x)));", ()),
    "silu": ("x", "return x != -INFINITY ? x * own_sigmoid(x) : -0.0;", ("sigmoid",)),
    "gelu": ("x", "return x != -INFINITY ? x * own_normal_cdf(x) : -0.0;", ("normal_cdf",)),
    "normal_cdf": ("x", f"return 0.5 * erfc(-x * {math.sqrt(0.5)!r});", ()),
    "normal_pdf": ("x", f"return exp(-0.5 * x * x) * {math.sqrt(0.5 / math.pi)!r};", ()),
    "maximum": ("a b", "return a >= b || a != a ? a : b;", ()),
    "minimum": ("a b", "return a <= b || a != a ? a : b;", ()),
    "tie": ("a b", "return a > b ? 1.0 : a < b ? 0.0 : a == b ? 0.5 : NAN;", ()),
    "monomial": ("c x n", "const real size = pow(x, n);\n    return c != 0.0 && size != 0.0 ? c * size : 0.0;", ()),
    "scaled": ("c x", "return c != 0.0 || x != x ? c * x : 0.0;", ()),
    "gap": ("a b", "return a != b ? a - b : 0.0;", ()),
    "exp_gap": ("a b", "return exp(a != b ? a - b : 0.0);", ()),
    "log_power": ("x n k", "const real size = pow(x, n);\n    return size != 0.0 ? size * pow(log(x), k) : 0.0;", ()),
    "asin_slope": ("x", "return 1.0 / sqrt((1.0 - x) * (1.0 + x));", ()),
    "floored": ("x", f"return x >= {FLOOR!r} || x != x ? x : {FLOOR!r};", ()),
    "binary_cross_entropy": (
        "p t",
        "const real yes = own_maximum(log(p), -100.0), no = own_maximum(log(1.0 - p), -100.0);\n"
        "    return 0.0 - (t * yes + (1.0 - t) * no);",
        ("maximum",),
    ),
    "sigmoid_cross_entropy": (
        "p z t", "(void)z;\n    return own_binary_cross_entropy(p, t);", ("binary_cross_entropy",),
    ),
}  # fmt: skip
FOLDS = ("dot", "take", "logsumexp", "normalizer", "largest", "ties")  # over columns
# Words of the texts themselves: types, counters, and what arguments and variables are called.
OWN = {
    "real", "i", "j", "k", "x", "y", "target", "state", "scratch", "slots", "weights", "gradient", "total", "value",
    "printf", "main",
}  # fmt: skip
ENDINGS = ("", "_i", "_j", "_ij")  # of a name, and of its member in a loop or two
_CALLS = "|".join((*MATHS, *LIBRARY))


def spelled(text: str, single: bool) -> str:
    """A text that is written for doubles, for doubles or for floats."""
    if single:
        text = text.replace(repr(FLOOR), repr(SINGLE_FLOOR))
        text = re.sub(rf"\b({_CALLS})(\s*)\(", r"\1f\2(", text)
        numbers = r"(?:\d+\.\d*|\.\d+)(?:[eE][+-]?\d+)?|\d+[eE][+-]?\d+"
        text = re.sub(rf"(?<![\w.])({numbers})(?![\w.])", r"\1f", text)
    return re.sub(r"\breal\b", "float" if single else "double", text)


def number(value: float, single: bool) -> str:
    """A number as C writes it, so that it comes back to the bit; negative ones in parentheses.

    Raises ValueError for one that is finite, and no float is.
    """
    if single:
        if math.isinf(rounded(value)) and not math.isinf(value):
            raise ValueError(f"{value!r} is larger than any float: export with dtype='double'")
        value = rounded(value)
    if value != value:
        return "NAN"
    if math.isinf(value):
        return "INFINITY" if value > 0 else "(-INFINITY)"
    text = repr(value)
    if single:
        text = next(t for t in (f"{value:.{digits}g}" for digits in range(1, 18)) if rounded(float(t)) == value)
        text = f"{text if any(letter in text for letter in '.e') else text + '.0'}f"
    return f"({text})" if text.startswith("-") else text


def rounded(value: float) -> float:
    """The float nearest to a double."""
    try:
        return struct.unpack("f", struct.pack("f", value))[0]  # type: ignore[no-any-return]
    except OverflowError:
        return math.copysign(math.inf, value)


class LocalNames(Names):
    """The nearest names that C can have for what is not seen outside of a function: those that mean nothing there yet.

    One is none of those taken, no macro's, none of the file's, which begin by `prefix`, nor one whose member in a loop,
    as in z1_i, is taken.
    """

    def __init__(self, prefix: str, taken: Iterable[str] = ()) -> None:
        super().__init__(taken)
        self.prefix = prefix

    def __call__(self, wanted: str) -> str:
        base = plain_name(wanted)
        of_a_family = meaning(base) and meaning(f"{base}_2")
        if of_a_family or (base.isupper() and len(base) > 1) or f"{base}_".startswith(f"{self.prefix}_"):
            base = f"v_{base}"
        name = super().__call__(base)
        self.taken.update(f"{name}{ending}" for ending in ENDINGS)
        return name

    def refuses(self, name: str) -> bool:
        return _in_use(name) or any(f"{name}{ending}" in self.taken for ending in ENDINGS)


def _in_use(name: str) -> bool:
    return name in OWN or bool(meaning(name))


def plain_name(name: str) -> str:
    """A name in the letters, digits and single underscores of C, with a letter first."""
    base = re.sub(r"[^A-Za-z0-9]+", "_", name).strip("_") or "v"
    return base if base[0].isalpha() else f"v_{base}"


def owned(text: str, name: str) -> str:
    """A text with the functions that it calls named after its file."""
    return re.sub(r"\bown_(\w+\()", rf"{name}_\1", text)


def functions(wanted: set[str | Primitive], name: str, single: bool) -> str:
    """The definitions of the functions that are wanted, and of those that they call, before those that call them."""
    order: list[str] = []
    own = {f"own_{row.name}": in_c(row, _in_use, single) for row in wanted if not isinstance(row, str)}

    def add(function: str) -> None:
        for other in FUNCTIONS[function][2]:
            add(other)
        if function not in order:
            order.append(function)

    for function in sorted([function for function in wanted if isinstance(function, str)]):
        add(function)
    order += sorted(own)
    texts = []
    for function in order:
        parameters, body = own[function] if function in own else FUNCTIONS[function][:2]
        listed = ", ".join(f"real {parameter}" for parameter in parameters.split())
        texts.append(f"static real own_{function}({listed})\n{{\n    {body}\n}}\n\n")
    return spelled(owned("".join(texts), name), single)


def called(primitive: Primitive, operands: list[str], wanted: set[str | Primitive]) -> str:
    """The expression of a primitive that is no fold, as for doubles; what it calls is added to those wanted.

    Raises UnspelledError for one's own that has no spelling in C.
    """
    name = primitive.name
    if name in EXPRESSIONS:
        return EXPRESSIONS[name].format(**dict(zip(primitive.operands, operands, strict=True)))
    if primitive.spellings is not None:
        spelling(primitive, "c")  # or it is said that there is none
        name = f"own_{name}"  # so that a primitive may be called as a function of the file is
    wanted.add(name if primitive.spellings is None else primitive)
    return f"own_{name}({', '.join(operands)})"
