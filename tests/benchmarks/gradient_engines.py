"""One engine with the value and the gradient of a function: `python gradient_engines.py ENGINE FUNCTION` prints JSON.

That is the seconds of a call of the value, and of the value with all derivatives, and of both for many rows at once; of
the first call of each; and the numbers. In double precision on one thread, the collector on, value and gradient in
turn. The library takes Python's floats and lists of them, JAX its own arrays; "from an array" is the library with one
of NumPy's.
"""

import json
import statistics
import sys
from itertools import pairwise
from math import sqrt

import numpy
from engines import timed

BLOCKS, BLOCK = 5, 0.04  # blocks of calls, and seconds of one
SIZE, STEPS = 1000, 200
OPTION = (100.0, 105.0, 0.03, 0.2, 1.5)  # spot, strike, rate, volatility, years
SWING = (1.0, 0.2, 2.0, 0.01)  # angle, velocity, length over gravity, step
ROWS = {"Rosenbrock": 256, "Black-Scholes": 10_000, "pendulum": 1000}


def start():
    """A point of the thousand variables."""
    return numpy.random.default_rng(0).normal(size=SIZE)


def rows_of(name):
    """Points around the one of the calls: of shape (rows, 1000), or a row of arguments after the other."""
    rng, count = numpy.random.default_rng(1), ROWS[name]
    if name == "Rosenbrock":
        return rng.normal(size=(count, SIZE))
    point = OPTION if name == "Black-Scholes" else SWING
    return numpy.array(point) * rng.uniform(0.9, 1.1, size=(count, len(point)))


def rosenbrock(x):
    total = 0.0
    for a, b in pairwise(x):
        total = total + 100.0 * (b - a * a) ** 2 + (1.0 - a) ** 2
    return total


def call_price(exp, log, root, normal_cdf):
    """The price of a call by Black and Scholes, in somebody's functions."""

    def price(spot, strike, rate, volatility, years):
        spread = volatility * root(years)
        d = (log(spot / strike) + (rate + volatility * volatility / 2.0) * years) / spread
        return spot * normal_cdf(d) - strike * exp(-rate * years) * normal_cdf(d - spread)

    return price


def pendulum(sin):
    """Where a pendulum swings to in 200 steps, by the symplectic Euler method."""

    def angle_after(angle, velocity, ratio, step):
        for _ in range(STEPS):
            velocity = velocity - step * sin(angle) / ratio
            angle = angle + step * velocity
        return angle

    return angle_after


def alternated(works):
    """Seconds a call of each of the works, in blocks that take turns, and those of the first call of each."""
    seconds: dict[str, list[float]] = {name: [] for name in works}
    seconds |= {f"{name}, first": timed(work, 1) for name, work in works.items()}
    times = {name: max(3, int(BLOCK / min(timed(work, 3)))) for name, work in works.items()}
    for _ in range(BLOCKS):
        for name, work in works.items():
            seconds[name].append(statistics.median(timed(work, times[name])))
    return seconds


def tinygrad_nn(name):
    import tinygrad_nn as tn

    def normal_cdf(z):
        return 0.5 * (1.0 + tn.erf(z / sqrt(2.0)))

    plain, _, array = name.partition(", ")
    function, point = {
        "Rosenbrock": (rosenbrock, (start() if array else start().tolist(),)),
        "Black-Scholes": (call_price(tn.exp, tn.log, tn.sqrt, getattr(tn, "normal_cdf", normal_cdf)), OPTION),
        "pendulum": (pendulum(tn.sin), SWING),
    }[plain]
    f, rows = tn.compile(function, backend="llvm"), rows_of(plain)
    rows = rows[:, None, :] if plain == "Rosenbrock" else rows
    seconds = alternated({"value": lambda k: f(*point), "gradient": lambda k: f.value_and_grad(*point)})
    if not array:
        many = {"value, rows": lambda k: f.batch(rows), "gradient, rows": lambda k: f.batch(rows, gradients=True)}
        seconds |= alternated(many)
    value, slopes = f.value_and_grad(*point)
    return seconds, [value, *(slopes[0] if plain == "Rosenbrock" else slopes)]


def jax(name):
    """Jitted, with vmap for the rows; the pendulum's steps in lax.scan, and the sum over differences of slices."""
    import jax
    from jax import numpy as jnp

    jax.config.update("jax_enable_x64", True)

    def sliced_rosenbrock(x):
        return jnp.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)

    def scanned_pendulum(angle, velocity, ratio, step):
        def swung(carried, _):
            angle, velocity = carried
            velocity = velocity - step * jnp.sin(angle) / ratio
            return (angle + step * velocity, velocity), None

        return jax.lax.scan(swung, (angle, velocity), length=STEPS)[0][0]

    function, point = {
        "Rosenbrock": (sliced_rosenbrock, (start(),)),
        "Black-Scholes": (call_price(jnp.exp, jnp.log, jnp.sqrt, jax.scipy.stats.norm.cdf), OPTION),
        "pendulum": (scanned_pendulum, SWING),
    }[name]
    rows = rows_of(name)
    columns = [jnp.asarray(rows)] if name == "Rosenbrock" else [jnp.asarray(column.copy()) for column in rows.T]
    both = jax.value_and_grad(function, argnums=tuple(range(len(point))))
    point = tuple(jnp.asarray(number) for number in point)

    def waited(f, given):
        compiled = jax.jit(f)
        return lambda k: jax.block_until_ready(compiled(*given))

    seconds = alternated({"value": waited(function, point), "gradient": waited(both, point)})
    many = {"value, rows": waited(jax.vmap(function), columns), "gradient, rows": waited(jax.vmap(both), columns)}
    seconds |= alternated(many)
    value, slopes = both(*point)
    return seconds, [float(value), *(numpy.ravel(numpy.array(slopes)).tolist())]


def main(engine, function):
    seconds, numbers = {"tinygrad_nn": tinygrad_nn, "jax": jax}[engine](function)
    print(json.dumps({"seconds": seconds, "numbers": numbers, "rows": ROWS[function.partition(", ")[0]]}))


if __name__ == "__main__":
    main(*sys.argv[1:])
