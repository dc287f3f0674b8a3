"""From recorded scalar code to programs: traced once, differentiated by the table, rewritten, and run by a back end.

`tn.compile` and `tn.compile_step` stand on this package. Imports run program, traced <- trace <- adjoint, rewrite,
roll <- backends <- function, step.
"""
