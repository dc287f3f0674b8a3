"""Programs as data: a flat list of instructions over numbered slots, which prints, checks and runs itself.

It stands on the table of primitives.

`notes` are kept of slots, `program` is the data, `names` are what its slots are called, `known` finds what was computed
already, `dots` sums of products, and `rewrite` makes it shorter without changing a result.
"""
