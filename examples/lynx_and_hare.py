"""Lynx and hare: the rates of the predator-prey equations, found from 21 years of pelts by the gradient through time.

    python examples/lynx_and_hare.py

The Hudson Bay Company counted the pelts, in thousands, from 1900 to 1920. 200 steps of Runge-Kutta, in a plain `for`,
are compiled with the derivatives of what they miss by, and the loop is found again in that flat program. What one sees:
this loop, the rates beside published ones, and a picture of both, for which .venv/bin/pip install ".[plot]"
"""

import io
import math
import time
from pathlib import Path

import tinygrad_nn as tn

try:
    from matplotlib.figure import Figure
except ImportError:  # then it finds the rates, and says what the picture wants
    Figure = None

PICTURES = Path(__file__).parent / "pictures"
FIRST_YEAR, STEPS_A_YEAR, ADAM_STEPS = 1900, 10, 500
HARE = [30.0, 47.2, 70.2, 77.4, 36.3, 20.6, 18.1, 21.4, 22.0, 25.4, 27.1]
HARE += [40.3, 57.0, 76.6, 52.3, 19.5, 11.2, 7.6, 14.6, 16.2, 24.7]
LYNX = [4.0, 6.1, 9.8, 35.2, 59.4, 41.7, 19.0, 13.0, 8.3, 9.1, 7.4]
LYNX += [8.0, 12.3, 19.5, 45.7, 51.1, 29.7, 15.8, 9.7, 10.1, 8.6]
PUBLISHED = {"alpha": 0.55, "beta": 0.028, "gamma": 0.80, "delta": 0.024}  # means of a Bayesian fit to these pelts


def slope(hare, lynx, alpha, beta, gamma, delta):
    """Hares are born and are eaten, lynxes starve and grow by what they eat (Lotka, 1925; Volterra, 1926)."""
    return alpha * hare - beta * hare * lynx, delta * hare * lynx - gamma * lynx


def course(hare, lynx, *rates, step=1 / STEPS_A_YEAR):
    """Hares and lynxes at each step of twenty years, by the classical Runge-Kutta method."""
    states = [(hare, lynx)]
    for _ in range((len(HARE) - 1) * STEPS_A_YEAR):
        h1, l1 = slope(hare, lynx, *rates)
        h2, l2 = slope(hare + step / 2 * h1, lynx + step / 2 * l1, *rates)
        h3, l3 = slope(hare + step / 2 * h2, lynx + step / 2 * l2, *rates)
        h4, l4 = slope(hare + step * h3, lynx + step * l3, *rates)
        hare = hare + step / 6 * (h1 + 2 * h2 + 2 * h3 + h4)
        lynx = lynx + step / 6 * (l1 + 2 * l2 + 2 * l3 + l4)
        states.append((hare, lynx))
    return states


def misfit(logs):
    """The mean square of what a course misses the pelts by, all in logarithms: those of its beginning and its rates."""
    states = course(*(tn.exp(x) for x in logs))[::STEPS_A_YEAR]
    hares = [tn.log(hare) - math.log(pelts) for (hare, _), pelts in zip(states, HARE, strict=True)]
    lynxes = [tn.log(lynx) - math.log(pelts) for (_, lynx), pelts in zip(states, LYNX, strict=True)]
    return tn.dot(hares + lynxes, hares + lynxes) / len(hares + lynxes)


def first_guess():
    """What one sees in the pelts: a period of ten years, and means, which are gamma / delta and alpha / beta."""
    rate = 2 * math.pi / 10  # of small oscillations, the root of alpha times gamma
    return [HARE[0], LYNX[0], rate, rate / tn.mean(LYNX), rate, rate / tn.mean(HARE)]


def fit(compiled):
    """The beginning and the rates that miss the pelts by least, by Adam down the compiled gradient."""
    logs = [tn.Value(math.log(x)) for x in first_guess()]
    optimizer = tn.Adam(logs, lr=0.05)
    for step in range(ADAM_STEPS + 1):
        loss, (flows,) = compiled.value_and_grad([x.data for x in logs])
        if step % 100 == 0:
            print(f"step {step:3}: misfit {loss:.6f}")
        if step < ADAM_STEPS:
            for x, flow in zip(logs, flows, strict=True):
                x.grad = flow
            optimizer.step()
    return [math.exp(x.data) for x in logs], loss


def loops(listing, shown=3):
    """The first lines of each loop over time in the listing of a program."""
    lines = listing.splitlines()
    heads = [i for i, line in enumerate(lines) if line.lstrip().startswith("for ")]
    return "\n".join(line for i in heads for line in [*lines[i : i + 1 + shown], "        ..."])


def milliseconds(work):
    """The best of ten runs."""
    times = []
    for _ in range(10):
        start = time.perf_counter()
        work()
        times.append(1e3 * (time.perf_counter() - start))
    return min(times)


def picture(found):
    """Pelts and fit by years; and in the plane of hares and lynxes, which the fit goes around, with others like it."""
    hare, lynx, *rates = found
    alpha, beta, gamma, delta = rates
    states = course(*found)
    years = [FIRST_YEAR + i / STEPS_A_YEAR for i in range(len(states))]
    figure = Figure(figsize=(14, 4.6), layout="constrained")
    by_years, plane = figure.subplots(1, 2, width_ratios=[3, 2])
    for name, pelts, color, line in zip(
        ["hare", "lynx"], [HARE, LYNX], tn.plots.PALETTE[:2], zip(*states, strict=True), strict=True
    ):
        by_years.plot(years, line, color=color, label=f"{name}, fitted")
        by_years.plot(range(FIRST_YEAR, FIRST_YEAR + len(pelts)), pelts, "o", color=color, label=f"{name}, pelts")
    by_years.set(xlabel="year", ylabel="thousands", xticks=range(FIRST_YEAR, FIRST_YEAR + len(HARE), 5), ylim=(0, 95))
    by_years.legend(ncols=2, frameon=False)
    rest = gamma / delta, alpha / beta
    for share in (0.3, 0.6, 1.1):
        around = course(rest[0] + share * (hare - rest[0]), rest[1] + share * (lynx - rest[1]), *rates)
        plane.plot(*zip(*around, strict=True), color="#cfd4da", linewidth=1)
    plane.plot(*zip(*states, strict=True), color="#1f2937", label="fitted")
    plane.plot(HARE, LYNX, "o:", color="#8a94a3", linewidth=0.8, markersize=4, label="pelts")
    plane.plot(*rest, "+", color="#1f2937", markersize=10, label="where neither changes")
    plane.set(xlabel="hares, thousands", ylabel="lynxes, thousands")
    plane.legend(frameon=False)
    file = io.StringIO()
    figure.savefig(file, format="svg", metadata={"Date": None})
    return file.getvalue()


def main():
    compiled, guess = tn.compile(misfit), [math.log(x) for x in first_guess()]
    start = time.perf_counter()
    compiled.value_and_grad(guess)
    listing, flat = str(compiled.gradient_program), len(compiled.gradient_program.flat.instructions)
    print(f"The first value and gradient took {time.perf_counter() - start:.1f} s: {flat:,} instructions,")
    print(f"written in {len(listing.splitlines())} lines, with the loop over time found again, and for the gradient")
    print(f"back through it, year by year, and step by step:\n\n{loops(listing)}\n")
    values = [tn.Value(x) for x in guess]
    slow, fast = milliseconds(lambda: misfit(values).backward()), milliseconds(lambda: compiled.value_and_grad(guess))
    print(f"Recorded, value and gradient take {slow:.1f} ms each time, compiled {fast:.3f} ms.\n")
    start = time.perf_counter()
    (hare, lynx, *rates), loss = fit(compiled)
    seconds = time.perf_counter() - start
    print(f"\n{ADAM_STEPS} steps of Adam took {seconds:.2f} s. The rates a year, beside published ones:\n")
    for (name, published), rate in zip(PUBLISHED.items(), rates, strict=True):
        print(f"  {name:5} {rate:.4f}   {published}")
    print(f"\nIn 1900 {hare:.1f} thousand hares, {lynx:.1f} thousand lynxes; missed by some {math.sqrt(loss):.0%}.")
    if Figure is None:
        print('\nFor its picture: .venv/bin/pip install ".[plot]"')
        return
    PICTURES.mkdir(exist_ok=True)
    (PICTURES / "lynx_and_hare.svg").write_text(picture([hare, lynx, *rates]), encoding="utf-8")
    print(f"\nThe fit is drawn in {PICTURES / 'lynx_and_hare.svg'}")


if __name__ == "__main__":
    main()
