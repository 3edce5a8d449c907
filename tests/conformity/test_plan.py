"""“POST /check/plan” and “POST /check/verdict”: functions that never leave the client."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest

from tests.conformity.server import Server, pointers

Function = Callable[[float, float], float]
AT = [3.0, 0.5]


def wave(x: float, y: float) -> float:
    """A function that the service never sees."""
    return x**2 * math.sin(y) + math.exp(-x * y)


def slope(x: float, y: float) -> list[float]:
    """Its gradient, by hand."""
    e = math.exp(-x * y)
    return [2 * x * math.sin(y) - y * e, x**2 * math.cos(y) - x * e]


def judged(server: Server, function: Function, at: list[float], grad: list[float], **asked: Any) -> Any:
    """The report on a gradient of a function that is evaluated here."""
    plan = server.ask("/check/plan", x=at, **asked)
    values = [function(*point) for point in plan["points"]]
    told = ["NaN" if math.isnan(value) else value for value in values]
    return server.ask("/check/verdict", plan=plan["plan"], values=told, claimed={"grad": grad})


def test_the_plan_tells_points(server: Server) -> None:
    """“POST /check/plan {"x": array, "directions"?} → points at which the client evaluates its own function”"""
    plan = server.ask("/check/plan", x=AT)
    assert plan["points"][0] == AT
    assert plan["count"] == len(plan["points"])
    assert all(len(point) == 2 for point in plan["points"])


def test_a_right_gradient(server: Server) -> None:
    """“POST /check/verdict {the plan, "values", "claimed"} → the report”"""
    report = judged(server, wave, AT, slope(*AT))
    assert (report["verdict"], report["diagnosis"]) == ("correct", [])
    assert [row["claimed"] for row in report["components"]] == slope(*AT)
    assert report["witnesses"]["differences"]["status"] == "agree"


def test_a_wrong_gradient_and_its_mistake(server: Server) -> None:
    """“the report, for functions that never leave the client”"""
    x, y = slope(*AT)
    report = judged(server, wave, AT, [x, -y])
    assert report["verdict"] == "incorrect"
    assert [row["ok"] for row in report["components"]] == [True, False]
    swapped = judged(server, wave, AT, [y, x])
    assert swapped["verdict"] == "incorrect"
    assert swapped["diagnosis"][0]["kind"] == "permuted"
    assert judged(server, wave, AT, [-x, -y])["diagnosis"][0]["kind"] == "sign"


def test_a_kink(server: Server) -> None:
    """“not-differentiable”"""
    report = judged(server, lambda x, y: abs(x - 1) * y, [1.0, 2.0], [2.0, 0.0])
    assert report["verdict"] == "not-differentiable"
    (side,) = report["one_sided"]
    assert (side["left"], side["right"]) == (pytest.approx(-2, rel=1e-6), pytest.approx(2, rel=1e-6))


def test_values_that_cannot_tell(server: Server) -> None:
    """“inconclusive”"""
    assert judged(server, lambda x, y: math.nan, AT, [1.0, 1.0])["verdict"] == "inconclusive"
    assert judged(server, lambda x, y: float(f"{wave(x, y):.3g}"), AT, slope(*AT))["verdict"] == "inconclusive"


def test_random_directions(server: Server) -> None:
    """“"directions"?”: how many random ones."""

    def total(*x: float) -> float:
        return sum(math.sin(i + v) for i, v in enumerate(x))

    at = [0.01 * i for i in range(200)]
    grad = [math.cos(i + v) for i, v in enumerate(at)]
    assert judged(server, total, at, grad, directions=4)["verdict"] == "correct"
    grad[100] += 1
    assert judged(server, total, at, grad, directions=4)["verdict"] == "incorrect"
    fewer = server.ask("/check/plan", x=at, directions=2)["count"]
    assert fewer < server.ask("/check/plan", x=at, directions=4)["count"]


def test_arrays_by_name(server: Server) -> None:
    """“{"x": array}”, or arrays by name."""
    plan = server.ask("/check/plan", x={"a": 2, "b": [[1, 2]]})
    values = [point["a"] * sum(v * v for v in point["b"][0]) for point in plan["points"]]
    grad = {"a": 5, "b": [[4, 8]]}
    report = server.ask("/check/verdict", plan=plan["plan"], values=values, claimed={"grad": grad, "value": 10})
    assert (report["verdict"], report["count"], report["value"]["ok"]) == ("correct", 3, True)


def test_the_same_plan_twice_has_the_same_points(server: Server) -> None:
    """Stateless: everything random is drawn from the seed."""
    asked: dict[str, Any] = {"x": [1, 2, 3], "directions": 3}
    assert server.ask("/check/plan", **asked, seed=7) == server.ask("/check/plan", **asked, seed=7)
    assert server.ask("/check/plan", **asked, seed=7)["points"] != server.ask("/check/plan", **asked, seed=8)["points"]


def test_a_plan_has_to_come_back_as_it_was(server: Server) -> None:
    """“POST /check/verdict {the plan, …}”"""
    answer = server.ask("/check/plan", x=AT)
    values = [wave(*point) for point in answer["points"]]
    changed = {**answer["plan"], "x": [3.0, 0.25]}
    problem = server.refused(
        "/check/verdict", 422, "invalid-request", plan=changed, values=values, claimed={"grad": slope(*AT)}
    )
    assert pointers(problem) == ["/plan"]


def test_values_and_claims_have_to_fit_the_plan(server: Server) -> None:
    """“errors (all faults at once …)”"""
    plan = server.ask("/check/plan", x=AT)["plan"]
    problem = server.refused("/check/verdict", 422, "invalid-request", plan=plan, values=[1, 2], claimed={"grad": [1]})
    assert set(pointers(problem)) == {"/values", "/claimed/grad"}
    missing = server.post("/check/verdict", {}).problem(422, "invalid-request")
    assert set(pointers(missing)) == {"/plan", "/values", "/claimed"}


@pytest.mark.parametrize(
    ("asked", "pointer"),
    [
        ({}, "/x"),
        ({"x": [1, "two"]}, "/x/1"),
        ({"x": 1, "levels": 99}, "/levels"),
        ({"x": 1, "directions": 0}, "/directions"),
        ({"x": 1, "nois": 0.1}, "/nois"),
        ({"x": 1, "encoding": "xml"}, "/encoding"),
    ],
)
def test_a_plan_that_cannot_be_made(server: Server, asked: dict[str, Any], pointer: str) -> None:
    """“errors (… each {"pointer":…} with a JSON Pointer)”"""
    assert pointers(server.post("/check/plan", asked).problem(422, "invalid-request")) == [pointer]
