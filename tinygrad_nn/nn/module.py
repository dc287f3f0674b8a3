"""Module: anything with parameters. It finds them in its attributes, names them by the path to them, and saves them.

Neurons, layers and networks are Modules; so is a class of the user's own that keeps Values or Modules in attributes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..autograd import primitives as table
from ..autograd.containers import collected, named_leaves
from ..autograd.primitives import Primitive
from ..autograd.recording import no_grad, watched, watcher
from ..autograd.value import Value
from ..support.annotation import Any
from ..support.checks import checked_number
from ..support.nested import is_array
from ..support.numbers import as_float
from ..support.provided import Provided
from ..support.tabular import check_columns, check_rows, is_frame, is_list, plain, short
from .names import Named

# Between two classes, of an output by its last operation.
THRESHOLDS: dict[Primitive | None, float] = {table.sigmoid: 0.5, table.tanh: 0.0}

ENOUGH_ROWS = 32  # from which on their numbers may be computed at once
of_many_rows, of_one_row = Provided(), Provided(after=1000)  # outputs of a module; None where it is to be recorded


class Module(Named):
    """A function with parameters: the Values in its attributes, and in Modules, lists, tuples and dicts there.

    Other sequences, mappings and arrays of Values count, too. Attributes whose name starts with an underscore are
    passed over, and so are recorded results. A Value in a set, a plain object, a function or the class, where it would
    not be found, is a TypeError that names the attribute.

    Drawings and errors call a Module as the attribute of its holder, `head`, or `blocks 1` and `heads left` where it is
    in a list or a dict there. A `name` that it was made with stays, and so does that of the first attribute.

    >>> class Line(Module):
    ...     def __init__(self):
    ...         self.slope, self.offset = Value(2.0), Value(1.0)
    ...     def __call__(self, row):
    ...         return self.slope * row[0] + self.offset
    >>> line = Line()
    >>> line.state_dict(), line.predict([[0.0], [3.0]])
    ({'slope': 2.0, 'offset': 1.0}, [1.0, 7.0])
    """

    _read_by_library = frozenset(
        {"function", "layers", "neurons", "weights", "bias", "_activation", "_activate", "_has_row"}
    )
    _kept_beside = frozenset({"place", "_Named__place", "_learned", "_predicting", "_predicting_one"})
    _learned: Any = None  # the thresholds of the outputs, or what finds them: `fit` leaves them, by its loss and labels

    def __call__(self, row: Any) -> Any:
        """The outputs for one row of inputs, recorded. Subclasses define it."""
        raise NotImplementedError(f"{type(self).__name__} has no __call__: define it to compute the outputs of a row")

    def parameters(self) -> list[Value]:
        """All parameters, each once, in the order of the attributes."""
        return list({id(p): p for entry in self._entries().values() for p in _values(entry)}.values())

    def named_parameters(self) -> Iterator[tuple[str, Value]]:
        """Pairs of a path such as `layers.0.neurons.1.weights.2` and the parameter there."""
        named = (leaf for entry, found in self._entries().items() for leaf in named_leaves(found, entry))
        seen: set[int] = set()
        for path, parameter in named:
            if id(parameter) not in seen:
                seen.add(id(parameter))
                yield path, parameter

    def zero_grad(self) -> None:
        """Set the gradient of every parameter to 0."""
        for parameter in self.parameters():
            parameter.grad = 0.0

    def state_dict(self) -> dict[str, Any]:
        """The numbers of all parameters by the path of their attribute: a float, or lists of floats for lists."""
        return {path: _numbers(entry) for path, entry in self._entries().items()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Set all parameters to the numbers of a state_dict.

        Raises ValueError for an entry that is missing, unexpected or of another size, TypeError for one that holds
        something other than numbers; nothing is changed then.
        """
        entries = self._entries()
        if not isinstance(state, dict):
            raise TypeError(f"load_state_dict() wants the dict that state_dict() gave, but got {state!r}")
        missing, extra = [p for p in entries if p not in state], [p for p in state if p not in entries]
        if missing or extra:
            raise ValueError(
                f"this state does not fit {type(self).__name__}: "
                + "; ".join(
                    f"{what} {', '.join(map(repr, paths[:3]))}{' ...' if len(paths) > 3 else ''}"
                    for what, paths in (("missing", missing), ("unexpected", extra))
                    if paths
                )
            )
        updates = [pair for path, entry in entries.items() for pair in _pairs(entry, state[path], path)]
        for parameter, number in updates:
            parameter.data = number

    def predict(self, rows: Any) -> Any:
        """The outputs for one row of inputs, or a list of them for many rows; as floats, recording nothing.

        Rows are lists, an array or a frame; the output of a row is a float where the module has one output, else a list
        of floats. For an array of rows an array comes back. Of 32 rows or more an MLP, a Layer or a Neuron makes
        products of matrices where NumPy is. Once so many were asked for that it pays, it is code that LLVM makes, for
        many rows and for one after another, and a module of one's own that only computes runs as a program: the same
        within rounding.

        Raises TypeError for what is no rows, ValueError for a frame whose columns are not the `input_names`.
        """
        listed, many = rows_for(rows, self)
        if not many:
            if watcher() is None and (found := of_one_row(self, listed[0])) is not None:
                return found
            with no_grad():
                return _numbers(self(listed[0]))
        found = _outputs(self, rows, listed)
        if is_array(rows):
            return _as_array(found, "float64")
        return found if isinstance(found, list) else found.tolist()

    def predict_classes(self, rows: Any, threshold: float | None = None) -> Any:
        """The classes for one row or many: of one output 1 where it is over the threshold, else 0.

        The threshold is what `fit` left on the model (0 for hinge and logits, 0.5 for probabilities, else the middle of
        two labels); where no `fit` was, 0.5 for a sigmoid and 0 for a tanh. Of several outputs the class is the index
        of the largest (the first of a tie); but an answer of 0 or 1 for each where `fit` saw a target for each, or a
        `threshold` is given. For an array of rows an array comes back.

        Raises ValueError where there is no threshold for one output, as of a linear one without `fit`.
        """
        listed, many = rows_for(rows, self)
        threshold = None if threshold is None else checked_number("threshold", threshold)
        outputs = self.predict(rows if many and is_array(rows) else listed)  # what gives its rows once has given them
        outputs = outputs.tolist() if is_array(outputs) else outputs
        outputs = [output if isinstance(output, list) else [output] for output in outputs]
        predicted: list[Any] = []
        if listed:
            n = len(outputs[0])
            cuts = thresholds_of(self, n, listed[0]) if threshold is None else [threshold] * n
            predicted = [_answers(output, cuts) for output in outputs]
        if not many:
            return predicted[0]
        return _as_array(predicted, "int64") if is_array(rows) else predicted

    def summary(self) -> str:
        """A table of the attributes that hold parameters and how many each has, and their bytes as doubles.

        >>> class Line(Module):
        ...     def __init__(self):
        ...         self.slopes, self.offset = [Value(2.0), Value(3.0)], Value(1.0)
        >>> print(Line().summary())
        Line    parameters
        slopes           2
        offset           1
        total            3
        24 bytes of parameters
        """
        entries = self._entries()
        seen: set[int] = set()
        counts = []
        for path, entry in entries.items():  # a shared one counts where it comes first
            before = len(seen)
            seen.update(id(leaf) for _, leaf in named_leaves(entry, path))
            counts.append(len(seen) - before)
        return parameter_table([type(self).__name__], [[path] for path in entries], counts)

    def _entries(self) -> dict[str, Any]:
        """Every attribute that is a Value or nested lists of Values, by its path, in order; shared ones once."""
        return collected(self, Module)

    def _may_hold_parameters(self, name: str, entry: Any) -> bool:
        kinds: Any = (Module, Value, list, tuple, dict)
        if name.startswith("_") or not isinstance(entry, kinds):
            return False
        entries = entry.values() if isinstance(entry, dict) else entry if isinstance(entry, list | tuple) else (entry,)
        return any(isinstance(inner, kinds) for inner in entries)


def _values(entry: Any) -> list[Value]:
    """The Values of nested lists, most of which are in a list of nothing else."""
    if isinstance(entry, Value):
        return [entry]
    if any(issubclass(kind, list | tuple) for kind in set(map(type, entry))):
        return [value for inner in entry for value in _values(inner)]
    return list(entry)


def learned_by(module: Module) -> Sequence[float] | None:
    """The thresholds that `fit` left on a module, if there are any."""
    learned: Sequence[float] | None = getattr(module._learned, "found", lambda: module._learned)()
    return learned


def thresholds_of(module: Module, outputs: int, row: Any) -> Sequence[float] | None:
    """The threshold of each output, None where the largest of several is the class.

    Raises ValueError for one output that has none.
    """
    learned = learned_by(module)
    if learned is not None and len(learned) == outputs:
        return learned
    if outputs > 1:
        return None
    with watched(None):
        output = module(row)
    output = output.tolist() if hasattr(output, "tolist") else output
    (output,) = output if isinstance(output, list | tuple) else (output,)
    cut = THRESHOLDS.get(getattr(output, "op", None))
    if cut is None:
        raise ValueError(
            f"the one output of this {type(module).__name__} needs a threshold between two classes: give threshold=0 "
            "for hinge and logits, 0.5 for probabilities (fit leaves one on the model; sigmoid and tanh have one)"
        )
    return [cut]


def rows_for(rows: Any, model: Any = None) -> tuple[list[Any], bool]:
    """The rows in a list, and whether many were given or one row of numbers. No rows at all are many.

    Raises TypeError for what holds no rows, ValueError for a frame whose columns are not the inputs of the model.
    """
    if type(rows) is list and set(map(type, rows)) == {float}:  # one row, as most are
        return [rows.copy()], False
    check_columns(rows, model, "the frame of rows")
    given = plain(rows, "rows", "a row of numbers, a list of rows, an array or a frame")
    listed = list(given)
    many = not listed or hasattr(listed[0], "__iter__")
    check_rows(given, "a list of numbers")
    return (listed, True) if many else ([given], False)


def _answers(outputs: list[float], cuts: Sequence[float] | None) -> Any:
    """The class, or the answer of each output where there are thresholds for several."""
    if cuts is None:
        return max(range(len(outputs)), key=outputs.__getitem__)
    answers = [int(output > cut) for output, cut in zip(outputs, cuts, strict=True)]
    return answers if len(answers) > 1 else answers[0]


def _outputs(module: Module, rows: Any, listed: list[Any]) -> Any:
    """The outputs of many rows in a list, or of more than a few in an array."""
    if len(listed) >= ENOUGH_ROWS and watcher() is None:
        found = of_many_rows(module, rows if is_array(rows) else listed)
        if found is not None:
            return found
    with no_grad():
        return [_numbers(module(row)) for row in listed]


def _as_array(found: Any, dtype: str) -> Any:
    """What belongs to the rows of an array as an array; as it is where the rows have different shapes."""
    from numpy import asarray  # where there is an array of rows

    try:
        return asarray(found, dtype=dtype)
    except ValueError:
        return found


def _numbers(found: Any) -> Any:
    if hasattr(found, "tolist"):
        found = found.tolist()
    if isinstance(found, list | tuple):
        return [_numbers(entry) for entry in found]
    return found.data if isinstance(found, Value) else found


def _pairs(found: Any, numbers: Any, path: str) -> list[tuple[Value, float]]:
    """Each parameter of an entry beside the number for it. Raises where the shapes differ."""
    if isinstance(found, Value):
        number = as_float(numbers)
        if number is None:
            raise TypeError(f"the state's entry {path!r} must be a number, but is {numbers!r}")
        return [(found, number)]
    numbers = plain(numbers, f"the state's entry {path!r}") if is_frame(numbers) else numbers
    if not is_list(numbers) or len(numbers) != len(found):
        size = f"has {len(numbers)}" if is_list(numbers) else f"is {short(numbers)}"
        raise ValueError(f"the state's entry {path!r} must have {len(found)} numbers, but {size}")
    return [pair for i, (f, n) in enumerate(zip(found, numbers, strict=True)) for pair in _pairs(f, n, f"{path}.{i}")]


def parameter_table(
    head: Sequence[str], rows: Sequence[Sequence[str]], parameters: Sequence[int], below: str = ""
) -> str:
    """Columns of text, then the number of parameters of each row and their sum, and below what they take."""
    total = sum(parameters)
    cells = [[*head], *(list(row) for row in rows), ["total", *[""] * (len(head) - 1)]]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    counts = ["parameters", *(f"{count:,}" for count in (*parameters, total))]
    lines = [
        "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)) + f"  {count:>10}"
        for row, count in zip(cells, counts, strict=True)
    ]
    return "\n".join([*lines, f"{8 * total:,} bytes of parameters{below}"])
