"""Families of instructions: the programs and the loops that come of them are those of one instruction after another."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from programs import KINDS, extended_by_lists, plans

import tinygrad_nn as tn
from tinygrad_nn import Value
from tinygrad_nn.autograd.primitives import add, multiply
from tinygrad_nn.compiler.function import compile
from tinygrad_nn.compiler.loops.roll import rolled
from tinygrad_nn.compiler.program.known import Computed
from tinygrad_nn.compiler.program.program import Body, Family, Instruction, Program, ProgramError
from tinygrad_nn.compiler.program.rewrite import simplified
from tinygrad_nn.compiler.tracing import writer

ROW = [0.25 * k - 1.5 for k in range(12)], 0.3, 0.7
WEIGHTS = [Value(0.5 * k - 1.0) for k in range(12)]


def told(function, numbers, fewest, monkeypatch):
    """All that is known of the gradient's program, and what it gives, with families from so many members on."""
    monkeypatch.setattr(writer, "FEWEST", fewest)
    f = compile(function, backend="python")
    given = f.value_and_grad(*numbers)
    flat = f.gradient_program.flat
    roll = rolled(flat)
    scopes = list(map(str, flat.scopes))
    about = [flat.body, flat.outputs, flat.literals, flat.derived, flat.names, scopes, list(flat.parameters)]
    return [*about, roll.groups, roll.sizes, roll.by_row, roll.slots, roll.outputs, str(roll), given], flat


def again(ws, x, y):
    """A weight's product with the slope, alone before and after its family."""
    inner = tn.dot(ws, [x * k for k in range(12)]) * y
    return inner + tn.grad(inner, ws[3], create_graph=True) * y * ws[5]


def recurrent(ws, x, y):
    state = [x] * 12
    for _ in range(3):
        state = [tn.tanh(tn.dot(ws, state, y * k)) for k in range(12)]
    return tn.sum(state)


def curved(ws, x, y):
    slopes = tn.grad(tn.dot(ws, [tn.sin(x * k) for k in range(12)]) ** 3, ws, create_graph=True)
    return tn.dot(slopes, slopes) + y


@pytest.mark.parametrize(
    "function",
    [
        again, recurrent, curved,
        lambda ws, x, y: y * tn.dot(ws, ws) + x * ws[2],
        lambda ws, x, y: tn.dot(WEIGHTS, WEIGHTS) + tn.dot(ws, WEIGHTS[::-1]) * y,
        lambda ws, x, y: x * tn.dot(ws[:8], ws[:8]) + y * tn.dot(ws[3:], ws[3:]),
        lambda ws, x, y: sum(tn.dot(ws, ws, x * k) * (y + k) for k in range(6)),
        lambda ws, x, y: tn.dot(ws, [x] * 12) * tn.dot([y] * 12, [*ws[1:], x]),
        lambda ws, x, y: tn.dot([2.0, *ws[1:]], [x, 3.0, *ws[:10]], y) ** 2,
        lambda ws, x, y: (tn.dot(ws, ws[::-1]) + tn.dot(ws[2:], ws[:10])) * x * y,
        lambda ws, x, y: tn.where(x < y, tn.dot(ws, ws) * x, tn.dot(ws[::-1], [x, y] * 6)),
        lambda ws, x, y: tn.dot([tn.tanh(tn.dot(ws, WEIGHTS, x)) * w for w in ws], [*ws[:11], y]),
        lambda ws, x, y: tn.sum(tn.hessian(lambda v: tn.dot(v, ws) ** 3)([x, y] * 6)[0]),
    ],
)  # fmt: skip
def test_families_are_what_they_stand_for(function, monkeypatch):
    alone, _ = told(function, ROW, 10**9, monkeypatch)
    assert tn.value_and_grad(function)(*ROW) == alone[-1]
    for fewest in (2, 8):
        found, _ = told(function, ROW, fewest, monkeypatch)
        assert found == alone


def test_a_network_and_its_penalty_have_families(monkeypatch):
    """Otherwise the tests above would compare nothing."""
    for function in (lambda ws, x, y: tn.tanh(tn.dot(ws, WEIGHTS, y)), lambda ws, x, y: x * y * tn.dot(ws, ws)):
        flat = told(function, ROW, 8, monkeypatch)[1]
        assert any(isinstance(entry, Family) for entry in flat.entries)


@given(st.data())
@settings(max_examples=120, deadline=None)
def test_random_families(data):
    """Dots of any columns, that share numbers with one another and with what is computed alone."""
    n = data.draw(st.integers(2, 5))
    plan = data.draw(plans(KINDS, most=4, least=0))
    places = st.lists(st.integers(0, 40), min_size=2 * n, max_size=2 * n)
    columns = data.draw(st.lists(st.tuples(places, st.booleans()), min_size=1, max_size=4))
    numbers = data.draw(st.lists(st.floats(-2, 2), min_size=n, max_size=n))

    def function(*scalars):
        pool = extended_by_lists([*scalars, *WEIGHTS[:n], 1.0, -0.5], plan, n)
        for chosen, squared in columns:
            picked = [pool[place % len(pool)] for place in chosen]
            pool.append(tn.dot(picked, picked) if squared else tn.dot(picked[:n], picked[n:], pool[-1]))
        return tn.dot(pool[-3:], pool[:3]) + pool[-1] + 0.0 * scalars[0]

    with pytest.MonkeyPatch.context() as patched:
        assert told(function, numbers, 2, patched)[0][:-1] == told(function, numbers, 10**9, patched)[0][:-1]


def family(slot, *operands, primitive=multiply):
    return Family(slot, primitive, operands, len(operands[-1]))


def test_what_is_known_of_families():
    known, first = Computed(), family(10, 0, (1, 2, 3))
    assert known.family_of(first) is first
    assert known.family_of(family(20, 0, (1, 2, 3))) is first
    assert known.slot_of(Instruction(30, multiply, (2, 0))) == 11
    assert known.family_of(family(40, 1, (0, 5, 6))) is None  # 1 * 0 is known
    assert known.family_of(family(40, 0, (4, 5, 6))) is None  # may be
    assert known.family_of(family(40, 7, (4, 4, 6))) is None  # two of one
    assert known.slot_of(Instruction(50, multiply, (8, 9))) == 50
    assert known.family_of(family(60, 9, (7, 8, 6))) is None
    assert known.family_of(family(60, 9, (7, 6, 5))) is not None
    sums = family(70, (1, 2, 3), (3, 4, 5), primitive=add)
    assert known.family_of(sums) is sums
    assert known.slot_of(Instruction(80, add, (5, 3))) == 72
    assert known.family_of(family(90, (9, 4, 8), (9, 2, 7), primitive=add)) is None


def test_bodies_of_families():
    """They are read as lists of instructions, and verified."""
    entries = [Instruction(3, add, (0, 1)), family(4, 3, (0, 1, 2)), family(7, (4, 5), (5, 6), primitive=add)]
    program = Program("p", [0, 1, 2], body=Body(entries), outputs=[6, 7]).verify()
    members = [Instruction(4 + k, multiply, (3, k)) for k in range(3)]
    sums = [Instruction(7, add, (4, 5)), Instruction(8, add, (5, 6))]
    assert program.body == [entries[0], *members, *sums] == program.instructions
    assert (len(program.body), program.body[-1]) == (6, sums[1])
    assert program.run([1.0, 2.0, 4.0], []) == [12.0, 9.0]
    assert simplified(program).body == [entries[0], *members, sums[0]]
    for wrong, message in (
        (family(4, 9, (0, 1)), "slot 9 is read before it is set"), (family(2, 0, (0, 1)), "of a family is set twice"),
        (Family(4, multiply, (0, (0, 1)), 3), "columns of other lengths"),
    ):  # fmt: skip
        with pytest.raises(ProgramError, match=message):
            Program("p", [0, 1, 2], body=Body([wrong])).verify()
