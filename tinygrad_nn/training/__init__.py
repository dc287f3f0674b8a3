"""Training: fit, what it measures, keeps and shows, and the compiled steps below it.

It stands on the compiler, on networks, losses, optimizers and checks.

From the ground up: `own_program` is of a module of one's own, `many_rows` are layers in machine code, `prediction` for
many rows at once, `one_row` for one after another, `history` is what a run gives, `thresholds` which label a prediction
stands for, `on_arrays` the metrics of all rows at once; `steps` makes training steps and runs of them, `at_weights` is
a loss as a function of all weights, `evaluation` looks at a model meanwhile, `early_stopping` is patience; `progress`
tells how far a run is, `options` are checked, `checkpoints` are written, `fit` is tn.fit, and `minimizing` has
tn.minimize.
"""
