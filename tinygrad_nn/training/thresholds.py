"""Which label a prediction stands for: of those that the targets have, the one for which the loss is smallest.

For the library's losses that is known: the nearest label, the side of 0 or of a half, the largest output. Any other
loss, one wrapped in a function too, is asked with each label in the place of the target.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any

from .. import losses
from ..autograd.recording import no_grad
from ..autograd.value import Value

FlatNumbers = Sequence[float]

MOST_LABELS, MOST_ASKED = 100, 1000  # of one output, and of all outputs of a row
NEAREST = (losses.squared_error, losses.absolute_error, losses.huber)
# Losses that go up or down with the label: the number from which on the larger one is likelier, and the usual labels.
SIDES: dict[Any, tuple[float | None, Sequence[float]]] = {
    losses.hinge: (0.0, (-1.0, 1.0)),
    losses.binary_cross_entropy: (0.5, (0.0, 1.0)),
    losses.binary_cross_entropy_with_logits: (0.0, (0.0, 1.0)),
}
MOST_PROBED = 16  # outputs for which a threshold is looked for
PROBED = [k / 8.0 for k in range(-40, 41)]  # at which a loss is asked for the label, beside those about the labels


class Thresholds:
    """The thresholds of a model's outputs by a loss that must be asked, which is done when somebody wants them.

    So a loss is called by nobody but those who train. They are copied and travel by pickle as plain numbers.
    """

    def __init__(self, answers: Answers, shaped: Callable[[FlatNumbers], Any]) -> None:
        self._asked: Any = answers, shaped
        self._found: list[float] | None = None

    def found(self) -> list[float] | None:
        """As Answers.thresholds gives them."""
        if self._asked is not None:
            (answers, shaped), self._asked = self._asked, None
            self._found = answers.thresholds(shaped)
        return self._found

    def __reduce__(self) -> tuple[Any, ...]:
        return _same, (self.found(),)


def _same(found: Any) -> Any:
    return found


class Answers:
    """The labels that the targets of some rows have, and which of them a prediction stands for, by the loss.

    Targets are the flat numbers of each row, none of them an answer where some rows have more than others. One target
    beside several outputs is the index of a class. Several targets are an answer each, or, where each row has one of
    them up and the others down, one answer: which.
    """

    def __init__(self, loss: Any, targets: Sequence[FlatNumbers]) -> None:
        usual: Sequence[float]
        self.loss, (self.cut, usual) = loss, SIDES.get(loss, (None, ()))
        self.counts = sorted({*map(len, targets)})  # of targets in a row
        found = [] if len(self.counts) > 1 else [{*column} for column in zip(*targets, strict=True)]
        self.columns = [list(usual) if column <= {*usual} else sorted(column) for column in found]
        levels = sorted(set().union(*found)) if len(found) > 1 else []
        self.hot = levels if len(levels) == 2 and _one_up(targets) else []

    def known(self, outputs: int) -> bool:
        """Whether the loss need not be asked."""
        if len(self.columns) == 1 < outputs:
            return self.loss is losses.cross_entropy
        return self.loss in NEAREST or self.loss in SIDES

    def asked(self, outputs: int, target: Sequence[Any]) -> list[list[Sequence[Any]]]:
        """What the loss of a row is to be asked with: for each answer all targets that it could be.

        Raises ValueError for targets that cannot be classes, or are too many to be asked for.
        """
        if len(self.counts) > 1:
            raise ValueError(
                f"accuracy wants as many targets in each row, but these have {self.counts[0]} to {self.counts[-1]}: "
                "give metrics a function (prediction, target) of your own"
            )
        if len(self.columns) > 1 and len(self.columns) != outputs:
            raise ValueError(
                f"accuracy wants one target for each output, or the index of a class, but a row has {outputs} outputs "
                f"and {len(self.columns)} targets: give metrics a function (prediction, target) of your own"
            )
        of_class = len(self.columns) == 1 < outputs
        if not of_class and (most := max(map(len, self.columns), default=0)) > MOST_LABELS:
            raise ValueError(
                f"accuracy is the share of right classes, but the targets are {most:,} different numbers: take 'mae' "
                "or 'rmse' for how far off predictions are"
            )
        if self.known(outputs):
            return []
        if len(self.columns) == 1:
            return [[[label] for label in self._labels(outputs)]]
        if self.hot:
            low, high = self.hot
            return [[[high if k == j else low for k in range(outputs)] for j in range(outputs)]]
        if sum(map(len, self.columns)) > MOST_ASKED:
            raise ValueError(
                f"accuracy would ask this loss {sum(map(len, self.columns)):,} times for each row: give metrics a "
                "function (prediction, target) of your own"
            )
        return [[[*target[:j], label, *target[j + 1 :]] for label in labels] for j, labels in enumerate(self.columns)]

    def right(self, prediction: FlatNumbers, target: FlatNumbers, losses_of: Iterator[float]) -> list[bool]:
        """For each answer of a row whether it is right; `losses_of` are those that were asked for.

        A tie is the first, or smaller, label. Of nan no answer is right.
        """
        outputs = len(prediction)
        if not self.known(outputs):
            return [self._least(those, target, losses_of) for those in self.asked(outputs, target)]
        if self.hot or len(target) < outputs:
            largest = max(range(outputs), key=prediction.__getitem__)
            wanted = target.index(max(target)) if self.hot else target[0]
            return [largest == wanted and not any(number != number for number in prediction)]
        return [
            number == number and self._nearest(number, labels) == wanted
            for number, labels, wanted in zip(prediction, self.columns, target, strict=True)
        ]

    def share(
        self, predictions: Sequence[FlatNumbers], targets: Sequence[FlatNumbers], asked: Sequence[FlatNumbers]
    ) -> float:
        """The share of right answers of some rows."""
        rows = zip(predictions, targets, asked, strict=True)
        right = [answer for p, t, found in rows for answer in self.right(p, t, iter(found))]
        return sum(right) / len(right)

    def thresholds(self, shaped: Callable[[FlatNumbers], Any]) -> list[float] | None:
        """For each output the number above which it stands for the larger of two labels; None where there is none.

        `shaped` makes a target of its flat numbers.
        """
        if self.hot or len(self.counts) > 1:
            return None
        found = [self._between(j, labels, shaped) for j, labels in enumerate(self.columns)]
        return None if None in found else [cut for cut in found if cut is not None]

    def learned(self, shaped: Callable[[FlatNumbers], Any]) -> Thresholds | list[float] | None:
        """What a model remembers of its thresholds: numbers where the loss is known."""
        return self.thresholds(shaped) if self.loss in NEAREST or self.loss in SIDES else Thresholds(self, shaped)

    def _labels(self, outputs: int) -> list[float]:
        """The labels of one target: for several outputs all indices, if it is one."""
        (labels,) = self.columns
        of_class = outputs > 1 and all(label in range(outputs) for label in labels)
        return [float(k) for k in range(outputs)] if of_class else labels

    def _nearest(self, number: float, labels: list[float]) -> float:
        """The label that an output stands for by a loss that is known."""
        if self.cut is not None:
            return labels[-1] if number > self.cut else labels[0]
        return labels[bisect_left([(a + b) / 2.0 for a, b in pairwise(labels)], number)]

    def _least(self, those: list[Sequence[Any]], target: FlatNumbers, losses_of: Iterator[float]) -> bool:
        """Whether the target is that with the smallest loss."""
        found = [(loss, k) for k, loss in zip(range(len(those)), losses_of, strict=False) if loss == loss]
        return bool(found) and [*those[min(found)[1]]] == [*target]

    def _between(self, j: int, labels: list[float], shaped: Callable[[FlatNumbers], Any]) -> float | None:
        """The output j at which the label changes: known, or looked for where the loss must be asked."""
        if self.cut is not None or len(labels) != 2:
            return self.cut
        if self.loss in NEAREST:
            return sum(labels) / 2.0
        if len(self.columns) > MOST_PROBED:
            return None
        others = [column[0] for column in self.columns]
        low, high = (shaped([*others[:j], label, *others[j + 1 :]]) for label in labels)

        def likelier(output: float) -> bool | None:
            """Whether the larger label is; None where the loss says nothing."""
            outputs: Any = [Value(output if k == j else 0.5) for k in range(len(others))]
            a, b = (self.loss(outputs if len(outputs) > 1 else outputs[0], target) for target in (low, high))
            a, b = (found.data if isinstance(found, Value) else found for found in (a, b))
            return None if a != a or b != b else bool(b < a)

        try:
            with no_grad():
                probed = sorted({*PROBED, *(labels[0] + (labels[1] - labels[0]) * x for x in PROBED)})
                sides = [(output, side) for output in probed if (side := likelier(output)) is not None]
                changes = [(a, b) for (a, x), (b, y) in pairwise(sides) if x != y]
                if len(changes) != 1 or sides[0][1]:
                    return None
                below, above = changes[0]
                while below < (middle := (below + above) / 2.0) < above:
                    below, above = (below, middle) if likelier(middle) else (middle, above)
                return round(below, 12) + 0.0  # the number meant, where rounding moved it
        except Exception:  # what the loss raises of a number is its own affair
            return None


def _one_up(targets: Sequence[FlatNumbers]) -> bool:
    """Whether of the numbers of each row one is larger than all others, which are equal."""
    return all(len({*row}) == 2 and row.count(max(row)) == 1 for row in map(tuple, targets))
