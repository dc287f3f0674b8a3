"""The python back end: programs as plain Python, with nothing to install, the reference for the others.

It stands on programs and loops, and prints programs flat, or long ones with their loops over time.

`expressions` write an operation, `lines` statements; `scopes` are loops over time, each with its own. `function` writes
a program, and `loop` one that runs over rows.
"""
