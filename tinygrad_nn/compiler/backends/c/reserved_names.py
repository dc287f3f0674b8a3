"""What C and C++ mean by a name already: a keyword, a macro, a type, or a function of their libraries.

A name of a user's that stands in a C file must be none of them, or the file would not build with one compiler or
another; and a function that is linked must not take the place of one that the C library itself calls. The lists, in the
text beside, are those of C99 to C23, C++11 to C++23, POSIX and the GNU library, of newlib and of AVR's library; names
of one kind go by a pattern.
"""

from __future__ import annotations

import re
from pathlib import Path

_MACRO = (
    r"(M|FP|FE|FLT\d*X?|DBL\d*X?|LDBL|DEC\d+X?|LC|SEEK|TIME|ATOMIC|MATH|EXIT|HUGE_VAL|SNAN|SIG|MB|CLOCKS|BOOL)_[A-Z\d]\w*"
    r"|(CHAR|U?SHRT|U?INT|U?LLONG|U?LONG|[SU]CHAR|WCHAR|WINT|S?SIZE|PTRDIFF|U?INT(MAX|PTR)|U?INT(_FAST|_LEAST)?\d+)"
    r"_(MIN|MAX|BIT|C|WIDTH)|SNANF(32|64|128)X?|(PRI|SCN)[diouxX]((LEAST|FAST)?\d+|MAX|PTR)"
)
_TYPE = (
    r"u_?int\d*_t|u?int(_fast|_least)?\d+_t|u?int(max|ptr|_farptr)_t|sbintime_t|u_register_t|\w+64_t|atomic_\w+"
    r"|(pthread|cookie|sem|mtx|cnd|thrd|tss)_(\w+_)?t"
)
_KINDS = r"(f|l|[fd](16|32|64|128)x?)?(_r)?"  # of numbers, at the end of the names of mathematics
_NARROWING = r"f\d+x?(add|sub|mul|div|sqrt|fma)f\d+x?"
_FAMILY = (
    r"(mem|str|\w*(printf|scanf|puts))\w*_r?PF?|(aio|arg[pz]|atomic|cnd|clnt\w*|eeprom|envz|epoll|ether|fanotify|inet6?|inotify|lio|mq|mtx|obstack|pidfd|pkey|posix|pthread"
    r"|sched|sem|shm|svc\w*|thrd|timer|timerfd|tss|xdr\w*|xprt)_\w+"
)
_OTHERS = {
    "main": "where a program begins",
    "std": "the namespace of C++'s library",
    "real": "what these files call a number",
}

_TEXT = Path(__file__).with_suffix(".txt").read_text("ascii")
_NAMES = {kind: frozenset(names.split()) for kind, names in re.findall(r"\[(\w+)\]([^[]*)", _TEXT)}
_macro, _type, _family = (re.compile(pattern) for pattern in (_MACRO, _TYPE, _FAMILY))
_mathematics = re.compile(f"({'|'.join(_NAMES['mathematics'])}){_KINDS}|{_NARROWING}")
_special = re.compile(f"({'|'.join(_NAMES['special'])})[fl]?")
_library_function = re.compile(r"(\w+?)(64)?(_r|_l|_unlocked|_np)?")


def meaning(name: str) -> str:
    """What a name means anywhere in a C file that includes <math.h> and <stdio.h>, in words; "" if nothing."""
    if name in _NAMES["keywords"]:
        return "a keyword of C or C++"
    if name in _NAMES["macros"] or _macro.fullmatch(name):
        return "a macro of C's library"
    if name in _NAMES["types"] or _type.fullmatch(name):
        return "a type of C's library"
    return "a function of C's library" if _mathematics.fullmatch(name) else ""


def meaning_when_linked(name: str) -> str:
    """What a name means to a program that has the file and C's whole library in it, in words; "" if nothing."""
    if name in _OTHERS:
        return _OTHERS[name]
    if _special.fullmatch(name):
        return "a function of C++'s library"
    part = _library_function.fullmatch(name)
    in_library = name in _NAMES["library"] or _family.fullmatch(name) or (part and part[1] in _NAMES["library"])
    return meaning(name) or ("a function of C's library" if in_library else "")
