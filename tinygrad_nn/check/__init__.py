"""What can be asked of a recorded graph: are its rules right, where did a nan come from, what is it, what made this.

`tn.gradcheck`, `tn.detect_anomaly`, `tn.formula`, `tn.explain` and `tn.lint` are the functions.
"""
