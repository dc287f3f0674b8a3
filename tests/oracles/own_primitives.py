"""Primitives of one's own that tests share: a spelling for each language, a rule that calls another row."""

import math

import tinygrad_nn as tn


def digamma(x):
    """By its recurrence up to 8 and more, then its asymptotic series (Abramowitz & Stegun, 6.3.5 and 6.3.18)."""
    total = 0.0
    for k in range(8):
        total = total - 1.0 / (x + float(k))
    z = x + 8.0
    w = 1.0 / (z * z)
    return total + tn.log(z) - 0.5 / z - w * (1.0 / 12.0 - w * (1.0 / 120.0 - w * (1.0 / 252.0 - w / 240.0)))


log_gamma = tn.primitive(
    "log_gamma",
    lambda x: math.lgamma(x),
    lambda g, y, x: g * digamma(x),
    spellings={"llvm": "lgamma(x)", "c": "lgamma(x)"},
)


soft_sign = tn.primitive(
    "soft_sign",
    lambda x: x / (1.0 + abs(x)),
    "g * square(1.0 - abs(y))",
    symbol="soft",
    spellings={"array": "x / (1.0 + abs(x))", "llvm": "x / (1.0 + abs(x))", "c": "x / (1.0 + fabs(x))"},
)
