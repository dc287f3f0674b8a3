"""What a C file has for AVR, the processor of many Arduinos: tables that stay in flash, and what its library lacks."""

from __future__ import annotations

import re

from .functions import named_after

NEAR_FLASH = 60_000  # bytes of tables that 16-bit addresses reach; where they are more, the linker says so
# How a table is declared: constants are copied into RAM, unless they are said to be in flash. C has a word for it; in
# C++, which has none, each entry reads itself.
IN_FLASH = """#if defined(__AVR__) && defined(__cplusplus)
#include <avr/pgmspace.h>
template <class number> struct {name}_entry {{
    number held;
    operator number() const {{ number read; memcpy_P(&read, &held, sizeof read); return read; }}
}};
#define {macro}(number) static const {name}_entry<number> PROGMEM
#elif defined(__AVR__) && defined(__FLASH) && !defined(__STRICT_ANSI__)
#define {macro}(number) static const __flash number
#else
#define {macro}(number) static const number
#endif

"""
# log1p and expm1 by formulas of Kahan's, which lose no digits; erf by a series of positive terms near 0, and elsewhere
# erfc by its continued fraction.
LACKING = {
    ("erf", "erfc"): """static real own_erfc(real x);
static real own_erf(real x)
{
    const real a = fabs(x);
    if (!(a < 1.0)) {
        return x < 0.0 ? own_erfc(a) - 1.0 : 1.0 - own_erfc(a);
    }
    real term = a, sum = a;
    for (real k = 1.5; term > 1e-9 * sum; k += 1.0) {
        term *= a * a / k;
        sum += term;
    }
    sum *= 1.1283791670955126 * exp(-a * a);
    return x < 0.0 ? -sum : sum;
}
static real own_erfc(real x)
{
    const real a = fabs(x);
    if (a < 1.0) {
        return 1.0 - own_erf(x);
    }
    real rest = a;
    for (real k = floor(4.0 + 60.0 / (a * a)); k >= 1.0; k -= 1.0) {
        rest = a + 0.5 * k / rest;
    }
    rest = 0.5641895835477563 * exp(-a * a) / rest;
    return x < 0.0 ? 2.0 - rest : rest;
}
""",
    ("log1p",): """static real own_log1p(real x)
{
    const real y = 1.0 + x;
    return y == 1.0 ? x : y - y != 0.0 ? log(y) : log(y) * (x / (y - 1.0));
}
""",
    ("expm1",): """static real own_expm1(real x)
{
    const real y = exp(x);
    return y == 1.0 ? x : y - 1.0 == -1.0 || y - y != 0.0 ? y - 1.0 : (y - 1.0) * (x / log(y));
}
""",
}


def table_macro(name: str, size: int) -> tuple[str, str]:
    """The macro that declares a table of a file, and its definition, where all tables take so many bytes."""
    macro = f"{name.upper()}_TABLE"
    text = IN_FLASH if size <= NEAR_FLASH else "#define {macro}(number) static const number\n\n"
    return macro, text.format(name=name, macro=macro)


def lacking(text: str, name: str, single: bool) -> str:
    """The definitions, as for doubles, of functions that a text of a file calls and that AVR's library lacks."""
    end, found = "f" * single, ""
    for functions, lines in LACKING.items():
        if re.search(rf"\b({'|'.join(functions)}){end}\(", text):
            macros = "".join(f"#define {function}{end} {name}_{function}\n" for function in functions)
            found += named_after(lines, name) + macros
    return f"#ifdef __AVR__ /* whose library lacks it */\n{found}#endif\n\n" if found else ""


def words_of_avr(tables: bool, single: bool) -> list[str]:
    """What the comment says of AVR: of its tables, and that its doubles are floats."""
    words = ["its tables stay in flash with -std=gnu99", "-Os is faster than -O2"] if tables else []
    words += [] if single else ["where its doubles are floats, dtype='float' is the one to take"]
    return [f"AVR:   {', '.join(words)}"] if words else []
