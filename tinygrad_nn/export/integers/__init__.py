"""Networks in 8 bits, for processors without floating point: their arithmetic, where its scales come from, and its C.

It stands on nn, and on what the C back end knows of comments and names.

`network` is the arithmetic, exact in Python; `floats` are the layers of a model, with the rows that they are looked at
with, and `quantizing` makes the network of them. `text` is its C, and `file` the whole file with its test.
"""
