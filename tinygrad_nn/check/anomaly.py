"""detect_anomaly: the first operation whose value or gradient is not finite, named with its line and its operands.

Inside it every operation is looked at when it is recorded, and backward when that is asked for. Outside it costs
nothing: a recorded operation asks anyway whether somebody watches.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from typing import Any

from ..autograd.graph import named_operands, operations_behind, reached
from ..autograd.primitives import detached
from ..autograd.recording import Watcher, users_frame, watched
from ..autograd.reverse import contributions
from ..autograd.scope import scope_name
from ..autograd.value import Result, Value
from ..support.nested import leaves, mapped
from ..support.numbers import as_float
from .advice import stable_form

LONGEST_WAY = 12  # operations that are listed between an operation and the result


class AnomalyError(ArithmeticError):
    """An operation whose value or gradient is not finite.

    `operation` is its result, a Value, and `where` the user's file and line, "" where it was recorded before. Where
    compiled code overflowed and the recorded graph does not, there is none.
    """

    def __init__(self, words: str, operation: Value | None = None, where: str = "") -> None:
        super().__init__(words)
        self.operation, self.where = operation, where

    def __reduce__(self) -> tuple[Any, ...]:
        others = {key: entry for key, entry in vars(self).items() if key != "operation"}  # notes, say
        return type(self), (str(self), None, self.where), others  # an operation, and the graph behind it, stays here


class detect_anomaly(Watcher):  # noqa: N801
    """Inside, the first operation whose value or gradient is not finite raises an AnomalyError that says all about it.

    It names the operation, the values and the labels of its operands, the file and line where it was written, the way
    from it to the result of `backward`, and a form that stays finite where there is one. What was recorded before is
    looked at when its gradient is asked for. Nothing has changed when it raises.

    >>> from tinygrad_nn import Value, log
    >>> with detect_anomaly():  # doctest: +ELLIPSIS
    ...     log(Value(0.0, label="p"))
    Traceback (most recent call last):
        ...
    tinygrad_nn.check.anomaly.AnomalyError: log gave -inf, in <doctest ...>, line 2
      x: 0.0 (p)
      log is -inf at 0: for a probability, take the loss of logits (tn.log_softmax, ..._with_logits)
    """

    def __init__(self) -> None:
        self.lines: dict[int, str] = {}
        self.inside = watched(self)

    def __enter__(self) -> detect_anomaly:
        if not self.inside.tokens:  # else it is entered again inside itself
            self.lines = {}
        self.inside.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self.inside.__exit__(*error)

    # What a watcher is told and asked.

    def recorded(self, result: Result) -> None:
        frame = users_frame()
        self.lines[result.number] = f"{frame.f_code.co_filename}, line {frame.f_lineno}"
        if _is_wrong(result):
            raise self._of_value(result, [])

    def tangents(self, outputs: Any, inputs: Any) -> None:
        for output in outputs:
            self.backward(output)

    def grad(self, output: Any, inputs: Any, create_graph: bool) -> None:
        self.backward(output)

    def backward(self, output: Any) -> None:
        """Look at the values and the gradients behind a result."""
        if not isinstance(output, Result):
            return
        results = operations_behind(output)
        live = reached(results)
        wrong = [result for result in results if _is_wrong(result)]
        if any(id(result) in live for result in wrong):
            raise self._of_value(wrong[-1], results)
        adjoints = {id(output): 1.0}
        for result in [result for result in results if id(result) in live]:
            adjoint = adjoints.get(id(result), 0.0)
            for k, (operand, entry) in enumerate(zip(result.operands, contributions(result, adjoint), strict=True)):
                if type(operand) is float:
                    continue
                total = adjoints.get(id(operand), 0.0) + entry
                if not isfinite(total):
                    raise self._of_gradient(result, k, adjoint, entry, total, results)
                adjoints[id(operand)] = total

    def call(self, compiled: Any, arguments: Sequence[Any], named: dict[str, Any]) -> Any:
        """A call of a compiled function; where the result is not finite, once more on Values."""
        if any(isinstance(leaf, Value) for leaf in leaves(arguments)):
            return compiled.function(*arguments, **named)
        found = super().call(compiled, arguments, named)
        if not _finite(found) and _finite(compiled.function(*_recorded(arguments))):
            raise beyond(f"{compiled.__name__}, compiled in {compiled.target.dtype},")
        return found

    def gradient(self, compiled: Any, arguments: Sequence[Any]) -> Any:
        """The value and the gradient of a compiled function; where they are not finite, once more on Values."""
        found = super().gradient(compiled, arguments)
        if not _finite(found):
            value = compiled.function(*_recorded(arguments))
            self.backward(value)
            if _finite(value):
                raise beyond(f"{compiled.__name__}, compiled in {compiled.target.dtype},")
        return found

    def rows(self, compiled: Any, rows: Any, gradients: bool) -> Any:
        """A batch of a compiled function; the first row whose results are not finite once more on Values."""
        rows = rows if hasattr(rows, "__len__") else list(rows)
        found = super().rows(compiled, rows, gradients)
        for row, results in zip(rows, zip(*found, strict=True) if gradients else found, strict=True):
            if not _finite(results):
                self.gradient(compiled, list(row)) if gradients else self.call(compiled, list(row), {})
        return found

    def updated(self, optimizer: Any, numbers: Sequence[float]) -> None:
        for k, (parameter, number) in enumerate(zip(optimizer.parameters, numbers, strict=True)):
            if isfinite(parameter.data) and not isfinite(number):
                name = parameter.label or f"parameter {k}"
                raise AnomalyError(
                    f"the update of {type(optimizer).__name__} made {name} {number}, of {parameter.data!r} and the "
                    f"gradient {parameter.grad!r}: the numbers are too large; take a smaller learning rate"
                )

    # What is said.

    def _of_value(self, result: Result, results: Sequence[Result]) -> AnomalyError:
        return self._error(f"{result.op.name} gave {result.data}", result, results, stable_form(result))

    def _of_gradient(
        self, result: Result, k: int, adjoint: float, entry: float, total: float, results: Sequence[Result]
    ) -> AnomalyError:
        """Of operand k of a result."""
        name = named_operands(result)[k][0]
        what = f"the derivative of {result.op.name} made the gradient of its {name} {entry}"
        if isfinite(entry):
            what = f"the gradients that flow into the {name} of {result.op.name} sum to {total}"
        hint = stable_form(result, backward=True)
        return self._error(f"{what} (the gradient of its result is {adjoint:g})", result, results, hint)

    def _error(self, what: str, result: Result, results: Sequence[Result], hint: str) -> AnomalyError:
        where = self.lines.get(result.number, "")
        lines = [f"{what}, in {where}" if where else f"{what}; it was recorded before detect_anomaly() began"]
        operands = named_operands(result)
        for name, operand in operands[:8]:
            label = f" ({operand.label})" if isinstance(operand, Value) and operand.label else ""
            number = operand if type(operand) is float else operand.data
            lines.append(f"  {name}: {number!r}{label}")
        if len(operands) > 8:
            lines.append(f"  and {len(operands) - 8} more")
        if owner := scope_name(result.scope):
            lines.append(f"  recorded by {owner}")
        if results and results[0] is not result:
            lines.append(f"  its way to the result: {_way(result, results)}")
        if hint:
            lines.append(f"  {hint}")
        return AnomalyError("\n".join(lines), result, where)


def beyond(what: str) -> AnomalyError:
    """Of what was compiled and is not finite, where the recorded graph is."""
    return AnomalyError(
        f"{what} gave a number that is not finite, where the recorded graph, in float64, gives one that is: the "
        "numbers are too large for it; dtype='float64', inputs scaled to about 1 or a smaller learning rate keep them "
        "within"
    )


def _way(result: Result, results: Sequence[Result]) -> str:
    """The operations between one and the last, each an operand of the next."""
    users = {id(operand): user for user in results for operand in user.operands if type(operand) is Result}
    names, at = [result.op.name], result
    while at is not results[0]:
        at = users[id(at)]
        names.append(at.op.name + (f" ({at.label})" if at.label else ""))
    if len(names) > LONGEST_WAY:
        names = [*names[: LONGEST_WAY // 2], f"{len(names) - LONGEST_WAY} more", *names[-LONGEST_WAY // 2 :]]
    return " -> ".join(names)


def _is_wrong(result: Result) -> bool:
    """Whether a value is not finite, and is no number that a transform was given."""
    return not isfinite(result.data) and not (result.op is detached and type(result.first) is float)


def _recorded(found: Any) -> Any:
    """Numbers in nested lists as Values."""
    return mapped(found, lambda entry: entry if as_float(entry) is None else Value(entry))


def _finite(found: Any) -> bool:
    return all(leaves(mapped(found, lambda entry: isfinite(entry.data if isinstance(entry, Value) else entry))))
