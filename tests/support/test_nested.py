"""Numbers in nested lists: in order, and with other things in their place."""

from hypothesis import given
from hypothesis import strategies as st

from tinygrad_nn.support.nested import entries_in, leaves, mapped

NESTED = st.recursive(st.integers(), lambda inner: st.lists(inner, max_size=3) | st.tuples(inner, inner), max_leaves=9)


@given(NESTED)
def test_what_stands_in_nested_lists_is_mapped_in_its_place(nested):
    assert list(leaves(mapped(nested, lambda entry: entry + 1))) == [entry + 1 for entry in leaves(nested)]
    assert entries_in(nested, lambda entry: entry) == nested
    doubled = entries_in({"a": nested, "b": [nested]}, lambda entry: 2 * entry)
    assert [*leaves(doubled["a"])] == [*leaves(doubled["b"])] == [2 * entry for entry in leaves(nested)]
