"""Models at the minimum of their loss over all rows, by methods that know more than the slope.

It stands on losses as functions of all weights, and on what `fit` looks at a model by.

From the ground up: `methods` are L-BFGS and Levenberg-Marquardt, and `minimize` is tn.minimize.
"""
