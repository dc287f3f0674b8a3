"""The C of a network in 8 bits: its tables and functions, without floating point but for those that are asked for.

It takes nothing but <stdint.h>. Where a macro is defined there are functions from and to floats besides.
"""

from __future__ import annotations

from collections.abc import Sequence

from ...compiler.backends.c.constants import Constants, wrapped
from ...compiler.backends.c.functions import c_number
from .network import CENTER, MOST_8, MOST_16, ONE, IntegerNetwork, Softmax

_STEPS = """/* How many steps a neuron's sum is over the least that is told apart; nothing negative is shifted. */
static uint32_t {name}_steps(int32_t sum, uint32_t factor, int before, int after, uint32_t most)
{{
    uint32_t steps = sum < 0 ? 0u : (uint32_t)sum >> before;
    steps = (steps < {word}u ? steps : {word}u) * factor >> after;
    return steps < most ? steps : most;
}}

"""
_SCORES = """static void {name}_scores(const uint8_t x[{n}], uint16_t scores[{m}])
{{
{lines}}}

"""
_LAYER = """    for (unsigned j = 0; j < {count}; ++j) {{
        int32_t sum = {begins}[j]; /* an int32 holds it all the way */
        for (unsigned i = 0; i < {width}; ++i) {{
            sum += {weights}[{width}u * j + i] * {x}[i];
        }}
        {y}[j] = {number};
    }}
"""
_GAINS = """    for (int k = 0; k < {n}; ++k) {{
        const unsigned number = (unsigned)x[k] * {gains}[k];
        given[k] = (uint8_t)(number < {byte}u ? number : {byte}u);
    }}
"""
_SOFTMAX = """/* From scores to probabilities, of which {one} is 1. */
static void {name}_softmax(uint16_t scores[{m}], int16_t y[{m}])
{{
    uint32_t total = 0;
    uint16_t top = 0;
    for (int k = 0; k < {m}; ++k) {{
        top = scores[k] > top ? scores[k] : top;
    }}
    for (int k = 0; k < {m}; ++k) {{
        const uint16_t below = (uint16_t)(top - scores[k]), place = (uint16_t)(below >> {shift});
        uint32_t part = 0;
        if (place < {last}u) {{
            const uint32_t here = {exponentials}[place], next = {exponentials}[place + 1];
            part = here - ((here - next) * (below & {mask}u) >> {shift});
        }}
        scores[k] = (uint16_t)part;
        total += part;
    }}
    for (int k = 0; k < {m}; ++k) {{
        y[k] = (int16_t)((scores[k] * {one}UL + total / 2u) / total);
    }}
}}

"""
_PREDICT = """{head}
{{
    uint16_t scores[{m}];
    {name}_scores(x, scores);
{lines}}}

"""
_CUT = """{head}
{{
    uint16_t score[1];
    {name}_scores(x, score);
    return (int32_t)score[0] >= {cut};
}}

"""
_CUTS = """{head}
{{
    uint16_t scores[{m}];
    {name}_scores(x, scores);
    for (int k = 0; k < {m}; ++k) {{
        found[k] = (int32_t)scores[k] >= {cut};
    }}
}}

"""
_LARGEST = """{head}
{{
    {kind} y[{m}];
    int best = 0;
    {name}_{call}(x, y);
    for (int k = 1; k < {m}; ++k) {{
        if (y[k] > y[best]) {{
            best = k;
        }}
    }}
    return best;
}}

"""
_FLOATS = """{tables}{quantize}
{{
    for (int k = 0; k < {n}; ++k) {{
        const float place = (inputs[k] - {low}) * {rate};
        x[k] = (uint8_t)(place > 0.0f ? place < {byte}.0f ? place : {byte}.0f : 0.0f);
    }}
}}

{predict}
{{
    uint8_t x[{n}];
    int16_t y[{m}];
    {name}_quantize(inputs, x);
    {name}_predict(x, y);
    for (int k = 0; k < {m}; ++k) {{
        outputs[k] = (float)y[k] * {unit};
    }}
}}
"""


class NetworkText:
    """The C of a network under a name: its `constants` and `functions`, and `floats` besides."""

    def __init__(self, network: IntegerNetwork, name: str) -> None:
        self.network, self.name, self.constants = network, name, Constants(name, True)
        self.n_inputs, self.n_outputs = len(network.inputs), len(network.layers[-1].begins)
        shared = {"name": name, "n": self.n_inputs, "m": self.n_outputs, "byte": MOST_8, "word": MOST_16}
        self.functions = self._functions(shared)
        self.floats = self._floats(shared)

    @property
    def heads(self) -> list[str]:
        """The functions of whole numbers: the prediction, and the class or the answers where there are such."""
        given = f"const uint8_t x[{self.n_inputs}]"
        found = [f"void {self.name}_predict({given}, int16_t y[{self.n_outputs}])"]
        if self.network.has_class:
            return [*found, f"int {self.name}_class({given})"]
        answers = [f"void {self.name}_classes({given}, int found[{self.n_outputs}])"]
        return found + answers if self.network.cut is not None else found

    @property
    def float_heads(self) -> list[str]:
        """The functions of floats: of inputs, and of a whole prediction."""
        given = f"const float inputs[{self.n_inputs}]"
        return [
            f"void {self.name}_quantize({given}, uint8_t x[{self.n_inputs}])",
            f"void {self.name}_predict_floats({given}, float outputs[{self.n_outputs}])",
        ]

    def _table(self, kind: str, what: str, numbers: Sequence[int]) -> str:
        return self.constants.table([*map(str, numbers)], kind, what)

    def _functions(self, shared: dict[str, object]) -> str:
        lines, x, width = self._given(shared), "x" if self.network.gains is None else "given", self.n_inputs
        last = len(self.network.layers)
        for k, layer in enumerate(self.network.layers, 1):
            count, y = len(layer.begins), f"y{k}" if k < last else "scores"
            weights = self._table("int8_t", f"weights{k}", [w for row in layer.weights for w in row])
            begins, factors = self._table("int32_t", f"begins{k}", layer.begins), f"factors{k}"
            factors = self._table("uint16_t", factors, layer.factors)
            number = f"{self.name}_steps(sum, {factors}[j], {layer.before}, {layer.after}, {layer.most}u)"
            if layer.table is not None:
                number = f"{self._table('uint8_t', f'table{k}', layer.table)}[{number}]"
            else:
                number = f"({'uint8_t' if k < last else 'uint16_t'}){number}"
            lines += [f"    uint8_t {y}[{count}];\n"] * (k < last)
            lines.append(
                _LAYER.format(count=count, begins=begins, width=width, weights=weights, x=x, y=y, number=number)
            )
            x, width = y, count
        lines.sort(key=lambda line: not line.startswith("    uint8_t"))  # declarations first
        parts = [_STEPS.format(**shared), _SCORES.format(**shared, lines="".join(lines))]
        if self.network.softmax is not None:
            parts.append(self._softmax(self.network.softmax, shared))
        return "".join([*parts, _PREDICT.format(**shared, head=self.heads[0], lines=self._outputs()), *self._class()])

    def _given(self, shared: dict[str, object]) -> list[str]:
        """The lines that multiply small inputs."""
        if self.network.gains is None:
            return []
        gains = self._table("uint8_t", "gains", self.network.gains)
        return [f"    uint8_t given[{self.n_inputs}];\n", _GAINS.format(**shared, gains=gains)]

    def _softmax(self, softmax: Softmax, shared: dict[str, object]) -> str:
        exponentials = self._table("uint16_t", "exponentials", softmax.exponentials)
        of_table = {"last": len(softmax.exponentials) - 1, "mask": 2**softmax.shift - 1, "exponentials": exponentials}
        return _SOFTMAX.format(**shared, **of_table, one=ONE, shift=softmax.shift)

    def _outputs(self) -> str:
        """The lines that make outputs of scores."""
        if self.network.softmax is not None:
            return f"    {self.name}_softmax(scores, y);\n"
        output, line = f"(int16_t)((int32_t)scores[k] - {CENTER})", ""
        if self.network.table is not None:
            table = self.network.table
            entries, last = self._table("int16_t", "outputs", table.entries), len(table.entries) - 1
            output = f"{entries}[place < {last}u ? place : {last}u]"
            over = f"(scores[k] > {table.first}u ? scores[k] - {table.first}u : 0u) >> {table.shift}"
            line = f"        const unsigned place = {over};\n"
        elif self.network.least == 0:
            output = f"(int16_t)(scores[k] > {CENTER}u ? (int32_t)scores[k] - {CENTER} : 0)"
        return f"    for (int k = 0; k < {self.n_outputs}; ++k) {{\n{line}        y[k] = {output};\n    }}\n"

    def _class(self) -> list[str]:
        network = self.network
        if network.cut is not None:
            one = {"head": self.heads[1], "name": self.name, "m": self.n_outputs, "cut": network.cut}
            return [(_CUT if network.has_class else _CUTS).format(**one)]
        if not network.has_class:
            return []
        kind, call = ("uint16_t", "scores") if network.by_score else ("int16_t", "predict")
        return [_LARGEST.format(head=self.heads[1], name=self.name, m=self.n_outputs, kind=kind, call=call)]

    def _floats(self, shared: dict[str, object]) -> str:
        inputs, n, tables = self.network.inputs, self.n_inputs, ""
        low, rate = c_number(inputs[0].low, True), c_number(inputs[0].rate, True)
        if len(set(inputs)) > 1:
            low, rate = f"{self.name}_lows[k]", f"{self.name}_rates[k]"
            for what, column in ("lows", [x.low for x in inputs]), ("rates", [x.rate for x in inputs]):
                entries = wrapped([c_number(number, True).strip("()") for number in column])
                tables += f"{self.name.upper()}_TABLE(float) {self.name}_{what}[{n}] = {{\n{entries}}};\n\n"
        quantize, predict = self.float_heads
        unit = c_number(2.0**-self.network.bits, True)
        given = {"tables": tables, "low": low, "rate": rate, "unit": unit}
        return _FLOATS.format(**shared, **given, quantize=quantize, predict=predict)
