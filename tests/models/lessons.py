"""Trainings for tests: begun, interrupted, gone on with, and compared bit for bit."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from engine.engine import Engine
from engine.graph.types import Array
from engine.limits import Budget
from engine.models.data import Examples, examples
from engine.models.model import Model
from engine.models.trainer import Trainer
from engine.models.training import Training
from engine.optimise.track import Row
from tests.models.running import model

ENGINE = Engine(verify=True)
DENSE: dict[str, Any] = {"type": "dense", "units": 1}


def begun(
    model: Model,
    data: Mapping[str, Any],
    validation: Mapping[str, Any] | float | None = None,
    *,
    state: Mapping[str, Any] | None = None,
    start: Mapping[str, Array] | None = None,
    budget: Budget | None = None,
    **options: Any,
) -> Trainer:
    """A training of arrays `x`, `y` and perhaps `weight`; `validation` are such arrays, or a part of them."""
    own = examples(model, validation, "/validation") if isinstance(validation, Mapping) else None
    if isinstance(validation, float):
        options["validation"] = validation
    training = Training(model, options, examples(model, data), own, start)
    return training.run(ENGINE, Budget.starting_now(60.0) if budget is None else budget, state)


def rows_of(trainer: Trainer) -> list[Row]:
    """All rows of a run that goes on to its end."""
    return [row for rows in trainer.steps() for row in rows]


def ended(
    model: Model, data: Mapping[str, Any], validation: Mapping[str, Any] | float | None = None, **options: Any
) -> Trainer:
    """A training that was carried to its end."""
    trainer = begun(model, data, validation, **options)
    rows_of(trainer)
    return trainer


def bits(trainer: Trainer) -> str:
    """All that a training is, but for the time that it took."""
    return json.dumps(trainer.to_json() | {"seconds": 0.0})


def row_bits(row: Row) -> tuple[Any, ...]:
    """A row, with its numbers as bytes: NaN is NaN."""
    numbers = np.array([row.value, row.grad_norm, row.rate, *row.more])
    return row.start, row.step, numbers.tobytes(), np.asarray(row.x).tobytes(), row.kept


def parameters(trainer: Trainer) -> dict[str, Array]:
    """The parameters that are kept of the best seed."""
    standing = trainer.standing
    return standing.parameters(standing.point(standing.best))


def column(trainer: Trainer, rows: list[Row], name: str) -> list[float]:
    """A column of rows."""
    place = trainer.columns.index(name)
    return [row.more[place] for row in rows]


def classes(count: int = 11, features: int = 2, kinds: int = 3, seed: int = 0) -> dict[str, Array]:
    """Points and their classes, which a line tells apart."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(count, features))
    return {"x": x, "y": np.clip(np.floor(x @ np.arange(1.0, features + 1.0)) + 1, 0, kinds - 1)}


def line(count: int = 11, features: int = 2, seed: int = 0) -> dict[str, Array]:
    """Points and a linear function of them with some noise."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(count, features))
    y = x @ np.arange(1.0, features + 1.0) + 0.5 + 0.1 * rng.normal(size=count)
    return {"x": x, "y": y[:, None]}


def classifier(*layers: Mapping[str, Any], features: int = 2, kinds: int = 3) -> Model:
    """A model that tells classes apart."""
    return model([features], *layers, DENSE | {"units": kinds}, loss="cross_entropy")


def regressor(*layers: Mapping[str, Any], features: int = 2, **more: Any) -> Model:
    """A model that predicts one number."""
    return model([features], *layers, DENSE, **more)


def together(examples: Examples) -> tuple[tuple[float, ...], ...]:
    """Examples as a sorted list, to compare sets of them."""
    flat = examples.x.reshape(len(examples), -1)
    return tuple(sorted(tuple(row) for row in flat.tolist()))
