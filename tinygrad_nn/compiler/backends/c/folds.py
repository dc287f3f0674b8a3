"""Results over columns in C, each a loop: dots, also several side by side, the largest, and sums of many."""

from __future__ import annotations

from ....autograd import primitives as table
from ....autograd.primitives import Primitive
from ...loops.groups import Access, Group
from .constants import wrapped
from .functions import is_minus_zero, product, sum_of
from .places import Places
from .regions import COUNTERS, strided
from .side_by_side import Tile

ONE_LINE = 100  # letters of entries


class Folds(Places):
    """What writes lines, among them those of results over columns.

    `off` is what is done where an index is none.
    """

    off: str
    wanted: set[Primitive]
    lines: list[str]
    depth: int  # how far the lines are indented

    def _line(self, text: str) -> None:
        self.lines.append("    " * self.depth + text)

    def _operand(self, access: Access, extents: tuple[int, ...], k: str | None = None) -> str:
        return self.read(access, extents, strided(access.strides, extents), k)

    def _fold(self, group: Group, name: str, new: str) -> None:
        """A result over columns, as a variable of that name, which is new or not."""
        assert group.primitive is not None
        kind, extents = group.primitive.name, group.extents
        columns = [o for o in group.operands if o.width is not None]
        width = columns[0].width or 0

        def entry(k: str, column: int = 0) -> str:
            return self._operand(columns[column], extents, k)

        if kind == "dot":
            start, first = self._operand(group.operands[2], extents), 0
            if width and is_minus_zero(start):  # then the first product itself: -0 + x is x
                start, first = product(entry("0"), entry("0", 1)), 1
            self._line(f"{new}{name} = {start};")
            self._each(first, width, f"{name} += {product(entry('k'), entry('k', 1))};")
        elif kind == "take":
            index = self._operand(group.operands[1], extents)
            self._line(f"if (!({index} >= 0.0 && {index} < {width}.0 && {index} == floor({index}))) {{ {self.off} }}")
            self._line(f"{new and 'const '}{new}{name} = {entry(f'(int){index}')};")
        elif kind in ("normalizer", "partition"):
            total = self._operand(group.operands[1], extents)
            self._line(f"{new}{name} = 0.0;")
            self._each(0, width, f"{name} += {entry('k')};")
            self._line(f"if ({total} - {total} != 0.0 && {name} != 1.0) {{ {name} = NAN; }}")
        else:
            self._line(f"{new}{name} = {entry('0')};")
            if width > 1:
                self.wanted.add(table.maximum)
                self._each(1, width, f"{name} = own_maximum({name}, {entry('k')});")
            if kind == "ties":
                self._counted(name, width, f"{entry('k')} == {name} ? 1.0 : 0.0", f"{name} == {name}", "NAN", "total")
            if kind == "logsumexp":
                total = f"{name} + log(total)"
                self._counted(name, width, f"exp({entry('k')} - {name})", f"{name} - {name} == 0.0", name, total)

    def _sum(self, group: Group) -> str:
        """A short dot written out."""
        ws, xs, bias = group.operands
        columns = [[self._operand(o, group.extents, str(k)) for k in range(o.width or 0)] for o in (ws, xs)]
        return sum_of(list(map(product, *columns)), self._operand(bias, group.extents))

    def _counted(self, name: str, width: int, term: str, finite: str, otherwise: str, result: str) -> None:
        """name = result, of the total of a term over the column, where `finite` holds."""
        self._line(f"if ({finite}) {{")
        self.depth += 1
        self._line("real total = 0.0;")
        self._each(0, width, f"total += {term};")
        self._line(f"{name} = {result};")
        self.depth -= 1
        self._line("}" if otherwise == name else f"}} else {{ {name} = {otherwise}; }}")

    def _each(self, first: int, width: int, statement: str) -> None:
        self._line(f"for (int k = {first}; k < {width}; ++k) {{")
        self._line(f"    {statement}")
        self._line("}")

    def _beside(self, group: Group, tile: Tile) -> None:
        """The sums of the members of a tile, side by side in an array."""
        extents = (*group.extents[:-1], tile.times)
        name = f"{self.names[group.array]}_{COUNTERS[: len(extents)]}"

        def operands(which: int, k: str | None = None) -> list[str]:
            operand = group.operands[which]
            if operand.array in self.held:
                return [f"{self.held[operand.array]}[{place}]" for place in range(tile.size)]
            return [self._operand(tile.member(operand, place), extents, k) for place in range(tile.size)]

        def products(k: str) -> list[str]:
            return list(map(product, operands(0, k), operands(1, k)))

        starts, first = operands(2), 0
        if all(map(is_minus_zero, starts)):
            starts, first = products("0"), 1
        listed = ", ".join(starts)
        self._line(f"real {name}[{tile.size}] = {{{'' if len(listed) > ONE_LINE else f'{listed}}};'}")
        if len(listed) > ONE_LINE:
            for line in [*wrapped(starts).splitlines(), "};"]:
                self._line(line)
        self._line(f"for (int k = {first}; k < {group.operands[0].width}; ++k) {{")
        for place, term in enumerate(products("k")):
            self._line(f"    {name}[{place}] += {term};")
        self._line("}")
        self.held[group.array] = name
