"""A function runs once on traced values, and a program is written of what it does, and of its derivatives.

It stands on programs and on autograd, whose operators and rules the traced values share.

`truth` is what a comparison gives, `traced` a value in the place of a Value, `traced_number` one in the place of a
float; `writer` writes the program, `sides`, `sums` and `adjoint` its derivatives by the table, and `tracer` answers
what the function asks of its context.
"""
