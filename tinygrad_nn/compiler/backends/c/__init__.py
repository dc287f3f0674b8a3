"""The c back end: C99 that allocates nothing and needs nothing but libm.

It stands on loops; files of models that learn are made in export.

`reserved_names` are those that C has already, `functions` spell the primitives, `avr` has what AVR wants, `constants`
are tables, `regions` what the caller has, `side_by_side` which sums are made at a time, and `blocks` the order in which
a program is printed and for how long its arrays are there. `over_time` makes loops over time what C has them as.
`places` say where numbers lie, `folds` prints results over columns and `printer` a function's body, `file` is what
grows, and `function` a compiled function's file.
"""
