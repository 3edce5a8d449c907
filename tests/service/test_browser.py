"""The first page in a browser: what its visitors do, and the modules whose answers are easier to list."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.service.browser import MISSING, Browser, browsing
from tests.service.live import Live, serving

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
