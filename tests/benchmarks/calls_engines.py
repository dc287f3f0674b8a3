"""What a user calls in between, timed by one engine in this process: `python calls_engines.py ENGINE WORK ...` prints
what each took, as JSON: single steps, predictions, second fits, first losses, metrics.

Networks have tanh and SGD with momentum, and steps are on 64 rows; all that is imported is imported before.
"""

import json
import random
import statistics
import sys
import time
import warnings
from typing import Any

import numpy
from step_engines import MOMENTUM, RATE, Work

NETWORKS = {
    "moons": Work((2, 16, 16, 1), 0, activation="tanh"),
    "64-64-10": Work((64, 64, 10), 0, activation="tanh"),
    "784-128-10": Work((784, 128, 10), 0, activation="tanh"),
}
BATCH, LONGEST = 64, 0.5  # seconds that one measurement should take
SETS = ("iris", "breast_cancer", "digits")


def per_call(work, least=3):
    """The median seconds of a call, after a first one, of as many as there is time for."""
    work()
    seconds, end = list[float](), time.perf_counter() + LONGEST
    while len(seconds) < least or (time.perf_counter() < end and len(seconds) < 20_000):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


def timed(work):
    """The seconds of a call."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def rows_of(work):
    X, Y = work.data(BATCH)
    return X[:BATCH], Y[:BATCH]


def network(work):
    """A network, its loss and its optimizer."""
    import tinygrad_nn as tn

    weights = [matrix.tolist() for matrix in work.weights()]
    model = tn.MLP.from_weights(weights, [[0.0] * m for m in work.sizes[1:]], activation=work.activation)
    return model, "hinge" if work.moons else "cross_entropy", tn.SGD(model.parameters(), lr=RATE, momentum=MOMENTUM)


def steps(name):
    """Seconds of a step inside `run` and of a step(X, Y), and what a second fit of ten epochs takes over its epochs."""
    import tinygrad_nn as tn

    work = NETWORKS[name]
    model, loss, optimizer = network(work)
    X, Y = rows_of(work)
    step = tn.compile_step(model, loss, optimizer, backend="llvm")
    losses = step(X, Y), step(X, Y)
    inside, single = [], []
    for _ in range(3):
        single.append(per_call(lambda: step(X, Y)))
        epochs = 20_000 if work.moons else 200
        times = step.run(X, Y, epochs, BATCH).times
        inside.append((times[-1] - times[0]) / (epochs - 1))

    def ten_epochs():
        start = time.perf_counter()
        tn.fit(model, X, Y, loss, optimizer, 10, BATCH, shuffle=False, progress=False, backend="llvm")
        return time.perf_counter() - start

    ten_epochs()
    over = statistics.median(ten_epochs() for _ in range(3)) - 10 * statistics.median(inside)
    return {"inside": statistics.median(inside), "single": statistics.median(single), "fit": over, "losses": losses}


def torch_steps(name):
    """Seconds of PyTorch's eager step, of its tensors."""
    import torch

    work = NETWORKS[name]
    model, (X, Y) = torch_network(work), rows_of(work)
    optimizer = torch.optim.SGD(model.parameters(), lr=RATE, momentum=MOMENTUM)
    x, y = torch.as_tensor(X), torch.as_tensor(Y, dtype=torch.float64 if work.moons else torch.int64)

    def step():
        outputs = model(x)
        if work.moons:
            loss = torch.relu(1.0 - y * outputs.squeeze(1)).mean()
        else:
            loss = torch.nn.functional.cross_entropy(outputs, y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    losses = [step().item() for _ in range(2)]
    return {"single": per_call(step), "losses": losses}


def torch_network(work):
    import torch

    torch.set_num_threads(1)
    layers: list[Any] = []
    for matrix in work.weights():
        linear = torch.nn.Linear(matrix.shape[0], matrix.shape[1], dtype=torch.float64)
        with torch.no_grad():
            linear.weight.copy_(torch.as_tensor(matrix.T))
            linear.bias.zero_()
        layers += [linear, torch.nn.Tanh()]
    return torch.nn.Sequential(*layers[:-1])


def many_rows():
    return NETWORKS["784-128-10"].data(10_000)[0]


def predicted(outputs, seconds, share=1.0):
    """What a forward of all rows takes, by that of a share of them, and an output to compare."""
    return {"seconds": seconds / share, "share": share, "output": float(outputs[3][2])}


def predict():
    """The forward of 10,000 rows after a first call; of a share of them while all would take too long."""
    model, X = network(NETWORKS["784-128-10"])[0], many_rows()
    for count in (100, 2000, len(X)):
        some = X[:count]
        outputs = model.predict(some)
        start = time.perf_counter()
        model.predict(some)
        if (taken := time.perf_counter() - start) > 0.3:
            return predicted(outputs, taken, count / len(X))
    return predicted(outputs, per_call(lambda: model.predict(X)))


def predict_one():
    """Of one row, the first hundreds, which are recorded, and those after the network is machine code."""
    model, _, _ = network(NETWORKS["moons"])
    first = [timed(lambda: model.predict([0.25, -0.5])) for _ in range(500)]
    for _ in range(6000):
        model.predict([0.25, -0.5])
    return {"first": statistics.median(first), "seconds": per_call(lambda: model.predict([0.25, -0.5]))}


def torch_predict():
    import torch

    model, x = torch_network(NETWORKS["784-128-10"]), torch.as_tensor(many_rows())
    with torch.no_grad():
        return predicted(model(x), per_call(lambda: model(x)))


def sklearn_predict():
    from sklearn.neural_network import MLPRegressor

    work, X = NETWORKS["784-128-10"], many_rows()
    model = MLPRegressor(hidden_layer_sizes=work.sizes[1:2], activation="tanh").partial_fit(
        X[:20], X[:20, : work.sizes[2]]
    )
    model.coefs_ = work.weights()
    model.intercepts_ = [numpy.zeros(n) for n in work.sizes[1:]]
    return predicted(model.predict(X), per_call(lambda: model.predict(X)))


def imported():
    """All that training in machine code imports."""
    import llvmlite.binding  # noqa: F401

    import tinygrad_nn.training.fit  # noqa: F401
    from tinygrad_nn.compiler.backends.llvm import call, engine  # noqa: F401


def first(name):
    """Seconds from a network that stands there to its first loss."""
    import tinygrad_nn as tn

    imported()
    work = NETWORKS[name]
    (X, Y), (model, loss, optimizer) = rows_of(work), network(work)
    start = time.perf_counter()
    tn.compile_step(model, loss, optimizer)(X, Y)
    return {"seconds": time.perf_counter() - start}


def estimator(kind, name, times=1):
    """Seconds of each fit of an estimator with its defaults, the first ones in this process."""
    from sklearn import datasets
    from sklearn.preprocessing import StandardScaler

    X, y = getattr(datasets, f"load_{name}")(return_X_y=True)
    X, seconds = StandardScaler().fit_transform(X), []
    for _ in range(times):
        start = time.perf_counter()
        kind(random_state=0).fit(X, y)
        seconds.append(time.perf_counter() - start)
    return {"seconds": seconds}


def our_estimator(name):
    from tinygrad_nn.sklearn import MLPClassifier

    imported()
    return estimator(MLPClassifier, name)


def sklearn_estimator(name):
    from sklearn.neural_network import MLPClassifier

    return estimator(MLPClassifier, name, times=3)


def metrics():
    """Seconds of 20 epochs without and with accuracy and validation, and of an epoch of four rows with a metric."""
    import tinygrad_nn as tn

    rng = numpy.random.default_rng(3)
    X = rng.normal(size=(12_000, 30))
    Y = (X[:, 0] + X[:, 1] * X[:, 2] > 0.0).astype(float)
    options: dict[str, Any] = {"metrics": "accuracy", "validation": (X[10_000:], Y[10_000:])}
    seconds: dict[bool, list[float]] = {False: [], True: []}
    for k in range(4):
        for looks, taken in seconds.items():
            model = tn.MLP(30, [64, 32, 1], "tanh", rng=random.Random(1))
            optimizer, more = tn.SGD(model.parameters(), lr=0.05, momentum=0.5), options if looks else {}
            start = time.perf_counter()
            tn.fit(
                model, X[:10_000], Y[:10_000], "binary_cross_entropy_with_logits", optimizer, 20, 64,
                rng=random.Random(2), progress=False, **more,
            )  # fmt: skip
            taken += [time.perf_counter() - start] if k else []
    model = tn.MLP(2, [3, 2], "sigmoid", "sigmoid", init="normal", rng=random.Random(1))
    optimizer = tn.SGD(model.parameters(), lr=0.09, momentum=0.015)
    options, epochs = {"metrics": "rmse", "shuffle": False, "progress": False}, 5000
    while True:
        times = tn.fit(model, *tn.data.half_adder(), "squared_error", optimizer, epochs, 4, **options).times
        if times[-1] > 0.3:
            break
        epochs *= 5
    return {
        "with": statistics.median(seconds[True]), "without": statistics.median(seconds[False]),
        "epoch": (times[-1] - times[0]) / (epochs - 1),
    }  # fmt: skip


def recorded():
    """Seconds of a recorded step of moons, its graph, backward and update, with plain numbers and with packed ones."""
    import tinygrad_nn as tn

    work, seconds = NETWORKS["moons"], {}
    X, Y = (rows.tolist() for rows in rows_of(work))
    for packed in (False, True):
        model, loss, optimizer = network(work)
        if packed:
            tn.compile_step(model, loss, optimizer, backend="llvm")(X, Y)

        def step(model=model, loss=tn.losses.hinge, optimizer=optimizer):
            total = tn.mean([loss(model(x), y) for x, y in zip(X, Y, strict=True)])
            optimizer.zero_grad()
            total.backward()
            optimizer.step()

        seconds["packed" if packed else "plain"] = per_call(step)
    return seconds


ENGINES: dict[str, dict[str, Any]] = {
    "tinygrad_nn": {
        "steps": steps, "predict": predict, "predict one": predict_one, "first": first, "estimator": our_estimator,
        "metrics": metrics, "recorded": recorded,
    },
    "torch": {"steps": torch_steps, "predict": torch_predict},
    "sklearn": {"predict": sklearn_predict, "estimator": sklearn_estimator},
}  # fmt: skip


def main(engine, *works):
    warnings.simplefilter("ignore")
    said = {}
    for work in works:
        what, _, of = work.partition(": ")
        said[work] = ENGINES[engine][what](*([of] if of else []))
    print(json.dumps(said))


if __name__ == "__main__":
    main(*sys.argv[1:])
