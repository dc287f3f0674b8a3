"""The texts of functions that are computed by polynomials: erfinv, digamma, zeta and the derivatives of sinc.

Their coefficients are published ones, or come from mpmath at sixty digits; a text has them in Horner's form. What each
function is, and its derivative rule, stands in its row of the table.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

# The quantiles of the normal distribution as quotients of polynomials: near the middle, in the tails, and far out in
# them (Wichura, Algorithm AS 241: The percentage points of the normal distribution, Applied Statistics 37, 1988).
MIDDLE = (
    (3.3871328727963666080, 1.3314166789178437745e2, 1.9715909503065514427e3, 1.3731693765509461125e4,
     4.5921953931549871457e4, 6.7265770927008700853e4, 3.3430575583588128105e4, 2.5090809287301226727e3),
    (1.0, 4.2313330701600911252e1, 6.8718700749205790830e2, 5.3941960214247511077e3, 2.1213794301586595867e4,
     3.9307895800092710610e4, 2.8729085735721942674e4, 5.2264952788528545610e3),
)  # fmt: skip
TAIL = (
    (1.42343711074968357734, 4.63033784615654529590, 5.76949722146069140550, 3.64784832476320460504,
     1.27045825245236838258, 2.41780725177450611770e-1, 2.27238449892691845833e-2, 7.74545014278341407640e-4),
    (1.0, 2.05319162663775882187, 1.67638483018380384940, 6.89767334985100004550e-1, 1.48103976427480074590e-1,
     1.51986665636164571966e-2, 5.47593808499534494600e-4, 1.05075007164441684324e-9),
)  # fmt: skip
FAR = (
    (6.65790464350110377720, 5.46378491116411436990, 1.78482653991729133580, 2.96560571828504891230e-1,
     2.65321895265761230930e-2, 1.24266094738807843860e-3, 2.71155556874348757815e-5, 2.01033439929228813265e-7),
    (1.0, 5.99832206555887937690e-1, 1.36929880922735805310e-1, 1.48753612908506148525e-2, 7.86869131145613259100e-4,
     1.84631831751005468180e-5, 1.42151175831644588870e-7, 2.04426310338993978564e-15),
)  # fmt: skip

# The zero of digamma and what a double leaves of it; x digamma(x) / (x - zero) on 1 <= x <= 2, in powers of x - 3/2.
ZERO, REST_OF_ZERO = 1.4616321449683622, 9.549995429965697e-17
DIGAMMA = (
    1.4265838140477494, 0.315614744109642, -0.06281369492028008, 0.017935099659936202, -0.005921836374555441,
    0.002105524543932196, -0.0007808823636548008, 0.0002971387135965835, -0.00011492419795785276,
    4.4924967963555466e-05, -1.7687223169837115e-05, 7.00085274570018e-06, -2.778815077217573e-06,
    1.0900440594791301e-06, -4.343344704424389e-07, 2.086174950945902e-07, -8.330017764155427e-08,
)  # fmt: skip
# The Bernoulli numbers B2, B4 ... over 2 k, and over (2 k)!, of the expansions for large x.
BERNOULLI = (1 / 12, -1 / 120, 1 / 252, -1 / 240, 1 / 132, -691 / 32760, 1 / 12, -3617 / 8160, 43867 / 14364)
OF_FACTORIALS = (
    1 / 12, -1 / 720, 1 / 30240, -1 / 1209600, 1 / 47900160, -691 / 1307674368000, 1 / 74724249600,
    -3617 / 10670622842880000, 43867 / 5109094217170944000,
)  # fmt: skip
TERMS = 12  # of zeta's sum, before its expansion
NEAR = 0.75  # to where the derivatives of sinc are their series


def polynomial(x: str, coefficients: Sequence[float]) -> str:
    """c0 + c1 x + c2 x**2 + ... by Horner's rule, as a text.

    >>> polynomial("x", [1.0, -2.0, 3.0])
    '(1.0 + x * (-2.0 + x * 3.0))'
    """
    *first, text = map(repr, coefficients)
    for coefficient in reversed(first):
        text = f"({coefficient} + {x} * {text})"
    return text


def quotient(x: str, polynomials: tuple[Sequence[float], Sequence[float]]) -> str:
    """A quotient of two polynomials, as a text."""
    return f"{polynomial(x, polynomials[0])} / {polynomial(x, polynomials[1])}"


def _sum(terms: Iterable[str]) -> str:
    return " + ".join(terms)


def _sinc_series(derivative: int, terms: int = 13) -> list[float]:
    """The coefficients, in powers of x*x, of a derivative of sinc, the first one over x."""
    return [
        (-1.0) ** m * math.pi ** (2 * m) * 2 * m * (2 * m - 1 if derivative == 2 else 1) / math.factorial(2 * m + 1)
        for m in range(1, terms + 1)
    ]


ERFINV = (
    f"q = 0.5 * x; r = 0.180625 - q * q; middle = q * {quotient('r', MIDDLE)}; "
    "s = sqrt(-log(0.5 * (1.0 - abs(x)))); t = s - 1.6; u = s - 5.0; "
    f"tail = {quotient('t', TAIL)} if s <= 5.0 else {quotient('u', FAR)}; "
    "inf * x if abs(x) == 1.0 else SQRT_HALF * (middle if abs(x) <= 0.85 else sign(x) * tail)"
)
# For 0 < u <= 3 from 1 <= t <= 2, one step away; beyond, from the expansion at 9 or more. Below 0 by reflection.
DIGAMMA_VALUE = (
    "u = x if x > 0.0 else 1.0 - x; t = u + 1.0 if u < 1.0 else u - 1.0 if u > 2.0 else u; "
    f"base = (t - {ZERO} - {REST_OF_ZERO}) * {polynomial('(t - 1.5)', DIGAMMA)} / t; "
    "near = base - 1.0 / u if u < 1.0 else base + 1.0 / t if u > 2.0 else base; "
    "z = u + 6.0 if u < 9.0 else u; v = 1.0 / (z * z); "
    f"passed = {_sum(f'1.0 / (u + {k}.0)' for k in range(6))}; "
    f"far = log(z) - 0.5 / z - v * {polynomial('v', BERNOULLI)} - (passed if u < 9.0 else 0.0); "
    "found = near if u <= 3.0 else far; d = x - round(x); "
    "found if x > 0.0 else -1.0 / x if x == 0.0 else nan if d == 0.0 or d != d else found - PI / tan(PI * d)"
)
# Euler's and Maclaurin's sum: the first terms, and the expansion of the rest in 1 / z.
EXPANSION = repr(OF_FACTORIALS[-1])
for _k in range(len(OF_FACTORIALS) - 1, 0, -1):
    EXPANSION = f"({OF_FACTORIALS[_k - 1]!r} + v * (s + {2 * _k - 1}.0) * (s + {2 * _k}.0) * {EXPANSION})"
ZETA = (
    f"z = x + {TERMS}.0; w = 1.0 / z; v = w * w; head = {_sum(f'power(x + {k}.0, -s)' for k in range(TERMS))}; "
    f"head + power(z, 1.0 - s) / (s - 1.0) + power(z, -s) * (0.5 + w * s * {EXPANSION})"
)
# sin and cos of pi x, from what is left of x to the nearest whole number; for the derivatives near 0 the series.
TURNED = "n = round(x); turn = 1.0 if n - 2.0 * round(0.5 * n) == 0.0 else -1.0; d = PI * (x - n); "
SINC = f"{TURNED}1.0 if x == 0.0 else 0.0 if d == 0.0 or abs(x) == inf else turn * sin(d) / (PI * x)"
FROM_TURNS = (
    f"{TURNED}z = x if abs(x) >= {NEAR} else 1.0; c = turn * cos(d); q = turn * sin(d) / (PI * z); "
    "slope = (c - q) / z; "
)
SINC_SLOPE = (
    f"{FROM_TURNS}x * {polynomial('(x * x)', _sinc_series(1))} if abs(x) < {NEAR} else 0.0 if abs(x) == inf else slope"
)
SINC_CURVATURE = (
    f"{FROM_TURNS}{polynomial('(x * x)', _sinc_series(2))} if abs(x) < {NEAR} else 0.0 if abs(x) == inf else "
    "-(PI * PI * q + 2.0 * slope / z)"
)
