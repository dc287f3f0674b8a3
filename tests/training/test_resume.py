"""A run that goes on from its checkpoint: to the bit the run that was not interrupted, wherever it was."""

import copy
import itertools
import json
import os
import random
import signal
import struct
import subprocess
import sys
import threading
import time
from typing import Any

import pytest
from model_files import MODELS, resealed
from shared import wrong
from training import BACKENDS

import tinygrad_nn as tn
from tinygrad_nn.nn import saving as storage
from tinygrad_nn.optim import cosine, linear, step_decay, warmup
from tinygrad_nn.support import files
from tinygrad_nn.training import checkpoints, progress
from tinygrad_nn.training.early_stopping import Watched
from tinygrad_nn.training.steps.engines.native import NativeEngine
from tinygrad_nn.training.steps.run import Pace

X, Y = tn.data.moons(7, rng=random.Random(3))
OPTIMIZERS = {
    "sgd": lambda p, lr: tn.SGD(p, lr),
    "momentum": lambda p, lr: tn.SGD(p, lr, momentum=0.9, weight_decay=0.01),
    "nesterov": lambda p, lr: tn.SGD(p, lr, momentum=0.9, nesterov=True),
    "adam": lambda p, lr: tn.Adam(p, lr),
}
SCHEDULES: dict[str, Any] = {
    "constant": 0.05,
    "linear": linear(0.1, 0.01, steps=20),
    "cosine": cosine(0.1, 0.0, steps=25),
    "step_decay": step_decay(0.1, 0.5, every=6),
    "warmup": warmup(cosine(0.1, 0.01, steps=10), steps=9),
    "function": lambda step: 0.1 / (1.0 + step),
    "warmup to a function": warmup(lambda step: 0.1 / (1.0 + step), steps=4),
}


def made(optimizer="momentum", schedule="linear", seed=1):
    rng = random.Random(seed)
    model = tn.MLP(2, [3, 1], "tanh", rng=rng)
    return model, OPTIMIZERS[optimizer](model.parameters(), SCHEDULES[schedule]), rng


def run(made, path, epochs=6, **options):
    model, optimizer, rng = made
    options = {"loss": "squared_error", "batch_size": 3, "progress": False, "backend": "python", **options}
    return tn.fit(model, X, Y, optimizer=optimizer, epochs=epochs, rng=rng, checkpoint=path, **options)


def facts(made, history):
    model, optimizer, rng = made
    numbers = [p.data for p in model.parameters()] + list(itertools.chain(*optimizer.state))
    columns = [history.losses, *history.metrics.values()]
    bits = [struct.pack(f">{len(column)}d", *column) for column in (numbers, *columns)]
    return (
        bits,
        history.epochs,
        list(history.metrics),
        history.stopped,
        optimizer.steps,
        repr(optimizer.lr),
        rng.getstate(),
    )


class Kept:
    """Keeps the texts of all checkpoints that runs write."""

    def __init__(self, monkeypatch, stretch=0.0):
        self.texts: list[str] = []
        monkeypatch.setattr(progress, "CHECKPOINTS", 0.0)
        monkeypatch.setattr(Pace, "STRETCH", stretch)  # with 0 a step at a time, also inside an epoch
        monkeypatch.setattr(os, "fsync", lambda file: None)

        def keeping(written):
            files.write_all(written)
            self.texts.append(written[0][1])

        monkeypatch.setattr(checkpoints, "write_all", keeping)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("batch_size", [1, 3])
@pytest.mark.parametrize(
    ("optimizer", "tries"),
    [("momentum", 1), ("adam", 1), *(pytest.param(name, 3, marks=pytest.mark.slow) for name in OPTIMIZERS)],
)
def test_every_optimizer_and_schedule_goes_on_to_the_bit(optimizer, tries, batch_size, backend, tmp_path, monkeypatch):
    monkeypatch.setattr(NativeEngine, "at_first", lambda *given: 1)  # so that there are many states
    path, kept = tmp_path / "run.txt", Kept(monkeypatch)
    pick = random.Random(f"{optimizer} {batch_size} {backend}")
    every = tries > 1 or (optimizer, batch_size) == ("adam", 3)
    names = list(SCHEDULES) if every else pick.sample(list(SCHEDULES), 1)
    for schedule in names:
        kept.texts.clear()
        options = {"batch_size": batch_size, "backend": backend, "shuffle": schedule != "constant"}
        whole = made(optimizer, schedule)
        expected = facts(whole, run(whole, path, **options))
        texts = kept.texts[:]
        assert len(texts) > 5
        for text in pick.sample(texts[:-1], tries):
            path.write_text(text, encoding="utf-8")
            again = made(optimizer, schedule)
            for parameter in again[0].parameters():  # whatever it was made with
                parameter.data = 7.0
            if options["shuffle"]:
                again[2].seed(99)
            assert facts(again, run(again, path, resume=True, **options)) == expected


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("batch_size", [1, 2])
def test_a_loss_with_branches_goes_on_to_the_bit(batch_size, backend, tmp_path, monkeypatch):
    """Machine code is of one path, and which one must not hang on the row with which a run begins or goes on."""

    def asymmetric(prediction, target):
        return (prediction - target) ** 2 * (3.1 if target > 0.5 else 0.7)

    path, kept = tmp_path / "run.txt", Kept(monkeypatch)
    options = {"batch_size": batch_size, "backend": backend, "loss": asymmetric}
    whole = made("adam")
    expected = facts(whole, run(whole, path, **options))
    texts = kept.texts[:]
    for text in texts[:-1:4]:
        path.write_text(text, encoding="utf-8")
        again = made("adam")
        assert facts(again, run(again, path, resume=True, **options)) == expected


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("stretch", [0.0, pytest.param(0.02, marks=pytest.mark.slow)])
def test_patience_metrics_and_until_go_on(stretch, backend, tmp_path, monkeypatch):
    def far(prediction, target):
        return abs(prediction - target)

    path, kept, pick = tmp_path / "run.txt", Kept(monkeypatch, stretch), random.Random(backend)
    rows = tn.data.moons(5, rng=random.Random(8))
    for options in (
        {"patience": 3, "validation": rows, "metrics": ["rmse"]},
        {"patience": 2},
        {"until": (far, 5.0), "metrics": "accuracy"},
        {"callbacks": lambda history: len(history) == 9},
    ):
        kept.texts.clear()
        whole = made("momentum", "constant")
        expected = facts(whole, run(whole, path, 30, backend=backend, **options))
        assert expected[3] != "epochs" or "until" in options
        for text in [*pick.sample(kept.texts[:-1], min(2, len(kept.texts) - 1)), kept.texts[-1]]:
            path.write_text(text, encoding="utf-8")
            again = made("momentum", "constant")
            if '"stopped": "callback"' in text:
                continue  # what a callback ended goes on
            assert facts(again, run(again, path, 30, backend=backend, resume=True, **options)) == expected


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("patience", [None, 100])
def test_a_run_is_prolonged_by_more_epochs(patience, backend, tmp_path, monkeypatch):
    monkeypatch.setattr(os, "fsync", lambda file: None)
    options = {"patience": patience, "backend": backend, "validation": (X[:2], Y[:2])}
    whole = made("adam", "cosine")
    expected = facts(whole, run(whole, tmp_path / "whole.txt", 12, **options))
    for epochs in (1, 5, 5, 12):  # a second call for as many has nothing left to do
        again = made("adam", "cosine")
        history = run(again, tmp_path / "run.txt", epochs, resume=True, **options)
        assert history.epochs[-1] == epochs
    assert facts(again, history) == expected


# An interrupt may come between the opening of a file and its `with`: Python closes it then, and warns.
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("watched", [False, True])
def test_ctrl_c_at_any_moment_loses_nothing(watched, backend, tmp_path):
    path, wait = tmp_path / "run.txt", random.Random(backend)
    epochs = 60 if backend == "eager" else 300
    options = {"backend": backend, "batch_size": 1, "callbacks": [lambda history: None] * watched}
    whole, start = made(), time.perf_counter()
    expected = facts(whole, run(whole, None, epochs, **options))
    took = time.perf_counter() - start
    for _ in range(3):
        again, seconds = made(), took * wait.random()
        timer = threading.Timer(seconds, lambda: signal.raise_signal(signal.SIGINT))
        try:
            timer.start()
            history = run(again, path, epochs, resume=True, **options)
            timer.cancel()
            timer.join()
        except KeyboardInterrupt:
            continue
    again = made()
    history = run(again, path, epochs, resume=True, **options)
    assert facts(again, history) == expected


KILLED = """
import random, sys
import tinygrad_nn as tn
from tinygrad_nn.training import progress
progress.CHECKPOINTS = 0.002
path, backend, epochs = sys.argv[1], sys.argv[2], int(sys.argv[3])
rng = random.Random(5)
X, Y = tn.data.moons(30, rng=rng)
model = tn.MLP(2, [5, 1], "tanh", rng=rng)
optimizer = tn.Adam(model.parameters(), lr=tn.optim.warmup(tn.optim.cosine(0.05, 0.0, steps=20_000), steps=500))
begun = []

def begins(history):
    if not begun:
        begun.append(print("begun", flush=True))

history = tn.fit(model, X, Y, "squared_error", optimizer, epochs, 7, rng=rng, checkpoint=path, resume=True,
                 progress=False, backend=backend, metrics="rmse", patience=epochs, callbacks=begins)
print("ended")
print(repr([history.losses, history.metrics, model.state_dict(), optimizer.state, rng.random()]))
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL on this system")
@pytest.mark.parametrize("kills", [2, pytest.param(17, marks=pytest.mark.slow)])
@pytest.mark.parametrize("backend", BACKENDS)
def test_a_script_that_is_killed_and_started_again_ends_as_if_it_was_not(backend, kills, tmp_path):
    if kills == 2 and backend != "python":
        pytest.skip("the long battery kills it, too")
    epochs, wait = {"eager": 80, "python": 150}.get(backend, 400), random.Random(backend)

    def command(name):
        return [sys.executable, "-c", KILLED, str(tmp_path / name), backend, str(epochs)]

    expected = subprocess.run(command("whole.txt"), capture_output=True, text=True, check=True).stdout
    killed = 0
    for _ in range(kills):
        with subprocess.Popen(command("run.txt"), stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            if process.stdout.readline() == "begun\n":
                time.sleep(0.06 * wait.random())
                process.kill()
                killed += 1
    assert killed >= 2
    ended = subprocess.run(command("run.txt"), capture_output=True, text=True, check=True).stdout
    assert ended.removeprefix("begun\n") == expected.removeprefix("begun\n")


def test_a_file_says_what_a_function_was_not(tmp_path):
    path = tmp_path / "model.txt"
    for name, schedule in SCHEDULES.items():
        model, optimizer, _ = made("adam", name)
        optimizer.steps, optimizer.state = 12, [(0.5, 0.25)] * len(optimizer.parameters)
        tn.save(model, path, optimizer)
        if "function" in name:
            with pytest.raises(tn.StorageError, match=r"lr was a function.*load\(path, optimizer=True, lr=\.\.\.\)"):
                tn.load(path, optimizer=True)
            for lr in (schedule, 0.25, SCHEDULES["linear"]):
                again = tn.load(path, optimizer=True, lr=lr)[1]
                assert (again.steps, again.state, again.lr) == (12, optimizer.state, lr)
        else:
            again = tn.load(path, optimizer=True)[1]
            assert (again.steps, again.state, again.lr) == (12, optimizer.state, schedule)
            assert type(again.lr) is type(schedule)
            assert tn.load(path, optimizer=True, lr=0.5)[1].lr == 0.5
    with pytest.raises(ValueError, match="an lr is the optimizer's"):
        tn.load(path, lr=0.1)
    with pytest.raises(TypeError, match="lr must be a number or a function of the step, got 'fast'"):
        tn.load(path, optimizer=True, lr=wrong("fast"))


OLD = """tinygrad_nn model, version 1
{"kind": "Neuron", "name": "neuron", "names": [null, null], "layers": [
 [{"activation": "tanh", "weights": [0.5, -0.25], "bias": 0.125}]],
"optimizer": {"kind": "SGD", "steps": 3, "lr": 0.1, "momentum": 0.5, "nesterov": false, "weight_decay": 0.0,
 "state": [[1.0], [2.0], [3.0]]}}
"""


def test_files_of_the_first_version_are_read(tmp_path):
    (tmp_path / "old.txt").write_text(resealed(OLD), encoding="utf-8")
    model, optimizer = tn.load(tmp_path / "old.txt", optimizer=True)
    assert [p.data for p in model.parameters()] == [0.5, -0.25, 0.125]
    assert (optimizer.steps, optimizer.velocity, optimizer.lr) == (3, [1.0, 2.0, 3.0], 0.1)


def written(path):
    """A checkpoint in the middle of an epoch, with all that there can be in it."""
    seen = []
    given = made("adam", "warmup")

    def interrupted(prediction, target):
        seen.append(1)
        if len(seen) == 12:
            raise KeyboardInterrupt
        return prediction - target

    run(given, path, 9, patience=4, backend="eager", until=(interrupted, -1e9))
    return given


def test_what_no_run_can_go_on_from_is_said_and_changes_nothing(tmp_path):
    path = tmp_path / "run.txt"
    written(path)
    text = path.read_text(encoding="utf-8")
    assert '"losses": [0.' in text.partition('"run"')[2]

    def refused(words, given=None, error=tn.StorageError, **options):
        model, optimizer, rng = given = given or made("adam", "warmup")
        before = (model.state_dict(), optimizer.state, optimizer.steps, rng.getstate())
        with pytest.raises(error, match=words):
            run(given, options.pop("path", path), **{"resume": True, **options})
        assert (model.state_dict(), optimizer.state, optimizer.steps, rng.getstate()) == before

    refused(r"on 7 rows in batches of 3, and this one is on 7 in batches of 2", batch_size=2)
    refused("is of a run with shuffle, and this one is without", shuffle=False)
    refused("it holds MLP.* and its Adam, and this run trains MLP.* by SGD", made("sgd"))
    model = tn.MLP(2, [3, 1], "relu")
    refused("this run trains MLP.*relu", (model, tn.Adam(model.parameters()), random.Random(0)))
    refused("give the file, as in checkpoint=", error=ValueError, path=None)
    refused("resume is True or False", error=TypeError, resume="yes")
    tn.save(model, tmp_path / "model.txt", tn.Adam(model.parameters()))
    refused("holds a model, and not where a run stands", path=tmp_path / "model.txt")
    (tmp_path / "cut.txt").write_text(text[:-100], encoding="utf-8")
    refused("was cut off", path=tmp_path / "cut.txt")
    model, optimizer, _ = made("adam", "warmup")

    class Own(tn.SGD):
        pass

    refused("writes the state of SGD and Adam", (model, Own(model.parameters(), lr=0.1), random.Random(0)))
    assert path.read_text(encoding="utf-8") == text
    with pytest.warns(RuntimeWarning, match="no run can go on from the checkpoint: .*SGD and Adam"):
        run((model, Own(model.parameters(), lr=0.1), random.Random(0)), tmp_path / "own.txt", 1)
    with pytest.warns(RuntimeWarning, match="whose state no file can hold"):
        run((model, optimizer, random.SystemRandom()), tmp_path / "own.txt", 1)


ATOMS: list[Any] = [
    None,
    True,
    False,
    -1,
    0,
    1,
    1.5,
    2**70,
    1e300,
    "",
    "x",
    "7ff0000000000000",
    "linear",
    [],
    [[]],
    {},
    [1],
    {"a": 1},
]


def nodes(content):
    """Every list and dict in a content, each with all its keys."""
    if isinstance(content, dict | list):
        keys = list(content) if isinstance(content, dict) else range(len(content))
        for key in keys:
            yield content, key
            yield from nodes(content[key])


@pytest.mark.parametrize("changes", [200, pytest.param(2_000, marks=pytest.mark.slow)])
def test_changed_and_signed_checkpoints_are_refused_or_whole(changes, tmp_path, monkeypatch):
    path, rng = tmp_path / "run.txt", random.Random(4)
    model, optimizer, generator = written(path)
    head, _, rest = path.read_text(encoding="utf-8").partition("\n")
    body = rest.rpartition("sha256 ")[0]
    watch = Watched(optimizer, {}, 4, [])
    saver = checkpoints.Checkpoint(model, optimizer, path, generator, watch, 7, 3)
    text = ""
    monkeypatch.setattr(checkpoints, "text_in", lambda path: text)
    counts = [0, 0]
    for _ in range(changes):
        content = json.loads(body)
        places = list(nodes(content["run"] if rng.random() < 0.7 else content))
        places = [place for place in places if not isinstance(place[0], list) or rng.random() < 0.05] or places
        for _ in range(rng.randint(1, 2)):
            holder, key = rng.choice(places)
            if isinstance(holder, dict) and rng.random() < 0.2:
                holder.pop(key, None)
            else:
                holder[key] = copy.deepcopy(rng.choice(ATOMS))
        text = resealed(f"{head}\n{json.dumps(content)}\n")
        told = ""
        try:
            begun = saver.begun()
        except tn.StorageError as error:
            told = str(error)
        counts[not told] += 1
        if not told:  # a run could go on from it
            assert begun is not None
            saver.take_up(begun, 9)
            generator.random()
            json.dumps(begun.standing.history.metrics)
        assert not told or 10 < len(told) < 500
    assert min(counts) > changes / 100


@pytest.mark.parametrize("changes", [200, pytest.param(5_000, marks=pytest.mark.slow)])
def test_signed_models_of_odd_kinds_are_refused_or_whole(changes):
    rng, texts = random.Random(5), []
    for make in MODELS.values():
        model = make()
        rates = SCHEDULES["warmup"], 0.1
        texts += [storage.text_of(model, tn.SGD(model.parameters(), lr, momentum=0.5)) for lr in rates]
        texts.append(storage.text_of(model, tn.Adam(model.parameters(), SCHEDULES["step_decay"])))
    refused = 0
    for _ in range(changes):
        head, _, rest = rng.choice(texts).partition("\n")
        content = json.loads(rest.rpartition("sha256 ")[0])
        for _ in range(rng.randint(1, 2)):
            holder, key = rng.choice(list(nodes(content)))
            holder[key] = copy.deepcopy(rng.choice(ATOMS))
        try:
            model, optimizer = storage.model_of(resealed(f"{head}\n{json.dumps(content)}\n"), optimizer=True)
        except tn.StorageError:
            refused += 1
        else:
            assert storage.text_of(model, optimizer)
    assert 0 < refused < changes
