"""The `array` back end: a rolled program as functional operations on whole arrays, the rows being their first axis.

An array of the program that depends on the row has the shape (rows, size), any other (size,). A group of dots with the
same inputs is a matrix product. Nothing is written in place: what NumPy runs, JAX compiles, shards and moves unchanged.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ....autograd import primitives as table
from ....support.source import defined
from ...loops.grouping import pieces_of
from ...loops.groups import Access, Group
from ...loops.listing import array_names
from ...loops.rolled import Rolled
from ...program.names import told
from ...program.program import INPUTS, LITERALS, PARAMETERS
from ...single_precision import checked_literals
from ..identifiers import identifier, of_primitive
from ..python.function import function_name
from ..texts import OPERATORS
from .functions import namespace
from .products import Products
from .reads import InLoop, Reading, sliced
from .scans import IN_SCANS, Scan, Series, arrays_read, arrays_set, over_time, with_scans


class Printer(Reading):
    """Writes a function of inputs (rows, n) and parameters (m,): outputs (rows, k), and the rows on its path."""

    def __init__(self, roll: Rolled) -> None:
        scanned, kept = with_scans(roll)
        super().__init__(scanned, kept)
        names = dict(told(roll.flat))
        if scanned is not roll:
            names = {slot: f"v{slot}" for slots in roll.slots for slot in slots} | names
            names[-1] = "gathered"
        self.names = [self.named(name) for name in array_names(scanned.slots, names)]
        self.by_time = {array: self.named(f"{self.names[array]}_by_time") for array in self.kept}
        self.called = {} if scanned is roll else {each.__name__: self.named(each.__name__) for each in IN_SCANS}
        groups = [*scanned.groups, Group(-1, None, (), tuple(pieces_of(scanned.outputs)), True)]
        self.end_to_end = {array for group in groups for array in arrays_read(group, kept)}

    def function(self, xp: Any, dtype: str) -> Any:
        """The function itself, of arrays of a namespace; tracebacks show its lines."""
        program, single = self.roll.flat, dtype == "float32"
        checked_literals(program, single)
        text = self.source()
        names = namespace(program.instructions, xp, single) | {"tables": self.tables, "dtype": dtype}
        names |= {self.called[each.__name__]: each(xp) for each in IN_SCANS if self.called}
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
        if isinstance(group, Scan):
            return self._scan(group)
        if group.guard is not None:
            return self._guard(group)
        target = self.names[group.array]
        if group.primitive is None:
            return [f"{target} = {self._gathered(group)}"]
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
        shape = f"({'rows, ' * group.by_row}{', '.join(map(str, group.extents))},)"
        if not self._full(group):
            text = f"xp.broadcast_to({text}, {shape})"
        if len(group.extents) > 1:
            text = f"xp.reshape({text}, ({'rows, ' * group.by_row}{group.size},))"
        lines = [f"{target} = {text}"]
        if group.primitive is table.take:  # an index that is none is for the program itself to refuse
            index = self.read(group.operands[1], group.extents)
            lines.append(f"on_path = on_path & xp.all(is_index({index}, {group.operands[0].width}))")
            if self.roll.by_row[group.operands[1].array]:
                axes = tuple(range(-len(group.extents), 0))
                lines[-1] = lines[-1][:-1] + f", axis={axes})"
        return lines

    def _full(self, group: Group) -> bool:
        """Whether what is read has every axis of the result, so that nothing is left to broadcast."""
        if group.by_row and not any(self.roll.by_row[o.array] for o in group.operands):
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
        if not group.by_row:
            return [f"on_path = on_path & xp.all({claim})"]
        return [f"on_path = on_path & xp.all({claim}, axis={-1 if len(group.extents) == 1 else (-2, -1)})"]

    def _scan(self, scan: Scan) -> list[str]:
        """An iteration as a function, and what calls it; then what all of them keep, end to end where so it is read."""
        names, iteration, series = self.names, self.named("iteration"), self.named("series")
        handed = [*[first.array for first in scan.firsts], *scan.last]
        carried = _tuple([*[names[array] for array in handed], *["on_path"] * scan.may_leave])
        kept = _tuple([names[array] for array, _ in scan.stacked])
        moving = _tuple([self._series(each, scan) for each in scan.series])
        firsts = [f"{names[each.array]} = {self._laid(each)}" for each in scan.firsts]
        self.iterations.append(InLoop(arrays_set(scan), {}))
        inside = [
            f"{carried}, {_tuple([names[each.array] for each in scan.series])} = carried, {series}",
            *(line for group in scan.groups for line in self._group(group)),
            *(f"{names[each.array]} = {self._laid(each)}" for each in scan.nexts),
            f"return {carried}, {kept}",
        ]
        once = self.iterations.pop().settled.items()
        settled = [f"{name} = {text}{'.copy()' * text.endswith(']')}" for text, name in once]  # side by side for NumPy
        wholes = [whole for _, whole in scan.stacked]
        by_time = _tuple([self.by_time[whole] for whole in wholes])
        return [
            *firsts,
            *settled,
            *(f"{names[array]} = xp.zeros({self._shape(array)}, dtype=dtype)" for array in scan.last),
            f"def {iteration}(carried, {series}):",
            *(f"    {line}" for line in inside),
            f"{carried}, {by_time} = {self.called['scan']}({iteration}, {carried}, {moving}, {scan.times})",
            *(
                f"{names[whole]} = xp.reshape(xp.moveaxis({self.by_time[whole]}, 0, -2), {self._shape(whole)})"
                for whole in wholes
                if whole in self.end_to_end
            ),
        ]

    def _series(self, series: Series, scan: Scan) -> str:
        """The parts of a series, one for each iteration."""
        if (places := scan.over_time(series, self.kept)) is not None:
            return self._iterations(series.source, places)
        _, source, *cut, length = series
        of_each = ", ".join(map(str, [*cut, scan.times, length]))
        return f"{self.called['windows']}({self.names[source]}, {of_each})"

    def _iterations(self, array: int, places: slice) -> str:
        """Some iterations of what is kept."""
        end, step = "" if places.stop is None else places.stop, "" if places.step == 1 else f":{places.step}"
        return f"{self.by_time[array]}[{places.start}:{end}{step}]"

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
            text = self._iterations(array, places) + ("" if length == 1 else f"[..., {index}:{index + 1}]")
        else:
            text = f"{self.called['windows']}({self.names[array]}, {column.base}, {column.step}, {column.width}, 1)"
        return text if self.roll.by_row[array] or not group.by_row else f"{text}[:, None]"

    def _laid(self, group: Group) -> str:
        """What a carried array is filled with; nothing is written in place, so that it may be another array."""
        (first, *others) = group.operands
        if others or (group.by_row and not self.roll.by_row[first.array]):
            return self._gathered(group)
        return self.read(first, ())

    def _shape(self, array: int) -> str:
        return f"({'rows, ' * self.roll.by_row[array]}{self.roll.sizes[array]},)"

    def _gathered(self, group: Group) -> str:
        by_row = group.by_row
        pieces = []
        for access in group.operands:
            text = self.read(access, ())
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

    def _returned(self) -> list[str]:
        """The outputs side by side, in runs of neighbours in one array; or as they are gathered, of series."""
        if self.called and self.roll.outputs:
            text = self._gathered(Group(-1, None, (), tuple(pieces_of(self.roll.outputs)), True))
            return [f"return {text}, on_path"]
        pieces, outputs = [], self.roll.outputs
        start = 0
        for end in range(1, len(outputs) + 1):
            if end < len(outputs) and outputs[end] == (outputs[start][0], outputs[start][1] + end - start):
                continue
            array, base = outputs[start]
            text = sliced(self.names[array], base, 1, end - start, self.roll.sizes[array])
            if not self.roll.by_row[array]:
                text = f"xp.broadcast_to({text}, (rows, {end - start}))"
            pieces.append(text)
            start = end
        return [f"return xp.concatenate([{', '.join(pieces)}], axis=-1), on_path"]


def _tuple(names: Sequence[str]) -> str:
    return f"({', '.join(names)}{',' * (len(names) == 1)})"


def _reversed(access: Access) -> Access:
    """The same column from its other end."""
    end = access.base + ((access.width or 1) - 1) * access.step
    return Access(access.array, end, access.strides, access.width, -access.step)
