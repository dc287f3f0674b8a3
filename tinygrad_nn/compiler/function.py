"""compile: a plain function of numbers, traced at its first call and then run as a program.

One program holds for one shape of the arguments and one path through the branches; a call that goes elsewhere traces
again. Parameters, the Values that the function captures, are read at every call.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from ..operators import as_float
from ..recording import watched
from ..value import Value
from .adjoint import adjoints
from .backends import chosen, python
from .paths import PathError, Paths
from .program import Program
from .rewrite import simplified
from .shapes import RecordedError, Shape, flat, leaves_of, shape_of, shaped
from .trace import Traced, TraceError, Tracer

Runner = Callable[[Sequence[float]], Sequence[float]]


class _Path:
    """One path of the function through its branches: its programs, each compiled when it is first wanted."""

    def __init__(self, tracer: Tracer, result: Any) -> None:
        self.tracer = tracer
        self.results = [tracer.slot_of(leaf) for leaf in leaves_of(result)]
        self.shape = shape_of(result)
        self.value = simplified(tracer.program.returning(self.results))
        self.run_value: Runner = python.compiled(self.value)
        self.run_gradient: Runner = self._first_gradient
        self._gradient: Program | None = None

    @property
    def gradient(self) -> Program:
        """The program of the value and of its derivatives with respect to all inputs."""
        if self._gradient is None:
            if self.shape is not None:
                raise TypeError(
                    f"a gradient is of a function that returns one number, but {self.tracer.program.name} returned "
                    f"{len(self.results)}: return one of them, or their sum"
                )
            flows = adjoints(self.tracer, self.results[0], self.tracer.program.inputs)
            outputs = [self.results[0], *map(self.tracer.slot_of, flows)]
            self._gradient = simplified(self.tracer.program.returning(outputs))
        return self._gradient

    def _first_gradient(self, numbers: Sequence[float]) -> Sequence[float]:
        self.run_gradient = python.compiled(self.gradient)
        return self.run_gradient(numbers)


class Function:
    """A compiled function. `tinygrad_nn.compile` makes one."""

    def __init__(self, function: Callable[..., Any], backend: str) -> None:
        self.function, self.backend = function, backend
        self.__name__ = getattr(function, "__name__", type(function).__name__).strip("<>")
        self.__doc__ = function.__doc__
        self._paths: dict[Shape, Paths[_Path]] = {}
        self._last: _Path | None = None

    def __call__(self, *arguments: Any) -> Any:
        """The value: a number, or nested lists of them, as the function returns it.

        Called with Values, or inside another compiled function, it is the plain function, so that no gradient is lost.
        """
        try:
            shape, numbers = flat(arguments, self.__name__)
        except RecordedError:
            return self.function(*arguments)
        outputs = self._run(shape, numbers, "run_value")
        path = self._last
        return outputs[0] if path is None or path.shape is None else shaped(path.shape, iter(outputs))

    def value_and_grad(self, *arguments: Any) -> tuple[float, list[Any]]:
        """The value and its derivatives, [df/dx, df/dy, ...], each in the shape of its argument.

        Raises TypeError where the function does not return one number.
        """
        shape, numbers = flat(arguments, self.__name__)
        value, *flows = self._run(shape, numbers, "run_gradient")
        return value, flows if numbers is arguments else shaped(shape, iter(flows))

    def grad(self, *arguments: Any) -> list[Any]:
        """The derivatives, [df/dx, df/dy, ...], each in the shape of its argument."""
        return self.value_and_grad(*arguments)[1]

    def batch(self, rows: Iterable[Sequence[Any]], gradients: bool = False) -> Any:
        """The value for each row, a row being the list of arguments; with `gradients` a pair of values and derivatives.

        Lists come back, or NumPy arrays for a NumPy array of rows. Rows may take different paths through the branches.
        Raises ValueError for rows of different lengths.
        """
        listed = [list(row) for row in rows]
        array = _array_of(rows)
        for i, row in enumerate(listed):
            if len(row) != len(listed[0]):
                raise ValueError(
                    f"a row is the list of arguments, but row 0 has {len(listed[0])} and row {i} has {len(row)}"
                )
        if not gradients:
            return array([self(*row) for row in listed])
        pairs = [self.value_and_grad(*row) for row in listed]
        return array([value for value, _ in pairs]), array([flows for _, flows in pairs])

    @property
    def program(self) -> Program:
        """The program of the latest call's value. Raises ValueError before the first call."""
        return self._latest().value

    @property
    def gradient_program(self) -> Program:
        """The program of the latest call's value and derivatives. Raises ValueError before the first call."""
        return self._latest().gradient

    def source(self, backend: str = "python", gradient: bool = False) -> str:
        """The source of the latest call's program in a back end's language, or with `gradient` of its derivatives."""
        if backend != "python":
            raise ValueError(f"unknown back end {backend!r} for source: give 'python'")
        return python.source(self.gradient_program if gradient else self.program)

    def __repr__(self) -> str:
        paths = sum(map(len, self._paths.values()))
        return f"<compiled {self.__name__}: {paths} program{'s' * (paths != 1)}, back end {self.backend}>"

    def _latest(self) -> _Path:
        if self._last is None:
            raise ValueError(f"{self.__name__} has no program yet: it is traced at its first call, so call it once")
        return self._last

    def _run(self, shape: Shape, numbers: Sequence[float], runner: str) -> Sequence[float]:
        """The outputs of the path that fits; a new path is traced where none does."""
        paths = self._paths.get(shape)
        if paths is None:
            paths = self._paths[shape] = Paths(self.__name__)
        outputs: Sequence[float] = paths.run(
            lambda path: getattr(path, runner)(numbers), lambda: self._traced(shape, numbers)
        )
        self._last = paths.found[0]
        return outputs

    def _traced(self, shape: Shape, numbers: Sequence[float]) -> _Path:
        tracer = Tracer(self.__name__)
        names = _names(self.function, shape)
        traced = [tracer.input(number, name) for number, name in zip(numbers, names, strict=True)]
        with watched(tracer):
            result = self.function(*shaped(shape, iter(traced)))
        for leaf in leaves_of(result):
            if not isinstance(leaf, Traced | Value) and as_float(leaf) is None:
                raise TypeError(f"{self.__name__} must return a number or nested lists of numbers, but got {leaf!r}")
        return _Path(tracer, result)


def compile(
    function: Callable[..., Any], *, backend: str = "auto", dtype: str = "float64", exact: bool = False
) -> Function:
    """The compiled function; `tinygrad_nn.compile` says what the options are."""
    if not callable(function):
        raise TypeError(f"compile() takes a function of numbers, but got {function!r}")
    return Function(function, chosen(backend, dtype))


def _array_of(rows: Any) -> Callable[[list[Any]], Any]:
    """What makes the results of a batch the kind of thing that its rows are."""
    if getattr(rows, "ndim", 0) > 0 and type(rows).__module__.startswith("numpy"):
        import numpy

        as_array: Callable[[list[Any]], Any] = numpy.asarray
        return as_array
    return lambda results: results


def _names(function: Callable[..., Any], shape: Shape) -> list[str]:
    """A name for each input: the parameter's, with a number where it is a list."""
    code = getattr(function, "__code__", None)
    given = list(code.co_varnames[: code.co_argcount]) if code else []
    if len(given) != len(shape):
        given = [f"x{i}" for i in range(len(shape))] if len(shape) > 1 else ["x"]
    return [name for base, entry in zip(given, shape, strict=True) for name in _numbered(base, entry)]


def _numbered(base: str, shape: Shape) -> list[str]:
    if shape is None:
        return [base]
    return [name for i, entry in enumerate(shape) for name in _numbered(f"{base}{i}", entry)]


__all__ = ["Function", "PathError", "TraceError", "compile"]
