"""From recorded scalar code to programs: traced once, differentiated by the table, rewritten, and run by a back end.

`tn.compile` is the function; this package is what it stands on. Imports run program <- trace <- adjoint, rewrite <-
backends <- function.
"""
