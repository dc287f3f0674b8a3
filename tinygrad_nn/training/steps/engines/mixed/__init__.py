"""Training steps in machine code on rows of several shapes.

It stands on native steps, which are on rows of one shape.

From the ground up: `mixed_text` writes a function that adds up the rows of each shape and what calls those of a batch,
`laid_groups` are the rows of epochs as that takes them, and `mixed_engine` makes the steps.
"""
