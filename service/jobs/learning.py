"""The training of a model as an undertaking."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from engine.engine import Engine
from engine.errors import EngineError, LimitExceeded
from engine.limits import Budget, Limits
from engine.models.data import Examples, examples
from engine.models.line import Line, Point
from engine.models.model import Model
from engine.models.read import read_model
from engine.models.regime import read_regime, sized
from engine.models.standing import Standing
from engine.models.trainer import Trainer
from engine.models.training import Training
from engine.optimise.stopping import StopReason
from engine.optimise.track import Row
from engine.precision.wire import arrays_from, arrays_to
from engine.question import Array
from service.errors import Gone, NotFound
from service.jobs.sources import Source
from service.jobs.undertaking import Outcome

MEASURE_SECONDS = 10.0
"""What may be spent on the loss of the parameters that are kept."""


class Keeping(Protocol):
    """Where data come from and trained parameters go to."""

    def resolved(self, source: Source) -> dict[str, Array]:
        """The arrays of a source.  Raises `NotFound`, `Gone` and `InvalidRequest`."""
        ...

    def add_version(self, model: str, parameters: Mapping[str, Array], job: str, summary: Mapping[str, Any]) -> int:
        """The number of a new version; the same job has one.  Raises `NotFound`, `Gone` and `LimitExceeded`."""
        ...


@dataclass(frozen=True, slots=True)
class Learning:
    """A training as it is stored: its data by their sources, its model by id and definition.

    `start` are the parameters to begin with, where they are not drawn.  `size` is the number of trainable numbers.
    """

    job: str
    model: str
    definition: Mapping[str, Any]
    options: Mapping[str, Any]
    data: Source
    validation: Source | None
    start: Mapping[str, Array] | None
    every: int
    size: int
    seeds: int
    limits: Limits
    keeping: Keeping | None
    keep: bool = False
    width: int = 0

    @property
    def numbers(self) -> int:
        """The numbers of a state: parameters, the best ones, and what the method keeps."""
        return 4 * self.size * self.seeds

    @property
    def max_seconds(self) -> float | None:
        """What the client allows."""
        return (self.options.get("stop") or {}).get("max_seconds")

    def training(self) -> Training:
        """The training with its data.  Raises what is wrong with these."""
        model = read_model(dict(self.definition), self.limits)
        data = self._examples(model, self.data, "/data")
        validation = None if self.validation is None else self._examples(model, self.validation, "/validation")
        return self.training_of(model, data, validation)

    def training_of(self, model: Model, data: Examples, validation: Examples | None) -> Training:
        """The training of examples that were read."""
        return Training(model, self.options, data, validation, self.start, self.every)

    def _examples(self, model: Model, source: Source, place: str) -> Examples:
        assert self.keeping is not None
        return examples(model, self.keeping.resolved(source), place)

    def begin(self, engine: Engine, budget: Budget, state: Mapping[str, Any] | None) -> Lesson:
        """The run."""
        return Lesson(self, self.training().run(engine, budget, state))

    def left(self, state: Mapping[str, Any] | None, reason: str | None) -> Outcome:
        """What a run that was left had learned: its parameters stay with the job."""
        if state is None:
            return {**_NOTHING, "stop_reason": reason, "model": self.model}, _points({})
        model = read_model(dict(self.definition), self.limits)
        regime = sized(read_regime(self.options, model), self.every)
        standing = Standing.left(model, regime, state)
        found = self.told(standing, reason)
        if regime.finder is not None:
            return {**found, "suggested_learning_rate": standing.suggestion()}, _points({})
        return found, _points(standing.parameters(standing.point(standing.best)))

    def told(self, standing: Standing, reason: str | None) -> dict[str, Any]:
        """What was found, without the parameters."""
        best = standing.best
        found = {**_line(standing, best, reason), "model": self.model, "version": None}
        if len(standing.lines) > 1:
            found |= {"start": best.number, "starts": [_line(standing, line, reason) for line in standing.lines]}
        return {**found, "remarks": [remark.to_json() for remark in standing.remarks], "warnings": []}

    def to_json(self) -> dict[str, Any]:
        """The same as JSON values, without where data are kept."""
        return {
            "training": {
                "model": self.model,
                "definition": self.definition,
                "options": self.options,
                "data": self.data.to_json(),
                "validation": None if self.validation is None else self.validation.to_json(),
                "start": None if self.start is None else arrays_to(self.start),
                "every": self.every,
                "size": self.size,
                "seeds": self.seeds,
            }
        }

    @staticmethod
    def from_json(job: str, content: Mapping[str, Any], limits: Limits, keeping: Keeping | None) -> Learning:
        """What `to_json` wrote."""
        found = content["training"]
        validation, start = found["validation"], found["start"]
        return Learning(
            job,
            found["model"],
            found["definition"],
            found["options"],
            Source.from_json(found["data"]),
            None if validation is None else Source.from_json(validation),
            None if start is None else arrays_from(start),
            found["every"],
            found["size"],
            found["seeds"],
            limits,
            keeping,
        )


class Lesson:
    """A training under way."""

    def __init__(self, learning: Learning, trainer: Trainer) -> None:
        self._learning, self._trainer = learning, trainer

    @property
    def best(self) -> float | None:
        """The best monitored value of all seeds."""
        return min((line.best.value for line in self._trainer.standing.lines if line.best is not None), default=None)

    @property
    def remarks(self) -> Sequence[Mapping[str, Any]]:
        """What was seen of the gradients."""
        return [remark.to_json() for remark in self._trainer.standing.remarks]

    def steps(self) -> Iterator[list[Row]]:
        """The rows of the run."""
        return self._trainer.steps()

    def over(self, start: int) -> bool:
        """Whether a seed has ended."""
        return self._trainer.standing.lines[start].reason is not None

    def end(self, reason: StopReason) -> None:
        """End all seeds."""
        self._trainer.end(reason)

    def to_json(self) -> dict[str, Any]:
        """The state of the run."""
        return self._trainer.to_json()

    def outcome(self, reason: str) -> Outcome:
        """What was learned: the parameters are a new version of the model, if that is still there."""
        standing, learning = self._trainer.standing, self._learning
        found = learning.told(standing, reason)
        if self._trainer.regime.finder is not None:
            return {**found, "suggested_learning_rate": self._trainer.suggestion()}, _points({})
        point = standing.point(standing.best)
        parameters = standing.parameters(point)
        if not point.step or (standing.best.reason == "diverged" and standing.best.best is None):
            found["message"] = f"{found['message']} Nothing was learned: there is no new version.".strip()
            return found, _points(parameters)
        if standing.best.reason == "cancelled" and standing.best.last is None:
            found["message"] += " No epoch was finished: the parameters are here, and there is no new version."
            return found, _points(parameters)
        found |= self._measured(point)
        summary = {name: found[name] for name in ("value", "epoch", "step", "seed", "scores", "stop_reason")}
        summary["training_value"] = found.get("training_value")
        # The job is forgotten some day; what it was like stays with what it has found.
        summary["history"] = standing.best.curve.columns()
        assert learning.keeping is not None
        try:
            found["version"] = learning.keeping.add_version(learning.model, parameters, learning.job, summary)
        except (NotFound, Gone):
            found["message"] += " The model was deleted meanwhile: its parameters are here."
            return found, _points(parameters)
        except LimitExceeded as error:
            found["message"] += f" {error.detail} The parameters are here."
            return found, _points(parameters)
        return found, _points({})

    def _measured(self, point: Point) -> dict[str, Any]:
        """The loss of what is kept on all examples, which is the value of a training without validation."""
        try:
            found = self._trainer.value_at(point, Budget.starting_now(MEASURE_SECONDS))
        except EngineError:
            return {}
        apart = self._trainer.counts[1] > 0
        return {"training_value": found} if apart else {"training_value": found, "value": found}


_NOTHING: Mapping[str, Any] = {
    "value": None,
    "grad_norm": None,
    "epoch": 0,
    "step": 0,
    "steps": 0,
    "message": "",
    "restarts": [],
    "seed": None,
    "scores": {},
    "last": None,
    "version": None,
    "remarks": [],
    "warnings": [],
}


def _line(standing: Standing, line: Line, reason: str | None) -> dict[str, Any]:
    """What the run of one seed has found."""
    point = standing.point(line)
    return {
        "value": None if math.isnan(point.value) else point.value,
        "grad_norm": None,
        "epoch": point.epoch,
        "step": point.step,
        "steps": line.steps,
        "stop_reason": line.reason or reason,
        "message": line.message,
        "restarts": [],
        "seed": line.seed,
        "scores": point.scores,
        "last": None if line.last is None else _last(line.last),
    }


def _last(point: Point) -> dict[str, Any]:
    value = None if math.isnan(point.value) else point.value
    return {"epoch": point.epoch, "step": point.step, "value": value, "scores": point.scores}


def _points(parameters: Mapping[str, Array]) -> bytes:
    return json.dumps({"variables": arrays_to(parameters)} if parameters else {}).encode()
