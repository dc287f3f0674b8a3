"""Models at the minimum of their loss over all rows, by methods that know more than the slope.

It stands on losses as functions of all weights, and on what `fit` looks at a model by.

From the ground up: a `line_search` says how long a step is, `limited_memory` which way it goes, by L-BFGS, and
`native_descent` makes many of those in one call of machine code; `methods` are that and Levenberg-Marquardt, and
`minimize` is tn.minimize.
"""
