"""The options of a training: what they become, and all that is wrong with them at once."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import Fault, InvalidRequest
from engine.models.regime import FIELDS, read_regime
from tests.models.lessons import DENSE, classifier, regressor
from tests.models.running import model

CLASSES, NUMBERS = classifier(), regressor()
FIXED = model([2], DENSE | {"bias": False, "kernel": {"trainable": False}})


def test_defaults() -> None:
    found = read_regime({}, CLASSES)
    assert (found.method.rule.name, found.epochs, found.batch_size, found.shuffle) == ("adam", 10, 32, True)
    assert (found.seed, found.seeds, found.redrawn, found.keep, found.fraction) == (0, (0,), False, "best", 0.0)
    assert [measured.name for measured in found.metrics] == ["accuracy"]
    assert read_regime({}, NUMBERS).metrics == ()
    assert (found.max_seconds, found.target, found.early, found.finder) == (math.inf, -math.inf, None, None)
    assert read_regime(dict.fromkeys(FIELDS), CLASSES) == found


def test_ways_to_say_it() -> None:
    found = read_regime(
        {
            "seed": 3,
            "seeds": 4,
            "batch_size": "all",
            "early_stopping": 5,
            "metrics": ["accuracy", "top_k", {"name": "top_k", "k": 2}],
            "find_learning_rate": False,
            "schedule": "plateau",
            "method": {"name": "auto"},
        },
        CLASSES,
    )
    assert (found.seeds, found.redrawn, found.batch_size) == ((3, 4, 5, 6), True, None)
    assert found.early is not None
    assert (found.early.patience, found.early.min_change) == (5, 0.0)
    assert [measured.name for measured in found.metrics] == ["accuracy", "top_5", "top_2"]
    assert found.schedule is None
    assert found.plateau is not None
    assert found.method.rule.name == "adam"
    for patience in (5.0, {"patience": 5}):
        assert read_regime({"early_stopping": patience}, CLASSES).early == found.early
    again = read_regime({"early_stopping": True, "find_learning_rate": True, "seeds": 1}, CLASSES)
    assert again.early is not None
    assert again.early.patience == 10
    assert again.finder is not None


@pytest.mark.parametrize(
    ("options", "pointers"),
    [
        ({"epoch": 3}, ["/epoch"]),
        ({"epochs": 0}, ["/epochs"]),
        ({"epochs": 1.5}, ["/epochs"]),
        ({"epochs": True}, ["/epochs"]),
        ({"epochs": "3"}, ["/epochs"]),
        ({"epochs": 10**400}, ["/epochs"]),
        ({"batch_size": 0}, ["/batch_size"]),
        ({"batch_size": "some"}, ["/batch_size"]),
        ({"shuffle": 1}, ["/shuffle"]),
        ({"seed": -1}, ["/seed"]),
        ({"seed": 2**53}, ["/seed"]),
        ({"seeds": 0}, ["/seeds"]),
        ({"seeds": 101}, ["/seeds"]),
        ({"seeds": []}, ["/seeds"]),
        ({"seeds": [1, 1]}, ["/seeds"]),
        ({"seeds": [1, "2"]}, ["/seeds/1"]),
        ({"seed": 2**53 - 1, "seeds": 2}, ["/seeds"]),
        ({"validation": 0}, ["/validation"]),
        ({"validation": 1}, ["/validation"]),
        ({"validation": [1]}, ["/validation"]),
        ({"metrics": "accuracy"}, ["/metrics"]),
        ({"metrics": ["acuracy"]}, ["/metrics/0"]),
        ({"metrics": ["accuracy", "accuracy"]}, ["/metrics/1"]),
        ({"metrics": ["r2"]}, ["/metrics/0"]),
        ({"metrics": ["auc"]}, ["/metrics/0"]),
        ({"metrics": [{"name": "top_k", "k": 0}]}, ["/metrics/0/k"]),
        ({"metrics": [3]}, ["/metrics/0"]),
        ({"metrics": ["accuracy"] * 21}, ["/metrics"]),
        ({"class_weight": "even"}, ["/class_weight"]),
        ({"class_weight": {}}, ["/class_weight"]),
        ({"class_weight": {"x": 1}}, ["/class_weight/x"]),
        ({"class_weight": {"0": -1}}, ["/class_weight/0"]),
        ({"class_weight": {"3": 1}}, ["/class_weight/3"]),
        ({"class_weight": {"1e3": 1}}, ["/class_weight/1e3"]),
        ({"class_weight": {"a/b~": 1}}, ["/class_weight/a~1b~0"]),
        ({"early_stopping": 0}, ["/early_stopping"]),
        ({"early_stopping": {"patience": -1}}, ["/early_stopping/patience"]),
        ({"early_stopping": {"patient": 1}}, ["/early_stopping/patient"]),
        ({"keep": "first"}, ["/keep"]),
        ({"stop": {"max_steps": 0}}, ["/stop/max_steps"]),
        ({"stop": {"max_seconds": 0}}, ["/stop/max_seconds"]),
        ({"stop": {"grad_norm": 1}}, ["/stop/grad_norm"]),
        ({"stop": []}, ["/stop"]),
        ({"record": {"every": 0}}, ["/record/every"]),
        ({"record": {"variables": True}}, ["/record/variables"]),
        ({"find_learning_rate": {"low": 1, "high": 1}}, ["/find_learning_rate/low"]),
        ({"find_learning_rate": {"steps": 9}}, ["/find_learning_rate/steps"]),
        ({"find_learning_rate": True, "schedule": {"name": "cosine", "steps": 3}}, ["/schedule"]),
        ({"find_learning_rate": True, "seeds": 3}, ["/seeds"]),
        ({"find_learning_rate": True, "stop": {"max_steps": 5}}, ["/stop/max_steps"]),
        ({"method": "lbfgs"}, ["/method"]),
        ({"method": "adm"}, ["/method/name"]),
        ({"method": {"name": "adam", "lr": -1}}, ["/method/lr"]),
        ({"method": {"name": "adam", "rate": 1}}, ["/method/rate"]),
        ({"method": 3}, ["/method"]),
        ({"schedule": "cosine"}, ["/schedule/steps"]),
        ({"schedule": {"name": ["cosine"]}}, ["/schedule"]),
        ({"schedule": {"name": "plateau", "factor": 2}}, ["/schedule/factor"]),
        ({"clip": 1}, ["/clip"]),
        ({"clip": {}}, ["/clip/norm"]),
        ({"clip": {"norm": 0}}, ["/clip/norm"]),
    ],
)
def test_what_is_wrong_is_told_with_its_place(options: dict[str, Any], pointers: list[str]) -> None:
    assert _faults(options, CLASSES) == pointers


def test_all_faults_are_told_at_once() -> None:
    wrong: dict[str, Any] = {
        "epochs": -1,
        "batch_size": 0,
        "shuffle": "yes",
        "seeds": [-1],
        "metrics": ["r3"],
        "class_weight": {"9": 1},
        "early_stopping": {"min_change": -1},
        "keep": 3,
        "method": {"name": "sgd", "lr": "x"},
        "schedule": "never",
        "clip": {"value": 0},
        "stop": {"target": "low"},
    }
    assert sorted(name.split("/")[1] for name in _faults(wrong, CLASSES)) == sorted(wrong)


@pytest.mark.parametrize("loss", ["mse", "quantile", {"expr": "(y - prediction)^2"}])
@pytest.mark.parametrize(
    "options", [{"class_weight": "balanced"}, {"metrics": ["accuracy"]}, {"metrics": ["confusion"]}]
)
def test_what_is_for_classes_is_refused_for_numbers(loss: Any, options: dict[str, Any]) -> None:
    (pointer,) = _faults(options, regressor(loss=loss))
    assert pointer.split("/")[1] in options


def test_a_model_without_anything_to_train_is_refused() -> None:
    assert _faults({}, FIXED) == ["/model"]


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**400), 10**400)
    | st.integers(-2, 5)
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(
        ["adam", "all", "balanced", "accuracy", "top_k", "auc", "best", "last", "cosine", "plateau", "NaN", "auto"]
    ),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.text(max_size=5)
            | st.sampled_from(
                ["name", "lr", "k", "patience", "low", "high", "steps", "norm", "value", "every", "0", "target"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=10,
)


@settings(max_examples=600, deadline=None)
@given(
    st.dictionaries(st.sampled_from(FIELDS) | st.text(max_size=6), JSON, max_size=6),
    st.sampled_from([CLASSES, NUMBERS]),
)
def test_any_options_are_read_or_refused_with_places(options: dict[str, Any], net: Any) -> None:
    refused: Sequence[Fault] = ()
    try:
        found = read_regime(options, net)
    except InvalidRequest as error:
        refused = error.faults
    else:
        assert found.epochs >= 1
        assert len(set(found.seeds)) == len(found.seeds)
        json.dumps([found.seed, found.every, found.max_steps])
        return
    assert refused
    for fault in refused:
        assert fault.pointer.startswith("/")
        assert len(fault.pointer) < 500
        assert fault.detail


def _faults(options: dict[str, Any], net: Any) -> list[str]:
    with pytest.raises(InvalidRequest) as refusal:
        read_regime(options, net)
    return [fault.pointer for fault in refusal.value.faults]
