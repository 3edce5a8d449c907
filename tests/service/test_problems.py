"""Errors as problem details."""

from __future__ import annotations

import json

import pytest

from engine.errors import REFUSALS, Fault, Limit, LimitExceeded, SyntaxFault
from engine.source.text import Span
from service.errors import SERVICE_ERRORS, InvalidJson, Overloaded
from service.problems import catalogue, problem_of
from service.serialise import json_bytes

CONTRACT = {
    400: {"invalid-json"},
    404: {"not-found"},
    405: {"method-not-allowed"},
    409: {"conflict"},
    410: {"gone"},
    413: {"too-large"},
    415: {"unsupported-media-type"},
    422: {
        "invalid-request",
        "syntax-error",
        "unknown-name",
        "type-mismatch",
        "shape-mismatch",
        "not-scalar",
        "not-differentiable",
        "unsupported",
        "limit-exceeded",
        "budget-exceeded",
    },
    429: {"rate-limited"},
    500: {"internal"},
    503: {"overloaded", "unavailable"},
}


def test_the_catalogue_is_the_contracts() -> None:
    found: dict[int, set[str]] = {}
    for kind in catalogue().values():
        found.setdefault(kind.status, set()).add(kind.name)
    assert found == CONTRACT


@pytest.mark.parametrize("error", [*REFUSALS, *SERVICE_ERRORS])
def test_every_kind_tells_its_story(error: type[Exception]) -> None:
    kind = catalogue()[error.name]  # type: ignore[attr-defined]
    assert kind.title
    assert not kind.title.endswith(".")
    assert kind.story.endswith((".", "`"))
    assert bool(kind.example) == bool(kind.repair)


def test_a_refusal_of_the_engine_has_everything() -> None:
    error = SyntaxFault("'(' is never closed.", Span(4, 5), hint="add ')'", faults=[Fault("/expr", "…")], text="2 * (x")
    assert problem_of(error).body == {
        "type": "/errors/syntax-error",
        "title": "The text cannot be read",
        "status": 422,
        "detail": "'(' is never closed.",
        "errors": [{"pointer": "/expr", "detail": "…"}],
        "span": {"line": 1, "column": 5, "end_line": 1, "end_column": 6},
        "excerpt": "2 * (x\n    ^",
        "hint": "add ')'",
    }


def test_numbers_that_are_not_finite_do_not_break_a_problem() -> None:
    problem = problem_of(LimitExceeded("inf is too much", limit=Limit("nodes", 10.0, float("inf"))))
    assert json.loads(json_bytes(problem.body))["limit"] == {"name": "nodes", "value": 10.0, "given": "Infinity"}


def test_headers_go_along() -> None:
    problem = problem_of(Overloaded("busy", headers={"Retry-After": "3"}))
    assert (problem.status, problem.headers, problem.name) == (503, {"Retry-After": "3"}, "overloaded")


def test_fields_that_do_not_apply_are_left_out() -> None:
    assert set(problem_of(InvalidJson("no")).body) == {"type", "title", "status", "detail"}
