"""How C99 spells the primitives: an expression, or a small function beside the code that wants it.

The texts are written for doubles; `spelled` turns them into floats. What is over columns is a loop that the printer
writes.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Iterable, Sequence

from ....autograd.ieee.floats import FLOOR, SINGLE_FLOOR
from ....autograd.primitives import Primitive
from ....support.names import Names, free, underscored
from ...single_precision import rounded
from ..spellings import LIBRARY, in_language, spelling
from ..texts import ATOM, NAME, OPERATORS, Infix, Written
from .reserved_names import meaning

# What no text says, of operands that are names, numbers or elements of arrays. Other rows without a text are functions
# of the C library by their names.
EXPRESSIONS = OPERATORS | {"absolute": "fabs({x})", "power": "pow({x}, {n})"}
# Words of the texts themselves: types, counters, and what arguments and variables are called.
WORDS_OF_TEXTS = {
    "real", "i", "j", "k", "x", "y", "target", "state", "scratch", "slots", "weights", "gradient", "total", "value",
    "printf", "main",
}  # fmt: skip
ENDINGS = ("", "_i", "_j", "_ij")  # of a name, and of its member in a loop or two
_CALLS = "|".join(LIBRARY)


def in_precision(text: str, single: bool) -> str:
    """A text that is written for doubles, for doubles or for floats."""
    if single:
        text = text.replace(repr(FLOOR), repr(SINGLE_FLOOR))
        text = re.sub(rf"\b({_CALLS})(\s*)\(", r"\1f\2(", text)
        numbers = r"(?:\d+\.\d*|\.\d+)(?:[eE][+-]?\d+)?|\d+[eE][+-]?\d+"
        text = re.sub(rf"(?<![\w.])({numbers})(?![\w.])", r"\1f", text)
    return re.sub(r"\breal\b", "float" if single else "double", text)


def c_number(value: float, single: bool) -> str:
    """A number as C writes it, so that it comes back to the bit; negative ones in parentheses.

    Raises ValueError for one that is finite, and no float is.
    """
    if single:
        given, value = value, rounded(value)
        if math.isinf(value) and not math.isinf(given):
            raise ValueError(f"{given!r} is larger than any float: export with dtype='double'")
    if value != value:
        return "NAN"
    if math.isinf(value):
        return "INFINITY" if value > 0 else "(-INFINITY)"
    text = _short(value) if single else repr(value)
    return f"({text})" if text.startswith("-") else text


def _short(value: float) -> str:
    """A float in as few digits as say it, most often eight or nine."""
    digits = next(digits for digits in (8, 9, 17) if rounded(float(f"{value:.{digits}g}")) == value)
    while 1 < digits < 9 and rounded(float(f"{value:.{digits - 1}g}")) == value:
        digits -= 1
    text = f"{value:.{digits}g}"
    return f"{text}f" if "." in text or "e" in text else f"{text}.0f"


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
    return name in WORDS_OF_TEXTS or bool(meaning(name))


def plain_name(name: str) -> str:
    """A name in the letters, digits and single underscores of C, with a letter first."""
    base = re.sub(r"[^A-Za-z0-9]+", "_", name).strip("_") or "v"
    return base if base[0].isalpha() else f"v_{base}"


def named_after(text: str, name: str) -> str:
    """A text with the functions that it calls named after its file."""
    return re.sub(r"\bown_(\w+\()", rf"{name}_\1", text)


class _C(Infix):
    """C's language, as for doubles: what a text names first are constants, and what it calls functions of the file."""

    def __init__(self, named: Callable[[str], str] = str) -> None:
        self.named = named
        self.lines: list[str] = []
        self.calls: list[Primitive] = []

    def literal(self, x: float) -> str:
        return c_number(x, False).strip("()")

    def let(self, name: str, value: Written) -> Written:
        constant = self.named(name)
        self.lines.append(f"const real {constant} = {value.text};")
        return Written(constant, ATOM)

    def call(self, row: Primitive, given: Sequence[Written]) -> Written:
        if row.name in EXPRESSIONS:
            texts = {operand: each.held(ATOM) for operand, each in zip(row.operands, given, strict=True)}
            return Written(EXPRESSIONS[row.name].format(**texts), ATOM)
        listed = ", ".join(each.text for each in given)
        if row.text:
            self.calls.append(row)
        return Written(f"{_name(row) if row.text else row.name}({listed})", ATOM)


def calls_another(row: Primitive) -> bool:
    """Whether a row calls a function of the library, or may, as one's own."""
    told = row.spellings is None and row.text and not re.search(r"\w\(|;", row.text)
    return not told and row.name not in EXPRESSIONS


def in_place(row: Primitive) -> bool:
    """Whether a row is written where it is used: it calls nothing, and a choice in it reads no operand twice."""
    chooses = row.name not in EXPRESSIONS and " if " in row.text
    once = all(len(re.findall(rf"\b{o}\b", row.text)) <= 1 for o in row.operands)
    return not calls_another(row) and (once or not chooses)


def definitions(wanted: Collection[Primitive], name: str, single: bool) -> str:
    """The definitions of the functions that are wanted, and of those that they call, before those that call them."""
    texts: dict[Primitive, str] = {}

    def add(row: Primitive) -> None:
        if row not in texts:
            text, calls = _function(row, single)
            for other in calls:
                add(other)
            texts[row] = text

    for row in sorted(wanted, key=lambda row: (row.spellings is not None, row.name)):
        add(row)
    return in_precision(named_after("".join(texts.values()), name), single)


def _function(row: Primitive, single: bool) -> tuple[str, list[Primitive]]:
    """The definition of a primitive as a function, and which others it calls."""
    names = _parameters(row)
    operands = rf"\b({'|'.join(names)})\b(?!\s*\()"  # what is called by such a name is a function
    if "c" in (row.spellings or {}):
        text, lines, calls = spelling(row, "c").strip(), list[str](), list[Primitive]()
        read = set(re.findall(operands, text))
        text = re.sub(operands, lambda found: names[found[1]], text)
        text = f"(real)({text})" if single else text
    else:
        language = _C(lambda name: free(name, lambda name: _in_use(name) or name in names.values(), underscored))
        given = {operand: Written(name, NAME) for operand, name in names.items()}
        text, lines, calls = in_language(row, "c", given, lambda _: language).text, language.lines, language.calls
        read = set(re.findall(operands, row.text))
    silent = [f"(void){name};" for operand, name in names.items() if operand not in read]
    listed = ", ".join(f"real {name}" for name in names.values())
    body = "\n    ".join([*silent, *lines, f"return {text};"])
    return f"static real {_name(row)}({listed})\n{{\n    {body}\n}}\n\n", calls


def _parameters(row: Primitive) -> dict[str, str]:
    """What the operands are called: as they are; one's own, where C has the name, with an underscore or more."""
    if row.spellings is None:
        return {operand: operand for operand in row.operands}
    names: dict[str, str] = {}
    for operand in row.operands:
        taken = {*names.values(), *row.operands} - {operand}
        names[operand] = free(operand, lambda name: name in taken or _in_use(name), underscored)  # noqa: B023
    return names


def _name(row: Primitive) -> str:
    """What a function is called; one of one's own may be called as a function of the file is."""
    return f"own_{row.name}" if row.spellings is None else f"own_own_{row.name}"


def called(primitive: Primitive, operands: list[str], wanted: set[Primitive]) -> str:
    """The expression of a primitive that is no fold, as for doubles; what it calls is added to those wanted.

    Raises UnspelledError for one's own that C has no words for.
    """
    if primitive.spellings is None and (primitive.name in EXPRESSIONS or not primitive.text):
        return _C().call(primitive, [Written(text, ATOM) for text in operands]).text
    if in_place(primitive):
        named = {operand: Written(text, NAME) for operand, text in zip(primitive.operands, operands, strict=True)}
        return in_language(primitive, "c", named, lambda _: _C()).text  # type: ignore[no-any-return]
    _function(primitive, False)  # or it is said that there is none
    wanted.add(primitive)
    return f"{_name(primitive)}({', '.join(operands)})"


def product(weight: str, x: str) -> str:
    return x if weight in ("1.0", "1.0f") else f"{weight} * {x}"


def sum_of(products: Sequence[str], start: str) -> str:
    """A sum from `start` on; from its first product where that is -0, as -0 + x is x."""
    return " + ".join(products if products and is_minus_zero(start) else [start, *products])


def is_minus_zero(text: str) -> bool:
    return text in ("(-0.0)", "(-0.0f)")
