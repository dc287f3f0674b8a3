"""Training steps and runs of them, compiled or on the recorded graph.

It stands on the compiler, which makes programs of the loss, of its gradient and of the update.

From the ground up: `interrupt` puts Ctrl-C off, `state` is what an optimizer is set to and what a step changes;
`several` are rows of several shapes, `rows` what steps are made on, in their orders; a `recipe` is what is trained and
how, as programs, `structure` what its code follows from, and `as_function` is a step as a pure function of arrays.
`engines` make steps, `watch` is who looks at a run, `run` is a loop of steps, and `step` is tn.compile_step.
"""
