"""Backpropagation a step at a time, as a page, a frame in a notebook, or pictures.

It stands on the nodes and the sheet of a drawing.

`backprop` are the steps, `layout` says where cards stand, `picture` shows one step, `page` all of them, and `steps`
is tn.steps.
"""
