"""What people write over time, with its arguments: filters, seasons, chains, paths, controllers, epidemics, beams."""

import math
import random
from typing import Any

from natural_loops import numbers

import tinygrad_nn as tn

RNG = random.Random(1)
SEEN = [0, 1, 3, 2, 2, 1, 0, 3, 3, 1, 2, 0, 1, 1, 2, 3] * 2


def biquad(xs, b0, b1, a1):
    """An IIR filter of two lags."""
    ys, energy = [0.0, 0.0], 0.0
    for n in range(2, len(xs)):
        ys.append(b0 * xs[n] + b1 * xs[n - 1] + 0.1 * xs[n - 2] - a1 * ys[-1] - 0.2 * ys[-2])
        energy = energy + ys[-1] ** 2
    return energy


def holt_winters(ys, alpha, beta, gamma):
    """Smoothing with a season of twelve."""
    level, trend, season, errors = ys[0], 0.0, [y - 10.0 for y in ys[:12]], 0.0
    for t in range(12, len(ys)):
        now = season[t % 12]
        errors = errors + (ys[t] - level - trend - now) ** 2
        new = alpha * (ys[t] - now) + (1 - alpha) * (level + trend)
        trend, level = beta * (new - level) + (1 - beta) * trend, new
        season[t % 12] = gamma * (ys[t] - level) + (1 - gamma) * now
    return errors


def hidden_markov(hidden, emitted, first):
    """The likelihood, forwards."""
    table = [[x - tn.logsumexp(row) for x in row] for row in emitted]
    alpha = [f + row[SEEN[0]] for f, row in zip(first, table, strict=True)]
    for k in SEEN[1:]:
        alpha = [tn.logsumexp([alpha[i] + hidden[i][j] for i in range(3)]) + table[j][k] for j in range(3)]
    return tn.logsumexp(alpha)


def viterbi(hidden, emitted, first):
    best = [f + row[SEEN[0]] for f, row in zip(first, emitted, strict=True)]
    for k in SEEN[1:]:
        best = [tn.maximum(*[best[i] + hidden[i][j] for i in range(3)]) + emitted[j][k] for j in range(3)]
    return tn.maximum(*best)


def connectionist(logits):
    """A labelling's likelihood over all of its alignments."""
    labels = [0, 1, 0, 2, 0, 3, 0]
    rows = [[x - tn.logsumexp(row) for x in row] for row in logits]
    alpha = [rows[0][0], rows[0][1], *[-1e30] * 5]
    for row in rows[1:]:
        terms = [alpha[max(0, s - 1) : s + 1] for s in range(7)]
        terms = [[*t, alpha[s - 2]] if s > 2 and labels[s] else t for s, t in enumerate(terms)]
        alpha = [tn.logsumexp(t) + row[label] for t, label in zip(terms, labels, strict=True)]
    return -tn.logsumexp(alpha[-2:])


def smoother(ys, q, r, a):
    """A Kalman filter, and back over what it found."""
    mean, variance, found = 0.0, 1.0, []
    for y in ys:
        before, spread = a * mean, a * a * variance + q
        gain = spread / (spread + r)
        mean, variance = before + gain * (y - before), (1 - gain) * spread
        found.append((mean, variance, before, spread))
    smooth = [found[-1][0]]
    for (mean, variance, *_), (_, _, before, spread) in zip(found[-2::-1], found[:0:-1], strict=True):
        smooth.append(mean + variance * a / spread * (smooth[-1] - before))
    return tn.dot(smooth, smooth, 0.0)


def adaptive(y, rate):
    """Heun's method with a step that is halved where it errs."""
    h = 0.1
    for _ in range(30):
        k1 = -rate * y
        k2 = -rate * (y + h * k1)
        if abs(h * (k2 - k1)) < 0.02:
            y, h = y + h * 0.5 * (k1 + k2), h * 1.2
        else:
            h = h * 0.5
    return y


def epidemic(s, i, beta, gamma):
    most = 0.0
    for _ in range(60):
        new, well = beta * s * i, gamma * i
        s, i = s - 0.1 * new, i + 0.1 * (new - well)
        most = tn.maximum(most, i)
    return most


def bootstrapped(draws, price, volatility):
    """Paths whose steps are drawn again and again from the same ones."""
    rng, total = random.Random(5), 0.0
    for _ in range(20):
        now = price
        for _ in range(12):
            now = now * tn.exp(volatility * draws[rng.randrange(len(draws))] - 0.02)
        total = total + tn.maximum(now - 1.0, 0.0)
    return total / 20


def springs(xs, vs, k):
    last = len(xs) - 1
    for _ in range(16):
        pulls = [
            k * ((xs[i - 1] if i else 0.0) - 2 * xs[i] + (xs[i + 1] if i < last else 0.0)) for i in range(last + 1)
        ]
        vs = [0.99 * (v + pull) for v, pull in zip(vs, pulls, strict=True)]
        xs = [x + v for x, v in zip(xs, vs, strict=True)]
    return tn.dot(xs, xs, 0.0)


def controlled(noise, gain):
    x = before = total = cost = 0.0
    for n in noise:
        error = 1.0 - x
        total = total + 0.1 * error
        push = tn.minimum(tn.maximum(gain * error + 0.1 * total + 0.1 * (error - before), -2.0), 2.0)
        x, before = x + 0.1 * (push - x) + 0.05 * n, error
        cost = cost + error * error
    return cost


def beam(scores, steps):
    for row in steps:
        best = tn.maximum(*scores)
        scores = [tn.relu(score - 0.5 * best) + x for score, x in zip(scores, row, strict=True)]
    return tn.logsumexp(scores)


SALES = [10 + 3 * math.sin(2 * math.pi * k / 12) + RNG.gauss(0, 0.3) for k in range(72)]
CHAIN = [numbers(RNG, 3, 3), numbers(RNG, 3, 4), numbers(RNG, 3)]
WRITTEN: dict[Any, list[Any]] = {
    biquad: [numbers(RNG, 40), 0.3, 0.2, 0.1],
    holt_winters: [SALES, 0.3, 0.1, 0.2],
    hidden_markov: CHAIN,
    viterbi: CHAIN,
    connectionist: [numbers(RNG, 24, 4)],
    smoother: [numbers(RNG, 30), 0.1, 0.2, 0.8],
    adaptive: [1.0, 1.5],
    epidemic: [0.99, 0.01, 0.5, 0.1],
    bootstrapped: [numbers(RNG, 50), 1.0, 0.2],
    springs: [numbers(RNG, 10), numbers(RNG, 10), 0.1],
    controlled: [numbers(RNG, 30), 0.5],
    beam: [numbers(RNG, 6), numbers(RNG, 20, 6)],
}
