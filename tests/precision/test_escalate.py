"""What happens in each precision: which answers are computed again, and what is said of it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from engine.errors import BudgetExceeded, EngineError, Unsupported
from engine.limits import Budget
from engine.precision.escalate import decide, undecided
from engine.precision.resolved import Resolved
from engine.question import Answer, Array, Ask, Precision, Question
from tests.asking import ENGINE, budget, codes, question

NAN, INF = math.nan, math.inf


def answered(
    text: str, at: Mapping[str, Any], precision: Precision = "auto", *, what: Ask = "grad", **rest: Any
) -> Answer:
    """The whole way of a question, in this process."""
    asked = replace(question(text, at), precision=precision, **rest)
    return ENGINE.answer(asked, what, budget())


def number(answer: Answer) -> float:
    """The value of a function that has one number."""
    assert not isinstance(answer.value, tuple)
    return float(answer.value)


@dataclass(frozen=True)
class Row:
    """A point, the value and the slope in x by precision, and the codes of the warnings."""

    text: str
    at: Mapping[str, Any]
    fast: tuple[float, float]
    right: tuple[float, float]
    said: Mapping[Precision, Sequence[str]]


ESCALATED = ("escalated",)
TABLE = {
    "ordinary": Row("x^2", {"x": 3.0}, (9.0, 6.0), (9.0, 6.0), {"exact": ESCALATED}),
    "lost digits": Row(
        "(x + 1) - 1", {"x": 1e-10}, (1.000000082740371e-10, 1.0), (1e-10, 1.0), {"auto": ESCALATED, "exact": ESCALATED}
    ),
    "all digits lost": Row(
        "(1 + x) - 1", {"x": 1e-200}, (0.0, 1.0), (1e-200, 1.0), {"auto": ESCALATED, "exact": ESCALATED}
    ),
    "removable": Row(
        "sin(x)/x",
        {"x": 0.0},
        (NAN, NAN),
        (1.0, 0.0),
        {
            "float64": ("non-finite",),
            "auto": ("singular", "escalated"),
            "exact": ("singular", "escalated"),
        },
    ),
    "kink": Row(
        "abs(x)",
        {"x": 0.0},
        (0.0, 0.0),
        (0.0, 0.0),
        {"float64": ("kink",), "auto": ("kink",), "exact": ("escalated", "kink")},
    ),
    "no kink": Row(
        "x*abs(x) + x", {"x": 0.0}, (0.0, 1.0), (0.0, 1.0), {"exact": ESCALATED}
    ),
    "hidden zero": Row(
        "sqrt(x)^2",
        {"x": 0.0},
        (0.0, 0.0),
        (0.0, 1.0),
        {"float64": ("singular",), "auto": ("singular", "escalated"), "exact": ("singular", "escalated")},
    ),
    "overflow on the way": Row(
        "exp(x)/exp(x - 1)",
        {"x": 1000.0},
        (NAN, NAN),
        (math.e, 0.0),
        {"float64": ("non-finite", "singular"), "auto": ESCALATED, "exact": ESCALATED},
    ),
    "infinite slope": Row(
        "sqrt(x)",
        {"x": 0.0},
        (0.0, INF),
        (0.0, INF),
        {"float64": ("non-finite",), "auto": ("non-finite",), "exact": ("escalated", "non-finite")},
    ),
    "undefined": Row(
        "log(x)",
        {"x": -1.0},
        (NAN, NAN),
        (NAN, NAN),
        {"float64": ("non-finite",), "auto": ("non-finite",), "exact": ("escalated", "non-finite")},
    ),
    "pole": Row(
        "1/x",
        {"x": 0.0},
        (INF, -INF),
        (INF, -INF),
        {"float64": ("non-finite",), "auto": ("non-finite",), "exact": ("escalated", "non-finite")},
    ),
    "overflow": Row(
        "exp(x)",
        {"x": 800.0},
        (INF, INF),
        (INF, INF),
        {"float64": ("non-finite",), "auto": ("non-finite",), "exact": ("escalated", "non-finite")},
    ),
    "NaN comes in": Row(
        "2*x",
        {"x": NAN},
        (NAN, NAN),
        (NAN, NAN),
        {"float64": ("non-finite",), "auto": ("non-finite",), "exact": ("non-finite",)},
    ),
    "infinity comes in": Row(
        "exp(-x)",
        {"x": INF},
        (0.0, 0.0),
        (0.0, 0.0),
        {},
    ),
}  # fmt: skip


@pytest.mark.parametrize("precision", ["float64", "auto", "exact"])
@pytest.mark.parametrize("name", TABLE)
def test_what_happens(name: str, precision: Precision) -> None:
    row = TABLE[name]
    answer = answered(row.text, row.at, precision)
    assert answer.grad is not None
    expected = row.fast if precision == "float64" else row.right
    np.testing.assert_array_equal([answer.value, answer.grad["x"]], expected)
    said = [code for code in codes(answer) if code != "rewritten"]
    assert said == list(row.said.get(precision, ())), answer.warnings
    if precision == "float64":
        assert "escalate" not in answer.seconds


@pytest.mark.parametrize("name", TABLE)
def test_the_same_question_gets_the_same_bits(name: str) -> None:
    row = TABLE[name]
    for precision in ("auto", "exact"):
        first, second = (answered(row.text, row.at, precision) for _ in range(2))
        for a, b in zip(first.outputs, second.outputs, strict=True):
            assert np.asarray(a).tobytes() == np.asarray(b).tobytes()
        assert codes(first) == codes(second)


def test_signs_of_zeros_survive() -> None:
    for precision in ("float64", "auto", "exact"):
        answer = answered("[-x, 1 - 1, (1 + y) - 1]", {"x": 0.0, "y": 1e-30}, precision, what="value")
        assert math.copysign(1.0, answer.value[0]) == -1.0


def test_the_escalated_warning_tells_the_cost() -> None:
    answer = answered("(x + 1) - 1 + 0*y", {"x": 1e-10, "y": 2.0})
    (warning,) = [w for w in answer.warnings if w.code == "escalated"]
    assert warning.extra["count"] == 1
    assert warning.extra["digits"] >= 80
    assert warning.extra["milliseconds"] > 0
    assert answer.seconds["escalate"] > 0
    assert "1 number of the answer changed" in warning.message


def test_only_the_points_that_need_it_change_in_a_batch() -> None:
    x = [1e-10, 0.5, 1e-200]
    fast, answer = (answered("(1 + x) - 1", {"x": x}, p, batch=True) for p in ("float64", "auto"))
    np.testing.assert_array_equal(answer.value, x)
    assert np.asarray(fast.value)[1] == 0.5
    (warning,) = [w for w in answer.warnings if w.code == "escalated"]
    assert warning.extra["count"] == 2


# ---- digits ----


@pytest.mark.parametrize(
    ("text", "at", "precision", "value", "slope"),
    [
        ("x^2", {"x": 3.0}, "auto", (15.0, 16.0), (15.0, 16.0)),
        ("x^2", {"x": 3.0}, "float64", (15.0, 16.0), (15.0, 16.0)),
        ("x^2", {"x": 3.0}, "exact", (15.9, 16.0), (15.9, 16.0)),
        ("(x + 1) - 1", {"x": 1e-10}, "float64", (5.0, 7.0), (15.9, 16.0)),
        ("(x + 1) - 1", {"x": 1e-10}, "auto", (15.9, 16.0), (15.9, 16.0)),
        ("(x + 1) - 1", {"x": 1e-6}, "auto", (9.0, 11.0), (15.9, 16.0)),
        ("sin(x)/x", {"x": 0.0}, "auto", (15.9, 16.0), (15.9, 16.0)),
        ("sin(x)/x", {"x": 0.0}, "float64", (0.0, 0.0), (0.0, 0.0)),
        ("log(x)", {"x": -1.0}, "auto", (0.0, 0.0), (0.0, 0.0)),
        # Nothing is claimed of what is not finite, whether it came in or was made here.
        *[(text, {"x": NAN}, p, (0.0, 0.0), (0.0, 0.0)) for text in ("2*x", "x") for p in ("float64", "auto", "exact")],
        ("x", {"x": INF}, "float64", (0.0, 0.0), (15.9, 16.0)),
        ("x^y", {"x": -2.0, "y": 3.0}, "float64", (15.0, 16.0), (15.0, 16.0)),
    ],
)
def test_digits(
    text: str, at: Mapping[str, Any], precision: Precision, value: tuple[float, float], slope: tuple[float, float]
) -> None:
    answer = answered(text, at, precision, digits=True)
    assert answer.digits is not None
    assert value[0] <= float(answer.digits["value"]) <= value[1]
    assert slope[0] <= float(answer.digits["grad"]["x"]) <= slope[1]


def test_digits_have_the_shape_of_the_answer() -> None:
    answer = answered("v*x", {"v": [1.0, 2.0], "x": 3.0}, what="jacobian", digits=True)
    assert answer.digits is not None
    assert np.shape(answer.digits["value"]) == (2,)
    assert np.shape(answer.digits["jacobian"]["v"]) == (2, 2)
    assert answered("x", {"x": 1.0}).digits is None


# ---- resolvers that are late, refuse, or do not know everything ----

EXACT_ZERO = question("(x + 1) - 1", {"x": 1e-10})
KINK = question("abs(x)", {"x": 0.0})
PLAIN = question("x^2", {"x": 3.0})


def decided(asked: Question, resolver: Any, given: Budget | None = None) -> Answer:
    """The answer as it is given, with this resolver."""
    prepared = ENGINE.prepare(asked, "grad", budget())
    fast = prepared.run(asked, budget())
    assert undecided(asked, fast)
    return decide(prepared, asked, "grad", fast, resolver, given or budget())


def too_late(*_: Any) -> Resolved:
    """A resolver that is late."""
    raise BudgetExceeded("It did not get there within 2 s.")


def refusing(*_: Any) -> Resolved:
    """A resolver that has nothing to say."""
    raise Unsupported("There is no twin of this.")


@pytest.mark.parametrize("resolver", [too_late, refusing])
@pytest.mark.parametrize(
    ("asked", "says_digits"),
    [
        (EXACT_ZERO, True),
        (KINK, False),
        (replace(PLAIN, precision="exact"), False),
        (question("1/x", {"x": 0.0}), False),
    ],
)
def test_without_high_precision_the_float64_answer_is_given_with_a_warning(
    resolver: Any, asked: Question, says_digits: bool
) -> None:
    answer = decided(asked, resolver)
    fast = ENGINE.prepare(asked, "grad", budget()).run(asked, budget())
    for a, b in zip(answer.outputs, fast.outputs, strict=True):
        np.testing.assert_array_equal(a, b)
    assert codes(answer) == ["ill-conditioned", *codes(fast)]
    warning = answer.warnings[0]
    assert ("digits" in warning.extra) == says_digits
    if says_digits:
        assert 5.0 < warning.extra["digits"] < 8.0
    # The reason is told as part of a sentence.
    assert ".." not in warning.message
    assert warning.message.endswith(".")


LARGE = np.full(300_000, 1e-12)


@pytest.mark.parametrize(
    ("text", "at", "precision", "what", "words"),
    [
        ("sum((y + 1) - 1)", {"y": LARGE}, "auto", "value", "high precision would take about"),
        ("sum(y^2)", {"y": LARGE}, "exact", "value", "high precision would take about"),
        ("((x + 1) - 1, sum((y + 1) - 1))", {"x": 1e-12, "y": LARGE}, "auto", "value", "there was not enough time"),
        ("sum(sin(x)/x)", {"x": np.zeros(7_000)}, "auto", "value", "there was not enough time"),
    ],
)
def test_large_arrays_are_told_the_truth_about_the_time(
    text: str, at: Mapping[str, Any], precision: Precision, what: Ask, words: str
) -> None:
    answer = answered(text, at, precision, what=what)
    warning = answer.warnings[0]
    assert warning.code == "ill-conditioned"
    assert words in warning.message
    assert "within" not in warning.message
    assert "second look" not in warning.message


def test_without_any_time_left_nobody_is_asked() -> None:
    answer = decided(replace(KINK, precision="exact"), too_late, Budget.starting_now(0.0))
    assert "No time was left".lower() in answer.warnings[0].message


def test_a_withdrawn_question_is_not_answered() -> None:
    withdrawn = budget()

    def resolver(*_: Any) -> Resolved:
        withdrawn.cancelled = True
        raise BudgetExceeded("The computation was withdrawn.")

    with pytest.raises(EngineError):
        decided(EXACT_ZERO, resolver, withdrawn)


def unsure(asked: Question, ask: Ask, given: Budget, needed: Sequence[Array] | None = None) -> Resolved:
    """A resolver that is sure of nothing."""
    found = ENGINE.resolve(asked, ask, given, needed)
    none = [np.zeros(np.shape(mask), dtype=bool) for mask in found.sure]
    return Resolved([np.full(np.shape(o), 77.0) for o in found.outputs], none, 1600, whole=False)


def test_what_is_not_sure_is_not_given() -> None:
    answer = decided(replace(EXACT_ZERO, digits=True), unsure)
    assert number(answer) == (1e-10 + 1) - 1
    assert codes(answer)[0] == "ill-conditioned"
    assert answer.digits is not None
    assert float(answer.digits["value"]) < 8.0
    assert "escalated" not in codes(answer)
    exact = decided(replace(PLAIN, precision="exact"), unsure)
    assert number(exact) == 9.0
    assert "ill-conditioned" in codes(exact)


def test_the_resolver_is_asked_only_where_it_is_needed() -> None:
    def never(question: Question, ask: Ask, budget: Budget, needed: Sequence[Array] | None) -> Resolved:
        raise AssertionError("nobody asked")

    for asked in (PLAIN, question("2*x", {"x": NAN}), question("x*y", {"x": 1.0, "y": INF})):
        prepared = ENGINE.prepare(asked, "grad", budget())
        fast = prepared.run(asked, budget())
        decide(prepared, asked, "grad", fast, never, budget())
        decide(prepared, replace(asked, precision="float64", digits=True), "grad", fast, never, budget())
    assert not undecided(PLAIN, ENGINE.prepare(PLAIN, "grad", budget()).run(PLAIN, budget()))
