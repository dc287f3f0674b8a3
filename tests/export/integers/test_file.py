"""A file in 8 bits as a whole: what its comment says, what its test tells, and check_c."""

import re

import pytest
from c_files import built, needs_cc, printed
from integer_files import MODELS, drawn
from shared import matched

import tinygrad_nn as tn
from tinygrad_nn.export.estimators import estimated
from tinygrad_nn.export.integers.file import IntegerFile

pytestmark = needs_cc


def text_of(folder, model, rows, **options):
    tn.export_c(model, folder / "model.c", dtype="int8", rows=rows, overwrite=True, **options)
    return (folder / "model.c").read_text(encoding="ascii")


def test_the_comment_says_how_exact_and_how_large_it_is(tmp_path):
    model, rows = drawn((3, 5, 4, 2), "tanh")
    text = text_of(tmp_path, model, rows)
    difference = float(matched(r"outputs differ by (\S+) at most", text)[1])
    assert difference == pytest.approx(tn.check_c(model, rows, dtype="int8"), rel=0.06)
    judged, of_all = map(int, matched(r"(\d+) of (\d+) rows have another class", text).groups())
    file = IntegerFile(model, "model", rows)
    classes = [file.network.class_of(file.network.quantized(row)) for row in rows]
    assert of_all == 40
    assert judged == sum(a != b for a, b in zip(classes, model.predict_classes(rows), strict=True))
    widths = {"int8_t": 1, "uint8_t": 1, "int16_t": 2, "uint16_t": 2, "int32_t": 4}
    tables = re.findall(r"^MODEL_TABLE\((\w+)\) \w+\[(\d+)\]", text.split("#ifdef MODEL_FLOATS\n")[-2], re.MULTILINE)
    size = sum(widths[kind] * int(count) for kind, count in tables)
    assert f"flash: {size} bytes of constants; RAM: 13 of stack; 43 products" in text
    assert re.search(r"x\[0\]: x1, from -?\d+\.\d+ to \d+\.\d+\n", text)


def test_the_comment_names_inputs_and_outputs(tmp_path):
    rows = [[0.5, 1.0], [2.5, 30.0]]
    model = tn.MLP(2, [1], input_names=["cold */", "warm"], output_names=["fan"])
    text = text_of(tmp_path, model, rows)
    assert "y is 1, fan, in steps" in text
    assert "x[0]: cold * /, from 0.375 to 2.625" in text
    assert "model_class" not in text
    assert "x[k] is input k + 128: whole" in text_of(tmp_path, model, [[-1.0, 3.0]])
    assert "x[k] is input k: whole" in text_of(tmp_path, model, [[1.0, 3.0]])
    wide, rows = drawn((50, 1))
    assert "x[39]: x40" in (text := text_of(tmp_path, wide, rows))
    assert "x[40]" not in text
    assert "and so on: model_lows and model_rates" in text


def test_a_self_test_tells_what_differs(tmp_path):
    text = text_of(tmp_path, *MODELS["one probability"]())
    wrong = re.sub(r"(expected\[4\] = \{\n +)", r"\g<1>1 + ", text)
    told, status = printed(built(wrong, tmp_path, "-DMODEL_SELF_TEST"))
    assert status == 1
    assert re.search(r"the prediction of row 0 is \d+, but in Python \d+\n", told)
    wrong = re.sub(r"(classes\[4\] = \{\n +)", r"\g<1>1 - ", text)
    assert re.search(
        r"the class of row 0 is \d, but in Python \d\n", printed(built(wrong, tmp_path, "-DMODEL_SELF_TEST"))[0]
    )


def test_check_c_compares_whole_numbers_and_tells_how_far_they_are_from_floats(monkeypatch):
    model, rows = drawn((3, 5, 2), "relu")
    found = tn.check_c(model, rows, dtype="int8", flags=["-O0"])
    assert 0.0 < found < 0.05 * max(abs(y) for row in model.predict(rows) for y in row)
    assert tn.check_c(model, [rows[0]], dtype="int8", scale_rows=rows) <= found
    with pytest.raises(ValueError, match="takes its scales from rows"):
        tn.check_c(model, dtype="int8")
    with pytest.raises(ValueError, match="row 1 has 1"):
        tn.check_c(model, [rows[0], [1.0]], dtype="int8", scale_rows=rows)
    plain = IntegerFile.texts
    monkeypatch.setattr(
        IntegerFile, "texts", lambda self, *a, **b: (plain(self, *a, **b)[0].replace("] * x[i]", "] + x[i]"),)
    )
    with pytest.raises(RuntimeError, match=r"\d+ of 120 whole numbers of C are not those of Python"):
        tn.check_c(model, rows, dtype="int8")


LABELS = {"two": ["no", "yes"], "three": ["setosa", "versicolor", "virginica"], "numbers": [3, 7, 11]}


@pytest.mark.parametrize("which", LABELS)
def test_estimators_and_pipelines_are_written_whole(which, tmp_path):
    np, pipeline = pytest.importorskip("numpy"), pytest.importorskip("sklearn.pipeline")
    from sklearn.datasets import load_iris
    from sklearn.preprocessing import StandardScaler

    from tinygrad_nn.sklearn import MLPClassifier

    X, y = load_iris(return_X_y=True)
    labels = np.array(LABELS[which])
    X, y = X[y < len(labels)], labels[y[y < len(labels)]]
    learner = MLPClassifier((6,), activation="tanh", solver="lbfgs", alpha=0.1, max_iter=1000, random_state=1)
    learned = pipeline.make_pipeline(StandardScaler(), learner).fit(X, y)
    text = text_of(tmp_path, learned, X, name="iris")
    assert "MLPClassifier after StandardScaler" in text
    assert f"iris_label(index)    the label of an index: {', '.join(map(str, labels))}" in text
    file = IntegerFile(estimated(learned, "int8"), "iris", X)
    rows = [file.network.quantized(row) for row in X.tolist()]
    found = labels[[file.network.class_of(row) for row in rows]]
    assert (found != learned.predict(X)).sum() <= 1
    unit = 2.0**-file.network.bits
    probabilities = np.array([file.network.outputs(row) for row in rows]) * unit
    wanted = learned.predict_proba(X)[:, 1 if len(labels) == 2 else slice(None)].reshape(len(X), -1)
    assert np.abs(probabilities - wanted).max() < 0.1
    assert np.abs(probabilities - wanted).mean() < 0.01
    assert tn.check_c(learned, X, dtype="int8") == pytest.approx(np.abs(probabilities - wanted).max(), abs=1e-9)
    shown = '"%d"' if which == "numbers" else '"%s"'
    main = f"\nint main(void) {{ uint8_t x[4] = {{{', '.join(map(str, rows[0]))}}};"
    main += f" printf({shown}, iris_label(iris_class(x))); return 0; }}\n"
    assert printed(built(f"#include <stdio.h>\n{text}{main}", tmp_path)) == (str(found[0]), 0)


def test_several_labels_of_a_row_have_an_answer_each_and_numbers_have_none(tmp_path):
    np = pytest.importorskip("numpy")
    pytest.importorskip("sklearn")
    from tinygrad_nn.sklearn import MLPClassifier, MLPRegressor

    X = np.random.default_rng(1).normal(size=(60, 3))
    learner = MLPClassifier((4,), solver="lbfgs", alpha=0.1, max_iter=1000, random_state=1)
    learned = learner.fit(X, (X[:, :2] > 0.0).astype(int))
    text = text_of(tmp_path, learned, X)
    assert "model_class(" not in text
    assert "void model_classes(const uint8_t x[3], int found[2]);" in text
    assert "y is 2, the probability of each label, in steps" in " ".join(text.split())
    assert printed(built(text, tmp_path, "-DMODEL_SELF_TEST")) == ("ok", 0)
    assert tn.check_c(learned, X, dtype="int8") < 0.1
    network = IntegerFile(estimated(learned, "int8"), "model", X).network
    found = [network.judged(network.scores(network.quantized(row))) for row in X.tolist()]
    assert (np.array(found) != learned.predict(X)).sum() <= 2
    for targets in (X[:, 0], X[:, :2]):
        numbers = MLPRegressor(hidden_layer_sizes=(4,), solver="lbfgs", alpha=0.1, max_iter=1000, random_state=1)
        text = text_of(tmp_path, numbers.fit(X, targets), X)
        assert tn.check_c(numbers, X, dtype="int8") < 0.1
        assert not re.search("model_class|model_label|another class", text)
