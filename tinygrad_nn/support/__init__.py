"""What every storey stands on and what knows nothing of derivatives: checks of what is given, rows, files, names.

It imports nothing else of the library.

From the ground up: `annotation` has names for types, `as_loaded` says which sources run, `numbers` says what a number
is, `nested` walks lists of them, `names` gives each name once, `provided` stands for what is above, `latest` keeps what
was made last, `source` makes functions of generated Python, `files` are written whole or not at all, `tabular` takes
rows as people have them, `decorators` wrap functions, and `checks` say in an error what was wanted.
"""
