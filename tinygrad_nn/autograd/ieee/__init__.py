"""The values of primitives on floats, as IEEE 754 names them: nothing raises where the standard has a result.

It stands on support.

`floats` are the values and the numbers on which an expression that divided by zero runs once more, `special` the
texts of the values that are polynomials.
"""
