"""C files of models that predict and learn where Python does not run.

It stands on the C back end and on what a training step is made of.

`update` is an optimizer in C, `in_place` a step that updates as it goes, `learning` the functions that do, `estimators`
what fitted estimators and pipelines tell, `state_bytes` a block of weights or of what was learned, `state_functions`
what reads it in C, `model` the file, `self_test` its test, `function_test` that of a compiled function, `integers` are
files in 8 bits, `sketch` is a folder for Arduino, `export` is tn.export_c and `comparison` tn.check_c.
"""
