"""Derivatives of plain functions, which nest in one another to any depth, and compile.

It stands on the recorded graph and on its walk backwards.

`forward` pushes tangents from inputs to results; `derivation` is what every transform does around the function;
`products` has jvp and vjp; `derivatives` has grad, gradient, jacobian, hessian and their like.
"""
