"""Random scripts of what a user does with a model and its optimizer, run with compiled parts and on the recorded graph.

A script is plain data: a setting and a list of actions, whose choices are numbers below 1 that say which of those there
are. Both runs go side by side; after each action all that a user sees must be equal: data, gradients, the states of
optimizers, losses, predictions, what was copied, saved or kept. `shortened` drops actions that a failure does not need.
"""

import copy
import inspect
import os
import pickle
import random
import warnings
from contextlib import nullcontext
from typing import Any

from programs import bits, near
from training import eager, held, l2

import tinygrad_nn as tn
from tinygrad_nn import Value

REFUSED = (ValueError, TypeError)  # what an action may raise, in both runs then
NEAR = {"bits": 0.0, "double": 1e-9, "single": 5e-3}


def own_loss(prediction, target):
    return tn.softplus((prediction - target) * 0.5) - 0.25 * prediction


def own_rate(step):
    return 0.05 / (1.0 + 0.1 * step)


def absolute(prediction, target):
    return abs(prediction - target)


class Swapping(tn.optim.Optimizer):
    """A user's own: it remembers a mean of gradients, swaps two numbers, and has settings in a list."""

    initial_state = (0.0, 1.0, 2.0)

    def __init__(self, parameters, lr):
        super().__init__(parameters, lr)
        self.rates = [1.0, 0.5]

    def update(self, parameter, gradient, state, lr, step):
        mean, b, c = state
        mean = self.rates[1] * mean + gradient
        return parameter - lr * mean * self.rates[0] * (0.125 * b), (mean, c, b)


class Own(tn.Module):
    """A user's own, which shares its parameters with the model inside."""

    def __init__(self, inner):
        self.inner, self.tau = inner, 1.0

    def __call__(self, row):
        return self.inner([x * self.tau for x in row] if row[0] > 0.0 else list(row))


OPTIMIZERS: list[Any] = [
    lambda ps: tn.SGD(ps, lr=0.1),
    lambda ps: tn.SGD(ps, lr=0.05, momentum=0.75),
    lambda ps: tn.SGD(ps, lr=0.05, momentum=0.5, nesterov=True, weight_decay=0.01),
    lambda ps: tn.Adam(ps, lr=0.05),
    lambda ps: Swapping(ps, lr=0.1),
]
RATES: list[Any] = [0.02, 0.1, tn.optim.linear(0.1, 0.02, steps=12), own_rate]
LOSSES: list[Any] = ["squared_error", own_loss]
REGULARIZERS = [None, None, l2]


def which(entries, choice):
    """The entry that a number below 1 says."""
    return entries[int(choice * len(entries))]


class Recorded:
    """What a compiled step does, by the recorded graph and nothing of the package that makes steps."""

    def __init__(self, model, loss, optimizer, regularizer):
        self.model, self.optimizer, self.regularizer = model, optimizer, regularizer
        self.loss = getattr(tn.losses, loss) if isinstance(loss, str) else loss

    def __call__(self, X, Y):
        with kept_gradients(self.model, self.optimizer):
            return eager(self.model, self.loss, self.optimizer, X, Y, self.regularizer)

    def run(self, X, Y, epochs, batch_size, shuffle, rng, until, progress):
        losses, errors = [], []
        for _ in range(epochs):
            places, total, error = list(range(len(X))), 0.0, 0.0
            if shuffle:
                rng.shuffle(places)
            for start in range(0, len(X), batch_size):
                rows = places[start : start + batch_size]
                if until is not None:
                    with tn.no_grad():
                        for i in rows:
                            error += until[0](self.model(X[i]), Y[i]).data
                loss = self([X[i] for i in rows], [Y[i] for i in rows])
                for _ in rows:
                    total += loss
            losses.append(total / len(X))
            errors += [error] if until else []
            if until is not None and error < until[1]:
                break
        return losses, errors


class kept_gradients:  # noqa: N801
    """Gradients are afterwards what they were."""

    def __init__(self, model, optimizer):
        self.values = [*model.parameters(), *optimizer.parameters]

    def __enter__(self):
        self.gradients = [value.grad for value in self.values]

    def __exit__(self, *_):
        for value, gradient in zip(self.values, self.gradients, strict=True):
            value.grad = gradient


class World:
    """Two models that share a layer, an optimizer of each, and steps that may be made with any of them."""

    def __init__(self, setting, backend, folder):
        self.backend, self.recorded, self.folder = backend, backend == "eager", str(folder)
        rng = random.Random(setting["seed"])
        n, width, plain = setting["inputs"], setting["width"], random.Random(setting["seed"] + 1)
        self.few = setting["few"]
        self.models = [tn.MLP(n, [width, 1], "tanh", rng=rng) for _ in range(2)]
        self.models[1].layers[0] = self.models[0].layers[0]
        settings = zip(self.models, setting["optimizers"], setting["frozen"], strict=True)
        self.optimizers = [self.made_optimizer(*given) for given in settings]
        self.slots: list[Any] = setting["steps"]
        self.steps: list[Any] = [None] * len(self.slots)
        self.X = [[round(plain.uniform(-1, 1), 2) for _ in range(n)] for _ in range(4)]
        self.Y = [round(plain.uniform(-1, 1), 2) for _ in range(4)]
        self.strays: list[Any] = []  # Values and lists that nothing trains any more
        self.snapshot = self.models[0].state_dict()
        self.function: Any = None
        self.is_single = False
        self.wrapped: list[Own] = []

    # What the actions share

    def made_optimizer(self, model, kind, frozen):
        """An optimizer of all parameters, or of some while the others stay as they are."""
        parameters, first = model.parameters(), 1 if self.few else int(30 * frozen)
        trained = [p for i, p in enumerate(parameters) if frozen < 0.7 or (i + first) % 3 > 0]
        return which(OPTIMIZERS[1:4:2] if self.few else OPTIMIZERS, kind)(trained)

    def parts(self, slot):
        """Model, loss, optimizer, regularizer and dtype of a step."""
        model, optimizer, loss, regularizer, dtype = which(self.slots, slot)
        return (
            which(self.models, model), which(LOSSES[: 1 if self.few else 2], loss), which(self.optimizers, optimizer),
            which(REGULARIZERS, regularizer), "float32" if dtype > 0.9 and self.backend == "llvm" else "float64",
        )  # fmt: skip

    def step(self, slot):
        model, loss, optimizer, regularizer, dtype = self.parts(slot)
        self.is_single |= which(self.slots, slot)[-1] > 0.9
        k = int(slot * len(self.slots))
        if self.steps[k] is None:
            if self.recorded:
                self.steps[k] = Recorded(model, loss, optimizer, regularizer)
            else:
                self.steps[k] = tn.compile_step(model, loss, optimizer, regularizer, self.backend, dtype)
        return self.steps[k]

    def rows(self, count, form=0.0):
        k = 1 + int(count * len(self.X))
        X: Any
        Y: Any
        X, Y = (self.X[:k], self.Y[:k]) if count < 0.75 else (self.X, self.Y)
        if form > 0.7:
            import numpy

            X, Y = numpy.array(X), numpy.array(Y)
        return X, Y

    def optimizer(self, choice):
        return which(self.optimizers, choice)

    def value(self, choice):
        return which([p for model in self.models for p in model.parameters()], choice)

    def fresh(self):
        """Steps are made again, of the models as they are."""
        self.steps = [None] * len(self.steps)
        self.function = None

    # The actions

    def a_step(self, slot, count, form, inside):
        X, Y = self.rows(count, form)
        around: Any = nullcontext()
        if not self.recorded and inside > 0.8:
            around = tn.no_grad() if inside > 0.9 else tn.detect_anomaly()
        with around:
            return self.step(slot)(X, Y)

    def a_run(self, slot, count, epochs, batch, shuffle, seed, until):
        X, Y = self.rows(count)
        found = self.step(slot).run(
            X, Y, 1 + int(3 * epochs), 1 + int(3 * batch), shuffle=shuffle > 0.5, rng=random.Random(seed),
            until=(absolute, 3.0 * until) if until > 0.7 else None,
            progress=(lambda history: [p.data for p in self.models[0].parameters()]) if until < 0.3 else None,
        )  # fmt: skip
        return found if self.recorded else (found.losses, found.metrics.get("absolute", []))

    def a_fit(self, slot, count, epochs, batch, looks, seed, number):
        model, loss, optimizer, regularizer, _ = self.parts(slot)
        X, Y = self.rows(count)
        options: dict[str, Any] = {}
        if looks > 0.5:
            options = {"metrics": "rmse", "validation": (self.X, self.Y), "patience": 2 if looks > 0.8 else None}
        if looks > 0.9:
            options["metrics"] = ["mae", absolute, "accuracy"]
        if 0.6 < looks < 0.75:
            options |= {"until": (absolute, 4.0 * looks - 1.5), "metrics": []}
        if 0.3 < looks < 0.6:

            def callback(history):
                model.parameters()[0].data = number
                optimizer.lr = 0.01 + 0.05 * abs(number)

            options["callbacks"] = callback
        with kept_gradients(model, optimizer):
            found = tn.fit(
                model, X, Y, loss, optimizer, 1 + int(3 * epochs), 1 + int(3 * batch), rng=random.Random(seed),
                regularizer=regularizer, progress=False, backend=self.backend, **options,
            )  # fmt: skip
        return found.epochs, found.losses, list(found.metrics.values()), found.stopped == "patience"

    def a_checkpoint(self, slot, seed, again):
        model, loss, optimizer, _, _ = self.parts(slot)
        if again % 0.5 > 0.1:  # a third optimizer of the same parameters, of which the others know nothing
            optimizer = tn.SGD(model.parameters(), lr=0.05, momentum=0.5)
        path, losses = os.path.join(self.folder, f"{self.backend}.run"), []
        if os.path.exists(path):
            os.remove(path)
        for epochs in (2, 3) if again > 0.5 else (2,):
            with kept_gradients(model, optimizer):
                losses = tn.fit(
                    model, self.X, self.Y, loss, optimizer, epochs, 3, rng=random.Random(seed), progress=False,
                    backend=self.backend, checkpoint=path, resume=epochs == 3,
                ).losses  # fmt: skip
        return losses, told(*tn.load(path, optimizer=True, lr=0.1))

    def eager_step(self, slot, count, form):
        model, loss, optimizer, regularizer, _ = self.parts(slot)
        loss = getattr(tn.losses, loss) if isinstance(loss, str) else loss
        X, Y = self.rows(count, form)
        return eager(model, loss, optimizer, X, Y, regularizer)

    def backward(self, slot, count):
        """Gradients add up, and no step is made."""
        model = self.parts(slot)[0]
        loss = tn.mean([tn.losses.squared_error(model(x), y) for x, y in zip(*self.rows(count), strict=True)])
        loss.backward()
        return loss.data, tn.grad(tn.losses.squared_error(model(self.X[0]), 0.5), model.parameters())

    def update(self, optimizer, zero):
        if zero > 0.5:
            self.optimizer(optimizer).zero_grad()
        self.optimizer(optimizer).step()

    def set_number(self, choice, number, kind):
        import numpy

        value = self.value(choice)
        value.data = number if kind < 0.7 else round(number) if kind < 0.8 else numpy.float64(number)
        if kind < 0.2:
            value.grad = number

    def set_all(self, model, number, way):
        chosen = which(self.models, model)
        if way < 0.3:
            chosen.load_state_dict(self.snapshot)
        elif way < 0.5:
            chosen.load_state_dict(which(self.models, 1.0 - model - 1e-9).state_dict())
        else:
            for k, parameter in enumerate(chosen.parameters()):
                parameter.data = number / (k + 1)

    def take_snapshot(self, model, optimizer):
        self.snapshot = which(self.models, model).state_dict()
        self.strays.append(self.optimizer(optimizer).state)

    def set_state(self, optimizer, place, number, way):
        optimizer = self.optimizer(optimizer)
        k = int(place * len(optimizer.state))
        state = tuple(abs(number) / (j + 1) for j in range(len(optimizer.state[k])))
        if way < 0.5:
            optimizer.state[k] = state
        elif way < 0.9:
            optimizer.state = [state] * len(optimizer.parameters)
        else:
            optimizer.state = optimizer.state[:-1]

    def set_setting(self, optimizer, number, way):
        optimizer = self.optimizer(optimizer)
        if way < 0.3:
            optimizer.lr = which(RATES, number % 1.0)
        elif way < 0.5:
            optimizer.lr = 0.05 * abs(number)
        elif way < 0.7 and isinstance(optimizer, tn.SGD):
            optimizer.momentum = 0.3 * abs(number)
        elif way < 0.8:
            optimizer.steps = int(10 * abs(number))
        elif way < 0.9 and isinstance(optimizer, Swapping):
            optimizer.rates[1] = 0.3 * abs(number)
        elif way < 0.9:
            optimizer.weight_decay = 0.01 * abs(number)

    def set_row(self, place, number):
        """The rows that steps were made on become others in their place."""
        k = int(place * len(self.X))
        self.X[k][0] = self.Y[k - 1] = round(number, 2)

    def new_optimizer(self, which_one, kind, frozen):
        k = int(which_one * 2)
        self.strays.append(self.optimizers[k].state)
        self.optimizers[k] = self.made_optimizer(self.models[k], kind, frozen)
        self.fresh()

    def save_and_load(self, pair, way):
        k = int(2 * pair)
        path = os.path.join(self.folder, f"{self.backend}.model")
        if way < 0.5:
            tn.save(self.models[k], path, self.optimizers[k])
            found = tn.load(path, optimizer=True)
        else:
            tn.save(self.models[k], path)
            found = (tn.load(path), self.optimizers[k])
        if way % 0.5 > 0.25:
            self.strays += [self.models[k].parameters(), self.optimizers[k].state]
            self.models[k], self.optimizers[k] = found
            self.fresh()
        return told(*found)

    def predict(self, model, count, form, many):
        model, (X, _) = which(self.models, model), self.rows(count, form)
        import numpy

        if 0.2 < form < 0.6:
            model = self.around(model, 1.0 if count < 0.5 else 2.0)
        if many > 0.8:  # as many as are worth a program
            rows = numpy.concatenate([X] * 60) if form > 0.7 else list(X) * 60
        else:
            rows = X if many > 0.3 else X[0]
        classes = model.predict_classes(rows, threshold=None if form < 0.2 else 0.0)
        if self.recorded:
            outputs = [model(row).data for row in (rows if many > 0.3 else [rows])]
            return outputs if many > 0.3 else outputs[0], numpy.asarray(classes).tolist()
        return numpy.asarray(model.predict(rows)).tolist(), numpy.asarray(classes).tolist()

    def around(self, model, tau):
        """A module of the user's around a model."""
        for own in self.wrapped:
            if own.inner is model:
                break
        else:
            self.wrapped.append(own := Own(model))
        own.tau = tau
        return own

    def compiled_function(self, model, x):
        """A function of a row that captures a model, which lives as long as the steps do."""
        if self.function is None:
            captured = self.models[0]

            def function(a):
                return captured([a] * len(self.X[0])) * a

            self.function = function if self.recorded else tn.compile(function, backend=self.backend)
        if not self.recorded:
            return self.function.value_and_grad(x)
        leaf = Value(x)
        result = self.function(leaf)
        return result.data, tn.grad(result, [leaf])

    def copied(self, pair, way, what):
        """All is replaced by its copy, or a part is, or the copy is put aside and must stay as it is."""
        copies: Any = copy.deepcopy if way < 0.5 else lambda parts: pickle.loads(pickle.dumps(parts))
        k = int(2 * pair)
        if what < 0.3:
            self.strays += [model.parameters() for model in self.models]
            self.models, self.optimizers, self.steps = copies((self.models, self.optimizers, self.steps))
            self.function = None
        elif what < 0.5:
            self.strays.append(self.models[k].parameters())
            self.models[k], self.optimizers[k] = copies((self.models[k], self.optimizers[k]))
            self.fresh()
        elif what < 0.6:
            self.models[k] = copies(self.models[k])
            self.fresh()
        else:
            model, optimizer = copies((self.models[k], self.optimizers[k]))
            self.strays += [model.parameters(), optimizer.parameters, optimizer.state]

    def surgery(self, model, place, number, seed, way):
        chosen, rng = which(self.models, model), random.Random(seed)
        layer = which(chosen.layers, place)
        neuron = layer.neurons[-1]
        n = len(neuron.weights)
        self.strays.append(chosen.parameters())
        if way < 0.2:
            layer.neurons[-1] = tn.Neuron(n, neuron.activation, rng=rng)
        elif way < 0.6:
            old, new = neuron.weights[0], Value(number)
            neuron.weights[0] = new
            for optimizer in self.optimizers if way < 0.4 else ():
                optimizer.parameters[:] = [new if p is old else p for p in optimizer.parameters]
        elif way < 0.7:
            neuron.bias = Value(number)
        elif way < 0.85:
            k = chosen.layers.index(layer)
            chosen.layers[k] = tn.Layer(n, len(layer.neurons), neuron.activation, rng=rng)
        elif not self.few:
            neuron.activation = "sigmoid" if number > 0 else "linear"

    def new_steps(self, slot):
        """A step is made again, with the one of before still there: both hold the same parameters."""
        k = int(slot * len(self.steps))
        self.steps[k], kept = None, self.steps[k]
        self.steps, self.slots = [*self.steps, kept], [*self.slots, self.slots[k]]

    def seen(self):
        """All that a user sees, as numbers in lists."""
        models = [(p.data, p.grad) for model in self.models for p in model.parameters()]
        strays = [[(e.data, e.grad) if isinstance(e, Value) else e for e in entries] for entries in self.strays]
        return [models, list(map(numbers_of, self.optimizers)), strays]


def numbers_of(optimizer):
    """All numbers of an optimizer and of its parameters."""
    own = [optimizer.rate(), getattr(optimizer, "momentum", 0.0), optimizer.steps]
    velocity = optimizer.velocity if isinstance(optimizer, tn.SGD) and held(optimizer) else []
    return [[(p.data, p.grad) for p in optimizer.parameters], held(optimizer), velocity, own]


def told(model, optimizer):
    """The numbers of a model and of its optimizer."""
    return [list(model.state_dict().values()), numbers_of(optimizer)]


# How often an action is drawn, beside the others.
WEIGHTS = {
    "a_step": 24, "a_run": 10, "a_fit": 3, "a_checkpoint": 1, "eager_step": 10, "backward": 4, "update": 5,
    "set_number": 8, "set_all": 4, "take_snapshot": 3, "set_state": 6, "set_setting": 10, "set_row": 4,
    "new_optimizer": 2, "save_and_load": 2, "predict": 10, "compiled_function": 3, "copied": 5, "surgery": 4,
    "new_steps": 3,
}  # fmt: skip
GIVEN = {name: list(inspect.signature(getattr(World, name)).parameters)[1:] for name in WEIGHTS}
NUMBERS = {"number", "x"}


def script(seed, few=False, actions=6):
    """A script of its own for each seed; with `few`, one of those whose steps are of few kinds.

    It has some kinds of actions only, so that they come one after the other more often than if all were drawn from
    (Groce et al., Swarm testing, 2012).
    """
    rng = random.Random(seed)
    setting = {
        "seed": rng.randrange(1000), "inputs": 1 if few else rng.choice([1, 1, 1, 2]), "few": few,
        "width": 1 if few else rng.choice([1, 1, 1, 2]), "optimizers": [rng.random(), rng.random()],
        "frozen": [rng.random(), rng.random()],
    }  # fmt: skip
    setting["steps"] = [[rng.random() for _ in range(5)] for _ in range(2)]
    for step in setting["steps"] if rng.random() < 0.8 else ():
        step[2] = step[0]  # an optimizer of the model that it steps, not of the one that shares a layer
    kinds = {"a_step", *rng.choices(list(WEIGHTS), list(WEIGHTS.values()), k=2)}
    kinds |= set(rng.sample(list(WEIGHTS), 3))
    chosen = [name for name in WEIGHTS if name in kinds]
    weights = [6 + WEIGHTS[name] for name in chosen]
    names = rng.choices(chosen, weights, k=rng.randint(actions // 2, actions))
    return setting, [(name, drawn(name, rng)) for name in names]


def drawn(name, rng):
    """What an action is given."""
    return {k: rng.uniform(-1.5, 1.5) if k in NUMBERS else rng.random() for k in GIVEN[name]}


def outcome(world, name, given):
    """What an action gives, or the class of what it raises."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            found = getattr(world, name)(**given)
        except REFUSED as error:
            return ["raised", type(error).__name__]
    return [] if found is None else [found]


def difference(found, expected, bound):
    """Where two nests of numbers differ, in words; empty where they agree."""
    found, expected = (each.tolist() if hasattr(each, "tolist") else each for each in (found, expected))
    if isinstance(expected, list | tuple):
        if not hasattr(found, "__len__") or len(found) != len(expected):
            return f"{found!r} for {expected!r}"
        parts = (difference(a, b, bound) for a, b in zip(found, expected, strict=True))
        return next(filter(None, parts), "")
    if isinstance(expected, str) or isinstance(found, str | list | tuple):
        return "" if found == expected else f"{found!r} for {expected!r}"
    a, b = float(found), float(expected)
    return "" if (bits(a, b) if bound == 0.0 else near(a, b, bound)) else f"{a!r} for {b!r}"


# What may be computed in another order than the recorded graph does, whatever the back end.
ROUNDED = {"predict", "a_fit", "compiled_function"}


def failure(given, backend, folder, counts=None):
    """What differs first when a script is run both ways, in words; None where nothing does."""
    setting, actions = given
    worlds = [World(setting, which_one, folder) for which_one in (backend, "eager")]
    for k, (name, choices) in enumerate(actions):
        found, expected = (outcome(world, name, choices) for world in worlds)
        bound = NEAR["bits"] if backend == "python" else NEAR["single" if worlds[0].is_single else "double"]
        rounded = name in ROUNDED or choices.get("until", 0.0) > 0.7
        told = difference(found, expected, max(bound, 1e-12) if rounded else bound)
        if told := told or difference(worlds[0].seen(), worlds[1].seen(), bound):
            return f"action {k}, {name}: {told}"
        if counts is not None:
            counts[name, expected[:1] == ["raised"]] = counts.get((name, expected[:1] == ["raised"]), 0) + 1
        if told := "" if found[:1] == ["raised"] else strangers(worlds[0], name, choices):
            return f"action {k}, {name}: {told}"
    return None


def strangers(world, name, given):
    """What compiled steps have left that is no float of Python's, in words."""
    if name not in ("a_step", "a_run", "a_fit"):
        return ""
    optimizer = world.parts(given["slot"])[2]
    numbers = [*(n for state in held(optimizer) for n in state), *(p.data for p in optimizer.parameters)]
    wrong = {type(number).__name__ for number in numbers} - {"float", "int"}
    return f"there are numbers of {wrong}" if wrong else ""


def shortened(given, backend, folder):
    """The script without the actions that it fails without."""
    setting, actions = given
    k = 0
    while k < len(actions):
        fewer = actions[:k] + actions[k + 1 :]
        if failure((setting, fewer), backend, folder) is None:
            k += 1
        else:
            actions = fewer
    return setting, actions


def check_many(backend, seeds, folder):
    """Run scripts both ways; how often each action was done, and how often it was refused.

    Raises AssertionError with the first script that differs, without the actions that it differs without.
    """
    counts: dict[tuple[str, bool], int] = {}
    for seed in seeds:
        given = script(seed, few=backend == "llvm")
        if failure(given, backend, folder, counts) is not None:
            setting, actions = shortened(given, backend, folder)
            lines = [f"{name}({', '.join(f'{k}={v!r}' for k, v in choices.items())})" for name, choices in actions]
            said = failure((setting, actions), backend, folder)
            raise AssertionError("\n    ".join([f"script {seed} on {backend}: {said}", repr(setting), *lines]))
    return counts
