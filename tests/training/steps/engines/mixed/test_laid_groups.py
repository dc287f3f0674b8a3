"""Rows of epochs as machine code takes them: by batch, in it by shape, in that as they come; each once."""

import ctypes
import random
from typing import Any

import pytest
from sequences import numbers_of_several_lengths

from tinygrad_nn.compiler.target import Target
from tinygrad_nn.training.steps.engines.mixed.laid_groups import LaidRows
from tinygrad_nn.training.steps.engines.mixed.mixed_text import RowsFunction
from tinygrad_nn.training.steps.rows import Orders, rows_of

pytest.importorskip("numpy")
ROWS: Any = rows_of(*numbers_of_several_lengths(23, 4))[1]


def functions(single):
    return [RowsFunction(None, "", 1000 + k, k in single) for k in range(len(ROWS.shapes))]  # type: ignore[arg-type]


def read(found, row, width, dtype):
    """The numbers of the rows that begin there."""
    start, at, count = found[row].tolist()
    kind = start - 1000
    size = len(ROWS[ROWS.firsts[kind]])
    numbers = ((width * size) * count).from_address(at)
    return kind, [tuple(numbers[i][:]) for i in range(count)]


@pytest.mark.parametrize(("dtype", "width"), [("float64", ctypes.c_double), ("float32", ctypes.c_float)])
@pytest.mark.parametrize("batch", [1, 4, 23])
@pytest.mark.parametrize("epochs", [0, 1, 3])
@pytest.mark.parametrize("single", [(), (0, 2)])
def test_each_row_is_there_once(single, epochs, batch, dtype, width):
    orders = Orders(ROWS, random.Random(1) if epochs else None)
    orders.draw(epochs)
    laid = LaidRows(ROWS, Target("llvm", dtype=dtype))
    found = laid.groups(orders, max(1, epochs), batch, given := functions(single))
    assert laid.groups(orders, max(1, epochs), batch, given) is found
    places = [i for order in orders.waiting for i in order] or [*range(23)]
    assert len(found) == len(places)
    for epoch in range(max(1, epochs)):
        for start in range(0, 23, batch):
            these, end = [], min(23, start + batch)
            row = start
            while row < end:
                kind, numbers = read(found, 23 * epoch + row, width, dtype)
                assert numbers
                assert len(numbers) == 1 or kind not in single
                these += [(kind, one) for one in numbers]
                row += len(numbers)
            assert row == end
            wanted = [ROWS[i] for i in places[23 * epoch + start : 23 * epoch + end]]
            in_order = [one for kind in range(len(ROWS.shapes)) for one in wanted if one.kind == kind]
            assert [kind for kind, _ in these] == [one.kind for one in in_order]
            for (_, one), other in zip(these, in_order, strict=True):
                assert one == pytest.approx(other, rel=1e-6)


def test_rows_of_no_numbers():
    rows: Any = rows_of([[], [1.0], []], [[], [], []])[1]
    found = LaidRows(rows, Target("llvm")).groups(None, 1, 3, functions(()))
    assert found[:, 2].tolist() == [2, 0, 1]
