"""The values of primitives on floats, as IEEE 754 names them: nothing raises where the standard has a result.

It stands on nothing of the library.

`functions` are the values, `special` the texts of those that are polynomials, `floats` the numbers on which an
expression that divided by zero runs once more.
"""
