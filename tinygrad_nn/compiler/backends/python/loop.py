"""A loop over rows as the source of a Python function: what is carried from row to row lives in its local variables.

The function is

    run(passes, put, ended, error, threshold, rates, settled, carried, exactly) -> error, carried

`passes` are lists of rows. For each row the loss is `put`; after each pass the sum of the metric is told to `ended`,
and the loop stops where it is below the threshold. A row whose comparisons take another path ends the loop before it
has changed anything; one whose arithmetic Python refuses is computed by `exactly`, the program's interpreter.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial

from ...program.program import Loop, OffPath
from .expressions import Statement, statements
from .function import NOT_IEEE, function_name, identifiers, loaded
from .lines import in_lines, inside_tuple, lines_of

ARGUMENTS = "passes, put, ended, error, threshold, rates, settled, carried, exactly"


def source(loop: Loop, rate: int | None = None) -> str:
    """The source of the loop; with `rate`, that input comes from the iterator `rates`, a number for each row."""
    names, program = identifiers(loop.program), loop.program
    settled = [slot for slot in loop.settled if slot != rate]
    later = _in_place(_split(statements(program, names, settled), loop, settled)[1], loop, names)
    before, during = _split(statements(program, names, settled), loop, settled)
    head = [f"def {function_name(program)}({ARGUMENTS}):"]
    for slots, given in ((settled, "settled"), (list(loop.carried), "carried")):
        if slots:
            head += in_lines(f"({inside_tuple(slots, names)}) = {given}", "    ")
    head += lines_of(before, names, "    ", lambda guard: "return error, carried")
    row, rows = inside_tuple(loop.each, names) or "_", "rows"
    if rate is not None:
        row, rows = f"({row}), {names[rate]}", "zip(rows, rates)"
    body = _body(during, loop, names)
    if loop.metric is not None:
        body.append(f"error += {names[loop.metric]}")
    body.append(f"put({names[loop.loss]})")
    if later:
        left, right = (inside_tuple([pair[k] for pair in later], names) for k in (0, 1))
        body += in_lines(f"({left}) = ({right})", "")
    lines = [*head, "    for rows in passes:", f"        for {row} in {rows}:"]
    lines += [f"            {line}" for line in body]
    ending = ["ended(error)", "if error < threshold: break", "error = 0.0"] if loop.metric is not None else []
    if any(statement.slot is None or statement.raises for statement in during):  # a row may be left
        lines += ["        else:", *(f"            {line}" for line in [*ending, "continue"]), "        break"]
    else:
        lines += [f"        {line}" for line in ending]
    lines += in_lines(f"return error, ({inside_tuple(loop.carried, names)})", "    ")
    return "\n".join(lines) + "\n"


def compiled(loop: Loop, rate: int | None = None) -> Callable[..., tuple[float, Sequence[float]]]:
    """The loop as a function of all the arguments above but `exactly`."""
    program = loop.program
    run = loaded(source(loop, rate), program)

    def exactly(inputs: Sequence[float], parameters: Sequence[float]) -> Sequence[float] | None:
        try:
            return program.run(inputs, parameters)
        except OffPath:
            return None

    return partial(run, exactly=exactly)


def _split(body: list[Statement], loop: Loop, settled: list[int]) -> tuple[list[Statement], list[Statement]]:
    """The statements that are the same for all rows, which stand before the loop, and the others."""
    constant = {*settled, *loop.program.literals}
    before, during = [], []
    for statement in body:
        if statement.reads <= constant and not statement.raises:
            before.append(statement)
            constant.update([statement.slot] if statement.slot is not None else [])
        else:
            during.append(statement)
    return before, during


def _in_place(body: list[Statement], loop: Loop, names: dict[int, str]) -> list[tuple[int, int]]:
    """Name outputs like the carried numbers they replace, where nothing later needs the old ones; give the others.

    Nothing may be replaced before the last statement that can leave the row or fail.
    """
    made = {statement.slot for statement in body}
    times = Counter(loop.carried.values())
    of = {output: slot for slot, output in loop.carried.items() if times[output] == 1 and output in made}
    read_later = {output for output in loop.outputs if output not in made}
    for statement in reversed(body):
        if statement.slot in of and of[statement.slot] not in read_later and not statement.further:
            names[statement.slot] = names[of[statement.slot]]
        if statement.slot is None or statement.raises:
            break
        read_later |= statement.reads
    return [(slot, output) for slot, output in loop.carried.items() if names[slot] != names[output]]


def _body(body: list[Statement], loop: Loop, names: dict[int, str]) -> list[str]:
    """The statements of a row, run exactly where Python refuses them."""
    lines = lines_of(body, names, "", lambda guard: "break")
    program = loop.program
    if any(statement.raises for statement in body):
        made = {statement.slot for statement in body}
        inputs, parameters = (inside_tuple(slots, names) for slots in (program.inputs, program.parameters))
        targets = inside_tuple(loop.outputs, {slot: names[slot] if slot in made else "_" for slot in loop.outputs})
        lines = [
            "try:",
            *(f"    {line}" for line in lines),
            f"except {NOT_IEEE}:",
            *in_lines(f"found = exactly(({inputs}), ({parameters}))", "    "),
            "    if found is None: break",
            *in_lines(f"({targets}) = found", "    "),
        ]
    return lines
