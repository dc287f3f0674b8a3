"""Five small regressions, trained by Adam for 1,000 epochs or by Levenberg-Marquardt until a loss is reached:
`python least_squares_engines.py tinygrad_nn NAME [LOSSES]` prints seconds and final losses of five seeds as JSON, the
first of the seeds before them a second time: in a new process that is the time with all that is set up once. `LOSSES`
are those to reach, one of each seed.
"""

import json
import math
import random
import sys
import time
import warnings

import tinygrad_nn as tn

SEEDS, EPOCHS, BATCH, RATE = range(5), 1000, 32, 0.01
MGH17 = [  # of NIST's Statistical Reference Datasets, at x = 0, 10 ... 320
    0.844, 0.908, 0.932, 0.936, 0.925, 0.908, 0.881, 0.850, 0.818, 0.784, 0.751, 0.718, 0.685, 0.658, 0.628, 0.603,
    0.580, 0.558, 0.538, 0.522, 0.506, 0.490, 0.478, 0.467, 0.457, 0.448, 0.438, 0.431, 0.424, 0.420, 0.414, 0.411,
    0.406,
]  # fmt: skip


class Exponentials(tn.Module):
    """b1 + b2 exp(-b4 x) + b3 exp(-b5 x), from near NIST's second start, of x from 0 to 1."""

    def __init__(self, rng):
        self.b = [tn.Value(start * rng.uniform(0.9, 1.1)) for start in (0.5, 1.5, -1.0, 3.2, 6.4)]

    def __call__(self, xs):
        b1, b2, b3, b4, b5 = self.b
        return b1 + b2 * tn.exp(-b4 * xs[0]) + b3 * tn.exp(-b5 * xs[0])


def diabetes():
    from sklearn.datasets import load_diabetes
    from sklearn.preprocessing import scale

    X, y = load_diabetes(return_X_y=True)
    return scale(X).tolist(), scale(y).tolist()


def surface():
    rng = random.Random(0)
    X = [[rng.uniform(-2.0, 2.0), rng.uniform(-2.0, 2.0)] for _ in range(200)]
    return X, [math.sin(a) * math.cos(b) for a, b in X]


def of(xs, function):
    return [[x] for x in xs], [function(x) for x in xs]


def network(*sizes):
    return lambda rng: tn.MLP(sizes[0], list(sizes[1:]), "tanh", init="xavier", rng=rng)


PROBLEMS = {
    "sin x, 1-10-1": (lambda: of([k / 16 for k in range(-50, 51)], math.sin), network(1, 10, 1)),
    "a damped spring, 1-10-1": (
        lambda: of([0.1 * k for k in range(100)], lambda t: math.exp(-0.3 * t) * math.cos(2.0 * t)), network(1, 10, 1)
    ),
    "diabetes, 10-2-1": (diabetes, network(10, 2, 1)),
    "a surface, 2-10-1": (surface, network(2, 10, 1)),
    "NIST's MGH17": (lambda: ([[k / 32] for k in range(33)], MGH17), Exponentials),
}  # fmt: skip


def mean_loss(model, X, Y):
    return sum([(prediction - y) ** 2 for prediction, y in zip(model.predict(X), Y, strict=True)]) / len(Y)


def run(name, goals=None):
    """Seconds and final losses: of Adam, or of Levenberg-Marquardt until each seed is below its goal."""
    data, network = PROBLEMS[name]
    (X, Y), found = data(), []
    for seed in (SEEDS[0], *SEEDS):
        model = network(random.Random(seed))
        start = time.perf_counter()
        if goals is None:
            optimizer = tn.Adam(model.parameters(), lr=RATE)
            tn.fit(model, X, Y, "squared_error", optimizer, EPOCHS, BATCH, rng=random.Random(0), progress=False)
        else:
            tn.minimize(model, X, Y, "squared_error", "lm", until=("loss", goals[seed]), progress=False)
        found.append((time.perf_counter() - start, mean_loss(model, X, Y)))
    return found


if __name__ == "__main__":
    warnings.simplefilter("ignore", tn.LintWarning)  # of units that a method has put to rest
    print(json.dumps(run(sys.argv[2], *map(json.loads, sys.argv[3:4]))))
