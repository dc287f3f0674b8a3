"""lint: the mistakes that training does not show by itself, found in a model and in a loss that it gave.

A recorded loss tells most of them: what it depends on, whether its numbers are still those of the parameters, whether
the gradients are those of its last backward pass.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from math import isclose
from typing import Any, NamedTuple

from ..autograd.graph import holds, operations_behind, reached, value_now
from ..autograd.primitives import where
from ..autograd.recording import watched
from ..autograd.reverse import contributions
from ..autograd.value import LEAVES, Result, Value
from ..nn.module import Module
from ..support.nested import leaves
from ..support.tabular import plain
from .idle_units import alike_units, idle_units, slopes_of
from .loss_scales import CHECKED, mistaken_scales

ByPath = Sequence[tuple[str, Value]]
Judged = tuple[str, Value, float]  # a parameter with its path and its gradient by the last pass

FELT = 1e-8  # a gradient that most steps make something of; a smaller one may leave a parameter as it is


class LintWarning(UserWarning):
    """What `fit` says of a finding of `lint`."""


class Finding(NamedTuple):
    """A likely mistake: its kind, and in words what was seen, with its numbers, and what to do."""

    kind: str
    words: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.words}"


def lint(model: Module | Sequence[Value], loss: Value, rows: Any = None) -> list[Finding]:
    """What is likely wrong with a model and a loss that was recorded from it, as Findings; empty where nothing is.

    Call it after `loss.backward()`, and before the optimizer's step rather than after it, when less can be told: which
    parts of a graph are old, above all. With `rows` it calls the model on them; nothing else is changed. It looks for

    - parameters that the loss does not depend on,
    - numbers of the graph that are not those of its parameters any more, and were differentiated nevertheless,
    - gradients of earlier passes that were never set to 0, and gradients that were before a step could use them,
    - a loss of logits that is given probabilities, the reverse, and targets that a loss does not take, or that the
      activation of the output never reaches,
    - hidden layers of an MLP whose units have equal weights into and out of them, as all zeros are,
    - layers of which most units (half of them, where that leaves two) are dead (relu) or saturated (sigmoid, tanh) on
      all rows while the loss still has a slope there; on the rows that the loss was computed from, or on `rows`, if
      they are four or more.

    Where there is no Module, a list of parameters takes its place. Raises TypeError for what is neither, and for a loss
    that was not recorded.

    >>> from tinygrad_nn import MLP, losses
    >>> model = MLP.from_weights([[[1.0]], [[1.0]]], [[0.0], [0.0]])
    >>> for _ in range(2):
    ...     loss = losses.squared_error(model([2.0]), 1.0)
    ...     loss.backward()
    >>> [finding.kind for finding in lint(model, loss)]
    ['gradients add up']
    """
    if isinstance(model, Module):
        named = list(model.named_parameters())
    elif isinstance(model, list | tuple) and all(isinstance(parameter, Value) for parameter in model):
        named = [(parameter.label or f"parameter {k}", parameter) for k, parameter in enumerate(model)]
    else:
        raise TypeError(f"lint(model, loss) looks at a Module or a list of parameters, but got {model!r}")
    if not isinstance(loss, Result):
        raise TypeError(f"lint(model, loss) looks at a loss that was recorded, a Value, but got {loss!r}")
    results = operations_behind(loss)
    found = [*unused([p for _, p in named], model, results), *(Finding(*words) for words in mistaken_scales(results))]
    found += [*(Finding(*words) for words in alike_units(model)), *_of_gradients(named, loss, results)]
    return found + [Finding(*words) for words in idle_units(results, slopes_of(_recorded(model, rows) or results))]


def of_training(parameters: Sequence[Value], model: Any, loss: Any, ended: bool, recorded: bool) -> list[Finding]:
    """What `fit` looks for: in the loss of some rows before the run, and once it has ended in units and old graphs."""
    if not isinstance(loss, Result):
        return []
    results = operations_behind(loss)
    idle = [Finding(*words) for words in idle_units(results, slopes_of(results), whole=not ended)]
    if ended:
        old = [result for result in reversed(results) if recorded and not holds(result)]
        return [*(_changed(result) for result in old[:1]), *idle]
    mistaken = [Finding(*words) for words in (*mistaken_scales(results), *alike_units(model))]
    return [*unused(parameters, model, results), *mistaken, *idle]


def is_clean_of_numbers(loss: Any) -> bool:
    """Whether in a loss of which nothing is found there is nothing to be found for other numbers: no units, no loss
    that does not take all of them, no choice by them."""
    results = operations_behind(loss) if isinstance(loss, Result) else []
    return not any(
        getattr(result.scope, "place", None) is not None or result.scope in CHECKED or result.op is where
        for result in results
    )


def unused(parameters: Sequence[Value], model: Any, results: list[Result]) -> Iterator[Finding]:
    """Parameters that no gradient can reach."""
    found = reached(results)
    missed = [parameter for parameter in parameters if id(parameter) not in found]
    if missed:
        paths = {id(p): path for path, p in model.named_parameters()} if isinstance(model, Module) else {}
        few = [paths.get(id(p)) or p.label or "one of no name" for p in missed[:3]] + ["..."] * (len(missed) > 3)
        yield Finding(
            "unused parameters",
            f"the loss does not depend on {len(missed)} of {len(parameters)} parameters ({', '.join(few)}), so that "
            "they never learn: use them where the model is called, or leave them out of it; a .data on the way to the "
            "loss would cut them off, too",
        )


def _of_gradients(named: ByPath, loss: Result, results: Sequence[Result]) -> Iterator[Finding]:
    """Whether the gradients are those of one pass over numbers that are still true."""
    stale, live = [result for result in reversed(results) if not holds(result)], reached(results)
    sums, doubtful = _passed_on([r for r in results if id(r) in live], {id(result) for result in stale})
    if stale and (_is_older(stale, results, named) or _differentiated_since(loss, sums, doubtful)):
        yield _changed(stale[0])
        return
    if not getattr(loss, "passes", 0):
        return
    judged = _judged(named, sums, doubtful)
    lost = [] if stale else [entry for entry in judged if abs(entry[2]) > FELT]
    more = [entry for entry in judged if not isclose(entry[1].grad, entry[2], rel_tol=1e-6, abs_tol=1e-12)]
    leaves = (operand for result in results for operand in result.operands if isinstance(operand, Value))
    if lost and not any(leaf.grad for leaf in leaves if leaf.op is None):
        yield _set_to_zero(lost)
    elif len(more) >= 0.9 * len(judged) and _adds_up(more):
        yield _added_up(more)


def _judged(named: ByPath, sums: dict[int, float], doubtful: dict[int, Value]) -> list[Judged]:
    """The parameters whose gradient by the last pass is known, but for those without any."""
    sure = sums.keys() - doubtful.keys()
    return [(path, p, sums[id(p)]) for path, p in named if id(p) in sure and (sums[id(p)] or p.grad)]


def _set_to_zero(lost: Sequence[Judged]) -> Finding:
    path, _, own = max(lost, key=lambda entry: abs(entry[2]))
    return Finding(
        "gradients set to zero",
        f"backward() gave {path} the gradient {own:.6g}, and all gradients are 0 now, while the numbers are still "
        "those that the loss was recorded from: unless the gradients were used before that, no step learns from "
        "them; call zero_grad() before backward() or after the step, not between them",
    )


def _added_up(more: Sequence[Judged]) -> Finding:
    path, parameter, own = max(more, key=lambda entry: abs(entry[1].grad) - abs(entry[2]))
    return Finding(
        "gradients add up",
        f"the gradient of {path} is {parameter.grad:.6g}, and {own:.6g} is that of this loss, so other passes are in "
        "it, too: unless they are to be added up, call zero_grad() of the model, or of an optimizer that has this "
        "parameter, before each backward()",
    )


def _adds_up(more: Sequence[Judged]) -> bool:
    """Whether gradients that differ from those of the loss are larger ones, neither scaled nor decayed by hand."""
    larger = any(abs(p.grad) > abs(own) or p.grad * own < 0.0 for _, p, own in more)
    scales = [p.grad / own for _, p, own in more if own]
    decays = sorted((p.grad - own) / p.data for _, p, own in more if p.data)
    constant = bool(scales) and all(isclose(scale, scales[0], rel_tol=1e-6) for scale in scales)
    scaled = constant and not (scales[0] > 1.5 and isclose(scales[0], round(scales[0]), rel_tol=1e-9))
    middle = decays[len(decays) // 2] if len(decays) > 1 else 1.0
    near = sum(abs(decay - middle) <= 0.5 * middle for decay in decays)  # a step may have moved the parameters
    return larger and not scaled and not (0.0 < middle <= 0.5 and near >= 0.8 * len(decays))


def _is_older(stale: Sequence[Result], results: Sequence[Result], named: ByPath) -> bool:
    """Whether all that does not hold was recorded before what does, and speaks of parameters itself.

    And something else was recorded between them: a part of the parameters may be all that a step has moved.
    """
    trained = {id(parameter) for _, parameter in named}
    fresh = []
    for result in results:
        if any(id(operand) in trained for operand in result.operands) and holds(result):
            slopes = zip(result.operands, contributions(result, 1.0), strict=True)
            if any(slope and id(operand) in trained for operand, slope in slopes):
                fresh.append(result.number)
    if not fresh or (last := max(result.number for result in stale)) >= (first := min(fresh)):
        return False
    return sum(last < result.number < first for result in results) < first - last - 1


def _changed(result: Result) -> Finding:
    return Finding(
        "data changed",
        f"{result.op.name} was recorded as {result.data:.6g}, and its operands give {value_now(result):.6g} now, so "
        "that backward() mixes old numbers and new ones: record all of the loss anew in each step, then call "
        "backward(), and let the optimizer step after it",
    )


def _passed_on(results: Sequence[Result], stale: set[int]) -> tuple[dict[int, float], dict[int, Value]]:
    """What the last pass gave each operand, by the adjoints that it left; and whose sum rests on numbers that changed.

    Those are leaves of a stale result that it depends on, as far as the rule of an operand speaks of them.
    """
    sums: dict[int, float] = {}
    doubtful: dict[int, Value] = {}
    for result in results:
        columns = [group if type(group) is tuple else (group,) for group in result.groups]
        changed = []
        if id(result) in stale:
            slopes = iter(contributions(result, 1.0))
            for name, column in zip(result.op.operands, columns, strict=True):
                moved = [slope != 0.0 and type(leaf) in LEAVES for leaf, slope in zip(column, slopes, strict=False)]
                changed += [name] * any(moved)
        entries = iter(contributions(result, result.grad))
        for column, rule in zip(columns, result.op.formulas, strict=True):
            doubt = any(_speaks_of(rule, name) for name in changed)
            for operand, entry in zip(column, entries, strict=False):
                sums[id(operand)] = sums.get(id(operand), 0.0) + entry
                if doubt and type(operand) is not float:
                    doubtful[id(operand)] = operand
    return sums, doubtful


def _speaks_of(rule: Any, operand: str) -> bool:
    """Whether a rule reads an operand, a column or an element of it."""
    if not isinstance(rule, str):
        return rule is not None
    return not {operand, operand.removesuffix("s")}.isdisjoint(re.findall(r"\w+", rule))


def _differentiated_since(loss: Result, sums: dict[int, float], doubtful: dict[int, Value]) -> bool:
    """Whether backward() came after numbers had changed: again and again, or with adjoints made of the new ones."""
    passes = getattr(loss, "passes", 0)
    if passes == 0 or passes > 2:
        return bool(passes)
    inner = [value for value in doubtful.values() if type(value) is Result]
    judged = inner or list(doubtful.values())
    return bool(judged) and all(isclose(value.grad, sums[id(value)], rel_tol=1e-12) for value in judged)


def _recorded(model: Any, rows: Any) -> list[Result]:
    """All operations of the model on some rows."""
    if rows is not None and not callable(model):
        raise TypeError("rows are for a model that can be called on them, but lint() got a list of parameters")
    found: list[Result] = []
    with watched(None):
        for row in plain(rows, "rows", "a list of inputs to call the model on") if rows is not None else ():
            outputs = leaves(model(list(row) if hasattr(row, "__iter__") else row))
            found += [output for output in outputs if isinstance(output, Result)]
    return operations_behind(*found) if found else []
