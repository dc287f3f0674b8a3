"""lint: mistakes as a student makes them, each named by its kind, and scripts without one, of which nothing is said."""

import random
import warnings

import pytest
from training import BACKENDS

import tinygrad_nn as tn
from tinygrad_nn import MLP, Module, Value
from tinygrad_nn.autograd.value import Result

HEAD = """
import random
import tinygrad_nn as tn

X, Y = tn.data.xor()
random.seed(SEED)
"""
# Whole scripts; what they leave as `model`, `loss` and `rows` is looked at.
PLANTED = {
    "all weights zero": (
        "equal weights",
        """
model = tn.MLP(2, [4, 1], "tanh", init=lambda rng: 0.0)
loss = tn.mean([tn.losses.squared_error(model(x), y) for x, y in zip(X, Y)])
loss.backward()
""",
    ),
    "all weights one number": (
        "equal weights",
        """
model = tn.MLP(2, [4, 3, 1], "sigmoid")
for p in model.layers[1].parameters():
    p.data = 0.5
for neuron in model.layers[2].neurons:
    for weight in neuron.weights:
        weight.data = 0.25
loss = tn.mean([tn.losses.squared_error(model(x), y) for x, y in zip(X, Y)])
""",
    ),
    "targets from 0 to 3 on a sigmoid": (
        "targets out of range",
        """
model = tn.MLP(2, [4, 1], "tanh", "sigmoid")
loss = tn.mean([tn.losses.squared_error(model(x), 3 * y) for x, y in zip(X, Y)])
""",
    ),
    "targets below 0 on a relu": (
        "targets out of range",
        """
model = tn.MLP(2, [4, 2], "tanh", "relu")
loss = tn.mean([tn.losses.huber(model(x), [0.5, y - 0.5]) for x, y in zip(X, Y)])
""",
    ),
    "zero_grad forgotten": (
        "gradients add up",
        """
model = tn.MLP(2, [4, 1], "tanh")
optimizer = tn.SGD(model.parameters(), lr=0.1)
for epoch in range(20):
    loss = tn.mean([tn.losses.squared_error(model(x), y) for x, y in zip(X, Y)])
    loss.backward()
    optimizer.step()
""",
    ),
    "zero_grad of another model": (
        "gradients add up",
        """
model = tn.MLP(2, [4, 1], "tanh")
optimizer = tn.SGD(model.parameters(), lr=0.1)
model2 = tn.MLP(2, [4, 1], "tanh")
for epoch in range(20):
    for x, y in zip(X, Y):
        model2.zero_grad()
        loss = (model(x) - y) ** 2
        loss.backward()
        optimizer.step()
""",
    ),
    "zeros between backward and the step": (
        "gradients set to zero",
        """
model = tn.MLP(2, [4, 1], "tanh")
optimizer = tn.SGD(model.parameters(), lr=0.1, momentum=0.9)
for epoch in range(20):
    loss = tn.mean([tn.losses.squared_error(model(x), y) for x, y in zip(X, Y)])
    loss.backward()
    optimizer.zero_grad()
    optimizer.step()
""",
    ),
    "zeros of the model before a step by hand": (
        "gradients set to zero",
        """
model = tn.Neuron(2, "sigmoid")
for epoch in range(20):
    for x, y in zip(X, Y):
        loss = (model(x) - y) ** 2
        loss.backward()
        model.zero_grad()
        for p in model.parameters():
            p.data -= 0.5 * p.grad
""",
    ),
    "an update by hand without zeros": (
        "gradients add up",
        """
model = tn.Neuron(2, "sigmoid")
for epoch in range(20):
    loss = sum((model(x) - y) ** 2 for x, y in zip(X, Y))
    loss.backward()
    for p in model.parameters():
        p.data -= 0.1 * p.grad
""",
    ),
    "zeros once, before the loop": (
        "gradients add up",
        """
model = tn.MLP(2, [8, 1], "relu", init="he")
optimizer = tn.Adam(model.parameters(), lr=0.01)
optimizer.zero_grad()
for epoch in range(5):
    loss = tn.mean([tn.losses.squared_error(model(x), y) for x, y in zip(X, Y)])
    loss.backward()
    optimizer.step()
""",
    ),
    "the loss recorded once": (
        "data changed",
        """
model = tn.MLP(2, [4, 1], "tanh")
optimizer = tn.SGD(model.parameters(), lr=0.1)
loss = tn.mean([tn.losses.squared_error(model(x), y) for x, y in zip(X, Y)])
for epoch in range(20):
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
""",
    ),
    "the step before backward": (
        "data changed",
        """
model = tn.MLP(2, [4, 1], "tanh")
optimizer = tn.SGD(model.parameters(), lr=0.1, momentum=0.9)
for epoch in range(20):
    loss = tn.mean([tn.losses.squared_error(model(x), y) for x, y in zip(X, Y)])
    optimizer.step()
    optimizer.zero_grad()
    loss.backward()
""",
    ),
    "the penalty recorded once": (
        "data changed",
        """
model = tn.MLP(2, [4, 1], "tanh")
optimizer = tn.SGD(model.parameters(), lr=0.1)
penalty = 0.01 * sum(p * p for p in model.parameters())
for epoch in range(20):
    loss = tn.mean([tn.losses.squared_error(model(x), y) for x, y in zip(X, Y)]) + penalty
    optimizer.zero_grad()
    loss.backward()
    if epoch < 19:
        optimizer.step()
""",
    ),
    "features recorded once": (
        "data changed",
        """
model = tn.MLP(2, [4, 1], "tanh")
optimizer = tn.SGD(model.parameters(), lr=0.1)
features = [model.layers[0](x) for x in X]
for epoch in range(20):
    loss = tn.mean([tn.losses.squared_error(model.layers[1](f), y) for f, y in zip(features, Y)])
    optimizer.zero_grad()
    loss.backward()
    if epoch < 19:
        optimizer.step()
""",
    ),
    "data scaled in place": (
        "data changed",
        """
model = tn.MLP(1, [3, 1], "tanh")
xs = [tn.Value(100.0 * k) for k in range(4)]
loss = tn.mean([tn.losses.squared_error(model([x]), 1.0) for x in xs])
for x in xs:
    x.data = x.data / 400.0
loss.backward()
""",
    ),
    "inputs that are not scaled": (
        "saturated units",
        """
model = tn.MLP(1, [6, 1], "sigmoid", "sigmoid")
X, Y = [[1000.0 + 10.0 * k] for k in range(20)], [float(k > 9) for k in range(20)]
loss = tn.mean([tn.losses.squared_error(model(x), y) for x, y in zip(X, Y)])
loss.backward()
""",
    ),
    "weights that are too large": (
        "saturated units",
        """
model = tn.MLP(2, [8, 1], "tanh", init=lambda rng: rng.gauss(0.0, 50.0))
X, Y = tn.data.moons(40, rng=random.Random(1))
loss = tn.mean([tn.losses.hinge(model(x), 2 * y - 1) for x, y in zip(X, Y)])
loss.backward()
""",
    ),
    "a bias that is far below 0": (
        "dead units",
        """
model = tn.MLP(2, [4, 1], "relu")
for neuron in model.layers[0].neurons:
    neuron.bias.data = -10.0
loss = tn.mean([tn.losses.squared_error(model(x), y) for x, y in zip(X, Y)])
loss.backward()
""",
    ),
    "a learning rate that kills": (
        "dead units",
        """
model = tn.MLP(2, [8, 1], "relu", init="he")
optimizer = tn.SGD(model.parameters(), lr=20.0)
for epoch in range(10):
    for x, y in zip(X, Y):
        optimizer.zero_grad()
        loss = tn.losses.huber(model(x), y)
        loss.backward()
        optimizer.step()
rows = X
""",
    ),
    "relu last": (
        "dead units",
        """
model = tn.Neuron(2, "relu")
model.weights[0].data, model.weights[1].data, model.bias.data = -1.0, -1.0, -0.1
optimizer = tn.SGD(model.parameters(), lr=0.1)
for epoch in range(20):
    optimizer.zero_grad()
    loss = tn.mean([tn.losses.squared_error(model(x), y) for x, y in zip(X, Y)])
    loss.backward()
    optimizer.step()
""",
    ),
    "softmax before cross_entropy": (
        "probabilities for logits",
        """
model = tn.MLP(2, [4, 2], "tanh")
loss = tn.mean([tn.losses.cross_entropy(tn.softmax(model(x)), int(y)) for x, y in zip(X, Y)])
loss.backward()
""",
    ),
    "sigmoid before logits": (
        "probabilities for logits",
        """
model = tn.MLP(2, [4, 1], "tanh", "sigmoid")
for x, y in zip(X, Y):
    model.zero_grad()
    loss = tn.losses.binary_cross_entropy_with_logits(model(x), y)
    loss.backward()
""",
    ),
    "a sigmoid written out": (
        "probabilities for logits",
        """
model = tn.MLP(2, [4, 1], "tanh")
def predict(x):
    return 1 / (1 + (-model(x)).exp())
loss = tn.mean([tn.losses.binary_cross_entropy_with_logits(predict(x), y) for x, y in zip(X, Y)])
loss.backward()
""",
    ),
    "a softmax written out": (
        "probabilities for logits",
        """
model = tn.MLP(2, [4, 2], "tanh")
def predict(x):
    scores = [z.exp() for z in model(x)]
    return [s / sum(scores) for s in scores]
loss = tn.mean([tn.losses.cross_entropy(predict(x), int(y)) for x, y in zip(X, Y)])
loss.backward()
""",
    ),
    "cross-entropy of a linear output": (
        "logits for probabilities",
        """
model = tn.MLP(2, [4, 1], "tanh")
loss = tn.mean([tn.losses.binary_cross_entropy(model(x), y) for x, y in zip(X, Y)])
loss.backward()
""",
    ),
    "cross-entropy of a tanh": (
        "logits for probabilities",
        """
model = tn.MLP(2, [4, 1], "tanh", "tanh")
x, y = [0.2, 0.3], 1.0
loss = tn.losses.binary_cross_entropy(model(x), y)
loss.backward()
""",
    ),
    "classes for hinge": (
        "other targets",
        """
model = tn.MLP(2, [4, 1], "tanh")
loss = tn.mean([tn.losses.hinge(model(x), y) for x, y in zip(X, Y)])
loss.backward()
""",
    ),
    "-1 and 1 for a cross-entropy": (
        "other targets",
        """
model = tn.MLP(2, [4, 1], "tanh")
loss = tn.mean([tn.losses.binary_cross_entropy_with_logits(model(x), 2 * y - 1) for x, y in zip(X, Y)])
loss.backward()
""",
    ),
    "-1 and 1 for a cross-entropy of probabilities": (
        "other targets",
        """
model = tn.MLP(2, [4, 1], "tanh", "sigmoid")
loss = tn.mean([tn.losses.binary_cross_entropy(model(x), 2 * y - 1) for x, y in zip(X, Y)])
loss.backward()
""",
    ),
    "parameters in a list": (
        "gradients add up",
        """
w, b = tn.Value(0.5, label="w"), tn.Value(0.0)
model = [w, b]
for epoch in range(10):
    loss = tn.mean([(w * k + b - 2.0 * k) ** 2 for k in range(5)])
    loss.backward()
    for p in model:
        p.data -= 0.01 * p.grad
""",
    ),
    "a layer that is never called": (
        "unused parameters",
        """
class Net(tn.Module):
    def __init__(self):
        self.first, self.second, self.last = tn.Layer(2, 4), tn.Layer(4, 4), tn.Layer(4, 1, "linear")

    def __call__(self, x):
        return self.last(self.first(x))

model = Net()
loss = tn.mean([tn.losses.squared_error(model(x), y) for x, y in zip(X, Y)])
loss.backward()
""",
    ),
    "data in between": (
        "unused parameters",
        """
model = tn.MLP(2, [4, 1], "tanh")
def forward(x):
    hidden = model.layers[0](x)
    return model.layers[1]([h.data for h in hidden])
loss = tn.mean([tn.losses.squared_error(forward(x), y) for x, y in zip(X, Y)])
loss.backward()
""",
    ),
    "one output of two": (
        "unused parameters",
        """
model = tn.MLP(2, [4, 2], "tanh")
loss = tn.mean([(model(x)[0] - y) ** 2 for x, y in zip(X, Y)])
loss.backward()
""",
    ),
}

HEALTHY = {
    "a layer that begins at 0, and the one after it does not": """
model = tn.MLP(2, [4, 1], "tanh")
for p in model.layers[0].parameters():
    p.data = 0.0
optimizer = tn.SGD(model.parameters(), lr=0.1)
for epoch in range(STEPS):
    optimizer.zero_grad()
    loss = tn.mean([tn.losses.squared_error(model(x), y) for x, y in zip(X, Y)])
    loss.backward()
    if epoch < STEPS - 1:
        optimizer.step()
""",
    "targets at the ends of the output's range": """
model = tn.MLP(2, [4, 2], "tanh", "tanh")
optimizer = tn.SGD(model.parameters(), lr=0.1)
for epoch in range(STEPS):
    optimizer.zero_grad()
    loss = tn.mean([tn.losses.absolute_error(model(x), [2 * y - 1, 1 - 2 * y]) for x, y in zip(X, Y)])
    loss.backward()
    if epoch < STEPS - 1:
        optimizer.step()
""",
    "a head that stays as it is, a row at a time": """
model = tn.MLP(2, [4, 1], "tanh")
optimizer = tn.SGD(model.layers[0].parameters(), lr=0.1)
for epoch in range(STEPS):
    for x, y in zip(X, Y):
        model.zero_grad()
        loss = (model(x) - y) ** 2
        loss.backward()
        optimizer.step()
""",
    "a critic, whose gradients by the artist's loss are not wanted": """
artist, model = tn.MLP(1, [3, 1], "tanh"), tn.MLP(1, [3, 1], "tanh")
optimizer = tn.SGD(artist.parameters(), lr=0.05)
for epoch in range(STEPS):
    optimizer.zero_grad()
    loss = tn.losses.binary_cross_entropy_with_logits(model([artist([random.gauss(0, 1)])]), 1.0)
    loss.backward()
    model.zero_grad()
    if not BEFORE:
        optimizer.step()
""",
    "what the inputs do": """
model = tn.MLP(2, [4, 1], "tanh")
x = [tn.Value(1.0), tn.Value(0.0)]
loss = (model(x) - 1.0) ** 2
loss.backward()
model.zero_grad()
""",
    "zeros after the step": """
model = tn.MLP(2, [4, 1], "tanh")
optimizer = tn.Adam(model.parameters(), lr=0.01)
for epoch in range(STEPS):
    loss = tn.mean([tn.losses.squared_error(model(x), y) for x, y in zip(X, Y)])
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()
""",
    "zeros after a step that is too small to be made": """
model = tn.Neuron(2, "linear")
optimizer = tn.SGD(model.parameters(), lr=0.5)
for epoch in range(STEPS * 30):
    loss = tn.mean([tn.losses.squared_error(model(x), x[0] - x[1]) for x in X])
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()
""",
    "two losses' gradients, scaled to one length": """
model = tn.MLP(2, [4, 1], "tanh")
optimizer = tn.SGD(model.parameters(), lr=0.1)
for epoch in range(STEPS):
    optimizer.zero_grad()
    loss = tn.mean([tn.losses.squared_error(model(x), y) for x, y in zip(X, Y)])
    loss.backward()
    size = sum(p.grad * p.grad for p in model.parameters()) ** 0.5
    for p in model.parameters():
        p.grad = p.grad / size
    if not BEFORE:
        optimizer.step()
""",
    "weight decay by hand": """
model = tn.MLP(2, [4, 1], "tanh")
optimizer = tn.SGD(model.parameters(), lr=0.1)
for epoch in range(STEPS):
    optimizer.zero_grad()
    loss = tn.mean([tn.losses.squared_error(model(x), y) for x, y in zip(X, Y)])
    loss.backward()
    for p in model.parameters():
        p.grad += 0.01 * p.data
    if not BEFORE:
        optimizer.step()
""",
    "a first layer that is not trained": """
model = tn.MLP(2, [4, 4, 1], "tanh")
optimizer = tn.SGD([p for layer in model.layers[1:] for p in layer.parameters()], lr=0.1)
for epoch in range(STEPS):
    optimizer.zero_grad()
    loss = tn.mean([tn.losses.squared_error(model(x), y) for x, y in zip(X, Y)])
    loss.backward()
    if not BEFORE:
        optimizer.step()
""",
    "gradients by tn.grad": """
model = tn.MLP(2, [4, 1], "tanh")
for epoch in range(STEPS):
    loss = tn.mean([tn.losses.squared_error(model(x), y) for x, y in zip(X, Y)])
    for p, gradient in zip(model.parameters(), tn.grad(loss, model.parameters())):
        p.data -= 0.1 * gradient
""",
    "a part of the loss is looked at": """
model = tn.MLP(2, [4, 1], "tanh")
for epoch in range(STEPS):
    loss = tn.mean([tn.losses.squared_error(model(x), y) for x, y in zip(X, Y)])
    total = loss + 0.01 * sum(p * p for p in model.parameters())
    model.zero_grad()
    total.backward()
""",
    "a student and a teacher": """
teacher = tn.MLP(2, [4, 1], "tanh", "sigmoid")
model = tn.MLP(2, [3, 1], "tanh")
for epoch in range(STEPS):
    loss = tn.mean([tn.losses.binary_cross_entropy_with_logits(model(x), teacher(x)) for x in X])
    model.zero_grad()
    loss.backward()
""",
    "a mixture of experts": """
class Mixture(tn.Module):
    def __init__(self):
        self.experts, self.gate = tn.Layer(2, 3, "sigmoid"), tn.Layer(2, 3, "linear")

    def __call__(self, x):
        return tn.dot(tn.softmax(self.gate(x)), self.experts(x), 0.0)

model = Mixture()
for epoch in range(STEPS):
    loss = tn.mean([tn.losses.binary_cross_entropy(model(x), y) for x, y in zip(X, Y)])
    model.zero_grad()
    loss.backward()
    for p in model.parameters():
        p.data -= 0.1 * p.grad
""",
    "an optimizer, all rows": """
model = tn.MLP(2, [4, 1], "tanh")
optimizer = tn.SGD(model.parameters(), lr=0.1, momentum=0.9)
for epoch in range(STEPS):
    optimizer.zero_grad()
    loss = tn.mean([tn.losses.squared_error(model(x), y) for x, y in zip(X, Y)])
    loss.backward()
    if not BEFORE or epoch < STEPS - 1:
        optimizer.step()
""",
    "zeros last": """
model = tn.MLP(2, [4, 1], "sigmoid", "sigmoid")
optimizer = tn.Adam(model.parameters(), lr=0.1)
for epoch in range(STEPS):
    for x, y in zip(X, Y):
        loss = tn.losses.binary_cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
""",
    "by hand": """
model = tn.Neuron(2, "linear")
for epoch in range(STEPS):
    loss = tn.mean([(model(x) - y) ** 2 for x, y in zip(X, Y)])
    model.zero_grad()
    loss.backward()
    for p in model.parameters():
        p.data -= 0.1 * p.grad
""",
    "a penalty, and gradients that are clipped": """
model = tn.MLP(2, [16, 1], init="he")
optimizer = tn.SGD(model.parameters(), lr=0.05)
for epoch in range(STEPS):
    optimizer.zero_grad()
    loss = tn.mean([tn.losses.hinge(model(x), 2 * y - 1) for x, y in zip(X, Y)])
    loss = loss + 1e-3 * sum(p * p for p in model.parameters())
    loss.backward()
    for p in model.parameters():
        p.grad = max(-0.1, min(0.1, p.grad))
    if not BEFORE:
        optimizer.step()
""",
    "classes": """
model = tn.MLP(2, [8, 3], "silu")
optimizer = tn.SGD(model.parameters(), lr=0.1, nesterov=True, momentum=0.5, weight_decay=1e-4)
for epoch in range(STEPS):
    for x, y in zip(X, [0, 1, 2, 1]):
        optimizer.zero_grad()
        loss = tn.losses.cross_entropy(model(x), y)
        loss.backward()
        if not BEFORE:
            optimizer.step()
""",
    "not differentiated yet": """
model = tn.MLP(2, [8, 1], "gelu")
loss = tn.mean([tn.losses.binary_cross_entropy_with_logits(model(x), y) for x, y in zip(X, Y)])
""",
    "logits that happen to be between 0 and 1": """
model = tn.MLP(2, [3, 2], "tanh", init=lambda rng: rng.uniform(0.05, 0.15))
loss = tn.mean([tn.losses.cross_entropy(model(x), int(y)) for x, y in zip(X, Y)])
loss.backward()
""",
    "layers with numbers that are shared, and a rate": """
class Net(tn.Module):
    def __init__(self):
        self.layer, self.scale = tn.Layer(2, 2, "tanh"), tn.Value(0.5, label="scale")

    def __call__(self, x):
        return sum(h * self.scale for h in self.layer(self.layer(x)))

model = Net()
optimizer = tn.SGD(model.parameters(), lr=lambda step: 0.1 / (1 + step))
for epoch in range(STEPS):
    optimizer.zero_grad()
    loss = tn.mean([tn.losses.squared_error(model(x), y) for x, y in zip(X, Y)])
    loss.backward()
    if not BEFORE or epoch < STEPS - 1:
        optimizer.step()
""",
    "compiled steps, then a look": """
model = tn.MLP(2, [6, 1], "tanh", "sigmoid")
step = tn.compile_step(model, "binary_cross_entropy", tn.Adam(model.parameters(), lr=0.05), backend="python")
step.run(X, Y, epochs=10 * STEPS, batch_size=4)
model.zero_grad()
loss = tn.mean([tn.losses.binary_cross_entropy(model(x), y) for x, y in zip(X, Y)])
loss.backward()
""",
}


def findings(script, seed=1, **names):
    """What lint says of the model and the loss that a script leaves."""
    space = names
    exec(compile(HEAD.replace("SEED", str(seed)) + script, "script.py", "exec"), space)
    model, loss = space["model"], space["loss"]
    parameters = model if isinstance(model, list) else model.parameters()
    before = [(p.data, p.grad) for p in parameters]
    found = tn.lint(model, loss, space.get("rows"))
    assert [(p.data, p.grad) for p in parameters] == before
    return found


@pytest.mark.parametrize("way", PLANTED)
def test_mistakes_as_students_make_them(way):
    kind, script = PLANTED[way]
    found = findings(script)
    assert [finding.kind for finding in found] == [kind]
    words = str(found[0])
    assert words.startswith(f"{kind}: ")
    assert any(letter.isdigit() for letter in words)
    assert 100 < len(words) < 400
    assert not any(word in words for word in ("nan", "inf", "tinygrad_nn."))


@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize("script", HEALTHY)
def test_healthy_scripts(script, before):
    for seed in range(3):
        for steps in (1, 2, 20):
            assert findings(HEALTHY[script], seed, STEPS=steps, BEFORE=before) == [], (seed, steps)


def test_long_training_of_sigmoids_is_healthy():
    """Units that are flat since they are right are no finding."""
    X, Y = tn.data.half_adder()
    model = tn.MLP(2, [3, 2], "sigmoid", "sigmoid", init="normal", rng=random.Random(1))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        tn.fit(model, X, Y, "binary_cross_entropy", tn.Adam(model.parameters(), lr=0.1), epochs=3000, progress=False)
    loss = tn.mean([tn.losses.binary_cross_entropy(model(x), y) for x, y in zip(X, Y, strict=True)])
    assert loss.data < 1e-3
    assert tn.lint(model, loss) == []
    loss = tn.mean([tn.losses.squared_error(model(x), y) for x, y in zip(X, Y, strict=True)])
    assert tn.lint(model, loss) == []


# Warnings of fit.


def fitted(backend, model, loss="squared_error", data=None, epochs=3, lr=0.1, **options):
    X, Y = data or tn.data.xor()
    optimizer = tn.SGD(model.parameters(), lr=lr)
    return tn.fit(model, X, Y, loss, optimizer, epochs=epochs, progress=False, backend=backend, **options)


@pytest.mark.parametrize("backend", BACKENDS)
def test_fit_warns_of_them(backend):
    rng = random.Random(1)
    with pytest.warns(tn.LintWarning, match=r"probabilities for logits: .* results of sigmoid, such as 0\.") as told:
        fitted(backend, tn.MLP(2, [3, 1], "tanh", "sigmoid", rng=rng), "binary_cross_entropy_with_logits")
    assert [warning.filename for warning in told] == [__file__]
    with pytest.warns(tn.LintWarning, match="logits for probabilities"), pytest.warns(RuntimeWarning, match="diverged"):
        fitted(backend, tn.MLP(2, [3, 1], "tanh", rng=rng), "binary_cross_entropy")
    model = tn.MLP(2, [3, 2], "tanh", rng=rng)
    with pytest.warns(tn.LintWarning, match=r"depend on 4 of 17 parameters \(layers.1.neurons.1.weights.0, "):
        fitted(backend, model, lambda prediction, target: tn.losses.squared_error(prediction[0], target))
    model = tn.MLP(2, [3, 1], "relu", rng=rng)
    for neuron in model.layers[0].neurons:
        neuron.bias.data = -5.0
    with pytest.warns(tn.LintWarning, match="3 of 3 relu units of layer 1 are 0 on all of 4 rows"):
        fitted(backend, model)
    large = [[1000.0 * x for x in row] for row in tn.data.moons(40, rng=rng)[0]], [2 * k % 4 - 1 for k in range(40)]
    with pytest.warns(tn.LintWarning, match="units of layer 1 have a mean slope of at most") as told:
        fitted(backend, tn.MLP(2, [5, 1], "tanh", rng=rng), "hinge", large)
    assert len(told) == 1


@pytest.mark.parametrize("backend", BACKENDS)
def test_fit_warns_of_units_that_died_on_the_way(backend):
    model = tn.MLP(2, [8, 1], "relu", init="he", rng=random.Random(3))
    with pytest.warns(tn.LintWarning, match="dead units") as told:
        fitted(backend, model, "huber", epochs=20, lr=20.0, batch_size=1, shuffle=False)
    assert len(told) == 1


def test_fit_on_the_graph_warns_of_a_penalty_that_was_recorded_once():
    model = tn.MLP(2, [3, 1], "tanh", rng=random.Random(1))
    penalty = 0.01 * sum(p * p for p in model.parameters())
    with pytest.warns(tn.LintWarning, match="data changed: square|data changed: multiply"):
        fitted("eager", model, regularizer=lambda model: penalty)
    again = tn.MLP(2, [3, 1], "tanh", rng=random.Random(1))
    penalty = 0.01 * sum(p * p for p in again.parameters())
    fitted("python", again, regularizer=lambda model: penalty)  # computes it anew in each step


@pytest.mark.parametrize("backend", BACKENDS)
def test_what_lint_cannot_look_at_is_for_the_run_to_say(backend):
    model = tn.MLP(2, [3, 2], "tanh", rng=random.Random(1))
    with pytest.raises(ValueError, match="row 3"):
        fitted(backend, model, "cross_entropy", (tn.data.xor()[0], [0, 1, 1, 2]), batch_size=1, shuffle=False)
    model.layers[0].neurons[0].weights[0].data = float("nan")
    with pytest.raises(tn.AnomalyError), tn.detect_anomaly():
        fitted(backend, model, lambda prediction, target: (prediction[0] + prediction[1] - target) ** 2)


def test_bad_input():
    model = tn.MLP(2, [1], "tanh")
    with pytest.raises(
        TypeError, match=r"lint\(model, loss\) looks at a Module or a list of parameters, but got <function"
    ):
        tn.lint(lambda x: x, model([1.0, 2.0]))
    for loss in (Value(1.0), 0.5):
        with pytest.raises(TypeError, match="a loss that was recorded"):
            tn.lint(model, loss)
    with pytest.raises(TypeError, match="rows are for a model that can be called"):
        tn.lint(model.parameters(), model([1.0, 2.0]), rows=[[1.0, 2.0]])
    with pytest.raises(ValueError, match="takes 2 inputs"):
        tn.lint(model, model([1.0, 2.0]), rows=[[1.0]])


@pytest.mark.parametrize("check", ["_holds", "contributions"])
def test_a_planted_fault_in_lint_is_caught(check, monkeypatch):
    from tinygrad_nn.check import lint as mistakes

    wrong = {"_holds": lambda result: False, "contributions": lambda result, g: [2.0 * g] * len(result.operands)}
    monkeypatch.setattr(mistakes, check, wrong[check])
    script = HEALTHY["an optimizer, all rows"]
    assert findings(script, STEPS=3, BEFORE=True) != []


@pytest.mark.parametrize("name", ["expression", "forward_pass", "xor", "wiring"])
def test_examples_are_healthy(name, example, tmp_path, monkeypatch, capsys):
    """After some of their backward passes, before a step and at the end; those with fit warn in their own tests."""
    models, looked = [], []
    right, made = Value.backward, tn.MLP.__init__

    def backward(self):
        right(self)
        if models and len(looked) % 10 == 0:
            assert tn.lint(models[-1], self) == []
        looked.append(self)

    def keep(self, *given, **options):
        made(self, *given, **options)
        models.append(self)

    monkeypatch.setattr(Value, "backward", backward)
    monkeypatch.setattr(tn.MLP, "__init__", keep)
    module = example(name)
    if hasattr(module, "PICTURES"):
        monkeypatch.setattr(module, "PICTURES", tmp_path)
    module.main()
    if name == "xor":
        assert len(looked) > 100
        assert tn.lint(models[-1], looked[-1], rows=tn.data.xor()[0]) == []


@pytest.mark.parametrize("total", [tn.mean, tn.sum])
def test_outputs_that_are_right_are_no_finding(total):
    """The loop of a well-known lecture: squared errors of tanh units, by hand, until they are nearly right."""
    xs = [[2.0, 3.0, -1.0], [3.0, -1.0, 0.5], [0.5, 1.0, 1.0], [1.0, 1.0, -1.0]]
    ys = [1.0, -1.0, -1.0, 1.0]
    for seed in range(3):
        model = tn.MLP(3, [4, 4, 1], "tanh", "tanh", rng=random.Random(seed))
        for step in range(300):
            loss = total([(model(x) - y) ** 2 for x, y in zip(xs, ys, strict=True)])
            model.zero_grad()
            loss.backward()
            for p in model.parameters():
                p.data -= (0.1 if total is tn.sum else 0.4) * p.grad
            if step % 10 == 0:
                assert tn.lint(model, loss) == [], (seed, step, loss.data)


def prefix_sums(n):
    """A loss of each of n sums that go on from one another, scaled to probabilities."""
    weight, total, terms = Value(0.5), Value(0.0), []
    for _ in range(n):
        total = total + weight * 0.001
        terms.append(tn.losses.binary_cross_entropy_with_logits(total / 1000.0, 1.0))
    return [weight], sum(terms), None


def chain(n):
    weight = Value(0.5)
    y = weight * 1.0
    for _ in range(n):
        y = y * 0.9999 + weight
    return [weight], y, None


class Trunk(Module):
    """Many outputs of one long computation."""

    def __init__(self, n):
        self.n, self.weight = n, Value(0.5)

    def __call__(self, row):
        y = self.weight * row[0]
        outputs = []
        for _ in range(self.n):
            y = y * 0.99 + 1.0
            outputs.append(y * 2.0)
        return outputs


def trunk(n):
    model = Trunk(n)
    return model, sum(model([1.0])), [[1.0]]


def network(n):
    model = MLP(2, [3, 1], "tanh", rng=random.Random(0))
    return model, sum(tn.losses.squared_error(model([0.1 * k, 1.0]), 1.0) for k in range(n)), None


@pytest.mark.parametrize("make", [prefix_sums, chain, trunk, network])
def test_what_lint_looks_at_grows_with_the_graph_alone(make, monkeypatch):
    looked = []
    operands = Result.operands.fget

    def counted(result):
        looked[-1] += 1
        return operands(result)

    monkeypatch.setattr(Result, "operands", property(counted))
    for n in (100, 200, 400):
        looked.append(0)
        model, loss, rows = make(n)
        loss.backward()
        tn.lint(model, loss, rows)
    assert looked[1] <= 2.2 * looked[0]
    assert looked[2] <= 2.2 * looked[1]
