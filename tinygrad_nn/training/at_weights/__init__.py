"""A loss over all rows as a function of the weights in one vector, as methods of optimization ask for it.

It stands on training steps; no weight is updated.

From the ground up: `objective` is the loss and its gradient; `squares` finds those that a loss is a sum of, and
`residuals` are what is squared, of all rows, with their Jacobian.
"""
