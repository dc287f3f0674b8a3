"""Five folds of data sets by one of the two estimators of a kind: seconds of each fit, the mean score and its error."""

import json
import sys
import time
import warnings

from sklearn import datasets
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.preprocessing import StandardScaler

warnings.simplefilter("ignore")
OF_NUMBERS = {
    "diabetes": datasets.load_diabetes,
    "houses": lambda return_X_y: datasets.make_friedman1(2000, 8, noise=1.0, random_state=0),  # as California's are
}


def main(engine, solver, *names):
    if engine == "sklearn":
        from sklearn.neural_network import MLPClassifier, MLPRegressor
    else:
        from tinygrad_nn.sklearn import MLPClassifier, MLPRegressor
    found = {}
    for name in names:
        load = OF_NUMBERS[name] if name in OF_NUMBERS else getattr(datasets, f"load_{name}")
        X, y = load(return_X_y=True)
        kind, folds = MLPClassifier, StratifiedKFold(5, shuffle=True, random_state=0)
        if name in OF_NUMBERS:
            y, kind, folds = (y - y.mean()) / y.std(), MLPRegressor, KFold(5, shuffle=True, random_state=0)
        seconds, scores = [], []
        for here, there in folds.split(X, y):
            scaler = StandardScaler().fit(X[here])
            rows = scaler.transform(X[here])
            start = time.perf_counter()
            model = kind(random_state=0, solver=solver).fit(rows, y[here])
            seconds.append(time.perf_counter() - start)
            scores.append(float(model.score(scaler.transform(X[there]), y[there])))
        mean = sum(scores) / 5
        error = (sum((score - mean) ** 2 for score in scores) / 4 / 5) ** 0.5
        found[name] = {"seconds": seconds, "score": mean, "error": error}
    print(json.dumps(found))


main(*sys.argv[1:])
