"""The table of the estimators: MLPClassifier with its defaults beside scikit-learn's own, over five folds."""

import statistics

from measuring import ROUNDS, missing, ratio_of, shown, told, verdict

SETS = ("iris", "breast_cancer", "digits")


def print_sklearn():
    if lacking := missing("numpy", "llvmlite", "sklearn"):
        print(f"\nthe estimators beside scikit-learn's: without {lacking} here")
        return
    print(
        "\nMLPClassifier() on scaled features, five folds; the first fit of an architecture in a process compiles it:\n"
    )
    print("| data | a fit | the first | scikit-learn's | times faster (to reach 3, aim 10) | accuracy, and theirs |")
    print("|---|---|---|---|---|---|")
    rounds = [
        [told("sklearn_engines.py", engine, *SETS) for engine in ("tinygrad_nn", "sklearn")] for _ in range(ROUNDS)
    ]
    for name in SETS:
        ours, theirs = ([statistics.median(r[k][name]["seconds"][1:]) for r in rounds] for k in (0, 1))
        first = [r[0][name]["seconds"][0] for r in rounds]
        scores = [r[name]["score"] for r in rounds[0]]
        ratio = ratio_of(theirs, ours)
        print(
            f"| {name} | {shown(ours)} | {shown(first)} | {shown(theirs)} | {ratio:.1f}, {verdict(ratio, 3.0, 10.0)} | "
            f"{scores[0]:.4f}, {scores[1]:.4f} |",
            flush=True,
        )
