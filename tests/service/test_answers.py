"""Answers of the engine become response bodies, whatever their parts."""

from __future__ import annotations

import numpy as np
import pytest

from engine.errors import LimitExceeded
from engine.question import Answer, Question, Sparse, Warning
from engine.source.text import Span
from service.answers import BYTES_PER_NUMBER, answer_content, answer_size
from service.questions import Asked

ROOM = 10**6
SQUARE = np.arange(4.0).reshape(2, 2)


def asked(encoding: str = "json") -> Asked:
    """A question whose answer is to be written in `encoding`."""
    return Asked(Question("a\n+ b", {}), encoding)


def test_parts_are_written_as_they_are_nested() -> None:
    answer = Answer(
        np.array(2.0), {"grad": {"x": np.float64(1.5)}, "hessian": {"x": {"x": SQUARE}}, "mode": "x"}, [], {}
    )
    assert answer_content(answer, asked(), ROOM) == {
        "value": 2.0,
        "grad": {"x": 1.5},
        "hessian": {"x": {"x": [[0.0, 1.0], [2.0, 3.0]]}},
        "mode": "x",
        "warnings": [],
    }
    assert answer_content(answer, asked("base64"), ROOM)["hessian"]["x"]["x"]["shape"] == [2, 2]
    assert answer_size(answer) == BYTES_PER_NUMBER * 7


def test_warnings_have_places_and_further_fields() -> None:
    warning = Warning("kink", "here", Span(4, 5), {"operation": "abs", "arguments": [np.float64(0.0)]})
    (written,) = answer_content(Answer(np.array(1.0), {}, [warning], {}), asked(), ROOM)["warnings"]
    assert written == {
        "code": "kink",
        "message": "here",
        "span": {"line": 2, "column": 3, "end_line": 2, "end_column": 4},
        "operation": "abs",
        "arguments": [0.0],
    }


def test_an_answer_that_is_too_large_is_refused_before_it_is_written() -> None:
    # A view of one number: only what would be written is large.
    huge = np.broadcast_to(np.array(1.0), (10**6, 10**6))
    with pytest.raises(LimitExceeded):
        answer_content(Answer(huge, {}, [], {}), asked(), ROOM)


def test_several_outputs_are_a_list() -> None:
    answer = Answer((np.array(2.0), SQUARE), {"jvp": (np.float64(1.5), SQUARE), "passes": 3}, [], {})
    content = answer_content(answer, asked(), ROOM)
    assert content["value"] == [2.0, [[0.0, 1.0], [2.0, 3.0]]]
    assert content["jvp"] == [1.5, [[0.0, 1.0], [2.0, 3.0]]]
    assert content["passes"] == 3
    assert answer_content(answer, asked("base64"), ROOM)["value"][1]["shape"] == [2, 2]
    assert answer_size(answer) == BYTES_PER_NUMBER * 11


def test_sparse_matrices_are_written_by_their_entries() -> None:
    matrix = Sparse((1000, 1000), np.array([0, 999]), np.array([1, 2]), np.array([0.5, 1.5]))
    answer = Answer(np.array(2.0), {"jacobian": {"x": matrix, "y": (matrix,)}}, [], {})
    written = {"shape": [1000, 1000], "row": [0, 999], "column": [1, 2], "value": [0.5, 1.5]}
    assert answer_content(answer, asked(), ROOM)["jacobian"] == {"x": written, "y": [written]}
    packed = answer_content(answer, asked("base64"), ROOM)["jacobian"]["x"]
    assert packed["shape"] == [1000, 1000]
    assert packed["row"]["dtype"] == "int64"
    assert answer_size(answer) == BYTES_PER_NUMBER + 2 * (2 * BYTES_PER_NUMBER + 2 * 10)
