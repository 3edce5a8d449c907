"""The first page in a browser: what its visitors do, and the modules whose answers are easier to list."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.service.browser import MISSING, Browser, browsing
from tests.service.live import PATIENCE, Live, serving

pytestmark = pytest.mark.skipif(bool(MISSING), reason=MISSING)

ROWS = "Number(document.querySelector('.chart')?.dataset.rows ?? 0)"
COLOURED = """
const canvas = document.querySelector('.chart canvas');
const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
let found = 0;
for (let i = 0; i < data.length; i += 4) found += Number(data[i + 2] > data[i] + 80 && data[i + 3] > 200);
return found;
"""
"""How many pixels of the chart have the blue of the first start."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A server with a store of its own."""
    with serving(ADJOINT_DATA_DIR=str(tmp_path_factory.mktemp("data"))) as live:
        yield live


@pytest.fixture(scope="module")
def browser(server: Live, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A browser at the page."""
    with browsing(tmp_path_factory.mktemp("profile")) as found:
        found.size(1200, 900)
        found.go(f"http://127.0.0.1:{server.port}/")
        yield found


def test_what_a_visitor_does(server: Live, browser: Browser) -> None:
    # Two buttons, and something real is seen.
    browser.press("#text", "ctrl", "enter")
    browser.shows("#answer", "4.314829847437827")
    browser.shows("#answer", "2.876553231625218")
    browser.shows("#answer .timing", "total")
    browser.click("#differentiate details summary")
    browser.shows("#answer-command", """/grad -H 'content-type: application/json' -d '{"expr":"x^2*sin(y)","at":{""")
    browser.click("#optimise button[type=submit]")
    browser.shows("#job .state", "succeeded")
    browser.until(f"{ROWS} === 2001")
    browser.shows("#job", "0.000784458971370005")
    assert browser.run(COLOURED) > 300
    first = browser.run("return location.hash.slice(1)")
    assert server.get(f"/jobs/{first}")[0] == 200

    # A refusal has its caret; a warning has its place.
    browser.type("#text", "x^2*sinn(y)")
    browser.click("#differentiate button[type=submit]")
    browser.shows("#answer-refusal", "did you mean sin?")
    assert browser.run("return document.querySelector('#answer-refusal pre').textContent") == "x^2*sinn(y)\n    ^^^^"
    assert browser.count("#text[aria-invalid]") == 1
    browser.type("#text", "def f(x, y):\n    z = x - 3\n    return y*abs(z)")
    assert browser.text("#text-kind") == "program"
    browser.press("#text", "ctrl", "enter")
    browser.shows("#answer mark", "abs(z)")
    assert (browser.count("[aria-invalid]"), browser.text("#answer-refusal")) == (0, "")

    # A long job of several starts is watched, and stopped.
    browser.type("#options", "lr = 1e-7")
    browser.type("#steps", "900000")
    browser.click("#optimise details summary")
    for field, text in (("#count", "3"), ("#low", "-2"), ("#high", "2")):
        browser.type(field, text)
    browser.press("#steps", "ctrl", "enter")
    browser.until("location.hash.slice(1) !== arguments[0]", first)
    seen = browser.until(ROWS)
    browser.until(f"{ROWS} > arguments[0]", seen)
    browser.shows("#jobs tr[aria-current] .state", "running")
    browser.click("#job .headline button")
    browser.shows("#job .state", "cancelled")
    browser.shows("#job .result", "Where, from start")
    browser.shows("#jobs tr[aria-current] .state", "cancelled")

    # Its address opens it again, with all of its curve.
    second = browser.run("return location.hash.slice(1)")
    rows = server.get(f"/jobs/{second}")[1]["progress"]["rows"]
    browser.reload()
    browser.shows("#job .state", "cancelled")
    browser.until(f"{ROWS} === arguments[0]", rows)
    assert browser.count(".chart .u-series") == 4

    # On a phone nothing has to be moved sideways.
    body = {"expr": "x^2", "start": {"x": 1}, "method": "levenberg-marquardt", "stop": {"max_steps": 1000000}}
    assert server.post("/jobs", body)[0] == 202
    browser.shows("#jobs", "levenberg-marquardt")
    browser.run("document.querySelectorAll('details').forEach((details) => (details.open = true))")
    browser.type("#text", f"matmul({[[1e-200] * 9] * 2}, x)")
    browser.click("#differentiate button[type=submit]")
    browser.until("document.querySelector('#answer-refusal pre')")
    for scheme in ("light", "dark"):
        browser.size(360, 740, scheme)
        browser.until("document.querySelector('.chart .uplot').clientWidth < 360")
        assert browser.run("const page = document.documentElement; return page.scrollWidth - page.clientWidth") == 0
    browser.size(1200, 900)

    # What is forgotten is gone.
    browser.click("#jobs tr[aria-current] td:last-child button:not([hidden])")
    browser.accept()
    browser.shows("#job", "appear here")
    browser.until("document.querySelectorAll('#jobs tbody tr').length === 2")
    assert server.get(f"/jobs/{second}")[0] == 410

    # A job that fails says why.
    browser.run("location.hash = arguments[0]", failed(server))
    browser.shows("#job .state", "failed")
    browser.shows("#job .refusal", "out of range")

    told = [entry["message"] for entry in browser.console() if "status of 422" not in entry["message"]]
    assert told == []
    assert browser.requested() == {f"127.0.0.1:{server.port}"}


def failed(server: Live) -> str:
    """The id of a job that fails at its second point."""
    program = "v = zeros(2)\nreturn x^2 + v[int(6/x) - 2]"
    body: Any = {"program": program, "start": {"x": 3}, "method": {"name": "sgd", "lr": 0.3}}
    status, job = server.post("/jobs", body)
    assert status == 202
    return str(job["id"])


FAULTY = """{"input": {"shape": [2]}, "loss": "bce",
"layers": [{"type": "dense", "units": 0}, {"type": "dens", "units": 1}]}"""
DEEP: Any = {
    "input": {"shape": [2]},
    "layers": [{"type": "dense", "units": 8, "activation": "sigmoid"}] * 9 + [{"type": "dense", "units": 1}],
    "loss": "bce",
}
CHOOSE = """
const [id, value] = arguments;
document.getElementById(id).value = value;
document.getElementById(id).dispatchEvent(new Event("change", { bubbles: true }));
"""
PAINTED = """
const canvas = document.getElementById('picture');
const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
let [orange, blue] = [0, 0];
for (let i = 0; i < data.length; i += 4) {
  orange += Number(data[i] > data[i + 2] + 80);
  blue += Number(data[i + 2] > data[i] + 80);
}
return [orange / data.length, blue / data.length];
"""
"""Which parts of the picture are clearly of the one class and of the other, of a quarter in all."""
PANELS = "document.querySelectorAll('#training .panel:not([hidden]) canvas').length"
TRAINED = "Number(document.querySelector('#training .chart')?.dataset.rows ?? 0)"


def test_a_model_is_defined_trained_and_asked(server: Live, browser: Browser, tmp_path: Path) -> None:
    browser.go("about:blank")
    browser.console()
    browser.go(f"http://127.0.0.1:{server.port}/")
    assert not browser.run("return document.getElementById('train').checkVisibility()")

    # All faults of a definition are told, with their places.
    browser.type("#definition", FAULTY)
    browser.press("#definition", "ctrl", "enter")
    browser.shows("#define-refusal", "/layers/0/units")
    assert "/layers/1/type" in browser.text("#define-refusal")
    assert browser.count("#definition[aria-invalid]") == 1

    # A template, its shapes, what it costs and what it is as a program.
    define(browser, "moons")
    assert browser.text("#define-refusal") == ""
    assert [text.split("\n")[1] for text in layers(browser)] == ["[2]", "[16]", "[16]", "[1]", "one number"]
    browser.shows("#model .facts", "337")
    browser.click("#model details summary")
    browser.shows("#model details", "loss = mean(softplus(prediction) - y*prediction)")
    model = browser.run("return location.hash.slice(1)")
    status, stored = server.get(f"/models/{model}")
    assert (status, stored["count"]["trainable"]) == (200, 337)

    # It does not know anything yet; then it is trained, and does.
    browser.shows("#picture-told", "Version 0.")
    browser.click("#train button[type=submit]")
    browser.shows("#training .state", "succeeded")
    browser.shows("#training .result", "validation_accuracy")
    browser.until(f"{TRAINED} === 600")
    browser.until(f"{PANELS} === 4")
    assert "dense_2" in browser.run("return document.querySelectorAll('#training .chart')[2].ariaLabel")
    browser.shows("#picture-told", "Version 1.")
    orange, blue = browser.run(PAINTED)
    assert min(orange, blue) > 0.05
    x = [[0.0, 1.0], [1.0, -0.5]]
    browser.type("#predict-x", str(x))
    browser.press("#predict-x", "ctrl", "enter")
    told = server.post(f"/models/{model}/predict", {"x": x, "probabilities": True})[1]
    assert told["class"] == [[0], [1]]
    for number in (*told["prediction"], *told["probabilities"]):
        browser.shows("#prediction", str(number[0]))

    # A long training of a deep model is watched, says what is wrong, and is stopped.
    browser.type("#definition", json.dumps(DEEP))
    browser.click("#define button[type=submit]")
    browser.shows("#model", "dense_10")
    browser.type("#train-epochs", "2000")
    browser.click("#train button[type=submit]")
    browser.shows("#training .state", "running")
    seen = browser.until(TRAINED)
    browser.until(f"{TRAINED} > arguments[0]", seen)
    browser.shows("#training .remarks", "vanishing")
    browser.shows("#jobs tr[aria-current]", "Training · 320 examples")
    browser.click("#training .headline button")
    browser.shows("#training .state", "cancelled")
    browser.shows("#training .result", "version 1 of the model")
    assert browser.text("#job") == "A job and its curve appear here."

    # The address of the job opens it again beside its model; a model has an address too.
    browser.reload()
    browser.shows("#training .state", "cancelled")
    browser.shows("#model", "dense_10")
    assert json.loads(browser.run("return document.getElementById('definition').value"))["loss"]["name"] == "bce"
    browser.run("location.hash = arguments[0]", model)
    browser.shows("#model .facts", "337")
    browser.shows("#training", "appear here")

    # Where a layer takes more than the one before, there is an arc.
    define(browser, "attention")
    assert browser.count("#model .arc") == 1
    assert "from near, looked" in browser.text("#model .layers")

    # A layer with more to tell than there is room for is cut short.
    for width in (1200, 360):
        browser.size(width, 740)
        assert browser.run("const page = document.documentElement; return page.scrollWidth - page.clientWidth") == 0
    browser.size(1200, 900)

    # A file becomes a dataset, whose columns are offered.
    rows = [f"{i % 7},{i % 5},{int(i % 7 > i % 5)}" for i in range(140)]
    path = tmp_path / "two classes.csv"
    path.write_text("\n".join(["a,b,label", *rows]))
    define(browser, "moons")
    browser.press("#examples-file", str(path))
    browser.shows("#examples-told", "label int64")
    assert browser.run("return document.getElementById('examples-y').value") == "label"
    assert server.get("/datasets/two_classes")[0] == 200
    browser.type("#train-epochs", "3")
    browser.click("#train button[type=submit]")
    browser.shows("#training", "112 examples and 28 for validation")
    browser.shows("#training .state", "succeeded")
    browser.shows("#picture-told", "of 140 examples")

    # On a phone nothing has to be moved sideways.
    browser.run("document.querySelectorAll('#models details').forEach((details) => (details.open = true))")
    for scheme in ("light", "dark"):
        browser.size(360, 740, scheme)
        browser.until("document.querySelector('#training .uplot').clientWidth < 360")
        assert browser.run("const page = document.documentElement; return page.scrollWidth - page.clientWidth") == 0
    browser.size(1200, 900)
    said = [entry["message"] for entry in browser.console() if "status of 422" not in entry["message"]]
    assert said == []
    assert browser.requested() == {f"127.0.0.1:{server.port}"}


def define(browser: Browser, template: str) -> None:
    """Choose a template and define it."""
    before = browser.run("return location.hash")
    browser.run(CHOOSE, "template", template)
    browser.click("#define button[type=submit]")
    browser.until("location.hash !== arguments[0] && location.hash.startsWith('#md_')", before)
    browser.until("document.querySelector('#model .id')?.innerText === location.hash.slice(1)")


def layers(browser: Browser) -> list[str]:
    """What is told of each layer."""
    return list(browser.run("return [...document.querySelectorAll('#model li')].map((item) => item.innerText)"))


TEMPLATES = ["moons", "wave", "digits", "convolution", "letters", "attention", "autoencoder"]


def test_every_template_learns_the_examples_that_are_made_for_it(server: Live, browser: Browser) -> None:
    script = """
    const { TEMPLATES } = await import(new URL("page/templates.js", document.baseURI));
    const { fitting, examplesOf } = await import(new URL("page/samples.js", document.baseURI));
    const found = {};
    for (const [key, { definition, training }] of Object.entries(TEMPLATES)) {
      const answer = await fetch("models", {
        method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(definition),
      });
      const model = await answer.json();
      const [sample] = fitting(model);
      const [data, again] = [examplesOf(sample, model, 300, 5), examplesOf(sample, model, 300, 5)];
      found[key] = { model: model.id, data, again, training };
    }
    return found;
    """
    found = asynchronous(browser, script)
    assert sorted(found) == sorted(TEMPLATES)
    for key, made in found.items():
        assert made["data"] == made["again"]
        epochs, method = int(made["training"]["epochs"]), {"name": "adam", "lr": float(made["training"]["lr"])}
        body = {"model": made["model"], "data": made["data"], "validation": 0.2, "epochs": epochs, "method": method}
        status, job = server.post("/jobs", body)
        assert status == 202, (key, job)
        history = ended(server, job["id"])
        losses = [value for value in history["validation_value"] if value is not None]
        assert min(losses) < 0.7 * losses[0], key


def ended(server: Live, id: str) -> Any:
    """The history of a job that has succeeded."""
    end = time.monotonic() + PATIENCE
    while (job := server.get(f"/jobs/{id}")[1])["state"] != "succeeded":
        assert job["state"] in ("queued", "running")
        assert time.monotonic() < end
        time.sleep(0.1)
    return server.get(f"/jobs/{id}/history")[1]


TYPED = [
    ("x = 3\ny = 0.5", '{"x":3,"y":0.5}'),
    ("x = 3, y = .5; z = +2.", '{"x":3,"y":0.5,"z":2}'),
    ("A = [[1, 2],\n     [3, 4]]\nb = -Infinity", '{"A":[[1, 2], [3, 4]],"b":"-Infinity"}'),
    ("x = 0.10000000000000000555", '{"x":0.10000000000000000555}'),
    ('x = {"dtype": "float64", "shape": [1], "base64": "AAAAAAAA8D8="}', None),
    ('{"x": 3, "β": [1]}', '{"x":3,"β":[1]}'),
    ("β = true", '{"β":true}'),
    ("", "{}"),
    ("x", "“x” is not of the form name = value."),
    ("x = 0,5", "The value of x, “0,5”, is neither a number nor a list such as [1, 2, 3]."),
    ("x = ", "x has no value."),
    ("x = 1\nx = 2", "x is given twice."),
]


@pytest.mark.parametrize(("typed", "sent"), TYPED)
def test_inputs_as_they_are_typed(browser: Browser, typed: str, sent: str | None) -> None:
    script = """
    const { entries, objectText } = await import(new URL("page/assignments.js", document.baseURI));
    try { return objectText(entries(arguments[0], "at")); } catch (error) { return error.message; }
    """
    expected = '{"x":' + typed.removeprefix("x = ") + "}" if sent is None else sent
    assert asynchronous(browser, script, typed) == expected


@pytest.mark.parametrize(
    ("text", "kind"),
    [("x^2", "expr"), ("(x ==\n y)", "expr"), ("f(x=1)", "expr"), ("y = x\ny", "program"), ("return x", "program")],
)
def test_programs_are_told_from_expressions(browser: Browser, text: str, kind: str) -> None:
    script = 'return (await import(new URL("page/source.js", document.baseURI))).kindOf(arguments[0]);'
    assert asynchronous(browser, script, text) == kind


def test_digits_are_those_of_the_server(browser: Browser) -> None:
    script = """
    const { digitsOf, written } = await import(new URL("page/figures.js", document.baseURI));
    return written(digitsOf(arguments[0]));
    """
    assert asynchronous(browser, script, "2.0") == {"text": "2.0", "left": 0}
    assert asynchronous(browser, script, '[[1e-8,"NaN"],[10,-0.0]]')["text"] == "[[1e-8,  NaN],\n [  10, -0.0]]"
    long = asynchronous(browser, script, str(list(range(1000))))
    assert long["left"] == 940
    assert long["text"].endswith("58, 59, …]")


def test_a_long_curve_keeps_its_extremes(browser: Browser) -> None:
    script = """
    const { Curve } = await import(new URL("page/curve.js", document.baseURI));
    const curve = new Curve();
    const step = Array.from({ length: 100000 }, (_, i) => i);
    const value = step.map((i) => (i === 54321 ? 9 : i === 77777 ? "NaN" : 2 + Math.sin(i)));
    curve.add({ step, value });
    const [steps, values] = curve.drawn(true);
    const peak = values[steps.indexOf(54321)];
    const [first, last] = [steps[0], steps.at(-1)];
    return { count: steps.length, first, last, peak, rows: curve.rows, suits: curve.logarithmic };
    """
    found = asynchronous(browser, script)
    assert found.pop("count") < 2100
    assert found == {"first": 0, "last": 99999, "peak": 9, "rows": 100000, "suits": True}


def test_columns_of_a_training_are_lines_of_their_own(browser: Browser) -> None:
    script = """
    const { Series } = await import(new URL("page/series.js", document.baseURI));
    const series = new Series();
    series.add({ start: [0, 1, 0, 1], step: [1, 1, 2, 2], value: [3, 4, "NaN", 2],
      validation_value: [null, null, 5, 0] });
    series.add({ start: [0], step: [3], value: [1], validation_value: [null], matrix: [[[1, 2]]] });
    return {
      rows: series.rows, step: series.step, least: series.least("validation_value"), last: series.last("value", 0),
      has: [series.has("validation_value", 1), series.has("matrix", 0), series.has("value", 2)],
      drawn: series.drawn(["value", "validation_value"], 0, true),
      other: series.drawn(["value", "validation_value"], 1, true),
      hidden: [series.unshown(["value", "validation_value"], 0), series.unshown(["validation_value"], 1)],
    };
    """
    assert asynchronous(browser, script) == {
        "rows": 5,
        "step": 3,
        "least": 0,
        "last": 1,
        "has": [True, False, False],
        "drawn": [[1, 2, 3], [3, None, 1], [None, 5, None]],
        "other": [[1, 2], [4, 2], [None, None]],
        "hidden": [0, 1],
    }


AXES = [
    ("powers of ten", True, [1e3, 1e-291], 50, ["1e-300", "1e-250", "1e-200", "1e-150", "1e-100", "1e-50", "1"]),
    ("1, 2 and 5", True, [7, 700], 1, ["10", "20", "50", "100", "200", "500"]),
    ("less than that", True, [5.1, 5.6], 1, ["5.2", "5.4", "5.6"]),
    ("a single one", True, [2, 2], 1, ["1.9", "2", "2.1"]),
    ("the least", True, [5e-324, 1e-310], 5, ["1e-320", "1e-315", "1e-310"]),
    ("numbers around 0", False, [-100, 50], 50, ["-100", "-50", "0", "50"]),
    ("digits that differ", False, [1, 1.00000003], 1e-8, ["1.00000000", "1.00000001", "1.00000002", "1.00000003"]),
    ("small ones", False, [-3e-7, -2.9998e-7], 1e-4, ["-3e-7", "-2.9999e-7", "-2.9998e-7"]),
    ("the largest", False, [-1.7e308, 1.7e308], 1, ["-1e308", "0", "1e308"]),
]


@pytest.mark.parametrize(("log", "ends", "apart", "texts"), [row[1:] for row in AXES], ids=[row[0] for row in AXES])
def test_an_axis_is_right_for_every_number(
    browser: Browser, log: bool, ends: list[float], apart: float, texts: list[str]
) -> None:
    script = """
    const { Scale, around } = await import(new URL("page/scale.js", document.baseURI));
    const [log, ends, apart] = arguments;
    const scale = new Scale(log);
    const heights = scale.heights([ends])[0].sort((a, b) => a - b);
    const [low, high] = around(...heights);
    return scale.lines(low, high, apart).map((height) => scale.text(height, apart));
    """
    assert asynchronous(browser, script, log, ends, apart) == texts


def asynchronous(browser: Browser, script: str, *arguments: Any) -> Any:
    """What the body of an asynchronous function returns in the page."""
    return browser.run(f"return (async function () {{ {script} }}).apply(null, arguments)", *arguments)
