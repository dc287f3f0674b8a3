"""What people write with a `for` over time: a pendulum, predator and prey, recurrent nets, a likelihood."""

import tinygrad_nn as tn


def numbers(rng, *shape):
    """Nested lists of random numbers."""
    return [numbers(rng, *shape[1:]) for _ in range(shape[0])] if shape else rng.gauss(0.0, 0.3)


def pendulum(theta, omega, g, length):
    for _ in range(200):
        omega = omega - 0.01 * (g / length) * tn.sin(theta)
        theta = theta + 0.01 * omega
    return theta


def predator_and_prey(x, y, a, b, c, d, steps=100):
    """x' = a x - b x y, y' = -c y + d x y by the method of Runge and Kutta."""

    def slope(x, y):
        return a * x - b * x * y, -c * y + d * x * y

    h = 0.02
    for _ in range(steps):
        k = slope(x, y)
        l = slope(x + h / 2 * k[0], y + h / 2 * k[1])
        m = slope(x + h / 2 * l[0], y + h / 2 * l[1])
        n = slope(x + h * m[0], y + h * m[1])
        x = x + h / 6 * (k[0] + 2 * l[0] + 2 * m[0] + n[0])
        y = y + h / 6 * (k[1] + 2 * l[1] + 2 * m[1] + n[1])
    return x * x + y * y


def recurrent_net(xs, W, U, b, v):
    h = [0.0] * len(b)
    for x in xs:
        h = [tn.tanh(tn.dot(W[i], h, b[i]) + U[i] * x) for i in range(len(b))]
    return tn.dot(v, h, 0.0)


def gated_net(xs, Wz, Uz, Wr, Ur, Wh, Uh, v):
    h = [0.0] * len(v)
    units = range(len(v))
    for x in xs:
        z = [tn.sigmoid(tn.dot(Wz[i], h, 0.0) + Uz[i] * x) for i in units]
        r = [tn.sigmoid(tn.dot(Wr[i], h, 0.0) + Ur[i] * x) for i in units]
        rh = [r[i] * h[i] for i in units]
        n = [tn.tanh(tn.dot(Wh[i], rh, 0.0) + Uh[i] * x) for i in units]
        h = [(1 - z[i]) * h[i] + z[i] * n[i] for i in units]
    return tn.dot(v, h, 0.0)


def garch(returns, w, a, b):
    """The likelihood of returns whose variance follows from the day before."""
    variance, likelihood = 0.01, 0.0
    for x in returns:
        likelihood = likelihood + tn.log(variance) + x * x / variance
        variance = w + a * x * x + b * variance
    return likelihood


def moving_average(series, c, phi, theta):
    """The squared errors of an ARMA(1, 1) model."""
    error, last, total = 0.0, 0.0, 0.0
    for y in series:
        error = y - c - phi * last - theta * error
        last = y
        total = total + error * error
    return total


def kalman_filter(series, of_level, of_trend, of_noise):
    """The likelihood of a series of a level and a trend, of which noise is seen."""
    level, trend, likelihood = 0.0, 0.0, 0.0
    p11, p12, p22 = 1.0, 0.0, 1.0
    for y in series:
        level = level + trend
        p11, p12, p22 = p11 + 2.0 * p12 + p22 + of_level, p12 + p22, p22 + of_trend
        variance, error = p11 + of_noise, y - level
        gain, turn = p11 / variance, p12 / variance
        likelihood = likelihood + tn.log(variance) + error * error / variance
        level, trend = level + gain * error, trend + turn * error
        p11, p12, p22 = p11 - gain * p11, p12 - gain * p12, p22 - turn * p12
    return likelihood
