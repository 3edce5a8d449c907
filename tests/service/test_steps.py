"""`/check/steps`, as a client uses it."""

from __future__ import annotations

import io
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.app import create_app
from service.packed import pack
from service.schemas.steps import StepsAnswer, StepsBody
from service.settings import Settings
from tests.service.asgi import Client
from tests.service.stores import Shop

SMALL: dict[str, Any] = {
    "method": {"name": "sgd", "lr": 0.1},
    "start": 1,
    "iterates": [0.8, 0.64],
    "gradients": [2, 1.6],
}


def checked(client: Client, **body: Any) -> dict[str, Any]:
    """The report."""
    answered = client.post("/check/steps", body)
    assert answered.status == 200, answered.body
    report = answered.json()
    StepsAnswer.model_validate(report)
    assert isinstance(report, dict)
    return report


def adam(x: float, slope: Any, steps: int, correct: bool = True) -> list[float]:
    """Iterates of Adam by hand, with a rate of 0.1."""
    m = v = 0.0
    found = []
    for t in range(1, steps + 1):
        g = slope(x)
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
        one, two = (1 - 0.9**t, 1 - 0.999**t) if correct else (1.0, 1.0)
        x -= 0.1 * (m / one) / (math.sqrt(v / two) + 1e-8)
        found.append(x)
    return found


def test_a_right_run(client: Client) -> None:
    report = checked(client, **SMALL)
    assert (report["verdict"], report["first_wrong"], report["diagnosis"]) == ("correct", None, [])
    assert report["method"] == {"name": "sgd", "lr": 0.1, "weight_decay": 0.0}
    assert [row["ok"] for row in report["differences"]] == [True, True]


def test_a_wrong_run_and_its_mistake(client: Client) -> None:
    report = checked(client, **SMALL | {"iterates": [1.2, 1.36]})
    assert (report["verdict"], report["wrong"]) == ("incorrect", 2)
    first = report["first_wrong"]
    assert (first["step"], first["input"], first["index"], first["claimed"]) == (1, "x", [], 1.2)
    assert first["expected"] == pytest.approx(0.8)
    assert report["diagnosis"][0]["kind"] == "sign"


def test_the_objective_in_place_of_gradients(client: Client) -> None:
    method = {"name": "adam", "lr": 0.1}
    slope = lambda x: 3 * math.cos(x)  # noqa: E731
    body: dict[str, Any] = {"method": method, "start": {"x": 0.3}, "expr": "a*sin(x)", "at": {"a": 3}}
    iterates = [{"x": x} for x in adam(0.3, slope, 40)]
    assert checked(client, **body, iterates=iterates)["verdict"] == "correct"
    program = {"program": "y = a*sin(x)\nreturn y", "at": {"a": 3}}
    asked = {"method": method, "start": 0.3, "iterates": adam(0.3, slope, 40), **program}
    assert checked(client, **asked)["verdict"] == "correct"
    wrong = [{"x": x} for x in adam(0.3, slope, 40, correct=False)]
    report = checked(client, **body, iterates=wrong)
    assert (report["verdict"], report["diagnosis"][0]["kind"]) == ("incorrect", "no-bias-correction")


def test_a_stored_function_as_the_objective(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    id = shop.store("a*x^2", inputs={"x": {}}, data={"a": 2})["id"]
    body = {"method": {"name": "sgd", "lr": 0.1}, "start": {"x": 1}, "iterates": [{"x": 0.6}], "function": id}
    answered = shop.post("/check/steps", body)
    assert (answered.status, answered.json()["verdict"]) == (200, "correct"), answered.body
    assert shop.delete(f"/functions/{id}").status == 204
    assert shop.post("/check/steps", body).status == 410


def test_an_objective_with_a_kink_leaves_a_doubt(client: Client) -> None:
    body = {"method": {"name": "sgd", "lr": 0.5}, "start": 0, "expr": "abs(x)", "iterates": [0.5, 0.2]}
    report = checked(client, **body)
    assert report["verdict"] == "inconclusive"
    assert "kink" in report["message"]


def test_arrays_by_name_in_all_forms(client: Client) -> None:
    start = {"w": [[1.0, 2.0]], "b": 0.5}
    gradients = [{"w": [[1, -1]], "b": 2}, {"w": [[2, 0]], "b": -4}]
    iterates = [{"w": [[0.9, 2.1]], "b": 0.3}, {"w": [[0.7, 2.1]], "b": 0.7}]
    body: dict[str, Any] = {"method": {"name": "sgd", "lr": 0.1}, "start": start}
    assert checked(client, **body, iterates=iterates, gradients=gradients)["verdict"] == "correct"
    stacked = {name: [row[name] for row in iterates] for name in start}
    packed = {name: pack(np.array([row[name] for row in gradients], dtype=float)) for name in start}
    assert checked(client, **body, iterates=stacked, gradients=packed)["verdict"] == "correct"
    stacked["w"][1] = [[0.7, 2.2]]
    first = checked(client, **body, iterates=stacked, gradients=packed)["first_wrong"]
    assert (first["step"], first["input"], first["index"]) == (2, "w", [0, 1])


def test_schedules_rates_and_clipping(client: Client) -> None:
    body = SMALL | {"iterates": [0.8, 0.72]}
    assert checked(client, **body, schedule={"name": "exponential", "gamma": 0.5})["verdict"] == "correct"
    assert checked(client, **body, schedule=[0.1, 0.05])["verdict"] == "correct"
    assert (checked(client, **body)["verdict"], checked(client, **body)["wrong"]) == ("incorrect", 1)
    clipped = SMALL | {"iterates": [0.9, 0.8], "clip": {"value": 1}}
    assert checked(client, **clipped)["verdict"] == "correct"
    assert checked(client, **SMALL, schedule="constant")["verdict"] == "correct"


def test_what_is_not_finite(client: Client) -> None:
    report = checked(client, **SMALL | {"gradients": [2, "NaN"], "iterates": [0.8, "NaN"]})
    assert report["verdict"] == "correct"
    report = checked(client, **SMALL | {"gradients": [2, "Infinity"], "iterates": [0.8, 0.5]})
    assert report["verdict"] == "inconclusive"
    report = checked(client, **SMALL | {"iterates": ["NaN", "NaN"]})
    assert (report["verdict"], report["first_wrong"]["claimed"]) == ("incorrect", "NaN")


@pytest.mark.parametrize(
    ("change", "pointers"),
    [
        ({"method": "adm"}, ["/method/name"]),
        ({"method": 3}, ["/method"]),
        ({"method": {"lr": 1}}, ["/method/name"]),
        ({"method": {"name": "adam", "lr": -1, "beta1": 1}}, ["/method/lr", "/method/beta1"]),
        ({"method": {"name": "sgd", "momentum": 1}}, ["/method/momentum"]),
        ({"start": []}, ["/start"]),
        ({"start": [True]}, ["/start"]),
        ({"start": [1, "x"]}, ["/start/1"]),
        ({"start": {"a": 1}}, ["/iterates", "/gradients"]),
        ({"iterates": []}, ["/iterates"]),
        ({"iterates": 1}, ["/iterates"]),
        ({"iterates": [[1], [2]]}, ["/iterates"]),
        ({"iterates": [1, 2, 3]}, ["/gradients"]),
        ({"iterates": [{"x": 1}, {"y": 1}]}, ["/iterates/1", "/iterates/1/y"]),
        ({"gradients": [1, None]}, ["/gradients/1"]),
        ({"gradients": {"y": [1, 2]}}, ["/gradients", "/gradients/y"]),
        ({"gradients": None}, ["/gradients"]),
        ({"expr": "x^2"}, ["/gradients"]),
        ({"gradients": None, "expr": "x^2", "program": "return x"}, ["/gradients"]),
        ({"gradients": None, "expr": "x^2", "at": {"x": 1}}, ["/at/x"]),
        ({"schedule": {"name": "cosinus"}}, ["/schedule/name"]),
        ({"schedule": {"name": "cosine"}}, ["/schedule/steps"]),
        ({"schedule": {"gamma": 1}}, ["/schedule/name"]),
        ({"schedule": {"name": "plateau"}}, ["/schedule/name"]),
        ({"schedule": [0.1]}, ["/schedule"]),
        ({"schedule": [0.1, "NaN"]}, ["/schedule"]),
        ({"clip": 1}, ["/clip"]),
        ({"clip": {"norm": 0}}, ["/clip/norm"]),
        ({"clip": {"norm": 1, "value": 1}}, ["/clip/norm"]),
        ({"tolerance": 1}, ["/tolerance"]),
        ({"tolerance": "NaN"}, ["/tolerance"]),
        ({"gradient": [1]}, ["/gradient"]),
    ],
)
def test_what_is_refused(client: Client, change: dict[str, Any], pointers: list[str]) -> None:
    answered = client.post("/check/steps", SMALL | change)
    assert (answered.status, answered.name) == (422, "invalid-request"), answered.body
    assert answered.pointers == pointers


def test_all_that_is_missing_is_told_at_once(client: Client) -> None:
    assert set(client.post("/check/steps", {}).pointers) == {"/method", "/start", "/iterates", "/gradients"}


@pytest.mark.parametrize(
    ("change", "name", "pointers"),
    [
        ({"expr": "x^"}, "syntax-error", None),
        ({"expr": "x^2 + z"}, "unknown-name", None),
        ({"expr": "[x, x]"}, "not-scalar", None),
        ({"expr": "y^2", "start": {"y": 1, "z": 2}, "iterates": [{"y": 1, "z": 2}]}, None, None),
        ({"expr": "x^2", "at": {"b": "q"}}, "invalid-request", ["/at/b"]),
    ],
)
def test_an_objective_that_cannot_be_differentiated(
    client: Client, change: dict[str, Any], name: str | None, pointers: list[str] | None
) -> None:
    body = {name: value for name, value in SMALL.items() if name != "gradients"} | change
    answered = client.post("/check/steps", body)
    if name is None:
        assert answered.status in (200, 422)
        return
    assert (answered.status, answered.name) == (422, name), answered.body
    if pointers is not None:
        assert answered.pointers == pointers


def test_too_many_steps() -> None:
    client = Client(create_app(Settings(check_steps=10), io.StringIO()))
    body = {"method": "sgd", "start": 1, "iterates": [1] * 11, "gradients": [0] * 11}
    answered = client.post("/check/steps", body)
    assert (answered.status, answered.name, answered.pointers) == (422, "limit-exceeded", ["/iterates"])
    assert answered.problem["limit"]["name"] == "check_steps"


def test_many_steps_and_many_numbers_in_time(client: Client) -> None:
    chance = np.random.default_rng(0)
    for shape in ((10_000, 2), (20, 20_000)):
        gradients = chance.normal(size=shape)
        iterates = 1 - 0.1 * np.cumsum(gradients, axis=0)
        method = {"name": "adam", "lr": 0.1}
        body = {"method": method, "start": [1.0] * shape[1], "iterates": pack(iterates), "gradients": pack(gradients)}
        report = checked(client, **body)
        assert (report["verdict"], report["first_wrong"]["step"]) == ("incorrect", 1)
        assert len(report["differences"]) <= 100


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.sampled_from(["NaN", "x", "adam", "cosine", "x^2"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["x", "y", "name", "lr", "norm", "value", "base64", "steps"]), inner)
    ),
    max_leaves=6,
)


@settings(deadline=None, max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(st.sampled_from(list(StepsBody.model_fields)), JSON))
def test_wild_requests(client: Client, fields: dict[str, Any]) -> None:
    for body in (fields, SMALL | fields):
        answered = client.post("/check/steps", body)
        assert answered.status in (200, 404, 422), answered.body
        if answered.status != 200:
            assert answered.problem["detail"]
