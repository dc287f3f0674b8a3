"""Pictures of recorded graphs and of networks, and pages that step through them.

It stands on autograd and networks, and on Graphviz. `tn.draw`, `tn.draw_network` and `tn.steps` are the functions.

From the ground up: `options` are checked, `labels` and `colors` say how numbers look, `diagram` is what comes back,
`browser` makes pages. `nodes` are what a drawing shows of a graph; `graph` draws it, `network` draws layers, `steps`
go through backpropagation, and `film` plays a training run.
"""
