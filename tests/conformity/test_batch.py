"""“batch: true, or the names of the inputs whose first axis runs over points: one answer per point, stacked”."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conformity.server import Server, pointers

POINTS = [(1.0, 2.0), (3.0, 0.5), (-2.0, 1.5)]
AT = {"x": [x for x, _ in POINTS], "y": [y for _, y in POINTS]}
EXPR = "x^2*y + sin(x*y)"
PARTS: dict[str, tuple[str, dict[str, Any]]] = {
    "/value": ("value", {}),
    "/grad": ("grad", {}),
    "/jacobian": ("jacobian", {}),
    "/hessian": ("hessian", {}),
    "/jvp": ("jvp", {"tangent": {"x": 1, "y": 2}}),
    "/vjp": ("vjp", {"cotangent": 3}),
    "/hvp": ("hvp", {"vector": {"x": 1, "y": 2}}),
}


def stacked(answers: list[Any]) -> Any:
    """Answers at single points as one."""
    if isinstance(answers[0], dict):
        return {name: stacked([answer[name] for answer in answers]) for name in answers[0]}
    return pytest.approx(answers, rel=1e-15)


def repeated(direction: Any) -> Any:
    """A direction that is the same at every point."""
    if isinstance(direction, dict):
        return {name: repeated(inner) for name, inner in direction.items()}
    return [direction] * len(POINTS)


@pytest.mark.parametrize("path", PARTS)
def test_every_kind_of_question_takes_many_points(server: Server, path: str) -> None:
    """“one answer per point, stacked”"""
    part, fields = PARTS[path]
    singles = [server.ask(path, expr=EXPR, at={"x": x, "y": y}, **fields) for x, y in POINTS]
    along = {name: repeated(direction) for name, direction in fields.items()}
    answer = server.ask(path, expr=EXPR, at=AT, batch=True, **along)
    assert answer[part] == stacked([single[part] for single in singles])
    assert answer["value"] == stacked([single["value"] for single in singles])


def test_only_named_inputs_run_over_points(server: Server) -> None:
    """“the names of the inputs whose first axis runs over points”: the others are the same at every point."""
    answer = server.ask("/grad", expr="sum(w*x)^2", at={"x": [[1, 2], [3, 4]], "w": [1, 10]}, batch=["x"])
    assert answer["value"] == [441, 1849]
    assert answer["grad"] == {"x": [[42, 420], [86, 860]], "w": [[42, 84], [258, 344]]}


def test_several_directions_in_a_batch(server: Server) -> None:
    """“one answer per point, stacked”: the axis of the points comes after that of the directions."""
    directions = [{"x": [1, 1, 1], "a": 0}, {"x": [0, 0, 0], "a": 1}]
    answer = server.ask("/jvp", expr="a*x^2", at={"x": [1, 2, 3], "a": 2}, batch=["x"], tangents=directions)
    assert answer["jvp"] == [[4, 8, 12], [1, 4, 9]]


def test_each_point_has_its_own_digits(server: Server) -> None:
    """“computed again in the precision that it needs”: at those points that need it."""
    answer = server.ask("/grad", expr="sin(x)/x", at={"x": [1, 0, 1e-9]}, batch=True)
    assert answer["value"] == [0.8414709848078965, 1, 1]
    assert answer["grad"]["x"] == [-0.3011686789397568, 0, pytest.approx(-1e-9 / 3, rel=1e-15)]


def test_a_check_of_many_points(server: Server) -> None:
    """“one row per component”: the points are the first index."""
    claimed = {"grad": {"x": [2, 4, 7]}}
    report = server.ask("/check", expr="x^2", at={"x": [1, 2, 3]}, batch=True, claimed=claimed)
    assert report["verdict"] == "incorrect"
    assert [row["index"] for row in report["components"] if not row["ok"]] == [[2]]


@pytest.mark.parametrize(
    ("at", "batch", "pointer"),
    [
        ({"x": 1, "y": [1, 2]}, True, "/at/x"),
        ({"x": [1, 2], "y": [1, 2, 3]}, True, "/batch"),
        ({"x": [1, 2], "y": 1}, ["x", "z"], "/batch/1"),
    ],
)
def test_points_have_to_fit_together(server: Server, at: dict[str, Any], batch: Any, pointer: str) -> None:
    """“inputs whose first axis runs over points”"""
    problem = server.refused("/grad", 422, "invalid-request", expr="x*y", at=at, batch=batch)
    assert pointers(problem) == [pointer]


def test_one_point_is_a_batch_too_and_so_is_none(server: Server) -> None:
    """“one answer per point, stacked”"""
    assert server.ask("/grad", expr="x^2", at={"x": [3]}, batch=True)["grad"] == {"x": [6]}
    assert server.ask("/grad", expr="x^2", at={"x": []}, batch=True)["grad"] == {"x": []}
