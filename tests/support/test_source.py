"""Functions that were written by the library: tracebacks show their lines, and nothing stays behind them."""

import gc
import linecache
import traceback

import pytest

from tinygrad_nn.support.source import LONGEST_KEPT, MOST_KEPT, defined, kept_code


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


def test_the_code_of_a_text_that_is_kept_is_compiled_once_and_shared_by_no_namespace():
    text, misses = "def g():\n    return tau\n", kept_code.cache_info().misses
    functions = [defined("g", text, "a text that is kept", {"tau": k}, keep=True) for k in range(3)]
    assert [g() for g in functions] == [0, 1, 2]
    assert len({id(g.__code__) for g in functions}) == 1
    assert kept_code.cache_info().misses == misses + 1
    assert "return tau" in linecache.getline(functions[0].__code__.co_filename, 2)


def test_texts_that_are_kept_are_bounded_and_leave_nothing_when_they_go():
    for k in range(2 * MOST_KEPT):
        defined("g", f"def g():\n    return {k}\n", "one of many texts", {}, keep=True)
    gc.collect()
    assert sum("one of many texts" in file for file in linecache.cache) == MOST_KEPT
    long = f"def g():\n    return 1  # {'x' * LONGEST_KEPT}\n"
    defined("g", long, "a long text", {}, keep=True)
    gc.collect()
    assert not any("a long text" in file for file in linecache.cache)
