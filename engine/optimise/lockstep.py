"""First-order methods: all starts move at the same time, and are evaluated together."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from engine.graph.types import Array
from engine.optimise.clipping import clipped
from engine.optimise.plan import Plan
from engine.optimise.plateau import Plateau, reduced
from engine.optimise.problem import Problem
from engine.optimise.rule import Method
from engine.optimise.state import State
from engine.optimise.track import Row, Track, norm_of


class Lockstep:
    """The run of an update rule from several starts.  Its state between two steps is all that the next ones need."""

    def __init__(self, problem: Problem, plan: Plan, tracks: list[Track], points: Array) -> None:
        assert isinstance(plan.method, Method)
        self._problem, self._plan, self.tracks = problem, plan, tracks
        self._method = plan.method
        self._lr = float(self._method.options["lr"])
        self._active = list(range(len(points)))
        self._state = self._method.start(points if plan.bounds is None else plan.bounds.project(points))
        self._plateaus = [Plateau(self._lr) for _ in points] if plan.plateau is not None else []
        self._entered = False

    def to_json(self) -> dict[str, Any]:
        """The state as JSON values, bit for bit."""
        return {
            "state": self._state.to_json(),
            "active": self._active,
            "plateaus": [asdict(found) | {"best": found.best.hex()} for found in self._plateaus],
            "entered": self._entered,
        }

    def resume(self, content: Mapping[str, Any]) -> None:
        """Go on from a state that `to_json` wrote."""
        self._state = State.from_json(content["state"])
        self._active, self._entered = list(content["active"]), content["entered"]
        if self._plan.plateau is not None and len(content["plateaus"]) == len(self._active):
            found = [dict(plateau) for plateau in content["plateaus"]]
            self._plateaus = [Plateau(**plateau | {"best": float.fromhex(plateau["best"])}) for plateau in found]
        else:
            self._plateaus = [Plateau(self._lr) for _ in self._active] if self._plan.plateau is not None else []

    def steps(self) -> Iterator[list[Row]]:
        """The rows of one step after another, of the starts that are still going on."""
        rate: float | Array = math.nan
        values, gradients = self._evaluate(self._state.x)
        while True:
            rows = self._enter(values, gradients, rate) if not self._entered else []
            self._entered = True
            if rows:
                yield rows
            if all(self.tracks[start].reason is not None for start in self._active):
                # They stay in the state, from which they may be forked.
                return
            gradients = self._drop(gradients)
            rate = self._rate()
            state = self._method.step(self._state, self._clipped(gradients), rate)
            if self._plan.bounds is not None:
                state = state.moved(self._plan.bounds.project(state.x))
            values, gradients = self._evaluate(state.x)
            # Only now, so that a step which is interrupted was never begun.
            self._state, self._entered = state, False

    def _evaluate(self, points: Array) -> tuple[Array, Array]:
        return self._problem.evaluate_many(points)

    def _enter(self, values: Array, gradients: Array, rate: float | Array) -> list[Row]:
        plan, step, points = self._plan, self._state.step, self._state.x
        rows = []
        for i, start in enumerate(self._active):
            x, value, gradient, track = points[i], float(values[i]), gradients[i], self.tracks[start]
            free = gradient if plan.bounds is None else plan.bounds.free(x, gradient)
            norm = norm_of(free)
            track.enter(step, x, value, norm, plan.stop)
            if track.reason == "diverged":
                track.message = f"{self._problem.trouble(x)} {track.message}".strip()
            if self._plateaus:
                self._plateaus[i] = reduced(self._plateaus[i], value, plan.plateau or {})
            own = rate if isinstance(rate, float) else float(rate[i, 0])
            rows.append(Row(start, step, plan.sign * value, norm, own, x))
        return rows

    def _drop(self, gradients: Array) -> Array:
        """Take out the starts that have ended; the gradients of the others."""
        keep = [i for i, start in enumerate(self._active) if self.tracks[start].reason is None]
        if len(keep) == len(self._active):
            return gradients
        self._state = self._state.rows(keep)
        self._active = [self._active[i] for i in keep]
        self._plateaus = [self._plateaus[i] for i in keep] if self._plateaus else []
        return gradients[keep]

    def _rate(self) -> float | Array:
        if self._plateaus:
            return np.array([[plateau.lr] for plateau in self._plateaus])
        scheduled = self._plan.schedule
        return self._lr if scheduled is None else scheduled.rate(self._state.step, self._lr)

    def _clipped(self, gradients: Array) -> Array:
        clip = self._plan.clip
        if clip is None:
            return gradients
        return np.stack([clipped({"": gradient}, clip)[""] for gradient in gradients])
