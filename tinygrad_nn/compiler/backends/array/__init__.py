"""The array back end: rolled programs as functional operations on whole arrays of NumPy, JAX or their like.

It stands on loops; the first axis of each array are the rows.

`functions` spell the primitives, `intervals` are what is read of arrays, `products` sums of few products or of long
series, `scans` loops over time, which call `iterations`, and `reads` what is read as text. `members` prints a group,
`printer` a program, `sums` one that is summed over the rows, and `rows` runs it.
"""
