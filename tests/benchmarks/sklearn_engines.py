"""Five folds of a data set by one of the two MLPClassifiers: seconds of each fit, the mean accuracy, the epochs."""

import json
import sys
import time
import warnings

from sklearn import datasets
from sklearn.model_selection import StratifiedKFold
from sklearn.preprocessing import StandardScaler

warnings.simplefilter("ignore")


def main(engine, *names):
    if engine == "sklearn":
        from sklearn.neural_network import MLPClassifier
    else:
        from tinygrad_nn.sklearn import MLPClassifier
    found = {}
    for name in names:
        X, y = getattr(datasets, f"load_{name}")(return_X_y=True)
        seconds, scores, epochs = [], [], []
        for here, there in StratifiedKFold(5, shuffle=True, random_state=0).split(X, y):
            scaler = StandardScaler().fit(X[here])
            rows = scaler.transform(X[here])
            start = time.perf_counter()
            model = MLPClassifier(random_state=0).fit(rows, y[here])
            seconds.append(time.perf_counter() - start)
            scores.append(float(model.score(scaler.transform(X[there]), y[there])))
            epochs.append(int(model.n_iter_))
        found[name] = {"seconds": seconds, "score": sum(scores) / 5, "epochs": sum(epochs)}
    print(json.dumps(found))


main(*sys.argv[1:])
