"""The `array` back end: a rolled program as functional operations on whole arrays, the rows being their first axis.

An array of the program that depends on the row has the shape (rows, size), any other (size,). A group of dots with the
same inputs is a matrix product. Nothing is written in place: what NumPy runs, JAX compiles, shards and moves unchanged.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ....autograd import primitives as table
from ....support.source import defined
from ...loops.groups import Access, Group
from ...loops.listing import array_names
from ...loops.rolled import Rolled
from ...program.names import told
from ...program.program import INPUTS, LITERALS, PARAMETERS
from ...single_precision import checked_literals
from ..identifiers import SlotNames, identifier, of_primitive
from ..python.function import function_name
from ..spellings import owned
from ..texts import OPERATORS
from .functions import namespace


class Printer:
    """Writes a function of inputs (rows, n) and parameters (m,): outputs (rows, k), and the rows on its path.

    `tables` are those of indices that the source refers to.
    """

    def __init__(self, roll: Rolled) -> None:
        self.roll = roll
        self.tables: list[tuple[int, ...]] = []
        names = told(roll.flat)
        named = SlotNames(owned(roll.flat.instructions).values())
        self.names = [named(name) for name in array_names(roll.slots, names)]

    def function(self, xp: Any, dtype: str) -> Any:
        """The function itself, of arrays of a namespace; tracebacks show its lines."""
        program, single = self.roll.flat, dtype == "float32"
        checked_literals(program, single)
        text = self.source()
        names = namespace(program.instructions, xp, single) | {"tables": self.tables, "dtype": dtype}
        return defined(
            function_name(program), text, f"compiled {identifier(program.name)} for arrays", names, keep=True
        )

    def source(self) -> str:
        roll = self.roll
        literals = ", ".join(map(repr, roll.flat.literals.values()))
        lines = [
            f"def {function_name(roll.flat)}({self.names[INPUTS]}, {self.names[PARAMETERS]}):",
            f"    {self.names[LITERALS]} = xp.asarray([{literals}], dtype=dtype)",
            f"    rows = {self.names[INPUTS]}.shape[0]",
            "    on_path = xp.ones((rows,), dtype=bool)",
            *(f"    {line}" for group in roll.groups for line in self._group(group)),
            *(f"    {line}" for line in self._returned()),
        ]
        return "\n".join(lines) + "\n"

    def _group(self, group: Group) -> list[str]:
        if group.guard is not None:
            return self._guard(group)
        target = self.names[group.array]
        if group.primitive is None:
            return [f"{target} = {self._gathered(group)}"]
        if group.primitive is table.dot:
            text = self._dot(group)
        else:
            operands = [self._read(operand, group.extents) for operand in group.operands]
            if (name := of_primitive(group.primitive)) in OPERATORS:
                text = OPERATORS[name].format(**dict(zip(group.primitive.operands, operands, strict=True)))
            else:
                text = f"{name}({', '.join(operands)})"
        shape = f"({'rows, ' * group.by_row}{', '.join(map(str, group.extents))},)"
        if not self._full(group):
            text = f"xp.broadcast_to({text}, {shape})"
        if len(group.extents) > 1:
            text = f"xp.reshape({text}, ({'rows, ' * group.by_row}{group.size},))"
        lines = [f"{target} = {text}"]
        if group.primitive is table.take:  # an index that is none is for the program itself to refuse
            index = self._read(group.operands[1], group.extents)
            lines.append(f"on_path = on_path & xp.all(is_index({index}, {group.operands[0].width}))")
            if self.roll.by_row[group.operands[1].array]:
                axes = tuple(range(-len(group.extents), 0))
                lines[-1] = lines[-1][:-1] + f", axis={axes})"
        return lines

    def _full(self, group: Group) -> bool:
        """Whether what is read has every axis of the result, so that nothing is left to broadcast."""
        for k, extent in enumerate(group.extents):
            if extent > 1 and not any(o.table is not None or o.strides[k] for o in group.operands):
                return False
        return True

    def _guard(self, group: Group) -> list[str]:
        assert group.guard is not None
        comparison, expected, _ = group.guard
        left, right = (self._read(operand, group.extents) for operand in group.operands)
        claim = f"({left} {comparison} {right})"
        claim = claim if expected else f"~{claim}"
        if not group.by_row:
            return [f"on_path = on_path & xp.all({claim})"]
        return [f"on_path = on_path & xp.all({claim}, axis={-1 if len(group.extents) == 1 else (-2, -1)})"]

    def _gathered(self, group: Group) -> str:
        by_row = group.by_row
        pieces = []
        for access in group.operands:
            text = self._read(access, ())
            if by_row and not self.roll.by_row[access.array]:
                text = f"xp.broadcast_to({text}, (rows, {access.width}))"
            pieces.append(text)
        return f"xp.concatenate([{', '.join(pieces)}], axis=-1)"

    def _dot(self, group: Group) -> str:
        """The products summed along the columns: a matrix product where one side is the same for all dots."""
        ws, xs, bias = group.operands
        by_row = [self.roll.by_row[operand.array] for operand in (ws, xs)]
        varies = [operand.table is not None or any(operand.strides) for operand in (ws, xs)]
        if (ws.step < 0 or xs.step < 0) and ws.table is None and xs.table is None:
            ws, xs = _reversed(ws), _reversed(xs)
        if len(group.extents) == 1 and varies.count(True) == 1 and not all(by_row):
            k = varies.index(True)
            matrix, vector = (ws, xs) if k == 0 else (xs, ws)
            if by_row[1 - k]:
                text = f"{self._column(vector)} @ {self._read(matrix, group.extents, transposed=True)}"
            else:
                text = f"{self._read(matrix, group.extents)} @ {self._column(vector)}"
        else:
            text = f"xp.sum({self._read(ws, group.extents)} * {self._read(xs, group.extents)}, axis=-1)"
        literal = self._literal(bias)
        return text if literal == "-0.0" else f"{text} + {literal or self._read(bias, group.extents)}"

    def _column(self, access: Access) -> str:
        """A column that is the same for all members of a group."""
        return self._repeated(self._view(access, (access.width or 0,), (access.step,)), access)

    def _literal(self, access: Access) -> str:
        """The number, where an operand is one literal for the whole group."""
        if access.array != LITERALS or access.width is not None or access.table is not None or any(access.strides):
            return ""
        return repr(list(self.roll.flat.literals.values())[access.base])

    def _read(self, access: Access, extents: tuple[int, ...], transposed: bool = False) -> str:
        """What a group reads, with the axes (rows,) loops, column; an axis along which nothing changes has length 1."""
        if (literal := self._literal(access)) and len(literal) < 25:
            return f"({literal})" if literal.startswith("-") else literal
        column = () if access.width is None else (access.width,)
        if access.table is not None:
            self.tables.append(access.table)
            taken = f"xp.take({self.names[access.array]}, xp.asarray(tables[{len(self.tables) - 1}]), axis=-1)"
            text = (
                self._shaped(taken, access.array, (*extents, *column)) if extents[1:] or (column and extents) else taken
            )
        else:
            strides = (*access.strides, *(() if access.width is None else (access.step,)))
            text = self._repeated(self._view(access, (*extents, *column), strides), access)
        return _swapped(text) if transposed else text

    def _repeated(self, text: str, access: Access) -> str:
        """A column of one number over and over has its full length all the same."""
        again = access.width is not None and access.width > 1 and not access.step
        return f"xp.repeat({text}, {access.width}, axis=-1)" if again else text

    def _view(self, access: Access, extents: tuple[int, ...], strides: tuple[int, ...]) -> str:
        """A strided view of an array, in slices and one reshape; by a table where it is none."""
        moving = [k for k, stride in enumerate(strides) if stride and extents[k] > 1]
        if len(moving) < 2:
            return self._slice(access, extents, strides, moving[0] if moving else None)
        if len(moving) == 2 and (text := self._blocks(access, extents, strides, moving)):
            return text
        indices = [access.base]
        for k in moving:
            indices = [start + strides[k] * i for start in indices for i in range(extents[k])]
        self.tables.append(tuple(indices))
        text = f"xp.take({self.names[access.array]}, xp.asarray(tables[{len(self.tables) - 1}]), axis=-1)"
        shape = tuple(extents[k] if k in moving else 1 for k in range(len(extents)))
        return self._shaped(text, access.array, shape)

    def _slice(self, access: Access, extents: tuple[int, ...], strides: tuple[int, ...], moving: int | None) -> str:
        """A view in which one axis moves, or none: a slice, with an axis of length 1 for each of the others."""
        stride, length = (1, 1) if moving is None else (strides[moving], extents[moving])
        text = _sliced(self.names[access.array], access.base, stride, length, self.roll.sizes[access.array])
        if len(extents) < 2:
            return text
        axis = len(extents) - 1 if moving is None else moving
        return f"{text}[..., {_axes(extents, [axis])}]"

    def _blocks(self, access: Access, extents: tuple[int, ...], strides: tuple[int, ...], moving: list[int]) -> str:
        """A view in which two axes move, one by blocks and the other inside them; nothing where it is not so."""
        outer, inner = sorted(moving, key=lambda k: -abs(strides[k]))
        block, size = strides[outer], self.roll.sizes[access.array]
        reach, end = (extents[inner] - 1) * strides[inner] + 1, access.base + extents[outer] * block
        if strides[inner] < 0 or reach > block or end > size:
            return ""
        whole = _sliced(self.names[access.array], access.base, 1, end - access.base, size)
        text = self._shaped(whole, access.array, (extents[outer], block))
        if reach < block or strides[inner] > 1:
            text = f"{text}[..., 0:{reach}:{strides[inner]}]"
        if outer > inner:
            text = _swapped(text)
        return text if len(extents) == 2 else f"{text}[..., {_axes(extents, moving)}]"

    def _shaped(self, text: str, array: int, shape: tuple[int, ...]) -> str:
        rows = "rows, " if self.roll.by_row[array] else ""
        return f"xp.reshape({text}, ({rows}{', '.join(map(str, shape))},))"

    def _returned(self) -> list[str]:
        """The outputs side by side, in runs of neighbours in one array."""
        pieces, outputs = [], self.roll.outputs
        start = 0
        for end in range(1, len(outputs) + 1):
            if end < len(outputs) and outputs[end] == (outputs[start][0], outputs[start][1] + end - start):
                continue
            array, base = outputs[start]
            text = _sliced(self.names[array], base, 1, end - start, self.roll.sizes[array])
            if not self.roll.by_row[array]:
                text = f"xp.broadcast_to({text}, (rows, {end - start}))"
            pieces.append(text)
            start = end
        return [f"return xp.concatenate([{', '.join(pieces)}], axis=-1), on_path"]


def _axes(extents: Sequence[int], moving: list[int]) -> str:
    """The index that gives a view an axis of length 1 for each that does not move."""
    return ", ".join(":" if k in moving else "None" for k in range(len(extents)))


def _swapped(text: str) -> str:
    """A matrix with rows for columns."""
    if text.startswith("xp.swapaxes(") and text.endswith(", -1, -2)"):
        return text[len("xp.swapaxes(") : -len(", -1, -2)")]
    return f"xp.swapaxes({text}, -1, -2)"


def _reversed(access: Access) -> Access:
    """The same column from its other end."""
    end = access.base + ((access.width or 1) - 1) * access.step
    return Access(access.array, end, access.strides, access.width, -access.step)


def _sliced(name: str, base: int, stride: int, length: int, size: int) -> str:
    """A slice of the last axis; the array itself where that is all of it."""
    if stride == 1 and base == 0 and length == size:
        return name
    stop = base + stride * length if stride > 0 else base + stride * (length - 1) - 1
    step = "" if stride == 1 else f":{stride}"
    return f"{name}[..., {base}:{stop if stop >= 0 else ''}{step}]"
