"""An optimisation as an undertaking."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.engine import Engine
from engine.errors import EngineError
from engine.limits import Budget
from engine.objective import Objective
from engine.optimise.run import Run
from engine.optimise.stopping import StopReason
from engine.optimise.track import Row
from engine.task import Task
from service.answers import warning_content
from service.jobs.results import result_of
from service.jobs.undertaking import Outcome

LOOK_SECONDS = 1.0
"""What may be spent on finding out what is to be said of the best point."""


@dataclass(frozen=True, slots=True)
class Minimising:
    """The task of a client, carried out."""

    task: Task

    @property
    def every(self) -> int:
        """Of so many steps one is kept."""
        return self.task.every

    @property
    def keep(self) -> bool:
        """Whether points are kept."""
        return self.task.keep

    @property
    def width(self) -> int:
        """The numbers of a point."""
        return self.task.layout.size

    @property
    def numbers(self) -> int:
        """The numbers of all points."""
        return self.task.points.size

    @property
    def max_seconds(self) -> float | None:
        """What the client allows."""
        return self.task.stop.get("max_seconds")

    def begin(self, engine: Engine, budget: Budget, state: Mapping[str, Any] | None) -> Descent:
        """The run, and its objective."""
        return Descent(self.task, *self.task.run(engine, budget, state))

    def left(self, state: Mapping[str, Any] | None, reason: str | None) -> Outcome:
        """The best point of a run that was left."""
        return result_of(self.task, self.task.outcome(state), reason)

    def to_json(self) -> dict[str, Any]:
        """The task."""
        return self.task.to_json()

    @staticmethod
    def from_json(content: Mapping[str, Any]) -> Minimising:
        """What `to_json` wrote."""
        return Minimising(Task.from_json(content))


class Descent:
    """A task under way."""

    remarks: Sequence[Mapping[str, Any]] = ()

    def __init__(self, task: Task, run: Run, objective: Objective) -> None:
        self._task, self._run, self._objective = task, run, objective

    @property
    def best(self) -> float | None:
        """The best value of all starts."""
        best = self._run.best.best
        return None if best is None else self._task.sign * best.value

    def steps(self) -> Iterator[list[Row]]:
        """The rows of the run."""
        return self._run.steps()

    def over(self, start: int) -> bool:
        """Whether a start has ended."""
        return self._run.tracks[start].reason is not None

    def end(self, reason: StopReason) -> None:
        """End all starts."""
        self._run.end(reason)

    def to_json(self) -> dict[str, Any]:
        """The state of the run."""
        return self._run.to_json()

    def outcome(self, reason: str) -> Outcome:
        """The best point, with what is to be said of it."""
        return result_of(self._task, self._task.found(self._run.tracks), reason, self._warnings())

    def _warnings(self) -> list[dict[str, Any]]:
        best = self._run.best.best
        if best is None:
            return []
        self._objective.budget = Budget.starting_now(LOOK_SECONDS)
        try:
            return [warning_content(w, self._task.question.text) for w in self._objective.warnings(best.x)]
        except EngineError:
            return []
