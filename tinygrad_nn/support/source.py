"""Generated Python: a text becomes the function that it defines, and tracebacks show its lines.

`linecache` holds the text under the name of a file that is none, for as long as the code of the function is there.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import count

from .annotation import Any

MOST_KEPT, LONGEST_KEPT = 32, 1_000_000  # texts, and letters of one

_numbers = count(2)


def defined(name: str, text: str, title: str, namespace: dict[str, Any], keep: bool = False) -> Any:
    """The function called `name` that a text defines in a namespace. Its file is <title>, or <title 2> ... if taken.

    With `keep` the code of the latest texts is kept, so that the same one is not compiled again.

    >>> double = defined("double", "def double(x):\\n    return 2 * x\\n", "an example", {})
    >>> double(3), double.__code__.co_filename
    (6, '<an example>')
    """
    made: dict[str, Any] = {}
    exec((kept_code if keep and len(text) <= LONGEST_KEPT else code_of)(text, title), namespace, made)
    return made[name]


def code_of(text: str, title: str) -> Any:
    """The code of a text that defines a function."""
    import linecache  # here, since importing the package should not pay for them
    from weakref import finalize

    lines, file = text.splitlines(keepends=True), f"<{title}>"
    while (entry := (len(text), None, lines, file)) is not linecache.cache.setdefault(file, entry):
        file = f"<{title} {next(_numbers)}>"
    code = compile(text, file, "exec")
    of_function = next(constant for constant in code.co_consts if isinstance(constant, type(code)))
    finalize(of_function, linecache.cache.pop, file, None)
    return code


kept_code = lru_cache(maxsize=MOST_KEPT)(code_of)
