"""The array back end: rolled programs as functional operations on whole arrays of NumPy, JAX or their like.

It stands on loops; the first axis of each array are the rows.

`functions` spell the primitives, `reads` what is read of arrays, and `scans` are loops over time. `printer` prints a
program, `sums` one that is summed over the rows, and `rows` runs it.
"""
