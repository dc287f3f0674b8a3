"""The pages in a real browser, from a file, with the network off: Chromium of the system, driven by Playwright.

Skipped where Chromium or Playwright is not installed; the checks of accessibility where axe-core is not.
"""

import importlib.util
import shutil
from typing import Any

import pytest
from shared import half_adder_loss

import tinygrad_nn as tn
from tinygrad_nn import Value
from tinygrad_nn.drawing.film import Film
from tinygrad_nn.drawing.nodes import nodes

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="the system has no Chromium"),
    pytest.mark.skipif(importlib.util.find_spec("playwright") is None, reason="playwright is not installed"),
    # Playwright's own event loop leaves a socket to the collector.
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        yield browser
        browser.close()


@pytest.fixture
def opened(browser, tmp_path):
    """A function that opens a page from a file with the network off; no error and no request may come of it."""
    pages, troubles = list[Any](), list[str]()

    def open_page(maker, width=1280, height=720, motion="reduce"):
        path = maker.save(tmp_path / f"page{len(pages)}.html")
        context = browser.new_context(viewport={"width": width, "height": height}, offline=True, reduced_motion=motion)
        page = context.new_page()
        page.on("console", lambda message: troubles.append(message.text))
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on("request", lambda r: troubles.append(r.url) if not r.url.startswith(("file:", "data:")) else None)
        page.goto(f"file://{path}")
        pages.append(context)
        return page

    yield open_page
    for context in pages:
        context.close()
    assert troubles == []


def small():
    a, b = Value(2.0, label="a"), Value(-3.0, label="b")
    y = a * b + a
    y.label = "y"
    return y


def step(page):
    return page.locator("#count").inner_text()


def shown(page, i, what="grad"):
    return page.locator(f"#node{i} .{what}").text_content()


def test_buttons_and_keys_step(opened):
    page = opened(tn.steps(small()))
    assert step(page) == "step 0 / 5"
    assert page.locator("#previous").is_enabled()
    page.click("#next")
    assert step(page) == "step 1 / 5"
    assert page.locator("#text").inner_text() == "a·b = a × b = 2 × (−3) = −6"
    page.click("#last")
    assert step(page) == "step 5 / 5"
    page.click("#next")
    assert step(page) == "step 5 / 5"
    page.click("#previous")
    page.click("#first")
    assert step(page) == "step 0 / 5"
    page.locator("body").press("ArrowRight")
    page.locator("body").press("ArrowRight")
    page.locator("body").press("ArrowLeft")
    assert step(page) == "step 1 / 5"
    page.locator("body").press("End")
    assert step(page) == "step 5 / 5"
    page.locator("body").press("Home")
    assert step(page) == "step 0 / 5"
    page.locator("#scrub").fill("4")
    assert step(page) == "step 4 / 5"


def test_play_and_pause(opened):
    page = opened(tn.steps(small()))
    page.clock.install()
    page.locator("body").press("Space")
    assert page.locator("#play").inner_text() == "pause"
    page.clock.run_for(2500)
    assert step(page) == "step 2 / 5"
    page.click("#play")
    page.clock.run_for(5000)
    assert step(page) == "step 2 / 5"
    page.click("#play")
    page.clock.run_for(20_000)
    assert step(page) == "step 5 / 5"
    assert page.locator("#play").inner_text() == "play"
    page.click("#play")
    assert step(page) == "step 0 / 5"


@pytest.mark.parametrize("make", [small, half_adder_loss])
@pytest.mark.parametrize("expand", [False, True])
def test_at_the_last_step_every_gradient_is_the_engines(opened, make, expand):
    root = make()
    page = opened(tn.steps(root, expand=expand, digits=17))
    root.backward()
    page.click("#last")
    for i, node in enumerate(nodes(root, expand)):
        assert float(shown(page, i).replace("−", "-")) == node.value.grad
        assert float(shown(page, i, "data").replace("−", "-")) == node.value.data


def test_what_is_not_known_yet_is_not_shown(opened):
    page = opened(tn.steps(small()))
    assert [shown(page, i, "data") for i in range(4)] == ["2", "−3", "", ""]
    assert [shown(page, i) for i in range(4)] == ["–"] * 4
    page.click("#next")
    assert [shown(page, i, "data") for i in range(4)] == ["2", "−3", "−6", ""]
    page.locator("#scrub").fill("4")
    assert [shown(page, i) for i in range(4)] == ["1", "–", "1", "1"]
    page.click("#last")
    assert [shown(page, i) for i in range(4)] == ["−2", "2", "1", "1"]
    page.click("#first")
    assert [shown(page, i) for i in range(4)] == ["–"] * 4


def test_hover_tells_and_a_click_jumps_to_the_step_that_completes_a_gradient(opened):
    page = opened(tn.steps(small()))
    page.hover("#node2")
    assert page.locator("#about").inner_text().split("\n") == ["a·b", "a × b"]
    page.click("#node2")
    assert step(page) == "step 4 / 5"
    assert "gradient of y with respect to a·b: 1" in page.locator("#about").inner_text()
    page.hover("#node0")
    assert page.locator("#about").inner_text().split("\n")[2:] == [
        "gradient of y with respect to a: 1 so far", "as computed: 1.0",
    ]  # fmt: skip
    page.keyboard.press("Home")  # what is told keeps up with the step
    assert page.locator("#about").inner_text().split("\n")[1:] == ["a given number = 2"]
    page.click("#node0")
    assert step(page) == "step 5 / 5"
    page.hover("h1")
    assert page.locator("#about").is_hidden()


def test_predict_before_reveal(opened):
    page = opened(tn.steps(small()))
    page.click("#predict")
    page.click("#next")
    assert page.locator("#question").inner_text() == "What is a·b?"
    assert shown(page, 2, "data") == "?"
    assert "−6" not in page.locator("aside").inner_text()
    page.fill("#number", "five")
    page.click("text=check")
    assert page.locator("#answer").inner_text() == "Type a number, such as -0.5."
    page.fill("#number", "5")
    page.click("text=check")
    assert "try again" in page.locator("#answer").inner_text()
    page.fill("#number", "−6.0")
    page.locator("#number").press("Enter")
    assert shown(page, 2, "data") == "−6"
    assert page.locator("#text").inner_text().startswith("Right. a·b = a × b")
    assert page.locator("#guess").is_hidden()
    page.locator("#scrub").fill("5")
    assert page.locator("#question").inner_text() == "What does a·b pass on to a?"
    assert [shown(page, i) for i in range(2)] == ["1", "–"]
    told = page.locator("#passes").inner_text()
    assert "a.grad += (a·b).grad * b" in told  # the rule helps
    assert told.count("?") == 6
    assert "−3" not in told
    page.click("#next")  # first reveals
    assert step(page) == "step 5 / 5"
    assert [shown(page, i) for i in range(2)] == ["−2", "2"]
    page.locator("#scrub").fill("4")
    page.click("#reveal")
    assert shown(page, 2) == "1"
    page.click("#predict")
    page.click("#first")
    page.click("#next")
    assert page.locator("#guess").is_hidden()


@pytest.mark.parametrize(
    ("make", "guess"),
    [
        (lambda: 1.0 / Value(0.0), "inf"),
        (lambda: -1.0 / Value(0.0), "-Infinity"),
        (lambda: Value(0.0) / 0.0, "nan"),
        (lambda: Value(1.0) / 3.0, "0,3333"),
        (lambda: Value(1.0) / 8.0, "0.12"),
        (lambda: Value(0.1 + 0.2) - 0.3, "0"),
    ],
)
def test_right_answers_are_taken(opened, make, guess):
    page = opened(tn.steps(make(), digits=2 if guess == "0.12" else 4))
    page.click("#predict")
    page.click("#next")
    page.fill("#number", guess)
    page.click("text=check")
    assert page.locator("#text").inner_text().startswith("Right.")


def test_predicting_by_keyboard_and_playing(opened):
    page = opened(tn.steps(small()))
    page.clock.install()
    page.locator("body").press("p")
    page.locator("body").press("ArrowRight")
    assert page.evaluate("document.activeElement.id") == "number"
    page.keyboard.type("-6")
    page.keyboard.press("Enter")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.id") == "number"
    assert step(page) == "step 2 / 5"
    page.keyboard.press("ArrowLeft")  # an empty field leaves the arrows to the steps
    assert step(page) == "step 1 / 5"
    page.click("#play")
    page.clock.run_for(20_000)
    assert step(page) == "step 2 / 5"  # playing waits for the answer
    assert page.locator("#guess").is_visible()


def test_flying_asks_for_no_impossible_view(opened):
    root = tn.dot([Value(0.1 * i, label=f"w{i}") for i in range(40)], [Value(1.0, label=f"x{i}") for i in range(40)])
    page = opened(tn.steps(root), motion="no-preference")
    for key in ("End", "Home", "ArrowRight", "End", "ArrowLeft"):
        page.keyboard.press(key)
        page.wait_for_timeout(120)
    before = float(page.locator("#view svg").get_attribute("viewBox").split()[2])
    for _ in range(6):
        page.click("#farther")
    page.wait_for_timeout(400)
    assert float(page.locator("#view svg").get_attribute("viewBox").split()[2]) > 3 * before


def test_the_camera_follows(opened):
    page = opened(tn.steps(half_adder_loss(), expand=True), width=900, height=500)
    assert page.locator("#follow").get_attribute("aria-pressed") == "true"
    frame = page.locator("#view").bounding_box()
    for _ in range(57):
        page.click("#next")
        active = page.locator('#view .frame[stroke-width="3"]').bounding_box()
        assert active["x"] >= frame["x"] - 1
        assert active["x"] + active["width"] <= frame["x"] + frame["width"] + 1
        assert active["y"] >= frame["y"] - 1
        assert active["y"] + active["height"] <= frame["y"] + frame["height"] + 1
    whole = page.locator("#view svg").get_attribute("viewBox")
    page.click("#fit")
    wide = page.locator("#view svg").get_attribute("viewBox")
    assert float(wide.split()[2]) > float(whole.split()[2])
    assert page.locator("#follow").get_attribute("aria-pressed") == "false"
    page.click("#closer")
    assert float(page.locator("#view svg").get_attribute("viewBox").split()[2]) < float(wide.split()[2])
    page.mouse.move(300, 300)
    page.mouse.down()
    page.mouse.move(340, 330)
    page.mouse.up()
    assert page.locator("#view svg").get_attribute("viewBox") != wide


@pytest.mark.parametrize(("width", "height"), [(1280, 720), (760, 700), (375, 700)])
def test_nothing_is_cut_off_at_any_width(opened, width, height):
    for maker in (tn.steps(half_adder_loss(), expand=True), tn.steps(small()), film()):
        page = opened(maker, width, height)
        page.click("#last")
        size = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.scrollHeight]")
        assert size[0] <= width
        assert size[1] <= height
        for button in page.locator("button:visible").all():
            box = button.bounding_box()
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= width
            assert box["height"] >= 30
        page.click("#previous")


def film():
    film = Film("two circles")
    for radius in (10, 20, 30):
        circle = f'<circle cx="50" cy="50" r="{radius}"/>'
        svg = f'<svg xmlns="http://www.w3.org/2000/svg" width="100" height="100">{circle}</svg>'
        film.add(f"radius {radius}", svg, svg)
    return film


def test_a_film_plays(opened):
    page = opened(film())
    assert page.locator("#text").inner_text() == "radius 10"
    page.locator("body").press("ArrowRight")
    assert page.locator("#text").inner_text() == "radius 20"
    assert page.locator("#pictures img").count() == 2
    assert page.evaluate("[...document.images].every((image) => image.complete && image.naturalWidth > 0)")
    page.click("#last")
    assert page.locator("#count").inner_text() == "frame 2 / 2"


def test_with_a_keyboard_alone(opened):
    page = opened(tn.steps(small()))
    seen = []
    for _ in range(16):
        page.keyboard.press("Tab")
        seen.append(page.evaluate("document.activeElement.id"))
    wanted = ["first", "previous", "play", "next", "last", "scrub", "node0", "node1", "node2", "node3"]
    wanted += ["closer", "farther", "fit", "follow", "panel", "predict"]
    assert seen == wanted
    page.locator("#node2").focus()
    assert page.locator("#about").inner_text().startswith("a·b")
    page.keyboard.press("Space")
    assert step(page) == "step 4 / 5"
    page.locator("#next").focus()
    page.keyboard.press("Space")
    assert step(page) == "step 5 / 5"
    page.keyboard.press("Home")
    page.keyboard.press("p")
    page.keyboard.press("ArrowRight")
    page.locator("#number").focus()
    page.keyboard.type("-6")
    page.keyboard.press("Enter")
    assert shown(page, 2, "data") == "−6"


def test_in_the_frame_of_a_notebook(browser, tmp_path):
    """The page works inside the sandbox of its frame."""
    path = tmp_path / "notebook.html"
    path.write_text(f"<!doctype html><meta charset=utf-8>{tn.steps(small())._repr_html_()}", encoding="utf-8")
    page = browser.new_page()
    page.goto(f"file://{path}")
    frame = page.frame_locator("iframe")
    frame.locator("#next").click()
    assert frame.locator("#count").inner_text() == "step 1 / 5"
    page.close()


HOSTILE = [
    "</script><script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "<svg onload=alert(1)>",
    "&lt;b&gt;",
    "מימין",
]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_text_from_strangers_stays_text(opened, text):
    a = Value(1.0, label=text)
    page = opened(tn.steps(a * a, title=text))
    page.on("dialog", lambda dialog: pytest.fail(dialog.message))
    assert page.title() == text
    page.click("#last")
    page.hover("#node0")
    assert text.lower() in page.locator("#about").inner_text().lower()
    assert page.locator("#passes h3").first.inner_text() == f"to {text}"
    assert page.locator("img, script[src], #view svg svg").count() == 0


@pytest.mark.skipif(importlib.util.find_spec("axe_playwright_python") is None, reason="axe-core is not installed")
@pytest.mark.parametrize("width", [1280, 375])
def test_axe_finds_nothing(opened, width):
    from axe_playwright_python.sync_playwright import Axe

    page = opened(tn.steps(half_adder_loss(), expand=True), width)
    for prepare in (
        lambda: None,
        lambda: page.click("#last"),
        lambda: (page.click("#predict"), page.click("#previous")),
    ):
        prepare()
        assert Axe().run(page).response["violations"] == []
    pictures = opened(film(), width)
    assert Axe().run(pictures).response["violations"] == []


def test_the_pages_of_the_examples_work(opened, example, tmp_path, monkeypatch):
    half_adder = example("half_adder")
    monkeypatch.setattr(half_adder, "PICTURES", tmp_path / "pictures")
    half_adder.draw(half_adder.make_model(1))

    class Saved:
        @staticmethod
        def save(path):
            return str(tmp_path / "pictures" / "half_adder.html")

    page = opened(Saved)
    page.click("#last")
    assert step(page) == "step 57 / 57"
