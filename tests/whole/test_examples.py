"""The examples: each runs, says where its pictures are, learns what it promises, and is in the README."""

import importlib
import json
import random
import re
import shutil
import sys
import xml.etree.ElementTree as ElementTree
from importlib.util import find_spec

import pytest
from shared import ROOT, matched

import tinygrad_nn as tn


@pytest.mark.parametrize(
    "name", ["expression", "forward_pass", "xor", "wiring", "gallery", "compile", "add_a_primitive"]
)
def test_examples_run_and_say_where_their_pictures_are(name, example, tmp_path, monkeypatch, capsys):
    module = example(name)
    if hasattr(module, "PICTURES"):
        monkeypatch.setattr(module, "PICTURES", tmp_path / "pictures")
    module.main()
    printed = capsys.readouterr().out
    if hasattr(module, "PICTURES"):
        assert str(tmp_path) in printed
        assert list((tmp_path / "pictures").iterdir())


def test_to_c_learns_in_c(example, tmp_path, monkeypatch, capsys):
    to_c = example("to_c")
    monkeypatch.setattr(to_c, "PICTURES", tmp_path)
    monkeypatch.setattr(to_c.shutil, "which", lambda name: None)
    to_c.main()
    assert "There is no C compiler here" in capsys.readouterr().out
    monkeypatch.undo()
    if not any(map(shutil.which, ("cc", "gcc", "clang"))):
        pytest.skip("no C compiler here")
    monkeypatch.setattr(to_c, "PICTURES", tmp_path)
    to_c.main()
    printed = capsys.readouterr().out
    assert "Its self test says: ok" in printed
    before, after = map(int, matched(r"before it learned (\d+) %, after it (\d+) %", printed).groups())
    assert before < 85
    assert after >= 97


def test_the_forward_pass_gives_its_numbers(example, capsys):
    example("forward_pass").main()
    assert "0.96309883  0.99991721" in capsys.readouterr().out


def test_the_half_adder_asks_and_answers(example, tmp_path, monkeypatch, capsys):
    half_adder = example("half_adder")
    monkeypatch.setattr(half_adder, "PICTURES", tmp_path)
    answers = iter(["1 1", "0,1", "2 1", "1", "one two", " 0   0 "])

    def console(prompt):
        try:
            return next(answers)
        except StopIteration:
            raise EOFError from None

    monkeypatch.setattr("builtins.input", console)
    half_adder.main(["--until", "0.9", "--ask", "--seed", "4"])
    printed = capsys.readouterr().out
    assert "velocity" in printed
    assert printed.count(" = carry ") == 3
    assert printed.count("is not two bits") == 3
    assert str(tmp_path) in printed


def test_the_half_adder_refuses_an_error_of_zero(example):
    with pytest.raises(SystemExit):
        example("half_adder").main(["--until", "0"])


@pytest.mark.parametrize("seed", range(3))
def test_digits_reads_images_that_were_held_out(seed, example):
    import random

    pytest.importorskip("sklearn", reason="scikit-learn, whose digits these are, is not installed")
    pytest.importorskip("llvmlite", reason="llvmlite is not installed, and without it this takes a while")
    digits = example("digits")
    rng = random.Random(seed)
    (X, Y), (held_out, shown) = digits.load(rng)
    model, history = digits.train(X, Y, (held_out, shown), rng, progress=False)
    assert len(held_out) == 450
    assert len(digits.misread(model, held_out, shown)) <= 0.05 * 450
    assert history.metrics["validation accuracy"][-1] >= 0.95


def test_digits_draws_what_it_misread(example, tmp_path, monkeypatch, capsys):
    pytest.importorskip("sklearn", reason="scikit-learn, whose digits these are, is not installed")
    digits = example("digits")
    monkeypatch.setattr(digits, "PICTURES", tmp_path)
    monkeypatch.setattr(digits, "EPOCHS", 1)
    digits.main()
    assert str(tmp_path / "digits.svg") in capsys.readouterr().out
    drawn = ElementTree.fromstring((tmp_path / "digits.svg").read_text(encoding="utf-8"))
    captions = ["".join(text.itertext()) for text in drawn.iter("{http://www.w3.org/2000/svg}text")][1:]
    assert len(captions) == digits.MOST
    assert all(re.fullmatch(r"is \d, read as \d \(\d+ %\)", caption) for caption in captions)


def test_curve_fitting_finds_what_nist_certifies_and_reaches_all_points(example, capsys):
    pytest.importorskip("scipy", reason="SciPy, whose methods these are, is not installed")
    curve_fitting = example("curve_fitting")
    (b1, error1), (b2, error2) = curve_fitting.fit_curve()
    assert (b1, b2) == pytest.approx((238.94212918, 5.5015643181e-04), rel=1e-7)
    assert (error1, error2) == pytest.approx((2.7070075241, 7.2668688436e-06), rel=1e-6)
    assert max(curve_fitting.reach()) < 1e-3
    assert "b1 = 238.942" in capsys.readouterr().out


def test_curve_fitting_says_what_to_install(example, monkeypatch, capsys):
    curve_fitting = example("curve_fitting")
    monkeypatch.setattr(curve_fitting, "find_spec", lambda name: None)
    curve_fitting.main()
    assert "pip install 'tinygrad_nn[sklearn]'" in capsys.readouterr().out


def test_digits_says_what_to_install(example, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    example("digits").main()
    printed = capsys.readouterr().out
    assert 'pip install ".[sklearn]"' in printed
    assert "\n" not in printed.strip()


def test_the_language_model_learns_alike_recorded_and_compiled(example):
    pytest.importorskip("llvmlite", reason="llvmlite is not installed, and without it this takes a while")
    names = example("element_names")
    assert len(names.NAMES) == 118
    assert len((ROOT / "examples" / "element_names.py").read_text(encoding="utf-8").splitlines()) <= 150  # a page
    (twin, its_optimizer), (model, optimizer) = names.begin(8), names.begin(8)
    assert len(model.parameters()) == 4192
    step = tn.compile_step(model, names.surprise, optimizer)
    for name in ("tin", "rutherfordium", "boron"):
        x, target = names.row(name)
        assert step([x], [target]) == pytest.approx(names.recorded_step(twin, its_optimizer, x, target), rel=1e-9)
    alone = names.surprise(model(x[:6]), [part[:6] for part in target])
    assert alone.data == pytest.approx(names.surprise(model(x), target).data, rel=1e-12)  # what pads counts nothing
    assert all(letter in names.LETTERS for letter in names.made_up(model, random.Random(1)))


def test_the_rates_of_lynx_and_hare_are_those_published(example, capsys):
    pelts = example("lynx_and_hare")
    (_, _, *rates), loss = pelts.fit(tn.compile(pelts.misfit))
    assert loss < 0.0481
    assert rates == pytest.approx(list(pelts.PUBLISHED.values()), rel=0.03)
    assert capsys.readouterr().out.startswith("step   0: misfit 0.474390")


def test_the_readme_lists_every_example():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    examples = [*(ROOT / "examples").glob("*.py"), *(ROOT / "examples").glob("*.ipynb")]
    assert [path.name for path in examples if f"](examples/{path.name})" not in readme] == []


def test_the_pictures_of_the_readme_are_there():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    shown = re.findall(r"!\[[^]]+\]\((examples/\w+\.svg)\)", readme)
    assert len(shown) >= 4
    for path in shown:
        text = (ROOT / path).read_text(encoding="utf-8")
        assert ElementTree.fromstring(text).tag.endswith("svg")
        assert "/work" not in text
        assert "tmp" not in text


def test_moons_writes_how_it_learned(example, tmp_path, monkeypatch, capsys):
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    moons = example("moons")
    monkeypatch.setattr(moons, "PICTURES", tmp_path)
    monkeypatch.setattr(moons, "EPOCHS", 3)
    moons.main()
    assert "open it in a browser" in capsys.readouterr().out
    assert (tmp_path / "moons.html").stat().st_size > 50_000
    assert ElementTree.fromstring((tmp_path / "moons.svg").read_text(encoding="utf-8")).tag.endswith("svg")


def test_moons_says_what_its_pictures_want(example, monkeypatch, capsys):
    moons = example("moons")
    monkeypatch.setattr(moons, "Figure", None)
    monkeypatch.setattr(moons, "EPOCHS", 2)
    moons.main()
    assert 'pip install ".[plot]"' in capsys.readouterr().out


@pytest.mark.parametrize("seed", range(3))
def test_moons_learns(seed, example):
    import random

    moons, rng = example("moons"), random.Random(seed)
    _, history = moons.train(*moons.make_data(rng), rng, progress=False)
    assert history.losses[-1] < 0.1
    assert history.metrics["accuracy"][-1] >= 0.97


def test_examples_name_no_path_of_this_machine():
    for path in [*(ROOT / "examples").glob("*.py"), ROOT / "README.md", ROOT / "pyproject.toml"]:
        assert str(ROOT) not in path.read_text(encoding="utf-8")
    assert json.loads((ROOT / "tests" / "oracles" / "micrograd_demo.json").read_text(encoding="utf-8"))["losses"]


def test_the_half_adder_learns(example):
    reach_error(example("half_adder"), seed=1, until=0.1)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20))
def test_the_half_adder_learns_from_twenty_seeds(example, seed):
    reach_error(example("half_adder"), seed, until=0.05)


@pytest.mark.slow
def test_the_half_adder_learns_to_a_hundredth(example):
    history = reach_error(example("half_adder"), seed=1, until=0.01)
    assert 1_000_000 < history.epochs[-1] < 1_200_000


def reach_error(half_adder, seed, until):
    model = half_adder.make_model(seed)
    optimizer = tn.SGD(model.parameters(), lr=0.09, momentum=0.015)
    history = half_adder.train(model, optimizer, until)
    assert history.stopped == "until"
    X, Y = tn.data.half_adder()
    assert model.predict_classes(X, threshold=0.5) == [[int(t) for t in target] for target in Y]
    error = sum(half_adder.root_mean_square(model.predict(x), y) for x, y in zip(X, Y, strict=True))
    assert error < until  # after the last updates of the epoch, too
    return history


@pytest.mark.slow
def test_exclusive_or_learns_from_fifty_seeds(example):
    xor = example("xor")
    learned = 0
    for seed in range(50):
        rng = random.Random(seed)
        learned += xor.train(xor.make_model(rng), rng, report=lambda line: None) is not None
    assert learned >= 48


def test_what_examples_import_is_there():
    """In pages and notebooks, too, whose code no type checker reads."""
    named = set()
    for path in (ROOT / "examples").iterdir():
        if path.suffix in (".py", ".html", ".ipynb"):
            named.update(re.findall(r"from (tinygrad_nn[.\w]*) import (\w+)", path.read_text(encoding="utf-8")))
    assert ("tinygrad_nn.autograd.value", "Result") in named
    for module, name in named:
        if module != "tinygrad_nn.drawing.film" or find_spec("graphviz"):
            assert hasattr(importlib.import_module(module), name), (module, name)
