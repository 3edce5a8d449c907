"""A run: from its starts, step by step, to an end that it can tell the reason of.

    run = Run(problem, plan, points)
    for rows in run.steps():
        ...                       # stop here, or later, or never; `run.to_json()` is all that it takes to go on
    run.best.outcome

Between two steps nothing is under way: a run that is closed there and made again from its state goes on as if nothing
had happened, with update rules and the methods for least squares bit for bit; SciPy's methods begin anew at the last
point, which `Track.restarts` tells.  `forked(state)` goes on with other options.
"""

from __future__ import annotations

import math
import time
from collections.abc import Generator, Mapping
from typing import Any

from engine.graph.types import Array
from engine.optimise.lockstep import Lockstep
from engine.optimise.plan import Plan
from engine.optimise.problem import Problem
from engine.optimise.rule import Method
from engine.optimise.sequence import Sequence
from engine.optimise.stopping import StopReason
from engine.optimise.track import Row, Track

WITHDRAWN: Mapping[StopReason, str] = {
    "cancelled": "The run was cancelled.",
    "max-seconds": "The time was up.",
}


class Run:
    """An optimisation from the starts `points` (s, n), or from a `state` that `to_json` has given.

    Raises `ValueError` for the state of another method.  `steps` may raise what the problem raises (`BudgetExceeded`);
    the state is then that after the last step that was yielded.
    """

    def __init__(self, problem: Problem, plan: Plan, points: Array, state: Mapping[str, Any] | None = None) -> None:
        if state is not None and state["method"] != plan.name:
            raise ValueError(f"the state is one of {state['method']}, and the plan is for {plan.name}")
        self.plan = plan
        self.tracks = [Track(i) for i in range(len(points))]
        self._spent, self._begun = 0.0, time.perf_counter()
        if state is not None:
            self.tracks = [Track.from_json(track) for track in state["tracks"]]
            self._spent = state["seconds"]
        kind = Lockstep if isinstance(plan.method, Method) else Sequence
        self._moves: Lockstep | Sequence = kind(problem, plan, self.tracks, points)
        if state is not None:
            self._moves.resume(state["moves"])

    @property
    def seconds(self) -> float:
        """The time that it has taken, earlier attempts included."""
        return self._spent + time.perf_counter() - self._begun

    @property
    def best(self) -> Track:
        """The start that has found the lowest value."""
        found = [track for track in self.tracks if track.best is not None]
        return min(found, key=lambda track: track.best.value if track.best else math.inf) if found else self.tracks[0]

    @property
    def ended(self) -> bool:
        """Whether all starts have come to their end."""
        return all(track.reason is not None for track in self.tracks)

    def steps(self) -> Generator[list[Row], None, None]:
        """The rows of one step after another: one for each start that was moved, the points of the starts first."""
        limit = self.plan.stop.max_seconds
        for rows in self._moves.steps():
            late = limit < math.inf and self.seconds >= limit
            if late:
                self.end("max-seconds")
            yield rows
            if late:
                return

    def end(self, reason: StopReason) -> None:
        """End all starts that are still going on where they are."""
        for track in self.tracks:
            track.end(reason, WITHDRAWN[reason])

    def to_json(self) -> dict[str, Any]:
        """The state as JSON values, bit for bit."""
        return {
            "method": self.plan.name,
            "seconds": self.seconds,
            "tracks": [track.to_json() for track in self.tracks],
            "moves": self._moves.to_json(),
        }


def forked(state: Mapping[str, Any]) -> dict[str, Any]:
    """The state for another plan with the same method: starts that had ended may go on, and the time begins anew.

    A start that ended while others went on has left the state, and stays ended.
    """
    moving = state["moves"].get("active", range(len(state["tracks"])))
    open = {"reason": None, "message": ""}
    tracks = [track | open if track["start"] in moving else track for track in state["tracks"]]
    return {**state, "tracks": tracks, "seconds": 0.0}
