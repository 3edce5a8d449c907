"""Update rules against recorded traces of torch.optim, and against the papers in mpmath."""

from __future__ import annotations

import json
import math
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.errors import InvalidRequest
from engine.optimise.rule import Method
from engine.optimise.state import State
from engine.optimise.table import RULES, method
from tests.optimise import papers

TRACES = json.loads(Path(__file__).with_name("traces.json").read_text("utf-8"))
RUNS = [pytest.param(run, id=f"{i}-{run['method']}-{run['problem']}") for i, run in enumerate(TRACES["runs"])]
ULPS = 4
"""How far a step may be from torch's, in units in the last place of the larger of the two parameters."""


def gradients_of(run: dict[str, Any]) -> list[list[float]]:
    """The gradients of a run, its own or those of its problem."""
    found: list[list[float]] = run.get("gradients") or TRACES["problems"][run["problem"]]
    return found


def all_ulps(a: Any, b: Any, scale: Any) -> Any:
    """The distances, in units in the last place of `scale`; 0 for equal ones, NaN and infinities included."""
    same = (a == b) | (np.isnan(a) & np.isnan(b))
    return np.where(same, 0.0, np.abs(a - b) / np.spacing(np.abs(scale)))


@pytest.mark.parametrize("run", RUNS)
def test_every_step_is_that_of_torch(run: dict[str, Any]) -> None:
    """Each step from torch's parameters, with the state that our own rule has kept from the beginning."""
    rule = method(run["method"], run["options"])
    state = rule.start(np.array(TRACES["start"]))
    for k, (gradient, iterate) in enumerate(zip(gradients_of(run), run["iterates"], strict=True)):
        before, expected = state.x, np.array([float(v) for v in iterate])
        state = rule.step(state, np.array(gradient))
        with np.errstate(all="ignore"):
            found = all_ulps(state.x, expected, np.maximum(np.abs(before), np.abs(expected)))
        assert np.all(found <= ULPS), (k, state.x, expected)
        state = state.moved(expected)


@pytest.mark.parametrize("run", RUNS)
def test_fifty_steps_without_help_end_where_torch_does(run: dict[str, Any]) -> None:
    rule = method(run["method"], run["options"])
    state = rule.start(np.array(TRACES["start"]))
    largest = np.abs(state.x)
    for gradient, iterate in zip(gradients_of(run), run["iterates"], strict=True):
        state = rule.step(state, np.array(gradient))
        expected = np.array([float(v) for v in iterate])
        largest = np.fmax(largest, np.abs(expected))
        with np.errstate(all="ignore"):
            assert np.all(all_ulps(state.x, expected, largest) <= 16), (state.x, expected)


def test_every_method_is_traced_or_written_out() -> None:
    assert {run["method"] for run in TRACES["runs"]} | {"lion"} == set(RULES)


LITERAL: list[tuple[str, dict[str, Any], Any]] = [
    ("lion", {}, lambda x, g: papers.lion(x, g, 1e-4, 0.9, 0.99, 0.0)),
    (
        "lion",
        {"lr": 0.02, "beta1": 0.7, "beta2": 0.95, "weight_decay": 0.3},
        lambda x, g: papers.lion(x, g, 0.02, 0.7, 0.95, 0.3),
    ),
    ("adam", {"lr": 0.05}, lambda x, g: papers.adam(x, g, 0.05, 0.9, 0.999, 1e-8)),
    ("adam", {"lr": 0.05, "eps": 0.1, "beta1": 0.2}, lambda x, g: papers.adam(x, g, 0.05, 0.2, 0.999, 0.1)),
    ("adamw", {"weight_decay": 0.5}, lambda x, g: papers.adamw(x, g, 1e-3, 0.9, 0.999, 1e-8, 0.5)),
    ("amsgrad", {"beta2": 0.8, "lr": 0.1}, lambda x, g: papers.amsgrad(x, g, 0.1, 0.9, 0.8, 1e-8)),
    ("nadam", {"lr": 0.05}, lambda x, g: papers.nadam(x, g, 0.05, 0.9, 0.999, 1e-8, 4e-3)),
    ("adagrad", {"lr": 0.5}, lambda x, g: papers.adagrad(x, g, 0.5, 1e-10)),
    ("adadelta", {}, lambda x, g: papers.adadelta(x, g, 0.9, 1e-6)),
    (
        "rmsprop",
        {"centered": True, "alpha": 0.9, "eps": 0.01},
        lambda x, g: papers.rmsprop(x, g, 1e-2, 0.9, 0.01),
    ),
    ("nesterov", {"lr": 0.1}, lambda x, g: papers.nesterov(x, g, 0.1, 0.9)),
]


def sequences() -> dict[str, list[float]]:
    """Gradients of one component."""
    chance = random.Random(11)
    noisy = [chance.gauss(0.5, 2) for _ in range(50)]
    return {
        "noisy": noisy,
        "alternating": [(-1) ** k / (k + 1) for k in range(50)],
        "zeros": [0.0] * 5 + [1.0] + [0.0] * 44,
        "large": [g * 1e100 for g in noisy],
        "small": [g * 1e-20 for g in noisy],
        "wild": [chance.gauss(0, 1) * 10 ** chance.uniform(-20, 20) for _ in range(50)],
    }


@pytest.mark.parametrize("kind", sequences())
@pytest.mark.parametrize(("name", "options", "paper"), LITERAL)
def test_every_rule_is_that_of_its_paper(name: str, options: dict[str, Any], paper: Any, kind: str) -> None:
    gradients = sequences()[kind]
    expected, rule = paper(0.7, gradients), method(name, options)
    state = rule.start(np.array(0.7))
    largest = 0.7
    for gradient, number in zip(gradients, expected, strict=True):
        state = rule.step(state, np.array(gradient))
        largest = max(largest, abs(number))
        # In many digits, what cancels in centred squares and in averages does not.
        assert float(state.x) == pytest.approx(number, rel=0, abs=64 * math.ulp(largest)), gradient


@pytest.mark.parametrize("name", RULES)
def test_a_state_survives_json_bit_for_bit(name: str) -> None:
    rule = method(name, {"momentum": 0.5, "centered": True} if name == "rmsprop" else {})
    chance = np.random.default_rng(1)
    state = rule.start(np.array([[1.0, -0.0, 1e-310], [math.inf, math.pi, 5.0]]))
    for _ in range(3):
        state = rule.step(state, chance.normal(size=(2, 3)) * [1e-200, 1.0, math.nan])
        again = State.from_json(json.loads(json.dumps(state.to_json(), allow_nan=False)))
        assert (again.step, again.x.shape, again.x.tobytes()) == (state.step, state.x.shape, state.x.tobytes())
        assert {n: (a.shape, a.tobytes()) for n, a in again.arrays.items()} == {
            n: (a.shape, a.tobytes()) for n, a in state.arrays.items()
        }
        gradient = np.ones((2, 3))
        assert rule.step(again, gradient).x.tobytes() == rule.step(state, gradient).x.tobytes()


@pytest.mark.parametrize("name", RULES)
def test_a_step_changes_nothing_that_it_was_given_and_is_elementwise(name: str) -> None:
    rule = method(name)
    x, gradient = np.array([1.0, -2.0, 3.0]), np.array([0.5, 0.25, -4.0])
    state = rule.step(rule.start(x), gradient)
    before = state.to_json()
    after = rule.step(state, gradient)
    assert state.to_json() == before
    assert rule.step(state, gradient).to_json() == after.to_json()
    assert (x.tolist(), gradient.tolist()) == ([1.0, -2.0, 3.0], [0.5, 0.25, -4.0])
    for i in range(3):
        alone = rule.step(rule.step(rule.start(x[i : i + 1]), gradient[i : i + 1]), gradient[i : i + 1])
        assert alone.x[0] == after.x[i]


def test_a_learning_rate_of_a_schedule_replaces_the_own_one() -> None:
    rule: Method = method("sgd", {"lr": 1.0})
    assert rule.step(rule.start(np.array(1.0)), np.array(2.0), lr=0.25).x == 0.5


@pytest.mark.parametrize(
    ("name", "options", "pointers", "words"),
    [
        ("adm", {}, ["/name"], "`adam`"),
        ("Adam", {}, ["/name"], "`adam`"),
        ("zzz", {}, ["/name"], "there are `sgd`, "),
        ("adam", {"beta": 0.9}, ["/beta"], "`beta"),
        ("adam", {"beta1": 1.0}, ["/beta1"], "a number from 0 and below 1"),
        ("adam", {"lr": -1, "eps": "x", "beta2": math.nan}, ["/lr", "/beta2", "/eps"], "a number from 0 on"),
        ("adam", {"lr": True}, ["/lr"], "a number from 0 on"),
        ("adam", {"lr": 10**400}, ["/lr"], "a number from 0 on"),
        ("rmsprop", {"centered": 1}, ["/centered"], "true or false"),
        ("sgd", {"a/b~": 1}, ["/a~1b~0"], "no such option"),
    ],
)
def test_what_is_refused(name: str, options: dict[str, Any], pointers: list[str], words: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        method(name, options)
    assert [fault.pointer for fault in refused.value.faults] == pointers
    assert words in refused.value.faults[0].detail


def test_every_option_has_a_default_in_its_range_and_every_rule_a_source() -> None:
    for rule in RULES.values():
        assert rule.source.endswith(".")
        assert all(option.default is not None and option.allows(option.default) for option in rule.options)
        assert all(option.doc for option in rule.options)
