"""What a function reads beside its arguments, so that a program is run only where it still holds.

It stands on autograd and on tracing.

`random_state` tells who draws random numbers, `bytecode` what a function's code names, `findings` keep what stands
there, `walk` goes to all of it, and `effects` are what it may do beside; `surroundings` compare it with what it was,
`likeness` tells objects that differ in their Values alone, and `traced_in` is a trace inside of surroundings.
"""
