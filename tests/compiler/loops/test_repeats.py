"""Repeats: they compute what their iterations written out compute, and say what is wrong with them."""

from dataclasses import replace

import pytest

from tinygrad_nn.autograd.primitives import add, multiply
from tinygrad_nn.compiler.loops.repeats import BodyEntry, Repeat, entries_written, run, verify
from tinygrad_nn.compiler.program.program import Guard, Instruction, OffPath, Program, ProgramError

ADD, TIMES = add, multiply


def program(outputs):
    """Inputs 0 to 3, and what comes out."""
    return Program("p", [0, 1, 2, 3], outputs=outputs)


def scan(**changes):
    """s = s * x0 + x[t] over x1, x2, x3, backwards; the sums are 10, 11, 12, the last product is 13."""
    body = [Instruction(20, TIMES, (21, 0)), Instruction(22, ADD, (20, 23))]
    return replace(Repeat(3, body, {23: (3, 2, 1)}, {21: (1, 22)}, {22: (10, 11, 12)}, {20: 13}), **changes)


def results(body, outputs, inputs):
    verify(program(outputs), body)
    numbers = dict(enumerate(inputs))
    run(body, numbers)
    return [numbers[slot] for slot in outputs]


def test_a_scan_carries_reads_keeps():
    x0, x1, x2, x3 = inputs = [0.5, 2.0, 3.0, 7.0]
    s1 = x1 * x0 + x3
    s2 = s1 * x0 + x2
    s3 = s2 * x0 + x1
    assert results([scan()], [10, 11, 12, 13], inputs) == [s1, s2, s3, s2 * x0]
    assert scan().slots() == [0, 3, 2, 1]
    assert scan().sets() == [10, 11, 12, 13]
    assert entries_written([scan(), Instruction(30, ADD, (0, 0))]) == 3


def test_what_is_carried_from_two_iterations_before_is_a_chain():
    fibonacci = Repeat(10, [Instruction(20, ADD, (21, 22))], carried={21: (0, 20), 22: (1, 21)}, last={20: 10})
    assert results([fibonacci], [10], [1.0, 0.0, 0.0, 0.0]) == [89.0]


def test_repeats_in_repeats():
    """s = s * (x0 + x1 + x2 + ...) of the rows of a table, the sums by a loop of their own."""
    inner = Repeat(2, [Instruction(20, ADD, (21, 22))], {22: (31, 32)}, {21: (30, 20)}, last={20: 33})
    body: list[BodyEntry] = [inner, Instruction(34, TIMES, (35, 33))]
    outer = Repeat(2, body, {30: (0, 1), 31: (1, 2), 32: (2, 3)}, {35: (0, 34)}, {34: (10, 11)})
    assert results([outer], [10, 11], [2.0, 3.0, 5.0, 7.0]) == [2.0 * 10.0, 20.0 * 15.0]
    assert outer.slots() == [0, 1, 2, 3]
    assert entries_written([outer]) == 2


def test_a_guard_holds_in_each_iteration():
    guard = Guard(21, "<", 3, True, "here")
    body = [scan(body=[guard, *scan().body])]
    assert results(body, [12], [1.0, -5.0, 1.0, 9.0]) == [0.0]
    with pytest.raises(OffPath, match="here"):
        results(body, [12], [1.0, -5.0, 7.0, 9.0])


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"times": 4}, "a repeat of 4 has series of"),
        ({"each": {23: (3, 2)}}, "a repeat of 3 has series of"),
        ({"kept": {22: (10, 11)}}, "a repeat of 3 has series of"),
        ({"times": 0, "each": {}, "kept": {}, "last": {}, "body": []}, "a repeat of 0"),
        ({"each": {}}, "slot 23 is read before it is set"),
        ({"each": {23: (3, 2, 10)}}, "slot 10 is read before it is set"),
        ({"each": {0: (3, 2, 1), 23: (3, 2, 1)}}, "slot 0 is set twice"),
        ({"carried": {21: (9, 22)}}, "slot 9 is read before it is set"),
        ({"carried": {21: (1, 0)}}, "slot 21 is carried from slot 0, which no iteration sets"),
        ({"kept": {0: (10, 11, 12)}}, "slot 0 is kept, but no iteration sets it"),
        ({"kept": {22: (10, 11, 11)}}, "slot 11 is set twice"),
        ({"last": {20: 12}}, "slot 12 is set twice"),
        ({"last": {23: 13}}, "slot 23 is kept, but no iteration sets it"),
        ({"kept": {}}, "the output slot 12 is never set"),
        ({"body": scan().body[::-1]}, "slot 20 is read before it is set"),
        ({"body": [*scan().body, Instruction(20, ADD, (0, 0))]}, "slot 20 is set twice"),
        ({"body": [Instruction(20, TIMES, (21,)), scan().body[1]]}, "multiply takes 2 operands"),
    ],
)
def test_a_repeat_that_is_not_well_formed_says_so(changed, words):
    with pytest.raises(ProgramError, match=words):
        verify(program([12]), [scan(**changed)])


def test_slots_of_a_repeat_are_its_own():
    for after in (Instruction(40, ADD, (22, 0)), Instruction(40, ADD, (23, 0))):
        with pytest.raises(ProgramError, match="is read before it is set"):
            verify(program([40]), [scan(), after])
    again = scan(kept={22: (15, 16, 17)}, last={})
    with pytest.raises(ProgramError, match="slot 23 is set twice"):
        verify(program([12]), [scan(), again])
