"""The table of gradients: what value and gradient cost beside the value alone, and beside JAX's jitted calls."""

import statistics
from math import isclose

from measuring import ROUNDS, missing, ratio_of, shown, told, verdict

FUNCTIONS = {
    "Rosenbrock": "Rosenbrock's function, 1,000 inputs",
    "Black-Scholes": "price of a call by Black and Scholes, 5 inputs",
    "pendulum": "200 steps of a pendulum, 4 inputs",
}
MOST, AIM = 4, 3  # values that value and gradient may cost
REACH, FASTER = 1, 2  # times faster than JAX, of a call
COLUMNS = ("value", "and gradient", "in values", f"at most {MOST}, aim {AIM}", "JAX's", "times faster")


def check(name, ours, theirs):
    """Raise unless both engines come to the same numbers."""
    for own, other in zip(ours, theirs, strict=True):
        if not isclose(own, other, rel_tol=1e-9, abs_tol=1e-9):
            raise AssertionError(f"{name}: JAX comes to {other}, tinygrad_nn to {own}")


def times(said, kind):
    """The median seconds in each round."""
    return [statistics.median(answer["seconds"][kind]) for answer in said]


def print_line(name, ours, theirs, many=False, listed=False):
    """A line of the table, of a call or of many rows at once; the bar beside JAX is for a call with NumPy's data."""
    value, gradient = (kind + ", rows" * many for kind in ("value", "gradient"))
    both = times(ours, gradient)
    cost = ratio_of(both, times(ours, value))
    cells = [name, shown(times(ours, value)), shown(both), f"{cost:.2f}", verdict(cost, MOST, AIM, most=True)]
    if theirs[0] is None:
        cells += ["not installed", "", ""]
    else:
        peer = times(theirs, gradient)
        ratio = ratio_of(peer, both)
        cells += [f"{shown(peer)}, {ratio_of(peer, times(theirs, value)):.2f} of its values", f"{ratio:.3g}"]
        cells += ["" if many or listed else verdict(ratio, REACH, FASTER)]
    print(f"| {' | '.join(cells)} |", flush=True)


def first_calls(name, ours, theirs):
    """A sentence on the first calls, which trace and compile."""
    engines = [("", ours)] + [("JAX's ", theirs)] * (theirs[0] is not None)
    pairs = [
        (whose, *(shown(times(said, f"{kind}, first")) for kind in ("value", "gradient"))) for whose, said in engines
    ]
    return f"{name}, the first calls of value and gradient: " + ", ".join(f"{w}{v} and {g}" for w, v, g in pairs)


def print_gradients():
    """Calls with numbers, and batches of rows in one call, beside jit and beside vmap."""
    if lacking := missing("numpy", "llvmlite"):
        print(f"\ngradients in machine code: without {lacking} here")
        return
    print(f"\n| function | {' | '.join(COLUMNS)} | to reach: {REACH}, aim: {FASTER} |\n|{'---|' * 8}")
    sentences = []
    for name, words in FUNCTIONS.items():
        works = [("tinygrad_nn", name), ("jax", name)]
        if name == "Rosenbrock":
            works.append(("tinygrad_nn", f"{name}, from an array"))
        rounds = [[told("gradient_engines.py", *work) for work in works] for _ in range(ROUNDS)]
        ours, theirs, *arrays = zip(*rounds, strict=True)
        for own, other in zip(ours, theirs, strict=True):
            if other is not None:
                check(name, own["numbers"], other["numbers"])
        print_line(words + (", from an array" if arrays else ""), arrays[0] if arrays else ours, theirs)
        if arrays:
            print_line("the same, from a list", ours, theirs, listed=True)
        print_line(f"the same, {ours[0]['rows']:,} rows at once", ours, theirs, many=True)
        sentences.append(first_calls(name, ours, theirs))
    print("\n".join(sentences))
