"""What can be asked of a recorded graph and of a model: are its rules right, where did a nan come from, what is wrong.

It stands on autograd, networks and losses. `tn.gradcheck`, `tn.detect_anomaly`, `tn.formula`, `tn.explain` and
`tn.lint` are the functions.

`gradcheck` holds derivatives against differences; `notation` writes what `formula` tells; `explain` is the receipt of
a gradient; `advice` says what is stable, and `anomaly` where numbers stopped being finite; `idle_units` and
`loss_scales` are looked for by `lint`, and `quick` says where that finds nothing.
"""
