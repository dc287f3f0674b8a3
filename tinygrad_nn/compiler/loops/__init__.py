"""A flat program as the loops that it was written by: groups of alike instructions, found again in it.

It stands on programs.

`groups` and where their operands lie are data; `clusters` are groups that can share a loop, `listing` prints them,
`rolled` is the program made of them. `repeats` are bodies that run one after the other and hand numbers on: `periods`
are where a body may be one, `chains` what it hands on, `recurrences` where it does, and `find` finds them. `grouping`
makes groups, `roll` a whole program of them, and `scatters` are the loops over its outputs.
"""
