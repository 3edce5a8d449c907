"""The rounding error that is estimated, against the true one: over the corpus of traps, and over generated expressions.

Both are told in decimal digits.  Predicted minus true is a little below 0 where it is right: the estimate is the
largest of four draws.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st

from engine.derive.rounding import rounding_error
from engine.execute.compile import compile_graph
from engine.execute.guards import guards
from engine.graph.check import check
from engine.precision.digits import MOST
from engine.question import Answer, Question
from engine.verify.ziv import settle
from tests import expressions
from tests.asking import ENGINE, budget, graph_of_text, question
from tests.corpus.test_corpus import CASES, numbers
from tests.drawing import drawn_always

ENOUGH = 8.0
POINT: Mapping[str, Any] = {"x": 0.0, "y": 0.0, "v": [0.0] * 3, "w": [0.0] * 3, "A": [[0.0] * 3] * 3}
"""The inputs of generated expressions."""


@dataclass(frozen=True)
class Number:
    """One number of an answer: its digits as predicted and as they are, and whether the guard of the answer fired."""

    where: str
    predicted: float
    true: float
    guarded: bool


def digits(found: float, truth: float) -> float:
    """The right decimal digits of a number."""
    if found == truth:
        return MOST
    with np.errstate(all="ignore"):
        return float(np.clip(-np.log10(abs(found - truth) / abs(truth)) if truth else 0.0, 0.0, MOST))


def fast(asked: Question) -> tuple[Answer, list[Any]] | None:
    """The float64 answer of a gradient and its predicted digits; None where it is troubled or not finite."""
    prepared = ENGINE.prepare(asked, "grad", budget())
    answer = prepared.run(asked, budget())
    if answer.troubled or not all(np.all(np.isfinite(o)) for o in answer.outputs):
        return None
    return answer, prepared.digits(answer, asked, budget())


def compared(where: str, answer: Answer, predicted: list[Any], truths: list[Any]) -> Iterator[Number]:
    """The numbers of an answer whose truth is known and finite."""
    for found, guess, truth in zip(answer.outputs, predicted, truths, strict=True):
        for x, p, y in zip(np.ravel(found), np.ravel(guess), np.ravel(truth), strict=True):
            if math.isfinite(y):
                yield Number(where, float(p), digits(float(x), float(y)), answer.guarded)


@cache
def corpus() -> list[Number]:
    """The smooth cases of the corpus that float64 meets without trouble."""
    found: list[Number] = []
    for case in CASES:
        if case["kind"] != "smooth":
            continue
        at = {name: numbers(value) for name, value in case["at"].items()}
        wrt = tuple(case["wrt"]) if case.get("wrt") else None
        answered = fast(replace(question(case["expr"], at, wrt=wrt), precision="float64"))
        if answered is not None:
            answer, predicted = answered
            # The zeros of inputs without influence are no outputs of the graph.
            layout = ENGINE.prepare(question(case["expr"], at, wrt=wrt), "grad", budget()).layout["grad"]
            assert isinstance(layout, Mapping)
            named = [name for name, place in layout.items() if type(place) is int]
            truths = [numbers(case["value"]), *[numbers(case["grad"][name]) for name in named]]
            found += compared(case["name"], answer, predicted, truths)
    return found


@cache
def drawn(cancelling: bool) -> list[tuple[str, dict[str, Any]]]:
    """Generated expressions with their points, the same ones every time; `cancelling` ones lose digits on purpose."""
    made: list[tuple[str, dict[str, Any]]] = []
    rng = np.random.default_rng(20_261_121)
    for text, way in drawn_always(st.tuples(expressions.scalars(3), st.integers(0, 3)), 80):
        # Hypothesis likes ends of intervals, where numbers that are alike cancel more often than is usual.
        at = {name: np.round(rng.uniform(0.25, 2.0, np.shape(a)), 3) for name, a in POINT.items()}
        if cancelling:
            ways = (
                "({0})*(1 + x*1e-9) - ({0})",
                "sin(10^6*({0}))",
                "sqrt(1e8 + ({0})) - 1e4",
                "log(1 + ({0})*1e-9)*1e9",
            )
            made.append((ways[way].format(text), at))
        else:
            made.append((text, at))
    return made


@cache
def generated(cancelling: bool) -> list[Number]:
    """What is predicted and what is true for them."""
    found: list[Number] = []
    for text, at in drawn(cancelling):
        asked = replace(question(text, at), precision="float64")
        answered = fast(asked)
        if answered is None:
            continue
        prepared = ENGINE.prepare(asked, "grad", budget())
        settled = settle(prepared.graph, prepared.arguments(asked), budget())
        truths = [np.where(s, o, np.nan) for s, o in zip(settled.sure, settled.outputs, strict=True)]
        found += compared(text, answered[0], answered[1], truths)
    return found


def apart(found: list[Number]) -> Any:
    """Predicted minus true digits of numbers that have lost some, and are not 0 by cancellation."""
    return np.array([n.predicted - n.true for n in found if n.true < 15.0])


def test_the_prediction_is_close_to_the_truth_on_the_corpus() -> None:
    found = apart(corpus())
    assert len(corpus()) >= 600
    assert len(found) >= 50
    low, median, high = np.percentile(found, [5, 50, 95])
    assert -1.0 < median <= 0.0
    assert low > -1.5
    assert high < 0.5


def test_the_prediction_is_close_to_the_truth_on_generated_expressions() -> None:
    everything = [*generated(False), *generated(True)]
    found = apart(everything)
    assert len(everything) >= 800
    assert len(found) >= 100
    low, median, high = np.percentile(found, [10, 50, 95])
    assert -1.0 < median <= 0.0
    assert low > -2.5
    assert high < 0.3


@pytest.mark.parametrize("numbers_of", [corpus, lambda: generated(False), lambda: generated(True)])
def test_few_digits_are_never_taken_for_many(numbers_of: Any) -> None:
    too_many = [n for n in numbers_of() if n.true < ENOUGH < n.predicted - 0.5]
    assert too_many == []


@pytest.mark.parametrize("numbers_of", [corpus, lambda: generated(False), lambda: generated(True)])
def test_the_guard_misses_nothing(numbers_of: Any) -> None:
    """A number of fewer than 8 right digits has fired a guard of its answer."""
    assert [n for n in numbers_of() if n.true < ENOUGH and not n.guarded] == []


def test_there_is_something_to_miss() -> None:
    assert sum(n.true < ENOUGH for n in [*corpus(), *generated(True)]) >= 60


def test_ordinary_questions_fire_no_guard_often() -> None:
    """The guard costs a second computation: measured on 400 generated questions, one in ten fires it."""
    fired = [answered[0].guarded for text, at in drawn(False) if (answered := fast(question(text, at))) is not None]
    assert len(fired) >= 60
    assert sum(fired) <= 0.25 * len(fired)


LOST: list[tuple[str, Mapping[str, Any], float]] = [
    # text, point, digits of the value
    ("x - y", {"x": 1.0, "y": 1.0 - 1e-10}, MOST),
    ("(x + 1) - y", {"x": 1e-10, "y": 1.0}, 6.0),
    ("x*y - 1", {"x": 3.1, "y": 1 / 3.1 + 1e-12}, 4.0),
    ("sin(x*y)", {"x": 1e8, "y": 1.1}, 9.1),
    ("exp(x*y)", {"x": 30.1, "y": 20.3}, 13.2),
    ("(1 + x*1e-10)^1e10", {"x": 0.3}, 6.0),
    ("log1p(x*y)", {"x": -0.99999999, "y": 1.000000009}, 8.3),
    ("sum(v) - 6", {"v": [1.1, 2.2, 2.7 + 1e-9]}, 6.5),
    ("det(A)", {"A": [[1.0, 2.0], [0.5, 1.0 + 1e-10]]}, 5.5),
    ("x^2", {"x": 3.3}, 15.7),
    ("-x", {"x": 3.3}, MOST),
    ("4*x", {"x": 3.3}, MOST),
    ("v[1]", {"v": [1.0, 2.0]}, MOST),
    ("sum(v)", {"v": [1.0, 2.0]}, MOST),
    # Whole numbers are added and multiplied without an error, which a negative base would not allow.
    ("x^(3*p + q)", {"x": -2.0, "p": 1.0, "q": 2.0}, 15.7),
    ("x^(p/3*3)", {"x": -2.0, "p": 3.0}, 0.0),
    # Where the function is stationary in what was lost, only a result that is really moved tells of it.
    ("cos((a + x) - a)", {"a": 1e16, "x": 1.0}, 0.0),
    ("((a + x) - a - 1)^2", {"a": 1e10, "x": 1.0}, 0.0),
]


@pytest.mark.parametrize(("text", "at", "expected"), LOST, ids=[row[0] for row in LOST])
def test_digits_of_a_value(text: str, at: Mapping[str, Any], expected: float) -> None:
    asked = replace(question(text, at), precision="float64")
    prepared = ENGINE.prepare(asked, "value", budget())
    (found,) = prepared.digits(prepared.run(asked, budget()), asked, budget())
    assert abs(float(found) - expected) < 1.0


def test_a_derivative_that_nobody_asked_for_takes_no_digits_away() -> None:
    """That of a power of a negative number with respect to the exponent is NaN."""
    for at in ({"x": -2.0, "p": 3.0}, {"x": [-2.0, 3.0, -1.5], "p": 4.0}):
        asked = replace(question("sum(x^p)", at, wrt=("x",)), precision="float64", digits=True)
        found = ENGINE.answer(asked, "hessian", budget()).digits
        assert found is not None
        for part in (found["value"], found["grad"]["x"], found["hessian"]["x"]["x"]):
            assert np.min(part) > 15.0


def test_what_is_rounded_once_has_all_digits() -> None:
    """Whatever size its error is drawn with."""
    rng = np.random.default_rng(20_261_121)
    asked = question("x*y", {"x": rng.uniform(0.2, 2.0, 500), "y": rng.uniform(0.2, 2.0, 500)})
    asked = replace(asked, precision="float64")
    prepared = ENGINE.prepare(asked, "value", budget())
    (found,) = prepared.digits(prepared.run(asked, budget()), asked, budget())
    assert np.all(found == MOST)


def test_two_errors_of_one_size_do_not_cancel_in_all_draws() -> None:
    """Those of the sum and of the product are as large, relatively, and meet in the difference."""
    rng = np.random.default_rng(20_261_121)
    asked = question("y*(1 + x*1e-9) - y", {"x": rng.uniform(0.2, 2.0, 500), "y": rng.uniform(0.2, 2.0, 500)})
    asked = replace(asked, precision="float64")
    prepared = ENGINE.prepare(asked, "value", budget())
    (found,) = prepared.digits(prepared.run(asked, budget()), asked, budget())
    assert np.max(found) < 9.0


def test_the_graph_of_errors_has_one_output_for_each() -> None:
    graph, arguments = graph_of_text("(x*y, x - y, 3.0)", {"x": [1.0, 2.0], "y": 0.1})
    errors = rounding_error(graph, lanes=4)
    check(errors)
    assert [v.shape for v in errors.outputs] == [(4, *v.shape) for v in graph.outputs]
    first, second, third = compile_graph(errors)(arguments)[0]
    again = compile_graph(rounding_error(graph, lanes=4))(arguments)[0]
    for a, b in zip((first, second, third), again, strict=True):
        np.testing.assert_array_equal(a, b)
    # About half a unit in the last place of each, with both signs.
    sizes = np.abs(first) / (2.0**-53 * np.array([0.1, 0.2]))
    assert np.all((sizes > 0.75) & (sizes <= 1.25 * (1 + 1e-6)))
    assert len({tuple(np.sign(draw)) for draw in [*first, *second]}) >= 2
    assert np.all(third == 0)


def test_integers_and_truth_values_have_all_their_digits() -> None:
    for text in ("x > 1", "argsort(v)", "floor(x)"):
        asked = replace(question(text, {"x": 1.5, "v": [2.0, 1.0]}), precision="float64")
        prepared = ENGINE.prepare(asked, "value", budget())
        (found,) = prepared.digits(prepared.run(asked, budget()), asked, budget())
        assert np.all(found == MOST)


def test_digits_by_part_are_those_of_its_numbers() -> None:
    asked = replace(question("(x + 1) - y + v[1]", {"x": 1e-10, "y": 1.0, "v": [1.0, 0.0]}), digits=True)
    answer = ENGINE.answer(replace(asked, precision="float64"), "grad", budget())
    assert answer.digits is not None
    assert set(answer.digits) == {"value", "grad"}
    assert abs(float(answer.digits["value"]) - 6.0) < 1.0
    assert np.shape(answer.digits["grad"]["v"]) == (2,)
    escalated = ENGINE.answer(asked, "grad", budget())
    assert escalated.digits is not None
    assert float(escalated.digits["value"]) == round(MOST, 1) or float(escalated.digits["value"]) == pytest.approx(
        MOST, abs=0.1
    )


def test_every_node_of_the_corpus_is_estimated() -> None:
    """No primitive lacks a forward rule that the estimate needs."""
    seen = {node.primitive.name for case in CASES for node in guards_of(case)}
    assert len(seen) >= 20


def guards_of(case: dict[str, Any]) -> list[Any]:
    """The nodes with guards of the gradient of a case."""
    at = {name: numbers(value) for name, value in case["at"].items()}
    asked = question(case["expr"], at, wrt=tuple(case["wrt"]) if case.get("wrt") else None)
    return list(guards(ENGINE.prepare(asked, "grad", budget()).graph))
