"""Rows as people have them: lists, arrays, frames and series; as lists and arrays, or an error that names the column.

A frame or series is whatever has `to_numpy` (of pandas, polars and their like), so that none of them is imported.
"""

from __future__ import annotations

from .annotation import Any
from .numbers import as_float

BY_KEYS = (dict, set, frozenset)
LONGEST_SHOWN = 80  # letters of what is shown in an error
ROWS = "a list of rows, an array of two dimensions or a frame"
TARGETS = "a list with a target for each row, an array or a frame"


def plain(given: Any, name: str, wanted: str = ROWS) -> Any:
    """What holds rows (or targets) as an array if it is one or a frame, else as a list.

    Raises TypeError for text, a number, a dictionary, whose keys are no rows, or a set, which has no order; ValueError
    for a number that a frame lacks.
    """
    if is_frame(given):
        return _array_of(given, name)
    if is_unordered(given):
        kind = "a set has no order" if isinstance(given, set | frozenset) else "rows have no keys"
        raise TypeError(f"{name} must be {wanted}, but got the {type(given).__name__} {short(given)}: {kind}")
    if isinstance(given, str | bytes | type) or not hasattr(given, "__iter__") or getattr(given, "ndim", 1) < 1:
        raise TypeError(f"{name} must be {wanted}, but got {short(given)}")
    if not hasattr(given, "dtype"):
        return list(given)
    if getattr(given.dtype, "kind", "f") in "mMUS":  # dates would come back as whole numbers
        raise TypeError(f"{name} must hold numbers, but is an array of {given.dtype}")
    return given


def is_unordered(given: Any) -> bool:
    """Whether it is a dictionary, whose keys are no numbers of a row, or a set, or of their kind."""
    if isinstance(given, BY_KEYS):
        return True
    return (hasattr(given, "keys") or hasattr(given, "isdisjoint")) and not (isinstance(given, type) or is_frame(given))


def is_list(given: Any) -> bool:
    """Whether it has entries in an order, as lists and arrays have."""
    return hasattr(given, "__len__") and not isinstance(given, (str, bytes, *BY_KEYS)) and getattr(given, "ndim", 1) > 0


def check_rows(rows: Any, wanted: str) -> None:
    """Raise TypeError for a row that is text, or has no order."""
    if getattr(getattr(rows, "dtype", None), "kind", "O") in "biuf":
        return
    for i, row in enumerate(rows):
        if isinstance(row, str | bytes) or is_unordered(row):
            raise TypeError(f"row {i} must be {wanted}, but is the {type(row).__name__} {short(row)}")


def short(given: Any) -> str:
    """What was given, as an error shows it: cut where it is long."""
    text = " ".join(repr(given).split())
    return text if len(text) <= LONGEST_SHOWN else f"{text[: LONGEST_SHOWN - 4]} ..."


def is_frame(given: Any) -> bool:
    """Whether it is a frame or a series."""
    return hasattr(given, "to_numpy") and not isinstance(given, type)


def column_names(given: Any) -> list[str] | None:
    """The names of the columns of a frame, if all have one."""
    columns = list(getattr(given, "columns", ())) if is_frame(given) else []
    return [str(name) for name in columns] if columns and all(isinstance(name, str) for name in columns) else None


def check_columns(given: Any, model: Any, name: str) -> None:
    """Raise ValueError for a frame whose columns are not, in their order, what the model calls its inputs."""
    names, wanted = column_names(given), getattr(model, "input_names", None)
    if names is None or not wanted or names == wanted:
        return
    lacking = [column for column in wanted if column not in names]
    do = f"it has no {_quoted(lacking)}" if lacking else "give frame[model.input_names]"
    raise ValueError(
        f"{name} has the columns {_quoted(names)}, but the inputs of the model are {_quoted(wanted)}, in this order: "
        f"{do}, or frame.to_numpy() where names do not matter"
    )


def _quoted(names: list[str]) -> str:
    return ", ".join(map(repr, names[:6])) + " ..." * (len(names) > 6)


def names_for(model: Any, given: Any) -> list[str] | None:
    """The names of the columns, for a model that has room for names of its inputs and none in it."""
    return column_names(given) if getattr(model, "input_names", "") is None else None


def _array_of(frame: Any, name: str) -> Any:
    """The numbers of a frame or a series as an array. Raises for what is no number, and for a missing one."""
    array = frame.to_numpy()
    if array.dtype.kind in "iub" or array.ndim > 2 or (array.dtype.kind == "f" and not (array != array).any()):
        return array
    columns = getattr(frame, "columns", None) if array.ndim == 2 else None
    numbers = []
    for i, row in enumerate(array):
        for k, entry in enumerate(row if array.ndim == 2 else [row]):
            number = as_float(entry)
            if number is None or number != number:
                raise _unfit(name if columns is None else f"column {columns[k]!r} of {name}", i, entry)
            numbers.append(number)
    from numpy import array as array_of  # where there is a frame

    return array_of(numbers).reshape(array.shape)


def _unfit(column: str, row: int, entry: Any) -> Exception:
    """The error for what stands in a column and is no number."""
    if entry is None or type(entry).__name__ in ("NAType", "NaTType") or as_float(entry) is not None:
        return ValueError(f"{column} has no number in row {row}: leave the row out, or fill in what it should be")
    return TypeError(
        f"{column} must hold numbers, but row {row} has {short(entry)}: number classes from 0, or give each a "
        "column of 0 and 1"
    )
