"""Questions and answers survive the way between processes, to the last bit."""

from __future__ import annotations

import json
import math
from dataclasses import fields
from typing import Any

import numpy as np
import pytest

from engine.precision import wire
from engine.precision.examine import Examination
from engine.precision.resolved import Resolved, Sides
from engine.question import Question

NAN, INF = math.nan, math.inf
ARRAYS: list[Any] = [
    np.array(1.5),
    np.float64(-0.0),
    np.array([NAN, INF, -INF, -0.0, 5e-324, 1e308]),
    np.array([[1, 2], [3, -(2**63)]], dtype=np.int64),
    np.int64(7),
    np.array([True, False]),
    np.bool_(True),
    np.zeros((0, 3)),
    np.zeros((2, 0), dtype=bool),
    np.arange(12.0).reshape(3, 4).T,
    np.arange(12.0)[::-2],
    np.broadcast_to(np.float64(2.0), (2, 3)),
    np.array([1, 2], dtype=np.float32),
    np.array([0x7FF8000000000123], dtype=np.uint64).view(np.float64),
]


def over(content: Any) -> Any:
    """What arrives of JSON that is sent as a line."""
    line = json.dumps(content)
    assert "\n" not in line
    return json.loads(line)


def identical(found: Any, sent: Any) -> None:
    """Same dtype, shape and bits."""
    a, b = np.asarray(found), np.asarray(sent)
    assert a.dtype == b.dtype
    assert a.shape == b.shape
    assert a.tobytes() == b.tobytes()


@pytest.mark.parametrize("array", ARRAYS, ids=repr)
def test_an_array_keeps_its_bits(array: Any) -> None:
    identical(wire.array_from(over(wire.array_to(array))), array)


def test_arrays_keep_their_names() -> None:
    sent = {"ß": ARRAYS[2], "": ARRAYS[3], "0": ARRAYS[7]}
    found = wire.arrays_from(over(wire.arrays_to(sent)))
    assert list(found) == list(sent)
    for name, array in sent.items():
        identical(found[name], array)


QUESTIONS = [
    Question("x", {"x": np.array(1.0)}),
    Question("α*\n'\"\\ \ud800", {"α": ARRAYS[2], "n": ARRAYS[3], "b": ARRAYS[5]}, wrt=("α",), precision="exact"),
    Question("x*y", {"x": ARRAYS[6]}, batch=True, digits=True),
    Question("x*y", {"x": ARRAYS[7]}, batch=("x", "y"), wrt=(), along={"": ARRAYS[0], "0": ARRAYS[2]}, many=True),
    Question("x*y", {}, batch=(), format="coo", precision="float64"),
]


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_question_is_the_same_question(question: Question) -> None:
    found = wire.question_from(over(wire.question_to(question)))
    for field in fields(Question):
        if field.name in ("at", "along"):
            arrays = getattr(found, field.name)
            for name, array in getattr(question, field.name).items():
                identical(arrays.pop(name), array)
            assert arrays == {}
        else:
            sent = getattr(question, field.name)
            assert getattr(found, field.name) == sent
            assert type(getattr(found, field.name)) is type(sent)


SIDES = [
    Sides("grad", ("x",), (), -1.0, 0.1),
    Sides("hessian", ("x", "y"), (0, 1, 2), None, INF),
    Sides("jvp", (), (1,), -INF, -0.0),
    Sides("grad", ("x",), (), 5e-324, None),
]


def resolved(outputs: list[Any]) -> Resolved:
    """An answer with these outputs, some of them sure."""
    sure = [np.asarray(np.isfinite(output)) for output in outputs]
    return Resolved(outputs, sure, 320, 5, list(SIDES), whole=False, moved=3, late=True)


def test_a_resolved_answer_is_the_same() -> None:
    sent = resolved([*ARRAYS[:8]])
    found = wire.resolved_from(over(wire.resolved_to(sent)))
    for a, b in ((found.outputs, sent.outputs), (found.sure, sent.sure)):
        assert len(a) == len(b)
        for x, y in zip(a, b, strict=True):
            identical(x, y)
    assert (found.digits, found.limits, found.moved, found.whole, found.late) == (320, 5, 3, False, True)
    assert found.sides == SIDES
    assert [math.copysign(1, s.right) for s in found.sides if s.right is not None] == [1, 1, -1]
    without = Resolved([], [], 80, 0, [Sides("g", (), (), NAN, 1.0)])
    left = wire.resolved_from(over(wire.resolved_to(without))).sides[0].left
    assert left is not None
    assert math.isnan(left)


def test_an_examination_is_the_same() -> None:
    sent = Examination(resolved([*ARRAYS[:3]]), [*ARRAYS[:3]], [*ARRAYS[2:4]], ARRAYS[7])
    found = wire.examination_from(over(wire.examination_to(sent)))
    for a, b in zip(
        (*found.resolved.outputs, *found.differences, *found.spread, found.slopes),
        (*sent.resolved.outputs, *sent.differences, *sent.spread, sent.slopes),
        strict=True,
    ):
        identical(a, b)


def test_nothing_is_left_behind() -> None:
    """Every field of what is sent arrives: a new one that is forgotten here would be lost."""
    assert {f.name for f in fields(Resolved)} - {"places"} == set(wire.resolved_to(resolved([])))
    assert {f.name for f in fields(Question)} == set(wire.question_to(QUESTIONS[0]))
    assert {f.name for f in fields(Examination)} == set(
        wire.examination_to(Examination(resolved([]), [], [], ARRAYS[7]))
    )
