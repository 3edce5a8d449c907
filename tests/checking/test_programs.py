"""`check` on programs: right gradients are not called wrong, and who cannot look says why."""

from __future__ import annotations

import json
import math
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.checking.self_check import self_check
from engine.checking.vectors import Range, vectors
from engine.limits import Budget
from engine.question import Array, Ask, Question
from tests.asking import ENGINE, budget
from tests.checking.programs import Nobody, answer, claim, program
from tests.checking.test_check import Here

ROUND = "q = straight_through(round)(w)\nreturn (q - 1)^2"
TURNED = "f = custom_grad(lambda h: h, lambda h, c: -c)\nreturn f(x)*x"
STOPPED = "y = x^2\nreturn stop_gradient(y)*x"
IN_A_LOOP = "f = custom_grad(lambda h: sin(h), lambda h, c: 2*c)\nfor i in range(3):\n    x = f(x)\nreturn x"
OWN = [
    (ROUND, {"w": 2.3}, {"w": 2.0}, 1),
    (TURNED, {"x": 1.5}, {"x": 0.0}, 2),
    (STOPPED, {"x": 1.5}, {"x": 2.25}, 2),
    (IN_A_LOOP, {"x": 0.5}, {"x": 8.0}, 3),
]
"""Programs that state a derivative of their own, what it is, and in which line."""


@pytest.mark.parametrize(
    ("text", "at", "symbolic"),
    [
        ("s = 0\nfor i in range(5):\n    s += sin(x*i)\nreturn s", {"x": 0.7}, "agree"),
        ("for i in range(n):\n    x = r*x*(1 - x)\nreturn x", {"x": 0.3, "r": 2.9, "n": 4}, "agree"),
        ("y = x\nwhile y < 100:\n    y = y*y + 1\nreturn y", {"x": 2.0}, "agree"),
        ("if x > 1:\n    return x^2\nreturn x", {"x": 3.0}, "agree"),
        (
            "s = 0.0\nfor v in x:\n    if v > 0:\n        s += v^3\n    else:\n        s -= v\nreturn s",
            {"x": [1.5, -2.0]},
            "agree",
        ),
        ("return root(lambda z: z^2 - a, 1.0)", {"a": 2.0}, None),
        ("z = fixed_point(lambda z: cos(a*z), 0.5)\nreturn z^2", {"a": 0.8}, None),
        ("y = odeint(lambda y, t: -k*y, 1.0, linspace(0, 1, 4))\nreturn y[-1]", {"k": 2.0}, None),
        ("return quad(lambda t: exp(-a*t^2), 0, 1)", {"a": 2.0}, None),
        ("f = lambda u: sin(u)*u\nreturn grad(f)(x)^2", {"x": 0.5}, "agree"),
        ("a = zeros(4)\na[0] = x\nfor i in range(1, 4):\n    a[i] = a[i - 1]*x\nreturn sum(a)", {"x": 0.5}, "agree"),
    ],
)
def test_witnesses_agree_on_programs(text: str, at: dict[str, Any], symbolic: str | None) -> None:
    report = claim(program(text, at), witnesses=Here(symbolic=symbolic is not None))
    assert report.verdict == "correct"
    assert report.witnesses["engine"].status == "agree"
    assert report.witnesses["precise"].status == "agree"
    if symbolic is not None:
        assert report.witnesses["symbolic"].status == symbolic


def test_a_long_formula_is_not_given_to_sympy() -> None:
    text = "for i in range(30):\n    x = x*(1 - x)\nreturn x"
    start = time.perf_counter()
    report = claim(program(text, {"x": 0.3}))
    assert report.witnesses["symbolic"].status == "skipped"
    assert "as one formula" in str(report.witnesses["symbolic"].reason)
    assert time.perf_counter() - start < 20


@pytest.mark.parametrize(("text", "at", "grad", "line"), OWN)
def test_a_derivative_that_is_stated_is_right(text: str, at: dict[str, Any], grad: Any, line: int) -> None:
    report = claim(program(text, at), grad)
    assert report.verdict == "correct", report.message
    for name in ("symbolic", "precise"):
        assert report.witnesses[name].status == "skipped"
        assert f"stated at line {line}" in str(report.witnesses[name].reason)
    assert report.witnesses["engine"].status == "agree"


@pytest.mark.parametrize(("text", "at", "grad", "line"), OWN)
def test_a_derivative_of_the_values_is_wrong_there(text: str, at: dict[str, Any], grad: Any, line: int) -> None:
    wrong = {name: number + 0.5 for name, number in grad.items()}
    assert claim(program(text, at), wrong).verdict == "incorrect"


@pytest.mark.parametrize("precision", ["auto", "exact"])
@pytest.mark.parametrize(("text", "at", "grad", "line"), OWN)
def test_high_precision_leaves_a_stated_derivative(
    precision: Any, text: str, at: dict[str, Any], grad: Any, line: int
) -> None:
    found = answer(program(text, at, precision=precision))
    assert found.grad == pytest.approx(grad)


def test_no_limits_are_sought_of_a_stated_derivative() -> None:
    # The derivative of the values has the limits -1 and 1 here; what is stated is 0 times the slope of |x|.
    text = "f = custom_grad(lambda h: h, lambda h, c: 0*c)\nreturn abs(x) + f(x)"
    found = answer(program(text, {"x": 0.0}, precision="exact"))
    assert found.parts["grad"] == {"x": 0.0}
    assert not any("sides" in warning.extra for warning in found.warnings)


def test_a_root_is_no_stated_derivative() -> None:
    asked = program("return root(lambda z: z^2 - a, 1.0)", {"a": 2.0})
    assert not ENGINE.subject(asked, budget()).overridden


def test_only_what_is_differentiated_counts() -> None:
    asked = program("return stop_gradient(x)*y", {"x": 2.0, "y": 3.0}, wrt=("y",))
    assert claim(asked, {"y": 2.0}).witnesses["precise"].status == "agree"


@pytest.mark.parametrize(
    ("ask", "along"),
    [("jacobian", {}), ("hessian", {}), ("jvp", {"w": 1.0}), ("vjp", {"": 1.0}), ("hvp", {"w": 1.0}), ("value", {})],
)
def test_every_question_can_be_checked(ask: Ask, along: dict[str, float]) -> None:
    for text in (ROUND, "for i in range(3):\n    w = w*sin(w)\nreturn w"):
        asked = program(text, {"w": 2.3}, along={name: np.asarray(a) for name, a in along.items()}, precision="float64")
        report = self_check(ENGINE, Here(), asked, ask, answer(asked, ask), budget())
        assert report.verdict == "correct", report.message
        stated = text == ROUND and ask != "value"
        assert report.witnesses["precise"].status == ("skipped" if stated else "agree")
        if stated:
            assert "stated at line 1" in str(report.witnesses["precise"].reason)


@pytest.mark.parametrize(
    ("text", "inputs"),
    [
        (ROUND, {"w": Range(0.0, 3.0)}),
        ("s = 0\nfor i in range(n):\n    s += sin(x*i)\nreturn s", {"x": Range(0.0, 3.0), "n": Range(2, 5, (), True)}),
        ("y = x\nwhile y < 100:\n    y = y*y + 1\nreturn y", {"x": Range(1.0, 3.0)}),
        ("return root(lambda z: z^2 - a, 1.0)", {"a": Range(1.0, 3.0)}),
    ],
)
def test_golden_vectors_of_programs(text: str, inputs: dict[str, Range]) -> None:
    def ask(at: Any, over: tuple[str, ...]) -> Question:
        return Question(text, dict(at), kind="program", batch=over or False)

    found = vectors(ENGINE, Here(), ask, inputs, 3, 0, budget())
    assert found.kinds.count("random") == 3
    for number, kind in enumerate(found.kinds):
        at = {name: array[number] for name, array in found.at.items()}
        plain = answer(Question(text, at, kind="program", precision="float64"))
        if found.differentiable[number]:
            for name, array in found.grad.items():
                assert abs(plain.parts["grad"][name] - array[number]) <= found.tolerance[name][number], (kind, at)


class Late(Nobody):
    """Nobody has time, as for a long program on a busy machine."""

    def symbolic(self, asked: Question, given: Budget) -> dict[str, Array]:
        """Nothing."""
        raise AssertionError("there is nothing left")


CHAOS = "for i in range(n):\n    x = 3.9*x*(1 - x)\nreturn x"


def test_a_little_error_is_not_blamed_when_rounding_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    from engine.compiled import Prepared
    from engine.errors import BudgetExceeded

    def late(*arguments: Any) -> Any:
        raise BudgetExceeded("There was no time.")

    asked = program(CHAOS, {"x": 0.3, "n": 30})
    grad = float(answer(asked).parts["grad"]["x"])
    monkeypatch.setattr(Prepared, "errors", late)
    report = claim(asked, {"x": grad * (1 + 1e-7)}, witnesses=Nobody())
    assert report.verdict == "inconclusive"
    assert "may lose by rounding" in report.message
    assert claim(asked, {"x": -grad}, witnesses=Nobody()).verdict == "incorrect"


def test_a_loop_that_takes_too_long_for_the_witnesses_is_checked_in_time() -> None:
    text = "for i in range(20000):\n    x = x - 1e-4*sin(x)\nreturn x"
    start = time.perf_counter()
    report = claim(program(text, {"x": 0.7}), {"x": -1.0}, given=Budget.starting_now(8))
    assert report.verdict == "incorrect"
    assert "the mistake was not looked for" in report.message.lower() or "mistake behind it was not" in report.message
    assert time.perf_counter() - start < 12


def test_chaos_in_float64_is_not_called_wrong() -> None:
    asked = program(CHAOS, {"x": 0.3, "n": 40})
    x, slope = 0.3, 1.0
    for _ in range(40):
        slope, x = slope * (3.9 - 7.8 * x), 3.9 * (x - x * x)
    assert math.isfinite(slope)
    assert claim(asked, {"x": slope}).verdict != "incorrect"


EXAMPLES = Path(__file__).parents[2] / "examples" / "programs"


@pytest.mark.parametrize(
    "name",
    ["adversary", "equilibrium", "gmm", "heron", "huber", "kalman", "kepler", "lse", "period", "quantised", "rnn"],
)
def test_examples_are_judged_rightly(name: str) -> None:
    content = json.loads((EXAMPLES / f"{name}.json").read_text("utf-8"))
    text = (EXAMPLES / f"{name}.adj").read_text("utf-8")
    wrt = content.get("wrt")
    asked = program(text, content["at"], wrt=tuple(wrt) if isinstance(wrt, list) else wrt, precision="float64")
    grad = {n: np.asarray(g, dtype=float) for n, g in answer(asked).parts["grad"].items()}
    assert claim(asked, grad, witnesses=Here(symbolic=False)).verdict == "correct"
    wrong, _ = max(grad.items(), key=lambda item: float(np.max(np.abs(item[1]), initial=0.0)))
    turned = grad | {wrong: -grad[wrong]}
    report = claim(asked, turned, witnesses=Nobody())
    assert report.verdict == "incorrect"
    assert report.diagnosis[0].kind == "sign"
