"""What a storey above provides is loaded at the first call, once, and is nothing where nobody does."""

import subprocess
import sys

from tinygrad_nn.support.provided import Provided


def test_it_is_loaded_once_at_the_first_call():
    loaded: list[str] = []

    def load():
        loaded.append("now")
        return lambda a, b: a + b

    asked = Provided()
    asked.loaded_by(load)
    assert loaded == []
    assert (asked(1, 2), asked(3, 4), loaded) == (3, 7, ["now"])


def test_it_is_nothing_where_nobody_provides_it():
    assert Provided()(1, 2) is None


def test_few_rows_load_neither_the_compiler_nor_numpy():
    code = (
        "import sys, tinygrad_nn as tn; m = tn.MLP(2, [3, 1]); m.predict([[1.0, 2.0]] * 31); "
        "a = 'tinygrad_nn.compiler' in sys.modules; m.predict([[1.0, 2.0]] * 40); print(a, 'numpy' in sys.modules)"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert found.split() == ["False", "False"]
