"""Loops over time as C has them, before they are printed.

It stands on loops, and on the order in which they are printed.

`sums` are made in them, `pieces` are of sums over several arrays, and `carried` is what they hand on.
"""
