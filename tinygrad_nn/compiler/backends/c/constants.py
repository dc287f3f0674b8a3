"""The constants of a C file: tables of numbers and of indices, each once, and which functions are wanted."""

from __future__ import annotations

from collections.abc import Sequence

from ....autograd.primitives import Primitive
from ....support.names import free
from .avr import table_macro
from .functions import in_precision

INDEX_TYPES = {"unsigned char": 1, "unsigned short": 2, "int": 4}  # and how many bytes they take
EXACT_TYPES = {"int8_t": 1, "uint8_t": 1, "int16_t": 2, "uint16_t": 2, "int32_t": 4, "long": 4}  # likewise


class Constants:
    """The constant tables of a file, each once, and the functions that it wants."""

    def __init__(self, name: str, single: bool) -> None:
        self.name, self.single = name, single
        self.tables: dict[tuple[str, tuple[str, ...]], str] = {}
        self.wanted: set[Primitive] = set()

    def table(self, entries: Sequence[str], kind: str, name: str = "") -> str:
        """The name of a table of these entries; of kind "index" for small numbers, an exact type, or "real"."""
        entries = [entry.strip("()") for entry in entries]  # which negative numbers stand in
        if kind == "index":
            most = max(map(int, entries), default=0)
            kind = next(name for name, width in INDEX_TYPES.items() if most < 256**width)
        key = kind, tuple(entries)
        if key not in self.tables:
            wanted, taken = f"{self.name}_{name or 'table1'}", {*self.tables.values()}.__contains__
            stem, count = wanted.rstrip("0123456789"), len(self.tables)
            self.tables[key] = free(wanted, taken, lambda _, k: f"{stem}{count + k - 1}")
        return self.tables[key]

    @property
    def size(self) -> int:
        """The bytes of the tables."""
        widths = INDEX_TYPES | EXACT_TYPES | {"real": 4 if self.single else 8}
        return sum(len(entries) * widths[kind] for kind, entries in self.tables)

    @property
    def text(self) -> str:
        """Their definitions."""
        macro, head = table_macro(self.name, self.size)
        tables = (
            f"{macro}({in_precision(kind, self.single)}) {name}[{len(entries)}] = {{\n{wrapped(entries)}}};\n\n"
            for (kind, entries), name in self.tables.items()
        )
        return head + "".join(tables) if self.tables else ""


def wrapped(entries: Sequence[str], width: int = 100) -> str:
    """Entries of a table, in lines."""
    lines = [""]
    for entry in entries:
        if len(lines[-1]) + len(entry) > width:
            lines.append("")
        lines[-1] += f" {entry}," if lines[-1] else f"    {entry},"
    return "".join(f"{line}\n" for line in lines)
