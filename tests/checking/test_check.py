"""`check`: verdicts on claims that are right, wrong, shapeless, or about functions that have no derivative."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
import pytest

from engine.checking.allowance import Given
from engine.checking.check import check
from engine.checking.court import Assertion
from engine.errors import BudgetExceeded, InvalidRequest, NotScalar, ShapeMismatch
from engine.limits import Budget
from engine.precision.examine import Examination
from engine.precision.referee import Refused
from engine.question import Array, Ask, Question
from engine.verify.report import Report
from engine.verify.ziv import Settled
from tests.asking import ENGINE, budget, question
from tests.corpus.test_corpus import CASES, numbers
from tests.verify.functions import generated, written

NAN, INF = math.nan, math.inf


class Here:
    """Witnesses in this process; the symbolic one is asked where it takes no time."""

    def __init__(self, symbolic: bool = True) -> None:
        self._symbolic = symbolic

    def examine(self, asked: Question, ask: Ask, given: Budget) -> Examination:
        """What the engine says."""
        return ENGINE.examine(asked, ask, given)

    def symbolic(self, asked: Question, given: Budget) -> dict[str, Array]:
        """What sympy says."""
        if not self._symbolic:
            raise Refused("it was not asked")
        return ENGINE.symbolic(asked, given)

    def adjoints(self, asked: Question, given: Budget) -> Settled:
        """Those of what a program assigns."""
        return ENGINE.adjoints(asked, given)


def claim(
    text: str,
    at: Mapping[str, Any],
    grad: Mapping[str, Any] | None = None,
    value: Any = None,
    *,
    witnesses: Any = None,
    wrt: tuple[str, ...] | None = None,
    batch: bool | tuple[str, ...] = False,
    **assertion: Any,
) -> Report:
    """The report on a claim."""
    claimed = Assertion(
        None if value is None else np.asarray(value, dtype=float),
        None if grad is None else {name: np.asarray(a, dtype=float) for name, a in grad.items()},
        **assertion,
    )
    return check(ENGINE, witnesses or Here(), question(text, at, wrt=wrt, batch=batch), claimed, budget())


@dataclass(frozen=True)
class Row:
    """A claim, the verdict on it, and words that its message has to have."""

    text: str
    at: Mapping[str, Any]
    grad: Mapping[str, Any] | None
    verdict: str
    says: tuple[str, ...] = ()
    value: Any = None
    kinds: tuple[str, ...] = ()


XY = {"x": 3.0, "y": 0.5}
RIGHT = {"x": 2.876553231625218, "y": 7.898243057013355}
TABLE = {
    "right": Row("x^2*sin(y)", XY, RIGHT, "correct", ("2 components", "engine, symbolic, precise agree")),
    "right with its value": Row("x^2*sin(y)", XY, RIGHT, "correct", value=4.314829847437827),
    "one input": Row("x^2*sin(y)", XY, {"y": RIGHT["y"]}, "correct", ("1 component ",)),
    "only the value": Row("x^2*sin(y)", XY, None, "correct", ("value is correct",), value=4.314829847437827),
    "no claim": Row("x^2*sin(y)", XY, None, "correct", ("The engine's gradient is correct",)),
    "nothing claimed": Row("x^2*sin(y)", XY, {}, "inconclusive", ("Nothing was claimed",)),
    "wrong sign": Row(
        "x^2*sin(y)", XY, {**RIGHT, "y": -RIGHT["y"]}, "incorrect", ("1 of 2", "y is -7.898", "should be 7.898"),
        kinds=("sign",),
    ),
    "wrong value": Row("x^2", {"x": 3.0}, None, "incorrect", ("The value is 9.5 and should be 9.0",), value=9.5),
    "right gradient, wrong value": Row("x^2", {"x": 3.0}, {"x": 6.0}, "incorrect", ("value is 8.0",), value=8.0),
    "wrong shape": Row("sum(v)", {"v": [1.0, 2.0]}, {"v": 1.0}, "incorrect", ("has shape []", "[2] is needed")),
    "transposed": Row(
        "sum(A*[[1, 2, 3], [4, 5, 6]])", {"A": np.ones((2, 3))}, {"A": [[1, 4], [2, 5], [3, 6]]}, "incorrect",
        ("has shape [3, 2]",), kinds=("transposed",),
    ),
    "NaN claimed": Row("x^2", {"x": 3.0}, {"x": NAN}, "incorrect", ("x is nan and should be 6.0",)),
    "infinity claimed": Row("x^2", {"x": 3.0}, {"x": INF}, "incorrect", ("x is inf and should be 6.0",)),
    "removable": Row("sin(x)/x", {"x": 0.0}, {"x": 0.0}, "correct", ("precise agrees",), value=1.0),
    "removable, NaN claimed": Row("sin(x)/x", {"x": 0.0}, {"x": NAN}, "incorrect", ("should be 0.0",)),
    "removable, value wrong": Row("sin(x)/x", {"x": 0.0}, {"x": 0.0}, "incorrect", ("should be 1.0",), value=0.0),
    "kink, a choice": Row("abs(x)", {"x": 0.0}, {"x": 0.5}, "not-differentiable", ("-1.0 from the left", "defensible")),
    "kink, a side": Row("abs(x)", {"x": 0.0}, {"x": 1.0}, "not-differentiable", ("defensible",)),
    "kink, none of both": Row("abs(x)", {"x": 0.0}, {"x": 7.0}, "not-differentiable", ("7.0 is neither of them",)),
    "kink, no claim": Row("abs(x)", {"x": 0.0}, None, "not-differentiable", ("kink",)),
    "kink, wrong beside it": Row(
        "abs(x) + y", {"x": 0.0, "y": 1.0}, {"x": 0.0, "y": 2.0}, "incorrect", ("1 of 2", "y is 2.0")
    ),
    "beside the kink": Row("abs(x) + y", {"x": 0.0, "y": 1.0}, {"y": 1.0}, "correct"),
    "jump": Row("floor(x)", {"x": 2.0}, {"x": 0.0}, "not-differentiable", ("no derivative", "without a limit")),
    "cusp": Row("cbrt(x)^2", {"x": 0.0}, {"x": 0.0}, "not-differentiable", ("no derivative",)),
    "infinite slope": Row("sqrt(x)", {"x": 0.0}, {"x": INF}, "not-differentiable", ("no finite derivative",)),
    "infinite slope, a number claimed": Row("sqrt(x)", {"x": 0.0}, {"x": 5.0}, "not-differentiable", ("to x",)),
    "pole, value wrong": Row("1/x", {"x": 0.0}, {"x": 3.0}, "incorrect", ("should be inf",), value=3.0),
    "pole, value right": Row("1/x", {"x": 0.0}, {"x": -INF}, "not-differentiable", value=INF),
    "oscillation": Row("x*sin(1/x)", {"x": 0.0}, {"x": 0.0}, "not-differentiable"),
    "partial derivatives only": Row(
        "x*y/(x^2 + y^2)", {"x": 0.0, "y": 0.0}, {"x": 0.0, "y": 0.0}, "not-differentiable", ("no finite derivative",)
    ),
    "undefined": Row("log(x)", {"x": -1.0}, {"x": -1.0}, "not-differentiable", ("no finite derivative",)),
    "undefined, NaN claimed": Row("log(x)", {"x": -1.0}, {"x": NAN}, "not-differentiable", value=NAN),
    "undefined, no claim": Row("log(x)", {"x": -1.0}, None, "not-differentiable"),
    "undefined, value claimed": Row("log(x)", {"x": -1.0}, {"x": NAN}, "incorrect", ("should be nan",), value=0.0),
    "overflow": Row("exp(x)", {"x": 800.0}, {"x": INF}, "not-differentiable"),
    "NaN comes in": Row("x", {"x": NAN}, {"x": 1.0}, "not-differentiable"),
    "empty": Row("sum(v^2)", {"v": []}, {"v": []}, "correct", ("no components",)),
    "empty, no claim": Row("sum(v^2)", {"v": []}, None, "correct"),
    "a constant": Row("3.5", {}, None, "correct", value=3.5),
    "an integer beside": Row("x*n", {"x": 2.0, "n": 3}, {"x": 3.0}, "correct"),
    "no influence": Row("x + 0*y", {"x": 2.0, "y": 1.0}, {"x": 1.0, "y": 0.0}, "correct"),
    "influence claimed": Row("x + 0*y", {"x": 2.0, "y": 1.0}, {"x": 1.0, "y": 0.5}, "incorrect", ("y is 0.5",)),
    "lost digits": Row("(1 + x) - 1", {"x": 1e-200}, {"x": 1.0}, "correct", value=1e-200),
}  # fmt: skip


@pytest.mark.parametrize("name", TABLE)
def test_verdicts(name: str) -> None:
    row = TABLE[name]
    report = claim(row.text, row.at, row.grad, row.value)
    assert report.verdict == row.verdict, report.message
    for words in row.says:
        assert words in report.message
    assert report.message.endswith(".")
    assert "  " not in report.message
    assert tuple(h.kind for h in report.diagnosis[: len(row.kinds)]) == row.kinds
    if report.verdict != "incorrect":
        assert not report.diagnosis
    assert report.count == len(report.components)
    assert report.wrong == sum(not component.ok for component in report.components)
    for component in report.components:
        assert component.ok or report.verdict != "correct"
    assert set(report.witnesses) == {"engine", "symbolic", "precise"}
    for witness in report.witnesses.values():
        assert (witness.status == "skipped") == (witness.max_ulp is None)
        assert witness.status != "skipped" or witness.reason


def test_a_number_beside_infinity_is_not_ok() -> None:
    (row,) = claim("sqrt(x)", {"x": 0.0}, {"x": 5.0}).components
    assert (row.ok, row.expected) == (False, INF)
    (row,) = claim("sqrt(x)", {"x": 0.0}, {"x": 5.0}, tolerance=Given(0.0, 1e300)).components
    assert not row.ok
    (row,) = claim("sqrt(x)", {"x": 0.0}, {"x": INF}, tolerance=Given(0.0)).components
    assert row.ok


@pytest.mark.parametrize(
    ("tolerance", "claimed", "verdict"),
    [
        (Given(0.0), 6.0, "correct"),
        (Given(0.0), 6.0 + 1e-15, "incorrect"),
        (Given(1e-3), 6.005, "correct"),
        (Given(1e-3), 6.007, "incorrect"),
        (Given(0.0, 0.5), 6.4, "correct"),
        (Given(0.0, 0.5), 6.6, "incorrect"),
        (Given(1e-3, 0.5), 6.4, "correct"),
        (None, 6.0 * (1 + 1e-11), "correct"),
        (None, 6.0 * (1 + 1e-9), "incorrect"),
    ],
)
def test_tolerances(tolerance: Given | None, claimed: float, verdict: str) -> None:
    report = claim("x^2", {"x": 3.0}, {"x": claimed}, tolerance=tolerance)
    assert report.verdict == verdict
    assert report.tolerance.relative == (tolerance.relative if tolerance else 2.0**-33)
    assert ("as asked for" in report.tolerance.why) == (tolerance is not None)


@pytest.mark.parametrize(
    ("precision", "error", "verdict"),
    [("float32", 3e-7, "correct"), ("float32", 1e-3, "incorrect"), ("float64", 3e-7, "incorrect")],
)
def test_the_precision_of_the_claim_counts(precision: str, error: float, verdict: str) -> None:
    report = claim("x^2*sin(y)", XY, {"x": RIGHT["x"] * (1 + error), "y": RIGHT["y"]}, precision=precision)
    assert report.verdict == verdict
    assert precision in report.tolerance.why


def test_a_claim_computed_in_single_precision_is_right_in_single_precision() -> None:
    x = np.linspace(0.1, 2.0, 30)
    single = x.astype(np.float32)
    slope = np.cos(single * single) * 2 * single * np.exp(single) + np.sin(single * single) * np.exp(single)
    assert (
        claim("sum(sin(x*x)*exp(x))", {"x": single.astype(float)}, {"x": slope}, precision="float32").verdict
        == "correct"
    )
    assert claim("sum(sin(x*x)*exp(x))", {"x": single.astype(float)}, {"x": slope}).verdict == "incorrect"


def test_batches() -> None:
    at = {"v": [[1.0, 2.0], [3.0, 4.0]], "x": 2.0}
    right = {"v": [[4.0, 8.0], [12.0, 16.0]], "x": [5.0, 25.0]}
    report = claim("sum(v^2)*x", at, right, [10.0, 50.0], batch=("v",))
    assert (report.verdict, report.count) == ("correct", 6)
    wrong = claim("sum(v^2)*x", at, {**right, "v": [[4.0, 8.0], [12.0, 17.0]]}, batch=("v",))
    assert wrong.verdict == "incorrect"
    assert [(row.input, row.index) for row in wrong.components if not row.ok] == [("v", (1, 1))]
    assert claim("sum(v^2)*x", at, {"x": 30.0}, batch=("v",)).verdict == "incorrect"
    kinks = claim("abs(x)*y", {"x": [0.0, 1.0, -1.0], "y": 2.0}, {"x": [0.0, 2.0, -2.0]}, batch=("x",))
    assert kinks.verdict == "not-differentiable"
    assert kinks.one_sided == [{"input": "x", "index": [0], "left": -2.0, "right": 2.0}]
    beside = claim("abs(x)*y", {"x": [0.0, 1.0, -1.0], "y": 2.0}, {"x": [0.0, 2.0, 2.0]}, batch=("x",))
    assert beside.verdict == "incorrect"


def test_only_what_is_differentiated_can_be_claimed() -> None:
    with pytest.raises(InvalidRequest) as caught:
        claim("x*y", XY, {"x": 0.5, "z": 1.0, "y": 3.0}, wrt=("x",))
    assert [fault.pointer for fault in caught.value.faults] == ["/claimed/grad/z", "/claimed/grad/y"]
    with pytest.raises(ShapeMismatch) as shaped:
        claim("x*y", XY, None, [1.5])
    assert [fault.pointer for fault in shaped.value.faults] == ["/claimed/value"]
    with pytest.raises(NotScalar):
        claim("[x, y]", XY, {"x": 1.0})


def test_long_gradients_are_told_by_their_worst() -> None:
    x = np.linspace(0.1, 1.0, 500)
    wrong = 2 * x
    wrong[[7, 300]] *= [1.5, 1.1]
    report = claim("sum(x^2)", {"x": x}, {"x": wrong}, witnesses=Here(symbolic=False))
    assert (report.count, report.wrong, len(report.components)) == (500, 2, 100)
    assert [row.index for row in report.components[:2]] == [(7,), (300,)]
    assert "2 of 500 components; x[7]" in report.message
    assert report.witnesses["precise"].status == "agree"
    assert "directions" in str(report.witnesses["precise"].reason)


# ---- witnesses that lie, refuse or are late ----


class Liar(Here):
    """Witnesses that are wrong by a factor: what is expected, the differences, or sympy."""

    def __init__(self, outputs: float = 1.0, differences: float = 1.0, symbolic: float = 1.0) -> None:
        super().__init__()
        self.factors = (outputs, differences, symbolic)

    def examine(self, asked: Question, ask: Ask, given: Budget) -> Examination:
        """The examination, with a lie in it."""
        found = super().examine(asked, ask, given)
        value, *rest = found.resolved.outputs
        found.resolved.outputs = [value, *[self.factors[0] * output for output in rest]]
        return replace(found, differences=[self.factors[1] * d for d in found.differences])

    def symbolic(self, asked: Question, given: Budget) -> dict[str, Array]:
        """What sympy says, times a factor."""
        return {name: self.factors[2] * a for name, a in super().symbolic(asked, given).items()}


@pytest.mark.parametrize("lie", [{"outputs": 2.0}, {"differences": 2.0}, {"symbolic": 2.0}, {"outputs": 1 + 1e-6}])
@pytest.mark.parametrize("factor", [1.0, 2.0, -1.0])
def test_witnesses_that_disagree_judge_nobody(lie: Mapping[str, float], factor: float) -> None:
    claimed = {name: factor * x for name, x in RIGHT.items()}
    report = claim("x^2*sin(y)", XY, claimed, witnesses=Liar(**lie))
    assert report.verdict == "inconclusive"
    assert "our fault" in report.message
    assert "disagree" in {witness.status for witness in report.witnesses.values()}
    assert not report.diagnosis


def test_a_wrong_shape_needs_no_witness() -> None:
    assert claim("x^2", {"x": 3.0}, {"x": [6.0]}, witnesses=Liar(outputs=2.0)).verdict == "incorrect"


class Absent(Here):
    """Witnesses that cannot be heard."""

    def examine(self, asked: Question, ask: Ask, given: Budget) -> Examination:
        """Nothing."""
        raise BudgetExceeded("It is late.")

    def symbolic(self, asked: Question, given: Budget) -> dict[str, Array]:
        """Nothing."""
        raise BudgetExceeded("It is late.")


def test_without_witnesses_the_engine_is_the_judge() -> None:
    right = claim("x^2*sin(y)", XY, RIGHT, witnesses=Absent())
    assert right.verdict == "correct"
    assert "no other witness" in right.message
    assert [right.witnesses[name].status for name in ("engine", "symbolic", "precise")] == [
        "agree",
        "skipped",
        "skipped",
    ]
    assert claim("x^2*sin(y)", XY, {**RIGHT, "x": 1.0}, witnesses=Absent()).verdict == "incorrect"


def test_a_withdrawn_check_ends() -> None:
    withdrawn = budget()
    withdrawn.cancelled = True
    with pytest.raises(BudgetExceeded):
        check(ENGINE, Here(), question("x^2", {"x": 3.0}), Assertion(), withdrawn)


# ---- right gradients are never called wrong, and wrong ones never right ----


@cache
def functions() -> list[tuple[str, dict[str, Any], tuple[str, ...]]]:
    """Functions with a point and what is differentiated: written by hand, and generated."""
    import random

    cases = [*written(random.Random(3)), *generated(40, 3)]
    return [
        (case.text, {n: np.asarray(a) for n, a in zip(case.names, case.arguments, strict=True)}, case.wrt)
        for case in cases
    ]


def reverse(asked: Question) -> dict[str, Array]:
    """The gradient in float64, by reverse mode."""
    plain = replace(asked, precision="float64")
    return ENGINE.answer(plain, "grad", budget()).parts["grad"]  # type: ignore[no-any-return]


def forward(asked: Question) -> dict[str, Array]:
    """The gradient in float64, by forward mode: one tangent for each component."""
    found = {}
    for name in asked.wrt or ():
        shape = np.shape(asked.at[name])
        tangents = np.eye(int(np.prod(shape))).reshape(-1, *shape)
        pushed = replace(asked, wrt=None, along={name: tangents}, many=True, precision="float64")
        found[name] = np.reshape(ENGINE.answer(pushed, "jvp", budget()).parts["jvp"], shape)
    return found


def verdict_on(asked: Question, grad: Mapping[str, Array]) -> Report:
    """The report on a gradient; sympy is not asked."""
    claimed = {name: np.asarray(a, dtype=float) for name, a in grad.items()}
    return check(ENGINE, Here(symbolic=False), asked, Assertion(None, claimed), budget())


def test_right_gradients_of_functions_are_not_called_wrong() -> None:
    called = []
    for text, at, names in functions():
        asked = question(text, at, wrt=names)
        for way in (reverse, forward):
            report = verdict_on(asked, way(asked))
            if report.verdict in ("incorrect", "inconclusive"):
                called.append((text, way.__name__, report.message))
    assert len(functions()) >= 70
    assert called == []


def planted(grad: Mapping[str, Array], number: int) -> Iterator[dict[str, Array]]:
    """The gradient with a relative error of 1e-6 in one component of each input, the largest or another one."""
    for name, array in grad.items():
        flat = np.array(array, dtype=float).ravel()
        k = int(np.argmax(np.abs(flat))) if number % 2 else number % max(1, flat.size)
        if flat.size and flat[k] != 0 and np.isfinite(flat[k]):
            flat[k] *= 1 + 1e-6
            yield {**grad, name: flat.reshape(np.shape(array))}


def conditioned(asked: Question, report: Report) -> bool:
    """Whether an error of 1e-6 can be told: where float64 keeps ten digits, and the inputs decide about no more."""
    prepared = ENGINE.prepare(asked, "grad", budget())
    answer = prepared.run(replace(asked, precision="float64"), budget())
    if answer.troubled:
        return report.condition is not None and report.condition < 1e3
    least = min((float(np.min(d)) for d in prepared.digits(answer, asked, budget()) if d.size), default=16.0)
    return least > 10.0 and report.condition is not None and report.condition < 1e3


def test_planted_errors_are_never_called_right() -> None:
    missed, count = [], 0
    for number, (text, at, names) in enumerate(functions()):
        asked = question(text, at, wrt=names)
        for wrong in list(planted(reverse(asked), number))[:1]:
            report = verdict_on(asked, wrong)
            if conditioned(asked, report):
                count += 1
                if report.verdict == "correct":
                    missed.append((text, report.message))
    assert count >= 60
    assert missed == []


SMOOTH = [case for case in CASES if case["kind"] == "smooth" and case["differentiable"]]


def asked_of(case: Mapping[str, Any]) -> Question:
    """The question of a case of the corpus."""
    at = {name: numbers(value) for name, value in case["at"].items()}
    return question(case["expr"], at, wrt=tuple(case["wrt"]) if case.get("wrt") else None)


def test_the_truth_of_the_corpus_is_called_right() -> None:
    called = []
    for case in SMOOTH:
        grad = {name: np.asarray(numbers(g), dtype=float) for name, g in case["grad"].items()}
        report = verdict_on(asked_of(case), grad)
        finite = all(np.all(np.isfinite(g)) for g in grad.values())
        if report.verdict != ("correct" if finite else "not-differentiable"):
            called.append((case["name"], report.verdict, report.message))
    assert len(SMOOTH) >= 250
    assert called == []


def test_planted_errors_in_the_corpus_are_never_called_right() -> None:
    missed, count = [], 0
    for number, case in enumerate(SMOOTH[::3]):
        grad = {name: np.asarray(numbers(g), dtype=float) for name, g in case["grad"].items()}
        for wrong in list(planted(grad, number))[:1]:
            report = verdict_on(asked_of(case), wrong)
            if conditioned(asked_of(case), report):
                count += 1
                if report.verdict == "correct":
                    missed.append((case["name"], report.message))
    assert count >= 50
    assert missed == []
