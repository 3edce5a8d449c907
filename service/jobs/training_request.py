"""The body of `POST /jobs` with a model becomes a training; every fault in it is found before anything is refused."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from engine.engine import Engine
from engine.errors import Fault, InvalidRequest, Limit, LimitExceeded, ShapeMismatch, TypeMismatch
from engine.limits import Budget
from engine.models.data import Examples, examples
from engine.models.model import Model
from engine.models.regime import FIELDS as OPTIONS
from engine.models.regime import Regime, left_open, read_regime
from engine.models.trainer import Trainer
from service.jobs.learning import Learning
from service.jobs.sources import Source, read_source
from service.jobs.undertakings import Store
from service.reader import Reader
from service.settings import Settings

FIELDS = ("model", "version", "data", *OPTIONS)
MOST_CELLS = 4_000_000
"""Numbers in the history of one training."""


@dataclass(frozen=True, slots=True)
class Posted:
    """A training as it was posted, ready to be stored."""

    learning: Learning
    told: Mapping[str, Any]
    max_steps: int


def is_training(content: Any) -> bool:
    """Whether a request body is about a model."""
    return type(content) is dict and content.get("model") is not None


def read_training(content: dict[str, Any], settings: Settings, engine: Engine, store: Store, budget: Budget) -> Posted:
    """The training of a decoded request body, compiled once so that nothing is left to be refused later.

    Raises `InvalidRequest` with all faults, `NotFound` and `Gone` for model, version or dataset, `LimitExceeded`, and
    what the engine refuses.
    """
    reader = Reader(engine.limits)
    fields = reader.fields(content, FIELDS)
    version = reader.integer(fields["version"], 0, 2**53, ("version",)) if "version" in fields else None
    if type(fields.get("model")) is not str:
        reader.fault(("model",), "This has to be the id or the name of a model.")
        reader.refuse()
    stored = store.models.get(fields["model"])
    model = stored.model
    options = {name: fields[name] for name in OPTIONS if name in fields}
    data = read_source(fields.get("data"), ("data",), reader)
    validation = None
    if type(options.get("validation")) is dict:
        validation = read_source(options.pop("validation"), ("validation",), reader)
    regime = None
    try:
        regime = read_regime(options, model)
    except InvalidRequest as error:
        reader.faults += error.faults
    sources = {"data": data} if validation is None else {"data": data, "validation": validation}
    kept: dict[str, Source] = {}
    found: dict[str, Examples] = {}
    if not reader.faults or all(not fault.pointer.startswith(("/data", "/validation")) for fault in reader.faults):
        for name, source in sources.items():
            # By its id from here on, so that what is trained on is what was looked at.
            kept[name] = _by_id(source, store)
            found |= _examples(name, kept[name], model, store, reader)
    reader.refuse()
    assert regime is not None
    # The initial version is what the definition says, with the scales of the data that it is trained on.
    start = None if version is None else store.models.parameters(stored.id, version) if version else {}
    size = sum(p.size for p in model.trainable)
    _check_numbers(size * len(regime.seeds), settings)
    learning = Learning(
        "",
        stored.id,
        model.definition,
        options,
        kept["data"],
        kept.get("validation"),
        start,
        1,
        size,
        len(regime.seeds),
        engine.limits,
        store,
    )
    trainer = learning.training_of(model, found["data"], found.get("validation")).run(engine, budget)
    trainer.compile()
    every = _every(trainer, regime, settings)
    return Posted(replace(learning, every=every), _told(learning, model, regime, trainer, every), trainer.max_steps)


def _examples(name: str, source: Source, model: Model, store: Store, reader: Reader) -> dict[str, Examples]:
    try:
        return {name: examples(model, store.resolved(source), f"/{name}")}
    except InvalidRequest as error:
        own = f"/{name}"
        reader.faults += [f if f.pointer.startswith(own) else Fault(own, f.detail) for f in error.faults]
        if not error.faults:
            reader.fault((name,), error.detail)
    except (TypeMismatch, ShapeMismatch) as error:
        reader.fault((name,), error.detail)
    return {}


def _by_id(source: Source, store: Store) -> Source:
    """The source by the id of its dataset, which means the same for ever."""
    return source if source.dataset is None else replace(source, dataset=store.datasets.get(source.dataset).id)


def _check_numbers(count: int, settings: Settings) -> None:
    if count > settings.job_variables:
        raise LimitExceeded(
            f"{count:,} numbers are more than the {settings.job_variables:,} that one job may move.",
            limit=Limit("job_variables", settings.job_variables, count),
        )


def _every(trainer: Trainer, regime: Regime, settings: Settings) -> int:
    """Of how many steps one is kept.  Raises `LimitExceeded` for too many steps or rows."""
    steps, seeds = trainer.max_steps, len(regime.seeds)
    if steps > settings.job_steps:
        raise LimitExceeded(
            f"{steps:,} steps are more than the {settings.job_steps:,} that one job may make.",
            faults=[Fault("/epochs", f"An epoch has {trainer.per_epoch:,} steps.")],
            limit=Limit("job_steps", settings.job_steps, steps),
        )
    epochs = math.ceil(steps / trainer.per_epoch)
    room = min(settings.job_rows, MOST_CELLS // len(trainer.columns)) // seeds - 2
    # The last step of every epoch is kept.
    most = room - epochs
    if most < 1:
        raise LimitExceeded(
            f"The ends of {epochs:,} epochs alone are {epochs * seeds:,} rows of the history, more than it may have.",
            faults=[Fault("/epochs", f"These have to be at most {max(room - 1, 0):,}.")],
            limit=Limit("job_rows", settings.job_rows, epochs * seeds),
        )
    needed = -(-steps // most)
    if regime.every and regime.every < needed:
        rows = (steps // regime.every + epochs) * seeds
        raise LimitExceeded(
            f"The history would have up to {rows:,} rows, more than one job may have.",
            faults=[Fault("/record/every", f"This has to be at least {needed:,}.")],
            limit=Limit("job_rows", settings.job_rows, rows),
        )
    return regime.every or max(1, needed)


def _told(learning: Learning, model: Model, regime: Regime, trainer: Trainer, every: int) -> dict[str, Any]:
    """What is told of a training with its job."""
    data, validation = trainer.counts
    finder, schedule = regime.finder, learning.options.get("schedule")
    ours = left_open(learning.options.get("method"))
    return {
        "objective": {"model": learning.model},
        "direction": "minimize",
        "method": {"name": regime.method.rule.name, **regime.method.options},
        "why": "Models are trained by adam unless another method is named." if ours else None,
        "schedule": {"name": schedule} if isinstance(schedule, str) else schedule,
        "clip": learning.options.get("clip"),
        "variables": {p.name: list(p.shape) for p in model.trainable},
        "bounds": False,
        "starts": len(regime.seeds),
        "stop": {
            "max_steps": trainer.max_steps,
            "max_seconds": None if math.isinf(regime.max_seconds) else regime.max_seconds,
            "target": None if math.isinf(regime.target) else regime.target,
        },
        "record": {"every": every, "grad_norm": True, "variables": False, "columns": list(trainer.columns)},
        "training": {
            "epochs": regime.epochs,
            "steps_per_epoch": trainer.per_epoch,
            "batch_size": trainer.batch_size,
            "examples": data,
            "validation_examples": validation,
            "shuffle": regime.shuffle,
            "seed": regime.seed,
            "seeds": list(regime.seeds),
            "metrics": [measured.name for measured in regime.metrics],
            "class_weight": learning.options.get("class_weight"),
            "early_stopping": None
            if regime.early is None
            else {"patience": regime.early.patience, "min_change": regime.early.min_change},
            "keep": regime.keep,
            "monitor": "validation_value" if validation else "epoch_value",
            "find_learning_rate": None
            if finder is None
            else {"low": finder.low, "high": finder.high, "steps": finder.steps},
        },
    }
