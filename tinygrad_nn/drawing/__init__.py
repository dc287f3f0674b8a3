"""Pictures of recorded graphs. `tn.draw` is the function; this package makes their text and renders it."""
