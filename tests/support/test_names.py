"""Names that are each given once, whatever is asked for and taken."""

from hypothesis import given
from hypothesis import strategies as st

from tinygrad_nn.support.names import Names, free, underscored

WORDS = st.lists(st.sampled_from(["x", "x_2", "x_3", "x_2_2", "y", ""]), max_size=12)


@given(WORDS, WORDS)
def test_each_name_is_given_once(taken, wanted):
    names = Names(taken)
    given = [names(name) for name in wanted]
    assert len({*given, *taken}) == len(given) + len({*taken})
    assert all(found.startswith(name) for found, name in zip(given, wanted, strict=True))
    assert given[:1] == wanted[:1] or wanted[0] in taken


def test_the_first_that_is_not_refused():
    assert free("x", {"y"}.__contains__) == "x"
    assert free("x", {"x", "x_2"}.__contains__) == "x_3"
    assert free("x", {"x", "x_"}.__contains__, underscored) == "x__"
    assert free("x", set().__contains__, k=2) == "x_2"
