"""A recorded graph as a picture: a card for each number, or a table for each neuron or layer.

It stands on the nodes of a drawing.

`cards` are the labels of nodes, `sheet` is an empty drawing with its boxes, `folded` the views of neurons and layers,
and `draw` is tn.draw.
"""
