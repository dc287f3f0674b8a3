"""The table of sequences of several lengths: an epoch of a recurrent net beside PyTorch's."""

from measuring import HEAD, ROUNDS, missing, print_line, shown, told


def print_sequences():
    if lacking := missing("numpy", "llvmlite"):
        print(f"\nsequences of several lengths: without {lacking} here")
        return
    works = (("tinygrad_nn", "loop"), ("torch", "loop"), ("torch", "packed"))
    rounds = [[told("sequence_engines.py", *work) for work in works] for _ in range(ROUNDS)]
    ours, loop, packed = ([r[k] and r[k]["epoch"] for r in rounds] for k in range(3))
    print(f"\n{HEAD.format('1,000 sequences of 9 to 30 numbers, a recurrent net of 16 units, batches of 32')}")
    print_line("an epoch", ours, "torch, its loop by groups", loop)
    print_line("an epoch", ours, "torch, its own RNN on packed sequences", packed)
    print(f"\nfrom the model to the end of the first epoch, 22 lengths: {shown([r[0]['first'] for r in rounds])}")
