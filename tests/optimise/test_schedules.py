"""Schedules and clipping against recorded traces of torch, and at their ends."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.errors import InvalidRequest
from engine.optimise.clipping import by_norm, by_value, clipped, clipping
from engine.optimise.plateau import Plateau, options, reduced
from engine.optimise.schedules import SCHEDULES, schedule

TRACES = json.loads(Path(__file__).with_name("traces.json").read_text("utf-8"))


@pytest.mark.parametrize("trace", TRACES["schedules"], ids=lambda trace: trace["name"])
def test_rates_are_those_of_torch(trace: dict[str, Any]) -> None:
    made = schedule(trace["name"], trace["options"])
    # Torch computes most rates from the one before, and collects rounding errors.
    for step, rate in enumerate(trace["rates"]):
        assert made.rate(step, 0.1) == pytest.approx(rate, rel=1e-13)


def test_every_schedule_is_traced() -> None:
    assert {trace["name"] for trace in TRACES["schedules"]} | {"constant"} == set(SCHEDULES)
    assert schedule("constant").rate(10**9, 0.3) == 0.3


def test_after_their_ends_schedules_stay() -> None:
    assert schedule("cosine", {"steps": 10, "minimum": 0.01}).rate(25, 1.0) == 0.01
    assert schedule("warmup", {"steps": 10}).rate(25, 0.7) == 0.7
    assert schedule("one-cycle", {"steps": 10}).rate(25, 1.0) == pytest.approx(1 / 25 / 1e4)
    assert schedule("one-cycle", {"steps": 1}).rate(0, 1.0) > 0
    assert schedule("one-cycle", {"steps": 2, "rise": 0.5}).rate(0, 1.0) == 1.0


def test_a_plateau_is_that_of_torch() -> None:
    trace = TRACES["plateau"]
    state, found = Plateau(0.1), []
    for loss in trace["losses"]:
        state = reduced(state, loss, options(trace["options"]))
        found.append(state.lr)
    assert found == trace["rates"]
    assert len(set(found)) > 2


def test_a_loss_that_is_not_a_number_is_no_better() -> None:
    state = Plateau(0.1)
    for _ in range(12):
        state = reduced(state, math.nan, options())
    assert state.lr == pytest.approx(0.01)


@pytest.mark.parametrize("trace", TRACES["clips"])
def test_clipping_by_norm_is_that_of_torch(trace: dict[str, Any]) -> None:
    gradients = {str(i): np.array(part) for i, part in enumerate(trace["before"])}
    found = by_norm(gradients, trace["norm"])
    for i, part in enumerate(trace["after"]):
        assert found[str(i)] == pytest.approx(np.array(part), rel=1e-15)


def test_clipping_at_its_ends() -> None:
    huge = {"a": np.array([3e200, 4e200])}
    assert by_norm(huge, 5.0, 0.0)["a"] == pytest.approx(np.array([3.0, 4.0]), rel=1e-15)
    assert by_norm({"a": np.zeros(2)}, 1.0, 0.0)["a"].tolist() == [0.0, 0.0]
    assert by_norm({}, 1.0) == {}
    assert np.isnan(by_norm({"a": np.array([math.nan, 1.0])}, 1.0)["a"]).all()
    assert by_value({"a": np.array([-3.0, 0.5, math.inf])}, 1.0)["a"].tolist() == [-1.0, 0.5, 1.0]
    assert clipped(huge, None) is huge
    assert clipped({"a": np.array([2.0])}, clipping({"value": 1}))["a"] == [1.0]
    assert clipped({"a": np.array([2.0])}, clipping({"norm": 1, "eps": 0}))["a"] == [1.0]


@pytest.mark.parametrize(
    ("make", "given", "pointers"),
    [
        (lambda given: schedule("cosinus", given), {}, ["/name"]),
        (lambda given: schedule("cosine", given), {}, ["/steps"]),
        (lambda given: schedule("cosine", given), {"steps": 1.5}, ["/steps"]),
        (lambda given: schedule("step", given), {"size": 0, "gama": 1}, ["/gama", "/size"]),
        (options, {"factor": 1}, ["/factor"]),
        (clipping, {}, ["/norm"]),
        (clipping, {"norm": 0}, ["/norm"]),
        (clipping, {"norm": 1, "value": 1}, ["/norm"]),
    ],
)
def test_what_is_refused(make: Any, given: dict[str, Any], pointers: list[str]) -> None:
    with pytest.raises(InvalidRequest) as refused:
        make(given)
    assert [fault.pointer for fault in refused.value.faults] == pointers
