"""A rolled program over arrays whose outputs are summed over the rows, as those of a gradient are.

A product of what two loops index apart, such as d_z[i] h[j], is summed as a product of matrices, so that no array has
an entry for each row and each weight.
"""

from __future__ import annotations

from ....autograd import primitives as table
from ...loops.groups import Group
from ...loops.rolled import Rolled
from .printer import Printer


class SumPrinter(Printer):
    """Writes a function of inputs (rows, n) and parameters (m,): the sum of each output over the rows, (k,)."""

    def __init__(self, roll: Rolled) -> None:
        read = {operand.array for group in roll.groups for operand in group.operands}
        self.products = {group.array for group in roll.groups if group.array not in read and _is_outer(group)}
        super().__init__(roll)

    def group(self, group: Group) -> list[str]:
        if group.array not in self.products or not all(self.roll.by_row[o.array] for o in group.operands):
            self.products.discard(group.array)
            return super().group(group)
        sides = []
        for operand in group.operands:
            extent = group.extents[0 if operand.strides[0] else 1]
            sides.append(f"xp.reshape({self.read(operand, group.extents)}, (rows, {extent}))")
        if group.operands[1].strides[0]:
            sides.reverse()
        return [f"{self.names[group.array]} = xp.reshape(xp.swapaxes({sides[0]}, 0, 1) @ {sides[1]}, ({group.size},))"]

    def _returned(self) -> list[str]:
        """All arrays with outputs end to end, and of them the outputs."""
        arrays = sorted({array for array, _ in self.roll.outputs})
        starts, pieces, start = {}, [], 0
        for array in arrays:
            name, starts[array] = self.names[array], start
            start += self.roll.sizes[array]
            if array in self.products:
                pieces.append(name)
            elif self.roll.by_row[array]:
                pieces.append(f"xp.sum({name}, axis=0)")
            else:
                pieces.append(f"{name} * rows")
        self.tables.append(tuple(starts[array] + index for array, index in self.roll.outputs))
        places = f"xp.asarray(tables[{len(self.tables) - 1}])"
        return [f"return xp.take(xp.concatenate([{', '.join(pieces)}], axis=0), {places}, axis=0)"]


def _is_outer(group: Group) -> bool:
    """Whether a group multiplies what its first loop indexes and what its second does."""
    if group.primitive is not table.multiply or len(group.extents) != 2:
        return False
    a, b = (operand.strides for operand in group.operands)
    plain = all(operand.table is None for operand in group.operands)
    return plain and [bool(s) for s in (*a, *b)] in ([True, False, False, True], [False, True, True, False])
