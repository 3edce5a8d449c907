"""Constants that float64 rounds on the way to a graph: `auto` and `exact` answer as though they were exact."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engine.question import Answer, Ask, Precision
from tests.asking import ENGINE, budget, codes, question

ROWS: list[tuple[str, float, float, float]] = [
    ("lgamma(1e15+x) - lgamma(1e15)", 2.0, 69.07755278982137, 34.538776394910684),
    ("(1e16+1-1e16)*x", 1.0, 1.0, 1.0),
    ("1e16 + 1 - 1e16 + x", 1.0, 2.0, 1.0),
    ("log(x*exp(-1000))", 2.0, -999.3068528194401, 0.5),
    ("x*exp(-1000)*1e300*1e150", 2.0, 1.0151917795098914e16, 5.075958897549457e15),
    ("sqrt(2)*sqrt(2)*x - 2*x", 1.0, 0.0, 0.0),
    ("(sqrt(2)*sqrt(2) - 2)*1e16*x + x", 3.0, 3.0, 1.0),
    ("where(1e16+1-1e16 > 0.5, x, 2*x)", 1.0, 1.0, 1.0),
    ("(x - 1/3)*1e10", 1 / 3, -1.8503717077085943e-07, 1e10),
    ("sin(1/3*3e9*x) - sin(1e9*x)", 1.0, 0.0, 0.0),
]
"""A text, the point, the value and the derivative there."""


def asked(text: str, x: float, precision: Precision, ask: Ask = "grad", *, digits: bool = False) -> Answer:
    """The whole way of a question."""
    return ENGINE.answer(replace(question(text, {"x": x}), precision=precision, digits=digits), ask, budget())


@pytest.mark.parametrize(("text", "x", "value", "slope"), ROWS, ids=[row[0] for row in ROWS])
@pytest.mark.parametrize("precision", ["auto", "exact"])
def test_answers_are_right(text: str, x: float, value: float, slope: float, precision: Precision) -> None:
    answer = asked(text, x, precision)
    assert answer.grad is not None
    assert (float(np.asarray(answer.value)), float(answer.grad["x"])) == (value, slope)
    assert "ill-conditioned" not in codes(answer)


@pytest.mark.parametrize(("text", "x", "value", "slope"), ROWS, ids=[row[0] for row in ROWS])
def test_float64_says_how_many_digits_it_has(text: str, x: float, value: float, slope: float) -> None:
    answer = asked(text, x, "float64", digits=True)
    assert answer.digits is not None
    promised = float(answer.digits["value"])
    error = abs(float(np.asarray(answer.value)) - value)
    right = 16.0 if error == 0 else -np.log10(error / abs(value)) if value and np.isfinite(error) else 0.0
    assert promised <= max(0.0, right) + 1.5


@pytest.mark.parametrize(
    ("text", "x", "value", "slope"),
    [
        ("x^0.1", 1e300, 1.0000000000000038e30, 1.0000000000000039e-271),
        ("x^(1/3)", 1e300, 1e100, 3.3333333333333335e-201),
        ("x^(1/3)", 8.0, 2.0, 0.08333333333333333),
        ("x^(2/3)", 27.0, 9.0, 0.2222222222222222),
        ("log2(x)", 3.0, 1.584962500721156, 0.4808983469629878),
        ("log10(x)", 3.0, 0.47712125471966244, 0.14476482730108395),
        ("cbrt(x)", 5.0, 1.709975946676697, 0.11399839644511313),
        ("exp2(x)", 0.3, 1.2311444133449163, 0.8533642789721566),
    ],
)
def test_exact_rounds_once(text: str, x: float, value: float, slope: float) -> None:
    answer = asked(text, x, "exact")
    assert answer.grad is not None
    assert (float(np.asarray(answer.value)), float(answer.grad["x"])) == (value, slope)


def test_a_value_without_inputs_is_a_constant_with_doubts() -> None:
    plain = question("1e16 + 1 - 1e16")
    assert float(np.asarray(ENGINE.answer(replace(plain, precision="auto"), "value", budget()).value)) == 1.0
    assert float(np.asarray(ENGINE.answer(replace(plain, precision="float64"), "value", budget()).value)) == 0.0
