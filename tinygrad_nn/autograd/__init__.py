"""Numbers that record how they were computed, and the derivatives that follow from the record.

All the calculus is one table, and the graph is data: a primitive, its operands, a number. It stands on support alone,
and knows nothing of networks.

From the ground up: `rules` turn texts into functions, and `ieee` has the values that no text says; a `primitive` is
made of both, and `primitives` is the table of them. `packs` are numbers side by side in memory, `scope` and `column`
parts of the graph that operations share, `graph` is what it holds, `recording` decides whether it grows. `scalar` has
the operators, `reverse` walks back, and `value` is the number that a user meets. `containers` find Values in what holds
them and pack them, `elementary` has their functions, `transforms` the derivatives of plain functions, `custom` the
primitives of one's own.
"""
