"""Arduino sketches: the folder and its files, whole or not at all; built as Arduino does, one runs on an ATmega328."""

import os
import random
from typing import Any

import pytest
from c_files import MODELS
from devices import ATMEGA328, printed, ran
from shared import matched

import tinygrad_nn as tn


def network():
    return tn.MLP(2, [4, 1], "tanh", "sigmoid", rng=random.Random(1))


def learning(model):
    return {"loss": "binary_cross_entropy", "train": tn.SGD(model.parameters(), 0.5, momentum=0.9)}


def written(folder):
    return {name: (folder / name).read_text(encoding="ascii") for name in sorted(os.listdir(folder))}


def test_a_folder_is_made_that_holds_program_file_and_header(tmp_path):
    model = network()
    tn.export_c(model, tmp_path / "gate", "gate_of", layout="arduino", **learning(model))
    texts = written(tmp_path / "gate")
    assert [*texts] == ["gate.ino", "gate_of.c", "gate_of.h"]
    assert '#include "gate_of.h"' in texts["gate.ino"]
    assert '#include "gate_of.h"' in texts["gate_of.c"]
    for text in (
        "gate_of_init(&state);",
        "gate_of_predict(&state, x, y);",
        "gate_of_train(&state, x, target)",
        "float x[2];",
    ):
        assert text in texts["gate.ino"]
    tn.export_c(model, tmp_path / "gate_of.c", "gate_of", header=True, **learning(model))
    assert texts["gate_of.h"] == (tmp_path / "gate_of.h").read_text(encoding="ascii")


def test_what_only_predicts_and_a_folder_that_is_there(tmp_path):
    (tmp_path / "gate").mkdir()
    (tmp_path / "gate" / "mine.txt").write_text("kept")
    tn.export_c(network(), f"{tmp_path}/gate/", layout="arduino")
    text = written(tmp_path / "gate")
    assert [*text] == ["gate.ino", "mine.txt", "model.c", "model.h"]
    assert "state" not in text["gate.ino"]
    assert "train" not in text["gate.ino"]


def test_files_are_replaced_with_overwrite_alone(tmp_path):
    tn.export_c(network(), tmp_path / "gate", layout="arduino")
    (tmp_path / "gate" / "gate.ino").write_text("my own program")
    with pytest.raises(FileExistsError, match=r"model\.c is there already: give another path, or overwrite=True"):
        tn.export_c(network(), tmp_path / "gate", layout="arduino")
    os.unlink(tmp_path / "gate" / "model.c")
    os.unlink(tmp_path / "gate" / "model.h")
    with pytest.raises(FileExistsError, match=r"gate\.ino is there already"):
        tn.export_c(network(), tmp_path / "gate", layout="arduino")
    assert written(tmp_path / "gate") == {"gate.ino": "my own program"}
    tn.export_c(network(), tmp_path / "gate", layout="arduino", overwrite=True)
    assert "setup" in written(tmp_path / "gate")["gate.ino"]


@pytest.mark.parametrize("there", [False, True])
def test_it_is_written_whole_or_not_at_all(there, tmp_path, monkeypatch):
    left = 2

    def full(handle):
        nonlocal left
        left -= 1
        if not left:
            raise OSError("no space left on device")

    if there:
        (tmp_path / "gate").mkdir()
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="no space left"):
        tn.export_c(network(), tmp_path / "gate", layout="arduino")
    assert os.listdir(tmp_path) == ["gate"] * there
    assert not there or os.listdir(tmp_path / "gate") == []


def test_bad_places_and_layouts_are_said_and_write_nothing(tmp_path):
    (tmp_path / "file").write_text("")
    cases: list[tuple[str, dict[str, Any], type[Exception], str]] = [
        ("a b", {}, ValueError, "of the name 'a b' Arduino takes none"),
        ("-a", {}, ValueError, "of the name '-a' Arduino takes none"),
        ("file", {}, NotADirectoryError, "is a file, and a sketch is a folder"),
        ("none/gate", {}, FileNotFoundError, "there is no folder"),
        ("gate", {"name": "int"}, ValueError, "'int' is a keyword of C"),
        ("gate", {"layout": "platformio"}, ValueError, "layout is 'file' or 'arduino', but got 'platformio'"),
        ("gate", {"layout": None}, ValueError, "layout is 'file' or 'arduino', but got None"),
    ]
    for path, options, error, words in cases:
        with pytest.raises(error, match=words):
            tn.export_c(network(), tmp_path / path, **{"layout": "arduino", **options})
    function = tn.compile(lambda x: x * x)
    function(1.0)
    with pytest.raises(ValueError, match="a sketch is of a model with its weights: export a compiled function alone"):
        tn.export_c(function, tmp_path / "gate", layout="arduino")
    assert os.listdir(tmp_path) == ["file"]


# What a sketch has of Arduino's core, and the main that calls it, three times round.
CORE = """#include <avr/interrupt.h>
#include <avr/io.h>
#include <avr/sleep.h>
#include <stdlib.h>
struct Port {
    void begin(long) { UCSR0B = 1 << TXEN0; }
    void print(const char *text) { for (; *text; ++text) { while (!(UCSR0A & (1 << UDRE0))) {} UDR0 = *text; } }
    void println(const char *text) { print(text); print("\\n"); }
    void println(double number, int digits) { char text[24]; println(dtostrf(number, 0, (unsigned char)digits, text)); }
    void println(int number) { char text[8]; println(itoa(number, text, 10)); }
} static Serial;
static void delay(unsigned long) {}
"""
MAIN = """
int main() { setup(); for (int k = 0; k < 3; ++k) { loop(); } Serial.print("\\n"); cli(); sleep_enable(); sleep_cpu(); }
"""


@pytest.mark.slow
@pytest.mark.skipif(bool(ATMEGA328.missing), reason=f"no {ATMEGA328.missing} here")
@pytest.mark.parametrize("learns", [False, True])
@pytest.mark.parametrize("which", MODELS)
def test_sketches_of_every_kind_of_model_print_numbers(which, learns, tmp_path):
    make, loss, optimizer, own = MODELS[which]
    model = make()
    given = {"loss": loss, "train": optimizer(model.parameters())} if learns else {}
    tn.export_c(model, tmp_path / "told", layout="arduino", **given, **own)
    inputs = int(matched(r"float x\[(\d+)\];", (tmp_path / "told" / "told.ino").read_text(encoding="ascii"))[1])
    outputs = model([0.0] * inputs)
    expected = [value.data for value in (outputs if isinstance(outputs, list) else [outputs])]
    found = lines_of(tmp_path / "told")
    assert [float(line) for line in found[: len(expected)]] == pytest.approx(expected, abs=2e-6)
    assert len(found) == 3 * (len(expected) + learns)
    assert not learns or found[len(expected)].startswith("loss ")


def lines_of(folder, **sensed):
    """What a sketch prints: its C file compiled as C and its program as C++, with the flags of Arduino."""
    (path,) = folder.glob("*.ino")
    program = path.read_text(encoding="ascii")
    for before, after in sensed.values():
        assert before in program
        program = program.replace(before, after)
    (folder / "main.cpp").write_text(CORE + program + MAIN, encoding="ascii")
    shared = *ATMEGA328.flags, "-Os", "-Wall", "-Wextra", "-Werror", "-ffunction-sections", "-fdata-sections"
    ran(["avr-gcc", *shared, "-std=gnu11", "-c", folder / "model.c", "-o", folder / "model.o"])
    ran(["avr-g++", *shared, "-std=gnu++11", "-fno-exceptions", "-c", folder / "main.cpp", "-o", folder / "main.o"])
    made = folder / "made.elf"
    ran(["avr-gcc", *ATMEGA328.flags, "-Wl,--gc-sections", folder / "main.o", folder / "model.o", "-lm", "-o", made])
    return [line for line in printed(ATMEGA328, made).splitlines() if line]


@pytest.mark.slow
@pytest.mark.skipif(bool(ATMEGA328.missing), reason=f"no {ATMEGA328.missing} here")
def test_a_sketch_runs_on_an_atmega328(tmp_path):
    model = network()
    train = tn.SGD(model.parameters(), 0.5, momentum=0.9)
    tn.export_c(model, tmp_path / "gate", layout="arduino", loss="binary_cross_entropy", train=train)
    sensed = "  model_predict(", "  x[0] = 0.25; x[1] = -1.0; target[0] = 1.0;\n  model_predict("
    expected = []
    for _ in range(3):
        prediction = model([0.25, -1.0])
        loss = tn.losses.binary_cross_entropy(prediction, 1.0)
        expected += [prediction.data, loss.data]
        train.zero_grad()
        loss.backward()
        train.step()
    found = lines_of(tmp_path / "gate", sensed=sensed)
    assert [float(line.removeprefix("loss ")) for line in found] == pytest.approx(expected, abs=2e-6)


@pytest.mark.slow
@pytest.mark.skipif(bool(ATMEGA328.missing), reason=f"no {ATMEGA328.missing} here")
@pytest.mark.parametrize("labels", [["low", "high", "odd"], [3, 5, -7]])
def test_a_classifier_tells_its_label(labels, tmp_path):
    pytest.importorskip("sklearn")
    from tinygrad_nn.sklearn import MLPClassifier

    rng = random.Random(0)
    X = [[rng.uniform(-1.0, 1.0), rng.uniform(-1.0, 1.0)] for _ in range(90)]
    y = [labels[(a > 0) + (b > 0)] for a, b in X]
    model = MLPClassifier((6,), max_iter=60, tol=1.0, n_iter_no_change=5, random_state=0).fit(X, y)
    tn.export_c(model, tmp_path / "told", layout="arduino")
    expected = [*model.predict_proba([[0.5, 0.75]])[0], model.predict([[0.5, 0.75]])[0]]
    found = lines_of(tmp_path / "told", sensed=("  model_predict(", "  x[0] = 0.5; x[1] = 0.75;\n  model_predict("))
    assert [float(line) for line in found[:3]] == pytest.approx(expected[:3], abs=2e-6)
    assert found[3] == f"class {expected[3]}"
    _, data, bss = map(int, ran(["avr-size", tmp_path / "told" / "model.o"]).splitlines()[1].split()[:3])
    assert data + bss == 0 or isinstance(labels[0], str)  # whose texts are read as any text is


@pytest.mark.slow
@pytest.mark.skipif(bool(ATMEGA328.missing), reason=f"no {ATMEGA328.missing} here")
def test_a_network_in_8_bits_tells_its_class(tmp_path):
    model = tn.MLP(2, [6, 3], "relu", rng=random.Random(3))
    X = [[0, 200], [200, 0], [90, 90], [255, 255]]
    tn.export_c(model, tmp_path / "told", layout="arduino", dtype="int8", rows=X)
    for row in X:
        sensed = "  model_predict(", f"  x[0] = {row[0]}; x[1] = {row[1]};\n  model_predict("
        outputs = model.predict(row)
        assert lines_of(tmp_path / "told", sensed=sensed)[-1] == f"class {outputs.index(max(outputs))}"
