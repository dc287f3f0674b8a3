"""A model in 8 bits as one C99 file: what it says of itself, how far it is from Python, and its test to the bit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ...compiler.backends.c.constants import wrapped
from ...compiler.backends.c.file import C_PLUS_PLUS, comment
from ..estimators import Estimated, estimated
from .floats import rows_to_quantize
from .network import MOST_8
from .quantizing import quantized
from .text import NetworkText

ROWS_TESTED = 4
TO_REPORT = 20_000_000  # products that rows may take to say how exact the file is
MOST_LINES = 40  # that tell of inputs

_TEST = """
#ifdef {macro}_SELF_TEST
#include <stdio.h>

int main(void)
{{
{tables}    int wrong = 0;
    for (int row = 0; row < {rows}; ++row) {{
        int16_t y[{m}];
        {name}_predict(inputs + {n} * row, y);
        for (int k = 0; k < {m}; ++k) {{
            if (y[k] != expected[{m} * row + k]) {{
                printf("the prediction of row %d is %d, but in Python %d\\n", row, y[k], expected[{m} * row + k]);
                ++wrong;
            }}
        }}
{judged}    }}
    printf(wrong ? "%d differ\\n" : "ok\\n", wrong);
    return wrong != 0;
}}
#endif
"""
_JUDGED = """        int found[{count}];
        {call};
        for (int k = 0; k < {count}; ++k) {{
            if (found[k] != classes[{count} * row + k]) {{
                printf("the class of row %d is %d, but in Python %d\\n", row, found[k], classes[{count} * row + k]);
                ++wrong;
            }}
        }}
"""
_TOLD = """
            int found[{count}];
            {call};
            for (int j = 0; j < {count}; ++j) {{
                printf("%d\\n", found[j]);
            }}"""
_MAIN = """
#include <stdio.h>
int main(void)
{{
    uint8_t x[{n}];
    int16_t y[{m}];
    int given;
    for (int k = 0; scanf("%d", &given) == 1; k = (k + 1) % {n}) {{
        x[k] = (uint8_t)given;
        if (k == {n} - 1) {{
            {name}_predict(x, y);
            for (int j = 0; j < {m}; ++j) {{
                printf("%d\\n", y[j]);
            }}{judged}
        }}
    }}
    return 0;
}}
"""


def is_int8(dtype: object) -> bool:
    """Whether a file is to be in 8 bits."""
    return isinstance(dtype, str) and dtype == "int8"


def integer_file(model: Any, name: str, dtype: object, rows: Any, floats: dict[str, Any]) -> IntegerFile | None:
    """The file of a model in 8 bits; None where `dtype` is another.

    Raises ValueError for rows that no scales come from, and for options of `floats` alone.
    """
    if not is_int8(dtype):
        if rows is not None:
            raise ValueError("rows are what dtype='int8' takes its scales from: give it, or no rows")
        return None
    given = [option for option, entry in floats.items() if entry is not None and entry is not False]
    if given:
        raise ValueError(f"in 8 bits a network predicts and does not learn: {', '.join(given)} cannot be given")
    model = estimated(model, dtype)
    if not callable(model):
        raise TypeError(f"export_c() wants a model, but got {model!r}")
    return IntegerFile(model, name, rows)


class IntegerFile:
    """The C file of a model in 8 bits, whose scales come from rows."""

    def __init__(self, model: Any, name: str, rows: Any) -> None:
        self.told, self.name = repr(model), name
        fitted = isinstance(model, Estimated)
        self.estimated = model if fitted and model.labels is not None else None
        self.model = model.whole() if fitted else model
        self.network, self.rows = quantized(self.model, rows, judges=not fitted or self.estimated is not None)
        self.written = NetworkText(self.network, name)
        self.sizes = {"n": self.written.n_inputs, "m": self.written.n_outputs, "name": name}

    def texts(self, include: str = "", test: str | None = None, source: str = "") -> tuple[str, str]:
        """The file, which is called `source` and includes a header under a name that is given, and that header."""
        written, bits, macro = self.written, self.network.bits, self.name.upper()
        label = self.estimated.label_function(self.name, written.constants) if self.estimated is not None else None
        head, guard = comment(self._about(source or f"{self.name}.c")), f"TINYGRAD_NN_{self.name}_H"
        heads = [*written.heads, *([label[0]] if label is not None else [])]
        whole, floats = ("".join(f"{head};\n" for head in each) for each in (heads, written.float_heads))
        steps = f"/* Outputs are in steps of 2 to the power of minus this. */\n#define {macro}_BITS "
        steps += f"{bits}\n\n" if bits >= 0 else f"({bits})\n\n"
        declared = f"{C_PLUS_PLUS[0]}\n{whole}\n#ifdef {macro}_FLOATS\n{floats}#endif\n\n{C_PLUS_PLUS[1]}"
        declared = f"#include <stdint.h>\n\n{steps}{declared}"
        given = f'#include "{include}"\n' if include else declared
        labels = f"{label[0]}\n{{\n{label[1]}}}\n\n" if label is not None else ""
        text = f"{head}\n{given}\n{written.constants.text}{written.functions}{labels}"
        text += f"#ifdef {macro}_FLOATS\n{written.floats}#endif\n{self._self_test() if test is None else test}"
        return text, f"{head}\n#ifndef {guard}\n#define {guard}\n\n{declared}\n#endif\n"

    def _self_test(self) -> str:
        """A main that compares predictions and classes of rows with those of Python."""
        network = self.network
        rows = [network.quantized(row) for row in _spread(self.rows, ROWS_TESTED)]
        expected = [y for row in rows for y in network.outputs(row)]
        tables = [("uint8_t", "inputs", [x for row in rows for x in row]), ("int16_t", "expected", expected)]
        classes = [one for row in rows for one in network.judged(network.scores(row))]
        tables += [("int16_t", "classes", classes)] if classes else []
        listed = [
            f"    static const {kind} {what}[{len(numbers)}] = {{\n"
            + wrapped([*map(str, numbers)]).replace("    ", "        ")
            + "    };\n"
            for kind, what, numbers in tables
        ]
        judged = self._judged(_JUDGED, f"inputs + {self.sizes['n']} * row")
        macro = self.name.upper()
        return _TEST.format(**self.sizes, macro=macro, tables="".join(listed), rows=len(rows), judged=judged)

    def _judged(self, template: str, row: str) -> str:
        """The lines about the class or the answers of a row; "" where there are none."""
        if self.network.has_class:
            return template.format(count=1, call=f"found[0] = {self.name}_class({row})")
        call = f"{self.name}_classes({row}, found)"
        return template.format(count=self.sizes["m"], call=call) if self.network.cut is not None else ""

    def difference(self, rows: Any, run: Callable[[str, str], str]) -> float:
        """The largest difference of outputs to those of the model, over rows; `run` gives what a program prints.

        The program is the C file with a main, and reads rows. Raises RuntimeError where its whole numbers are not those
        of Python.
        """
        rows = rows_to_quantize(rows, self.model, len(self.network.inputs))
        judged = self._judged(_TOLD, "x")
        quantized_rows = [self.network.quantized(row) for row in rows]
        given = "".join(f"{x}\n" for row in quantized_rows for x in row)
        answers = [*map(int, run(self.texts(test=_MAIN.format(**self.sizes, judged=judged))[0], given).split())]
        every = map(self.network.scores, quantized_rows)
        expected = [y for scores in every for y in (*self.network.outputs_of(scores), *self.network.judged(scores))]
        if answers != expected:
            differing = sum(a != b for a, b in zip(answers, expected, strict=False))
            raise RuntimeError(f"{differing:,} of {len(expected):,} whole numbers of C are not those of Python")
        return self.beside_floats(rows)[0]

    def beside_floats(self, rows: Sequence[Sequence[float]]) -> tuple[float, int, float]:
        """The largest difference to outputs of the model, how many rows have another class, and the largest output."""
        unit, largest, others, most = 2.0**-self.network.bits, 0.0, 0, 0.0
        judged = self.network.has_class or self.network.cut is not None
        classes = self.model.predict_classes(rows) if judged else [[]] * len(rows)
        for row, outputs, one in zip(rows, self.model.predict(rows), classes, strict=True):
            scores = self.network.scores(self.network.quantized(row))
            outputs = outputs if isinstance(outputs, list) else [outputs]
            found = [y * unit for y in self.network.outputs_of(scores)]
            largest = max(largest, *(abs(a - b) for a, b in zip(found, outputs, strict=True)))
            others += self.network.judged(scores) != (one if isinstance(one, list) else [one])
            most = max(most, *map(abs, outputs))
        return largest, others, most

    def _about(self, source: str) -> list[str]:
        from ...version import __version__

        name, written = self.name, self.written
        n, m = written.n_inputs, written.n_outputs
        outputs = ", ".join(getattr(self.model, "output_names", None) or []) or "the outputs"
        labels = []
        if self.estimated is not None and self.estimated.labels is not None:
            named = [str(label) for label in self.estimated.labels]
            outputs = f"the probability of {named[1]}" if m == 1 else "the probability of each label"
            labels = [f"{name}_label(index)    the label of an index: {', '.join(named)}"]
        products = sum(len(row) for layer in self.network.layers for row in layer.weights)
        rows = _spread(self.rows, max(1, TO_REPORT // products))
        difference, others, most = self.beside_floats(rows)
        calls = self._class_calls()
        judged = f"{others:,} of {len(rows):,} rows have another class, and " * bool(calls)
        stack = sum(len(layer.begins) for layer in self.network.layers[:-1]) + 2 * m + len(self.network.gains or ())
        return [
            f"{name}: {self.told} in 8 bits, as C99 of tinygrad_nn {__version__}.",
            "",
            f"{name}_predict(x, y)    x is {n} inputs, whole numbers from 0 to {MOST_8}; y is {m}, {outputs}, in steps "
            f"of 2 to the power of {-self.network.bits}",
            *calls,
            *labels,
            f"with -D{name.upper()}_FLOATS: {name}_quantize(inputs, x) and {name}_predict_floats(inputs, outputs)",
            "",
            *self._inputs(),
            "",
            f"beside Python's floats {judged}outputs differ by {difference:.2g} at most, of {most:.2g}",
            f"flash: {written.constants.size:,} bytes of constants; RAM: {stack:,} of stack; {products:,} products",
            f"build: cc -std=c99 -O2 -c {source}",
            "AVR:   its tables stay in flash with -std=gnu99",
            f"test:  cc -std=c99 -O2 -D{name.upper()}_SELF_TEST {source} && ./a.out",
        ]

    def _class_calls(self) -> list[str]:
        network, most = self.network, self.written.n_outputs - 1
        if network.has_class:
            which = "1 or 0" if network.cut is not None else f"the largest, from 0 to {most}"
            return [f"{self.name}_class(x)    {which}"]
        answers = f"{self.name}_classes(x, found)    found[k] is 1 where label k holds, from 0 to {most}, else 0"
        return [answers] if network.cut is not None else []

    def _inputs(self) -> list[str]:
        inputs = self.network.inputs
        if len(set(inputs)) == 1 and inputs[0].rate == 1.0:
            added = f" + {-inputs[0].middle:g}" if inputs[0].middle else ""
            return [f"x[k] is input k{added}: whole numbers as they are"]
        names = getattr(self.model, "input_names", None) or [f"x{k + 1}" for k in range(len(inputs))]
        lines = [
            f"    x[{k}]: {name}, from {entry.middle:g} to {entry.middle + MOST_8 / entry.rate:g}"
            for k, (entry, name) in enumerate(zip(inputs, names, strict=True))
        ]
        more = [f"    and so on: {self.name}_lows and {self.name}_rates"] if len(lines) > MOST_LINES else []
        return [f"x[k] is 0 to {MOST_8} for an input, rounded:", *lines[:MOST_LINES], *more]


def _spread(rows: Sequence[Any], count: int) -> list[Any]:
    """So many of the rows, evenly over all."""
    count = min(count, len(rows))
    return [rows[k * len(rows) // count] for k in range(count)]
