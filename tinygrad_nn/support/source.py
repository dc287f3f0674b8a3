"""Generated Python: a text becomes the function that it defines, and tracebacks show its lines.

`linecache` holds the text under the name of a file that is none, for as long as the function is there.
"""

from __future__ import annotations

from itertools import count

from .annotation import Any

_numbers = count(2)


def defined(name: str, text: str, title: str, namespace: dict[str, Any]) -> Any:
    """The function called `name` that a text defines in a namespace. Its file is <title>, or <title 2> ... if taken.

    >>> double = defined("double", "def double(x):\\n    return 2 * x\\n", "an example", {})
    >>> double(3), double.__code__.co_filename
    (6, '<an example>')
    """
    import linecache  # here, since importing the package should not pay for them
    from weakref import finalize

    lines, file = text.splitlines(keepends=True), f"<{title}>"
    while (entry := (len(text), None, lines, file)) is not linecache.cache.setdefault(file, entry):
        file = f"<{title} {next(_numbers)}>"
    made: dict[str, Any] = {}
    exec(compile(text, file, "exec"), namespace, made)
    function = made[name]
    finalize(function, linecache.cache.pop, file, None)
    return function
