"""An optimisation as a client describes it: what is minimised, from where, and how."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from engine.engine import Engine
from engine.errors import Fault, InvalidRequest, Unsupported
from engine.graph.types import Array
from engine.limits import Budget
from engine.objective import Objective, Variables
from engine.optimise.choose import AUTO, choose
from engine.optimise.clipping import clipping
from engine.optimise.methods import PathMethod
from engine.optimise.plan import Plan, read_method, read_schedule
from engine.optimise.problem import Bounds
from engine.optimise.run import Run
from engine.optimise.schedules import Scheduled
from engine.optimise.state import packed, unpacked
from engine.optimise.stopping import SMALL_GRADIENT, read_stop
from engine.optimise.track import Track
from engine.outcome import Ended, outcome
from engine.precision.wire import question_from, question_to
from engine.primitives.random_values import uniform
from engine.question import Question

Named = Mapping[str, Any]
"""A name with options: {"name": "adam", "lr": 0.01}."""
Box = Mapping[str, tuple[Array, Array]]
"""Bounds by variable: low and high, of its shape, infinite where there is none."""


@dataclass(frozen=True, slots=True)
class Task:
    """All that a run depends on; two runs of the same task make the same bits.

    The `at` of the question holds the data and a point for each of the `variables`; `points` (s, n) are the starts, in
    the order of `variables`.  `sign` is −1 to maximise.  Options are as the client gave them; those left out have their
    defaults.  `every` step of so many goes into the history, which has the variables if `keep` says so.
    """

    question: Question
    variables: tuple[str, ...]
    points: Array
    method: Named = field(default_factory=lambda: {"name": AUTO})
    sign: float = 1.0
    schedule: Named | None = None
    clip: Mapping[str, Any] | None = None
    bounds: Box = field(default_factory=dict)
    stop: Mapping[str, Any] = field(default_factory=dict)
    every: int = 1
    keep: bool = False

    def objective(self, engine: Engine, budget: Budget) -> Objective:
        """What is minimised.  Raises the `EngineError` of a faulty question."""
        return Objective(engine, self.question, self.variables, budget, self.sign)

    def decided(self, objective: Objective) -> tuple[Task, str]:
        """The task with a method, and why it has that one where the client left it open."""
        if self.method["name"] != AUTO:
            return self, ""
        own = {name: option for name, option in self.method.items() if name != "name"}
        stepping = self.schedule is not None or self.clip is not None
        choice = choose(objective, self.points, objective.differentiable, stepping, bool(self.bounds))
        return replace(self, method={**choice.method, **own}), choice.why

    def plan(self, objective: Objective) -> Plan:
        """How it is minimised.  Raises `InvalidRequest` with all faults of a kind, and `Unsupported`."""
        name = str(self.method["name"])
        method = _under("/method", lambda: read_method(name, _options(self.method)))
        first_order = not isinstance(method, PathMethod)
        self._check_kind(name, first_order)
        if isinstance(method, PathMethod) and method.record.squares and objective.squares is None:
            detail = f"`{name}` needs a sum of squares, and the objective is not recognised as one."
            hint = "Write it as sum(r^2) or norm(r)^2 with real r, or use lbfgs or trust-region."
            raise Unsupported(detail, hint=hint, faults=[Fault("/method/name", detail)])
        schedule = None
        if self.schedule is not None:
            given = self.schedule
            schedule = _under("/schedule", lambda: read_schedule(str(given["name"]), _options(given)))
        clip = None if self.clip is None else _under("/clip", lambda: clipping(self.clip or {}))
        stop = _under("/stop", lambda: read_stop(self.stop, self.sign, SMALL_GRADIENT if first_order else 0.0))
        by_steps = schedule if isinstance(schedule, Scheduled) else None
        by_values = None if isinstance(schedule, Scheduled) else schedule
        box = self._box(objective.variables)
        return Plan(method, stop, self.sign, box, by_steps, by_values, clip, self.every)

    def run(self, engine: Engine, budget: Budget, state: Mapping[str, Any] | None = None) -> tuple[Run, Objective]:
        """The run of a task with a method, from its starts or from a state, and its objective."""
        objective = self.objective(engine, budget)
        objective.begun = state is not None
        return Run(objective, self.plan(objective), self.points, state), objective

    @property
    def layout(self) -> Variables:
        """Where the variables are in a vector."""
        return Variables({name: np.shape(self.question.at[name]) for name in self.variables})

    def outcome(self, state: Mapping[str, Any] | None) -> list[Ended]:
        """What a run in this state has found, each start for itself; at the starts themselves, without a state."""
        if state is not None:
            return self.found([Track.from_json(track) for track in state["tracks"]])
        return [Ended(i, None, None, None, "", ()) for i in range(len(self.points))]

    def found(self, tracks: Sequence[Track]) -> list[Ended]:
        """What the starts of a run have found."""
        return outcome(tracks, self.layout, self.sign)

    def _check_kind(self, name: str, first_order: bool) -> None:
        """Refuse what only first-order methods have."""
        given = [key for key, value in (("schedule", self.schedule), ("clip", self.clip)) if value is not None]
        if given and not first_order:
            faults = [Fault(f"/{key}", f"`{name}` chooses its steps itself; leave this out.") for key in given]
            raise InvalidRequest(faults[0].detail, faults=faults)

    def _box(self, variables: Variables) -> Bounds | None:
        if not self.bounds:
            return None
        none = {name: (np.full(shape, -np.inf), np.full(shape, np.inf)) for name, shape in variables.shapes.items()}
        box = {**none, **self.bounds}
        low, high = (variables.join({name: pair[i] for name, pair in box.items()}) for i in (0, 1))
        return Bounds(low, high)

    def to_json(self) -> dict[str, Any]:
        """The task as JSON values from which `from_json` makes the same bits."""
        return {
            "question": question_to(self.question),
            "variables": list(self.variables),
            "points": packed(self.points),
            "method": dict(self.method),
            "sign": self.sign,
            "schedule": None if self.schedule is None else dict(self.schedule),
            "clip": None if self.clip is None else dict(self.clip),
            "bounds": {name: [packed(low), packed(high)] for name, (low, high) in self.bounds.items()},
            "stop": dict(self.stop),
            "every": self.every,
            "keep": self.keep,
        }

    @staticmethod
    def from_json(content: Mapping[str, Any]) -> Task:
        """The task that `to_json` wrote."""
        bounds = {name: (unpacked(low), unpacked(high)) for name, (low, high) in content["bounds"].items()}
        return Task(
            question_from(content["question"]),
            tuple(content["variables"]),
            unpacked(content["points"]),
            content["method"],
            content["sign"],
            content["schedule"],
            content["clip"],
            bounds,
            content["stop"],
            content["every"],
            content["keep"],
        )


def drawn(variables: Variables, low: Mapping[str, Any], high: Mapping[str, Any], count: int, seed: int) -> Array:
    """Starts (count, n), uniform between `low` and `high` (numbers or arrays by name), the same bits everywhere.

    Start number k depends on the seed and on k alone.
    """
    below, above = (
        variables.join({name: np.broadcast_to(by[name], shape) for name, shape in variables.shapes.items()})
        for by in (low, high)
    )
    parts = np.reshape(uniform(seed, shape=(count * variables.size,)), (count, variables.size))
    return np.asarray(below + (above - below) * parts)


def _options(named: Named) -> dict[str, Any]:
    return {name: option for name, option in named.items() if name != "name"}


def _under(place: str, read: Any) -> Any:
    """What is read, its faults placed under the field it stands in."""
    try:
        return read()
    except InvalidRequest as error:
        error.faults = [Fault(place + fault.pointer, fault.detail) for fault in error.faults]
        raise
