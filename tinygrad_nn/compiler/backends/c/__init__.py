"""The c back end: C99 that allocates nothing and needs nothing but libm.

It stands on loops; files of models that learn are made in export.

`reserved_names` are those that C has already, `functions` spell the primitives, `constants` are tables, `regions` what
the caller has. `blocks` are the order in which a program is printed, with loops over time, and for how long its arrays
are there; `places` say where numbers lie, `printer` prints the body of a function, `file` is what grows, and `function`
is a compiled function as a file.
"""
