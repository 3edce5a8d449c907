"""Runs: what stops them, and that they go on bit for bit from any of their states."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from engine.engine import Engine
from engine.errors import BudgetExceeded
from engine.limits import Budget
from engine.objective import Objective
from engine.optimise.clipping import clipping
from engine.optimise.methods import METHODS, PATHS
from engine.optimise.plan import Plan, read_method, read_schedule
from engine.optimise.problem import Bounds
from engine.optimise.rule import Method
from engine.optimise.run import Run, forked
from engine.optimise.stopping import Stop
from engine.optimise.table import RULES
from engine.optimise.track import Row, norm_of
from engine.question import Precision, Question

ENGINE = Engine()
VALLEY = "(1 - x[0])^2 + 100*(x[1] - x[0]^2)^2"
STARTS = np.array([[-1.2, 1.0], [2.0, 2.0], [0.0, 0.5]])
RATES = {"adadelta": 5.0, "sgd": 1e-3, "momentum": 5e-4, "nesterov": 5e-4, "lion": 0.01}


def objective(text: str, size: int = 2, sign: float = 1.0) -> Objective:
    """The objective of a text in one vector x."""
    question = Question(text, {"x": np.ones(size)})
    return Objective(ENGINE, question, ["x"], Budget.starting_now(60.0), sign)


def plan(name: str, stop: Stop | None = None, options: Mapping[str, Any] | None = None, **fields: Any) -> Plan:
    """A plan for the method called `name`."""
    if options is None:
        options = {"lr": RATES.get(name, 0.05)} if name in RULES else {}
    return Plan(read_method(name, options), stop or Stop(max_steps=60), **fields)


def rows_of(run: Run) -> list[Row]:
    """All rows of a run."""
    return [row for rows in run.steps() for row in rows]


def bits(rows: list[Row]) -> list[tuple[Any, ...]]:
    """The rows as values that compare bit for bit."""
    return [(r.start, r.step, r.value.hex(), r.grad_norm.hex(), float(r.rate).hex(), r.x.tobytes()) for r in rows]


def told(run: Run) -> Any:
    """The state of a run but for the time."""
    return {name: part for name, part in run.to_json().items() if name != "seconds"}


VARIANTS: dict[str, dict[str, Any]] = {
    "plain": {},
    "schedule": {"schedule": read_schedule("cosine", {"steps": 50})},
    "plateau": {"plateau": read_schedule("reduce-on-plateau", {"patience": 2, "factor": 0.5})},
    "clip": {"clip": clipping({"norm": 1.0})},
    "bounds": {"bounds": Bounds(np.array([-2.0, -math.inf]), np.array([0.5, 3.0]))},
}


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("name", RULES)
def test_update_rules_go_on_bit_for_bit(name: str, variant: str) -> None:
    problem = objective(VALLEY)
    for points in (STARTS[:1], STARTS):
        whole = plan(name, **VARIANTS[variant])
        run = Run(problem, whole, points)
        rows: list[Row] = []
        states: list[tuple[int, str]] = []
        for found in run.steps():
            rows += found
            states.append((len(rows), json.dumps(run.to_json())))
        for count, state in (states[0], states[1], states[17], states[-2], states[-1]):
            again = Run(problem, whole, points, json.loads(state))
            assert bits(rows_of(again)) == bits(rows[count:])
            assert told(again) == told(run)


@pytest.mark.parametrize("name", ["gauss-newton", "levenberg-marquardt"])
def test_methods_for_squares_go_on_bit_for_bit(name: str) -> None:
    problem = objective(VALLEY)
    for bounds in (None, Bounds(np.array([-2.0, -2.0]), np.array([0.5, 3.0]))):
        run = Run(problem, plan(name, bounds=bounds), STARTS)
        rows: list[Row] = []
        states = []
        for found in run.steps():
            rows += found
            states.append((len(rows), json.dumps(run.to_json())))
        for count, state in states:
            again = Run(problem, run.plan, STARTS, json.loads(state))
            assert bits(rows_of(again)) == bits(rows[count:])
            assert not any(track.restarts for track in again.tracks)


@pytest.mark.parametrize("name", ["lbfgs", "newton-cg", "trust-region"])
def test_methods_of_scipy_begin_anew_at_their_last_point_and_say_so(name: str) -> None:
    problem = objective(VALLEY)
    run = Run(problem, plan(name, Stop()), STARTS[:1])
    steps = run.steps()
    before = [next(steps)[0] for _ in range(6)]
    state = json.loads(json.dumps(run.to_json()))
    steps.close()
    again = Run(problem, run.plan, STARTS[:1], state)
    after = rows_of(again)
    assert [row.step for row in before + after] == list(range(len(before) + len(after)))
    assert again.tracks[0].restarts == [5]
    assert again.tracks[0].reason == "converged"
    assert np.allclose(after[-1].x, 1, rtol=1e-12)


@pytest.mark.parametrize("name", RULES)
def test_a_run_makes_the_steps_of_its_rule(name: str) -> None:
    problem = objective(VALLEY)
    method = read_method(name, {"lr": RATES.get(name, 0.05)})
    assert isinstance(method, Method)
    state = method.start(STARTS[0])
    for row in rows_of(Run(problem, plan(name), STARTS[:1])):
        value, gradient = problem.evaluate(state.x)
        assert (row.value, row.grad_norm) == (value, norm_of(gradient))
        assert row.x.tobytes() == state.x.tobytes()
        state = method.step(state, gradient)


def test_starts_do_not_know_of_each_other() -> None:
    problem = objective(VALLEY)
    together = rows_of(Run(problem, plan("adam"), STARTS))
    for i in range(len(STARTS)):
        alone = rows_of(Run(problem, plan("adam"), STARTS[i : i + 1]))
        own = [row for row in together if row.start == i]
        assert [(row.step, row.value) for row in own] == [(row.step, row.value) for row in alone]


def test_starts_end_each_for_itself() -> None:
    problem = objective("sum(x^2)")
    points = np.array([[1e-3, 0.0], [1.0, 1.0], [5.0, 5.0]])
    run = Run(problem, plan("sgd", Stop(max_steps=100, target=1e-2), {"lr": 0.1}), points)
    rows = rows_of(run)
    steps = [max(row.step for row in rows if row.start == i) for i in range(3)]
    assert steps[0] == 0 < steps[1] < steps[2] < 100
    assert [track.reason for track in run.tracks] == ["target"] * 3
    assert run.best.start == 0


@pytest.mark.parametrize(
    ("stop", "reason"),
    [
        (Stop(max_steps=2), "max-steps"),
        (Stop(max_steps=0), "max-steps"),
        (Stop(target=0.5), "target"),
        (Stop(grad_norm=1.0), "converged"),
        (Stop(relative_change=0.1), "converged"),
        (Stop(max_seconds=1e-9), "max-seconds"),
    ],
)
@pytest.mark.parametrize("name", ["sgd", "lbfgs", "levenberg-marquardt"])
def test_every_criterion_stops_every_kind_of_method(name: str, stop: Stop, reason: str) -> None:
    run = Run(objective("sum((x - 3)^4) + sum((x - 3)^2)"), plan(name, stop), np.array([[5.0, 6.0]]))
    rows = rows_of(run)
    assert run.ended
    assert run.tracks[0].reason == reason
    assert run.tracks[0].message
    if reason == "max-steps":
        assert rows[-1].step == stop.max_steps


def test_patience_counts_steps_that_have_not_improved() -> None:
    # The third step overshoots, and nothing afterwards is better.
    run = Run(objective("sum(abs(x))"), plan("sgd", Stop(max_steps=100, patience=4), {"lr": 0.4}), np.array([[1.0, 0]]))
    rows = rows_of(run)
    assert run.tracks[0].reason == "patience"
    best = min(rows, key=lambda row: (row.value, row.step))
    assert rows[-1].step - best.step == 4
    assert run.tracks[0].best is not None
    assert run.tracks[0].best.step == best.step


def test_a_run_that_diverges_tells_where_and_keeps_its_best_point() -> None:
    run = Run(objective("sum(x^4)"), plan("sgd", Stop(max_steps=1000), {"lr": 1.0}), np.array([[1.1, 0.0]]))
    rows = rows_of(run)
    track = run.tracks[0]
    assert track.reason == "diverged"
    assert not math.isfinite(rows[-1].value)
    assert "Infinity" in track.message or "NaN" in track.message
    assert track.best is not None
    assert track.best.value == min(row.value for row in rows[:-1])


def test_one_start_that_diverges_leaves_the_others() -> None:
    run = Run(objective("sum(log(x))"), plan("sgd", Stop(max_steps=30), {"lr": 0.01}), np.array([[-1.0, 1], [2, 2.0]]))
    rows_of(run)
    assert [track.reason for track in run.tracks] == ["diverged", "max-steps"]
    assert "log(-1.0) is NaN" in run.tracks[0].message
    assert run.best.start == 1


def test_more_digits_are_taken_where_they_are_asked_for() -> None:
    # sqrt(x)^2 is x, whose derivative at 0 is 1.  In float64 that is infinity times 0.
    wanted: list[tuple[Precision, float]] = [("exact", 1.0), ("auto", 0.0)]
    for precision, norm in wanted:
        question = Question("sum(sqrt(x)^2)", {"x": np.zeros(1)}, precision=precision)
        problem = Objective(ENGINE, question, ["x"], Budget.starting_now(60.0))
        assert problem.evaluate(np.zeros(1))[1].tolist() == [norm]
        assert [warning.code for warning in problem.warnings(np.zeros(1))] == ["singular"]


@pytest.mark.parametrize("name", METHODS)
def test_every_method_stays_in_the_box_and_finds_its_edge(name: str) -> None:
    box = Bounds(np.array([-5.0, 1.0]), np.array([2.0, math.inf]))
    options = {"lr": 0.02 if name in ("adagrad", "lion") else 0.05} if name in RULES else {}
    if name in ("adagrad", "adadelta"):
        options = {"lr": 1.0 if name == "adagrad" else 100.0}
    run = Run(objective("sum((x - [3, -4])^2)"), plan(name, Stop(max_steps=3000), options, bounds=box), STARTS[:1])
    rows = rows_of(run)
    assert all(np.all(row.x >= box.low) and np.all(row.x <= box.high) for row in rows)
    assert rows[-1].x.tolist() == [2.0, 1.0]
    assert rows[-1].grad_norm == 0
    assert run.tracks[0].reason == "converged"


def test_what_is_maximised_has_the_values_of_the_client() -> None:
    problem = objective("3 - sum((x - 1)^2)", sign=-1.0)
    for name in ("sgd", "lbfgs", "levenberg-marquardt"):
        options = {"lr": 0.1} if name == "sgd" else {}
        run = Run(problem, plan(name, Stop(target=-2.9999), options, sign=-1.0), np.array([[0.0, 0.0]]))
        rows = rows_of(run)
        assert rows[0].value == 1.0
        assert rows[-1].value >= 2.9999
        assert run.tracks[0].reason == "target"


def test_a_state_is_forked_with_other_options() -> None:
    problem = objective(VALLEY)
    run = Run(problem, plan("adam", Stop(max_steps=20)), STARTS[:1])
    rows = rows_of(run)
    assert run.ended
    other = plan("adam", Stop(max_steps=30), {"lr": 0.5})
    fork = Run(problem, other, STARTS[:1], forked(json.loads(json.dumps(run.to_json()))))
    more = rows_of(fork)
    assert [row.step for row in more] == list(range(21, 31))
    assert more[0].rate == 0.5
    longer = rows_of(Run(problem, plan("adam", Stop(max_steps=21)), STARTS[:1]))
    assert bits(longer[:21]) == bits(rows)
    # The moments went along: the direction is that of the run which was not forked, the step ten times as long.
    assert np.allclose(more[0].x - rows[-1].x, 10 * (longer[21].x - rows[-1].x))
    with pytest.raises(ValueError, match="adam"):
        Run(problem, plan("sgd"), STARTS[:1], run.to_json())


def test_a_run_can_be_left_between_any_two_steps_and_in_the_middle_of_one() -> None:
    for name in ("adam", *PATHS):
        problem = objective(VALLEY)
        run = Run(problem, plan(name), STARTS[:1])
        steps = run.steps()
        first = next(steps)
        problem.budget.cancelled = True
        before = json.dumps(told(run))
        with pytest.raises(BudgetExceeded):
            for _ in steps:
                pass
        assert json.dumps(told(run)) == before
        again = Run(objective(VALLEY), run.plan, STARTS[:1], run.to_json())
        assert next(row.step for row in rows_of(again)) == first[0].step + 1


def test_norms_neither_overflow_nor_underflow() -> None:
    assert norm_of(np.array([3e200, 4e200])) == pytest.approx(5e200, rel=1e-15)
    assert norm_of(np.array([3e-200, 4e-200])) == pytest.approx(5e-200, rel=1e-15)
    assert norm_of(np.array([3.0, 4.0])) == 5
    assert norm_of(np.zeros(2)) == 0
    assert norm_of(np.array([1.0, np.inf])) == np.inf
    assert math.isnan(norm_of(np.array([1.0, np.nan])))
