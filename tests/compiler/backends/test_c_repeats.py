"""C with loops over time: the numbers of the program written out, in no more code and memory than a step takes."""

import ctypes
import random
import re
import subprocess
from dataclasses import replace
from itertools import count
from typing import Any

import pytest
from c_files import UNUSED, built, c_of, called, library, needs_cc, printed
from natural_loops import garch, gated_net, numbers, pendulum, predator_and_prey, recurrent_net
from programs import near
from repeats import PROGRAMS, guarded, plainly, random_body
from shared import matched

import tinygrad_nn as tn
from tinygrad_nn import Value
from tinygrad_nn.autograd.primitives import dot, multiply
from tinygrad_nn.compiler.backends.c.over_time.sums import with_sums
from tinygrad_nn.compiler.loops.repeats import Repeat, verify
from tinygrad_nn.compiler.loops.roll import rolled
from tinygrad_nn.compiler.program.program import Instruction, Program
from tinygrad_nn.support.nested import leaves

pytestmark = needs_cc


def run(loaded, inputs, outputs, kind=ctypes.c_double, name="made"):
    given, found = (kind * len(inputs))(*inputs), (kind * outputs)()
    getattr(loaded, name)(given, found)
    return list(found)


@pytest.mark.parametrize("dtype", ["double", "float"])
def test_repeats_compute_what_their_iterations_do(dtype, tmp_path):
    texts = [c_of(program, body, dtype, f"made{k}")[0] for k, (program, body) in enumerate(PROGRAMS.values())]
    loaded = library("\n".join(texts), tmp_path)
    for k, (program, body) in enumerate(PROGRAMS.values()):
        inputs = [0.1 + 0.01 * (i * 7 % 50) for i in range(len(program.inputs))]
        kind, bound = {"double": (ctypes.c_double, 1e-15), "float": (ctypes.c_float, 1e-5)}[dtype]
        found = run(loaded, inputs, len(program.outputs), kind, f"made{k}")
        for mine, wanted in zip(found, plainly(program, body, inputs), strict=True):
            assert near(mine, wanted, bound), texts[k]


def test_random_repeats_in_repeats(tmp_path):
    """Arrays in memory that others use again: those that are read in the next iteration are still there."""
    cases = [random_body(random.Random(seed), units=1 + seed % 5) for seed in range(25)]
    texts = [c_of(program, body, name=f"made{k}")[0] for k, (program, body) in enumerate(cases)]
    loaded = library("\n".join(texts), tmp_path, "-O0", *UNUSED)
    for k, (program, body) in enumerate(cases):
        inputs = [0.1 + 0.01 * (i * 7 % 50) for i in range(len(program.inputs))]
        assert run(loaded, inputs, len(program.outputs), name=f"made{k}") == plainly(program, body, inputs), texts[k]


def test_a_guard_in_an_iteration_leaves_the_path(tmp_path):
    program, body = guarded()
    loaded = library(c_of(program, body)[0], tmp_path)
    assert run(loaded, [0.5, 2.0, 3.0, 9.0], 3) == plainly(program, body, [0.5, 2.0, 3.0, 9.0])
    assert all(number != number for number in run(loaded, [2.0, 2.0, 3.0, 7.0], 3))


RNG = random.Random(0)
SQUARE, VECTOR = [4, 4], [4]
NATURAL: dict[str, tuple[Any, list[Any]]] = {
    "pendulum": (pendulum, [0.5, 0.0, 9.8, 1.0]),
    "predator and prey": (predator_and_prey, [1.0, 1.0, 1.1, 0.4, 0.4, 0.1]),
    "garch": (garch, [numbers(RNG, 40), 0.01, 0.1, 0.8]),
    "recurrent net": (recurrent_net, [numbers(RNG, *s) for s in ([12], [8, 8], [8], [8], [8])]),
    "gated": (gated_net, [numbers(RNG, *s) for s in ([12], SQUARE, VECTOR, SQUARE, VECTOR, SQUARE, VECTOR, VECTOR)]),
}


def with_dots(case, rng):
    """A program that gives back dots over what its repeats keep, too: in order, which sums can be made of, and not."""
    (program, body), taken = case, count(10_000)
    found, outputs = list(body), []
    series = [each for entry in body if isinstance(entry, Repeat) for each in entry.kept.values()]
    before = [slot for entry in body if isinstance(entry, Repeat) for slot in entry.slots()]
    for _ in range(8 if series else 0):
        first, times = [rng.choice(series) for _ in range(rng.randint(1, 2))], 0
        first = [each for each in first if len(each) == len(first[0])]
        times = len(first[0])
        others = [rng.choice([each, [rng.choice([90, 91])] * times, rng.choices(before, k=times)]) for each in first]
        order = [*range(times)][:: rng.choice([1, 1, 1, -1])]
        pairs = [(x[t], w[t]) for t in order for x, w in zip(first, others, strict=True)]
        pairs = [(rng.choice(before), 90) for _ in range(rng.randint(0, 2))] + pairs
        start = rng.choice(before) if rng.random() < 0.7 else first[0][0]
        if rng.random() < 0.3:  # the first number of a series alone, and 1.0 times each of the rest
            start, pairs = first[0][0], [(92, slot) for slot in first[0][1:]]
        pairs += [(first[0][-1], 91) for _ in range(rng.randint(0, 2))]
        ws, xs = (tuple(pair[k] for pair in pairs) for k in (0, 1))
        found.append(Instruction(slot := next(taken), dot, (ws, xs, start)))
        outputs.append(slot)
    literals = program.literals | {92: 1.0}
    return replace(program, literals=literals, outputs=program.outputs[:4] + outputs), found


def test_sums_over_time_are_made_in_time(tmp_path):
    """Sums of random series are the same to the bit, and nothing is kept for most of them."""
    cases, sums = [], 0
    for seed in range(50):
        rng = random.Random(seed)
        program, body = with_dots(random_body(rng, units=1 + seed % 3), rng)
        summed, sums_in = with_sums(program, body)
        verify(summed, sums_in)
        inputs = [0.1 + 0.01 * (i * 7 % 50) for i in range(len(program.inputs))]
        assert plainly(summed, sums_in, inputs) == plainly(program, body, inputs)
        sums += handed_on(sums_in) - handed_on(body)
        cases.append((summed, sums_in, inputs))
    assert sums > 50
    texts = [c_of(program, body, name=f"made{k}")[0] for k, (program, body, _) in enumerate(cases[:12])]
    loaded = library("\n".join(texts), tmp_path, "-O0", *UNUSED)
    for k, (program, body, inputs) in enumerate(cases[:12]):
        assert run(loaded, inputs, len(program.outputs), name=f"made{k}") == plainly(program, body, inputs), texts[k]


def test_a_sum_over_two_loops_is_made_in_one_of_them():
    """And the rest of it is added where it was."""
    body: list[Any] = [
        Repeat(4, [Instruction(50 + k, multiply, (60 + k, 0))], {}, {60 + k: (1, 50 + k)}, {50 + k: series})
        for k, series in enumerate([(10, 11, 12, 13), (20, 21, 22, 23)])
    ]
    body.append(Instruction(30, dot, ((*range(10, 14), *range(20, 24)), (2, 2, 3, 3) * 2, 1)))
    program = Program("two", [0, 1, 2, 3], outputs=[30])
    summed, sums_in = with_sums(program, body)
    verify(summed, sums_in)
    assert handed_on(sums_in) == handed_on(body) + 1
    inputs = [0.5, 3.0, 0.7, 0.9]
    assert plainly(summed, sums_in, inputs) == plainly(program, body, inputs)


def handed_on(body):
    """How many numbers repeats hand on."""
    return sum(len(entry.carried) for entry in body if isinstance(entry, Repeat))


@pytest.mark.parametrize("name", NATURAL)
def test_functions_with_loops_over_time(name, tmp_path):
    function, args = NATURAL[name]
    f = tn.compile(function, backend="python")
    value, gradients = f.value_and_grad(*args)
    path = f.latest_paths()[0]
    for program in (path.value, path.gradient):
        summed = with_sums(program)
        verify(*summed)
        inputs = list(leaves(args))
        assert rolled(*summed).run(inputs, []) == program.run(inputs)
    text = f.source("c")
    assert len(re.findall(r"for \(int t = 0;", text)) >= 3  # in the value, and forwards and backwards in the gradient
    given = [list(leaves(arg)) if isinstance(arg, list) else arg for arg in args]
    sizes = [len(arg) if isinstance(arg, list) else 1 for arg in given]
    loaded, name = library(text, tmp_path), function.__name__
    found, flows = called(loaded, f"{name}_grad", given, sizes)
    expected = [value, value, *leaves(gradients)]
    for mine, wanted in zip([found, called(loaded, name, given)[0], *leaves(flows)], expected, strict=True):
        assert near(mine, wanted, 1e-13), (mine, wanted, text)


class Recurrent(tn.Module):
    """One number after the other, and what is left of them."""

    def __init__(self, units, rng):
        def drawn():
            return Value(rng.gauss(0.0, 0.4))

        self.units = units
        self.within = [[drawn() for _ in range(units)] for _ in range(units)]
        self.of_input, self.bias = [drawn() for _ in range(units)], [drawn() for _ in range(units)]
        self.out = tn.Neuron(units, "linear", rng=rng)

    def __call__(self, xs):
        h = [0.0] * self.units
        for x in xs:
            sums = [tn.dot(self.within[i], h, self.bias[i]) + self.of_input[i] * x for i in range(self.units)]
            h = [tn.tanh(z) for z in sums]
        return self.out(h)


def exported(folder, times, learns, units=8, dtype="float"):
    model = Recurrent(units, random.Random(1))
    given: dict[str, Any] = {"loss": "squared_error", "train": tn.Adam(model.parameters(), 0.01)} if learns else {}
    tn.export_c(model, folder / "model.c", inputs=times, dtype=dtype, overwrite=True, **given)
    return (folder / "model.c").read_text()


def length(text):
    """The lines of the code of a file, and not those of tables."""
    text = text.split("#ifdef MODEL_SELF_TEST")[0].split("*/", 1)[1]
    return len([line for line in text.splitlines() if line.strip() and not re.match(r"\s+[-\d(.]", line)])


def code_bytes(text, folder):
    """The bytes of a file's functions in machine code."""
    made = built(text, folder, "-Os", "-c")
    listed = subprocess.run(["size", "-A", str(made)], capture_output=True, text=True, check=True).stdout
    return sum(int(size) for size in re.findall(r"^\.text\S*\s+(\d+)", listed, re.M))


@pytest.mark.parametrize("learns", [False, True])
def test_a_recurrent_net_is_no_longer_for_more_steps(learns, tmp_path):
    few, some, many = (exported(tmp_path, times, learns) for times in (3, 12, 30))
    assert length(some) == length(many) <= length(few)
    assert code_bytes(many, tmp_path) <= code_bytes(few, tmp_path)
    for dtype in ("float", "double"):
        text = exported(tmp_path, 12, learns, dtype=dtype)
        assert printed(built(text, tmp_path, "-O2", "-DMODEL_SELF_TEST")) == ("ok", 0)


def test_predictions_of_a_recurrent_net_take_two_states_of_memory(tmp_path):
    for times in (12, 30):
        assert f"RAM: {4 * 2 * 8} bytes of scratch" in exported(tmp_path, times, False)


def test_a_likelihood_keeps_no_days(tmp_path):
    function, args = NATURAL["garch"]
    f = tn.compile(function, backend="python")
    f(*args)
    value = f.source("c").split("\ndouble garch(")[2].split("\n}")[0]
    assert "for (int t = 0; t < 39; ++t) {" in value
    assert "slots" not in value


def test_gates_are_read_where_they_are(tmp_path):
    """A sum over several arrays lays nothing side by side; and the slope of a sigmoid is that of its value."""
    function, args = NATURAL["gated"]
    f = tn.compile(function, backend="python")
    f.value_and_grad(*args)
    text = f.source("c")
    assert "gathered" not in text.split("\ndouble gated_net(")[2].split("\n}")[0]
    kept = re.findall(r"(\w+)\[\d+ \* t \+ i\] = ", text)
    assert all(len(re.findall(rf"\b{name}\[", text)) > 1 for name in kept)  # somebody reads what is kept


def paths(start, scale, noise):
    total = 0.0
    for path in noise:
        x, mean = start, 0.0
        for z in path:
            x = x * tn.exp(scale * z - 0.5 * scale * scale)
            mean = mean + x
        total = total + tn.relu(mean / 10 - 1.0)
    return total


def test_paths_side_by_side_do_not_wait_for_one_another():
    """What is summed over all of them is no sum of one: the code is much that of one path."""
    lengths = []
    for count_of_paths in (4, 40):
        f = tn.compile(paths, backend="python")
        f.value_and_grad(1.0, 0.2, numbers(random.Random(1), count_of_paths, 10))
        lengths.append(length(f.source("c")))
    assert lengths[1] <= 2 * lengths[0]


def test_names_that_the_user_has_are_no_counters(tmp_path):
    def falling(t, u, slots):
        for _ in range(10):
            u = u - 0.5 * t
            t = t + 0.5 * u * slots
        return t

    f = tn.compile(falling, backend="python")
    value = f(0.5, 2.0, 1.5)
    text = f.source("c")
    assert "for (int t_2 = 0; t_2 < 10; ++t_2) {" in text
    assert near(called(library(text, tmp_path), "falling", [0.5, 2.0, 1.5])[0], value, 1e-15)


def test_all_states_come_out_where_the_caller_wants_them(tmp_path):
    """Nothing of them is in the scratch, although an iteration goes on from the one before."""

    def path(x, v):
        xs = []
        for _ in range(20):
            v = v - 0.1 * x
            x = x + 0.1 * v
            xs.append(x)
        return xs

    f = tn.compile(path, backend="python")
    value = f(1.0, 0.5)
    text = f.source("c")
    assert matched(r"result\[t\] = (\w+);", text)[1] == "x_t" or "result[t] = " in text
    assert "slots" not in text
    assert called(library(text, tmp_path), "path", [1.0, 0.5], [20])[1] == [value]
