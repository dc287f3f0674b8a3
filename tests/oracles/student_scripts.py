"""Scripts as students write them: each with a mistake that lint names by its kind, or healthy."""

import tinygrad_nn as tn

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


# The kinds of mistakes that a file of its own finds.
UNITS = ("equal weights", "dead units", "saturated units")
SCALES = ("probabilities for logits", "logits for probabilities", "other targets", "targets out of range")


def of_kinds(*kinds):
    """The names of the scripts with a mistake of these kinds."""
    return [way for way, (kind, _) in PLANTED.items() if kind in kinds]


def named(way):
    """The one finding in a script is its mistake, told with numbers in a few lines."""
    kind, script = PLANTED[way]
    found = findings(script)
    assert [finding.kind for finding in found] == [kind]
    words = str(found[0])
    assert words.startswith(f"{kind}: ")
    assert any(letter.isdigit() for letter in words)
    assert 100 < len(words) < 400
    assert not any(word in words for word in ("nan", "inf", "tinygrad_nn."))


def fitted(backend, model, loss="squared_error", data=None, epochs=3, lr=0.1, **options):
    X, Y = data or tn.data.xor()
    optimizer = tn.SGD(model.parameters(), lr=lr)
    return tn.fit(model, X, Y, loss, optimizer, epochs=epochs, progress=False, backend=backend, **options)
