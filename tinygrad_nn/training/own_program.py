"""The program of a module of one's own, for the predictions of many rows at once, in machine code or on arrays.

It is run where it does all that the module does: nothing that is printed, counted or drawn, and nothing but numbers.
"""

from __future__ import annotations

from importlib.util import find_spec
from operator import is_
from typing import Any

from ..compiler.arguments import Shape, array_shape
from ..compiler.backends.spellings import UnspelledError
from ..compiler.function import Function
from ..compiler.programs import Programs
from ..compiler.surroundings.effects import acting
from ..compiler.surroundings.walk import name_of
from ..compiler.target import Target
from ..compiler.tracing.traced import TraceError
from ..support.nested import is_array, leaves

WORTH_MACHINE_CODE = 10_000_000  # rows times Values, which take as long on arrays as machine code takes to make


class OwnProgram:
    """A module as a compiled function of a row of plain floats.

    It runs on arrays, and in machine code once it has computed as much on them as pays for that.
    """

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
        self._latest: Programs | None = None
        self._work = 0  # rows times Values, by the latest programs

    def is_known(self, rows: Any, matrix: Any) -> bool:
        """Whether there is a program for such rows, as things are."""
        return bool(self.function.programs().paths.get(_shape_of(rows, matrix)))

    def outputs(self, rows: Any, matrix: Any) -> Any:
        """The outputs for the rows of a matrix, an array; None where they are to be recorded."""
        known, shape = self.function.programs(), _shape_of(rows, matrix)
        if acting(known.world.walk):
            return None
        if known is not self._latest:
            self._latest, self._work = known, 0
        self._work += len(matrix) * len(known.world.walk.values)
        found = None
        for backend in backends_for(self._work):
            try:
                found = self.function.of_matrix(known, matrix, shape, False, backend, False)
                break
            except UnspelledError:
                continue
            except Exception:  # of the trace, or of the module, which then raises it where it is recorded
                return None
        again = any(path.tracer.computed_again for path in known.paths[shape].found)  # which the module itself does not
        return None if again or not is_array(found) else found


def backends_for(work: int) -> list[str]:
    """Where a program runs, the first that can."""
    return ["llvm", "array"] if work >= WORTH_MACHINE_CODE and find_spec("llvmlite") is not None else ["array"]


def _shape_of(rows: Any, matrix: Any) -> Shape:
    """The shape of the argument: a row is an array where the rows are one, else a list."""
    return (array_shape(matrix.shape[1:]) if is_array(rows) else (None,) * matrix.shape[1],)
