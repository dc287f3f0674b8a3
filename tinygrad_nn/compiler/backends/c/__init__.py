"""The c back end: C99 that allocates nothing and needs nothing but libm.

It stands on loops; files of models that learn are made in export.

`reserved_names` are those that C has already, `functions` spell the primitives, `constants` are tables, `regions` what
the caller has. Of loops over time, `sums` are made in them, `pieces` are of sums over several arrays, `blocks` are the
order in which a program is printed and for how long its arrays are there, and `carried` what they hand on. `places` say
where numbers lie, `printer` prints a function's body, `file` is what grows, and `function` a compiled function's file.
"""
