"""A training that is stopped anywhere and goes on from its state is the same as one that was not."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from engine.errors import BudgetExceeded
from engine.limits import Budget
from engine.models import step, trainer
from engine.models.model import Model
from engine.models.trainer import Trainer
from engine.optimise.table import RULES
from tests.models.lessons import begun, bits, classes, classifier, line, parameters, regressor, row_bits

NOISY = ({"type": "standardise"}, {"type": "dense", "units": 4, "activation": "relu"}, {"type": "batch_norm"})
DROPPING = (*NOISY, {"type": "dropout", "rate": 0.3})
VALIDATION = classes(5, seed=9)
CASES: dict[str, tuple[Model, dict[str, Any]]] = {
    **{rule: (classifier(*DROPPING), {"method": {"name": rule, "lr": 0.05}}) for rule in RULES},
    "schedule": (classifier(*DROPPING), {"schedule": {"name": "cosine", "steps": 9}}),
    "plateau": (
        classifier(*DROPPING),
        {
            "schedule": {"name": "reduce-on-plateau", "patience": 0, "factor": 0.5, "threshold": 0.9},
            "method": {"name": "momentum", "lr": 0.1},
        },
    ),
    "clip": (classifier(*DROPPING), {"clip": {"norm": 0.1}, "method": {"name": "sgd", "lr": 1.0}}),
    "clip by value": (classifier(*DROPPING), {"clip": {"value": 0.01}, "method": "rmsprop"}),
    "seeds": (classifier(*DROPPING), {"seeds": 3, "validation": 0.3}),
    "weights": (classifier(*NOISY), {"class_weight": "balanced", "seeds": [5, 2]}),
    "early stopping": (
        classifier(*NOISY),
        {"early_stopping": {"patience": 1, "min_change": 0.1}, "validation": 0.3, "seeds": 3, "epochs": 5},
    ),
    "all metrics": (
        classifier(*NOISY, kinds=3),
        {"metrics": ["accuracy", {"name": "top_k", "k": 2}, "confusion"], "validation": 0.2},
    ),
    "standardised": (
        regressor(*DROPPING, target={"standardise": True}),
        {"metrics": ["r2", "mae", "mse"], "validation": 0.2},
    ),
    "validated": (classifier(*DROPPING), {"validation": VALIDATION, "keep": "last"}),
    "in order": (classifier(*NOISY), {"shuffle": False}),
    "all at once": (classifier(*NOISY), {"batch_size": "all", "epochs": 5}),
    "one at a time": (classifier(*NOISY), {"batch_size": 1, "epochs": 1}),
    "last": (classifier(*NOISY), {"keep": "last", "stop": {"max_steps": 7}}),
    "target": (regressor(), {"stop": {"target": 1.0}, "method": {"name": "sgd", "lr": 0.1}, "epochs": 9}),
    "finder": (regressor(), {"find_learning_rate": {"steps": 10}}),
    "one seed diverges": (
        regressor({"type": "dense", "units": 3, "activation": "softplus"}, {"type": "dense", "units": 3}),
        {"method": {"name": "sgd", "lr": 0.3}, "seeds": 3, "epochs": 8},
    ),
}


def _begun(case: str, **more: Any) -> Trainer:
    model, options = CASES[case]
    data = classes() if model.target.dtype == "int" else line()
    if case == "weights":
        data |= {"weight": np.arange(11.0)}
    return begun(model, data, **{"epochs": 3, "batch_size": 4, **options, **more})


@pytest.mark.parametrize("case", CASES)
def test_a_training_that_is_stopped_after_any_step_goes_on_bit_for_bit(case: str) -> None:
    calm = _begun(case)
    rows, states = [], [calm.to_json()]
    for each in calm.steps():
        rows.append([row_bits(row) for row in each])
        states.append(calm.to_json())
    assert rows
    for k, state in enumerate(states):
        again = _begun(case, state=json.loads(json.dumps(state)))
        assert [[row_bits(row) for row in each] for each in again.steps()] == rows[k:], f"stopped after step {k}"
        assert bits(again) == bits(calm), f"stopped after step {k}"
        found, expected = parameters(again), parameters(calm)
        assert {name: array.tobytes() for name, array in found.items()} == {
            name: array.tobytes() for name, array in expected.items()
        }
        assert again.suggestion() == calm.suggestion()


@pytest.mark.parametrize("case", ["adam", "seeds", "standardised", "early stopping"])
def test_a_run_that_is_withdrawn_within_a_step_has_not_made_it(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = _begun(case)
    calm = [[row_bits(row) for row in each] for each in expected.steps()]
    calls = 0
    original = step.Program.__call__
    for fatal in range(1, 40):
        calls = 0

        def call(self: step.Program, at: step.Arrays, budget: Budget, fatal: int = fatal) -> step.Stepped:
            nonlocal calls
            calls += 1
            if calls == fatal:
                raise BudgetExceeded("withdrawn")
            return original(self, at, budget)

        disturbed = _begun(case)
        rows = []
        with monkeypatch.context() as patch:
            patch.setattr(step.Program, "__call__", call)
            before = bits(disturbed)
            try:
                for each in disturbed.steps():
                    rows.append([row_bits(row) for row in each])
                    before = bits(disturbed)
            except BudgetExceeded:
                assert bits(disturbed) == before, f"half a step, in call {fatal}"
            else:
                assert calls < fatal
                assert rows == calm
                return
        # The same object goes on, as if nothing had been.
        rows += [[row_bits(row) for row in each] for each in disturbed.steps()]
        assert rows == calm
        assert bits(disturbed) == bits(expected)
    raise AssertionError("the run is longer than the test")


def test_a_run_that_is_withdrawn_while_its_trouble_is_looked_for_has_not_diverged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run = begun(regressor(), line(), method={"name": "sgd", "lr": 1e200}, batch_size="all")
    steps = run.steps()
    next(steps)
    before = bits(run)
    monkeypatch.setattr(trainer, "Question", lambda *_, **__: _withdraw())
    with pytest.raises(BudgetExceeded):
        next(steps)
    assert bits(run) == before
    assert run.standing.lines[0].reason is None


def _withdraw() -> Any:
    raise BudgetExceeded("withdrawn")


def test_a_deadline_ends_a_step_before_it_is_made() -> None:
    budget = Budget.starting_now(60.0)
    run = begun(classifier(*DROPPING), classes(), budget=budget, batch_size=4)
    steps = run.steps()
    next(steps)
    before = bits(run)
    budget.cancelled = True
    with pytest.raises(BudgetExceeded):
        next(steps)
    assert bits(run) == before
