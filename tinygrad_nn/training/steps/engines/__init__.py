"""What makes the steps of a run: machine code, Python or the recorded graph.

An engine owns the numbers, and a run owns the order of the rows.

In this folder: `native`, `python`, `checked`, `native_text`, `native_run`, `recorded`.
"""
