"""A group as lines: its operation on whole arrays, a sum of products, a guard, or what is gathered.

Of a loop over time, what is computed for all iterations at once has time as one axis more, before the rows.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from ....autograd import primitives as table
from ...loops.groups import Access, Group
from ..identifiers import of_primitive
from ..texts import OPERATORS
from .products import Products
from .reads import Reading
from .scans import over_time


class GroupPrinter(Reading):
    """Writes groups other than scans."""

    def group(self, group: Group) -> list[str]:
        """The lines of a group."""
        if group.guard is not None:
            return self._guard(group)
        if group.primitive is None:
            return [self._set(group, self.gathered(group))]
        if isinstance(group, Products):
            text = self._products(group)
        elif group.primitive is table.dot:
            text = self._dot(group)
        else:
            operands = [self.read(operand, group.extents) for operand in group.operands]
            if (name := of_primitive(group.primitive)) in OPERATORS:
                text = OPERATORS[name].format(**dict(zip(group.primitive.operands, operands, strict=True)))
            else:
                text = f"{name}({', '.join(operands)})"
        axes = self.axes(group.by_row, self.times)
        if not self._full(group):
            text = f"xp.broadcast_to({text}, ({axes}{', '.join(map(str, group.extents))},))"
        if len(group.extents) > 1:
            text = f"xp.reshape({text}, ({axes}{group.size},))"
        lines = [self._set(group, text)]
        if group.primitive is table.take:  # an index that is none is for the program itself to refuse
            index = self.read(group.operands[1], group.extents)
            lines.append(self._on_path(f"is_index({index}, {group.operands[0].width})", group, group.operands[1:]))
        return lines

    def _set(self, group: Group, text: str) -> str:
        """What an array is from now on."""
        if not self.times:
            return f"{self.names[group.array]} = {text}"
        text = text if group.by_row else f"xp.reshape({text}, ({self.times}, {self.roll.sizes[group.array]}))"
        return f"{self.at_once[group.array]} = {text}"

    def _on_path(self, claim: str, group: Group, operands: Iterable[Access]) -> str:
        """Rows are on the path where a claim of such operands holds for all members, in all iterations."""
        arrays = [operand.array for operand in operands]
        axes = [0] * any(array in self.at_once for array in arrays) + [*range(-len(group.extents), 0)]
        of_rows = any(self.roll.by_row[array] for array in arrays)
        return f"on_path = on_path & xp.all({claim}{f', axis={tuple(axes)}' * of_rows})"

    def _full(self, group: Group) -> bool:
        """Whether what is read has every axis of the result, so that nothing is left to broadcast."""
        arrays = [operand.array for operand in group.operands]
        if group.by_row and not any(self.roll.by_row[array] for array in arrays):
            return False
        if self.times and self.at_once.keys().isdisjoint(arrays):
            return False
        for k, extent in enumerate(group.extents):
            if extent > 1 and not any(o.table is not None or o.strides[k] for o in group.operands):
                return False
        return True

    def _guard(self, group: Group) -> list[str]:
        assert group.guard is not None
        comparison, expected, _ = group.guard
        left, right = (self.read(operand, group.extents) for operand in group.operands)
        claim = f"({left} {comparison} {right})"
        claim = claim if expected else f"~{claim}"
        return [self._on_path(claim, group, group.operands)]

    def _products(self, group: Products) -> str:
        """The products one by one, those of a series with time as the first axis, and summed over it."""
        terms = []
        for pair in group.pairs:
            factors = [o for o in pair if self.literal(o) != "1.0"] or [pair[0]]
            read = [self.read(o, group.extents) if o.width is None else self._over_time(o, group) for o in factors]
            text = " * ".join(read)
            terms.append(text if all(o.width is None for o in factors) else f"xp.sum({text}, axis=0)")
        literal = self.literal(group.operands[-1])
        bias = [] if literal == "-0.0" else [literal or self.read(group.operands[-1], group.extents)]
        return " + ".join([*terms, *bias])

    def _over_time(self, column: Access, group: Products) -> str:
        """A column with time as its first axis, and one of length 1 as its last."""
        array = column.array
        if (places := over_time(column, self.kept)) is not None:
            index, length = column.base % self.kept[array], self.kept[array]
            text = self.iterations_of(array, places) + ("" if length == 1 else f"[..., {index}:{index + 1}]")
        else:
            text = f"{self.called['windows']}({self.names[array]}, {column.base}, {column.step}, {column.width}, 1)"
        return text if self.roll.by_row[array] or not group.by_row else f"{text}[:, None]"

    def laid(self, group: Group) -> str:
        """What a carried array is filled with; nothing is written in place, so that it may be another array."""
        (first, *others) = group.operands
        if others or (group.by_row and not self.roll.by_row[first.array]):
            return self.gathered(group)
        return self.read(first, ())

    def gathered(self, group: Group) -> str:
        pieces = []
        for access in group.operands:
            text = self.read(access, ())
            of_all = not self.times or access.array in self.at_once
            if not of_all or (group.by_row and not self.roll.by_row[access.array]):
                text = f"xp.broadcast_to({text}, ({self.axes(group.by_row, self.times)}{access.width}))"
            pieces.append(text)
        return f"xp.concatenate([{', '.join(pieces)}], axis=-1)"

    def _dot(self, group: Group) -> str:
        """The products summed along the columns: a matrix product where one side is the same for all dots."""
        ws, xs, bias = group.operands
        by_row = [self.roll.by_row[operand.array] or operand.array in self.at_once for operand in (ws, xs)]
        varies = [operand.table is not None or any(operand.strides) for operand in (ws, xs)]
        if (ws.step < 0 or xs.step < 0) and ws.table is None and xs.table is None:
            ws, xs = _reversed(ws), _reversed(xs)
        if len(group.extents) == 1 and varies.count(True) == 1 and not all(by_row):
            k = varies.index(True)
            matrix, vector = (ws, xs) if k == 0 else (xs, ws)
            if by_row[1 - k]:
                text = f"{self._column(vector)} @ {self.read(matrix, group.extents, transposed=True)}"
            else:
                text = f"{self.read(matrix, group.extents)} @ {self._column(vector)}"
        else:
            text = f"xp.sum({self.read(ws, group.extents)} * {self.read(xs, group.extents)}, axis=-1)"
        literal = self.literal(bias)
        return text if literal == "-0.0" else f"{text} + {literal or self.read(bias, group.extents)}"

    def _column(self, access: Access) -> str:
        """A column that is the same for all members of a group."""
        read = self.of_iteration(replace(access, strides=()), ())
        return self.settled(self.in_full(self.view(read, (read.width or 0,), (read.step,)), read), access.array)


def _reversed(access: Access) -> Access:
    """The same column from its other end."""
    end = access.base + ((access.width or 1) - 1) * access.step
    return Access(access.array, end, access.strides, access.width, -access.step)
