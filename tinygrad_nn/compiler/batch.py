"""Many rows at once: a batch as a matrix, its rows taken by the paths that fit, and the results in their shapes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..support.tabular import check_rows
from .arguments import RecordedError, Shape, flat, has_arrays, shaped
from .backends.backend import RowRunner
from .paths import Paths
from .program.program import OffPath
from .single_precision import TooLargeError
from .target import Target


def outputs_of(
    matrix: Any,
    paths: Paths[Any],
    compiled: Callable[[Any], RowRunner],
    trace: Callable[[Sequence[float]], Any],
    target: Target,
) -> Any:
    """The outputs for all rows of a matrix, whichever paths they take.

    Raises ValueError that names the row where the function refuses one.
    """
    xp, count = target.namespace, matrix.shape[0]
    waiting: Sequence[int] = range(count)
    order: list[int] = []
    found: list[Any] = []

    def attempt(path: Any) -> None:
        nonlocal waiting
        outputs, on_path = compiled(path)(matrix if len(waiting) == count else matrix[xp.asarray(waiting)])
        if len(waiting) == count and bool(xp.all(on_path)):  # all rows at once, as most batches are
            found.append(outputs)
            waiting = ()
            return
        flags = on_path.tolist()
        taken = [k for k, flag in enumerate(flags) if flag]
        if not taken:
            raise OffPath
        found.append(outputs if len(taken) == len(flags) else outputs[xp.asarray(taken)])
        order.extend(waiting[k] for k in taken)
        waiting = [i for i, flag in zip(waiting, flags, strict=True) if not flag]

    def traced() -> Any:
        try:
            return trace([float(number) for number in matrix[waiting[0]].tolist()])
        except ValueError as error:
            raise ValueError(f"row {waiting[0]}: {error}") from None

    while waiting:
        paths.run(attempt, traced)
    if len(found) == 1:
        return found[0]
    back = sorted(range(count), key=order.__getitem__)
    return xp.concatenate(found, axis=0)[xp.asarray(back)]


def matrix_of(rows: Any, shape: Shape, name: str, target: Target) -> Any:
    """The numbers of all rows as a matrix; None where one is shaped otherwise than the first, or holds Values."""
    if hasattr(rows, "shape"):
        return _of_rows(rows, target).reshape((len(rows), -1))
    numbers = []
    for row in rows:
        try:
            found, flat_row = flat(list(row), name)
        except RecordedError:
            return None
        if found != shape:
            return None
        numbers.append(list(flat_row))
    return _of_rows(numbers, target)


def _of_rows(rows: Any, target: Target) -> Any:
    """Rows as an array. Raises ValueError that names the row with a number that no float32 holds."""
    try:
        return target.array(rows)
    except TooLargeError as error:
        raise ValueError(f"row {error.place}: {error}") from None


def listed_rows(rows: Any) -> Any:
    """The rows of an array as they are, of anything else as lists.

    Raises for rows that are no lists of arguments, or not all of one length.
    """
    if not hasattr(rows, "shape"):
        check_rows(rows, "the list of arguments")
        rows = [list(row) if hasattr(row, "__iter__") else row for row in rows]
    for i, row in enumerate(rows if getattr(rows, "ndim", 0) < 2 else ()):
        if not hasattr(row, "__len__"):
            raise TypeError(f"a row is the list of arguments, but row {i} is {row!r}: write [[x], [x], ...]")
        if len(row) != len(rows[0]):
            raise ValueError(f"a row is the list of arguments, but row 0 has {len(rows[0])} and row {i} has {len(row)}")
    return rows


def array_of(rows: Any, target: Target) -> Callable[[list[Any]], Any]:
    """What makes the results of a batch the kind of thing that its rows are, or of the namespace that was given."""
    if target.chosen_namespace is not None:
        return target.array
    if getattr(rows, "ndim", 0) > 0 and type(rows).__module__.startswith("numpy"):
        return Target("array", dtype=target.dtype).array
    return list


def from_matrix(outputs: Any, result: Shape, row: Shape, gradients: bool, listed: bool) -> Any:
    """The results for each row: values, or with gradients a pair of values and derivatives in the shape of a row.

    With `listed` they are to be lists, in which there may be arrays.
    """
    if gradients:
        return outputs[:, 0], _reshaped(outputs[:, 1:], row, listed)
    return outputs[:, 0] if result is None else _reshaped(outputs, result, listed)


def _reshaped(outputs: Any, shape: Shape, listed: bool) -> Any:
    """The outputs in a regular shape as an array, in any other as nested lists."""
    sides = _sides(shape)
    if sides is not None and not (listed and has_arrays(shape)):
        return outputs.reshape((outputs.shape[0], *sides))
    return [shaped(shape, iter(numbers)) for numbers in outputs.tolist()]


def _sides(shape: Shape) -> tuple[int, ...] | None:
    """The lengths along each axis of nested lists; None where they differ."""
    if shape is None:
        return ()
    inner = {_sides(entry) for entry in shape}
    if len(inner) != 1 or None in inner:
        return None
    return (len(shape), *(inner.pop() or ()))


def gathered(results: list[Any], as_array: Callable[[list[Any]], Any]) -> Any:
    """The results of rows as an array, or in a list where they are of different shapes."""
    try:
        return as_array(results)
    except ValueError:
        return results


def as_lists(results: Any) -> Any:
    """Arrays as nested lists of floats."""
    if isinstance(results, tuple):
        return tuple(map(as_lists, results))
    return results if isinstance(results, list) else results.tolist()
