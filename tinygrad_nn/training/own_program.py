"""The program of a module of one's own, for the predictions of many rows at once.

It is run where it does all that the module does: nothing that is printed, counted or drawn, and nothing but numbers.
"""

from __future__ import annotations

from operator import is_
from typing import Any

from ..compiler.arguments import Shape, array_shape
from ..compiler.function import Function, TraceError
from ..compiler.surroundings.effects import acting
from ..compiler.surroundings.walk import name_of
from ..compiler.target import Target
from ..support.nested import is_array, leaves


class OwnProgram:
    """A module as a compiled function of a row of plain floats, on arrays."""

    def __init__(self, model: Any) -> None:
        def each(row: Any) -> Any:
            before = list(row)
            found = model(row)
            recorded = all(hasattr(leaf, "_record") or type(leaf) is float for leaf in leaves(found))
            if not recorded or len(row) != len(before) or not all(map(is_, row, before)):
                raise TraceError(f"{name_of(model)} gives what is no number of its own, or changes its row")
            return found

        self.function = Function(each, Target("array"), [model])
        self.function.of_data = True

    def is_known(self, rows: Any, matrix: Any) -> bool:
        """Whether there is a program for such rows, as things are."""
        return bool(self.function.programs().paths.get(_shape_of(rows, matrix)))

    def outputs(self, rows: Any, matrix: Any) -> Any:
        """The outputs for the rows of a matrix, an array; None where they are to be recorded."""
        known, shape = self.function.programs(), _shape_of(rows, matrix)
        if acting(known.world.walk):
            return None
        try:
            found = self.function.of_matrix(known, matrix, shape, False, "array", False)
        except Exception:  # of the trace, or of the module, which then raises it where it is recorded
            return None
        again = any(path.tracer.computed_again for path in known.paths[shape].found)  # which the module itself does not
        return None if again or not is_array(found) else found


def _shape_of(rows: Any, matrix: Any) -> Shape:
    """The shape of the argument: a row is an array where the rows are one, else a list."""
    return (array_shape(matrix.shape[1:]) if is_array(rows) else (None,) * matrix.shape[1],)
