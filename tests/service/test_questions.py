"""Request bodies become questions, or are refused with all their faults."""

from __future__ import annotations

from typing import Any

import pytest

from engine.errors import EngineError, InvalidRequest, LimitExceeded, Unsupported
from engine.limits import Limits
from service.questions import MOST_FAULTS, read_question

LIMITS = Limits(array_bytes=1000)


def faults_of(content: Any) -> dict[str, str]:
    """The faults of a body by pointer."""
    with pytest.raises(InvalidRequest) as caught:
        read_question(content, LIMITS)
    return {fault.pointer: fault.detail for fault in caught.value.faults}


def test_a_whole_question_is_read() -> None:
    body = {"expr": "x+y", "at": {"x": [1, 2], "y": 3}, "wrt": "x", "batch": ["x"], "encoding": "base64"}
    asked = read_question(body | {"precision": "float64", "check": False}, LIMITS)
    question = asked.question
    assert (question.text, question.wrt, question.batch, asked.encoding) == ("x+y", "x", ("x",), "base64")
    assert question.at["x"].tolist() == [1.0, 2.0]
    assert question.at["y"].shape == ()


def test_what_is_left_out_has_its_default() -> None:
    for body in ({"expr": "1"}, {"expr": "1", "at": {}}, {"expr": "1", "at": None, "wrt": None, "batch": None}):
        asked = read_question(body, LIMITS)
        assert (asked.question.wrt, asked.question.batch, asked.encoding) == (None, False, "json")


def test_all_faults_are_told_at_once() -> None:
    found = faults_of(
        {"expr": 5, "att": {}, "at": {"x": [1, [2]], "y": None}, "wrt": ["x", 1, "x"], "batch": 3, "check": "yes"}
    )
    assert set(found) == {"/expr", "/att", "/at/x/1", "/at/y", "/wrt/1", "/wrt/2", "/batch", "/check"}
    assert "did you mean `at`" in found["/att"]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ([], ""),
        ("x^2", ""),
        (None, ""),
        (3.5, ""),
        ({}, "/expr"),
        ({"expr": None}, "/expr"),
        ({"expr": ["x"]}, "/expr"),
        ({"program": 3}, "/program"),
        ({"program": ["return x"], "at": {}}, "/program"),
        ({"program": "return x", "at": {"x": None}}, "/at/x"),
        ({"expr": "x", "at": [1]}, "/at"),
        ({"expr": "x", "at": {"x" * 101: 1}}, "/at/" + "x" * 100 + "…"),
        ({"expr": "x", "at": {"a/b~c": "no"}}, "/at/a~1b~0c"),
        ({"expr": "x", "at": {"a b": 1}}, "/at/a b"),
        ({"expr": "x", "at": {"": 1}}, "/at/"),
        ({"expr": "x", "at": {"1x": 1}}, "/at/1x"),
        ({"expr": "x", "wrt": 3}, "/wrt"),
        ({"expr": "x", "wrt": []}, "/wrt"),
        ({"expr": "x", "wrt": [["x"]]}, "/wrt/0"),
        ({"expr": "x", "batch": {"x": True}}, "/batch"),
        ({"expr": "x", "batch": ["x", "x"]}, "/batch/1"),
        ({"expr": "x", "encoding": "xml"}, "/encoding"),
        ({"expr": "x", "precision": "double"}, "/precision"),
        ({"expr": "x", "check": 1}, "/check"),
        ({"expr": "x", "": 1}, "/"),
    ],
)
def test_a_fault_has_its_pointer(body: Any, pointer: str) -> None:
    assert pointer in faults_of(body)


def test_two_functions_at_once_are_refused_at_both() -> None:
    assert set(faults_of({"expr": "x", "program": "return x"})) == {"/expr", "/program"}


def test_what_comes_later_is_refused_clearly() -> None:
    with pytest.raises(Unsupported, match="send the text itself") as caught:
        read_question({"model": "m"}, LIMITS)
    assert [fault.pointer for fault in caught.value.faults] == ["/model"]


@pytest.mark.parametrize("more", [{}, {"expr": None}, {"wrt": "x"}, {"check": True}])
def test_a_program_is_read_like_an_expression(more: dict[str, Any]) -> None:
    question = read_question({"program": "return x", "at": {"x": 1}, **more}, LIMITS).question
    assert (question.text, question.kind, question.at["x"].tolist()) == ("return x", "program", 1.0)


def test_without_a_server_there_are_no_stored_functions() -> None:
    with pytest.raises(Unsupported, match="Stored functions are a server's") as caught:
        read_question({"function": "f"}, LIMITS)
    assert [fault.pointer for fault in caught.value.faults] == ["/function"]


def test_an_array_that_is_too_large_is_named() -> None:
    with pytest.raises(LimitExceeded) as caught:
        read_question({"expr": "x", "at": {"x": [0.0] * 126}}, LIMITS)
    assert [fault.pointer for fault in caught.value.faults] == ["/at/x"]


@pytest.mark.parametrize(
    "body",
    [
        {"expr": "x", "at": {f"x{number}": None for number in range(10_000)}},
        {"expr": "x", "wrt": [None] * 10_000},
        {"expr": "x", "wrt": ["x"] * 10_000},
        {"expr": "x"} | {f"field{number}": 1 for number in range(10_000)},
        {"expr": "x", "y" * 10_000: 1},
    ],
)
def test_a_body_full_of_faults_gets_a_short_answer(body: Any) -> None:
    with pytest.raises(EngineError) as caught:
        read_question(body, LIMITS)
    assert len(caught.value.faults) <= MOST_FAULTS
    assert sum(len(fault.pointer) + len(fault.detail) for fault in caught.value.faults) < 300 * MOST_FAULTS


def test_unicode_names_are_names() -> None:
    assert set(read_question({"expr": "α+β", "at": {"α": 1, "β": 2}}, LIMITS).question.at) == {"α", "β"}
