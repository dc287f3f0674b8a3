"""What was learned in C as a block of bytes: the same from C and from Python, and nothing of it is believed."""

import ctypes
import random
import shutil
import struct
import subprocess
import zlib
from typing import Any

import pytest
from c_files import MODELS, built, exported, found, library, needs_cc, network, printed, python_step
from devices import ATMEGA328, M0, measured
from shared import wrong

import tinygrad_nn as tn
from tinygrad_nn import losses
from tinygrad_nn.compiler.single_precision import rounded

pytestmark = needs_cc
KINDS = {"float": ctypes.c_float, "double": ctypes.c_double}


def few(*quick):
    """Models and dtypes, of which all but a few are slow."""
    pairs = [(which, dtype) for which in MODELS for dtype in KINDS]
    return [pytest.param(*pair, marks=[] if pair in quick else [pytest.mark.slow]) for pair in pairs]


class Device:
    """A state on a machine with no Python, and the functions of its file."""

    def __init__(self, text, model, folder, dtype="float"):
        self.c, self.real = library(text, folder), KINDS[dtype]
        self.size = next(int(line.split()[-1]) for line in text.splitlines() if line.startswith("#define MODEL_STATE"))
        self.state = (self.real * 4000)()
        self.c.model_train.restype = self.real
        self.c.model_init(self.state)

    def train(self, x, target):
        return self.c.model_train(self.state, (self.real * len(x))(*x), (self.real * len(target))(*target))

    def save(self):
        block = (ctypes.c_ubyte * self.size)()
        self.c.model_save(self.state, block)
        return bytes(block)

    def load(self, block):
        return self.c.model_load(self.state, (ctypes.c_ubyte * self.size)(*block))


def drawn(model, which, rng):
    """A row of floats that a model takes, and a target."""
    first = getattr(model, "layers", [getattr(model, "hidden", model)])[0]
    n = len(getattr(first, "neurons", [first])[0].weights)
    x = [rounded(rng.uniform(-1.0, 1.0)) for _ in range(n)]
    outputs = model(x)
    count = len(outputs) if isinstance(outputs, list) else 1
    if MODELS[which][1] == "cross_entropy":
        return x, [float(rng.randrange(count))]
    return x, [float(rng.choice([0.0, 1.0])) for _ in range(count)]


def numbers_of(model, optimizer):
    return [p.data for p in model.parameters()], list(optimizer.held_state), optimizer.steps, optimizer.lr


@pytest.mark.parametrize(("which", "dtype"), few(("xor", "float"), ("classes", "double"), ("by hand", "float")))
def test_a_block_goes_from_c_to_python_and_back(which, dtype, tmp_path):
    text, model, optimizer = exported(which, tmp_path, dtype=dtype, save=True)
    device, rng = Device(text, model, tmp_path, dtype), random.Random(1)
    assert device.save() == tn.c_state(model, optimizer, dtype)
    loss = losses.named(MODELS[which][1])
    for _ in range(5):
        x, target = drawn(model, which, rng)
        device.train(x, target)
    block = device.save()
    tn.load_c_state(model, block, optimizer)
    assert tn.c_state(model, optimizer, dtype) == block
    assert optimizer.steps in (0, 5)  # which SGD does not ask for
    x, target = drawn(model, which, rng)
    assert device.train(x, target) == pytest.approx(
        python_step(model, loss, optimizer, x, target[0] if len(target) == 1 else target), rel=2e-5
    )
    assert device.load(block) == 1
    assert device.save() == block


def test_a_file_has_it_where_it_is_asked_for_alone(tmp_path):
    assert not {"model_save", "STATE_BYTES", "stdint"} & set(exported("xor", tmp_path)[0].replace("(", " ").split())
    model = network()
    cases: list[tuple[dict[str, Any], str]] = [({}, "give a loss and an optimizer"), ({"loss": "hinge"}, "train is")]
    for options, words in cases:
        with pytest.raises(ValueError, match=words):
            tn.export_c(model, tmp_path / "no.c", save=True, **options)
    f = tn.compile(lambda x: x * 2.0)
    f(1.0)
    with pytest.raises(ValueError, match="weights_apart are"):
        tn.export_c(f, tmp_path / "no.c", save=True)
    assert not (tmp_path / "no.c").exists()


def test_it_compiles_without_a_warning_and_tests_itself(tmp_path):
    for dtype, compiler in zip([*KINDS, "float"], found, strict=False):
        text, _, _ = exported("xor", tmp_path, dtype=dtype, save=True, header=True)
        assert "void model_save(" in (tmp_path / "model.h").read_text()
        assert printed(built(text, tmp_path, "-DMODEL_SELF_TEST", compiler=compiler)) == ("ok", 0)


def test_a_block_that_is_damaged_changes_nothing(tmp_path):
    text, model, optimizer = exported("xor", tmp_path, save=True)
    device = Device(text, model, tmp_path)
    device.train([0.5, -0.5], [1.0])
    block, before, rng = device.save(), numbers_of(model, optimizer), random.Random(1)
    device.train([0.5, -0.5], [0.0])
    kept = device.save()
    damaged = [block[:i] + bytes([block[i] ^ 1 << rng.randrange(8)]) + block[i + 1 :] for i in range(len(block))]
    swapped = block[:24] + block[28:32] + block[24:28] + block[32:]
    for bad in [*damaged, swapped, bytes(len(block)), b"\xff" * len(block)]:
        assert device.load(bad) == 0
        with pytest.raises(tn.StorageError):
            tn.load_c_state(model, bad, optimizer)
    assert device.save() == kept
    for cut in (b"", block[:10], block[:-1], block + b"\0", block[:24]):
        with pytest.raises(tn.StorageError):
            tn.load_c_state(model, cut)
    with pytest.raises(TypeError, match="wants the bytes that model_save wrote, but got str"):
        tn.load_c_state(model, wrong("block"))
    assert numbers_of(model, optimizer) == before


def changed(block, at, number):
    """A block with another number in it, and the sum of that."""
    body = block[: 24 + 4 * at] + struct.pack("<f", number) + block[28 + 4 * at : -4]
    return body + struct.pack("<I", zlib.crc32(body))


def test_a_block_of_something_else_is_refused(tmp_path):
    text, model, optimizer = exported("xor", tmp_path, save=True)
    device, block = Device(text, model, tmp_path), tn.c_state(model, optimizer)
    n = len(model.parameters())
    relu, wider = network((2, 4, 1), "relu", "sigmoid"), network((2, 8, 1), "tanh", "sigmoid")
    turned = network((4, 2, 1), "tanh", "sigmoid")
    others: list[Any] = [(other, tn.Adam(other.parameters(), 0.05)) for other in (relu, wider, turned)]
    others += [(model, tn.SGD(model.parameters(), 0.05)), (model, tn.SGD(model.parameters(), 0.05, momentum=0.9))]
    others += [(model, tn.Adam(model.parameters()[::-1], 0.05)), (model, tn.Adam(model.parameters()[1:], 0.05))]
    for other, trained_by in others:
        foreign, before = tn.c_state(other, trained_by), numbers_of(other, trained_by)
        if len(foreign) == len(block):
            assert device.load(foreign) == 0
        with pytest.raises(tn.StorageError, match="of another"):
            tn.load_c_state(model, foreign, optimizer)
        with pytest.raises(tn.StorageError, match="of another"):
            tn.load_c_state(other, block, trained_by)
        assert numbers_of(other, trained_by) == before
    with pytest.raises(tn.StorageError, match="another network"):
        tn.load_c_state(relu, block)
    for at, number in ((0, float("nan")), (n, float("inf")), (3 * n, -0.1), (3 * n + 1, 0.5)):
        with pytest.raises(tn.StorageError, match="diverged"):
            tn.load_c_state(model, changed(block, at, number), optimizer)
    with pytest.raises(TypeError, match="optimizer must be one such as"):
        tn.c_state(model, wrong(0.1))
    with pytest.raises(TypeError, match=r"has no parameters\(\) in an order"):
        tn.load_c_state(lambda x: x, block)


def test_the_model_alone_takes_the_weights_alone(tmp_path):
    text, model, optimizer = exported("xor", tmp_path, save=True)
    device = Device(text, model, tmp_path)
    device.train([0.5, -0.5], [1.0])
    steps = optimizer.steps
    tn.load_c_state(model, bytearray(device.save()))
    assert [p.data for p in model.parameters()] == list(device.state[: len(model.parameters())])
    assert (optimizer.steps, optimizer.lr) == (steps, 0.05)
    device.state[3 * len(model.parameters())] = 0.25  # the learning rate
    tn.load_c_state(model, device.save(), optimizer)
    assert (optimizer.steps, optimizer.lr) == (1, 0.25)


def test_a_machine_of_the_other_byte_order_writes_the_same(tmp_path):
    if not (shutil.which("powerpc-linux-gnu-gcc") and shutil.which("qemu-ppc")):
        pytest.skip("no compiler for PowerPC, or no qemu to run it in")
    text, model, optimizer = exported("xor", tmp_path, save=True)
    main = (
        "#include <stdio.h>\nint main(void) { static model_state s; static unsigned char b[MODEL_STATE_BYTES];"
        'model_init(&s); model_save(&s, b); for (int k = 0; k < MODEL_STATE_BYTES; ++k) printf("%02x", b[k]);'
        'printf(" %d", model_load(&s, b)); return 0; }\n'
    )
    (tmp_path / "ppc.c").write_text(text + main)
    command = [
        "powerpc-linux-gnu-gcc",
        "-std=c99",
        "-static",
        str(tmp_path / "ppc.c"),
        "-o",
        str(tmp_path / "ppc"),
        "-lm",
    ]
    subprocess.run(command, check=True)
    told = subprocess.run(["qemu-ppc", str(tmp_path / "ppc")], capture_output=True, text=True, check=True).stdout
    assert told == f"{tn.c_state(model, optimizer).hex()} 1"


def test_what_a_batch_had_added_up_goes_with_its_weights(tmp_path):
    text, model, _ = exported("xor", tmp_path, save=True, batches=True)
    device, fresh = Device(text, model, tmp_path), Device(text, model, tmp_path)
    row, target = (ctypes.c_float * 2)(0.5, -0.5), (ctypes.c_float * 1)(1.0)
    block = device.save()
    for other in (device, fresh):
        for _ in range(2 if other is device else 0):
            other.c.model_accumulate(other.state, row, target)
        ctypes.memset(fresh.state, 255, ctypes.sizeof(fresh.state))  # a state that nobody has begun
        assert other.load(block) == 1
        other.c.model_accumulate(other.state, row, target)
        other.c.model_update(other.state)
    assert device.save() == fresh.save() != block


@pytest.mark.slow
@pytest.mark.parametrize("device", [M0, ATMEGA328], ids=lambda device: device.name)
def test_devices_write_and_read_the_same(device, tmp_path):
    if device.missing:
        pytest.skip(f"no {device.missing} here")
    text, model, optimizer = exported("half adder", tmp_path, save=True, header=True)
    wanted = tn.c_state(model, optimizer)
    held = '#include <string.h>\n#include "model.h"\nstatic model_state state;\n'
    held += "static unsigned char bytes[MODEL_STATE_BYTES], shown[100];"
    call = "model_save(&state, bytes); bytes[30] ^= model_load(&state, bytes) != 1; bytes[40] ^= 1; "
    call += "bytes[30] ^= model_load(&state, bytes) != 0; bytes[40] ^= 1;"
    sources = {"model.c": text, "model.h": (tmp_path / "model.h").read_text()}
    for start in (0, len(wanted) - 100):  # of which the simulator of the AVR prints no more at once
        told = f"{call} memcpy(shown, bytes + {start}, 100);"
        taken = measured(
            device, tmp_path, sources, told, held=held, setup="model_init(&state);", result="shown", calls=2
        )
        assert taken.result == wanted[start : start + 100]
