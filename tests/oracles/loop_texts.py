"""Random programs with loops over time as a person's source: what `loop_plans` does not write.

Loops in loops in loops, loops one after the other that hand on what they kept, strides, lags, seasons, branches, takes,
dots over a growing prefix, reductions over time, captured Values. A program is a seed, and a text to be read where it
fails; its numbers stay small.
"""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import tinygrad_nn as tn
from tinygrad_nn import Value

SERIES, LONG, LEAST_KEPT = ("us", "vs"), 64, 5  # of the arguments; what histories begin with
SCALARS = ("a", "b", "c", "d")
TIMES = {0: [2, 7, 8, 9, 12, 16, 20, 20], 1: [1, 2, 3, 5, 9, 12], 2: [2, 3, 8]}  # by the depth of a loop
MOST_RUN = 700  # statements
UNARY = ["tn.sin({})", "tn.tanh({})", "tn.exp(0.1 * {})", "tn.relu({})", "tn.sigmoid({})", "-{}", "abs({})", "{} ** 2",
         "tn.softplus({})", "tn.sqrt({} * {} + 0.5)", "tn.log({} * {} + 0.5)", "{} * {} + {}"]  # fmt: skip
BINARY = ["{} + {}", "{} - {}", "{} * {}", "{} / ({} * {} + 1.0)", "tn.maximum({}, {})",
          "tn.dot([{}, {}], [{}, {}], {})", "tn.logsumexp([{}, {}, {}])", "tn.where({} > {}, {}, {})",
          "tn.hypot({}, {})", "tn.minimum({}, {})", "tn.norm([{}, {}, {}])",
          "{} * {} + {} * {}", "tn.softmax([{}, {}, {}])[1]"]  # fmt: skip
OVER_TIME = ["tn.maximum(*{h})", "tn.logsumexp({h})", "0.1 * tn.sum({h})", "tn.dot({h}, {h}, {x})", "tn.mean({h})",
             "tn.dot({h}, {h}[::-1], 0.0)", "0.1 * tn.sum([{x} * h for h in {h}])", "tn.norm({h})",
             "tn.dot(tn.softmax({h}), {h}, 0.0)"]  # fmt: skip


class Text:
    """Writes the source of a function of `us`, `vs`, a, b, c, d, which reads the Values W, the literals L and M."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.lines, self.indent, self.names, self.run = list[str](), "    ", 0, 0
        self.known = list(SCALARS)  # scalars that may be read
        self.histories = dict[str, int]()  # lists that loops append to: at least so long
        self.states = list[str]()  # scalars that may be set again, in loops that are open

    def line(self, text: str) -> None:
        self.lines.append(self.indent + text)

    @contextmanager
    def block(self, head: str) -> Iterator[None]:
        self.line(head)
        self.indent += "    "
        yield
        self.indent = self.indent[4:]

    def name(self, letter: str) -> str:
        self.names += 1
        return f"{letter}{self.names}"

    def source(self) -> str:
        for _ in range(self.rng.choice([1, 1, 2, 3])):
            if self.run < MOST_RUN:
                self.loop(0, 1, [])
                self.reduced()
        read = self.known[4:] or self.known
        weighed = [f"{self.rng.choice([1.0, 0.5, -0.3])} * {x}" for x in self.rng.sample(read, min(5, len(read)))]
        outputs = ", ".join(self.rng.sample(self.known, 2))
        self.line(f"return [{' + '.join(weighed)}, {outputs}]")
        return "\n".join(["def function(us, vs, a, b, c, d):", *self.lines, ""])

    def reduced(self) -> None:
        """What a loop kept, as one number."""
        for history in self.histories:
            if self.rng.random() < 0.4:
                x = self.name("r")
                self.line(f"{x} = tn.tanh({self.rng.choice(OVER_TIME).format(h=history, x=self.operand([]))})")
                self.known.append(x)

    def loop(self, depth: int, outer: int, counters: list[tuple[str, int]]) -> None:
        """A loop, at first the numbers that it hands on. `outer` is how often it is run."""
        rng = self.rng
        times = rng.choice([n for n in TIMES[depth] if outer * n <= MOST_RUN // 4] or [2])
        over = [h for h, length in self.histories.items() if length == times]
        own = [self.name("s") for _ in range(rng.choice([1, 1, 2, 3]))]
        for state in own:
            self.line(f"{state} = {rng.choice([0.0, 0.5, self.operand(counters), self.operand(counters)])}")
        kept = [self.name("h") for _ in range(rng.choice([0, 1, 1, 2]))]
        lagging = self.name("g") if rng.random() < 0.4 else ""
        for history in kept:
            self.line(f"{history} = []")
        if lagging:
            self.line(f"{lagging} = [{', '.join(self.operand(counters) for _ in range(LEAST_KEPT))}]")
        states, known, histories = self.states, list(self.known), dict(self.histories)
        self.states, self.known = own, [*self.known, *own]
        t = self.name("t")
        inside = [*counters, (t, times)]
        head = f"for {t} in range({times}):"
        if over and rng.random() < 0.5:
            x, history = self.name("x"), rng.choice(over)
            self.known.append(x)
            head = f"for {t}, {x} in enumerate({history}{rng.choice(['', '[::-1]'])}):"
        with self.block(head):
            size = rng.choice([1, 2, 2, 3, 4])
            for _ in range(size):
                self.statement(depth, outer * times, inside, kept, lagging)
            for state in own:
                if rng.random() < 0.8:
                    self.set(state, inside)
            for history in kept:
                self.line(f"{history}.append({rng.choice(own)})")
            if lagging:
                self.line(f"{lagging}.append({rng.choice(own)})")
            self.run += outer * times * (size + len(own))
        made = [name for name in self.known if name not in known]
        self.states, self.known = states, [*known, *rng.sample(made, min(len(made), 3))]
        self.histories = histories | dict.fromkeys(kept, times)

    def statement(self, depth: int, times: int, counters: list[tuple[str, int]], kept: list[str], lagging: str) -> None:
        rng, kind = self.rng, self.rng.random()
        if kind < 0.25 and depth < 2 and times * 2 <= MOST_RUN // 4 and self.run < MOST_RUN:
            self.loop(depth + 1, times, counters)
        elif kind < 0.32:
            with self.block(f"if {self.operand(counters)} {rng.choice(['<', '>', '>='])} {self.operand(counters)}:"):
                self.set(rng.choice(self.states), counters)
            if rng.random() < 0.5:
                with self.block("else:"):
                    self.set(rng.choice(self.states), counters)
        elif kind < 0.4:
            t, n = counters[-1]
            with self.block(f"if {t} {rng.choice([f'== {n - 1}', '== 0', '> 0', '% 2 == 0', f'< {n // 2}'])}:"):
                self.set(rng.choice(self.states), counters)
        else:
            x = self.name("x")
            if kind < 0.5 and lagging:
                text = f"{lagging}[-{rng.randint(2, LEAST_KEPT)}] * {self.operand(counters)}"
            elif kind < 0.6 and kept:
                h = rng.choice(kept)
                looked = f"tn.dot(tn.softmax([k * b for k in {h}]), {h}, 0.0) if {h} else a"
                reversed_ = f"tn.dot({h}, {h}[::-1], {self.operand(counters)})"
                text = rng.choice([looked, reversed_, f"tn.maximum(0.1, *{h})", f"tn.dot({h}, us[:len({h})], 0.1)"])
                text = f"tn.tanh({text})"
            elif kind < 0.66:
                t, _ = counters[-1]
                index = rng.choice([f"float({t} % 3)", f"float({t} * {t} % 3)", "1.0"])
                text = f"tn.take([{', '.join(self.operand(counters) for _ in range(3))}], {index})"
            else:
                text = self.expression(counters)
            self.line(f"{x} = {text}")
            self.known.append(x)

    def set(self, state: str, counters: list[tuple[str, int]]) -> None:
        """A number that stays small."""
        text = self.expression(counters)
        if self.rng.random() < 0.5:
            text = f"{self.rng.choice(self.states)} * {self.rng.choice(self.known[-5:])} - ({text})"
        self.line(self.rng.choice([f"{state} = tn.tanh({text})", f"{state} = 0.5 * {state} + 0.1 * tn.sin({text})",
                                   f"{state} = tn.tanh({state} + 0.2 * ({text}))"]))  # fmt: skip

    def expression(self, counters: list[tuple[str, int]]) -> str:
        template = self.rng.choice(UNARY + BINARY)
        if template in UNARY:
            return template.replace("{}", f"({self.operand(counters)})")
        return template.format(*[self.operand(counters) for _ in range(template.count("{}"))])

    def operand(self, counters: list[tuple[str, int]]) -> str:
        """A number: one that was made lately, mostly, or an entry of a series, a literal, or a captured Value."""
        rng, kind = self.rng, self.rng.random()
        if kind < 0.25 and counters:
            t, n = rng.choice(counters)
            stride, offset = rng.randint(-2, 3), rng.randint(0, 2)
            start = offset - min(0, stride * (n - 1))
            place = f"{start} + {stride} * {t}" if stride else f"{offset}"
            return f"{rng.choice([*SERIES, 'L', 'L', 'M'])}[{place}]"
        if kind < 0.3 and counters:
            return f"0.1 * {counters[-1][0]}"
        if kind < 0.36:
            return f"W[{rng.randrange(3)}]"
        if kind < 0.42:
            return rng.choice(["0.75", "1.0", "-0.5", "0.0"])
        return rng.choice(self.known[-5:] if rng.random() < 0.6 else self.known)


class Arithmetic:
    """The library, but of functions that are no sums, products, quotients and roots: others, which are."""

    def __getattr__(self, name: str) -> Any:
        return getattr(tn, name)

    def __init__(self) -> None:
        self.tanh = self.sin = self.exp = self.sigmoid = self.softplus = self.log = lambda x: x / (1.0 + abs(x))
        self.sqrt = lambda x: tn.sqrt(abs(x))
        self.logsumexp = lambda xs: tn.sum(xs) * 0.25
        self.hypot = lambda a, b: a * a + b * b
        self.norm = lambda xs: tn.sqrt(tn.dot(xs, xs, 0.5))
        self.softmax = lambda xs: [x / (1.0 + tn.dot(xs, xs, 0.0)) for x in xs]


def program(seed: int, library: Any = tn) -> tuple[str, Any, list[Any]]:
    """The source, the function (of three results, the first to be differentiated), and its arguments."""
    text, rng = Text(seed).source(), random.Random(-seed)
    draw = [rng.uniform(-1.0, 1.0) for _ in range(LONG)]
    few = [rng.choice([0.5, 1.0, 0.0]) for _ in draw]
    own = {"tn": library, "W": [Value(0.7), Value(-0.4), Value(0.2)], "L": draw, "M": few}
    exec(compile(text, f"<program {seed}>", "exec"), own)
    series = [[rng.uniform(-1.0, 1.0) for _ in range(LONG)] for _ in SERIES]
    return text, own["function"], [*series, *[rng.uniform(0.2, 0.9) for _ in SCALARS]]
