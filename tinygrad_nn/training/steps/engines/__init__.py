"""What makes training steps: Python, machine code or the recorded graph.

An engine owns the numbers and how a stretch of steps is made; it stands on what is around it: rows, recipe, numbers.

From the ground up: `engine` is what each of them can do; `python` and `recorded` make steps; `native_text` writes them
in machine code, `arrays` hold their numbers, and `native_call` is what they are called with by `native`, which makes
them; `look_text` writes what `native_look` calls, who finds losses and predictions between epochs, where `looking`
makes them; `mixed` are steps on rows of several shapes; `checked` is an engine around another, for detect_anomaly.
"""
