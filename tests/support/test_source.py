"""Functions that were written by the library: tracebacks show their lines, and nothing stays behind them."""

import gc
import linecache
import traceback

import pytest

from tinygrad_nn.support.source import defined


def failing(number):
    return defined("f", f"def f():\n    return 1 / 0  # {number}\n", "a test of sources", {})


def test_tracebacks_show_the_lines_of_functions_of_one_title_and_nothing_stays():
    gc.collect()
    before = set(linecache.cache)
    functions = [failing(k) for k in range(3)]
    for k in (2, 0, 1):
        with pytest.raises(ZeroDivisionError) as error:
            functions[k]()
        assert f"return 1 / 0  # {k}" in "".join(traceback.format_exception(error.value))
    first, *others = [function.__code__.co_filename for function in functions]
    assert first == "<a test of sources>"
    assert len({first, *others} & set(linecache.cache)) == 3
    del functions[1:], error
    gc.collect()
    assert first in linecache.cache
    assert not set(others) & set(linecache.cache)
    del functions
    gc.collect()
    assert {file for file in linecache.cache if "sources>" in file} <= before
