"""What is said about single mistakes, in words, with its place; and when nothing is said."""

from __future__ import annotations

from math import cos, exp, nan, pi, sin
from typing import Any

import numpy as np
import pytest

from engine.limits import Budget
from engine.verify.diagnosis import diagnose, explain_arrays
from engine.verify.report import Claim, Hypothesis, Kind
from tests.asking import budget
from tests.verify.planting import Case, case_of

XY = {"x": 3.0, "y": 0.5}
FITS = {"X": [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], "w": [0.5, -0.25], "y": [1.0, 2.0, 3.0]}


def case(text: str, at: dict[str, Any], wrt: str) -> Case:
    found = case_of(text, at, wrt.split())
    assert found is not None
    return found


def told(found: Case, **claimed: Any) -> list[Hypothesis]:
    """The diagnosis; what is not claimed is right."""
    arrays = {**found.gradient, **{n: np.asarray(a, dtype=np.float64) for n, a in claimed.items()}}
    return diagnose(found.mismatch(arrays), budget())


SCALAR: list[tuple[str, dict[str, Any], dict[str, Any], Kind, str, str | None]] = [
    ("x^2*sin(y)", XY, {"y": -9 * cos(0.5)}, "sign", "The sign of the gradient of y is wrong.", None),
    ("x^2*cos(y)", XY, {"y": 9 * sin(0.5)}, "sign", "The sign of the derivative of cos(y) is wrong.", "cos(y)"),
    ("x^2*sin(y)", XY, {"x": 3 * sin(0.5)}, "factor", "The gradient of x is multiplied by 1/2.", None),
    ("x^2*sin(y)", XY, {"x": 6.0}, "missing-chain-factor", "The factor sin(y)", "x^2*sin(y)"),
    ("x^2*sin(y)", XY, {"y": 9 * sin(0.5)}, "missing-chain-factor", "sin(y) stands in place", "sin(y)"),
    ("x^2*sin(y)", XY, {"y": 9 * cos(0.5) * pi / 180}, "degrees", "angle in degrees", None),
    ("x^2*sin(y)", XY, {"x": 9 * cos(0.5), "y": 6 * sin(0.5)}, "permuted", "x and y are swapped", None),
    ("x^2*sin(y)", XY, {"x": 8 * sin(0.5), "y": 16 * cos(0.5)}, "other-point", "x is one larger", None),
    ("x*sin(x)", {"x": 2.0}, {"x": sin(2)}, "missing-chain-factor", "sin(x) is treated as a constant", "x*sin(x)"),
    ("x^2 + sin(x)", {"x": 2.0}, {"x": cos(2)}, "last-use-only", "Only one of the 2 uses of x", "sin(x)"),
    ("sin(2*x)", {"x": 1.5}, {"x": cos(3)}, "missing-chain-factor", "The factor 2", "2*x"),
    ("exp(-x^2/2)", {"x": 1.5}, {"x": exp(-1.125)}, "missing-chain-factor", "inner derivative", "-x^2/2"),
]


@pytest.mark.parametrize(("text", "at", "claimed", "kind", "words", "place"), SCALAR)
def test_a_mistake_is_named_with_its_place(
    text: str, at: dict[str, Any], claimed: dict[str, Any], kind: Kind, words: str, place: str | None
) -> None:
    best = told(case(text, at, " ".join(at)), **claimed)[0]
    assert (best.kind, words in best.detail) == (kind, True), best.detail
    assert best.span is None if place is None else best.span is not None
    if place is not None and best.span is not None:
        assert text[best.span.start : best.span.end] == place
    assert best.residual < 1e-12
    assert best.inputs == tuple(claimed)


def test_a_mean_is_told_from_a_factor() -> None:
    found = case("sum((X @ w - y)^2)/2", FITS, "w")
    assert told(found, w=found.gradient["w"] / 3)[0].kind == "mean-instead-of-sum"
    assert told(found, w=found.gradient["w"] * 2)[0].kind == "factor"


def test_the_size_of_a_batch_is_a_factor_with_a_name() -> None:
    found = case("sum((X @ w - y)^2)/2", FITS, "w")
    (best,) = diagnose(found.mismatch({"w": found.gradient["w"] / 32}, points=32), budget())
    assert best.kind == "mean-instead-of-sum"
    assert "32" in best.detail
    assert "points" in best.detail


def test_what_cannot_be_told_apart_is_said_in_other_words() -> None:
    (best,) = told(case("x*sin(x)", {"x": 2.0}, "x"), x=2 * cos(2))
    assert best.kind == "missing-chain-factor"
    assert "Put differently: only one of the 2 uses of x" in best.detail


def test_what_agrees_by_chance_is_listed() -> None:
    kinds = [h.kind for h in told(case("x^2", {"x": 1.0}, "x"), x=1.0)]
    assert kinds[0] == "missing-chain-factor"
    assert "factor" in kinds


def test_two_mistakes_are_told_input_by_input() -> None:
    found = case("x^2*y + z", {"x": 2.0, "y": 1.0, "z": 3.0}, "x y z")
    by_input = {(h.kind, h.inputs) for h in told(found, x=-4.0, y=8.0)}
    assert {("sign", ("x",)), ("factor", ("y",))} <= by_input


@pytest.mark.parametrize(
    ("text", "at", "claimed"),
    [
        ("x^3", {"x": 2.0}, 12.345),
        ("x^3", {"x": 2.0}, nan),
        ("x^3", {"x": 2.0}, np.inf),
        ("sum(x^2)", {"x": [1.0, 2.0, 3.0]}, [2.1, nan, 6.0]),
        ("sum(x^2)", {"x": [1.0, 2.0, 3.0]}, [2.0, 4.0]),
        ("sum(x^3)", {"x": [1.0, 2.0, 3.0]}, [3.1, 12.7, 25.9]),
        ("x^3", {"x": 2.0}, 12.0),
    ],
)
def test_nothing_is_invented(text: str, at: dict[str, Any], claimed: Any) -> None:
    assert told(case(text, at, "x"), x=claimed) == []


def test_an_expectation_that_is_not_finite_is_not_explained() -> None:
    claim = Claim({"x": np.array(1.0)}, {"x": np.array(np.inf)}, {"x": np.array(nan)})
    assert claim.wrong == ("x",)
    assert explain_arrays(claim) == []


def test_few_digits_are_enough_for_plain_mistakes() -> None:
    found = case("x^2*sin(y)", XY, "x y")
    assert [h.kind for h in told(found, x=2.88, y=-7.9)] == ["sign", "float32"]
    best = told(found, x=2.877, y=7.898)[0]
    assert (best.kind, "as they are written, to 3 decimals" in best.detail) == ("float32", True)


def test_single_precision_hides_no_other_mistake() -> None:
    found = case("x^2*sin(y)", XY, "x y")
    first, second = told(found, x=float(np.float32(6 * sin(0.5))), y=float(np.float32(-9 * cos(0.5))))
    assert (first.kind, first.inputs) == ("sign", ("y",))
    assert (second.kind, second.inputs) == ("float32", ("x",))


def test_gradients_of_other_shapes() -> None:
    found = case(
        "sum((A @ B - C)^2)", {"A": np.eye(3, 4) + 0.5, "B": np.arange(8.0).reshape(4, 2), "C": np.ones((3, 2))}, "A"
    )
    assert told(found, A=found.gradient["A"].T)[0].kind == "transposed"
    found = case("sum(sin(X + b))", {"X": np.arange(12.0).reshape(4, 3), "b": [0.1, 0.2, 0.3]}, "b")
    rows = np.cos(np.arange(12.0).reshape(4, 3) + np.array([0.1, 0.2, 0.3]))
    assert told(found, b=rows)[0].kind == "missing-reduction"
    assert told(found, b=rows[-1])[0].kind == "missing-reduction"
    column = told(found, b=found.gradient["b"][:, None])[0]
    assert (column.kind, "(3, 1) instead of (3,)" in column.detail) == ("transposed", True)


def test_repeated_indices_that_were_assigned() -> None:
    found = case("sum(w[[0, 0, 2]]*v)", {"w": [1.0, 2.0, 3.0], "v": [0.3, 0.5, 0.7]}, "w")
    best = told(found, w=[0.5, 0.0, 0.7])[0]
    assert (best.kind, "occur several times" in best.detail) == ("last-use-only", True)


@pytest.mark.parametrize("size", [30, 20_000])
def test_many_components(size: int) -> None:
    """More components than directions: predictions are computed in full."""
    draw = np.random.default_rng(3)
    x, c = draw.uniform(0.5, 1.5, size), draw.normal(size=size)
    found = case("sum(c*exp(-x^2/2)*sin(3*x))", {"x": x, "c": c}, "x")
    bell = c * np.exp(-(x**2) / 2)
    for claimed, kind, place in (
        (bell * (-x * np.sin(3 * x) + np.cos(3 * x)), "missing-chain-factor", "3*x"),
        (bell * (np.sin(3 * x) + 3 * np.cos(3 * x)), "missing-chain-factor", "-x^2/2"),
        (bell * 3 * np.cos(3 * x), "missing-chain-factor", "c*exp(-x^2/2)*sin(3*x)"),
        (np.roll(found.gradient["x"], 5), "permuted", None),
    ):
        best = told(found, x=claimed)[0]
        assert best.kind == kind, best.detail
        if place is not None and best.span is not None:
            assert found.text[best.span.start : best.span.end] == place
    assert told(found, x=found.gradient["x"] * draw.uniform(0.9, 1.1, size)) == []


def test_without_time_nothing_fails() -> None:
    found = case("sum((X @ w - y)^2)/2", FITS, "w")
    spent = Budget.starting_now(-1.0)
    assert [h.kind for h in diagnose(found.mismatch({"w": -found.gradient["w"]}), spent)] == ["sign"]
    assert diagnose(found.mismatch({"w": found.gradient["w"] + 0.1}), spent) == []


def arrays_of(claimed: Any, expected: Any) -> Claim:
    right = {n: np.asarray(a, dtype=np.float64) for n, a in expected.items()}
    return Claim(
        {n: np.asarray(a, dtype=np.float64) for n, a in claimed.items()},
        right,
        {n: 1e-9 * np.abs(a) for n, a in right.items()},
    )


@pytest.mark.parametrize(
    ("claimed", "expected", "kind"),
    [
        ({"x": [-1.0, 2.5]}, {"x": [1.0, -2.5]}, "sign"),
        ({"x": [3.25, 7.5, -2.0]}, {"x": [6.5, 15.0, -4.0]}, "factor"),
        ({"x": [1.5, 3.5, 2.5]}, {"x": [2.5, 1.5, 3.5]}, "permuted"),
        ({"x": [4.5, 3.5, 1.25, 2.0]}, {"x": [2.0, 1.25, 4.5, 3.5]}, "permuted"),
        ({"a": 1.25, "b": 2.5}, {"a": 2.5, "b": 1.25}, "permuted"),
        ({"x": [[1.5, 2.5], [3.5, 4.5], [5.5, 6.5]]}, {"x": [[1.5, 3.5, 5.5], [2.5, 4.5, 6.5]]}, "transposed"),
        ({"x": [[1.25, 2.5], [3.5, 4.0]]}, {"x": [4.75, 6.5]}, "missing-reduction"),
        ({"x": [float(np.float32(0.1)), float(np.float32(0.7))]}, {"x": [0.1, 0.7]}, "float32"),
        ({"x": [1.1, 2.2, -3.3]}, {"x": [1.1, -2.2, -3.3]}, "sign"),
    ],
)
def test_numbers_alone(claimed: Any, expected: Any, kind: Kind) -> None:
    assert explain_arrays(arrays_of(claimed, expected))[0].kind == kind


def test_a_factor_of_a_count() -> None:
    claim = arrays_of({"x": [0.25, 1.5]}, {"x": [1.75, 10.5]})
    (best,) = explain_arrays(claim, {"the number of samples": 7})
    assert (best.kind, "the number of samples" in best.detail) == ("factor", True)


@pytest.mark.parametrize(
    ("factor", "count", "said"),
    [
        (2.0, 4, "is multiplied by 2."),
        (0.5, 4, "is multiplied by 1/2."),
        (4.0, 8, "is multiplied by 4."),
        (2.0, 2, "is multiplied by 2, where 2 is the number of samples."),
        (4.0, 4, "is multiplied by 4, where 4 is the number of samples."),
        (3.5, 7, "is multiplied by 7/2, where 7 is the number of samples."),
        (14.0, 7, "is multiplied by 2 * 7, where 7 is the number of samples."),
    ],
)
def test_a_plain_factor_is_not_made_of_a_count(factor: float, count: int, said: str) -> None:
    expected = np.array([1.75, 10.5, 3.25])
    (best,) = explain_arrays(arrays_of({"x": factor * expected}, {"x": expected}), {"the number of samples": count})
    assert best.detail.endswith(said)


def test_a_count_comes_before_a_fraction_of_another() -> None:
    claim = arrays_of({"x": [10.5, 63.0]}, {"x": [1.75, 10.5]})
    (best,) = explain_arrays(claim, {"the number of points": 12, "the number of samples": 6})
    assert best.detail.endswith("is multiplied by 6, where 6 is the number of samples.")


def test_one_number_has_no_nameless_factor() -> None:
    assert explain_arrays(arrays_of({"x": 1.2345678}, {"x": 2.0})) == []
