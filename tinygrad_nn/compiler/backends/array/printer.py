"""The `array` back end: a rolled program as functional operations on whole arrays, the rows being their first axis.

An array of the program that depends on the row has the shape (rows, size), any other (size,). A group of dots with the
same inputs is a matrix product. Nothing is written in place: what NumPy runs, JAX compiles, shards and moves unchanged.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ....support.source import defined
from ...loops.grouping import pieces_of
from ...loops.groups import Group
from ...loops.listing import array_names
from ...loops.rolled import Rolled
from ...program.names import told
from ...program.program import INPUTS, LITERALS, PARAMETERS
from ...single_precision import checked_literals
from ..identifiers import identifier
from ..python.function import function_name
from .functions import namespace
from .iterations import IN_SCANS
from .members import GroupPrinter
from .reads import InLoop, sliced
from .scans import Scan, Series, arrays_read, arrays_set, with_scans


class Printer(GroupPrinter):
    """Writes a function of inputs (rows, n) and parameters (m,): outputs (rows, k), and the rows on its path.

    What loops over time do without the iteration before is computed `at_once`, or where it is read.
    """

    def __init__(self, roll: Rolled, at_once: bool = True) -> None:
        scanned, kept = with_scans(roll, at_once)
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
            *(f"    {line}" for group in roll.groups for line in self._lines(group)),
            *(f"    {line}" for line in self._returned()),
        ]
        return "\n".join(lines) + "\n"

    def _lines(self, group: Group) -> list[str]:
        return self._scan(group) if isinstance(group, Scan) else self.group(group)

    def _scan(self, scan: Scan) -> list[str]:
        """An iteration as a function, and what calls it; then what all of them keep, end to end where so it is read.

        What is computed for all iterations at once stands before it and after it.
        """
        names, iteration, series = self.names, self.named("iteration"), self.named("series")
        wholes = dict(scan.stacked)
        read = {operand.array for group in (*scan.early, *scan.late) for operand in group.operands}
        at_once = {
            array: self.by_time[wholes[array]] if array in wholes else self.named(f"{names[array]}_by_time")
            for array in sorted((read & arrays_set(scan)) | (scan.at_once - {-1}))
        }
        whole_series = [f"{at_once[e.array]} = {self._series(e, scan)}" for e in scan.series if e.array in at_once]
        used = {array for group in (*scan.groups, *scan.nexts) for array in arrays_read(group, {})}
        moving = {e.array: at_once.get(e.array) or self._series(e, scan) for e in scan.series if e.array in used}
        moving |= {array: at_once[array] for array in sorted(scan.at_once & used)}
        handed = [first.array for first in scan.firsts]
        before = {array: self.named(f"{names[array]}_before") for array in handed if array in at_once}
        apart = scan.at_once.union(each.array for each in scan.series)
        made = {array: before.get(array, names[array]) for array in (*wholes, *at_once) if array not in apart}
        by_time = {array: at_once.get(array) or self.by_time[wholes[array]] for array in (*made, *scan.at_once - {-1})}
        latest = {array: f"{by_time[array]}[-1]" for array in scan.last if array in by_time}
        latest = {**self._handed_on(scan), **latest}
        last = [array for array in scan.last if array not in latest]
        carried = _tuple([*[names[array] for array in (*handed, *last)], *["on_path"] * scan.may_leave])
        firsts = [f"{names[each.array]} = {self.laid(each)}" for each in scan.firsts]
        early, late = (self._at_once(groups, scan.times, at_once) for groups in (scan.early, scan.late))
        self.iterations.append(InLoop(arrays_set(scan), {}))
        inside = [
            f"{carried}, {_tuple([names[array] for array in moving])} = carried, {series}",
            *(f"{name} = {names[array]}" for array, name in before.items()),
            *(line for group in scan.groups for line in self._lines(group)),
            *(f"{names[each.array]} = {self.laid(each)}" for each in scan.nexts),
            f"return {carried}, {_tuple([*made.values()])}",
        ]
        once = self.iterations.pop().settled.items()
        settled = [f"{name} = {text}{'.copy()' * text.endswith(']')}" for text, name in once]  # side by side for NumPy
        return [
            *firsts,
            *whole_series,
            *early,
            *settled,
            *(f"{names[array]} = xp.zeros({self._shape(array)}, dtype=dtype)" for array in last),
            f"def {iteration}(carried, {series}):",
            *(f"    {line}" for line in inside),
            f"{carried}, {_tuple([by_time[array] for array in made])} = {self.called['scan']}("
            f"{iteration}, {carried}, {_tuple([*moving.values()])}, {scan.times})",
            *late,
            *(f"{names[array]} = {text}" for array, text in latest.items()),
            *(
                f"{names[whole]} = xp.reshape(xp.moveaxis({self.by_time[whole]}, 0, -2), {self._shape(whole)})"
                for whole in wholes.values()
                if whole in self.end_to_end
            ),
        ]

    def _handed_on(self, scan: Scan) -> dict[int, str]:
        """Of arrays that are read after the last iteration, those that it handed on, and where they are found then."""
        found = dict[int, str]()
        for group in scan.nexts:
            at, size = 0, self.roll.sizes[group.array]
            for piece in group.operands:
                length = piece.width or 0
                whole = length == self.roll.sizes[piece.array] and (piece.step == 1 or length == 1)
                if piece.array in scan.last and whole:
                    found[piece.array] = sliced(self.names[group.array], at, 1, length, size)
                at += length
        return found

    def _at_once(self, groups: Sequence[Group], times: int, at_once: dict[int, str]) -> list[str]:
        """Groups for all iterations at once, time being the first axis of what differs in them."""
        inside = {array: self.names[array] for array in at_once}
        self.times, self.at_once = times, at_once
        for array, name in at_once.items():
            self.names[array] = name if self.roll.by_row[array] else f"{name}[:, None]"
        lines = [line for group in groups for line in self.group(group)]
        self.times, self.at_once = 0, {}
        for array, name in inside.items():
            self.names[array] = name
        return lines

    def _series(self, series: Series, scan: Scan) -> str:
        """The parts of a series, one for each iteration."""
        if (places := scan.over_time(series, self.kept)) is not None:
            return self.iterations_of(series.source, places)
        _, source, *cut, length = series
        of_each = ", ".join(map(str, [*cut, scan.times, length]))
        return f"{self.called['windows']}({self.names[source]}, {of_each})"

    def _shape(self, array: int) -> str:
        return f"({'rows, ' * self.roll.by_row[array]}{self.roll.sizes[array]},)"

    def _returned(self) -> list[str]:
        """The outputs side by side, in runs of neighbours in one array; or as they are gathered, of series."""
        if self.called and self.roll.outputs:
            text = self.gathered(Group(-1, None, (), tuple(pieces_of(self.roll.outputs)), True))
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
