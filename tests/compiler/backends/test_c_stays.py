"""C of programs without loops over time stays as it is, to the letter, whatever is done for those with such loops.

The programs are written by hand, so that tracing does not matter. Whoever changes the text on purpose reads it, and
writes the hash anew.
"""

import hashlib

import pytest
from c_files import c_of
from repeats import PROGRAMS, written_out

from tinygrad_nn.autograd.primitives import add, multiply, tanh
from tinygrad_nn.compiler.program.program import Guard, Instruction, Program

BRANCH = Program(
    "branch", [0, 1], outputs=[5],
    body=[Instruction(3, multiply, (0, 1)), Guard(0, ">", 1, True, "here"), Instruction(4, tanh, (3,)),
          Instruction(5, add, (4, 0))],
)  # fmt: skip
BRANCH_IN_C = """\
void made(const double x[2], double y[1])
{
    const double v3 = x[0] * x[1];
    const double v4 = tanh(v3);
    y[0] = v4 + x[0];
    if (!(x[0] > x[1])) { for (int k = 0; k < 1; ++k) { y[k] = NAN; } return; }
}
"""
HASHES = {
    "chain": "3daf47857428",
    "backwards": "51ae19a4f32c",
    "no stride": "92f1dba22ad1",
    "literals": "073550847ec5",
    "one kept twice": "bc6cdfd0529d",
    "neurons": "4bd94f0f85ae",
    "many neurons": "0214c501aaab",
    "nest": "e9f28c8983ca",
    "paths": "e5c0b1ced2c2",
}


def test_a_branch():
    assert BRANCH_IN_C in c_of(BRANCH, BRANCH.body)[0]


@pytest.mark.parametrize("name", HASHES)
def test_programs_written_out(name):
    flat = written_out(*PROGRAMS[name])
    text = c_of(flat, flat.body)[0].partition("*/")[2]
    assert hashlib.sha256(text.encode()).hexdigest()[:12] == HASHES[name], text
