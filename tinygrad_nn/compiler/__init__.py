"""A function of numbers becomes a program, and a program code; nothing here knows of training, networks or files.

It stands on autograd alone. A function is traced into a program, whose alike instructions are rolled into loops,
which a back end prints.

From the ground up: `arguments` are flattened into numbers; `program` is straight-line code as data, `loops` what it
is rolled into, `tracing` writes it while a function runs, `surroundings` are what the function reads beside its
arguments. `paths` are the ways through its branches; `single_precision` and `target` say in which numbers it runs,
`object_cache` keeps machine code on disk, `kept_text` the text of what was traced, and `backends` are where programs
run. `programs` are those of one function, `batch` is for many rows at once, `flat` a function of one vector, and
`function` is what tn.compile gives.
"""
