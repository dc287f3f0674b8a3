"""Pictures of recorded graphs and of networks, and pages that step through them.

`tn.draw`, `tn.draw_network` and `tn.steps` are the functions; `film.Film` is a page of a training run.
"""
