"""A C file of a network on a device: `python device_engines.py ENGINE WORK DEVICE [FLAG ...]` prints flash, RAM, stack
and what a call takes there, as JSON. Engines are tinygrad_nn and loops written by hand; a reason stands for what does
not run.
"""

import json
import random
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

import tinygrad_nn as tn

sys.path.append(str(Path(__file__).parents[1] / "oracles"))

from devices import DEVICES, measured

RATE = 0.05
# the first of scikit-learn's digits, in sixteenths
DIGIT = "005d910000dfaf5003f20b8004c008800580098004b01c7002e5ac00006da000"
FLAGS = "-std=gnu99", "-O2"  # products and sums may be contracted, as everywhere by default


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


WORKS = {
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
    learning = {"loss": work.loss, "train": tn.SGD(model.parameters(), RATE)} if work.learns else {}
    with tempfile.TemporaryDirectory() as folder:
        tn.export_c(model, Path(folder) / "model.c", header=True, **learning)
        return {path.name: path.read_text(encoding="ascii") for path in Path(folder).iterdir()}


HEAD = """#include <math.h>
typedef struct {{ float weights[{count}], learning_rate; }} model_state;
void model_init(model_state *state);
void model_predict(const float x[], float y[]);
float model_train(model_state *state, const float x[], const float target[]);
"""
BY_HAND = """#include "model.h"
static const float weights[{count}] = {{{weights}}};
static void layer(const float *w, const float *x, int m, float *y, int n, int rectify)
{{
    int i = 0;
    for (; i + 4 <= n; i += 4, w += 4 * (m + 1)) {{
        const float *a = w, *b = a + m + 1, *c = b + m + 1, *d = c + m + 1;
        float p = a[m], q = b[m], r = c[m], s = d[m];
        for (int k = 0; k < m; ++k) {{
            const float v = x[k];
            p += *a++ * v; q += *b++ * v; r += *c++ * v; s += *d++ * v;
        }}
        y[i] = p; y[i + 1] = q; y[i + 2] = r; y[i + 3] = s;
    }}
    for (; i < n; ++i, w += m + 1) {{
        float p = w[m];
        for (int k = 0; k < m; ++k) {{ p += w[k] * x[k]; }}
        y[i] = p;
    }}
    if (rectify) {{ for (i = 0; i < n; ++i) {{ if (y[i] < 0.0f) {{ y[i] = 0.0f; }} }} }}
}}
void model_predict(const float x[], float y[])
{{
    float h[{hidden}];
    layer(weights, x, {inputs}, h, {hidden}, 1);
    layer(weights + {first}, h, {hidden}, y, {outputs}, 0);
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
            *v -= rate * y[k] * h[i];
        }}
        h[i] = h[i] > 0.0f ? g * rate : 0.0f;
    }}
    for (int i = 0; i < {outputs}; ++i) {{ w[{first} + ({hidden} + 1) * i + {hidden}] -= rate * y[i]; }}
    for (int i = 0; i < {hidden}; ++i, w += {inputs} + 1) {{
        const float g = h[i];
        for (int k = 0; k < {inputs}; ++k) {{ w[k] -= g * x[k]; }}
        w[{inputs}] -= g;
    }}
    return logf(total) - of_target;
}}
"""


def by_hand(work):
    """Loops as one who knows them writes them: four neurons a loop, and the weights updated in place."""
    if len(work.sizes) != 3 or work.loss != "cross_entropy":
        raise RuntimeError("not written")
    inputs, hidden, outputs = work.sizes
    weights = [parameter.data for parameter in work.model.parameters()]
    blanks = {
        "inputs": inputs, "hidden": hidden, "outputs": outputs, "count": len(weights), "first": hidden * (inputs + 1),
        "rate": RATE, "weights": listed(weights),
    }  # fmt: skip
    return {"model.h": HEAD.format(**blanks), "model.c": BY_HAND.format(**blanks)}


ENGINES = {"tinygrad_nn": ours, "by hand": by_hand}


def taken(engine, work, device, *flags):
    """What it takes, as a dict, or the reason why it does not run."""
    work, device = WORKS[work], next(entry for entry in DEVICES if entry.name == device)
    if device.missing:
        return f"no {device.missing} here"
    with tempfile.TemporaryDirectory() as folder:
        try:
            sources = ENGINES[engine](work)
            found = measured(device, folder, sources, **work.call, calls=work.calls, flags=flags or FLAGS)
        except RuntimeError as error:
            return (
                "does not fit" if "within region" in str(error) or "bytes of RAM" in str(error) else str(error)[-200:]
            )
    return asdict(found) | {"result": found.result.hex(), "unit": device.unit}


if __name__ == "__main__":
    print(json.dumps(taken(*sys.argv[1:])))
