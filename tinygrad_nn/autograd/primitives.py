"""The table of primitives: all the calculus of the project, one row each.

A row is a name, a symbol for drawings, the operands, the value and one derivative rule per operand. A rule is one
expression in g (the adjoint of the result), y (the result) and the operands; it gives g * dy/d(operand). Written with
`+ - * /` and other rows alone, the same rule runs on floats (backward), on Values (derivatives of derivatives) and on
traced values (compiled gradients).

A value is a text, too, wherever a text can say it: an expression of + - * /, numbers, constants, other rows and
`a if claim else b`, where a claim is a comparison, or several with `not`, `and`, `or`. What it needs twice is named
first: "size = power(x, n); ...". Every back end writes it from there, as it writes a function that the C library has
by the same name. No text says sums over columns and the like: they are functions of floats here, and the back ends
spell them. A row with a `doc` is a function of the library, tn.NAME, and a method of Values if it takes one number.
"""

from __future__ import annotations

import math
import operator

from .ieee import floats as ieee
from .ieee import special
from .primitive import TABLE as TABLE
from .primitive import Primitive as Primitive

# fmt: off
# Arithmetic. A literal exponent 0, 2, 3 or 4 has a row of its own: the same products in every engine.
add          = Primitive("add",          "+",    "a b", operator.add,        "g",      "g")
subtract     = Primitive("subtract",     "-",    "a b", operator.sub,        "g",      "-g")
multiply     = Primitive("multiply",     "*",    "a b", operator.mul,        "g * b",  "g * a")
divide       = Primitive("divide",       "/",    "a b", ieee.divide,         "g / b",  "-(g * y / b)")
negative     = Primitive("negative",     "neg",  "x",   operator.neg,        "-g")
absolute     = Primitive("absolute",     "abs",  "x",   operator.abs,        "g * sign(x)")
power        = Primitive("power",        "**",   "x n", ieee.power,          "g * monomial(n, x, n - 1.0)",
                                                                             "g * log_power(x, n, 1.0)")
zeroth_power = Primitive("zeroth_power", "**0",  "x",   "1.0",               None)
square       = Primitive("square",       "**2",  "x",   "x * x",             "g * (2.0 * x)")
cube         = Primitive("cube",         "**3",  "x",   "x * x * x",         "g * (3.0 * (x * x))")
fourth_power = Primitive("fourth_power", "**4",  "x",   "(x * x) * (x * x)", "g * (4.0 * (x * x * x))")

# Elementary functions. Where a rule has `minimum(maximum(x, -40.0), 40.0)`, here and below, what that goes with is 0
# from there on: an infinite x would make it nan.
exp          = Primitive("exp",      "exp",      "x", ieee.exp,      "g * y",
    doc="e to the power x; inf past 709.78.", example="exp(0.0) -> 1.0")
expm1        = Primitive("expm1",    "expm1",    "x", ieee.expm1,    "g * exp(x)",
    doc="exp(x) - 1, exact for small x.", example="expm1(1e-20) -> 1e-20")
log          = Primitive("log",      "log",      "x", ieee.log,      "g / x",
    doc="The natural logarithm of x; -inf at 0, nan below.", example="log(1.0) -> 0.0")
log1p        = Primitive("log1p",    "log1p",    "x", ieee.log1p,    "g / (1.0 + x)",
    doc="log(1 + x), exact for small x; -inf at -1, nan below.", example="log1p(1e-20) -> 1e-20")
sqrt         = Primitive("sqrt",     "sqrt",     "x", ieee.sqrt,     "g / (2.0 * y)",
    doc="The square root of x; nan below 0, with derivative inf at 0.", example="sqrt(9.0) -> 3.0")
sin          = Primitive("sin",      "sin",      "x", ieee.sin,      "g * cos(x)",
    doc="The sine of x radians; nan at an infinity.", example="sin(0.0) -> 0.0")
cos          = Primitive("cos",      "cos",      "x", ieee.cos,      "-(g * sin(x))",
    doc="The cosine of x radians; nan at an infinity.", example="cos(0.0) -> 1.0")
tan          = Primitive("tan",      "tan",      "x", ieee.tan,      "g * (1.0 + y * y)",
    doc="The tangent of x radians; nan at an infinity.", example="tan(0.0) -> 0.0")
asin         = Primitive("asin",     "asin",     "x", ieee.asin,     "g * asin_slope(x)",
    doc="The angle in radians, -pi/2 to pi/2, whose sine is x; nan outside [-1, 1].", example="asin(0.0) -> 0.0")
acos         = Primitive("acos",     "acos",     "x", ieee.acos,     "-(g * asin_slope(x))",
    doc="The angle in radians, 0 to pi, whose cosine is x; nan outside [-1, 1].", example="acos(1.0) -> 0.0")
atan         = Primitive("atan",     "atan",     "x", math.atan,     "g * atan_slope(x)",
    doc="The angle in radians, -pi/2 to pi/2, whose tangent is x.", example="atan(0.0) -> 0.0")
sinh         = Primitive("sinh",     "sinh",     "x", ieee.sinh,     "g * cosh(x)",
    doc="The hyperbolic sine, (exp(x) - exp(-x)) / 2.", example="sinh(0.0) -> 0.0")
cosh         = Primitive("cosh",     "cosh",     "x", ieee.cosh,     "g * sinh(x)",
    doc="The hyperbolic cosine, (exp(x) + exp(-x)) / 2.", example="cosh(0.0) -> 1.0")
tanh         = Primitive("tanh",     "tanh",     "x", math.tanh,     "g * (1.0 - y * y)",
    doc="The hyperbolic tangent, sinh(x) / cosh(x).", example="tanh(0.0) -> 0.0")
erf          = Primitive("erf",      "erf",      "x", math.erf,
    "g * (TWO_OVER_SQRT_PI * exp(-square(minimum(maximum(x, -40.0), 40.0))))",
    doc="The error function, 2 / sqrt(pi) times the integral of exp(-t*t) from 0 to x.", example="erf(0.0) -> 0.0")
erfc         = Primitive("erfc",     "erfc",     "x", math.erfc,
    "-(g * (TWO_OVER_SQRT_PI * exp(-square(minimum(maximum(x, -40.0), 40.0)))))",
    doc="1 - erf(x), exact where that is tiny, too.", example="erfc(0.0) -> 1.0")

# Further elementary functions, and those of whole numbers: `round` is to even, `mod` and `floor_divide` are Python's.
asinh        = Primitive("asinh",    "asinh",    "x",
    "a = abs(x); x if x == 0.0 else sign(x) * "
    "(log(a) + LOG_2 if a > 1e8 else log1p(a + a * a / (1.0 + sqrt(1.0 + a * a))))", "g * asinh_slope(x)",
    doc="The number whose hyperbolic sine is x.", example="asinh(0.0) -> 0.0")
acosh        = Primitive("acosh",    "acosh",    "x",
    "t = x - 1.0; nan if x < 1.0 else log(x) + LOG_2 if x > 1e8 else log1p(t + sqrt(t * (x + 1.0)))",
    "g * acosh_slope(x)",
    doc="The number, 0 or more, whose hyperbolic cosine is x; nan below 1.", example="acosh(1.0) -> 0.0")
atanh        = Primitive("atanh",    "atanh",    "x",
    "0.5 * (log1p(x) - log1p(-x))", "g * atanh_slope(x)",
    doc="The number whose hyperbolic tangent is x; nan outside [-1, 1].", example="atanh(0.0) -> 0.0")
log2         = Primitive("log2",     "log2",     "x", ieee.log2,     "g / LOG_2 / x",
    doc="The logarithm of x to the base 2; -inf at 0, nan below.", example="log2(8.0) -> 3.0")
log10        = Primitive("log10",    "log10",    "x", ieee.log10,    "g / LOG_10 / x",
    doc="The logarithm of x to the base 10; -inf at 0, nan below.", example="log10(1000.0) -> 3.0")
exp2         = Primitive("exp2",     "exp2",     "x", ieee.exp2,     "g * (LOG_2 * y)",
    doc="2 to the power x; inf from 1024 on.", example="exp2(10.0) -> 1024.0")
cbrt         = Primitive("cbrt",     "cbrt",     "x", ieee.cbrt,     "g / 3.0 / y / y",
    doc="The cube root of x, which is negative for a negative x; with derivative inf at 0.",
    example="cbrt(-8.0) -> -2.0")
floor        = Primitive("floor",    "floor",    "x", ieee.floor,    None,
    doc="The largest whole number that is no more than x; its derivative is 0.", example="floor(-1.5) -> -2.0")
ceil         = Primitive("ceil",     "ceil",     "x", ieee.ceil,     None,
    doc="The smallest whole number that is no less than x; its derivative is 0.", example="ceil(-1.5) -> -1.0")
trunc        = Primitive("trunc",    "trunc",    "x", ieee.trunc,    None,
    doc="x without what is behind its point; its derivative is 0.", example="trunc(-1.5) -> -1.0")
round        = Primitive("round",    "round",    "x",
    "a = abs(x); whole = floor(a); rest = a - whole; "
    "n = whole if rest < 0.5 else whole + 1.0 if rest > 0.5 else 2.0 * floor(0.5 * whole + 0.5); "
    "0.0 * x if n == 0.0 else sign(x) * n", None,
    doc="The whole number nearest to x, the even one of two; its derivative is 0.",
    example="round(2.5), round(3.5) -> (2.0, 4.0)")
sign         = Primitive("sign",     "sign",     "x",
    "1.0 if x > 0.0 else -1.0 if x < 0.0 else 0.0 if x == 0.0 else x", None,
    doc="1 above 0, -1 below, 0 at 0; its derivative is 0.", example="sign(-2.5) -> -1.0")
fmod         = Primitive("fmod",     "fmod",     "a b", ieee.fmod,   "g", "-(g * round((a - y) / b))",
    doc="What is left of a after whole multiples of b, in the sign of a; nan for b = 0. a % b is in the sign of b.",
    example="fmod(-7.0, 3.0) -> -1.0")
mod          = Primitive("mod",      "%",        "a b",
    "r = fmod(a, b); 0.0 * sign(b) if r == 0.0 else r + b if sign(r) != sign(b) else r",
    "g", "-(g * floor_divide(a, b))")
floor_divide = Primitive("floor_divide", "//",   "a b",
    "r = fmod(a, b); q = (a - r) / b; d = q - 1.0 if r != 0.0 and sign(r) != sign(b) else q; below = floor(d); "
    "n = below + 1.0 if d - below > 0.5 else below; a / b if b == 0.0 else 0.0 * (a / b) if n == 0.0 else n",
    None, None)
hypot        = Primitive("hypot",    "hypot",    "a b", math.hypot,  "g * hypot_slope(a, b)", "g * hypot_slope(b, a)",
    doc="The length of (a, b), without overflow between; its derivative at (0, 0) is 0. tn.norm is of any number.",
    example="hypot(3.0, 4.0) -> 5.0")
atan2        = Primitive("atan2",    "atan2",    "a b", math.atan2,
    "where(hypot(a, b), g * hypot_slope(b, a) / hypot(a, b), 0.0)",
    "-where(hypot(a, b), g * hypot_slope(a, b) / hypot(a, b), 0.0)",
    doc="The angle of the point (b, a) in radians, -pi to pi; its derivative at (0, 0) is 0.",
    example="atan2(0.0, 1.0) -> 0.0")
erfinv       = Primitive("erfinv",   "erfinv",   "x", special.ERFINV, "g * (SQRT_PI_OVER_TWO * exp(y * y))",
    doc="The number whose erf is x; infinite at -1 and 1, nan outside.", example="erfinv(0.0) -> 0.0")
lgamma       = Primitive("lgamma",   "lgamma",   "x", ieee.lgamma,   "g * digamma(x)",
    doc="The logarithm of |gamma(x)|; inf at 0 and negative whole numbers.", example="lgamma(1.0) -> 0.0")
digamma      = Primitive("digamma",  "digamma",  "x", special.DIGAMMA_VALUE, "g * trigamma(x)",
    doc="The derivative of lgamma; nan at negative whole numbers.", example="digamma(2.0) -> 0.42278433509846713")
sinc         = Primitive("sinc",     "sinc",     "x", special.SINC,  "g * sinc_slope(x)",
    doc="sin(pi x) / (pi x), and 1 at 0.", example="sinc(0.0), sinc(1.0) -> (1.0, 0.0)")
softsign     = Primitive("softsign", "softsign", "x",
    "sign(x) if abs(x) == inf else x / (1.0 + abs(x))", "g * square(1.0 / (1.0 + abs(x)))",
    doc="x / (1 + |x|).", example="softsign(1.0) -> 0.5")
hardtanh     = Primitive("hardtanh", "hardtanh", "x",
    "-1.0 if x < -1.0 else 1.0 if x > 1.0 else x", "g * step(1.0 - abs(x))",
    doc="x from -1 to 1, and beyond these -1 and 1; its derivative there is 0.", example="hardtanh(2.0) -> 1.0")

# Activations.
sigmoid      = Primitive("sigmoid",    "sigmoid",    "x",
    "small = exp(-x if x >= 0.0 else x); (1.0 if x >= 0.0 else small) / (1.0 + small)",  "g * sigmoid_slope(x, y)",
    doc="1 / (1 + exp(-x)), without overflow on either side.", example="sigmoid(0.0) -> 0.5")
softplus     = Primitive("softplus",   "softplus",   "x",
    "(0.0 if x < 0.0 else x) + log1p(exp(-abs(x)))",     "g * sigmoid(x)",
    doc="log(1 + exp(x)), without overflow or early rounding to 0.", example="softplus(800.0) -> 800.0")
relu         = Primitive("relu",       "ReLU",       "x",
    "0.0 if x <= 0.0 else x",                            "g * step(y)",
    doc="max(x, 0); its derivative at 0 is 0.", example="relu(-2.0), relu(3.0) -> (0.0, 3.0)")
leaky_relu   = Primitive("leaky_relu", "leaky ReLU", "x",
    "0.01 * x if x <= 0.0 else x",                       "g * (0.01 + 0.99 * step(x))",
    doc="x, and 0.01 x below 0; its derivative at 0 is 0.01.", example="leaky_relu(-2.0) -> -0.02")
elu          = Primitive("elu",        "ELU",        "x",
    "expm1(x) if x < 0.0 else x",                        "g * exp(minimum(x, 0.0))",
    doc="x, and exp(x) - 1 below 0 (Clevert et al., 2016, with alpha 1).", example="elu(3.0) -> 3.0")
silu         = Primitive("silu",       "SiLU",       "x",
    "x * sigmoid(x) if x != -inf else -0.0",
    "g * (sigmoid(x) * (1.0 + minimum(maximum(x, -800.0), 800.0) * sigmoid(-x)))",
    doc="x * sigmoid(x) (Hendrycks & Gimpel, 2016), also called swish.", example="silu(0.0) -> 0.0")
gelu         = Primitive("gelu",       "GELU",       "x",
    "x * normal_cdf(x) if x != -inf else -0.0",
    "g * (normal_cdf(x) + minimum(maximum(x, -40.0), 40.0) * normal_pdf(x))",
    doc="x times the normal distribution function of x, the erf form (Hendrycks & Gimpel, 2016).",
    example="gelu(0.0) -> 0.0")

# Two operands; the gradient of a tie is split in half.
maximum      = Primitive("maximum", "max", "a b", "a if a >= b or a != a else b", "g * tie(a, b)", "g * tie(b, a)")
minimum      = Primitive("minimum", "min", "a b", "a if a <= b or a != a else b", "g * tie(b, a)", "g * tie(a, b)")

# The cross-entropy of a probability, with a gradient that is finite at p = 0 and 1. Where p is sigmoid(z), the gradient
# of z is p - t: what reaches z by way of p, and the rest of it where the sigmoid is too flat for that.
binary_cross_entropy  = Primitive("binary_cross_entropy", "cross-entropy", "p t",
                                  "0.0 - (t * maximum(log(p), -100.0) + (1.0 - t) * maximum(log(1.0 - p), -100.0))",
                                  "g * ((p - t) / floored(p * (1.0 - p)))",
                                  "g * (maximum(log(1.0 - p), -100.0) - maximum(log(p), -100.0))")
sigmoid_cross_entropy = Primitive("sigmoid_cross_entropy", "cross-entropy", "p z t", "binary_cross_entropy(p, t)",
                                  "g * ((p - t) / floored(p * (1.0 - p)))",
                                  "g * ((p - t) * (1.0 - p * (1.0 - p) / floored(p * (1.0 - p))))",
                                  "g * (maximum(log(1.0 - p), -100.0) - maximum(log(p), -100.0))")

# Any number of operands. `largest` is told the count of those that are, and splits the gradient evenly.
dot          = Primitive("dot",       "dot",       "ws xs b",    ieee.dot,       "g * x", "g * w", "g")
take         = Primitive("take",      "take",      "xs index",   ieee.take,      "where_equal(g, float(i), index)",
                                                                                None)
logsumexp    = Primitive("logsumexp", "logsumexp", "xs",         ieee.logsumexp,
                         "g * (exp_gap(x, y) / normalizer(tuple([exp_gap(x, y) for x in xs]), y))")
largest      = Primitive("largest",   "max",       "xs count",   ieee.largest,   "g * (equal(x, y) / count)", None)
ties         = Primitive("ties",      "ties",      "xs",         ieee.ties,      None)
normalizer   = Primitive("normalizer", "sum",      "xs total",   ieee.normalizer, None, None)
partition    = Primitive("partition", "sum",       "xs top",     ieee.normalizer, "g",  None)

# What the rows above need. A branch is a function with a value, so that no rule has an `if`. `scaled`, `monomial` and
# `log_power` are c * x, c * x**n and x**n * log(x)**k with 0 wherever c or x**n is 0; `gap` is a - b with 0 between
# equal infinities; `floored` is no less than FLOOR, near the smallest float, with room for 1 / x to grow;
# `sigmoid_slope` is told s = sigmoid(x). `where` is a where c is not 0, and what the other is made of gets no
# gradient (`taken` in graph.py). `hypot_slope` is a / hypot(a, b), and 0 at (0, 0); `norm_scale` is what a list is
# divided by, so that no square overflows; `zeta` is Hurwitz's, the sum of (x + k)**-s, of an s that is data.
# `detached` is x itself, taken for a constant; and so is `normalizer`, which is 1 but for rounding. `partition` is the
# same sum, of exps of x less the largest, by which a softmax divides.
detached      = Primitive("detached",      "detach",   "x",     "x",                                      None)
step          = Primitive("step",          "step",     "x",
                          "1.0 if x > 0.0 else 0.0 if x <= 0.0 else x",                                   None)
tie           = Primitive("tie",           "tie",      "a b",
                          "1.0 if a > b else 0.0 if a < b else 0.5 if a == b else nan",                   None, None)
equal         = Primitive("equal",         "==",       "a b",   "1.0 if a == b else 0.0",        None,    None)
less          = Primitive("less",          "<",        "a b",   "1.0 if a < b else 0.0",        None,    None)
less_equal    = Primitive("less_equal",    "<=",       "a b",   "1.0 if a <= b else 0.0",       None,    None)
where         = Primitive("where",         "where",    "c a b", "a if c != 0.0 else b",
                          None, "where(c, g, 0.0)", "where(c, 0.0, g)")
where_equal   = Primitive("where_equal",   "where ==", "x a b", "x if a == b else 0.0",
                          "where_equal(g, a, b)", None, None)
gap           = Primitive("gap",           "-",        "a b",   "a - b if a != b else 0.0",      "g",     "-g")
exp_gap       = Primitive("exp_gap",       "exp -",    "a b",   "exp(gap(a, b))",                "g * y", "-(g * y)")
scaled        = Primitive("scaled",        "*",        "c x",   "c * x if c != 0.0 or x != x else 0.0",
                          "g * x", "scaled(c, g)")
floored       = Primitive("floored",       "floor",    "x",     "x if x >= FLOOR or x != x else FLOOR",
                          "where_equal(g, x, y)")
monomial      = Primitive("monomial",      "c x**n",   "c x n",
                          "size = power(x, n) if c != 0.0 else 0.0; c * size if size != 0.0 else 0.0",
                          "g * power(x, n)",
                          "g * monomial(c * n, x, n - 1.0)",
                          "g * scaled(c, log_power(x, n, 1.0))")
log_power     = Primitive("log_power",     "x**n log**k", "x n k",
                          "size = power(x, n); size * power(log(x), k) if size != 0.0 else 0.0",
                          "g * (scaled(n, log_power(x, n - 1.0, k)) + scaled(k, log_power(x, n - 1.0, k - 1.0)))",
                          "g * log_power(x, n, k + 1.0)",
                          None)
asin_slope    = Primitive("asin_slope",    "asin'",    "x",     "1.0 / sqrt((1.0 - x) * (1.0 + x))",
                          "g * (x * cube(y))")
atan_slope    = Primitive("atan_slope",    "atan'",    "x",     "1.0 / (1.0 + x * x)",
                          "-(g * (2.0 * scaled(y, x) * y))")
sigmoid_slope = Primitive("sigmoid_slope", "sigmoid'", "x s",   "s * (1.0 - s)",
                          "-(g * (y * tanh(0.5 * x)))", None)
asinh_slope   = Primitive("asinh_slope",   "asinh'",   "x",     "1.0 / hypot(1.0, x)",
                          "-(g * (scaled(y, x) * y * y))")
acosh_slope   = Primitive("acosh_slope",   "acosh'",   "x",     "1.0 / (sqrt(x - 1.0) * sqrt(x + 1.0))",
                          "-(g * (scaled(y, x) * y * y))")
atanh_slope   = Primitive("atanh_slope",   "atanh'",   "x",     "1.0 / ((1.0 - x) * (1.0 + x))",
                          "g * (2.0 * scaled(y, x) * y)")
hypot_slope   = Primitive("hypot_slope",   "hypot'",   "a b",
                          "a if a == 0.0 and b == b else sign(a) if 1e-17 * abs(a) > abs(b) else a / hypot(a, b)",
                          "where(hypot(a, b), g * square(hypot_slope(b, a)) / hypot(a, b), 0.0)",
                          "-where(hypot(a, b), g * (y * hypot_slope(b, a)) / hypot(a, b), 0.0)")
norm_scale    = Primitive("norm_scale",    "scale",    "x",
                          "x if x > 0.0 and x < 1e-15 or x > 1e15 and x < inf else 1.0",                  None)
trigamma      = Primitive("trigamma",      "trigamma", "x",
                          "zeta(x, 2.0) if x > 0.0 else square(PI / sin(PI * (x - round(x)))) - zeta(1.0 - x, 2.0)",
                          "-(2.0 * g * where(step(x), zeta(x, 3.0), zeta(1.0 - x, 3.0) + cube(PI) * "
                          "cos(PI * (x - round(x))) / cube(sin(PI * (x - round(x))))))")
zeta          = Primitive("zeta",          "zeta",     "x s",   special.ZETA,
                          "-(g * (s * zeta(x, s + 1.0)))", None)
sinc_slope    = Primitive("sinc_slope",    "sinc'",    "x",     special.SINC_SLOPE,
                          "g * sinc_curvature(x)")
sinc_curvature = Primitive("sinc_curvature", "sinc''", "x",     special.SINC_CURVATURE,
                          "-(g * (PI * PI * sinc_slope(x) + where(x, 2.0 * (y - sinc_slope(x) / x) / x, 0.0)))")
normal_cdf    = Primitive("normal_cdf",    "Phi",      "x",     "0.5 * erfc(-x * SQRT_HALF)",    "g * normal_pdf(x)")
normal_pdf    = Primitive("normal_pdf",    "phi",      "x",     "exp(-0.5 * x * x) * ONE_OVER_SQRT_TWO_PI",
                          "-(g * (minimum(maximum(x, -40.0), 40.0) * y))")
# fmt: on

TABLE.update((row.name, row) for row in list(globals().values()) if isinstance(row, Primitive))
