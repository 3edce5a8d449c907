"""Right and wrong runs of optimisers, written down naively: what the check says of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.checking.steps.judge import StepsReport, judge
from engine.checking.steps.mistakes import MISTAKES
from engine.checking.steps.run import Run
from engine.checking.steps.slips import right as no_slip
from engine.checking.steps.slips import slipped
from engine.errors import BudgetExceeded
from engine.limits import Budget
from engine.optimise.clipping import clipping
from engine.optimise.schedules import schedule
from engine.optimise.table import RULES, method
from tests.checking.planted import KINDS, METHODS, START, Planted, planted, right, single, wrong

TRACES = json.loads((Path(__file__).parents[1] / "optimise" / "traces.json").read_text("utf-8"))
FIRST = {(p.kind, p.method["name"]): p for p in sorted(wrong(), key=lambda p: p.problem == "noisy")}
"""One run for each mistake in each method."""
SILENT = {("weight-decay-coupled", "lion")}
"""Where another mistake explains the same iterates: the sign takes no notice of a small coupled decay."""


def run_of(name: str, options: Any, start: Any, iterates: Any, gradients: Any, **more: Any) -> Run:
    """A run of one input."""
    found = method(name, options)
    rows = np.array(iterates, dtype=np.float64)
    more = {"clip": None, "rates": np.full(len(rows), found.options["lr"])} | more
    shapes = more.pop("shapes", {"x": (rows.shape[1],)})
    given = np.array(gradients, dtype=np.float64)
    return Run(found, np.array(start, dtype=np.float64), rows, given, np.zeros(rows.shape), shapes=shapes, **more)


def judged(planted: Planted, **more: Any) -> StepsReport:
    """The report on a planted run."""
    options = {name: value for name, value in planted.method.items() if name != "name"}
    start = [single(v) for v in START] if planted.kind == "float32" else START
    run = run_of(planted.method["name"], options, start, planted.iterates, planted.gradients, **more)
    return judge(run, Budget.starting_now(60))


@pytest.mark.parametrize("run", list(right()), ids=lambda run: run.label)
def test_no_right_run_is_called_wrong(run: Planted) -> None:
    report = judged(run)
    assert (report.verdict, report.wrong, report.first_wrong, report.diagnosis) == ("correct", 0, None, ())


@pytest.mark.parametrize("run", list(FIRST.values()), ids=lambda run: run.label)
def test_a_mistake_is_found_and_named_first(run: Planted) -> None:
    report = judged(run)
    assert report.verdict == "incorrect"
    assert report.first_wrong is not None
    kinds = [found.kind for found in report.diagnosis]
    assert run.kind in kinds
    if (run.kind, run.method["name"]) not in SILENT:
        assert (kinds[0], report.diagnosis[0].explains) == (run.kind, True), report.diagnosis
    assert report.diagnosis[0].detail in report.message


def test_every_kind_is_planted() -> None:
    elsewhere = {"schedule-ignored", "schedule-shifted", "not-clipped", "clip-kind", "clip-epsilon", "rate-in-buffer"}
    assert {mistake.kind for mistake in MISTAKES} | {"learning-rate", "float32"} == set(KINDS) | elsewhere
    assert set(KINDS) == {kind for kind, _ in FIRST}


@pytest.mark.parametrize("trace", TRACES["runs"], ids=lambda trace: f"{trace['method']}-{trace['problem']}")
def test_no_run_of_torch_is_called_wrong(trace: dict[str, Any]) -> None:
    gradients = trace.get("gradients") or TRACES["problems"][trace["problem"]]
    iterates = [[float(v) for v in row] for row in trace["iterates"]]
    report = judge(
        run_of(trace["method"], trace["options"], TRACES["start"], iterates, gradients), Budget.starting_now(60)
    )
    assert (report.verdict, report.wrong) in {("correct", 0), ("inconclusive", 0)}, report
    assert report.verdict == "correct" or trace["problem"] in ("huge", "tiny", "wild"), report.message


@pytest.mark.parametrize(("trace", "options"), list(zip(TRACES["nadam"], ({}, {"momentum_decay": 0.02}), strict=True)))
def test_nadam_with_a_product_in_float32_is_right_too(trace: dict[str, Any], options: dict[str, Any]) -> None:
    iterates = [[float(v) for v in row] for row in trace["iterates"]]
    run = run_of("nadam", options, TRACES["start"], iterates, TRACES["problems"]["noisy"])
    assert judge(run, Budget.starting_now(60)).verdict == "correct"


@pytest.mark.parametrize("asked", METHODS, ids=lambda asked: str(asked["name"]))
def test_without_a_slip_the_second_writing_is_the_rule(asked: dict[str, Any]) -> None:
    rule = method(asked["name"], {name: value for name, value in asked.items() if name != "name"})
    other = slipped(rule, no_slip(asked["name"]))
    one, two = rule.start(np.array(START)), other.start(np.array(START))
    chance = np.random.default_rng(5)
    for _ in range(40):
        gradient = chance.normal(size=3)
        one, two = rule.step(one, gradient), other.step(two, gradient)
        assert two.x == pytest.approx(one.x, rel=1e-13, abs=1e-14)


def _trained(
    name: str, rates: Any, clip: Any = None, shapes: Any = None
) -> tuple[list[list[float]], list[list[float]]]:
    """Iterates and gradients of a right run of the engine with other rates or clipping."""
    from engine.checking.steps.run import clip_rows

    rule = method(name, {"lr": 0.01})
    gradients = np.random.default_rng(3).normal(size=(len(rates), 3)) * [1.0, 5.0, 0.2]
    shapes = shapes or {"x": (3,)}
    blank = Run(rule, np.array(START), gradients, gradients, gradients, np.array(rates), clip, shapes)
    state, iterates = rule.start(np.array(START)), []
    for gradient, rate in zip(clip_rows(blank, gradients), rates, strict=True):
        state = rule.step(state, gradient, rate)
        iterates.append(state.x.tolist())
    return iterates, gradients.tolist()


@pytest.mark.parametrize(
    ("claimed", "first"),
    [
        (lambda k: 0.01 * 0.9**k, None),
        (lambda k: 0.01, "schedule-ignored"),
        (lambda k: 0.01 * 0.9 ** (k + 1), "schedule-shifted"),
        (lambda k: 0.02 * 0.9**k, "learning-rate"),
    ],
)
def test_schedules(claimed: Any, first: str | None) -> None:
    iterates, gradients = _trained("momentum", [claimed(k) for k in range(20)])
    decaying = schedule("exponential", {"gamma": 0.9})
    rates = np.array([decaying.rate(k, 0.01) for k in range(20)])
    report = judge(run_of("momentum", {"lr": 0.01}, START, iterates, gradients, rates=rates), Budget.starting_now(60))
    kinds = [found.kind for found in report.diagnosis]
    # One factor more in every step is a factor of the learning rate as well.
    assert (report.verdict, kinds[:1]) == (("correct", []) if first is None else ("incorrect", [first]))


@pytest.mark.parametrize(
    ("used", "told", "first"),
    [
        ({"norm": 1.0}, {"norm": 1.0}, None),
        ({"value": 0.5}, {"value": 0.5}, None),
        (None, {"norm": 1.0}, "not-clipped"),
        ({"value": 1.0}, {"norm": 1.0}, "clip-kind"),
        ({"norm": 0.5}, {"value": 0.5}, "clip-kind"),
        ({"norm": 1.0, "eps": 0.0}, {"norm": 1.0}, "clip-epsilon"),
    ],
)
def test_clipping(used: Any, told: Any, first: str | None) -> None:
    shapes = {"a": (2,), "b": ()}
    iterates, gradients = _trained("adam", [0.01] * 20, used and clipping(used), shapes)
    run = run_of("adam", {"lr": 0.01}, START, iterates, gradients, clip=clipping(told), shapes=shapes)
    report = judge(run, Budget.starting_now(60))
    assert report.verdict == ("correct" if first is None else "incorrect")
    assert [found.kind for found in report.diagnosis][:1] == ([] if first is None else [first])


def test_the_rate_inside_of_the_buffer_shows_where_it_changes() -> None:
    rates, buffer, x = [0.1 * 0.8**k for k in range(12)], np.zeros(3), np.array(START)
    gradients, iterates = np.random.default_rng(2).normal(size=(12, 3)), []
    for rate, gradient in zip(rates, gradients, strict=True):
        buffer = 0.9 * buffer + rate * gradient
        x = x - buffer
        iterates.append(x)
    run = run_of("momentum", {"lr": 0.1}, START, iterates, gradients, rates=np.array(rates))
    report = judge(run, Budget.starting_now(60))
    assert (report.verdict, report.diagnosis[0].kind) == ("incorrect", "rate-in-buffer")
    assert report.first_wrong is not None
    assert report.first_wrong.step == 2


def test_one_wrong_number_is_one_wrong_step_with_its_place() -> None:
    run = planted("", {"name": "adam", "lr": 0.01}, "noisy")
    run.iterates[6][1] += 1e-6
    for k in range(7, len(run.iterates)):
        run.iterates[k] = [a + b for a, b in zip(run.iterates[k], [0, 1e-6, 0], strict=True)]
    report = judged(run, shapes={"w": (1, 2), "b": ()})
    assert (report.verdict, report.wrong) == ("incorrect", 1)
    assert report.first_wrong is not None
    assert (report.first_wrong.step, report.first_wrong.input, report.first_wrong.index) == (7, "w", (0, 1))
    assert report.worst is not None
    assert report.worst.step == 7
    assert report.diagnosis == []
    assert "1 of 30 steps is wrong" in report.message


def test_few_digits_are_told_from_mistakes_and_may_be_allowed() -> None:
    run = planted("", {"name": "adam", "lr": 0.01}, "noisy")
    iterates = [[float(f"{v:.6g}") for v in row] for row in run.iterates]
    short = Planted("", run.method, run.problem, run.gradients, iterates)
    report = judged(short)
    assert (report.verdict, report.diagnosis[0].kind) == ("incorrect", "few-digits")
    assert judged(short, tolerance=1e-5).verdict == "correct"
    assert judged(short, tolerance=0.1).verdict == "inconclusive"


@pytest.mark.parametrize("name", RULES)
def test_gradients_of_zero_and_steps_without_effect_tell_nothing(name: str) -> None:
    zeros = np.zeros((5, 2))
    rows = np.tile([1.0, -2.0], (5, 1))
    options: dict[str, Any] = {"weight_decay": 0.0}
    report = judge(run_of(name, options, [1.0, -2.0], rows, zeros), Budget.starting_now(60))
    assert (report.verdict, report.wrong) == ("inconclusive", 0)
    lost = judge(run_of(name, options, [1e30, 1e30], rows * 0 + 1e30, zeros + 1e-9), Budget.starting_now(60))
    assert (lost.verdict, lost.wrong) == ("inconclusive", 0)


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_breaks_nothing(name: str, bad: float) -> None:
    rule = method(name)
    gradients = np.ones((6, 2))
    gradients[3, 0] = bad
    state, rows = rule.start(np.ones(2)), []
    for gradient in gradients:
        state = rule.step(state, gradient)
        rows.append(state.x)
    report = judge(run_of(name, {}, [1, 1], rows, gradients), Budget.starting_now(60))
    assert (report.verdict, report.wrong) == ("correct", 0)
    rows[1] = np.array([bad, rows[1][1]])
    wrong = judge(run_of(name, {}, [1, 1], rows, gradients), Budget.starting_now(60))
    assert (wrong.verdict, wrong.first_wrong and wrong.first_wrong.step) == ("incorrect", 2)


def test_a_doubt_about_gradients_stays_a_doubt_unless_a_mistake_explains_all() -> None:
    run = run_of("sgd", {"lr": 0.1}, [1.0], [[0.9], [0.7]], [[1.0], [1.0]])
    assert judge(run, Budget.starting_now(60)).verdict == "incorrect"
    assert judge(run, Budget.starting_now(60), "it has a kink.").verdict == "inconclusive"


def test_time_is_limited() -> None:
    budget = Budget.starting_now(0.0)
    with pytest.raises(BudgetExceeded):
        judge(run_of("sgd", {}, [1.0], [[0.9]], [[1.0]]), budget)
