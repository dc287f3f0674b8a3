"""The table of the estimators: with their defaults beside scikit-learn's own, over five folds, by each solver."""

import statistics

from measuring import ROUNDS, missing, ratio_of, shown, told, verdict

SETS = ("iris", "wine", "breast_cancer", "digits", "diabetes", "houses")
SOLVERS = ("adam", "sgd", "lbfgs")


def print_sklearn():
    if lacking := missing("numpy", "llvmlite", "sklearn"):
        print(f"\nthe estimators beside scikit-learn's: without {lacking} here")
        return
    print(
        "\nMLPClassifier() and MLPRegressor() on scaled features, five folds; the first fit of an architecture in a "
        "process compiles it:\n"
    )
    print("| solver, data | a fit | the first | scikit-learn's | times faster (to reach 3, aim 5) | score, theirs |")
    print("|---|---|---|---|---|---|")
    for solver in SOLVERS:
        rounds = [
            [told("sklearn_engines.py", engine, solver, *SETS) for engine in ("tinygrad_nn", "sklearn")]
            for _ in range(ROUNDS if solver == "adam" else 1)
        ]
        for name in SETS:
            ours, theirs = ([statistics.median(r[k][name]["seconds"][1:]) for r in rounds] for k in (0, 1))
            first = [r[0][name]["seconds"][0] for r in rounds]
            mine, wanted = (r[name] for r in rounds[0])
            apart = "" if abs(mine["score"] - wanted["score"]) <= wanted["error"] else ", APART"
            ratio = ratio_of(theirs, ours)
            print(
                f"| {solver}, {name} | {shown(ours)} | {shown(first)} | {shown(theirs)} | {ratio:.1f}, "
                f"{verdict(ratio, 3.0, 5.0)} | {mine['score']:.4f}, {wanted['score']:.4f}{apart} |",
                flush=True,
            )
