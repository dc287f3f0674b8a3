"""A recurrent net of 16 units on 1,000 sequences of 9 to 30 numbers, batches of 32, timed by one engine:
`python sequence_engines.py ENGINE WORK` prints seconds of the first epoch and of each later one, and the loss, as JSON.
"""

import json
import random
import sys
import time
from typing import Any

UNITS, SEQUENCES, BATCH, RATE = 16, 1000, 32, 0.005
EPOCHS = {"tinygrad_nn": 40, "torch": 3}


def data():
    rng = random.Random(0)
    X = [[rng.uniform(-1, 1) for _ in range(rng.randint(9, 30))] for _ in range(SEQUENCES)]
    return X, [sum(row) / 10 for row in X]


def of_tinygrad_nn(work):
    import tinygrad_nn as tn
    from tinygrad_nn import Value

    rng = random.Random(1)

    class Recurrent(tn.Module):
        def __init__(self):
            self.inner = [[Value(rng.uniform(-0.3, 0.3)) for _ in range(UNITS)] for _ in range(UNITS)]
            self.input, self.output = ([Value(rng.uniform(-0.3, 0.3)) for _ in range(UNITS)] for _ in range(2))
            self.biases, self.bias = [Value(0.0) for _ in range(UNITS)], Value(0.0)

        def __call__(self, numbers):
            state = [0.0] * UNITS
            for number in numbers:
                rows = zip(self.inner, self.input, self.biases, strict=True)
                state = [tn.tanh(tn.dot(ws, state, w * number + b)) for ws, w, b in rows]
            return tn.dot(self.output, state, self.bias)

    model, (X, Y) = Recurrent(), data()
    step = tn.compile_step(model, "squared_error", tn.Adam(model.parameters(), lr=RATE), backend="llvm")
    order = random.Random(2)
    return lambda epochs: step.run(X, Y, epochs, BATCH, shuffle=True, rng=order).losses[-1]


def of_torch(work):
    """The loop over time that people write, by groups of one length, or "packed" PyTorch's own network of one layer."""
    import torch
    from torch.nn.utils.rnn import pack_sequence

    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(1)
    inner, given, output = (torch.empty(*s).uniform_(-0.3, 0.3) for s in ((UNITS, UNITS), (UNITS,), (UNITS,)))
    parameters = [torch.nn.Parameter(each) for each in (inner, given, output, torch.zeros(UNITS), torch.zeros(1))]
    inner, given, output, biases, bias = parameters
    optimizer = torch.optim.Adam(parameters, lr=RATE)
    X, Y = data()
    rows, targets, order = [torch.tensor(row) for row in X], torch.tensor(Y), list(range(SEQUENCES))
    rng = random.Random(2)

    network, head = torch.nn.RNN(1, UNITS), torch.nn.Linear(UNITS, 1)
    if work == "packed":
        optimizer = torch.optim.Adam([*network.parameters(), *head.parameters()], lr=RATE)

    def packed(places):
        numbers = pack_sequence([rows[i][:, None] for i in places], enforce_sorted=False)
        _, last = network(numbers)
        loss = ((head(last[0])[:, 0] - targets[places]) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.item() * len(places)

    def batch(places):
        if work == "packed":
            return packed(places)
        groups: dict[int, list[int]] = {}
        for i in places:
            groups.setdefault(len(X[i]), []).append(i)
        total: Any = 0.0
        for length, these in groups.items():
            numbers, state = torch.stack([rows[i] for i in these]), torch.zeros(len(these), UNITS)
            for t in range(length):
                state = torch.tanh(state @ inner.T + numbers[:, t : t + 1] * given + biases)
            total = total + ((state @ output + bias - targets[these]) ** 2).sum()
        optimizer.zero_grad()
        (total / len(places)).backward()
        optimizer.step()
        return total.item()

    def run(epochs):
        for _ in range(epochs):
            rng.shuffle(order)
            loss = sum(batch(order[k : k + BATCH]) for k in range(0, SEQUENCES, BATCH)) / SEQUENCES
        return loss

    return run


def main(engine, work):
    start = time.perf_counter()
    run = {"tinygrad_nn": of_tinygrad_nn, "torch": of_torch}[engine](work)
    run(1)
    first, start = time.perf_counter() - start, time.perf_counter()
    loss = run(EPOCHS[engine])
    print(json.dumps({"first": first, "epoch": (time.perf_counter() - start) / EPOCHS[engine], "loss": loss}))


main(*sys.argv[1:])
