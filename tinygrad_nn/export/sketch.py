"""An Arduino sketch: a folder with a model's C file and header, and the program that calls them and prints."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from ..support.files import path_of, place_for, write_all

LAYOUTS = ("file", "arduino")


def checked_layout(layout: object) -> bool:
    """Whether a sketch is wanted. Raises ValueError for what is no layout."""
    if not isinstance(layout, str) or layout not in LAYOUTS:
        raise ValueError(f"layout is 'file' or 'arduino', but got {layout!r}")
    return layout == "arduino"


def sketch_places(path: Any, name: str) -> list[str]:
    """The paths of a sketch's C file, header and program, in a folder at `path`, which may be there.

    Raises ValueError for a folder of a name that Arduino does not take, OSError where there can be no folder.
    """
    folder = os.path.abspath(path_of(path))
    called = os.path.basename(folder)
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}", called):
        raise ValueError(
            f"a sketch is a folder, and of the name {called!r} Arduino takes none: give letters, digits, _, - and ."
        )
    if not os.path.isdir(folder):
        place_for(folder)
        if os.path.exists(folder):
            raise NotADirectoryError(f"{path} is a file, and a sketch is a folder: give another path")
    return [os.path.join(folder, file) for file in (f"{name}.c", f"{name}.h", f"{called}.ino")]


def write_sketch(files: Sequence[tuple[str, str]]) -> None:
    """Write the files of a sketch, and make their folder where there is none; all or none."""
    folder = os.path.dirname(files[0][0])
    made = not os.path.isdir(folder)
    if made:
        os.mkdir(folder)
    try:
        write_all(files)
    except BaseException:
        if made:
            with suppress(OSError):
                os.rmdir(folder)
        raise


def sketch(name: str, declarations: str) -> str:
    """The program of a sketch for the functions that a header declares: it predicts, and trains where that is one."""
    taken = re.search(rf"void {name}_predict\((.*)const (\w+) x\[(\d+)\], (\w+) y\[(\d+)\]\);", declarations)
    assert taken is not None
    given, kind, inputs, out, outputs = taken.groups()
    trained = re.search(rf"(\w+) {name}_train\(.* target\[(\d+)\]\);", declarations)
    state = "&state, " if given else ""
    sensed = "4" if kind == "uint8_t" else "1023.0"  # of 10 bits
    places = f"  // put what the model is to see here, such as x[0] = analogRead(A0) / {sensed};\n"
    held, begun, body = "", "", [f"{places}  {name}_predict({state}x, y);\n", _told("y", out, int(outputs))]
    if f"int {name}_class(" in declarations:
        body += ['  Serial.print("class ");\n', f"  Serial.println({name}_class(x));\n"]
        if f"{name}_label(" in declarations:
            body[-1] = f"  Serial.println({name}_label({name}_class(x)));\n"
    if given:
        held, begun = f"static {name}_state state;\n", f"  {name}_init(&state);\n"
    if trained is not None:
        held += f"static {trained[1]} target[{trained[2]}];\n"
        body += [
            "  // and what it should have said in target: a step makes it say that a little more\n",
            '  Serial.print("loss ");\n',
            f"  Serial.println({name}_train(&state, x, target), 6);\n",
        ]
    return (
        f'// Predictions of {name}.c over the serial port, at 115200 baud.\n\n#include "{name}.h"\n\n'
        f"{held}static {kind} x[{inputs}];\nstatic {out} y[{outputs}];\n\n"
        f"void setup() {{\n  Serial.begin(115200);\n{begun}}}\n\nvoid loop() {{\n{''.join(body)}  delay(1000);\n}}\n"
    )


def _told(name: str, kind: str, count: int) -> str:
    """Lines that print an array."""
    digits = ", 6" if kind in ("float", "double") else ""
    if count == 1:
        return f"  Serial.println({name}[0]{digits});\n"
    return f"  for (int k = 0; k < {count}; ++k) {{\n    Serial.println({name}[k]{digits});\n  }}\n"
