"""A curve fitted to measurements with the uncertainty of what was found, and an arm that reaches for points: both by
least squares, on the compiled function and its Jacobian.

python examples/curve_fitting.py
"""

import math
from importlib.util import find_spec

import tinygrad_nn as tn

# Monomolecular adsorption of a dye by volume x: Misra1a of NIST's Statistical Reference Datasets, with its certified
# b1 = 238.94212918 +- 2.7070075241 and b2 = 5.5015643181e-04 +- 7.2668688436e-06.
X = [77.6, 114.9, 141.1, 190.8, 239.9, 289.0, 332.8, 378.4, 434.8, 477.3, 536.8, 593.1, 689.1, 760.0]
Y = [10.07, 14.73, 17.94, 23.93, 29.61, 35.18, 40.02, 44.82, 50.76, 55.05, 61.01, 66.40, 75.47, 81.78]
BONES = [1.0, 0.8, 0.5]
POINTS = [(1.5, 1.0), (-0.4, 1.9), (0.9, -0.6), (2.2, 0.4)]


def adsorbed(b1, b2, x):
    return b1 * (1.0 - tn.exp(-b2 * x))


def residuals(b1, b2):
    return [adsorbed(b1, b2, x) - y for x, y in zip(X, Y, strict=True)]


def fit_curve():
    """The parameters of the curve, each with its standard error: sqrt of the diagonal of s^2 (J'J)^-1."""
    import numpy

    b = [tn.Value(500.0, label="b1"), tn.Value(0.0001, label="b2")]  # NIST's first start, which is far away
    history = tn.minimize(
        lambda x: adsorbed(*b, x), X, Y, "squared_error", method="lm", tolerance=1e-14, parameters=b, progress=False
    )
    print(f"The curve b1 (1 - exp(-b2 x)) after {len(history)} epochs of Levenberg-Marquardt, {history.stopped}:")
    at = tn.compile(residuals).flat(*(p.data for p in b))
    found, jacobian = at(at.x0), at.jacobian(at.x0)
    variance = found @ found / (len(X) - len(b))
    errors = numpy.sqrt(numpy.diag(variance * numpy.linalg.inv(jacobian.T @ jacobian)))
    for value, error in zip(b, errors, strict=True):
        print(f"  {value.label} = {value.data:.8g} +- {error:.6g}")
    return [(value.data, error) for value, error in zip(b, errors, strict=True)]


def hand(angles):
    """Where an arm ends: each bone turns from the one before by its angle."""
    x = y = direction = 0.0
    for length, angle in zip(BONES, angles, strict=True):
        direction = direction + angle
        x, y = x + length * tn.cos(direction), y + length * tn.sin(direction)
    return x, y


def reach():
    """The angles with which the arm reaches each point, bent as little as may be; SciPy takes the function as it is."""
    from scipy.optimize import least_squares

    target = [tn.Value(0.0), tn.Value(0.0)]  # which a compiled function reads at every call

    def missed(angles):
        ends = zip(hand(angles), target, strict=True)
        return [*(end - wanted for end, wanted in ends), *(0.01 * angle for angle in angles)]

    at = tn.compile(missed).flat([0.1] * len(BONES))
    print(f"\nAn arm with bones of {', '.join(map(str, BONES))} reaches for points:")
    angles, distances = at.x0, []
    for point in POINTS:
        for value, number in zip(target, point, strict=True):
            value.data = number
        solution = least_squares(at, angles, jac=at.jacobian)
        angles = solution.x  # where it begins to reach for the next
        distances.append(math.dist(point, hand(angles.tolist())))
        degrees = ", ".join(f"{math.degrees(angle):.0f}" for angle in angles)
        print(f"  {point}: {degrees} degrees, {distances[-1]:.4f} away, {solution.nfev} evaluations")
    return distances


def main():
    if find_spec("scipy") is None:
        print("The methods are SciPy's and NumPy's, which are not installed: pip install 'tinygrad_nn[sklearn]'")
        return
    fit_curve()
    reach()


if __name__ == "__main__":
    main()
