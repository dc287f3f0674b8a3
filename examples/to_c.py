"""A network leaves Python: trained here, written as one C file, and learning on where its world has changed.

    python examples/to_c.py

The file needs a C compiler and nothing else. Where there is a `cc`, it is built, tests itself, and then meets moons
that lie elsewhere: what it knew is of little use there, until it has learned again, in C.
"""

import random
import shutil
import subprocess
from pathlib import Path

import tinygrad_nn as tn

PICTURES = Path(__file__).parent / "pictures"
SHIFT = (0.5, 0.8)  # where the moons go

# Reads rows from its input, and prints how many are right before it learns from them, and after.
PROGRAM = """
#include <stdio.h>
#include "moons.c"

static moons_state state;
static float X[1000][2], Y[1000][1];

static double share_right(int count)
{
    int right = 0;
    for (int row = 0; row < count; ++row) {
        float y[1];
        moons_predict(&state, X[row], y);
        right += (y[0] > 0.5f) == (Y[row][0] > 0.5f);
    }
    return 100.0 * right / count;
}

int main(void)
{
    int count = 0;
    while (count < 1000 && scanf("%f %f %f", &X[count][0], &X[count][1], &Y[count][0]) == 3) {
        ++count;
    }
    moons_init(&state);
    printf("before it learned %.0f %%, ", share_right(count));
    for (int epoch = 0; epoch < 200; ++epoch) {
        for (int row = 0; row < count; ++row) {
            (void)moons_train(&state, X[row], Y[row]);
        }
    }
    printf("after it %.0f %%\\n", share_right(count));
    return 0;
}
"""


def train(rng):
    """A network that tells two moons apart, with the optimizer that goes on in C."""
    X, Y = tn.data.moons(200, rng=rng)
    model = tn.MLP(2, [8, 8, 1], "tanh", "sigmoid", rng=rng, input_names=["x1", "x2"], output_names=["upper moon"])
    optimizer = tn.SGD(model.parameters(), lr=0.05, momentum=0.5)
    tn.fit(model, X, Y, "binary_cross_entropy", optimizer, epochs=100, batch_size=1, rng=rng, progress=False)
    right = tn.metrics.accuracy(model.predict(X), Y)
    print(f"Python has trained {model!r}: {right:.0%} of its {len(X)} points are right.")
    return model, optimizer


def shifted_rows(rng):
    """Moons that lie elsewhere, as lines of two coordinates and the class."""
    X, Y = tn.data.moons(200, rng=rng)
    return "".join(f"{x1 + SHIFT[0]:.6f} {x2 + SHIFT[1]:.6f} {y}\n" for (x1, x2), y in zip(X, Y, strict=True))


def build(compiler, source, *flags):
    """The program of a C file, beside it."""
    made = source.with_suffix(".exe")
    subprocess.run([compiler, "-std=c99", "-O2", *flags, str(source), "-o", str(made), "-lm"], check=True)
    return str(made)


def main():
    rng = random.Random(4)
    model, optimizer = train(rng)
    PICTURES.mkdir(exist_ok=True)
    path = PICTURES / "moons.c"
    tn.export_c(model, path, name="moons", loss="binary_cross_entropy", train=optimizer, overwrite=True)
    print(f"\nIt is in {path}, whose first lines say:\n\n{path.read_text().split('*/')[0].strip()}\n")
    compiler = next(filter(shutil.which, ("cc", "gcc", "clang")), None)
    if compiler is None:
        print("There is no C compiler here to build it with.")
        return
    print(
        "Its self test says:", subprocess.check_output([build(compiler, path, "-DMOONS_SELF_TEST")], text=True).strip()
    )
    program = PICTURES / "learn.c"
    program.write_text(PROGRAM, encoding="utf-8")
    told = subprocess.check_output([build(compiler, program)], input=shifted_rows(rng), text=True)
    print("Of 200 points of moons that have moved, the C program has right:", told.strip())


if __name__ == "__main__":
    main()
