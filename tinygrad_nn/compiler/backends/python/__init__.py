"""The python back end: programs as plain Python, with nothing to install, the reference for the others.

It stands on programs, and prints them flat.

`expressions` write an operation, `function` a program, and `loop` one that runs over rows.
"""
