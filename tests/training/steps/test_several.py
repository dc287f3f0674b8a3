"""Rows of several shapes: which may stand together, what is said of the others, and what is kept for each shape."""

import random
from typing import Any

import pytest

import tinygrad_nn as tn
from tinygrad_nn import Value
from tinygrad_nn.training.steps.rows import flat_targets, rows_of
from tinygrad_nn.training.steps.several import (
    MOST_SHAPES,
    SEVERAL,
    ByShape,
    SeveralRows,
    alike,
    are_several,
    as_several,
)

TOGETHER: dict[str, Any] = {
    "lists of several lengths": [[1.0], [1.0, 2.0], [3, 4, 5]],
    "an empty one": [[], [1.0], []],
    "vectors of one length": [[[1.0, 2.0]], [[1.0, 2.0], [3.0, 4.0]]],
    "lists in lists": [[[1.0], [2.0, 3.0]], [[], [1.0], [2.0]], []],
    "a number and a sequence": [[1.0, [2.0]], [2.0, [3.0, 4.0]], [0.0, []]],
    "tuples": [(1.0,), [1.0, 2.0]],
}
APART: dict[str, Any] = {
    "a number among lists": ([[1.0], 2.0, [3.0]], "row 1 of X has one number in no list and row 0 has 1 number"),
    "a list among numbers": ([1.0, 2.0, [3.0]], "row 2 of X has 1 number and row 0 has one number in no list"),
    "lists of lists": (
        [[1.0], [1.0, 2.0], [[1.0]]],
        "row 2 of X has 1 entries, the first of which has",
    ),
    "after an empty one": ([[], [1.0], [[1.0]]], "row 2 of X has 1 entries, the first of which has 1 number and row 1"),
    "parts": ([[1.0, [2.0]], [1.0, [2.0], [3.0]]], "row 1 of X has 3 entries"),
    "parts among lists": ([[[1.0], [2.0]], [1.0, [2.0]]], "row 1 of X has 2 entries"),
}


@pytest.mark.parametrize("name", TOGETHER)
def test_what_differs_in_length_stands_together(name):
    given = TOGETHER[name]
    for shapes, rows in (rows_of(given, [0.0] * len(given)), rows_of([0.0] * len(given), given)):
        assert are_several(shapes)
        assert isinstance(rows, SeveralRows)
        assert {*shapes} == {None, SEVERAL}
        assert [rows.shapes[row.kind] for row in rows] == [row.shapes for row in rows]
        assert [rows[first].kind for first in rows.firsts] == list(range(len(rows.shapes)))
        assert len(set(rows.shapes)) == len(rows.shapes) > 1


@pytest.mark.parametrize("name", APART)
def test_what_differs_in_more_is_named(name):
    given, words = APART[name]
    for side, pair in (("X", (given, [0.0] * len(given))), ("Y", ([0.0] * len(given), given))):
        with pytest.raises(ValueError, match=f"in how long their lists are.*{words.replace('of X', f'of {side}')}"):
            rows_of(*pair)


def test_arrays_of_one_rank_stand_together():
    np = pytest.importorskip("numpy")
    shapes, rows = rows_of([np.ones((2, 3)), np.ones((4, 3))], [1.0, 2.0])
    assert shapes == (SEVERAL, None)
    assert [len(row) for row in rows] == [7, 13]
    for other in (np.ones(3), [1.0] * 3, np.ones((1, 1, 3)), [[1.0] * 3]):
        with pytest.raises(ValueError, match=r"row 1 of X has .* and row 0 has an array of 2 x 3 numbers"):
            rows_of([np.ones((2, 3)), other], [1.0, 2.0])
    shapes, rows = rows_of(np.ones((2, 3)), [[1.0], [2.0, 3.0]])
    assert shapes[1] is SEVERAL
    assert flat_targets((shapes, rows)) == [(1.0,), (2.0, 3.0)]


def test_rows_of_one_shape_are_as_they_were():
    for X in ([[1.0, 2.0], [3.0, 4.0]], [1.0, 2.0], [(1, 2.0), [3.0, 4]], [[[1.0]], [[2.0]]]):
        shapes, rows = rows_of(X, [[1.0], [2.0]])
        assert not are_several(shapes)
        assert type(rows) is list
        assert alike(rows) is rows
    some = rows_of([[1.0], [1.0, 2.0], [3.0, 4.0], [5.0]], [1.0, 2.0, 3.0, 4.0])[1]
    assert [list(alike(some[k:])) for k in (0, 1, 3)] == [[some[0]], [some[1], some[2]], [some[3]]]
    again = as_several(some[1:])
    assert again == some[1:]
    assert [row.kind for row in again] == [0, 0, 1]
    assert as_several(some) is some


@pytest.mark.parametrize("backend", ["eager", "python", "llvm"])
def test_a_row_that_is_too_short_for_a_network_is_named(backend):
    if backend == "llvm":
        pytest.importorskip("llvmlite")
    model = tn.MLP(2, [3, 1], rng=random.Random(1))
    optimizer = tn.SGD(model.parameters(), lr=0.1)
    before, Y = model.state_dict(), [1, 2, 3, 4]
    for X in ([[1.0, 2.0], [1.0, 1.0], [1.0], [2.0, 3.0]], [[1.0, 2.0], [1.0, 1.0], [1.0, 2.0, 3.0], [2.0, 3.0]]):
        for batch_size in (1, 2, 4):
            words = f"^row 2 of X and Y: layer 1, neuron 1 takes 2 inputs, but was given {len(X[2])}"
            with pytest.raises(ValueError, match=words):
                tn.fit(
                    model, X, [1, 2, 3, 4], "squared_error", optimizer, 2, batch_size, backend=backend, progress=False
                )
    if backend != "eager":
        with pytest.raises(ValueError, match=r"^row 2 of X and Y: layer 1, neuron 1 takes 2 inputs"):
            tn.compile_step(model, "squared_error", optimizer, backend=backend)(X, Y)
    assert (model.state_dict(), optimizer.steps) == (before, 0)


@pytest.mark.parametrize("backend", ["eager", "python"])
def test_what_a_module_raises_says_of_which_row(backend):
    weight = Value(1.0)
    optimizer = tn.SGD([weight], lr=0.1)
    with pytest.raises(IndexError) as caught:
        tn.fit(lambda x: weight * x[1], [[1.0, 2.0], [3.0]], [1.0, 2.0], "squared_error", optimizer, 1, backend=backend)
    words = "It was raised of a row whose X has 1 number, and whose Y has one number in no list."
    assert caught.value.__notes__ == [words]


def test_what_is_kept_for_each_shape_is_bounded_by_what_a_call_has():
    made: Any = ByShape(list)
    rows: Any = rows_of([[1.0] * (k + 1) for k in range(100)], [0.0] * 100)[1]
    first = made.of("first")
    for k in range(MOST_SHAPES - 1):
        made.of(k)
    assert made.of("first") is first
    made.of("another")
    assert len(made) == MOST_SHAPES
    assert made.of("first") is first
    assert made.get(0) is None
    made.make_room(rows)
    for k in range(99):
        made.of(k)
    assert made.of("first") is first
    assert len(made) == 100
