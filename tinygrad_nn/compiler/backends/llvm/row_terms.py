"""Gradients as sums over rows: of a product of two numbers of each row, or of one, for every parameter.

The gradient of a layer's weights is, for each row, the product of its neurons' adjoints with its inputs. Rows keep both
rather than every product of them.
"""

from __future__ import annotations

from dataclasses import dataclass

from ....autograd import primitives as table
from ...loops.groups import Access, Group, Repeated
from ...loops.roll import rolled
from ...loops.rolled import Rolled
from ...loops.scatters import scatters
from ...program.program import INPUTS, Program

FEW_WEIGHTS = 64  # weights, which are no matrix


def rolled_for_sums(program: Program) -> Rolled:
    """A program of a row in groups, of which rows keep the factors of a gradient.

    Layers that are alike are written out: what a repeat of them keeps is a table of its iterations, no row of a matrix.
    """
    roll = rolled(program)
    return rolled(program, program.entries) if _multiplies_what_repeats_keep(roll) else roll


def _multiplies_what_repeats_keep(roll: Rolled) -> bool:
    """Whether products for many weights have a factor that a repeat keeps, of more than one iteration."""
    kept = set[int]()
    for group in roll.groups:
        if isinstance(group, Repeated):
            kept.update(group.results)
        elif read := [operand for operand in group.operands if operand.array in kept]:
            if group.primitive is table.multiply and group.size >= FEW_WEIGHTS and any(map(_is_a_table, read)):
                return True
            if group.gathers:
                kept.add(group.array)
    return False


def _is_a_table(factor: Access) -> bool:
    """Whether a factor is read from more than one row of what a repeat keeps: from anywhere, or by two of the loops."""
    return factor.table is not None or (0 in factor.strides and len(factor.strides) - factor.strides.count(0) > 1)


@dataclass(frozen=True)
class Term:
    """gradients[target] = the sum over rows of the product of the factors, for all members of its loops.

    `group` is the one whose results it is instead of, if it is a product.
    """

    factors: tuple[Access, ...]
    target: Access
    extents: tuple[int, ...]
    group: Group | None = None

    def matrix(self, roll: Rolled, lanes: int) -> tuple[Access, Access] | None:
        """The factor of a loop over neurons, and that of one over their inputs; None if it is no such product."""
        inner = self.extents[-1] if self.extents else 0
        if self.group is None or self.group.size < FEW_WEIGHTS or self.target.strides[-1] != 1 or 2 * inner < lanes:
            return None
        if any(factor.table is not None or not roll.by_row[factor.array] for factor in self.factors):
            return None
        for neurons, inputs in (self.factors, self.factors[::-1]):
            apart = not neurons.strides[-1] and inputs.strides[-1] == 1 and not any(inputs.strides[:-1])
            if apart and neurons.array != INPUTS:
                return neurons, inputs
        return None


def terms(roll: Rolled, totals: int) -> list[Term]:
    """The gradients, which are the outputs of a program from `totals` on."""
    groups = {group.array: group for group in roll.groups if group.by_row}
    read = {operand.array for group in roll.groups for operand in group.operands}
    read |= {array for array, _ in roll.outputs[:totals]}
    found: list[Term] = []
    placed = scatters(roll.outputs[totals:], groups)
    for source, target, extents in placed:
        group = groups.get(source.array)
        if group is not None and group.primitive is table.multiply:
            apart = any(operand.table is None and 0 in operand.strides for operand in group.operands)
            once = [other.array for other, *_ in placed].count(source.array) == 1 and source.array not in read
            if apart and once and extents == group.extents and not source.base:
                found.append(Term(group.operands, target, extents, group))
                continue
        found.append(Term((source,), target, extents))
    return found
