"""The arithmetic of networks in 8 bits: that of NumPy's arrays to the bit, and of float32 at the inputs."""

import math
import random

import pytest
from integer_files import MODELS, outputs, scores

from tinygrad_nn.export.integers.network import Input, Softmax
from tinygrad_nn.export.integers.quantizing import quantized

np = pytest.importorskip("numpy")


@pytest.mark.parametrize("which", MODELS)
def test_whole_numbers_are_those_of_arrays(which):
    network, rows = quantized(*MODELS[which]())
    rng = random.Random(2)
    xs = [network.quantized(row) for row in rows] + [[rng.randrange(256) for _ in rows[0]] for _ in range(20)]
    xs += [[0] * len(rows[0]), [255] * len(rows[0])]
    found = scores(network, xs)
    assert [network.scores(row) for row in xs] == found.tolist()
    wanted = outputs(network, found)
    made = np.array([network.outputs(row) for row in xs])
    assert np.abs(made).max() <= 32768
    assert np.abs(made * 2.0**-network.bits - wanted).max() <= (2e-3 if network.softmax else 0.0)


def test_inputs_are_steps_by_the_arithmetic_of_floats():
    entry = Input(-0.1, 85.3)
    for value in [random.Random(3).uniform(-1.0, 4.0) for _ in range(500)]:
        place = (np.float32(value) - np.float32(-0.1)) * np.float32(85.3)
        entry_of_floats = Input(float(np.float32(-0.1)), float(np.float32(85.3)))
        assert entry_of_floats.steps(value) == int(np.clip(place, 0, 255))
    assert [entry.steps(value) for value in (math.nan, -math.inf, math.inf, 1e300)] == [0, 0, 255, 255]


@pytest.mark.parametrize("shift", [0, 3, 8])
def test_probabilities_add_up(shift):
    exponentials = [round(65535 * math.exp(-math.log(2.0) / 16.0 * k)) for k in range(256)] + [0]
    softmax, rng = Softmax(exponentials, shift), random.Random(4)
    for count in (2, 3, 40):
        found = softmax.probabilities([rng.randrange(65536) for _ in range(count)])
        assert abs(sum(found) - 16384) <= count / 2
    assert softmax.probabilities([7, 7]) == [8192, 8192]
    assert softmax.probabilities([65535, 0, 0])[0] == (16384 if shift < 8 else softmax.probabilities([65535, 0, 0])[0])
