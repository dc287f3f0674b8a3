"""History: what a training run recorded, epoch by epoch, in lists that never grow past ten thousand points."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..support.tabular import short

MOST_POINTS = 10_000


class History:
    """The losses, metrics and times of a run.

    Point i is epoch `epochs[i]`, counted from 1: `losses[i]` is the mean over its rows of the losses before each
    update (of `minimize`, after it), `metrics[name][i]` a metric, and `times[i]` the seconds from the start of the run
    to its end. Past 10,000 points every second one is dropped, and from then on so many epochs are passed over; the
    first and the latest are always there. `stopped` says why the run ended: "epochs", "until", "patience", "callback"
    or "interrupt", of `minimize` "converged", or "diverged" where the loss or a weight was not finite any more; it is
    "" while it goes on.

    >>> history = History()
    >>> for epoch in range(1, 4):
    ...     history.record(epoch, loss=1.0 / epoch, time=0.5 * epoch)
    >>> history.epochs, history.losses[-1], history
    ([1, 2, 3], 0.3333333333333333, <History: 3 epochs, loss 0.333333, 1.5 s>)
    """

    def __init__(self) -> None:
        self.epochs: list[int] = []
        self.losses: list[float] = []
        self.metrics: dict[str, list[float]] = {}
        self.times: list[float] = []
        self.stopped = ""
        self.stride = 1

    def __len__(self) -> int:
        return len(self.epochs)

    def wanted(self, first: int, last: int) -> list[int]:
        """Of the epochs from first to last, those to record: each as far apart as the points are, and the last."""
        ahead = (1 - first) % self.stride
        epochs = list(range(first + ahead, last + 1, self.stride))
        return epochs if epochs and epochs[-1] == last else [*epochs, last]

    def record(self, epoch: int, loss: float, time: float, metrics: Mapping[str, float] | None = None) -> None:
        """Add a point; the one before it goes, if it was there only as the latest."""
        if metrics is not None and not isinstance(metrics, dict):
            raise TypeError(f"the metrics of a point are a dict of numbers by their names, but got {short(metrics)}")
        self.extend([epoch], [loss], [time], {name: [number] for name, number in (metrics or {}).items()})

    def extend(
        self,
        epochs: Sequence[int],
        losses: Sequence[float],
        times: Sequence[float],
        metrics: Mapping[str, Sequence[float]] | None = None,
    ) -> None:
        """Add points, a list of each part of them; the latest before them goes, if it was there only as that."""
        if len(self.epochs) > 1 and (self.epochs[-1] - 1) % self.stride:
            for column in [self.epochs, self.losses, self.times, *self.metrics.values()]:
                del column[-1]  # type: ignore[attr-defined]
        self.epochs.extend(epochs)
        self.losses.extend(losses)
        self.times.extend(times)
        for name, numbers in (metrics or {}).items():
            self.metrics.setdefault(name, []).extend(numbers)
        while len(self.epochs) > MOST_POINTS:
            self.stride *= 2
            last = self.epochs[-1]
            kept = [i for i, e in enumerate(self.epochs) if (e - 1) % self.stride == 0 or e == last]
            for column in [self.epochs, self.losses, self.times, *self.metrics.values()]:
                column[:] = [column[i] for i in kept]  # type: ignore[index]

    def plot(self, ax: Any = None) -> Any:
        """The losses and metrics by the epochs, in new or given Axes of matplotlib (extra `plot`), which it returns."""
        from ..plots import plot_history

        return plot_history(self, ax)

    def __repr__(self) -> str:
        if not self.epochs:
            return "<History: no epochs>"
        metrics = "".join(f", {name} {column[-1]:.6g}" for name, column in self.metrics.items())
        count = f"{self.epochs[-1]:,} epoch{'s' * (self.epochs[-1] != 1)}"
        told = f"{count}, loss {self.losses[-1]:.6g}{metrics}, {self.times[-1]:.3g} s"
        return f"<History: {told}{', stopped by ' * bool(self.stopped)}{self.stopped}>"
