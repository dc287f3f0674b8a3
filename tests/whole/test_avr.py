"""C files on the ATmega328, with its 2 KB of RAM, under simavr: tables stay in flash, and networks learn there."""

import math
import random
import struct

import pytest
from c_files import MODELS, exported
from devices import ATMEGA328, HOST, measured, ran
from shared import matched

import tinygrad_nn as tn

np = pytest.importorskip("numpy")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(ATMEGA328.missing or HOST.missing), reason=f"no {ATMEGA328.missing or 'gcc'} here"),
]
GNU = "-std=gnu11", "-Os"
STRICT = "-Wall", "-Wextra", "-Wconversion", "-pedantic", "-Werror"


def files(folder, model, **options):
    tn.export_c(model, folder / "model.c", header=True, overwrite=True, **options)
    return {name: (folder / name).read_text(encoding="ascii") for name in ("model.c", "model.h")}


def predicted(device, folder, sources, row, outputs, flags=GNU):
    """What a prediction takes, and its numbers."""
    x = f"static const float x[{len(row)}] = {{{', '.join(f'{n!r}f' for n in row)}}};\n"
    given = f"{x}static float y[{outputs}];\n"
    (folder / "built").mkdir(exist_ok=True)
    return measured(
        device, folder / "built", sources, "model_predict(x, y);", given, ("x", "y"), result="y", calls=5, flags=flags
    )


def row_of(n):
    return [k * 7 % 16 / 16 for k in range(n)]


@pytest.mark.parametrize("sizes", [(64, 32, 10), (4, 16, 3)])
def test_tables_take_no_ram_in_c_and_in_c_plus_plus(sizes, tmp_path):
    sources = files(tmp_path, tn.MLP(sizes[0], sizes[1:], "relu", rng=random.Random(1)))
    row, outputs = row_of(sizes[0]), sizes[-1]
    here = predicted(HOST, tmp_path, sources, row, outputs, ("-std=c99", "-O2", "-ffp-contract=off"))
    in_c = predicted(ATMEGA328, tmp_path, sources, row, outputs)
    assert in_c.ram == 0
    assert in_c.result == here.result  # whose additions come in the same order
    as_cpp = {"model.h": sources["model.h"], "model.cpp": sources["model.c"]}
    in_cpp = predicted(ATMEGA328, tmp_path, as_cpp, row, outputs, ("-Os",))
    assert in_cpp.ram == 0
    assert in_cpp.result == here.result
    assert in_cpp.count <= 1.5 * in_c.count


def test_reading_flash_costs_little(tmp_path):
    sources = files(tmp_path, tn.MLP(4, [16, 3], "relu", rng=random.Random(1)))
    in_flash, copied = (
        predicted(ATMEGA328, tmp_path, sources, row_of(4), 3, (standard, "-Os"))
        for standard in ("-std=gnu99", "-std=c99")
    )
    assert in_flash.result == copied.result
    assert in_flash.ram == 0
    assert copied.ram >= 4 * 131  # strict C99 has no word for flash, and says so by what it takes
    assert in_flash.count <= 1.04 * copied.count


def test_tables_of_indices_and_labels_are_read_from_flash(tmp_path):
    """A cross-entropy looks its class up in tables; the loss is that of Python."""
    model = tn.MLP(3, [4, 3], "tanh", rng=random.Random(1))
    train = tn.SGD(model.parameters(), 0.1, momentum=0.9)
    loss = tn.losses.cross_entropy(model(row_of(3)), 2).data
    sources = files(tmp_path, model, loss="cross_entropy", train=train)
    (tmp_path / "built").mkdir()
    taken = measured(
        ATMEGA328, tmp_path / "built", sources, "loss = model_train(&state, x, target);",
        "static const float x[3] = {0.0f, 0.4375f, 0.875f}, target[1] = {2.0f};\nstatic float loss;\n",
        ("x", "target", "loss"), "static model_state state;", "model_init(&state);", "loss", 1, GNU,
    )  # fmt: skip
    told = int(matched(r"RAM: ([\d,]+) bytes of state", sources["model.c"])[1].replace(",", ""))
    assert taken.ram == told  # the state, and nothing else
    assert 0.0 < struct.unpack("<f", taken.result)[0] < loss  # the result is that of a later step


LEARNS = """
float X[4][2] = {{0, 0}, {0, 1}, {1, 0}, {1, 1}}, Y[4][2] = {{0, 0}, {0, 1}, {0, 1}, {1, 0}}, y[4][2];
static void learn(void)
{
    for (int epoch = 0; epoch < 400; ++epoch) {
        for (int row = 0; row < 4; ++row) { model_train(&state, X[row], Y[row]); }
    }
    for (int row = 0; row < 4; ++row) { model_predict(&state, X[row], y[row]); }
}
"""


def test_a_half_adder_learns_in_two_kilobytes(tmp_path):
    model = tn.MLP(2, [3, 2], "sigmoid", "sigmoid", init="normal", rng=random.Random(3))
    train = tn.SGD(model.parameters(), 2.0, momentum=0.9)
    sources = files(tmp_path, model, loss="squared_error", train=train)
    (tmp_path / "built").mkdir()
    taken = measured(
        ATMEGA328, tmp_path / "built", sources, "learn();", held=f"static model_state state;{LEARNS}",
        setup="model_init(&state);", result="y", calls=1, flags=GNU,
    )  # fmt: skip
    found = struct.unpack("<8f", taken.result)
    assert [round(n) for n in found] == [0, 0, 0, 1, 0, 1, 1, 0]
    assert max(abs(n - round(n)) for n in found) < 0.2
    assert taken.ram + taken.stack <= 1024


def test_4_16_3_trains_in_800_bytes(tmp_path):
    model = tn.MLP(4, [16, 3], "relu", rng=random.Random(1))
    sources = files(tmp_path, model, loss="cross_entropy", train=tn.SGD(model.parameters(), 0.05))
    (tmp_path / "built").mkdir()
    taken = measured(
        ATMEGA328, tmp_path / "built", sources, "loss = model_train(&state, x, target);",
        "static const float x[4] = {0.0f, 0.4375f, 0.875f, 0.25f}, target[1] = {2.0f};\nstatic float loss;\n",
        ("x", "target", "loss"), "static model_state state;", "model_init(&state);", "loss", 1, GNU,
    )  # fmt: skip
    assert taken.ram <= 800
    assert taken.ram == int(matched(r"RAM: ([\d,]+) bytes of state", sources["model.c"])[1].replace(",", ""))


def test_a_network_in_8_bits_gives_the_numbers_of_this_machine(tmp_path):
    rng = random.Random(1)
    X = [[rng.randrange(17) for _ in range(64)] for _ in range(30)]
    for activation in ("relu", "tanh"):  # which is a table
        model = tn.MLP(64, [32, 10], activation, rng=rng)
        sources = files(tmp_path, model, dtype="int8", rows=X)
        given = f"static const uint8_t x[64] = {{{', '.join(map(str, X[0]))}}};\nstatic int16_t y[10];\n"
        (tmp_path / "built").mkdir(exist_ok=True)
        taken = [
            measured(
                device, tmp_path / "built", texts, "model_predict(x, y);", given, ("x", "y"), result="y", calls=1,
                flags=flags,
            )
            for device, texts, flags in (
                (HOST, sources, ["-std=c99", "-O2"]),
                (ATMEGA328, sources, GNU),
                (ATMEGA328, {"model.h": sources["model.h"], "model.cpp": sources["model.c"]}, ["-Os"]),
            )
        ]  # fmt: skip
        for each in taken[1:]:
            assert each.result == taken[0].result
            assert each.ram == 0
        assert taken[1].flash <= 4096


def test_a_saved_block_is_that_of_every_machine(tmp_path):
    model = tn.MLP(2, [3, 1], "tanh", "sigmoid", rng=random.Random(1))
    train = tn.SGD(model.parameters(), 0.5)
    sources = files(tmp_path, model, loss="binary_cross_entropy", train=train, save=True)
    (tmp_path / "built").mkdir()
    taken = measured(
        ATMEGA328, tmp_path / "built", sources, "model_save(&state, bytes);",
        held="static model_state state; static unsigned char bytes[MODEL_STATE_BYTES];", setup="model_init(&state);",
        result="bytes", calls=1, flags=GNU,
    )  # fmt: skip
    assert taken.result == tn.c_state(model, train)


@pytest.mark.parametrize("dtype", ["float", "double"])
@pytest.mark.parametrize("learns", [False, True])
@pytest.mark.parametrize("which", MODELS)
def test_every_file_compiles_without_a_warning(which, learns, dtype, tmp_path):
    text = exported(which, tmp_path, learns, dtype)[0]
    assert "AVR:   its tables stay in flash with -std=gnu99" in text
    assert ("its doubles are floats" in text) is (dtype == "double")
    if "e-305" in text:
        pytest.skip("a number that keeps a logarithm finite is 0 where doubles are floats")
    for compiler, name, standard in (
        ("avr-gcc", "a.c", "-std=gnu11"),
        ("avr-gcc", "a.c", "-std=c99"),
        ("avr-g++", "a.cpp", "-std=gnu++11"),
    ):
        (tmp_path / name).write_text(text, encoding="ascii")
        made = tmp_path / "a.o"
        ran([compiler, *ATMEGA328.flags, standard, "-Os", *STRICT, "-c", tmp_path / name, "-o", made])
        _, data, bss = map(int, ran(["avr-size", made]).splitlines()[1].split()[:3])
        assert data + bss == 0 or standard == "-std=c99"


@pytest.mark.parametrize("which", MODELS)
def test_the_self_tests_hold(which, tmp_path):
    """Its main is a function there, and prints nothing."""
    text = exported(which, tmp_path)[0]
    (tmp_path / "built").mkdir()
    assert "#include <stdio.h>" in text
    text = text.replace("#include <stdio.h>", "#define printf(...) ((void)0)")
    taken = measured(
        ATMEGA328, tmp_path / "built", {"model.c": text}, "wrong = self_test();",
        held="int self_test(void); static volatile int wrong = 7;", result="wrong", calls=1,
        flags=[*GNU, "-Wno-unused", "-DMODEL_SELF_TEST", "-Dmain=self_test"],
    )  # fmt: skip
    assert taken.result == bytes(2)


complement = tn.primitive("complement", math.erfc, "g * -1.1283791670955126 * exp(-x * x)", spellings={"c": "erfc(x)"})


def test_what_the_library_of_avr_lacks_is_there(tmp_path):
    """Of all floats near 0 within a few units in the last place; further away, its own exp is less exact."""
    special = pytest.importorskip("scipy.special")
    numbers = [s * m * 10.0**e for e in range(-44, 38, 3) for m in (1.0, 2.3, 7.7) for s in (1, -1)]
    numbers += [0.0, -0.5, -0.99, -1.0, -1.5, 0.1, 0.5, 1.0, 3.0, 20.0, 88.0, 89.0, -15.0, -20.0, math.inf, -math.inf]
    given = np.array(numbers, "float32")
    with np.errstate(all="ignore"):
        for name in ("log1p", "expm1", "erf", "erfc"):
            function = tn.compile(getattr(tn, name, None) or complement)
            function(0.5)
            tn.export_c(function, tmp_path / "made.c", "made", dtype="float", header=True, overwrite=True)
            sources = {file: (tmp_path / file).read_text(encoding="ascii") for file in ("made.c", "made.h")}
            (tmp_path / name).mkdir()
            for first in range(0, len(given), 30):  # of more, the simulator breaks the line
                some = given[first : first + 30]
                held = ", ".join(f"{{0x{bits:x}UL}}" for bits in some.view("uint32"))
                x = f"static union {{ unsigned long bits; float number; }} x[{len(some)}] = {{{held}}};"
                loop = f"for (int k = 0; k < {len(some)}; ++k) {{ y[k] = made(x[k].number); }}"
                taken = measured(
                    ATMEGA328, tmp_path / name, sources, loop, f"#include <math.h>\n{x}\nstatic float y[{len(some)}];",
                    ("x", "y"), result="y", calls=1, flags=GNU,
                )  # fmt: skip
                found, right = (
                    np.frombuffer(taken.result, "<f4"),
                    getattr(special, name)(some.astype(float)).astype("float32"),
                )
                assert (np.isnan(found) == np.isnan(right)).all(), name
                sure = ~np.isnan(right) & (abs(some) > 1.2e-38)
                near = sure & (abs(some) <= 1.0)
                assert np.allclose(found[near], right[near], rtol=6e-7, atol=0.0), name
                assert np.allclose(found[sure], right[sure], rtol=1e-5, atol=1e-37), name
