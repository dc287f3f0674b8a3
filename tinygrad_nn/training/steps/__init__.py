"""Training steps and runs of them, compiled or on the recorded graph.

It stands on the compiler, which makes programs of the loss, of its gradient and of the update.

In this folder: `as_function`, `recipe`, `step`, `stretch`, `interrupt`, `settings`, `rows`, `state`, `run`,
`observers`, `orders`, `engines`.
"""
