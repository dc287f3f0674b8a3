"""formula: the recorded expression of a Value, or its derivative, as text and as LaTeX, with the numbers beside.

Operations are written in the order of recording. What has a label, is used more than once or grows too long for a line
gets a line and a name of its own; everything else is written where it is used.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

from ..autograd.graph import operations_behind
from ..autograd.recording import recording
from ..autograd.reverse import adjoints
from ..autograd.value import Result, Value
from ..support.checks import checked_number
from ..support.names import free, numbered
from .notation import ATOM, UNARY, Piece, latex_name, latex_number, written

LONGEST_INSIDE = 60  # letters of an expression that is written inside another
SHORTEST = 8  # letters of one that is used again, above which it has a name of its own
DIGITS = 6  # of the numbers beside


class Formula:
    """What `formula` gives: `lines` of (name, expression, number) that follow from `leaves`, the numbers by name.

    `str` is the text, `.latex` the same in LaTeX, which a notebook renders.
    """

    def __init__(self, lines: list[tuple[str, str, float]], leaves: dict[str, float], latex: list[str]) -> None:
        self.lines, self.leaves, self._latex = lines, leaves, latex

    def __str__(self) -> str:
        texts = [f"{name} = {expression}" for name, expression, _ in self.lines]
        wide = max(map(len, texts))
        lines = [f"{text:<{wide}}  # {n:.{DIGITS}g}" for text, (_, _, n) in zip(texts, self.lines, strict=True)]
        given = ", ".join(f"{name} = {number:.{DIGITS}g}" for name, number in self.leaves.items())
        return "\n".join([*lines, *([f"where {given}"] if given else [])])

    __repr__ = __str__

    @property
    def latex(self) -> str:
        """The lines as an aligned block of LaTeX, without dollar signs."""
        rows = [f"{row} && = {latex_number(n, DIGITS)}" for row, (_, _, n) in zip(self._latex, self.lines, strict=True)]
        given = r",\; ".join(f"{latex_name(name)} = {latex_number(n, DIGITS)}" for name, n in self.leaves.items())
        end = [rf"& \text{{where }} {given}"] if given else []
        return r"\begin{aligned}" + r" \\ ".join([*rows, *end]) + r"\end{aligned}"

    def _repr_latex_(self) -> str:
        return f"$${self.latex}$$"


def formula(value: Value, wrt: Value | None = None, max_operations: float = 200) -> Formula:
    """The expression that a Value was recorded by, or with `wrt` its derivative with respect to that Value.

    Labels name what they can; other leaves are x1, x2 ..., and parts that are used again t1, t2 ..., or another letter
    where t begins a label. Sums of products are written out, products with 1 are left out, and nothing else is
    simplified: the text evaluates to the number.

    Raises TypeError for what is no Value, ValueError past `max_operations` operations.

    >>> a, b = Value(3.0, label="a"), Value(2.0, label="b")
    >>> print(formula(a * b + b**3))
    y = a*b + b**3  # 14
    where a = 3, b = 2
    >>> print(formula(a * b + b**3, wrt=b))
    dy/db = 3*(b*b) + a  # 15
    where b = 2, a = 3
    """
    if not isinstance(value, Value):
        raise TypeError(f"formula() writes what a Value was recorded by, but got {value!r}")
    if wrt is not None and not isinstance(wrt, Value):
        raise TypeError(f"wrt is the Value that formula() differentiates by, but got {wrt!r}")
    output = value
    if wrt is not None:
        with recording():
            slope = adjoints(value, {id(wrt): wrt}, create_graph=True).get(id(wrt), 0.0)
        output = slope if isinstance(slope, Value) else Value(slope)
    max_operations = checked_number("max_operations", max_operations, least=0.0)
    results = operations_behind(output)[::-1] if isinstance(output, Result) else []
    if len(results) > max_operations:
        raise ValueError(
            f"this Value was recorded by {len(results)} operations, more than max_operations={max_operations:g}: ask "
            "for a part of it, or for more"
        )
    return _Writer(value, wrt, output, results).formula()


class _Writer:
    """Writes the operations one after the other; `written` is how each Value is where it is used, as text and LaTeX."""

    def __init__(self, value: Value, wrt: Value | None, output: Value, results: list[Result]) -> None:
        self.output, self.results = output, results
        self.written: dict[int, tuple[Piece, Piece]] = {}
        self.lines: list[tuple[str, str, float]] = []
        self.rows: list[str] = []
        self.leaves: dict[str, float] = {}
        self.taken: set[str] = set()
        self.uses = Counter(id(operand) for result in results for operand in result.operands)
        self.labels = {v.label for result in results for v in (result, *result.operands) if isinstance(v, Value)}
        self.letter = next((a for a in "tuvpqrs" if not any(label.startswith(a) for label in self.labels)), "t")
        self.title, self.latex_title = self._titles(value, wrt)

    def _titles(self, value: Value, wrt: Value | None) -> tuple[str, str]:
        name = value.label if value.label.isidentifier() else "y"
        if wrt is None:
            return name, latex_name(name)
        if not isinstance(wrt, Result):
            self._leaf(wrt)
        of = wrt.label if wrt.label.isidentifier() else self.written[id(wrt)][0][0] if id(wrt) in self.written else "x"
        return f"d{name}/d{of}", rf"\frac{{\partial {latex_name(name)}}}{{\partial {latex_name(of)}}}"

    def formula(self) -> Formula:
        for result in self.results:
            for operand in result.operands:
                if isinstance(operand, Value) and not isinstance(operand, Result):
                    self._leaf(operand)
            self._write(result)
        if not isinstance(self.output, Result):
            if self.output.label:
                self._leaf(self.output)
            number = self.output.data
            bare = (repr(number), ATOM), (latex_number(number, DIGITS), ATOM)
            (text, _), (latex, _) = self.written.get(id(self.output), bare)
            self._line(self.title, self.latex_title, text, latex, number)
        used = set(re.findall(r"[^\W\d]\w*", " ".join(expression for _, expression, _ in self.lines)))
        return Formula(self.lines, {name: n for name, n in self.leaves.items() if name in used}, self.rows)

    def _leaf(self, leaf: Value) -> None:
        if id(leaf) not in self.written:
            name = self._name(leaf.label, "x")
            self.leaves[name] = leaf.data
            self._named(leaf, name)

    def _write(self, result: Result) -> None:
        """A line for what is last, labelled, used again or long; else its text, for where it is used."""
        operands = [self._operand(operand) for operand in result.operands]
        as_text, as_latex = (written(result, [o[k] for o in operands], latex=k == 1) for k in (0, 1))
        (text, _), (latex, _) = as_text, as_latex
        if result is self.output:
            self._line(self.title, self.latex_title, text, latex, result.data)
        elif result.label or len(text) > (SHORTEST if self.uses[id(result)] > 1 else LONGEST_INSIDE):
            name = self._name(result.label, self.letter)
            self._line(name, latex_name(name), text, latex, result.data)
            self._named(result, name)
        else:
            self.written[id(result)] = as_text, as_latex

    def _operand(self, operand: Any) -> tuple[Piece, Piece]:
        if type(operand) is not float:
            return self.written[id(operand)]
        tight = ATOM if operand >= 0.0 else UNARY
        whole = abs(operand) < 1e15 and operand == int(operand)
        return (f"{int(operand)}" if whole else repr(operand), tight), (latex_number(operand), tight)

    def _named(self, value: Value, name: str) -> None:
        self.written[id(value)] = (name, ATOM), (latex_name(name), ATOM)

    def _line(self, name: str, latex_name: str, text: str, latex: str, number: float) -> None:
        self.lines.append((name, text, number))
        self.rows.append(f"{latex_name} &= {latex}")

    def _name(self, label: str, letter: str) -> str:
        """The label if it is a name, with a number if another has it already; else a letter and a number."""
        wanted, form = (label, numbered) if label.isidentifier() else (f"{letter}1", lambda _, k: f"{letter}{k}")
        name = free(wanted, lambda name: name in self.taken or (name != label and name in self.labels), form)
        self.taken.add(name)
        return name
