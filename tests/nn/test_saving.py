"""Models as files: every bit comes back, and what was cut off, changed, hostile or of the future is refused by name."""

import copy
import errno
import math
import os
import pickle
import random
import signal
import subprocess
import sys
import time

import pytest
from model_files import MODELS, facts, network
from shared import wrong

import tinygrad_nn as tn
from tinygrad_nn import Value
from tinygrad_nn.nn import saving
from tinygrad_nn.nn.loading import built, content_of


@pytest.mark.parametrize("name", MODELS)
def test_every_bit_comes_back(name, tmp_path):
    model = MODELS[name]()
    tn.save(model, tmp_path / "model.txt")
    found = tn.load(tmp_path / "model.txt")
    assert facts(found) == facts(model)
    tn.save(found, tmp_path / "again.txt")
    assert (tmp_path / "again.txt").read_bytes() == (tmp_path / "model.txt").read_bytes()
    assert (tmp_path / "model.txt").read_bytes().isascii()


@pytest.mark.parametrize(
    "make",
    [
        lambda p: tn.SGD(p, lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.01),
        lambda p: tn.Adam(p, lr=0.02, betas=(0.8, 0.9), epsilon=1e-7),
    ],
)
def test_training_goes_on_where_it_stood(make, tmp_path):
    X, Y = tn.data.xor()
    model = tn.MLP(2, [3, 1], "tanh", rng=random.Random(0))
    optimizer = make(model.parameters())
    tn.compile_step(model, "squared_error", optimizer, backend="python").run(X, Y, epochs=3)
    tn.save(model, tmp_path / "model.txt", optimizer=optimizer)
    again, other = tn.load(tmp_path / "model.txt", optimizer=True)
    assert type(other) is type(optimizer)
    assert (other.steps, other.state, vars(other).keys()) == (optimizer.steps, optimizer.state, vars(optimizer).keys())
    for m, o in ((model, optimizer), (again, other)):
        tn.compile_step(m, "squared_error", o, backend="python").run(X, Y, epochs=3)
    assert facts(again) == facts(model)
    assert facts(tn.load(tmp_path / "model.txt")) != facts(model)


def test_pickle_and_deepcopy():
    model = network()
    for found in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):
        assert facts(found) == facts(model)
        found.layers[0].neurons[0].bias.data = 7.0
        assert model.layers[0].neurons[0].bias.data != 7.0
        assert [place.name for place in found.layers[0].neurons[0].place.path()] == ["n", "layer 1", "neuron 1"]


def shared():
    layer = tn.Layer(2, 2)
    layer.neurons[1].weights = layer.neurons[0].weights
    return layer


def sparse():
    layer = tn.Layer(2, 2)
    layer.neurons[1].weights = layer.neurons[1].weights[:1]
    return layer


def test_what_cannot_be_saved_is_said_and_leaves_the_file(tmp_path):
    path, model = tmp_path / "model.txt", network()
    tn.save(model, path)
    before = path.read_bytes()

    class Own(tn.Module):
        pass

    for bad, options, words in [
        (tn.Neuron(2, lambda x: x), {}, "activation of neuron is a function, which no file can hold"),
        (Own(), {}, "writes an MLP, a Layer or a Neuron, but got .*state_dict"),
        (shared(), {}, "some of these neurons share theirs"),
        (sparse(), {}, "was wired by hand"),
        (model, {"optimizer": tn.SGD(model.parameters()[1:], lr=0.1)}, "of all parameters of the model"),
    ]:
        with pytest.raises(tn.StorageError, match=words):
            tn.save(bad, path, **options)
    with pytest.raises(FileNotFoundError, match=r"there is no folder .*nowhere to save model\.txt in"):
        tn.save(model, tmp_path / "nowhere" / "model.txt")
    with pytest.raises(IsADirectoryError, match="is a folder: give the name of a file in it"):
        tn.save(model, tmp_path)
    with pytest.raises(FileNotFoundError):
        tn.load(tmp_path / "none.txt")
    with pytest.raises(tn.StorageError, match="holds no optimizer: it was saved without one"):
        tn.load(path, optimizer=True)
    (tmp_path / "picture").write_bytes(b"\x89PNG\xff\xfe")
    with pytest.raises(tn.StorageError, match="picture is no model of tinygrad_nn: it is not text"):
        tn.load(tmp_path / "picture")
    assert path.read_bytes() == before
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["model.txt", "picture"]


@pytest.mark.parametrize("fails", ["fsync", "replace"])
def test_a_full_disk_loses_nothing(fails, tmp_path, monkeypatch):
    path = tmp_path / "model.txt"
    tn.save(network(), path)
    before = path.read_bytes()

    def full(*arguments):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, fails, full)
    with pytest.raises(OSError, match="No space left on device"):
        tn.save(tn.MLP(3, [3, 3]), path)
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["model.txt"]


KILLED = """
import itertools, random, sys
import tinygrad_nn as tn
models = [tn.MLP(20, [20, 5], rng=random.Random(k)) for k in range(3)]
print("begun", flush=True)
for k in itertools.count():
    tn.save(models[k % 3], sys.argv[1])
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL on this system")
@pytest.mark.parametrize("kills", [10, pytest.param(50, marks=pytest.mark.slow)])
def test_a_run_that_is_killed_leaves_a_whole_file(kills, tmp_path):
    path, rng = tmp_path / "model.txt", random.Random(5)
    known = [facts(tn.MLP(20, [20, 5], rng=random.Random(k))) for k in range(3)]
    tn.save(tn.MLP(20, [20, 5], rng=random.Random(0)), path)
    for _ in range(kills):
        with subprocess.Popen([sys.executable, "-c", KILLED, str(path)], stdout=subprocess.PIPE) as run:
            assert run.stdout is not None
            run.stdout.readline()
            time.sleep(0.02 * rng.random())
            run.kill()
        assert facts(tn.load(path)) in known


def test_modes_of_a_file_stay(tmp_path):
    path = tmp_path / "model.txt"
    tn.save(tn.Neuron(1), path)
    if os.name == "posix":
        umask = os.umask(0)
        os.umask(umask)
        assert path.stat().st_mode & 0o777 == 0o666 & ~umask
        path.chmod(0o600)
        tn.save(tn.Neuron(2), path)
        assert path.stat().st_mode & 0o777 == 0o600
    assert isinstance(tn.load(path).bias, Value)


def test_what_is_saved_can_be_loaded(tmp_path):
    path = tmp_path / "model.txt"
    model = tn.MLP(2, [2, 1])
    optimizer = tn.SGD(model.parameters(), lr=0.1, momentum=0.9, nesterov=True)
    optimizer.momentum = 0.0  # as it may be set between steps
    tn.save(model, path, optimizer)
    again, other = tn.load(path, optimizer=True)
    assert again.state_dict() == model.state_dict()
    assert (other.momentum, other.nesterov, other.lr) == (0.0, True, 0.1)
    before = path.read_bytes()

    def fails(words):
        with pytest.raises(tn.StorageError, match=words):
            tn.save(model, path, optimizer)
        assert path.read_bytes() == before

    optimizer.lr = math.nan
    fails("settings of the optimizer that it cannot have")
    optimizer.lr = 0.1
    for steps in (1.5, -1, "3", None, True, 2**63):
        optimizer.steps = wrong(steps)
        fails("steps, which is no count")
    optimizer.steps, optimizer.state = 0, optimizer.state[1:]
    fails("no state of 1 numbers for each")
    optimizer.state = [(0.0,)] * len(optimizer.parameters)
    model.layers[0].neurons[0].bias.label = wrong(3)
    fails("labelled by text")
    model.layers[0].neurons[0].bias.label = "b"
    model.input_names = ["a"]
    fails("2 inputs or outputs, but these names")
    model.input_names = wrong("ab")
    fails("2 inputs or outputs, but these names")
    model.input_names, model.place.name = None, wrong(5)
    fails("the name of a model is text, but this one's is 5")
    model.place.name = "n"
    model.layers[0].neurons[0].bias.data = 2  # a number, though no float
    tn.save(model, path, optimizer)
    assert tn.load(path).layers[0].neurons[0].bias.data == 2.0


def test_a_link_stays_a_link(tmp_path):
    target, link = tmp_path / "target.txt", tmp_path / "link.txt"
    tn.save(tn.Neuron(1), target)
    try:
        link.symlink_to(target)
    except OSError:
        pytest.skip("no links on this system")
    tn.save(tn.Neuron(2), link)
    assert link.is_symlink()
    assert len(tn.load(target).weights) == 2


def test_softmax_is_saved_and_loaded_for_a_whole_layer_alone(tmp_path):
    model = tn.MLP(2, [3, 3], "softmax", "softmax", rng=random.Random(1))
    tn.save(model, tmp_path / "model.txt")
    again = tn.load(tmp_path / "model.txt")
    assert (repr(again), again.predict([0.5, 1.0])) == (repr(model), model.predict([0.5, 1.0]))
    text = saving.text_of(model)
    model.layers[1].neurons[2].activation = "relu"
    with pytest.raises(tn.StorageError, match="softmax is of all neurons of layer 2"):
        tn.save(model, tmp_path / "other.txt")
    content = content_of(text)
    content["layers"][1][0]["activation"] = "tanh"
    with pytest.raises(tn.StorageError, match="softmax in layer 2"):
        built(content, False)
    content["layers"][1:] = [content["layers"][1][:1]]
    content["layers"][1][0]["activation"] = "softmax"
    with pytest.raises(tn.StorageError, match="softmax in layer 2"):
        built(content, False)
