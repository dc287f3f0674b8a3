"""Weights apart from the program: a block of another fit predicts what that fit does, another model's is refused."""

import ctypes
import random
import warnings

import pytest
from c_files import MODELS, built, found, library, needs_cc, network, printed

import tinygrad_nn as tn

pytestmark = needs_cc
KINDS = {"float": ctypes.c_float, "double": ctypes.c_double}


class Apart:
    """A file without weights, and how it is called."""

    def __init__(self, model, folder, dtype="float", outputs=1):
        tn.export_c(model, folder / "model.c", dtype=dtype, weights_apart=True, overwrite=True)
        self.text = (folder / "model.c").read_text()
        self.c, self.real, self.outputs = library(self.text, folder), KINDS[dtype], outputs
        self.c.model_weights.restype = ctypes.c_void_p

    def predict(self, weights, x, name="model_predict"):
        y = (self.real * self.outputs)()
        given = (self.real * len(x))(*x)
        found = getattr(self.c, name)(weights, given, y)
        return list(y) if name == "model_predict" else found

    def taken(self, block, shift=0):
        """The weights of a block where they stand, which is so many bytes from where numbers stand well."""
        self.kept = (ctypes.c_double * (len(block) // 8 + 2))()  # which is aligned as a double is
        place = ctypes.addressof(self.kept) + shift
        ctypes.memmove(place, block, len(block))
        found = self.c.model_weights(ctypes.c_void_p(place))
        return found and ctypes.c_void_p(found)


ALL = [(which, dtype) for which in MODELS if which not in ("by hand", "one neuron") for dtype in KINDS]
QUICK = [("xor", "float"), ("classes", "double")]


@pytest.mark.parametrize(
    ("which", "dtype"), [pytest.param(*p, marks=[pytest.mark.slow] * (p not in QUICK)) for p in ALL]
)
def test_a_block_is_replaced_and_the_program_stays(which, dtype, tmp_path):
    make = MODELS[which][0]
    model, other = make(), make()
    for parameter in other.parameters():
        parameter.data += random.Random(2).uniform(-0.5, 0.5)
    n = len(getattr(model, "layers", [model])[0].neurons[0].weights)
    outputs = len(getattr(model, "layers", [model])[-1].neurons)
    apart, x = Apart(model, tmp_path, dtype, outputs), [0.25 * k - 0.5 for k in range(n)]
    assert f"{model.parameters()[0].data:.4g}" not in apart.text.partition("_SELF_TEST\n")[0]
    for each in (model, other):
        block, wanted = tn.c_state(each, dtype=dtype), each.predict(x)
        within = 1e-5 if dtype == "float" else 1e-13
        wanted = pytest.approx(wanted if isinstance(wanted, list) else [wanted], rel=within, abs=0.1 * within)
        assert apart.predict(apart.taken(block), x) == wanted
        copied = (apart.real * len(model.parameters()))()
        assert apart.c.model_load(copied, block) == 1
        assert apart.predict(copied, x) == wanted
    tn.load_c_state(model, block)
    assert [p.data for p in model.parameters()] == list(copied)
    assert printed(built(apart.text, tmp_path, "-DMODEL_SELF_TEST")) == ("ok", 0)


def test_what_is_no_block_of_the_model_is_not_read(tmp_path):
    model = network((2, 4, 3), "tanh", "softmax")
    apart, block = Apart(model, tmp_path, outputs=3), tn.c_state(model)
    kept = (ctypes.c_float * len(model.parameters()))()
    others = [network((2, 4, 3), "tanh"), network((2, 3, 3, 1), "tanh"), network((3, 2, 4), "tanh")]
    bad = [tn.c_state(other) for other in others] + [tn.c_state(model, dtype="double")]
    bad += [block[:k] + bytes([block[k] ^ 1]) + block[k + 1 :] for k in (0, 4, 8, 16, 20, 23, 24, 60, len(block) - 1)]
    for each in bad:
        padded = each + bytes(len(block))
        assert apart.taken(padded) is None
        assert apart.c.model_load(kept, padded) == 0
    assert list(kept) == [0.0] * len(kept)
    assert apart.taken(block) is not None
    assert apart.taken(block, shift=1) is None  # where no float stands
    for compiler in found:
        built(apart.text, tmp_path, "-c", compiler=compiler)


def test_where_weights_cannot_be_apart(tmp_path):
    model, outside = network((2, 1)), tn.Value(2.0)
    optimizer = tn.SGD(model.parameters(), 0.1)
    with pytest.raises(ValueError, match="one that learns has its weights in its state"):
        tn.export_c(model, tmp_path / "no.c", loss="hinge", train=optimizer, weights_apart=True)
    for function in (lambda x: model(x) * 2.0, lambda x: outside * x[0]):
        with pytest.raises(ValueError, match=r"puts all of model.parameters\(\) into a block"):
            tn.export_c(function, tmp_path / "no.c", inputs=2, weights_apart=True)
    with pytest.raises(TypeError, match=r"has no parameters\(\) in an order"):
        tn.c_state(lambda x: model(x))
    model.parameters()[0].data = 1e300
    with pytest.raises(ValueError, match="larger than any float"):
        tn.c_state(model)
    assert not (tmp_path / "no.c").exists()
    with pytest.raises(tn.StorageError, match="of another"):
        tn.load_c_state(network((2, 1)), tn.c_state(network((2, 1))), optimizer)


def test_a_pipeline_takes_the_weights_of_another_fit(tmp_path):
    np = pytest.importorskip("numpy")
    pytest.importorskip("sklearn")
    from sklearn.datasets import load_wine
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    from tinygrad_nn.sklearn import MLPClassifier

    X, y = load_wine(return_X_y=True)
    fits = []
    for rows in (slice(0, None, 2), slice(1, None, 2), slice(0, 130)):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            pipeline = make_pipeline(StandardScaler(), MLPClassifier((6,), max_iter=60, random_state=1))
            fits.append(pipeline.fit(0.01 * X[rows], y[rows]))
    first, second, of_two = fits
    apart = Apart(first, tmp_path, outputs=3)
    for fit in (first, second):
        weights = apart.taken(tn.c_state(fit))
        given = np.array([apart.predict(weights, row) for row in 0.01 * X])
        assert abs(given - fit.predict_proba(0.01 * X)).max() < 1e-6
        classes = [apart.predict(weights, row, "model_class") for row in 0.01 * X]
        assert classes == fit.predict(0.01 * X).tolist()
    assert len(of_two.classes_) == 2
    assert apart.taken(tn.c_state(of_two) + bytes(200)) is None  # of other labels
