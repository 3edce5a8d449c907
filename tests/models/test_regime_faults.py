"""What is wrong with how a model is to be trained: all of it at once, each with its place."""

from __future__ import annotations

import pytest

from engine.errors import InvalidRequest
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
