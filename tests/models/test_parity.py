"""Models against PyTorch: what it made of every layer, activation and loss, and of ten steps of every optimiser.

`python -m tests.models.parity.record` writes what is compared with.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
import pytest

from engine.engine import Engine
from engine.graph.types import Array
from engine.limits import Budget, Limits
from engine.models.activations import ACTIVATIONS
from engine.models.layers.table import LAYERS
from engine.models.losses import LOSSES
from engine.models.lower import Wanted, program
from engine.models.model import Model
from engine.models.read import read_model
from engine.optimise.table import RULES, method
from engine.question import Ask, Question
from tests.models.parity.case import EXAMPLES, OPTIMISERS, STEPS, Case
from tests.models.parity.cases import CASES
from tests.models.parity.record import FILE

ENGINE = Engine(verify=True)
TRACES: Mapping[str, Any] = json.loads(FILE.read_text("utf-8"))["cases"]
QUESTIONS = ("shapes", "prediction", "loss", "gradient", *OPTIMISERS)
ONCE = 4e-15
"""How far a number may be from torch's, relative to the largest of its array: 18 units in the last place."""
TRAINED = 1e-13
"""The same after ten steps, each of which begins where rounding has led the one before."""


@cache
def model_of(case: Case) -> Model:
    return read_model(case.definition, Limits())


def arrays_of(case: Case) -> dict[str, Array]:
    return {name: np.array(case.parameter(name)).reshape(shape) for name, shape in case.arrays.items()}


def data_of(case: Case) -> dict[str, Array]:
    shape = TRACES[case.name]["y"]
    x = np.array(case.x()).reshape(EXAMPLES, *case.definition["input"]["shape"])
    return {"x": x, "y": np.array(case.y(tuple(shape))).reshape(EXAMPLES, *shape)}


def asked(case: Case, ask: Ask, wanted: Wanted, arrays: Mapping[str, Array], training: bool) -> Any:
    """What the engine answers."""
    model = model_of(case)
    text = program(model, wanted, training)
    data = {"x": data_of(case)["x"]} if wanted == "prediction" else data_of(case)
    wrt = tuple(p.name for p in model.parameters if not p.state) if ask == "grad" else None
    question = Question(text, {**data, **arrays}, "program", wrt=wrt, precision="float64")
    budget = Budget.starting_now(60.0)
    return ENGINE.prepare(question, ask, budget).run(question, budget)


def gradient_of(case: Case, arrays: Mapping[str, Array]) -> dict[str, Array]:
    found: dict[str, Array] = asked(case, "grad", "loss", arrays, case.training).grad
    return found


def kept(case: Case, arrays: Mapping[str, Array]) -> dict[str, Array]:
    """The states after one step of training."""
    if not case.training:
        return {}
    found = asked(case, "value", "both", arrays, True).value
    return {name: found[name] for name in case.state if name in found}


def is_near(found: Any, expected: Sequence[float], tolerance: float, scale: float = 0.0) -> None:
    """Assert that all numbers are equal but for rounding, relative to the largest, or to `scale` if that is larger."""
    flat, torch = np.ravel(np.asarray(found, dtype=np.float64)), np.array(expected)
    assert flat.shape == torch.shape
    far = np.abs(flat - torch)
    assert np.all(far <= tolerance * max(scale, float(np.max(np.abs(torch)))))


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_it_is_what_torch_makes_of_it(case: Case, question: str) -> None:
    trace, arrays = TRACES[case.name], arrays_of(case)
    if question == "shapes":
        model = model_of(case)
        assert {p.name: p.shape for p in model.parameters} == dict(case.arrays)
        assert {p.name for p in model.trainable} == set(case.trained)
        assert list(model.target.shape) == trace["y"]
    elif question == "prediction":
        is_near(asked(case, "value", "prediction", arrays, False).value, trace["prediction"], ONCE)
    elif question == "loss":
        is_near(asked(case, "value", "loss", arrays, case.training).value, trace["loss"], ONCE)
    elif question == "gradient":
        found = gradient_of(case, arrays)
        assert set(found) == set(trace["gradient"])
        largest = max(abs(number) for numbers in trace["gradient"].values() for number in numbers)
        for name, expected in trace["gradient"].items():
            # Where what is added up cancels, nothing is left but the rounding of numbers of the size of the others.
            is_near(found[name], expected, ONCE, largest if name in case.fixed else 0.0)
    else:
        for name, expected in trace["trained"][question].items():
            is_near(trained(case, question)[name], expected, TRAINED)


@cache
def trained(case: Case, name: str) -> dict[str, Array]:
    """All arrays after ten steps of an update rule on the vector of all that is trained."""
    arrays, rule = arrays_of(case), method(name, OPTIMISERS[name])
    ends = np.cumsum([arrays[own].size for own in case.trained])[:-1]
    state = rule.start(np.concatenate([np.ravel(arrays[own]) for own in case.trained]))
    for _ in range(STEPS):
        found = gradient_of(case, arrays)
        after = kept(case, arrays)
        state = rule.step(state, np.concatenate([np.ravel(found[own]) for own in case.trained]))
        pieces = zip(case.trained, np.split(state.x, ends), strict=True)
        arrays = {**arrays, **{own: piece.reshape(case.arrays[own]) for own, piece in pieces}, **after}
    return arrays


def test_every_record_is_in_the_table() -> None:
    models = [model_of(case) for case in CASES]
    assert {placed.record.name for model in models for placed in model.layers} == set(LAYERS)
    assert {model.objective.record.name for model in models if model.objective.record} == set(LOSSES)
    chosen = [placed.options.get("activation") for model in models for placed in model.layers]
    assert {getattr(found, "name", found) for found in chosen if found is not None} >= set(ACTIVATIONS)


def test_every_rule_that_torch_has_is_in_the_table() -> None:
    assert {*OPTIMISERS, "lion"} == set(RULES)


def test_the_names_of_the_cases_are_those_of_the_recording() -> None:
    assert [case.name for case in CASES] == list(TRACES)
    assert len(set(TRACES)) == len(CASES)
