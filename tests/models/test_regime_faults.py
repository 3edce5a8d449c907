"""What is wrong with how a model is to be trained: all of it at once, each with its place."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from engine.errors import InvalidRequest
from engine.models.data import examples
from engine.models.regime import read_regime
from tests.models.running import model


def test_all_faults_at_once() -> None:
    given = {
        "epochs": 0,
        "seeds": [-1, 2, "a"],
        "metrics": ["nothing", "mae", 7],
        "class_weight": {"a/b": 1, "1": -1, "2": 3},
        "early_stopping": {"patience": 0, "min_change": -1},
        "stop": {"max_steps": 0, "never": True},
        "epoch": 3,
    }
    with pytest.raises(InvalidRequest) as refusal:
        read_regime(given, model([3], {"type": "dense", "units": 2}))
    assert {fault.pointer for fault in refusal.value.faults} >= {
        "/epochs",
        "/seeds/0",
        "/seeds/2",
        "/metrics/0",
        "/metrics/2",
        "/class_weight/a~1b",
        "/class_weight/1",
        "/early_stopping/patience",
        "/early_stopping/min_change",
        "/stop/max_steps",
        "/stop/never",
        "/epoch",
    }


@pytest.mark.parametrize(
    ("given", "pointer", "detail"),
    [
        ({"batch_size": "lots"}, "/batch_size", 'an integer from 1 on, or "all"'),
        ({"batch_size": 0}, "/batch_size", 'an integer from 1 on, or "all"'),
        ({"stop": {"grad_norm": 1}}, "/stop/grad_norm", "`stop` has no such option"),
        ({"record": {"variables": True}}, "/record/variables", "`record` has no such option"),
        ({"early_stopping": {"delta": 1}}, "/early_stopping/delta", "`early_stopping` has no such option"),
        ({"find_learning_rate": {"max": 1}}, "/find_learning_rate/max", "`find_learning_rate` has no such option"),
    ],
)
def test_what_would_be_right_is_told(given: dict[str, Any], pointer: str, detail: str) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        read_regime(given, model([3], {"type": "dense", "units": 2}))
    (fault,) = refusal.value.faults
    assert fault.pointer == pointer
    assert detail in fault.detail


def test_no_examples_are_no_matter_of_their_shape() -> None:
    with pytest.raises(InvalidRequest) as refusal:
        examples(model([3], {"type": "dense", "units": 2}), {"x": np.zeros(0), "y": np.zeros(0)})
    assert [(fault.pointer, fault.detail) for fault in refusal.value.faults] == [("/data/x", "There are no examples.")]
