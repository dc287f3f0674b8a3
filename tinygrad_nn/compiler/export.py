"""export_c and check_c: a model's C file, written whole or not at all, and how far it is from Python."""

from __future__ import annotations

import ctypes
import os
import random
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from typing import Any

from ..module import _rows
from ..optim import Optimizer
from ..storage import place_for, write
from .c_file import checked_name
from .c_function import source_of
from .c_model import ModelFile
from .c_self_test import self_test
from .function import Function
from .recorded import number_of
from .shapes import leaves_of

ROWS = 100  # that are drawn where none are given
FLAGS = ("-std=c99", "-O2", "-ffp-contract=off")


def export_c(
    model: Any, path: Any, name: str, loss: Any, train: Any, dtype: str, header: bool, overwrite: bool, inputs: Any,
    targets: int | None,
) -> None:  # fmt: skip
    """Write the file; `tinygrad_nn.export_c` says what the options are."""
    checked_name(name)
    place_for(path)
    names = [path, *([os.path.splitext(path)[0] + ".h"] if header else [])]
    if header and names[1] == os.fspath(path):
        raise ValueError(f"the header would be {names[1]} itself: give a path that ends in .c")
    for place in names:
        if os.path.exists(place) and not overwrite:
            raise FileExistsError(f"{place} is there already: give another path, or overwrite=True")
    if isinstance(model, Function):
        text, declarations = source_of(model, name, dtype)
    else:
        exported = _exported(model, name, loss, train, dtype, inputs, targets)
        text = exported.source(self_test(exported), os.path.basename(names[1]) if header else "")
        declarations = exported.header()
    new = [place for place in names if not os.path.exists(place)]
    try:
        if header:
            write(names[1], declarations)
        write(path, text)
    except BaseException:
        for place in filter(os.path.exists, new):  # a header without its file
            os.unlink(place)
        raise


def _exported(model: Any, name: str, loss: Any, train: Any, dtype: str, inputs: Any, targets: int | None) -> ModelFile:
    if not callable(model):
        raise TypeError(f"export_c() wants a model, or a function that was compiled, but got {model!r}")
    if (loss is None) is not (train is None):
        missing = "loss" if loss is None else "train"
        raise ValueError(f"to learn in C takes a loss and an optimizer, but {missing} is missing")
    if train is not None and not isinstance(train, Optimizer):
        raise TypeError(f"train must be an optimizer such as tn.SGD(model.parameters(), lr=0.1), but got {train!r}")
    return ModelFile(model, name, loss, train, dtype, inputs, targets)


def check_c(model: Any, rows: Any, dtype: str, compiler: str | None, flags: Sequence[str], inputs: Any) -> float:
    """The largest difference; `tinygrad_nn.check_c` says what the options are."""
    command = compiler or next(filter(shutil.which, ("cc", "gcc", "clang")), None)
    if command is None or shutil.which(command) is None:
        raise FileNotFoundError(
            f"check_c() builds C, but there is no compiler {compiler or 'cc, gcc or clang'} here: install one (on "
            "Debian and Ubuntu: apt install gcc), or name yours by compiler="
        )
    exported = _exported(model, "model", None, None, dtype, inputs, None)
    if rows is None:
        rng = random.Random(0)
        rows = [[rng.uniform(-1.0, 1.0) for _ in exported.inputs] for _ in range(ROWS)]
    rows = _rows(rows)[0]
    for i, row in enumerate(rows):
        if len(row) != len(exported.inputs):
            raise ValueError(f"the model takes {len(exported.inputs)} inputs, but row {i} has {len(row)}")
    with tempfile.TemporaryDirectory() as folder:
        source, library = (
            os.path.join(folder, "model.c"),
            os.path.join(folder, "model.dll" if os.name == "nt" else "model.so"),
        )
        write(source, exported.source(""))
        given = [command, *FLAGS, *flags, "-shared", "-fPIC", source, "-o", library, "-lm"]
        built = subprocess.run(given, capture_output=True, text=True)
        if built.returncode:
            raise RuntimeError(f"{' '.join(given)} failed:\n{built.stderr}")
        return _largest_difference(exported, rows, library)


def _largest_difference(exported: ModelFile, rows: Any, library: str) -> float:
    kind: Any = ctypes.c_float if exported.file.single else ctypes.c_double
    loaded = ctypes.CDLL(library)
    outputs, largest = (kind * exported.n_outputs)(), 0.0
    for row in rows:
        loaded.model_predict((kind * len(row))(*row), outputs)
        expected = [number_of(leaf) for leaf in leaves_of(exported.model(row))]
        for found, wanted in zip(outputs, expected, strict=True):
            same = found == wanted or (found != found and wanted != wanted)
            largest = max(largest, 0.0 if same else abs(found - wanted) if found == found else float("inf"))
    return largest
