"""Checkpoints of fit: a model file that also says where the run stands, from which it goes on to the bit.

What is saved beside model and optimizer: the epochs and the losses so far, the orders that were drawn, the state of the
generator that draws them, and what patience remembers.
"""

from __future__ import annotations

import random
import warnings
from math import inf
from typing import Any, NamedTuple

from ..nn import entries
from ..nn.entries import StorageError
from ..nn.loading import built, content_of
from ..nn.saving import json_of, layers_of, text_in, text_of
from ..optim import Optimizer
from ..schedules import is_own
from ..support.files import check_writable, write_all
from .early_stopping import Remembered, Watched
from .history import History
from .steps.watch import Standing, Underway

COLUMNS = ("epochs", "losses", "times", "metrics", "stride")  # of a history, as a file has it
RANDOM = 625  # numbers in the state of a random.Random
ENDED = ("until", "patience")  # runs that are over, however many epochs are asked for


class Begun(NamedTuple):
    """What a checkpoint says: the model and optimizer as they were, and where the run stood."""

    model: Any
    optimizer: Optimizer
    standing: Standing
    random: Any
    remembered: Remembered | None


class Checkpoint:
    """The file of a run: `write` says where it stands, `begun` gives that back, and `take_up` goes on from there."""

    def __init__(
        self, model: Any, optimizer: Optimizer, path: Any, generator: Any, watch: Watched, rows: int, batch_size: int
    ) -> None:
        self.model, self.optimizer, self.path, self.watch = model, optimizer, path, watch
        self.generator, self.rows, self.batch_size = generator, rows, min(batch_size, rows)
        self.written = False  # whether the file holds a state of this run
        check_writable(path)
        text_of(model)

    def check(self) -> None:
        """Raise StorageError where a file could not hold what a run needs to go on."""
        text_of(self.model, self.optimizer)
        if self.generator is not None and _state(self.generator) is None:
            raise StorageError(
                f"the orders of the rows are drawn by {self.generator!r}, whose state no file can hold: give fit rng="
                "random.Random(0), or another seed"
            )

    def write(self, run: Underway) -> None:
        """Save model and optimizer, and where the run stands; the model alone where the file cannot hold the rest.

        Warns where nothing can be written; the file of before is there then.
        """
        try:
            try:
                text = text_of(self.model, self.optimizer, json_of(self._run(run)))
            except StorageError:  # what the optimizer was set to since
                text = text_of(self.model)
            write_all([(self.path, text)])
            self.written = True
        except (OSError, StorageError) as error:
            warnings.warn(
                f"the checkpoint {self.path} could not be written, so it holds an earlier state: {error}",
                RuntimeWarning,
                stacklevel=2,
            )

    def _run(self, run: Underway) -> dict[str, Any]:
        standing = run.standing()
        history = standing.history
        return {
            "epoch": standing.epoch,
            "losses": standing.losses,
            "error": standing.error,
            "orders": standing.orders,
            "rows": self.rows,
            "batch_size": self.batch_size,
            "stopped": history.stopped,
            "random": None if self.generator is None else _state(self.generator),
            "history": {name: getattr(history, name) for name in COLUMNS},
            "patience": self.watch.remembered,
        }

    def begun(self) -> Begun | None:
        """What the file says, or None where there is none. Raises StorageError for one of another run."""
        try:
            text = text_in(self.path)
        except FileNotFoundError:
            return None
        own = self.optimizer
        try:
            content = content_of(text)
            model, optimizer = built(content, True, own.lr if is_own(own.lr) else None)
            if content.get("run") is None:
                raise StorageError("holds a model, and not where a run stands: load it, and begin another run")
            found = self._begun(content["run"], model, optimizer)
        except StorageError as error:
            raise StorageError(f"no run can go on from {self.path}: it {error}") from None
        if _wiring(model) != _wiring(self.model) or type(optimizer) is not type(own):
            raise StorageError(
                f"no run can go on from {self.path}: it holds {model!r} and its {type(optimizer).__name__}, and this "
                f"run trains {self.model!r} by {type(own).__name__}"
            )
        return found

    def _begun(self, run: Any, model: Any, optimizer: Optimizer) -> Begun:
        names = ("epoch", "rows", "batch_size", "stopped", "losses", "error", "orders", "random", "history", "patience")
        entries.keys(run, "the run", names, ())
        rows, size = entries.count(run["rows"], "rows"), entries.count(run["batch_size"], "rows in a batch")
        if (rows, size) != (self.rows, self.batch_size):
            raise StorageError(
                f"is of a run on {rows} rows in batches of {size}, and this one is on {self.rows} in batches of "
                f"{self.batch_size}"
            )
        losses, orders = entries.number_list(run["losses"], "losses"), entries.items(run["orders"], "orders")
        drawn = [[entries.count(i, "in an order") for i in entries.items(order, "an order", rows)] for order in orders]
        state = _state_of(run["random"])
        if any(sorted(order) != list(range(rows)) for order in drawn) or len(losses) >= -(-rows // size):
            raise StorageError("has an order of the rows, or losses of an epoch, that there cannot be")
        if (state is None) is not (self.generator is None) or (self.generator is None and drawn):
            raise StorageError("is of a run with shuffle, and this one is without, or the reverse")
        history = _history_of(run["history"])
        history.stopped, epoch = entries.text(run["stopped"], "stopped"), entries.count(run["epoch"], "epochs")
        if max(history.epochs, default=0) > epoch or (losses and self.generator is not None and not drawn):
            raise StorageError("has a history that is not of its epochs")
        standing = Standing(epoch, losses, entries.number(run["error"], "error"), drawn, history)
        return Begun(model, optimizer, standing, state, _remembered_of(run["patience"], optimizer))

    def take_up(self, begun: Begun, epochs: int) -> bool:
        """Let model, optimizer, generator and watch be as they were; whether the run of so many epochs is over."""
        self.written = True
        self.model.load_state_dict(begun.model.state_dict())
        own = vars(self.optimizer)
        own.update({name: entry for name, entry in vars(begun.optimizer).items() if name != "parameters"})
        if self.generator is not None:
            self.generator.setstate(begun.random)
        history = begun.standing.history
        over = history.stopped in ENDED or begun.standing.epoch >= epochs
        if over and history.stopped not in ENDED:
            history.stopped = "epochs"
        self.watch.take_up(begun.remembered, history.stopped, over)
        return over


def _wiring(model: Any) -> list[list[tuple[int, Any]]]:
    return [[(len(neuron.weights), neuron.activation) for neuron in layer] for layer in layers_of(model)]


def _state(generator: Any) -> Any:
    """The state of a generator of Python's, or None."""
    return generator.getstate() if generator is random or type(generator) is random.Random else None


def _state_of(entry: Any) -> Any:
    if entry is None:
        return None
    version, numbers, following = entries.items(entry, "the state of the generator", 3)
    found = [entries.count(i, "in the state") for i in entries.items(numbers, "the state of the generator", RANDOM)]
    if version != 3.0 or max(found) >= 2**32 or found[-1] > RANDOM - 1:
        raise StorageError("has a state of the generator that there cannot be")
    return 3, tuple(found), None if following is None else entries.number(following, "the state of the generator")


def _history_of(entry: Any) -> History:
    entries.keys(entry, "the history", COLUMNS, ())
    found = History()
    found.epochs = [entries.count(epoch, "in the epochs") for epoch in entries.items(entry["epochs"], "the epochs")]
    n, stride = len(found.epochs), entries.count(entry["stride"], "epochs between two points")
    if stride < 1 or stride & (stride - 1) or any(b <= a for a, b in zip([0, *found.epochs], found.epochs)):  # noqa: B905
        raise StorageError("has epochs that there cannot be")
    found.losses, found.times = (entries.number_list(entry[name], f"the {name}", n) for name in ("losses", "times"))
    if not isinstance(entry["metrics"], dict):
        raise StorageError(f"has {entry['metrics']!r:.40} for the metrics")
    found.metrics = {name: entries.number_list(column, "a metric", n) for name, column in entry["metrics"].items()}
    found.stride = stride
    return found


def _remembered_of(entry: Any, optimizer: Optimizer) -> Remembered | None:
    if entry is None:
        return None
    best, waited, *states = entries.items(entry, "patience", 4)
    count = len(optimizer.parameters) * (1 + len(optimizer.initial_state))
    found = []
    for state in states:
        numbers, steps = entries.items(state, "a state", 2)
        found.append((entries.number_list(numbers, "a state", count), entries.count(steps, "steps")))
    return Remembered(min(inf, entries.number(best, "patience")), entries.count(waited, "epochs"), *found)
