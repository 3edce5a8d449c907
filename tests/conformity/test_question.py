"""The question: what every endpoint that computes takes."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conformity.server import Server, pointers

COMPUTE: dict[str, dict[str, Any]] = {
    "/value": {},
    "/grad": {},
    "/jacobian": {},
    "/hessian": {},
    "/jvp": {"tangent": {"x": 1}},
    "/vjp": {"cotangent": 1},
    "/hvp": {"vector": {"x": 1}},
    "/check": {},
}
every = pytest.mark.parametrize("path", COMPUTE)


def ask(server: Server, path: str, **question: Any) -> Any:
    """The answer of one of the endpoints to a question."""
    return server.ask(path, **{**COMPUTE[path], **question})


def refused(server: Server, path: str, status: int, name: str, **question: Any) -> Any:
    """The problem that one of the endpoints has with a question."""
    return server.refused(path, status, name, **{**COMPUTE[path], **question})


@every
def test_every_endpoint_takes_a_question(server: Server, path: str) -> None:
    """“Sent to every endpoint that computes.”"""
    answer = ask(server, path, expr="x^2*sin(y)", at={"x": 3, "y": 0.5})
    if path == "/check":
        assert answer["verdict"] == "correct"
    else:
        assert answer["value"] == pytest.approx(4.314829847437827, rel=1e-15)


@every
def test_an_answer_always_has_value_and_warnings(server: Server, path: str) -> None:
    """“An answer always has value and warnings”"""
    answer = ask(server, path, expr="x^2*y", at={"x": 3, "y": 0.5})
    if path != "/check":
        assert answer["warnings"] == []
    assert "value" in answer


@every
def test_there_is_exactly_one_function(server: Server, path: str) -> None:
    """“Exactly one of expr, program, function, model.”"""
    both = refused(server, path, 422, "invalid-request", expr="x", function="f", at={"x": 1})
    assert pointers(both) == ["/expr", "/function"]
    none = refused(server, path, 422, "invalid-request", at={"x": 1})
    assert pointers(none) == ["/expr"]


@every
def test_a_model_that_is_not_stored_is_not_found(server: Server, path: str) -> None:
    """“Exactly one of expr, program, function, model.”"""
    problem = refused(server, path, 404, "not-found", at={"x": 1}, model="nobody-has-stored-this")
    assert "nobody-has-stored-this" in problem["detail"]


@every
def test_unknown_fields_are_refused_with_a_near_one(server: Server, path: str) -> None:
    """“hint (a near name, a corrected form)”"""
    problem = refused(server, path, 422, "invalid-request", expr="x", at={"x": 1}, wtr="x")
    assert pointers(problem) == ["/wtr"]
    assert "wrt" in problem["detail"]


@every
def test_a_field_that_is_null_is_not_there(server: Server, path: str) -> None:
    """Fields that are null count as absent."""
    absent = dict.fromkeys(("program", "function", "model", "wrt", "batch", "encoding", "precision"))
    plain = ask(server, path, expr="x^2", at={"x": 3})
    assert ask(server, path, expr="x^2", at={"x": 3}, **absent, check=None) == plain


@pytest.mark.parametrize("power", ["x^3", "x**3"])
def test_both_signs_are_power(server: Server, power: str) -> None:
    """“^ and ** are power”"""
    assert server.ask("/grad", expr=power, at={"x": 2})["grad"] == {"x": 12}


def test_the_inputs_come_by_name(server: Server) -> None:
    """“at: the inputs by name”"""
    assert server.ask("/value", expr="größe - β_2", at={"β_2": 1, "größe": 3})["value"] == 2


def test_wrt_is_a_name_or_a_list(server: Server) -> None:
    """“wrt: a name or a list”"""
    question: dict[str, Any] = {"expr": "a*x^2 + b", "at": {"a": 2, "x": 3, "b": 1}}
    assert server.ask("/grad", **question, wrt="x")["grad"] == {"x": 12}
    assert server.ask("/grad", **question, wrt=["x", "a"])["grad"] == {"x": 12, "a": 9}


@pytest.mark.parametrize(("path", "one"), [("/jvp", "tangent"), ("/hvp", "vector")])
def test_wrt_is_part_of_every_question(server: Server, path: str, one: str) -> None:
    """“Sent to every endpoint that computes: … wrt”"""
    server.ask(path, expr="a*x^2", at={"a": 2, "x": 3}, wrt="x", **{one: {"x": 1}})


def test_wrt_is_every_real_input_by_default(server: Server) -> None:
    """“default every real input”: not those used as integers, nor truth values."""
    answer = server.ask("/grad", expr="where(c, v[i], 0)*x", at={"v": [1, 2], "i": 1, "x": 3, "c": True})
    assert answer["grad"] == {"v": [0, 3], "x": 2}


def test_wrt_has_to_name_inputs(server: Server) -> None:
    """“each {"pointer","detail"} with a JSON Pointer”: into a list."""
    problem = server.refused("/grad", 422, "invalid-request", expr="x", at={"x": 1}, wrt=["x", "z"])
    assert pointers(problem) == ["/wrt/1"]


def test_the_place_of_a_wrong_name_is_the_name(server: Server) -> None:
    """“each {"pointer","detail"} with a JSON Pointer”: into the request as it was sent."""
    problem = server.refused("/grad", 422, "invalid-request", expr="x", at={"x": 1}, wrt="z")
    assert pointers(problem) == ["/wrt"]


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("expr", 3),
        ("at", [1]),
        ("wrt", 7),
        ("batch", 7),
        ("encoding", "xml"),
        ("precision", "double"),
        ("check", 1),
        ("digits", "yes"),
    ],
)
def test_fields_of_the_wrong_type_are_refused_with_their_place(server: Server, field: str, wrong: Any) -> None:
    """“errors (all faults at once, each {"pointer":"/at/x","detail":…} with a JSON Pointer)”"""
    for path in COMPUTE:
        problem = refused(server, path, 422, "invalid-request", **{"expr": "x", "at": {"x": 1}, field: wrong})
        assert pointers(problem) == [f"/{field}"], path


def test_all_faults_are_told_at_once(server: Server) -> None:
    """“errors (all faults at once …)”"""
    at = {"x": [[1, 2], [3]], "y": "two"}
    problem = server.refused("/grad", 422, "invalid-request", expr="x*y", at=at, wtr="x", precision="double")
    assert set(pointers(problem)) == {"/wtr", "/precision", "/at/x/1", "/at/y"}


@every
def test_a_body_has_to_be_an_object(server: Server, path: str) -> None:
    """A question is an object."""
    for body in ([1], "x^2", 3, None):
        assert pointers(server.post(path, body).problem(422, "invalid-request")) == [""]
