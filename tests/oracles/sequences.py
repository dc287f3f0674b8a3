"""Sequences of several lengths, and small modules with a loop over time, as a user writes them."""

import random

import tinygrad_nn as tn
from tinygrad_nn import Value


class Recurrent(tn.Module):
    """A recurrent net: one number for a sequence of numbers, or with `each` one after each of them.

    `places` are added to the first numbers, so that a longer sequence reads more parameters.
    """

    def __init__(self, units=3, seed=1, each=False, places=0):
        rng = random.Random(seed)
        self.inner = [[Value(rng.uniform(-0.5, 0.5)) for _ in range(units)] for _ in range(units)]
        self.input = [Value(rng.uniform(-0.5, 0.5)) for _ in range(units)]
        self.biases = [Value(0.0) for _ in range(units)]
        self.output = [Value(rng.uniform(-0.5, 0.5)) for _ in range(units)]
        self.places = [Value(rng.uniform(-0.5, 0.5)) for _ in range(places)]
        self.each = each

    def __call__(self, numbers):
        state, found = [0.0] * len(self.input), []
        for t, number in enumerate(numbers):
            number = number + self.places[t] if t < len(self.places) else number
            rows = zip(self.inner, self.input, self.biases, strict=True)
            state = [tn.tanh(tn.dot(ws, state, w * number + b)) for ws, w, b in rows]
            found.append(tn.dot(self.output, state, 0.0))
        return found if self.each else tn.dot(self.output, state, 0.0)


class Letters(tn.Module):
    """Logits of the next of three tokens, after each of a list of them."""

    def __init__(self, seed=1):
        rng = random.Random(seed)
        self.embedding, self.head = ([[Value(rng.gauss(0, 0.5)) for _ in range(3)] for _ in range(3)] for _ in range(2))

    def __call__(self, tokens):
        state, found = [0.0, 0.0, 0.0], []
        for token in tokens:
            state = [tn.tanh(tn.take(column, token) + h * 0.5) for column, h in zip(self.embedding, state, strict=True)]
            found.append([tn.dot(row, state, 0.0) for row in self.head])
        return found


def cross_entropies(logits, targets):
    """The mean loss of the tokens of a sequence."""
    return tn.mean([tn.losses.cross_entropy(each, target) for each, target in zip(logits, targets, strict=True)])


def numbers_of_several_lengths(rows=13, seed=2, longest=4, shortest=1):
    """Sequences, and one target for each."""
    rng = random.Random(seed)
    X = [[rng.uniform(-1, 1) for _ in range(rng.randint(shortest, longest))] for _ in range(rows)]
    return X, [sum(row) for row in X]


def tokens_of_several_lengths(rows=13, seed=2, longest=4):
    """Lists of tokens, and the next one of each as a list."""
    rng = random.Random(seed)
    lists = [[rng.randrange(3) for _ in range(rng.randint(2, longest))] for _ in range(rows)]
    return [tokens[:-1] for tokens in lists], [tokens[1:] for tokens in lists]
