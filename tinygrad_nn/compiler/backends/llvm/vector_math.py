"""Elementary functions of whole vectors, as LLVM text: reduce the argument, evaluate a polynomial, scale back.

The polynomials interpolate at Chebyshev points (computed at 60 digits); the reductions are those of Cody and Waite
(Software Manual for the Elementary Functions, 1980) and Tang's tables-free forms. Each is within two units in the last
place of the exact result over its whole range, infinities, nan and subnormal numbers included; what has no form here is
the C library's, lane by lane.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from .ir import Block, Kind
from .transpose import lane_sums

LN2_HIGH, LN2_LOW = 0.693145751953125, 1.4286068203094172321e-06  # of doubles: 20 bits, and the rest
LN2_HIGH_SINGLE, LN2_LOW_SINGLE = 0.693359375, -2.12194440e-4
HALF_PI = (1.5707963267948966, 6.123233995736766e-17, -1.4973849048591833e-33)  # of doubles, the rest, its rest
HALF_PI_SINGLE = (1.5707963705062866, -4.371139000186243e-08, -1.7151249e-15)
FARTHEST, FARTHEST_SINGLE = 2.0**20, 2.0**12  # beyond it sin and cos are the C library's

# (exp(r) - 1 - r) / r**2 on |r| <= log(2) / 2, in powers of r.
EXP = (0.5000000000000001, 0.16666666666666669, 0.04166666666662413, 0.008333333333330062, 0.0013888888917213717,
       0.00019841269863053618, 2.4801521295954376e-05, 2.7557268459997064e-06, 2.7620088445409746e-07,
       2.510038549551032e-08)  # fmt: skip
EXP_SINGLE = (0.5, 0.16666576969, 0.041666554617, 0.0083631790527, 0.0013926183588)
# (r coth(r / 2) - 2) / r**2 on |r| <= log(3), in powers of r**2.
COTH = (0.16666666666666666, -0.002777777777777556, 6.613756613370195e-05, -1.6534391277655976e-06,
        4.1753430077601865e-08, -1.056688758541179e-09, 2.6617211796904613e-11, -6.007288001773347e-13)  # fmt: skip
COTH_SINGLE = (0.1666666716337204, -0.0027777603827416897, 6.606555689359084e-05, -1.5567361515422817e-06)
# (log((1 + s) / (1 - s)) - 2 s) / s**3 on s**2 <= 0.0295, in powers of s**2.
LOG = (0.6666666666666666, 0.40000000000000885, 0.28571428570799784, 0.22222222392581045, 0.18181795547521137,
       0.15386244737621665, 0.13268638369266825, 0.13088034850927555)  # fmt: skip
LOG_SINGLE = (0.6666666655404201, 0.4000012221181065, 0.28550778633191964, 0.23331614471843498)
# (sin(x) - x) / x**3 and (cos(x) - 1 + x**2 / 2) / x**4 on |x| <= pi / 4, in powers of x**2.
SIN = (-0.16666666666666666, 0.008333333333333331, -0.00019841269841265017, 2.755731921930192e-06,
       -2.5052106219521895e-08, 1.6058529572267877e-10, -7.586576588171073e-13)  # fmt: skip
COS = (0.041666666666666664, -0.0013888888888888887, 2.4801587301584618e-05, -2.7557319221382114e-07,
       2.087675578389404e-09, -1.1470459749675607e-11, 4.745804889760674e-14)  # fmt: skip
# erf(x) / x - 1 on |x| <= 1, in powers of x**2; erfc(x) exp(x**2) on 1 <= x <= 6, in powers of (x - 2) / (x + 2).
ERF = (0.1283791670955126, -0.3761263890318375, 0.11283791670954879, -0.026866170645076792, 0.0052239776248180145,
       -0.000854832698083379, 0.0001205533111164271, -1.4925595266831182e-05, 1.6461000484121368e-06,
       -1.6350312701054695e-07, 1.4659775274047436e-08, -1.1372848856791674e-09, 5.957176147748911e-11)  # fmt: skip
ERFC = (0.25539567631050575, -0.4271858474139584, 0.24165819424246646, -0.07897858101573213, 0.0037328924043277542,
        0.006997461739200556, -0.0008471432509199367, -0.0009819770265727386, 4.3555602187435685e-05,
        0.00017436116556270842, 2.752548037013977e-05, -2.757986596376558e-05, -1.3968071056625742e-05,
        1.3926285242794465e-06, 3.7892019378454878e-06, 1.1780656478717633e-06, -5.322245906951541e-07,
        -4.2155927508275574e-07)  # fmt: skip

LANE_SUMS = "lane_sums"  # the function of as many vectors as one has lanes that sums the lanes of each


def exp(b: Block, x: str, falling: bool = False) -> str:
    """e**x = 2**n e**r with n = round(x / log 2), scaled in two steps so that subnormal results are right.

    `falling` says that x is never above 0.
    """
    least, most = (-104.0, 89.0) if b.kind.single else (-746.0, 710.0)
    x = b.choose(b.compare("<", x, b.number(least)), b.number(least), x)
    x = x if falling else b.choose(b.compare(">", x, b.number(most)), b.number(most), x)
    n, r = _reduced(b, x)
    half = b.integers("ashr", n, b.kind.integer(1))
    first, second = _power_of_two(b, half), _power_of_two(b, b.integers("sub", n, half))
    less_one = b.fused(b.multiply(r, r), _polynomial(b, r, EXP_SINGLE if b.kind.single else EXP), r)
    return b.multiply(b.multiply(b.add(b.number(1.0), less_one), first), second)


def tanh(b: Block, x: str) -> str:
    """r / h with h = r coth(r / 2) and r = 2 |x| where that is at most 1/2, in the sign of x.

    Beyond, with 2 |x| = n log 2 + r, 1 - (h - r) / (h (2**n + 1) / 2 + r (2**n - 1) / 2), as e**r = (h + r) / (h - r);
    what log 2 has beyond a double does not show there.
    """
    size, half, none = b.intrinsic("fabs", x), b.number(0.5), b.number(0.0)
    most = b.number(20.0 if b.kind.single else 44.0)  # from where it rounds to 1
    double = b.add(size, size)
    double = b.choose(b.compare(">", double, most), most, double)
    small = b.compare("<=", double, b.number(math.log(3.0)))
    n, whole = _in_log_2(b, b.choose(small, none, double))
    r = b.fused(n, b.number(-math.log(2.0)), double)
    power = _power_of_two(b, b.integers("sub", whole, b.kind.integer(1)))
    square = b.multiply(r, r)
    h = b.fused(square, _polynomial(b, square, COTH_SINGLE if b.kind.single else COTH), b.number(2.0))
    under = b.fused(b.add(power, half), h, b.multiply(b.subtract(power, half), r))
    found = b.divide(b.choose(small, r, b.subtract(r, h)), under)
    return b.intrinsic("copysign", b.add(found, b.choose(small, none, b.number(1.0))), x)


def sigmoid(b: Block, x: str) -> str:
    """1 / (1 + s), or s / (1 + s) below 0, with s = exp(-|x|), which cannot overflow.

    What 1 + s loses is made good, times 1 / (1 + s), for which a straight line is near enough.
    """
    small, one = exp(b, b.negative(b.intrinsic("fabs", x)), falling=True), b.number(1.0)
    under = b.add(one, small)
    over = b.choose(b.compare(">=", x, b.number(0.0)), one, small)
    found = b.divide(over, under)
    lost = b.subtract(small, b.subtract(under, one))
    return b.fused(b.negative(found), b.multiply(lost, b.fused(small, b.number(-0.5), one)), found)


def log(b: Block, x: str) -> str:
    """k log 2 + log(m) for x = 2**k m with m from sqrt(1/2) to sqrt 2."""
    smallest, up, down = (1.17549435e-38, 2.0**25, 25) if b.kind.single else (2.2250738585072014e-308, 2.0**54, 54)
    tiny = b.compare("<", x, b.number(smallest))
    scaled = b.choose(tiny, b.multiply(x, b.number(up)), x)
    k, m = _exponent(b, scaled)
    k = b.subtract(k, b.choose(tiny, b.number(float(down)), b.number(0.0)))
    return _ends_of_log(b, x, _log_of_parts(b, k, b.subtract(m, b.number(1.0)), b.number(0.0)), 0.0)


def log1p(b: Block, x: str) -> str:
    """log(u) for u = 1 + x, with what the sum lost put back as (x - (u - 1)) / u."""
    u = b.add(b.number(1.0), x)
    k, m = _exponent(b, u)
    large = b.compare(">=", x, b.number(1.0))
    lost = b.choose(large, b.subtract(b.number(1.0), b.subtract(u, x)), b.subtract(x, b.subtract(u, b.number(1.0))))
    near = b.compare("==", k, b.number(0.0))
    f = b.choose(near, x, b.subtract(m, b.number(1.0)))
    correction = b.choose(near, b.number(0.0), b.divide(lost, u))
    small = b.compare("<", b.intrinsic("fabs", x), b.number(1e-10 if b.kind.single else 1e-17))
    return b.choose(small, x, _ends_of_log(b, x, _log_of_parts(b, k, f, correction), -1.0))


def erf(b: Block, x: str) -> str:
    """x + x E(x**2) to 1, and 1 - exp(-x**2) C beyond, in the sign of x."""
    size = b.intrinsic("fabs", x)
    square = b.multiply(size, size)
    near = b.fused(size, _polynomial(b, square, ERF), size)
    limited = b.choose(b.compare(">", size, b.number(6.0)), b.number(6.0), size)
    t = b.divide(b.subtract(limited, b.number(2.0)), b.add(limited, b.number(2.0)))
    tail = b.multiply(exp(b, b.negative(b.multiply(limited, limited)), falling=True), _polynomial(b, t, ERFC))
    far = b.subtract(b.number(1.0), tail)
    found = b.choose(b.compare("<", size, b.number(1.0)), near, far)
    return b.intrinsic("copysign", b.choose(b.compare("!=", x, x), x, found), x)


FUNCTIONS: dict[str, Callable[[Block, str], str]] = {
    "exp": exp, "log": log, "log1p": log1p, "tanh": tanh, "sigmoid": sigmoid, "erf": erf,
    "sin": lambda b, x: _circular(b, x, "sin", 0), "cos": lambda b, x: _circular(b, x, "cos", 1),
}  # fmt: skip


def _polynomial(b: Block, x: str, coefficients: Sequence[float]) -> str:
    """c0 + c1 x + c2 x**2 + ...: by Horner's rule, of fewest operations; for a lone number by Estrin's, the shortest.

    Vectors keep the processor busy, a lone number waits for each step (Knuth, The Art of Computer Programming, 4.6.4).
    """
    parts = [b.number(coefficient) for coefficient in coefficients]
    if b.kind.lanes > 1:
        total = parts[-1]
        for part in parts[-2::-1]:
            total = b.fused(total, x, part)
        return total
    while len(parts) > 1:
        pairs = [b.fused(parts[k + 1], x, parts[k]) for k in range(0, len(parts) - 1, 2)]
        parts = pairs + parts[2 * len(pairs) :]
        x = b.multiply(x, x)
    return parts[0]


def _in_log_2(b: Block, x: str) -> tuple[str, str]:
    """round(x / log 2) as numbers and as integers; by a number so large that its last digit is the unit."""
    unit = b.number(1.5 * 2.0 ** (23 if b.kind.single else 52))
    shifted = b.fused(x, b.number(1.0 / math.log(2.0)), unit)
    return b.subtract(shifted, unit), b.integers("sub", b.as_integers(shifted), b.as_integers(unit))


def _reduced(b: Block, x: str) -> tuple[str, str]:
    """n = round(x / log 2) as integers, and r = x - n log 2."""
    high, low = (LN2_HIGH_SINGLE, LN2_LOW_SINGLE) if b.kind.single else (LN2_HIGH, LN2_LOW)
    n, whole = _in_log_2(b, x)
    return whole, b.fused(n, b.number(-low), b.fused(n, b.number(-high), x))


def _power_of_two(b: Block, n: str) -> str:
    """2**n, by putting n into the exponent."""
    bias, digits = (127, 23) if b.kind.single else (1023, 52)
    return b.as_numbers(b.integers("shl", b.integers("add", n, b.kind.integer(bias)), b.kind.integer(digits)))


def _exponent(b: Block, x: str) -> tuple[str, str]:
    """k and m of x = 2**k m, with m from sqrt(1/2) to sqrt 2, for a normal positive x; k as numbers."""
    kind = b.kind
    digits, root = (23, 0x3F3504F3) if kind.single else (52, 0x3FE6A09E667F3BCD)
    bits = b.integers("sub", b.as_integers(x), kind.integer(root))
    k = b.integers("ashr", bits, kind.integer(digits))
    m = b.integers("sub", b.as_integers(x), b.integers("shl", k, kind.integer(digits)))
    unit = 1.5 * 2.0 ** (23 if kind.single else 52)  # an integer added to its bits is added to the number
    moved = b.as_numbers(b.integers("add", k, b.as_integers(kind.number(unit))))
    return b.subtract(moved, b.number(unit)), b.as_numbers(m)


def _log_of_parts(b: Block, k: str, f: str, correction: str) -> str:
    """k log 2 + log(1 + f) + correction, the larger parts last."""
    single = b.kind.single
    high, low = (LN2_HIGH_SINGLE, LN2_LOW_SINGLE) if single else (LN2_HIGH, LN2_LOW)
    s = b.divide(f, b.add(b.number(2.0), f))
    z = b.multiply(s, s)
    half_square = b.multiply(b.number(0.5), b.multiply(f, f))
    series = b.multiply(z, _polynomial(b, z, LOG_SINGLE if single else LOG))
    small = b.add(b.fused(k, b.number(low), correction), b.multiply(s, b.add(half_square, series)))
    return b.fused(k, b.number(high), b.subtract(f, b.subtract(half_square, small)))


def _ends_of_log(b: Block, x: str, inside: str, pole: float) -> str:
    """-inf at the pole, nan below it, inf at inf, nan for nan; `inside` between."""
    found = b.choose(b.compare("==", x, b.number(pole)), b.number(-math.inf), inside)
    found = b.choose(b.compare("<", x, b.number(pole)), b.number(math.nan), found)
    found = b.choose(b.compare("==", x, b.number(math.inf)), x, found)
    return b.choose(b.compare("!=", x, x), x, found)


def _circular(b: Block, x: str, name: str, quarters: int) -> str:
    """By quarter turns: sin or cos of what is left, in the sign of the quarter. cos is sin of a quarter turn more."""
    single = b.kind.single
    kind, unit = b.kind, 1.5 * 2.0**23 if single else 1.5 * 2.0**52
    shifted = b.fused(x, b.number(2.0 / math.pi), b.number(unit))
    n = b.subtract(shifted, b.number(unit))
    r = x
    for part in HALF_PI_SINGLE if single else HALF_PI:
        r = b.fused(n, b.number(-part), r)
    z = b.multiply(r, r)
    sines, cosines = (SIN[:4], COS[:4]) if single else (SIN, COS)
    as_sine = b.fused(b.multiply(r, z), _polynomial(b, z, sines), r)
    half = b.multiply(b.number(0.5), z)
    rest = b.subtract(b.number(1.0), half)
    lost = b.subtract(b.subtract(b.number(1.0), rest), half)
    as_cosine = b.add(rest, b.fused(b.multiply(z, z), _polynomial(b, z, cosines), lost))
    quarter = b.integers("add", b.as_integers(shifted), kind.integer(quarters))
    odd = b.let(f"icmp ne {kind.integers} {b.integers('and', quarter, kind.integer(1))}, {kind.integer(0)}")
    turned = b.integers("shl", b.integers("and", quarter, kind.integer(2)), kind.integer(kind.bits - 2))
    found = b.as_numbers(b.integers("xor", b.as_integers(b.choose(odd, as_cosine, as_sine)), turned))
    found = b.choose(b.compare("==", x, b.number(0.0)), b.number(1.0) if quarters else x, found)
    far = b.compare(">", b.intrinsic("fabs", x), b.number(FARTHEST_SINGLE if single else FARTHEST))
    return b.rarely(far, lambda: b.each_lane(name, x), found)


def vector_name(name: str, kind: Kind) -> str:
    """What the vector form of a function is called in LLVM's text."""
    return f"@tn.{name}.{kind.suffix}"


def definition(name: str, kind: Kind, inline: bool = True) -> tuple[str, set[str]]:
    """The definition of a function of vectors, which is put where it is called or not, and what it declares."""
    block, sums = Block(kind), name == LANE_SUMS
    given = [f"%x{k}" for k in range(kind.lanes)] if sums else ["%x"]
    result = lane_sums(block, given) if sums else FUNCTIONS[name](block, "%x")
    lines = "\n  ".join([*block.lines, f"ret {kind.numbers} {result}"])
    operands = ", ".join(f"{kind.numbers} {x}" for x in given)
    head = f"define internal {kind.numbers} {vector_name(name, kind)}({operands})"
    return f"{head} {'alwaysinline' if inline and not sums else 'noinline'} {{\n  {lines}\n}}", block.declared
