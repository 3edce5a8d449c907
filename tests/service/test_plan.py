"""`/check/plan` and `/check/verdict`, as a client uses them."""

from __future__ import annotations

import io
import json
import math
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.app import create_app
from service.arrays import to_array
from service.packed import pack
from service.schemas.plan import PLAN, PlanAnswer, PlanBody, VerdictAnswer, VerdictBody
from service.settings import Settings
from tests.service.asgi import Answered, Client
from tests.service.live import serving

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.sampled_from(["NaN", "x", "coordinates"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["x", "y", "grad", "base64"]), inner),
    max_leaves=6,
)
FIELDS = ("x", "directions", "precision", "noise", "scale", "levels", "seed", "encoding")


def plan(client: Client, **asked: Any) -> dict[str, Any]:
    """A plan with its points."""
    answered = client.post("/check/plan", asked)
    assert answered.status == 200, answered.body
    content = answered.json()
    assert len(content["points"]) == content["count"]
    assert isinstance(content, dict)
    return content


def judged(client: Client, f: Callable[[Any], Any], grad: Any, claimed: Any = None, **asked: Any) -> dict[str, Any]:
    """The report on `grad`, with the values of `f` at the points of a plan."""
    content = plan(client, **asked)
    values = [float(f(point)) for point in content["points"]]
    written = [value if math.isfinite(value) else "NaN" for value in values]
    body = {"plan": content["plan"], "values": written, "claimed": {"grad": grad, **(claimed or {})}}
    answered = client.post("/check/verdict", body)
    assert answered.status == 200, answered.body
    report = answered.json()
    VerdictAnswer.model_validate(report)
    return report  # type: ignore[no-any-return]


@pytest.fixture
def small() -> dict[str, Any]:
    """A verdict question that is in order."""
    return json.loads(json.dumps(VerdictBody.model_json_schema()["examples"][0]))  # type: ignore[no-any-return]


def wave(x: Any) -> float:
    return float(x[0] ** 2 * math.sin(x[1]))


RIGHT = [6 * math.sin(0.5), 9 * math.cos(0.5)]


def test_a_number(client: Client) -> None:
    report = judged(client, lambda x: x**3, 12, x=2)
    assert report["verdict"] == "correct"
    (row,) = report["components"]
    assert (row["input"], row["index"], row["claimed"], row["ok"]) == ("x", [], 12.0, True)
    assert row["abs_error"] <= row["error_bar"] < 1e-9
    assert report["witnesses"]["differences"]["status"] == "agree"
    assert report["noise"]["measured"]


def test_an_array(client: Client) -> None:
    assert judged(client, wave, RIGHT, x=[3, 0.5])["verdict"] == "correct"
    swapped = judged(client, wave, RIGHT[::-1], x=[3, 0.5])
    assert (swapped["verdict"], swapped["wrong"]) == ("incorrect", 2)
    assert swapped["diagnosis"][0]["kind"] == "permuted"
    assert swapped["diagnosis"][0]["detail"] in swapped["message"]


def test_arrays_by_name(client: Client) -> None:
    x = {"a": [[1, 2], [3, 4]], "b": 0.5}

    def f(point: Any) -> float:
        return float(np.sum(np.square(point["a"])) * point["b"])

    grad = {"b": 30, "a": [[1, 2], [3, 4]]}
    report = judged(client, f, grad, {"value": 15}, x=x)
    assert report["verdict"] == "correct"
    assert [(row["input"], row["index"]) for row in report["components"]][2:] == [
        ("a", [1, 0]),
        ("a", [1, 1]),
        ("b", []),
    ]
    assert report["value"]["ok"]
    wrong = judged(client, f, grad, {"value": 16}, x=x)
    assert wrong["verdict"] == "incorrect"
    assert not wrong["value"]["ok"]


def test_an_input_may_be_called_like_a_field_of_a_packed_array(client: Client) -> None:
    grad = {"dtype": 1, "shape": 1, "base64": 1}
    x = {"dtype": 1, "shape": 2, "base64": 3}
    assert judged(client, lambda point: sum(point.values()), grad, x=x)["verdict"] == "correct"


def test_packed(client: Client) -> None:
    x = np.array([3.0, 0.5])
    content = plan(client, x=pack(x), encoding="base64")
    values = np.array([wave(to_array(point, 10**6)) for point in content["points"]])
    body = {"plan": content["plan"], "values": pack(values), "claimed": {"grad": pack(np.array(RIGHT))}}
    assert client.post("/check/verdict", body).json()["verdict"] == "correct"
    assert content["plan"]["digest"] == plan(client, x=[3, 0.5])["plan"]["digest"]


def test_random_directions(client: Client) -> None:
    x = np.linspace(0.5, 2, 60).tolist()
    report = judged(client, lambda p: np.sum(np.log(p)), (1 / np.array(x)).tolist(), x=x)
    assert (report["verdict"], report["count"]) == ("correct", 20)
    assert report["components"][3]["input"] == "direction"
    content = plan(client, x=x, directions=3, noise=1e-16)
    assert content["count"] == 1 + 2 * 3 * 6
    assert content["plan"]["directions"] == 3
    assert plan(client, x=x, directions="coordinates")["count"] == 1 + 8 + 60 * 2 * 6


def test_single_precision(client: Client) -> None:
    content = plan(client, x=[0.1, 3], precision="float32")
    points = np.array(content["points"])
    assert (points.astype(np.float32) == points).all()
    x = points.astype(np.float32)
    values = [float(p[0] * np.exp(p[1])) for p in x]
    grad = [math.exp(3), 0.1 * math.exp(3)]
    body = {"plan": content["plan"], "values": values, "claimed": {"grad": grad}}
    assert client.post("/check/verdict", body).json()["verdict"] == "correct"
    body["claimed"] = {"grad": [grad[0], 1.01 * grad[1]]}
    assert client.post("/check/verdict", body).json()["verdict"] == "incorrect"


def test_a_kink(client: Client) -> None:
    report = judged(client, lambda x: abs(x[0]) + x[1], [0, 1], x=[0, 1])
    assert report["verdict"] == "not-differentiable"
    (side,) = report["one_sided"]
    assert (side["input"], side["index"]) == ("x", [0])
    assert side["left"] == pytest.approx(-1)
    assert side["right"] == pytest.approx(1)
    assert report["components"][0]["expected"] == "NaN"


def test_values_that_are_not_there(client: Client) -> None:
    report = judged(client, lambda x: math.sqrt(x) if x > 0 else math.nan, 0.5, x=1, scale=20)
    assert report["verdict"] == "correct"
    nothing = judged(client, lambda x: math.nan, 0.5, x=1)
    assert nothing["verdict"] == "inconclusive"
    assert nothing["components"][0]["error_bar"] is None


def test_a_plan_survives_other_ways_to_write_numbers(client: Client, small: dict[str, Any]) -> None:
    small["plan"]["x"] = 2
    small["plan"]["levels"] = 3.0
    small["plan"]["seed"] = 0.0
    small["plan"] = dict(reversed(small["plan"].items()))
    assert client.post("/check/verdict", small).json()["verdict"] == "correct"


def test_the_examples_of_the_document(client: Client, small: dict[str, Any]) -> None:
    asked = PlanBody.model_json_schema()["examples"][0]
    answered = client.post("/check/plan", asked).json()
    assert answered == PlanAnswer.model_json_schema()["examples"][0]
    assert answered["plan"] == PLAN
    assert client.post("/check/verdict", small).json()["verdict"] == "correct"


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        ([], [""]),
        ({}, ["/x"]),
        ({"x": "three"}, ["/x"]),
        ({"x": [1, [2]]}, ["/x/1"]),
        ({"x": {"a": [1, "b"]}}, ["/x/a/1"]),
        ({"x": True}, ["/x"]),
        ({"x": []}, ["/x"]),
        ({"x": {}}, ["/x"]),
        ({"x": [1, "NaN"]}, ["/x"]),
        ({"x": {"a" * 101: 1}}, ["/x/" + "a" * 100 + "…"]),
        ({"x": 1e39, "precision": "float32"}, ["/x"]),
        ({"x": 1.7e308}, ["/x"]),
        ({"x": 1, "direction": 3}, ["/direction"]),
        ({"x": 1, "directions": 0}, ["/directions"]),
        ({"x": 1, "directions": 1001}, ["/directions"]),
        ({"x": 1, "directions": True}, ["/directions"]),
        ({"x": 1, "directions": "random"}, ["/directions"]),
        ({"x": 1, "precision": "float16"}, ["/precision"]),
        ({"x": 1, "precision": ["float64"]}, ["/precision"]),
        ({"x": 1, "noise": -1e-9}, ["/noise"]),
        ({"x": 1, "noise": 0.5}, ["/noise"]),
        ({"x": 1, "noise": "NaN"}, ["/noise"]),
        ({"x": 1, "noise": [1e-9]}, ["/noise"]),
        ({"x": 1, "levels": 1}, ["/levels"]),
        ({"x": 1, "levels": 9}, ["/levels"]),
        ({"x": 1, "levels": 2.5}, ["/levels"]),
        ({"x": 1, "seed": -1}, ["/seed"]),
        ({"x": 1, "seed": 2**53}, ["/seed"]),
        ({"x": 1, "encoding": "hex"}, ["/encoding"]),
        ({"x": 1, "scale": 0}, ["/scale"]),
        ({"x": 1, "scale": "Infinity"}, ["/scale"]),
        ({"x": 1, "scale": 1e-13}, ["/scale"]),
        ({"x": [1, 2], "scale": [1, 2, 3]}, ["/scale"]),
        ({"x": {"a": 1}, "scale": [1]}, ["/scale"]),
        ({"x": {"a": 1}, "scale": {"b": 1}}, ["/scale", "/scale/b"]),
        ({"x": {"a": [1]}, "scale": {"a": 1}}, ["/scale/a"]),
        ({"x": "no", "levels": 0, "seed": 0.5}, ["/x", "/levels", "/seed"]),
    ],
)
def test_questions_that_are_refused(client: Client, body: Any, pointers: list[str]) -> None:
    answered = client.post("/check/plan", body)
    assert (answered.status, answered.name) == (422, "invalid-request")
    assert answered.pointers == pointers


def test_what_is_misspelt_gets_a_hint(client: Client) -> None:
    answered = client.post("/check/plan", {"x": 1, "direction": 3})
    assert "`directions`" in answered.problem["errors"][0]["detail"]


def test_too_many_points(client: Client) -> None:
    answered = client.post("/check/plan", {"x": [1.0] * 5000, "directions": "coordinates"})
    assert (answered.status, answered.name) == (422, "limit-exceeded")
    assert answered.problem["limit"]["name"] == "answer_bytes"
    assert "random directions, at most 55 " in answered.problem["hint"]
    assert client.post("/check/plan", {"x": [1.0] * 5000, "directions": 55}).status == 200
    assert client.post("/check/plan", {"x": [1.0] * 5000, "directions": 56}).status == 422
    tiny = Client(create_app(Settings(answer_bytes=1024), io.StringIO()))
    assert "a part of the components" in tiny.post("/check/plan", {"x": [1.0] * 20}).problem["hint"]


def _with(*path: Any) -> Callable[[dict[str, Any]], None]:
    """A change that sets the place at `path[:-1]` to the last of `path`."""

    def change(body: dict[str, Any]) -> None:
        *parents, name, value = path
        place: Any = body
        for parent in parents:
            place = place[parent]
        place[name] = value

    return change


def _without(*path: str) -> Callable[[dict[str, Any]], None]:
    def change(body: dict[str, Any]) -> None:
        place: Any = body
        for parent in path[:-1]:
            place = place[parent]
        del place[path[-1]]

    return change


@pytest.mark.parametrize(
    ("change", "pointers"),
    [
        (_with("plan", "x", 2.0000001), ["/plan"]),
        (_with("plan", "x", [2]), ["/plan"]),
        (_with("plan", "x", {"y": 2}), ["/plan", "/claimed/grad"]),
        (_with("plan", "noise", 1e-8), ["/plan"]),
        (_with("plan", "seed", 1), ["/plan"]),
        (_with("plan", "precision", "float32"), ["/plan"]),
        (_with("plan", "scale", 1), ["/plan"]),
        (_with("plan", "digest", "0" * 16), ["/plan"]),
        (_with("plan", "digest", 3), ["/plan"]),
        (_without("plan", "digest"), ["/plan"]),
        (_without("plan", "noise"), ["/plan"]),
        (_with("plan", "version", 2), ["/plan/version"]),
        (_with("plan", "version", [1]), ["/plan/version"]),
        (_without("plan", "version"), ["/plan/version"]),
        (_with("plan", "levels", 99), ["/plan/levels"]),
        (_with("plan", "directions", {}), ["/plan/directions"]),
        (_with("plan", "extra", 1), ["/plan/extra"]),
        (_with("plan", "x", None), ["/plan/x"]),
        (_with("plan", []), ["/plan"]),
        (_without("plan"), ["/plan"]),
        (_with("values", [1, 2]), ["/values"]),
        (_with("values", [[1, 2, 3, 4, 5, 6, 7]]), ["/values"]),
        (_with("values", 3), ["/values"]),
        (_with("values", [1, 2, 3, 4, 5, 6, "x"]), ["/values/6"]),
        (_with("values", [1, 2, 3, 4, 5, 6, None]), ["/values/6"]),
        (_with("values", [True] * 7), ["/values"]),
        (_without("values"), ["/values"]),
        (_with("claimed", 12), ["/claimed", "/claimed/grad"]),
        (_with("claimed", {}), ["/claimed/grad"]),
        (_with("claimed", "grad", [12]), ["/claimed/grad"]),
        (_with("claimed", "grad", {"y": 12}), ["/claimed/grad", "/claimed/grad/y"]),
        (_with("claimed", "value", [8]), ["/claimed/value"]),
        (_with("claimed", "gradient", 12), ["/claimed/gradient"]),
        (_without("claimed"), ["/claimed"]),
        (_with("tolerance", -1), ["/tolerance"]),
        (_with("tolerance", "NaN"), ["/tolerance"]),
        (_with("tolerance", 0.6), ["/tolerance"]),
        (_with("points", []), ["/points"]),
    ],
)
def test_answers_that_are_refused(
    client: Client, small: dict[str, Any], change: Callable[[dict[str, Any]], None], pointers: list[str]
) -> None:
    change(small)
    answered = client.post("/check/verdict", small)
    assert (answered.status, answered.name) == (422, "invalid-request")
    assert answered.pointers == pointers[: len(answered.pointers)]
    assert answered.pointers


@pytest.mark.parametrize("path", ["/check/plan", "/check/verdict"])
@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"{", {"content-type": "application/json"}, 400),
        (b"", {"content-type": "application/json", "content-length": "999999999"}, 413),
        (b"{}", {"content-type": "text/plain"}, 415),
        (b"{}", {"content-type": "application/json"}, 422),
    ],
)
def test_refusals_are_documented(client: Client, path: str, body: bytes, headers: dict[str, str], status: int) -> None:
    assert client.post(path, body, headers).status == status
    operation = client.get("/openapi.json").json()["paths"][path]["post"]
    assert {"200", str(status), "500", "503"} <= set(operation["responses"])


def _sane(answered: Answered) -> None:
    assert answered.status in (200, 422), answered.body
    if answered.status == 422:
        assert answered.problem["detail"]


wild = settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])


@wild
@given(st.dictionaries(st.sampled_from(FIELDS), JSON), JSON)
def test_wild_questions(client: Client, fields: dict[str, Any], x: Any) -> None:
    _sane(client.post("/check/plan", fields))
    _sane(client.post("/check/plan", {"x": x, **fields}))


@wild
@given(
    st.dictionaries(st.sampled_from([*FIELDS, "version", "digest"]), JSON),
    JSON,
    JSON,
    st.lists(st.floats() | st.sampled_from([1e308, 5e-324, 0.0]), min_size=7, max_size=7),
)
def test_wild_answers(
    client: Client, small: dict[str, Any], changes: dict[str, Any], claimed: Any, tolerance: Any, values: list[float]
) -> None:
    written = [repr_of(value) for value in values]
    _sane(client.post("/check/verdict", small | {"values": written, "claimed": {"grad": 1e308, "value": 0}}))
    _sane(client.post("/check/verdict", small | {"claimed": claimed, "tolerance": tolerance}))
    _sane(client.post("/check/verdict", small | {"plan": small["plan"] | changes, "values": claimed}))


def repr_of(value: float) -> Any:
    """A float as the contract writes it."""
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


@pytest.mark.skipif(not all(map(shutil.which, ("sh", "curl", "awk", "sed", "paste"))), reason="needs a shell with curl")
def test_the_example_without_any_library() -> None:
    script = Path(__file__).parents[2] / "examples" / "check-own-function.sh"
    with serving() as server:
        environment = {**os.environ, "URL": f"http://127.0.0.1:{server.port}", "NO_PROXY": "*"}
        done = subprocess.run(
            ["sh", str(script)], env=environment, capture_output=True, text=True, timeout=30, check=True
        )
    first, second = done.stdout.splitlines()
    assert first.startswith("correct: ")
    assert second.startswith("incorrect: ")
    assert "x[1]" in second
