"""What a step changes, where the user sees it: the parameters and what the optimizer remembers of each.

`state_of` takes the numbers from there, and `commit` puts those of steps that ended well back.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, islice

from ...compiler.arguments import data_of
from ...optim import Optimizer
from ...support.numbers import as_float
from .interrupt import Uninterrupted

Kept = tuple[list[float], int]  # the numbers, and the count of steps


def state_of(optimizer: Optimizer) -> list[float]:
    """All that a step changes but the count of steps: the parameters, then the states.

    Raises TypeError for what was set to no number, ValueError for states that are not one for each parameter.
    """
    if len(optimizer.state) != len(optimizer.parameters):
        raise ValueError(
            f"the optimizer has {len(optimizer.parameters)} parameters, but its state was set to "
            f"{len(optimizer.state)}: give a tuple of numbers for each"
        )
    numbers = [parameter.data for parameter in optimizer.parameters]
    numbers += chain.from_iterable(optimizer.state)
    if set(map(type, numbers)) <= {float}:
        return numbers
    numbers[: len(optimizer.parameters)] = data_of(optimizer.parameters)
    for i, number in enumerate(numbers):
        if (found := as_float(number)) is None:
            raise TypeError(f"the state of the optimizer was set to {number!r}, which is no number")
        numbers[i] = found
    return numbers


def commit(optimizer: Optimizer, numbers: Iterator[float], steps: int) -> None:
    """Put the numbers of steps that ended well where the user sees them."""
    with Uninterrupted():
        for parameter, number in zip(optimizer.parameters, numbers, strict=False):
            parameter.data = number
        widths = set(map(len, optimizer.state))
        if len(widths) == 1 and (width := widths.pop()):  # as with all optimisers here
            states = islice(numbers, width * len(optimizer.state))
            optimizer.state = list(zip(*[states] * width, strict=True))
        else:
            optimizer.state = [tuple(islice(numbers, len(state))) for state in optimizer.state]
        optimizer.steps += steps


def kept_of(optimizer: Optimizer) -> Kept:
    """What `put_back` needs to let model and optimizer be what they are now."""
    return state_of(optimizer), optimizer.steps


def put_back(optimizer: Optimizer, kept: Kept) -> None:
    """Let model and optimizer be what they were."""
    numbers, steps = kept
    commit(optimizer, iter(numbers), steps - optimizer.steps)
