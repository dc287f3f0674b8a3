"""Loops over time are found in flat programs, value and gradient, and change no number."""

import random
import sys
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from loop_plans import arguments, recurrences, written_out
from natural_loops import garch, numbers, pendulum, predator_and_prey, recurrent_net
from shared import same

import tinygrad_nn as tn
from tinygrad_nn.autograd import primitives as table
from tinygrad_nn.compiler.loops import chains, find, periods
from tinygrad_nn.compiler.loops import recurrences as recurrences_
from tinygrad_nn.compiler.loops.find import LEAST_CHAIN, repeats_in
from tinygrad_nn.compiler.loops.groups import Repeated
from tinygrad_nn.compiler.loops.repeats import Repeat, entries_written, run, verify
from tinygrad_nn.compiler.loops.roll import rolled
from tinygrad_nn.compiler.program.program import Guard, Instruction, OffPath, Program, ProgramError
from tinygrad_nn.compiler.programs import FunctionPath
from tinygrad_nn.compiler.target import Target
from tinygrad_nn.compiler.tracing.tracer import Tracer, traced_by
from tinygrad_nn.support.nested import leaves, mapped


def outcome(program, body, inputs):
    """What a body gives back, or the line where it leaves the path."""
    held = dict(zip(program.inputs, inputs, strict=True)) | program.literals
    held |= {slot: value.data for slot, value in program.parameters.items()}
    try:
        run(body, held)
    except OffPath as error:
        return str(error)
    return [held[slot] for slot in program.outputs]


def claims(program, body, known):
    """What a body computes: the outputs, and the guards in any order, as numbers that stand for expressions."""
    asked = []

    def number(key):
        return known.setdefault(key, len(known))

    def walk(entries, held):
        for entry in entries:
            if isinstance(entry, Repeat):
                repeated(entry, held)
                continue
            read = tuple(tuple(held[slot] for slot in o) if isinstance(o, tuple) else held[o] for o in entry.operands)
            if isinstance(entry, Guard):
                asked.append((entry.comparison, entry.expected, entry.where, read))
            else:
                held[entry.slot] = number((entry.primitive, read))

    def repeated(repeat, held):
        handed = {slot: held[first] for slot, (first, _) in repeat.carried.items()}
        for t in range(repeat.times):
            inside = held | handed | {slot: held[series[t]] for slot, series in repeat.each.items()}
            walk(repeat.body, inside)
            handed = {slot: inside[later] for slot, (_, later) in repeat.carried.items()}
            held |= {series[t]: inside[slot] for slot, series in repeat.kept.items()}
            if t == repeat.times - 1:
                held |= {outer: inside[slot] for slot, outer in repeat.last.items()}

    given = [*program.inputs, *program.parameters, *program.literals]
    held = {slot: number(("given", slot)) for slot in given}
    walk(body, held)
    return [held[slot] for slot in program.outputs], sorted(asked)


def found(program, inputs):
    """The body with repeats, which is well formed and computes the same."""
    body = repeats_in(program)
    verify(program, body)
    known: dict[object, int] = {}
    assert claims(program, body, known) == claims(program, program.body, known)
    expected, got = outcome(program, program.body, inputs), outcome(program, body, inputs)
    assert type(expected) is type(got)
    assert all(map(same, expected, got)) if isinstance(expected, list) else expected == got
    assert most_lags(body) <= recurrences_.MOST_LAGS
    return body


def most_lags(body):
    """After how many iterations a number is read at most."""

    def lags(repeat, slot):
        behind = 0
        while slot in repeat.carried:
            behind, slot = behind + 1, repeat.carried[slot][1]
        return behind

    repeats = [entry for entry in body if isinstance(entry, Repeat)]
    return max([0, *(lags(r, slot) for r in repeats for slot in r.carried), *(most_lags(r.body) for r in repeats)])


def programs(function, *args):
    """The programs of the value and of the gradient, and the numbers of a call."""
    tracer = Tracer("f")
    inputs = mapped(args, lambda number: tracer.input(number, ""))
    with traced_by(tracer):
        result = function(*inputs)
    path = FunctionPath(tracer, result, Target("python"), None)
    return path.value, path.gradient, list(leaves(args))


def loops(body):
    """The size and the times of each repeat, those inside it after it."""
    found = []
    for entry in body:
        if isinstance(entry, Repeat):
            found.append((entries_written(entry.body), entry.times))
            found += loops(entry.body)
    return found


RNG = random.Random(0)
RECURRENT = [numbers(RNG, 30), numbers(RNG, 8, 8), numbers(RNG, 8), numbers(RNG, 8), numbers(RNG, 8)]
CASES = {
    "pendulum": (pendulum, [0.5, 0.0, 9.8, 1.0], [(5, 200)], [(5, 200), (12, 199)], 50),
    "predator and prey": (predator_and_prey, [1.0, 1.0, 1.1, 0.4, 0.4, 0.1], [(44, 99)], [(44, 99), (42, 99)], 188),
    "recurrent net": (recurrent_net, RECURRENT, [(32, 30)], [(32, 30), (33, 28)], 212),  # of 33 groups
    "garch": (garch, [numbers(RNG, 300), 0.01, 0.1, 0.8], [(5, 299)], [(5, 299), (11, 298)], 38),
}


@pytest.mark.parametrize("name", CASES)
def test_loops_over_time_are_found(name):
    function, args, of_value, of_gradient, most = CASES[name]
    value, gradient, inputs = programs(function, *args)
    assert loops(found(value, inputs)) == of_value
    body = found(gradient, inputs)
    assert loops(body) == of_gradient
    assert entries_written(body) <= most


@given(recurrences(irregular=True), st.sampled_from([1, 2, *range(8, 12)]), st.integers(0, 5))
@settings(max_examples=200, deadline=None)
def test_random_loops(plan, times, seed):
    """Nests, lags, series in all directions, branches, first and last iterations that differ."""
    value, gradient, inputs = programs(written_out(plan, times), *arguments(times, seed))
    found(value, inputs)
    found(gradient, inputs)


@pytest.mark.slow
@given(recurrences(irregular=True), st.integers(1, 30), st.integers(0, 5))
@settings(max_examples=500, deadline=None)
def test_longer_random_loops(plan, times, seed):
    value, gradient, inputs = programs(written_out(plan, times), *arguments(times, seed))
    found(value, inputs)
    found(gradient, inputs)


def lines(program):
    """How many loops over alike instructions a program is written in."""

    def counted(groups):
        return sum(counted(g.groups) if isinstance(g, Repeated) else bool(g.primitive or g.guard) for g in groups)

    return counted(rolled(program, repeats_in(program)).groups)


FEWEST_TIMES = 60  # that a loop surely is found


@pytest.mark.slow
@given(recurrences(lags=2))
@settings(max_examples=40, deadline=None)
def test_random_loops_are_found(plan):
    """However often they run, no more is written, but for what is alike.

    Every other iteration waits for none between, so that with lags of two half as many need one another as there are.
    """
    assert FEWEST_TIMES >= 2 * LEAST_CHAIN
    fewer, more = (programs(written_out(plan, n), *arguments(n))[:2] for n in (FEWEST_TIMES, FEWEST_TIMES + 12))
    assert list(map(lines, fewer)) == list(map(lines, more))


def nest(x, a, b, ws):
    for _ in range(20):
        z = x * b
        for w in ws:
            z = tn.tanh(z * a + w)
        x = x * 0.9 + z
    return x


def test_loops_in_loops():
    value, gradient, inputs = programs(nest, 0.3, 0.7, 0.2, numbers(RNG, 10))
    assert loops(found(value, inputs)) == [(6, 20), (3, 10)]
    assert loops(found(gradient, inputs)) == [(6, 20), (3, 10), (4, 9), (5, 18), (4, 10), (5, 10)]


def test_what_is_read_two_iterations_later():
    def fibonacci(a, b, c):
        for _ in range(40):
            a, b = b, tn.sin(a) + c * b
        return b

    value, gradient, inputs = programs(fibonacci, 0.1, 0.2, 0.3)
    assert loops(found(value, inputs)) == [(3, 40)]
    assert loops(found(gradient, inputs))[0] == (3, 40)


def test_recurrences_side_by_side_are_one_loop():
    """Paths of a random walk, one after the other: as if all took each step together."""

    def average(drift, volatility, draws):
        total = 0.0
        for path in draws:
            price = 1.0
            for draw in path:
                price = price * tn.exp(drift + volatility * draw)
            total = total + tn.maximum(price - 1.0, 0.0)
        return total

    value, gradient, inputs = programs(average, 0.1, 0.2, numbers(RNG, 20, 30))
    assert loops(found(value, inputs)) == [(4, 29)] * 20
    assert lines(value) == 10
    assert loops(found(gradient, inputs)) == [(4, 29)] * 40
    assert lines(gradient) == 19


def test_what_takes_turns_is_one_iteration():
    def oscillators(xs, a):
        for _ in range(12):
            xs = [tn.sin(x) * a + x for x in xs]
        return tn.sum(xs)

    value, _, inputs = programs(oscillators, numbers(RNG, 6), 0.3)
    assert loops(found(value, inputs)) == [(18, 12)]


def test_a_grid_is_found_a_step_at_a_time():
    """Each cell reads its neighbours of the step before; the ends of a rod are at rest, those of a ring meet."""

    def heat(ring):
        def function(u, k):
            last = len(u) - 1
            for _ in range(12):
                left = [u[-1] if ring else 0.5, *u[:-1]]
                right = [*u[1:], u[0] if ring else 0.25]
                u = [u[i] + k * (left[i] - 2.0 * u[i] + right[i]) for i in range(last + 1)]
            return tn.dot(u, u, 0.0)

        return function

    for ring in (False, True):
        value, gradient, inputs = programs(heat(ring), numbers(RNG, 20), 0.1)
        assert loops(found(value, inputs)) == [(100, 12)]
        assert [times for _, times in loops(found(gradient, inputs))] == [12, 11]


def test_a_loop_that_looks_alike_only_in_the_middle_is_found_to_its_ends():
    """Each growth is thrice as long at most, and what is read there is a matter of chance."""
    read = [0 if 100 <= t < 115 else RNG.randrange(3) for t in range(250)]

    def driven(x, a):
        table = [tn.sin(a), tn.cos(a), tn.exp(a)]
        for k in read:
            x = tn.tanh(x) + table[k]
        return x

    value, _, inputs = programs(driven, 0.3, 0.2)
    assert loops(found(value, inputs)) == [(2, 250)]


def test_what_saves_little_is_written_out():
    def once(x):
        for primitive in (tn.sin, tn.exp, tn.sqrt, tn.cos, tn.tanh, tn.softplus):
            x = primitive(x)
        for _ in range(24):
            x = tn.tanh(x)
        return x

    value, _, inputs = programs(once, 0.3)
    assert loops(found(value, inputs)) == []


def test_of_what_is_read_once_a_loop_is_over_no_more_is_kept():
    value, gradient, inputs = programs(predator_and_prey, 1.0, 1.0, 1.1, 0.4, 0.4, 0.1)
    (of_value,) = [entry for entry in found(value, inputs) if isinstance(entry, Repeat)]
    assert not of_value.kept
    assert len(of_value.last) > 1
    assert any(entry.kept for entry in found(gradient, inputs) if isinstance(entry, Repeat))


def test_a_season_is_found():
    def residuals(series, a, b):
        errors = [0.1] * 24
        for y in series:
            errors.append(y - a * errors[-1] - b * tn.tanh(errors[-24]))
        return tn.dot(errors, errors, 0.0)

    value, _, inputs = programs(residuals, numbers(RNG, 400), 0.1, 0.2)
    assert sum(entries_written([entry]) for entry in found(value, inputs)) < 60


def test_signs_of_data_do_not_matter():
    """A number and its magnitude are one literal or two."""

    def function(a, b):
        for x in numbers(random.Random(3), 60):
            a = tn.norm([x, a, b]) * 0.5 - tn.hypot(a, abs(x))
        return a

    value, _, inputs = programs(function, 0.1, 0.2)
    assert [times for _, times in loops(found(value, inputs))] == [59]


def test_equal_numbers_in_a_series_do_not_matter():
    """What iterations make of equal literals is computed once, and none looks as another does."""

    def squares(phi, theta, mu):
        error, before, total = 0.0, 0.0, 0.0
        for y in [float(RNG.randrange(2, 12)) for _ in range(150)]:
            error = y - mu - phi * (before - mu) - theta * error
            total, before = total + error * error, y
        return total

    value, gradient, inputs = programs(squares, 0.5, 0.2, 0.1)
    assert [times for _, times in loops(found(value, inputs))] == [146]
    assert lines(value) < 20
    assert [times for _, times in loops(found(gradient, inputs))] == [146, 149]
    assert lines(gradient) < 35


def test_a_table_is_read_anywhere():
    """Of a hidden Markov chain: which column of what was computed before is read does not repeat."""
    seen = [RNG.randrange(4) for _ in range(40)]

    def likelihood(hidden, emitted):
        table = [[x - tn.logsumexp(row) for x in row] for row in emitted]
        alpha = [row[0] for row in table]
        for k in seen:
            alpha = [tn.logsumexp([a + w for a, w in zip(alpha, row, strict=True)]) for row in hidden]
            alpha = [a + row[k] for a, row in zip(alpha, table, strict=True)]
        return tn.logsumexp(alpha)

    value, gradient, inputs = programs(likelihood, numbers(RNG, 3, 3), numbers(RNG, 3, 4))
    assert loops(found(value, inputs)) == [(15, 40)]
    assert loops(found(gradient, inputs))[0][1] == 40


def test_what_hands_nothing_on_is_no_repeat():
    deep = tn.MLP(4, [30] * 4 + [1], "tanh", rng=random.Random(1))
    value, gradient, inputs = programs(lambda xs: tn.exp(tn.sin(deep(xs))), numbers(RNG, 4))
    assert loops(found(value, inputs)) == []
    assert loops(found(gradient, inputs)) == []


FAULTS = {
    "a stride off by one": lambda r: {"each": {slot: (*s[1:], s[0]) for slot, s in r.each.items()}},
    "an iteration lost": lambda r: {
        "times": r.times - 1,
        "each": {slot: series[:-1] for slot, series in r.each.items()},
        "kept": {slot: series[:-1] for slot, series in r.kept.items()},
    },
    "a wrong first number": lambda r: {"carried": {slot: (0, later) for slot, (_, later) in r.carried.items()}},
    "a wrong later number": lambda r: {"carried": {k: (first, r.body[0].slot) for k, (first, _) in r.carried.items()}},
    "results in another order": lambda r: {"kept": {slot: series[::-1] for slot, series in r.kept.items()}},
    "a result of another place": lambda r: {"kept": {r.body[0].slot: next(iter(r.kept.values()))}},
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_faults_are_caught(fault):
    """Whatever is wrong in a repeat, it is not well formed or computes something else."""
    _, gradient, inputs = programs(garch, numbers(RNG, 40), 0.01, 0.1, 0.8)
    body = found(gradient, inputs)
    for k, entry in enumerate(body):
        if isinstance(entry, Repeat):
            wrong = replace(entry, **FAULTS[fault](entry))
            if wrong == entry:
                continue
            altered = [*body[:k], wrong, *body[k + 1 :]]
            try:
                verify(gradient, altered)
            except ProgramError:
                continue
            assert not all(map(same, outcome(gradient, altered, inputs), gradient.run(inputs)))


FILES = {module.__file__ for module in (find, periods, recurrences_, chains)}


def work(program):
    """How many lines of the search run."""
    ran = 0

    def line(frame, event, argument):
        nonlocal ran
        ran += event == "line"
        return line

    before = sys.gettrace()
    sys.settrace(lambda frame, event, argument: line if frame.f_code.co_filename in FILES else None)
    try:
        repeats_in(program)
    finally:
        sys.settrace(before)
    return ran


def parity(k):
    """The sequence of Thue and Morse, in which nothing stands three times one after the other."""
    return k.bit_count() % 2


ADVERSE = {  # the primitive and the operands of instruction k, which sets slot s
    "nothing repeats": lambda rng, k, s: (table.sin, (s - 1,)) if rng.random() < 0.5 else (table.add, (s - 1, 0)),
    "operands of nowhere": lambda rng, k, s: (table.add, (s - 1, rng.randrange(s))),
    "operands that take turns": lambda rng, k, s: (table.add, (s - 1, max(0, s - 100 - rng.randrange(2)))),
    "operands of Thue and Morse": lambda rng, k, s: (table.add, (s - 1, max(0, s - 100 - parity(k)))),
    "primitives of Thue and Morse": lambda rng, k, s: ((table.sin, table.cos)[parity(k)], (s - 1,)),
    "further and further": lambda rng, k, s: (table.add, (s - 1, s // 2)),
    "other settled ones": lambda rng, k, s: (table.add, (s - 1, k // 37 * 37)),
    "lags that grow": lambda rng, k, s: (table.add, (s - 1, max(0, s - 1 - k // 20 % 50))),
    "one chain": lambda rng, k, s: (table.sin, (s - 1,)),
}  # fmt: skip


@pytest.mark.parametrize("name", ADVERSE)
def test_the_search_takes_time_linear_in_the_program(name):
    """Counted in lines that run, of programs that look as if they repeated and do not."""

    def program(size):
        rng = random.Random(1)
        body: list[Instruction | Guard] = [Instruction(1 + k, *ADVERSE[name](rng, k, 1 + k)) for k in range(size)]
        return Program("p", [0], body=body, outputs=[size])

    few, many = program(300), program(2400)
    assert work(many) < 20 * work(few)  # some are searched twice; were it quadratic, it were 64 times
    found(few, [0.1])


def test_a_long_period_that_breaks_everywhere_is_given_up(monkeypatch):
    """The primitives return after 300 instructions, but each of these reads another one in each iteration."""
    rng, period = random.Random(1), 300
    size = 12 * period
    kinds = [rng.choice([table.add, table.multiply, table.subtract, table.divide]) for _ in range(period)]
    body: list[Instruction | Guard] = [
        Instruction(1 + k, kinds[k % period], (k, max(0, k - 2 - rng.randrange(50)))) for k in range(size)
    ]
    looked = 0
    continues = recurrences_._Search._continues

    def counted(*args):
        nonlocal looked
        looked += 1
        return continues(*args)

    monkeypatch.setattr(recurrences_._Search, "_continues", counted)
    search = recurrences_._Search(body, {1 + k: k for k in range(size)})
    assert list(search._repeating(periods.Periodic(0, size, period))) == []
    assert size < looked < 5 * size
