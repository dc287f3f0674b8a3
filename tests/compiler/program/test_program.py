"""A program prints itself, and says what is wrong with it."""

import pytest

import tinygrad_nn as tn
from tinygrad_nn.autograd.primitives import TABLE
from tinygrad_nn.compiler.function import compile
from tinygrad_nn.compiler.program.program import Guard, Instruction, Program, ProgramError


def test_the_program_prints_and_checks_itself():
    f = compile(lambda x, y: tn.exp(x) * y if x < y else x)
    f(1.0, 2.0)
    told = str(f.program).splitlines()
    assert told[0] == "lambda(x, y)"
    assert told[1].startswith("    if not (x < y): another path    # ")
    assert "test_program.py:" in told[1]
    assert told[2:] == ["    v2 = exp x", "    v3 = multiply v2 y", "    return v3"]
    row = TABLE["add"]
    for program, words in (
        (Program("p", [0], outputs=[1]), "the output slot 1 is never set"),
        (Program("p", [0], body=[Instruction(1, row, (0, 2))]), "slot 2 is read before it is set"),
        (Program("p", [0], body=[Instruction(0, row, (0, 0))]), "slot 0 is set twice"),
        (Program("p", [0], body=[Instruction(1, row, (0,))]), "add takes 2 operands"),
        (Program("p", [0], body=[Instruction(1, row, (0, (0,)))]), "operand b of add is no such thing"),
        (Program("p", [0], body=[Instruction(1, row, (0, 0)), Instruction(2, row, (0,))]), "add takes 2 operands"),
        (Program("p", [0], body=[Guard(0, "<", 3, True, "here")]), "slot 3 is read before it is set"),
        (Program("p", [0, 0]), "a slot is given twice"),
    ):
        with pytest.raises(ProgramError, match=words):
            program.verify()
