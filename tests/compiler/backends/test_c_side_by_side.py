"""C that makes sums side by side gives what it gives when it makes them one after the other, to the byte."""

import random
from typing import Any

import pytest
from c_files import built, called, library, needs_cc, printed
from programs import bits

import tinygrad_nn as tn
from tinygrad_nn.autograd import primitives as table
from tinygrad_nn.compiler.backends.c import printer
from tinygrad_nn.compiler.backends.c.side_by_side import sums_beside, tiles_beside
from tinygrad_nn.compiler.loops.groups import Access, Group
from tinygrad_nn.nn.activations import ACTIVATIONS

pytestmark = needs_cc


def apart(monkeypatch):
    monkeypatch.setattr(printer, "sums_beside", lambda cluster: [])
    monkeypatch.setattr(printer, "rows_beside", lambda cluster: 0)


def compared(models, folder, monkeypatch):
    """A program that prints which models differ between the two ways, in a prediction, a loss or a weight."""
    texts, lines = [], []
    for k, (model, dtype, learning) in enumerate(models):
        for way in "ab":
            with monkeypatch.context() as patch:
                if way == "b":
                    apart(patch)
                tn.export_c(model, folder / "made.c", f"{way}{k}", dtype=dtype, overwrite=True, **learning)
            texts.append((folder / "made.c").read_text(encoding="utf-8"))
        n, m = len(model.layers[0].neurons[0].weights), len(model.layers[-1].neurons)
        rows = ", ".join(repr(0.125 * ((7 * i) % 17 - 8)) for i in range(3 * n)).replace(",", "f,") + "f"
        target = "0.0f" if learning.get("loss") == "cross_entropy" else ", ".join(["0.5f"] * m)
        lines.append(f"{{ static const {dtype} x[{3 * n}] = {{{rows}}}; {dtype} y[{m}], z[{m}];")
        if learning:
            lines.append(f"static a{k}_state a; static b{k}_state b; a{k}_init(&a); b{k}_init(&b);")
            lines.append(f"static const {dtype} target[] = {{{target}}};")
        lines.append("for (int row = 0; row < 3; ++row) {")
        given = f"x + {n} * row"
        if learning:
            lines.append(f"const {dtype} l = a{k}_train(&a, {given}, target), g = b{k}_train(&b, {given}, target);")
            lines.append("wrong |= memcmp(&l, &g, sizeof l) || memcmp(a.weights, b.weights, sizeof a.weights);")
            lines.append(f"a{k}_predict(&a, {given}, y); b{k}_predict(&b, {given}, z);")
        else:
            lines.append(f"a{k}_predict({given}, y); b{k}_predict({given}, z);")
        lines.append(f'wrong |= memcmp(y, z, sizeof y) != 0; }} if (wrong) {{ printf("{k} "); wrong = 0; }} }}')
    body = "\n".join(["int main(void)", "{", "int wrong = 0;", *lines, 'puts("done"); return 0;', "}\n"])
    return "\n".join([*texts, "#include <stdio.h>", "#include <string.h>", body])


def networks(rng, count):
    """Networks of all activations, widths and numbers of inputs, which predict or learn."""
    for k in range(count):
        sizes = [rng.randint(1, 9), *(rng.randint(1, 17) for _ in range(rng.randint(1, 3)))]
        model = tn.MLP(sizes[0], sizes[1:], [*ACTIVATIONS][k % len(ACTIVATIONS)], rng=rng)
        losses = ["squared_error", *(["cross_entropy"] if sizes[-1] > 1 else [])]
        train = tn.SGD(model.parameters(), 0.01, rng.choice([0.0, 0.5]))
        learning = {"loss": rng.choice(losses), "train": train} if rng.random() < 0.6 else {}
        yield model, rng.choice(["float", "double"]), learning


def large(rng):
    """Networks with so many weights that more is done at a time."""
    for sizes, optimizer in [((32, 36, 3), tn.SGD), ((41, 35, 5), tn.Adam)]:
        model = tn.MLP(sizes[0], sizes[1:], "relu", rng=rng)
        yield model, "float", {"loss": "squared_error", "train": optimizer(model.parameters(), 0.01)}


def test_networks_are_equal_to_the_byte(tmp_path, monkeypatch):
    models = [*networks(random.Random(1), 10), *large(random.Random(1))]
    text = compared(models, tmp_path, monkeypatch)
    assert "inputs_j" in text  # rows of a gradient, several at a time
    assert printed(built(text, tmp_path, "-O1"))[0] == "done"


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2))
def test_many_networks_are_equal_to_the_byte(seed, tmp_path, monkeypatch):
    text = compared(list(networks(random.Random(seed), 30)), tmp_path, monkeypatch)
    checked = "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover"
    for compiler, *flags in [("gcc", "-O3"), ("clang", "-O2"), ("g++", "-Os"), ("gcc", *checked)]:
        assert printed(built(text, tmp_path, *flags, compiler=compiler))[0] == "done", (compiler, flags)


def product(a, b):
    """Two loops of dots, and what is made of each."""
    return tn.sum([abs(tn.dot(row, column)) for row in a for column in zip(*b, strict=True)])


def over_time(xs, w):
    """A sum over this number and the state, in a loop over time; the state is read again when it is new."""
    h = [0.5 * x for x in xs[:6]]
    for x in xs:
        h = [tn.relu(tn.dot([*h, x], row)) for row in w]
    return tn.sum(h)


def layer(xs, w):
    """A layer so large that the products of its gradient are made several rows at a time."""
    return tn.sum([tn.relu(tn.dot(row, xs)) for row in w])


def picked(xs, w):
    """Columns that no strides tell."""
    places = [[(i * i + 3 * k) % 11 for k in range(7)] for i in range(9)]
    return tn.sum([tn.relu(tn.dot([xs[k] for k in row], w[i])) for i, row in enumerate(places)])


def of_a_product(xs, w):
    """Sums that begin with what their own loop computes."""
    return tn.sum([tn.dot(row, xs, x * x) for row, x in zip(w, xs, strict=True)])


def of_sums(xs, w, v):
    """Sums that begin with sums of their own loop, of which more is made."""
    first = [tn.dot(row, xs) for row in w]
    return tn.sum([tn.relu(tn.dot(row, xs, y)) * y for row, y in zip(v, first, strict=True)])


def flattened(numbers):
    return [n for each in numbers for n in flattened(each)] if isinstance(numbers, list) else [numbers]


def matrix(rows, columns, seed):
    rng = random.Random(seed)
    return [[rng.uniform(-1.0, 1.0) for _ in range(columns)] for _ in range(rows)]


FUNCTIONS: dict[str, tuple[Any, Any]] = {
    "a product of matrices": (product, [matrix(5, 7, 1), matrix(7, 6, 2)]),
    "of many members": (product, [matrix(2, 9, 3), matrix(9, 23, 4)]),
    "over time": (over_time, [matrix(1, 9, 5)[0], matrix(6, 7, 6)]),
    "a large layer": (layer, [matrix(1, 32, 14)[0], matrix(36, 32, 15)]),
    "by a table": (picked, [matrix(1, 11, 7)[0], matrix(9, 7, 8)]),
    "of a product": (of_a_product, [matrix(1, 8, 9)[0], matrix(8, 8, 10)]),
    "of sums": (of_sums, [matrix(1, 9, 11)[0], matrix(11, 9, 12), matrix(11, 9, 13)]),
}


IN_TURN = {"by a table", "of a product"}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_are_the_engine_to_the_bit(name, tmp_path):
    function, given = FUNCTIONS[name]
    f = tn.compile(function, backend="python")
    value, gradients = f.value_and_grad(*given)
    text = f.source("c")
    assert ("side by side" in text) is (name not in IN_TURN), text
    assert "+ -" not in text
    assert "-1 *" not in text
    flat = [flattened(numbers) for numbers in given]
    got, flows = called(library(text, tmp_path), f"{function.__name__}_grad", flat, [len(each) for each in flat])
    for mine, wanted in zip([got, *flattened(flows)], [value, *flattened(gradients)], strict=True):
        assert bits(mine, wanted)


def group(count, width, outer=()):
    """Dots of so many members."""
    extents = (*outer, count)
    columns = [Access(0, 0, (0,) * len(outer) + (width,), width, 1), Access(1, 0, (0,) * len(extents), width, 1)]
    return Group(2, table.dot, extents, (*columns, Access(3, 0, (0,) * len(outer) + (1,))), True)


@pytest.mark.parametrize("width", [5, 16, 64])
def test_each_member_is_in_one_tile(width):
    for count in range(1, 100):
        sums = sums_beside([group(count, width)])
        assert bool(sums) is (count > 1 and count * width >= 32)
        members = list[int]()
        for first, size, times in tiles_beside(sums):
            assert 2 <= size <= (8 if count * width >= 1024 else 5)
            members += range(first, first + size * times)
        assert members == (list(range(count)) if sums else [])
        assert len(tiles_beside(sums)) <= 2


BESIDE = """\
    /* Sums are made side by side, each in its own order, so that none waits for the one before. */
    for (int i = 0; i < 2; ++i) {
        float z_i[5] = {
            model_weights[35 * i + 6], model_weights[35 * i + 13], model_weights[35 * i + 20],
            model_weights[35 * i + 27], model_weights[35 * i + 34],
        };
        for (int k = 0; k < 6; ++k) {
            z_i[0] += model_weights[35 * i + k] * x[k];
            z_i[1] += model_weights[35 * i + k + 7] * x[k];
            z_i[2] += model_weights[35 * i + k + 14] * x[k];
            z_i[3] += model_weights[35 * i + k + 21] * x[k];
            z_i[4] += model_weights[35 * i + k + 28] * x[k];
        }
        for (int j = 0; j < 5; ++j) {
            y[5 * i + j] = tanhf(z_i[j]);
        }
    }
}
"""


def test_what_it_looks_like(tmp_path):
    tn.export_c(tn.Layer(6, 10, "tanh", rng=random.Random(1)), tmp_path / "made.c")
    text = (tmp_path / "made.c").read_text(encoding="utf-8")
    assert BESIDE in text.replace("z1_i", "z_i"), text
