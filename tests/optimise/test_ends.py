"""How runs end where there is no ordinary minimum: saddles, kinks, and values without a lower end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from engine.engine import Engine
from engine.errors import AssertionFault
from engine.limits import Budget
from engine.optimise.search import NO_LOWER, STEEP
from engine.optimise.sequence import ENDLESS
from engine.optimise.track import Track
from engine.question import Question
from engine.task import Task

SADDLE = "x[0]^2 - x[1]^2 + x[1]^4"


def ended(expr: str, start: Sequence[float], method: str, sign: float = 1.0, **stop: Any) -> Track:
    """The track of the only start."""
    question = Question(expr, {"x": np.array(start, dtype=np.float64)})
    task = Task(question, ("x",), np.array([start], dtype=np.float64), {"name": method}, sign, stop=stop)
    run, _ = task.run(Engine(), Budget.starting_now(60))
    for _ in run.steps():
        pass
    return run.best


@pytest.mark.parametrize("start", [[0.0, 0.0], [1.0, 0.0]])
def test_a_trust_region_leaves_a_saddle(start: Sequence[float]) -> None:
    track = ended(SADDLE, start, "trust-region")
    assert track.best is not None
    np.testing.assert_allclose(np.abs(track.best.x), [0, 0.5**0.5], atol=1e-8)
    assert track.reason == "converged"


@pytest.mark.parametrize("method", ["lbfgs", "newton-cg", "adam"])
def test_others_stay_there(method: str) -> None:
    track = ended(SADDLE, [0.0, 0.0], method)
    assert (track.reason, track.message) == ("converged", "The gradient is 0.")
    assert track.last is not None
    assert track.last.step == 0


def test_a_trust_region_stays_there_if_it_is_told_how_small_a_gradient_suffices() -> None:
    track = ended(SADDLE, [0.0, 0.0], "trust-region", grad_norm=1e-6)
    assert (track.reason, track.message) == ("converged", "The gradient is 0.")


def test_a_trust_region_ends_at_a_minimum_with_a_gradient_of_0() -> None:
    track = ended("sum((x - 1)^2)", [3.0, 4.0], "trust-region")
    assert (track.reason, track.message) == ("converged", "The gradient is 0.")


@pytest.mark.parametrize(("expr", "sign"), [("-sum(x^2)", 1.0), ("sum(x^2)", -1.0)])
def test_a_value_without_a_lower_end_diverges(expr: str, sign: float) -> None:
    track = ended(expr, [1.0], "lbfgs", sign)
    assert (track.reason, track.message) == ("diverged", ENDLESS)


def test_a_kink_is_told() -> None:
    track = ended("max(abs(x[0] - 1), abs(x[1] + 2), abs(x[0] + x[1]))", [-3.0, 4.0], "lbfgs")
    assert track.message == STEEP


@pytest.mark.parametrize("expr", ["exp(x[0]) - x[0]", "100 + cosh(x[0] - 3)", "sum(softplus(x - 2) - x/3)"])
def test_a_smooth_minimum_is_not_called_a_kink(expr: str) -> None:
    track = ended(expr, [2.0], "lbfgs")
    assert track.message in (NO_LOWER, "The gradient is 0.")


ASSERTED = 'assert x[0] > 0, "x has to be positive"\n'


def asserted(text: str, start: Sequence[float], method: str) -> Track:
    """The track of a program that states where it is defined."""
    question = Question(ASSERTED + text, {"x": np.array(start)}, "program")
    points = np.array([start], dtype=np.float64)
    run, _ = Task(question, ("x",), points, {"name": method}).run(Engine(), Budget.starting_now(60))
    for _ in run.steps():
        pass
    return run.best


@pytest.mark.parametrize(
    ("method", "text"),
    [
        *((method, "return x[0] - log(x[0])") for method in ("lbfgs", "newton-cg", "trust-region")),
        ("levenberg-marquardt", "return log(x[0])^2"),
    ],
)
def test_an_assertion_is_an_edge_that_methods_turn_back_at(method: str, text: str) -> None:
    track = asserted(text, [20.0], method)
    assert track.reason == "converged"
    assert track.best is not None
    np.testing.assert_allclose(track.best.x, [1.0], rtol=1e-7)


def test_steps_over_an_assertion_diverge() -> None:
    question = Question(ASSERTED + "return x[0]^2", {"x": np.array([3.0])}, "program")
    task = Task(question, ("x",), np.array([[3.0], [3.0], [0.5]]), {"name": "sgd", "lr": 0.8}, stop={"max_steps": 3})
    run, _ = task.run(Engine(), Budget.starting_now(60))
    for _ in run.steps():
        pass
    assert [track.reason for track in run.tracks] == ["diverged"] * 3
    assert run.best.message.startswith("x has to be positive. Here x[0] = ")


def test_an_assertion_that_does_not_hold_at_the_start_is_raised() -> None:
    with pytest.raises(AssertionFault, match="x has to be positive"):
        asserted("return x[0]^2", [-1.0], "lbfgs")
