"""What an operation asks of the context it runs in: whether to record itself, its number, and whose it is.

A context variable holds the answer, so threads and tasks do not disturb each other; `no_grad` and `scope` change it for
the operations inside a `with`. The numbers come from one counter, so that they order the operations of all threads.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from itertools import count

from ..support.annotation import Any
from .graph import Leaf

# The folder of this package, with the separator at its end, so that no folder beside it begins as it does.
FOLDER = os.path.join(os.path.dirname(os.path.dirname(__file__)), "")


class Watcher:
    """What is told of operations, and asked about them: the tracer of a compiled function, or detect_anomaly.

    This one lets everything be as it is when nobody watches, which is what None stands for in an answer.
    """

    def recorded(self, result: Any) -> None:
        """An operation on Values was recorded; `result` has all but other operations that use it."""

    def compared(self, value: Leaf, symbol: str, other: Any) -> Any:
        """What the comparison of a Value with another, or with a float, gives."""

    def backward(self, output: Leaf) -> None:
        """`output.backward()` begins."""

    def refuse(self, what: str) -> None:
        """Something else that not every watcher can let happen is about to, such as "no_grad()"."""

    def variable(self, number: Any) -> Any:
        """The variable that a transform differentiates by, for a number or a Value that it was given."""

    def leaf(self, value: Any, number: Any, label: str) -> Any:
        """Whether it has made the new Value itself, of a scalar that is no plain number."""

    def grad(self, output: Any, inputs: Any, create_graph: bool) -> Any:
        """The gradients of an output, in the shape of the inputs."""

    def tangents(self, outputs: list[Any], inputs: list[tuple[Any, Any]]) -> Any:
        """The tangents of outputs, of pairs of an input and its tangent."""

    def outside(self, read: list[Any], given: list[Any], variables: list[Any]) -> Any:
        """The function that makes of each answer of a transform what it is given back as."""

    def call(self, compiled: Any, arguments: Sequence[Any], named: dict[str, Any]) -> Any:
        """The result of a call of a compiled function, inside which nobody watches."""
        with watched(None):
            return compiled(*arguments, **named)

    def gradient(self, compiled: Any, arguments: Sequence[Any]) -> Any:
        """The value and the gradient of a compiled function."""
        with watched(None):
            return compiled.value_and_grad(*arguments)

    def rows(self, compiled: Any, rows: Any, gradients: bool) -> Any:
        """The results of a compiled function for many rows."""
        with watched(None):
            return compiled.batch(rows, gradients)

    def steps(self) -> None:
        """Training steps are about to be made."""

    def updated(self, optimizer: Any, numbers: Sequence[float]) -> None:
        """An optimizer is about to set its parameters to these numbers."""


class Recorder:
    """Where operations are recorded: in the name of which neuron, layer or loss, and who watches, if anybody does."""

    __slots__ = ("scope", "watcher")

    def __init__(self, scope: object = None, watcher: Watcher | None = None) -> None:
        self.scope, self.watcher = scope, watcher


_DEFAULT = Recorder()
_recorder: ContextVar[Recorder | None] = ContextVar("recorder", default=_DEFAULT)
current_recorder = _recorder.get
next_number = count(1).__next__  # of an operation, which orders those of all threads


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
        from ..support.decorators import within

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
        return current and Recorder(self.owner, current.watcher)


class watched(_Context):  # noqa: N801
    """Operations recorded inside are told to a watcher; None for nobody, within those of another, too."""

    __slots__ = ("by",)

    def __init__(self, by: Any) -> None:
        super().__init__()
        self.by = by

    def recorder(self, current: Recorder | None) -> Recorder:
        return Recorder((current or _DEFAULT).scope, self.by)


def watcher() -> Watcher | None:
    """Who watches the operations of this context."""
    recorder = current_recorder()
    return None if recorder is None else recorder.watcher


def users_frame() -> Any:
    """The frame of the user's code that is running."""
    frame: Any = sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(FOLDER):
        frame = frame.f_back
    return frame
