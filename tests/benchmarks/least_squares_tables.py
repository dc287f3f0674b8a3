"""The table of second order: Levenberg-Marquardt to the loss that Adam has after 1,000 epochs, on five regressions."""

import json
import statistics

from measuring import ROUNDS, missing, ratio_of, shown, told, verdict

PROBLEMS = ("sin x, 1-10-1", "a damped spring, 1-10-1", "diabetes, 10-2-1", "a surface, 2-10-1", "NIST's MGH17")
TO_REACH = 10


def print_least_squares():
    if lacking := missing("numpy", "llvmlite", "sklearn"):
        print(f"\nLevenberg-Marquardt: without {lacking} here")
        return
    print("\n| to the loss of Adam after 1,000 epochs, five seeds | Levenberg-Marquardt | Adam | times faster |")
    print("|---|---|---|---|")
    for name in PROBLEMS:
        first: tuple[list[float], list[float]] = [], []
        later: tuple[list[float], list[float]] = [], []
        worse = 0
        for _ in range(ROUNDS):
            adam = told("least_squares_engines.py", "tinygrad_nn", name)
            goals = [loss for _, loss in adam[1:]]
            lm = told("least_squares_engines.py", "tinygrad_nn", name, json.dumps(goals))
            worse = sum(goal < loss * (1.0 - 1e-9) for goal, (_, loss) in zip(goals, lm[1:], strict=True))
            for column, found in enumerate((lm, adam)):
                first[column].append(found[0][0])
                later[column].append(statistics.median(seconds for seconds, _ in found[1:]))
        told_of = f"; {worse} of 5 seeds end above it" if worse else ""
        for when, (ours, theirs), reach in (("first", first, None), ("later", later, TO_REACH)):
            ratio = ratio_of(theirs, ours)
            bar = f" (to reach: {reach}, {verdict(ratio, reach)}{told_of})" if reach else ""
            print(f"| {name}, {when} | {shown(ours)} | {shown(theirs)} | {ratio:.1f}{bar} |")
