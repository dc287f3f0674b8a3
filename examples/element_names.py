"""A language model in scalar code: a small transformer learns the names of the chemical elements and makes up others.

    python examples/element_names.py

4,192 parameters say, letter by letter, which comes next; each of them is a Value. What one sees: the same first steps
recorded and compiled, with equal losses; the loss as it falls; and names that no element has. With llvmlite a step is
some 0.2 ms; without it (.venv/bin/pip install ".[fast]") five to ten, and there are fewer.
"""

import random
import time
from importlib.util import find_spec

import tinygrad_nn as tn

ELEMENTS = """
hydrogen helium lithium beryllium boron carbon nitrogen oxygen fluorine neon sodium magnesium aluminium silicon
phosphorus sulfur chlorine argon potassium calcium scandium titanium vanadium chromium manganese iron cobalt nickel
copper zinc gallium germanium arsenic selenium bromine krypton rubidium strontium yttrium zirconium niobium molybdenum
technetium ruthenium rhodium palladium silver cadmium indium tin antimony tellurium iodine xenon caesium barium
lanthanum cerium praseodymium neodymium promethium samarium europium gadolinium terbium dysprosium holmium erbium
thulium ytterbium lutetium hafnium tantalum tungsten rhenium osmium iridium platinum gold mercury thallium lead bismuth
polonium astatine radon francium radium actinium thorium protactinium uranium neptunium plutonium americium curium
berkelium californium einsteinium fermium mendelevium nobelium lawrencium rutherfordium dubnium seaborgium bohrium
hassium meitnerium darmstadtium roentgenium copernicium nihonium flerovium moscovium livermorium tennessine oganesson
"""
NAMES = ELEMENTS.split()
LETTERS = "abcdefghijklmnopqrstuvwxyz."  # the dot stands before and behind each name
WIDE, HEADS, POSITIONS, LONGEST = 16, 4, 16, max(map(len, NAMES))
EPOCHS, EPOCHS_IN_PYTHON = 16, 4


def matrix(rows, columns, rng):
    return [[tn.Value(rng.gauss(0.0, 0.08)) for _ in range(columns)] for _ in range(rows)]


def times(rows, x):
    """A matrix times a vector."""
    return [tn.dot(row, x) for row in rows]


def plus(x, y):
    return [a + b for a, b in zip(x, y, strict=True)]


def normed(x):
    """A vector scaled to a root mean square of 1."""
    scale = (tn.dot(x, x) / len(x) + 1e-5) ** -0.5
    return [each * scale for each in x]


class Transformer(tn.Module):
    """One block of attention and an MLP; model(tokens) gives for each token 27 logits of the one after it."""

    def __init__(self, rng):
        self.embedding, self.places = matrix(WIDE, len(LETTERS), rng), matrix(POSITIONS, WIDE, rng)
        self.query, self.key, self.value, self.merge = (matrix(WIDE, WIDE, rng) for _ in range(4))
        self.up, self.down = matrix(4 * WIDE, WIDE, rng), matrix(WIDE, 4 * WIDE, rng)
        self.head = matrix(len(LETTERS), WIDE, rng)

    def __call__(self, tokens):
        past = []
        return [self.after(token, past) for token in tokens]

    def after(self, token, past):
        """The logits of the letter after this one; `past` has key and value of each before it, and gets its own."""
        x = plus([tn.take(row, token) for row in self.embedding], self.places[len(past)])
        x = plus(x, self.attention(normed(x), past))
        x = plus(x, times(self.down, [tn.relu(h) for h in times(self.up, normed(x))]))
        return times(self.head, normed(x))

    def attention(self, x, past):
        """What each head finds in the positions so far, weighted by how well their keys answer the query."""
        query = times(self.query, x)
        past.append((times(self.key, x), times(self.value, x)))
        size, found = WIDE // HEADS, []
        for head in (slice(start, start + size) for start in range(0, WIDE, size)):
            weights = tn.softmax([tn.dot(query[head], key[head]) / size**0.5 for key, _ in past])
            found += [tn.dot(weights, parts) for parts in zip(*(value[head] for _, value in past), strict=True)]
        return times(self.merge, found)


def row(name):
    """The tokens to read, and those to foresee with their weights: 0 behind the end, so that all rows are alike."""
    known, rest = len(name) + 1, LONGEST - len(name)
    tokens = [LETTERS.index(letter) for letter in f".{name}." + rest * "."]
    return tokens[:-1], [tokens[1:], known * [1 / known] + rest * [0.0]]


def surprise(logits, target):
    """The mean cross-entropy of a name's letters: log(27) = 3.3 where nothing is known yet, 0 where everything is."""
    letters, weights = target
    return tn.dot(weights, [tn.losses.cross_entropy(*each) for each in zip(logits, letters, strict=True)])


def begin(steps):
    """The untrained model, the same each time, and an optimizer for so many steps."""
    model = Transformer(random.Random(1))
    return model, tn.Adam(model.parameters(), lr=tn.optim.linear(0.01, 0.0, steps=steps), betas=(0.9, 0.99))


def recorded_step(model, optimizer, x, target):
    loss = surprise(model(x), target)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.data


def made_up(model, rng, temperature=0.7):
    """A name, each of its letters drawn as the model foresees it; a low temperature prefers the likely ones."""
    name, past = ".", []
    with tn.no_grad():
        while len(past) < POSITIONS and not name.endswith(".", 1):
            logits = model.after(LETTERS.index(name[-1]), past)
            chances = tn.softmax([logit / temperature for logit in logits])
            name += rng.choices(LETTERS, [chance.data for chance in chances])[0]
    return name.strip(".")


def timed(work, *arguments):
    """What it gives, and the milliseconds it took."""
    start = time.perf_counter()
    return work(*arguments), 1e3 * (time.perf_counter() - start)


def main():
    rng, rows = random.Random(2), [row(name) for name in NAMES]
    epochs = EPOCHS if find_spec("llvmlite") else EPOCHS_IN_PYTHON
    steps = epochs * len(rows)
    (twin, its_optimizer), (model, optimizer) = begin(steps), begin(steps)
    step = tn.compile_step(model, surprise, optimizer)
    print(f"{len(model.parameters()):,} parameters. The first steps, recorded and compiled by {step.backend}:\n")
    for name, (x, target) in zip(NAMES[:5], rows[:5], strict=True):
        slow, slow_time = timed(recorded_step, twin, its_optimizer, x, target)
        fast, fast_time = timed(step, [x], [target])
        print(f"{name:9}  loss {slow:.12f} in {slow_time:5.1f} ms, and {fast:.12f} in {fast_time:7.2f} ms")
    print("\nThe first compiled one was traced and compiled, once for names of every length. On with compiled ones:\n")
    start = time.perf_counter()
    for epoch in range(1, epochs + 1):
        losses = [step([x], [target]) for x, target in rng.sample(rows, len(rows))]
        print(f"epoch {epoch:2}: loss {tn.mean(losses):.3f}")
    print(f"\n{steps:,} steps took {1e3 * (time.perf_counter() - start) / steps:.2f} ms each. Names it makes up:\n")
    names = {made_up(model, rng): None for _ in range(40)}  # each once
    print(*(name for name in names if name not in NAMES))
    print("\nAnd these, which are elements:", *([name for name in names if name in NAMES] or ["none"]))


if __name__ == "__main__":
    main()
