"""Back ends: each prints a program in its language, with its own spelling of every primitive."""
