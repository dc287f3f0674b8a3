"""A C file of a network on a device: `python device_engines.py ENGINE WORK DEVICE [FLAG ...]` prints flash, RAM, stack
and what a call takes there, as JSON. Engines are tinygrad_nn, loops written by hand, and others that write C, where
they are installed; a reason stands for what does not run.
"""

import importlib
import json
import os
import random
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

from measuring import missing

import tinygrad_nn as tn

sys.path.append(str(Path(__file__).parents[1] / "oracles"))

from devices import DEVICES, measured, ran

RATE = 0.05
# the first of scikit-learn's digits, in sixteenths
DIGIT = "005d910000dfaf5003f20b8004c008800580098004b01c7002e5ac00006da000"
# products and sums may be contracted, as everywhere by default; on AVR as Arduino has it
FLAGS = {"ATmega328": ("-std=gnu11", "-Os")}
USUAL_FLAGS = "-std=gnu99", "-O2"


@dataclass(frozen=True)
class Work:
    """A network of these sizes, which predicts or learns; how many calls are timed on a device that is slow."""

    sizes: tuple[int, ...]
    learns: bool = False
    calls: int = 20
    activation: str = "relu"
    output: str = "linear"
    loss: str = "cross_entropy"

    @property
    def model(self):
        return tn.MLP(self.sizes[0], self.sizes[1:], self.activation, self.output, rng=random.Random(1))

    @property
    def row(self):
        count = self.sizes[0]
        return [int(digit, 16) / 16 for digit in DIGIT] if count == 64 else [(k * 7 % 16) / 16 for k in range(count)]

    @property
    def call(self):
        """What is measured, as the arguments of `devices.measured` but for the sources."""
        x = f"static const float x[{self.sizes[0]}] = {{{listed(self.row)}}};\n"
        if not self.learns:
            x += f"static float y[{self.sizes[-1]}];\n"
            return {"call": "model_predict(x, y);", "given": x, "kept": ("x", "y"), "result": "y"}
        target = listed([1.0] * (1 if self.loss == "cross_entropy" else self.sizes[-1]))
        return {
            "given": f"{x}static const float target[] = {{{target}}};\nstatic float loss;\n",
            "kept": ("x", "target", "loss"), "held": "static model_state state;", "setup": "model_init(&state);",
            "call": "loss = model_train(&state, x, target);", "result": "loss",
        }  # fmt: skip


class Integers(Work):
    """A network in 8 bits."""

    @property
    def call(self):
        x = f"static const uint8_t x[{self.sizes[0]}] = {{{', '.join(str(int(16 * n)) for n in self.row)}}};\n"
        return super().call | {"given": f"{x}static int16_t y[{self.sizes[-1]}];\n"}


class Softmax(Work):
    """The softmax of a few numbers, as a function."""

    @property
    def model(self):
        function = tn.compile(lambda numbers: tn.softmax(numbers))
        function(self.row)
        return function

    @property
    def call(self):
        return super().call | {"call": "model(x, y);"}


WORKS = {
    "digits in 8 bits": Integers((64, 32, 10)),
    "softmax of 3": Softmax((3, 3)),
    "digits": Work((64, 32, 10)),
    "digits, training": Work((64, 32, 10), learns=True, calls=5),
    "784-128-10": Work((784, 128, 10), calls=3),
    "4-16-3": Work((4, 16, 3)),
    "4-16-3, training": Work((4, 16, 3), learns=True),
    "half adder, training": Work((2, 3, 2), True, 20, "sigmoid", "sigmoid", "squared_error"),
}


def listed(numbers):
    return ", ".join(f"{number!r}f" for number in numbers)


def ours(work):
    """The texts of our export."""
    model = work.model
    options = {"loss": work.loss, "train": tn.SGD(model.parameters(), RATE)} if work.learns else {"dtype": "float"}
    if isinstance(work, Integers):
        options = {"dtype": "int8", "rows": [[k * m % 17 for k in range(work.sizes[0])] for m in range(20)]}
    with tempfile.TemporaryDirectory() as folder:
        tn.export_c(model, Path(folder) / "model.c", header=True, **options)
        return {path.name: path.read_text(encoding="ascii") for path in Path(folder).iterdir()}


HEAD = """#include <math.h>
typedef struct {{ float weights[{count}], learning_rate; }} model_state;
void model_init(model_state *state);
void model_predict(const float x[], float y[]);
float model_train(model_state *state, const float x[], const float target[]);
"""
LAYER = """static void @NAME@(const @SPACE@ float *w, const float *x, int m, float *y, int n, int rectify)
{
    int i = 0;
    for (; i + 4 <= n; i += 4, w += 4 * (m + 1)) {
        const @SPACE@ float *a = w, *b = a + m + 1, *c = b + m + 1, *d = c + m + 1;
        float p = a[m], q = b[m], r = c[m], s = d[m];
        for (int k = 0; k < m; ++k) {
            const float v = x[k];
            p += *a++ * v; q += *b++ * v; r += *c++ * v; s += *d++ * v;
        }
        y[i] = p; y[i + 1] = q; y[i + 2] = r; y[i + 3] = s;
    }
    for (; i < n; ++i, w += m + 1) {
        float p = w[m];
        for (int k = 0; k < m; ++k) { p += w[k] * x[k]; }
        y[i] = p;
    }
    if (rectify) { for (i = 0; i < n; ++i) { if (y[i] < 0.0f) { y[i] = 0.0f; } } }
}
"""
BY_HAND = """#include "model.h"
#ifdef __AVR__
#define IN_FLASH __flash
#else
#define IN_FLASH
#endif
static const IN_FLASH float weights[{count}] = {{{weights}}};
{layers}void model_predict(const float x[], float y[])
{{
    float h[{hidden}];
    layer_in_flash(weights, x, {inputs}, h, {hidden}, 1);
    layer_in_flash(weights + {first}, h, {hidden}, y, {outputs}, 0);
}}
void model_init(model_state *state)
{{
    for (int i = 0; i < {count}; ++i) {{ state->weights[i] = weights[i]; }}
    state->learning_rate = {rate}f;
}}
float model_train(model_state *state, const float x[], const float target[])
{{
    const float rate = state->learning_rate;
    float h[{hidden}], y[{outputs}], *w = state->weights, total = 0.0f, most;
    layer(w, x, {inputs}, h, {hidden}, 1);
    layer(w + {first}, h, {hidden}, y, {outputs}, 0);
    most = y[0];
    for (int i = 1; i < {outputs}; ++i) {{ if (y[i] > most) {{ most = y[i]; }} }}
    const float of_target = y[(int)target[0]] - most;
    for (int i = 0; i < {outputs}; ++i) {{ y[i] = expf(y[i] - most); total += y[i]; }}
    for (int i = 0; i < {outputs}; ++i) {{ y[i] /= total; }}
    y[(int)target[0]] -= 1.0f;
    for (int i = 0; i < {hidden}; ++i) {{
        float g = 0.0f, *v = w + {first} + i;
        for (int k = 0; k < {outputs}; ++k, v += {hidden} + 1) {{
            g += y[k] * *v;
            *v -= rate * (y[k] * h[i]);
        }}
        h[i] = h[i] > 0.0f ? g : 0.0f;
    }}
    for (int i = 0; i < {outputs}; ++i) {{ w[{first} + ({hidden} + 1) * i + {hidden}] -= rate * y[i]; }}
    for (int i = 0; i < {hidden}; ++i, w += {inputs} + 1) {{
        const float g = h[i];
        for (int k = 0; k < {inputs}; ++k) {{ w[k] -= rate * (g * x[k]); }}
        w[{inputs}] -= rate * g;
    }}
    return logf(total) - of_target;
}}
"""


SOFTMAX = """#include <math.h>
void model(const float x[], float y[])
{{
    float most = x[0], total = 0.0f;
    for (int k = 1; k < {n}; ++k) {{ if (x[k] > most) {{ most = x[k]; }} }}
    for (int k = 0; k < {n}; ++k) {{ y[k] = expf(x[k] - most); total += y[k]; }}
    for (int k = 0; k < {n}; ++k) {{ y[k] /= total; }}
}}
"""


def by_hand(work):
    """Loops as one who knows them writes them: four neurons a loop, and the weights updated in place.

    The products and sums are those of the library, but for the loss's: what rounds otherwise is no bound.
    """
    if isinstance(work, Softmax):
        return {"model.h": "void model(const float x[], float y[]);\n", "model.c": SOFTMAX.format(n=work.sizes[0])}
    if len(work.sizes) != 3 or isinstance(work, Integers) or work.loss != "cross_entropy":
        raise RuntimeError("not written")
    inputs, hidden, outputs = work.sizes
    weights = [parameter.data for parameter in work.model.parameters()]
    layers = ["layer_in_flash", "IN_FLASH"], *([["layer", ""]] if work.learns else [])
    blanks = {
        "layers": "".join(LAYER.replace("@NAME@", name).replace("@SPACE@", space) for name, space in layers),
        "inputs": inputs, "hidden": hidden, "outputs": outputs, "count": len(weights), "first": hidden * (inputs + 1),
        "rate": RATE, "weights": listed(weights),
    }  # fmt: skip
    return {"model.h": HEAD.format(**blanks), "model.c": BY_HAND.format(**blanks)}


def of_emlearn(work):
    """emlearn's file of scikit-learn's network of the same sizes, whose prediction is a class."""
    import emlearn
    from sklearn.neural_network import MLPClassifier

    predicts_only(work)
    rng = random.Random(1)
    X = [[rng.random() for _ in range(work.sizes[0])] for _ in range(2 * work.sizes[-1])]
    network = MLPClassifier(work.sizes[1:-1], max_iter=1).fit(X, [*range(work.sizes[-1])] * 2)
    here = os.getcwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)  # since it builds in the folder that it is called in
        emlearn.convert(network, method="inline", dtype="float").save(file=f"{folder}/theirs.h", name="theirs")
        text = Path(folder, "theirs.h").read_text(encoding="ascii")
        os.chdir(here)
    given = f'{text}\n#include "model.h"\n'
    call = f"void model_predict(const float x[], float y[]) {{ y[0] = theirs_predict(x, {work.sizes[0]}); }}\n"
    return {"model.h": "void model_predict(const float x[], float y[]);\n", "model.c": given + call}


def of_onnx(work):
    """emx-onnx-cgen's file of the network as ONNX."""
    import onnx
    from onnx import helper, numpy_helper

    predicts_only(work)
    numpy, last = importlib.import_module("numpy"), len(work.sizes) - 2
    constants, nodes = [], []
    for k, layer in enumerate(work.model.layers):
        weights = [[value.data for value in neuron.weights] for neuron in layer.neurons]
        for name, numbers in ((f"w{k}", weights), (f"b{k}", [neuron.bias.data for neuron in layer.neurons])):
            constants.append(numpy_helper.from_array(numpy.array(numbers, "float32"), name))
        given, made = f"h{k - 1}" if k else "x", "y" if k == last else f"z{k}"
        nodes.append(helper.make_node("Gemm", [given, f"w{k}", f"b{k}"], [made], transB=1))
        if k < last:
            nodes.append(helper.make_node("Relu", [made], [f"h{k}"]))
    n, m = work.sizes[0], work.sizes[-1]
    x, y = (
        helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1, size]) for name, size in (("x", n), ("y", m))
    )
    graph = helper.make_graph(nodes, "network", [x], [y], constants)
    with tempfile.TemporaryDirectory() as folder:
        graphed, written = Path(folder) / "model.onnx", Path(folder) / "theirs.c"
        onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), graphed)
        ran([Path(sys.executable).with_name("emx-onnx-cgen"), "compile", "--model-name", "theirs", graphed, written])
        text = written.read_text(encoding="ascii")
    call = f"theirs((const float (*)[{n}])x, (float (*)[{m}])y);"
    text += f"void model_predict(const float x[], float y[]) {{ {call} }}\n"
    return {"model.h": "void model_predict(const float x[], float y[]);\n", "model.c": text}


def predicts_only(work):
    if work.learns or isinstance(work, Softmax | Integers):
        raise RuntimeError("does not do that")


ENGINES = {"tinygrad_nn": ours, "by hand": by_hand, "emlearn": of_emlearn, "emx-onnx-cgen": of_onnx}
PACKAGES = {"emlearn": ["emlearn", "sklearn"], "emx-onnx-cgen": ["emx_onnx_cgen", "onnx", "numpy"]}


def taken(engine, work, device, *flags):
    """What it takes, as a dict, or the reason why it does not run."""
    work, device = WORKS[work], next(entry for entry in DEVICES if entry.name == device)
    if device.missing:
        return f"no {device.missing} here"
    if lacking := missing(*PACKAGES.get(engine, [])):
        return f"no {lacking} here"
    with tempfile.TemporaryDirectory() as folder:
        try:
            sources = ENGINES[engine](work)
            own = [f"-I{sys.modules['emlearn'].includedir}", "-w"] if engine == "emlearn" else []
            found = measured(
                device,
                folder,
                sources,
                **work.call,
                calls=work.calls,
                flags=[*(flags or FLAGS.get(device.name, USUAL_FLAGS)), *own],
            )
        except RuntimeError as error:
            return (
                "does not fit" if "within region" in str(error) or "bytes of RAM" in str(error) else str(error)[-200:]
            )
    return asdict(found) | {"result": found.result.hex(), "unit": device.unit}


if __name__ == "__main__":
    print(json.dumps(taken(*sys.argv[1:])))
