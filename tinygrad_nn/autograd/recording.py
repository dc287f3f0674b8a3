"""What an operation asks of the context it runs in: whether to record itself, its number, and whose it is.

A context variable holds the answer, so threads and tasks do not disturb each other; `no_grad` and `scope` change it for
the operations inside a `with`. The numbers come from one counter, so that they order the operations of all threads.
"""

from __future__ import annotations

import os
import sys
from contextvars import ContextVar
from functools import partial
from itertools import count

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

# The folder of this package, with the separator at its end, so that no folder beside it begins as it does.
FOLDER = os.path.join(os.path.dirname(os.path.dirname(__file__)), "")


class Recorder:
    """What an operation asks of the context it runs in: its number, and the neuron, layer or loss it belongs to.

    `next_number` is given the result, which is whole but for its number, so that who gives the numbers may look at it.
    `watcher`, while a function is traced, is told what recorded operations alone do not show: comparisons, gradients.
    """

    __slots__ = ("next_number", "scope", "watcher")

    def __init__(self, next_number: Callable[..., int], scope: object = None, watcher: Any = None) -> None:
        self.next_number, self.scope, self.watcher = next_number, scope, watcher


_DEFAULT = Recorder(partial(next, count(1)))  # in C: a result is a default of `next` that is never wanted
_recorder: ContextVar[Recorder | None] = ContextVar("recorder", default=_DEFAULT)
current_recorder = _recorder.get
next_number = _DEFAULT.next_number


class _Context:
    """A recorder of one's own inside a `with`; the same object may be entered again inside it."""

    __slots__ = ("tokens",)

    def __init__(self) -> None:
        self.tokens: list[Any] = []

    def recorder(self, current: Recorder | None) -> Recorder | None:
        """Who records inside, where `current` does so outside."""
        raise NotImplementedError

    def __enter__(self) -> None:
        self.tokens.append(_recorder.set(self.recorder(current_recorder())))

    def __exit__(self, *error: object) -> None:
        _recorder.reset(self.tokens.pop())


class no_grad(_Context):  # noqa: N801
    """Record nothing inside: results are plain Values without a history. Also a decorator.

    A generator, a coroutine or an asynchronous generator that is decorated records nothing while its body runs, and
    leaves its caller alone in between. Derivatives of functions (`derivative`, `gradient` ...) are right inside, too:
    they record for themselves.

    >>> from tinygrad_nn import Value
    >>> with no_grad():
    ...     print((Value(2.0) * 3.0).op)
    None
    """

    __slots__ = ()

    def __init__(self, *given: object) -> None:
        if given:
            raise TypeError(
                f"no_grad takes nothing, but got {given[0]!r}: write no_grad() and give the function to that"
            )
        super().__init__()

    def recorder(self, current: Recorder | None) -> None:
        if (watching := watcher()) is not None:
            watching.refuse("no_grad(), predict() and the like")

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """As a decorator: the function records nothing while it runs."""
        from ..support.decorated import within

        return within(no_grad, function)


class recording(_Context):  # noqa: N801
    """Operations are recorded inside, also within `no_grad`: for who needs the record for a derivative.

    >>> from tinygrad_nn import Value
    >>> with no_grad(), recording():
    ...     print((Value(2.0) * 3.0).op)
    <primitive multiply>
    """

    __slots__ = ()

    def recorder(self, current: Recorder | None) -> Recorder:
        return current or _DEFAULT


class scope(_Context):  # noqa: N801
    """Operations recorded inside carry `owner` as their `.scope`, for drawings.

    >>> from tinygrad_nn import Value
    >>> with scope("mine"):
    ...     print((Value(2.0) * 3.0).scope)
    mine
    """

    __slots__ = ("owner",)

    def __init__(self, owner: object) -> None:
        super().__init__()
        self.owner = owner

    def recorder(self, current: Recorder | None) -> Recorder | None:
        return current and Recorder(current.next_number, self.owner, current.watcher)


class watched(_Context):  # noqa: N801
    """Operations recorded inside are told to a watcher: the tracer of a compiled function, or detect_anomaly.

    `numbered`, if given, hands out their numbers in place of the one who did before.
    """

    __slots__ = ("by", "numbered")

    def __init__(self, by: Any, numbered: Callable[..., int] | None = None) -> None:
        super().__init__()
        self.by, self.numbered = by, numbered

    def recorder(self, current: Recorder | None) -> Recorder:
        current = current or _DEFAULT
        return Recorder(self.numbered or current.next_number, current.scope, self.by)


def watcher() -> Any:
    """Who watches the operations of this context; None outside of tracing."""
    recorder = current_recorder()
    return recorder and recorder.watcher


def users_frame() -> Any:
    """The frame of the user's code that is running."""
    frame: Any = sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(FOLDER):
        frame = frame.f_back
    return frame
