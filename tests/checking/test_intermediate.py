"""What rounding does to a gradient whose terms cancel, whatever the formula."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from engine.checking.intermediate import intermediate_errors
from engine.question import Question
from tests.asking import ENGINE, budget, question
from tests.checking.test_check import claim

W = [0.558, 1.551, 1.163]


def errors(asked: Question) -> Any:
    """Those of a question about an expression."""
    return intermediate_errors(ENGINE.subject(asked, budget()), asked, budget())


@pytest.mark.parametrize(
    ("text", "scale"),
    [
        ("sum(softmax(w))", 1.0),
        ("1e6*sum(softmax(w))", 1e6),
        ("logsumexp(w) - log(sum(exp(w)))", 1.0),
        ("sum((w/norm(w))^2)", 1.0),
    ],
)
def test_a_gradient_of_nothing_but_cancelling_terms_has_errors_of_their_size(text: str, scale: float) -> None:
    found = errors(question(text, {"w": W}))["w"]
    assert np.all(found > 1e-18 * scale)
    assert np.all(found < 1e-14 * scale)


def test_moving_rounds_nothing() -> None:
    assert np.all(errors(question("sum(w - reshape(w, 3)[::-1][::-1])", {"w": W}))["w"] < 1e-15)
    assert np.all(errors(question("w[0]", {"w": W}))["w"] == 0.0)


def test_what_jumps_is_not_known() -> None:
    assert np.all(errors(question("where(sum(w) > 3.272, 5*sum(w), w[0])", {"w": W}))["w"] < 1e-13)
    assert np.all(errors(question("sum(where(w*1.0 >= 0.558, 3*w, w))", {"w": [0.558, 0.558, 0.558]}))["w"] < 1e-13)


def test_nothing_is_known_of_batches() -> None:
    asked = question("sum(softmax(w))", {"w": [W, W]}, batch=True)
    assert errors(asked) == {}


@pytest.mark.parametrize("wrong", [1e-16, -5e-17, 3e-15])
def test_zeros_of_cancelling_terms_may_be_off_by_their_last_places(wrong: float) -> None:
    at = {"v": [1.125, 0.866, 1.032], "w": W}
    text = "log(1.5 + square(sum(v[::-1])*v[0]^2*sum(softmax(w))))"
    right = ENGINE.answer(question(text, at), "grad", budget()).grad
    assert right is not None
    near = {"v": np.asarray(right["v"]), "w": np.array([0.0, wrong, 0.0])}
    assert claim(text, at, near).verdict == "correct"
    assert claim(text, at, {**near, "w": np.array([0.0, 1e-9, 0.0])}).verdict == "incorrect"


def test_terms_may_cancel_in_the_value_too() -> None:
    """Nothing in sight tells how large the terms are."""
    at = {"v": 2.0, "w": W}
    near = {"v": 0.0, "w": np.array([0.0, 1e-11, 0.0])}
    report = claim("1e6*v*sum(softmax(w)) - 1e6*v", at, near)
    assert report.wrong == 0
    assert claim("1e6*v*sum(softmax(w)) - 1e6*v", at, {**near, "w": np.array([0.0, 1e-3, 0.0])}).verdict == "incorrect"
