"""Primitives of one's own, beside the rows of the table. It stands on the table and on the functions of Values.

`checks` say what is wrong with one, `custom` makes it.
"""
