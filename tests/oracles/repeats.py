"""Programs with repeats written by hand, and the same programs written out."""

from dataclasses import replace
from itertools import count

from tinygrad_nn.autograd.primitives import add, dot, multiply, tanh
from tinygrad_nn.compiler.loops.repeats import BodyEntry, Repeat, run, slots_set
from tinygrad_nn.compiler.program.program import Guard, Instruction, Program, of_operands

SUMS = [Instruction(20, multiply, (21, 0)), Instruction(22, add, (20, 23))]
FIBONACCI = Repeat(10, [Instruction(20, add, (21, 22))], carried={21: (0, 20), 22: (1, 21)}, last={20: 10})
SCAN = Repeat(3, SUMS, {23: (3, 2, 1)}, {21: (1, 22)}, {22: (10, 11, 12)}, {20: 13}, {20: 20, 22: 22})
OUT_OF_ORDER = Repeat(4, SUMS, {23: (2, 1, 3, 1)}, {21: (1, 22)}, {22: (10, 11, 12, 14)})
LITERALS = Repeat(3, SUMS, {23: (4, 5, 4)}, {21: (1, 22)}, last={22: 10})
AT_ONCE = Repeat(
    4, [Instruction(20, multiply, (23, 23)), Instruction(22, add, (21, 20)), Instruction(24, multiply, (22, 21)),
        Instruction(25, add, (0, 3))],
    {23: (3, 2, 1, 0)}, {21: (1, 22)}, {25: (13, 14, 15, 16)}, {20: 10, 22: 11, 24: 12},
)  # fmt: skip
SIDE_BY_SIDE = Repeat(
    4, [Instruction(20, dot, ((21, 22, 21, 22, 22), (0, 3, 1, 2, 0), 1)), Instruction(23, add, (20, 2)),
        Instruction(24, add, (23, 0))],
    carried={21: (0, 23), 22: (1, 24)}, last={23: 10, 24: 11},
)  # fmt: skip
LONE_KEPT = Repeat(3, SUMS, {23: (3, 2, 1)}, {21: (1, 22)}, {20: (10, 11, 12)}, {20: 13})


def recurrent(units, times):
    """h = tanh(U h + x[t]) of so many units, in which the weights are inputs; all h come out."""
    weights = [[i * units + j for j in range(units)] for i in range(units)]
    first = units * units
    series = [[first + units * t + i for t in range(times)] for i in range(units)]
    zero = first + units * times
    inputs = [*range(zero)]
    h, carried = [1000 + i for i in range(units)], [2000 + i for i in range(units)]
    body = []
    for i in range(units):
        body += [
            Instruction(3000 + i, dot, (tuple(weights[i]), tuple(carried), 4000 + i)),
            Instruction(h[i], tanh, (3000 + i,)),
        ]
    kept = {h[i]: tuple(5000 + units * t + i for t in range(times)) for i in range(units)}
    repeat = Repeat(
        times, body, {4000 + i: tuple(series[i]) for i in range(units)},
        {c: (zero, of) for c, of in zip(carried, h, strict=True)}, kept,
    )  # fmt: skip
    outputs = [5000 + k for k in range(units * times)]
    return Program("recurrent", inputs, literals={zero: 0.0}, outputs=outputs), [repeat]


def nest():
    """s = s * (x0 + x1 + x2), then (x1 + x2 + x3), of which the inner sums are a loop, and read by another repeat."""
    inner = Repeat(2, [Instruction(20, add, (21, 22))], {22: (31, 32)}, {21: (30, 20)}, {20: (33, 34)})
    body: list[BodyEntry] = [inner, Instruction(35, multiply, (36, 34)), Instruction(37, add, (33, 35))]
    each: dict[int, tuple[int, ...]] = {30: (0, 1), 31: (1, 2), 32: (2, 3)}
    outer = Repeat(2, body, each, {36: (0, 35)}, {33: (10, 11), 34: (14, 15), 37: (12, 13)})
    after = Repeat(4, [Instruction(40, multiply, (41, 42))], {42: (15, 11, 14, 10)}, {41: (12, 40)}, last={40: 16})
    return Program("nest", [0, 1, 2, 3], outputs=[10, 11, 13, 16, 12]), [outer, after]


def last_of_nest():
    """An inner loop's series, of which that of the last iteration is read afterwards."""
    program, (outer, _) = nest()
    assert isinstance(outer, Repeat)
    last = replace(outer, kept={37: (12, 13)}, last={33: 10, 34: 11})
    return replace(program, outputs=[11, 12, 10, 13]), [last]


def paths(count, times):
    """s = s * x + y[t] of many paths, a repeat each: they run together, as loops over paths within one over time."""
    found: list[BodyEntry] = []
    inputs, outputs = [*range(count * (times + 2))], list[int]()
    for k in range(count):
        first, local = k * (times + 2), 1000 + 10 * k
        body = [Instruction(local, multiply, (local + 1, first)), Instruction(local + 2, add, (local, local + 3))]
        kept = tuple(range(5000 + k * times, 5000 + (k + 1) * times))
        series = {local + 3: tuple(range(first + 2, first + 2 + times))}
        found.append(Repeat(times, body, series, {local + 1: (first + 1, local + 2)}, {local + 2: kept}))
        outputs += kept
    return Program("paths", inputs, outputs=outputs), found


def started(first):
    """h = tanh(h + w) of six units, in which w is a product over the numbers of slots from `first` on.

    h begins as slots 10 to 15, which the product may be of as well: they must stay what they are.
    """
    of, body = [*range(first, first + 6)], list[BodyEntry]()
    body.append(Repeat(6, [Instruction(20, multiply, (21, 22))], {22: tuple(of)}, {21: (0, 20)}, last={20: 23}))
    for i in range(6):
        body += [Instruction(40 + i, add, (30 + i, 23)), Instruction(50 + i, tanh, (40 + i,))]
    carried = {30 + i: (10 + i, 50 + i) for i in range(6)}
    repeat = Repeat(5, body, {}, carried, last={50 + i: 60 + i for i in range(6)})
    starts = [Instruction(10 + i, tanh, (i,)) for i in range(6)]
    return Program("started", [*range(6)], outputs=[60 + i for i in range(6)]), [*starts, repeat]


def of_four(repeat, literals=()):
    outputs = sorted(repeat.sets())
    return Program("of_four", [0, 1, 2, 3], literals=dict(literals), outputs=outputs), [repeat]


PROGRAMS = {
    "chain": of_four(FIBONACCI),
    "backwards": of_four(SCAN),
    "no stride": of_four(OUT_OF_ORDER),
    "literals": of_four(LITERALS, {4: 0.25, 5: -1.5}),
    "one kept twice": of_four(LONE_KEPT),
    "neurons": recurrent(3, 5),
    "many neurons": recurrent(19, 7),
    "at once": of_four(AT_ONCE),
    "side by side": of_four(SIDE_BY_SIDE),
    "nest": nest(),
    "last of a nest": last_of_nest(),
    "paths": paths(11, 9),
    "a start that is read again": started(10),
    "a series that is carried": started(30),
}


def guarded():
    """Three iterations, of which each must find less than its input 3."""
    return of_four(Repeat(3, [Guard(21, "<", 3, True, "here"), *SUMS], {23: (1, 2, 1)}, SCAN.carried, SCAN.kept))


def plainly(program, body, inputs):
    """The outputs of a body."""
    numbers = dict(zip(program.inputs, inputs, strict=True)) | program.literals
    run(body, numbers)
    return [numbers[slot] for slot in program.outputs]


def written_out(program, body):
    """The program with all iterations one after the other."""
    unused = count(100_000)
    flat: list[Instruction | Guard] = []

    def write(entries, names):
        for entry in entries:
            if isinstance(entry, Repeat):
                write_repeat(entry, names)
            elif isinstance(entry, Guard):
                left, right = (names.get(slot, slot) for slot in entry.slots())
                flat.append(replace(entry, left=left, right=right))
            else:
                operands = of_operands(lambda slot: names.get(slot, slot), entry.operands)
                flat.append(Instruction(names.get(entry.slot, entry.slot), entry.primitive, operands))

    def write_repeat(repeat, names):
        later: dict[int, int] = {}
        for t in range(repeat.times):
            inside = {**names, **{slot: names.get(series[t], series[t]) for slot, series in repeat.each.items()}}
            for slot, (first, _) in repeat.carried.items():
                inside[slot] = later[slot] if t else names.get(first, first)
            made = [*slots_set(repeat.body)]
            inside |= zip(made, unused, strict=False)
            inside |= {slot: names.get(series[t], series[t]) for slot, series in repeat.kept.items()}
            write(repeat.body, inside)
            later = {slot: inside[of] for slot, (_, of) in repeat.carried.items()}
        for slot, outside in repeat.last.items():
            names[outside] = inside[slot]

    names: dict[int, int] = {}
    write(body, names)
    return replace(program, body=flat, outputs=[names.get(slot, slot) for slot in program.outputs]).verify()


def random_body(rng, units=3):
    """A random program of repeats in repeats over vectors, whose numbers stay small; no product is rounded twice."""
    unused = count(100)
    program = Program("random", [*range(4 * units)], literals={90: 0.5, 91: -0.25})
    vectors = [program.inputs[k : k + units] for k in range(0, 4 * units, units)]

    def instructions(known):
        """A vector more, of alike instructions: a sum, a dot with another one, or half of a reversed one."""
        a, b = rng.choice(known), rng.choice(known)
        slots = [next(unused) for _ in range(units)]
        kind = rng.randrange(4)
        found = list[BodyEntry]()
        for i, slot in enumerate(slots):
            if kind == 0:
                found.append(Instruction(slot, dot, ((a[i], 91), (90, b[i]), 90)))
            elif kind == 1:
                found.append(Instruction(slot, dot, ((91,) * units, tuple(a), b[i])))
            else:
                found.append(Instruction(slot, multiply, ((90, 91)[kind - 2], a[-1 - i])))
        return found, slots

    def scope(known, depth):
        known, body = list(known), list[BodyEntry]()
        for _ in range(rng.randint(2, 5)):
            if depth < 2 and rng.random() < 0.4:
                repeat, made = repeated(known, depth + 1)
                body.append(repeat)
                known += made
            else:
                found, slots = instructions(known)
                body += found
                known.append(slots)
        return body, known

    def repeated(known, depth):
        repeat = Repeat(rng.randint(2, 4), [])
        local = []
        handed = [[next(unused) for _ in range(units)] for _ in range(rng.randint(1, 3))]
        if rng.random() < 0.7:
            series = [rng.choice(known) for _ in range(repeat.times)]
            local.append([next(unused) for _ in range(units)])
            repeat.each |= {slot: tuple(each[i] for each in series) for i, slot in enumerate(local[-1])}
        repeat.body, inside = scope([*known, *local, *handed], depth)
        own = [v for v in inside if v not in known and v not in local and v not in handed]
        for k, slots in enumerate(handed):
            first = rng.choice(known)
            later = handed[k + 1] if k + 1 < len(handed) and rng.random() < 0.4 else rng.choice(own)
            repeat.carried |= {slot: (first[i], later[i]) for i, slot in enumerate(slots)}
        made = []
        for vector in rng.sample(own, rng.randint(1, len(own))):
            if rng.random() < 0.5:
                each = [[next(unused) for _ in range(units)] for _ in range(repeat.times)]
                repeat.kept |= {slot: tuple(e[i] for e in each) for i, slot in enumerate(vector)}
                made += each
            else:
                made.append([next(unused) for _ in range(units)])
                repeat.last |= dict(zip(vector, made[-1], strict=True))
        return repeat, made

    body, known = scope(vectors, 0)
    repeat, made = repeated(known, 1)
    body.append(repeat)
    some = rng.sample(known, min(4, len(known)))
    program.outputs = [slot for vector in [*made, *some] for slot in vector]
    return program, body
