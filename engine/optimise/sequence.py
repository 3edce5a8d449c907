"""Methods that choose their points themselves: one start after another."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from engine.graph.types import Array
from engine.optimise.methods import PathMethod
from engine.optimise.path import Memory, Point
from engine.optimise.plan import Plan
from engine.optimise.problem import Problem
from engine.optimise.state import packed, unpacked
from engine.optimise.track import Row, Track, norm_of

ROUNDING = 1e-9
"""The last steps lower the gradient below what shows in the value, which may rise by this part of it."""
LOWEST = -1e100
"""No minimum is this low: a method that ends there has only run out of numbers."""
ENDLESS = "The value goes on without end, as far as float64 reaches."


class Sequence:
    """The run of such a method from several starts, one after another."""

    def __init__(self, problem: Problem, plan: Plan, tracks: list[Track], points: Array) -> None:
        assert isinstance(plan.method, PathMethod)
        self._problem, self._plan, self.tracks = problem, plan, tracks
        self._record, self._options = plan.method.record, plan.method.options
        leaves = self._record.leaves and plan.stop.grad_norm == 0
        self._stop = replace(plan.stop, stationary=not leaves)
        self._points = points if plan.bounds is None else plan.bounds.project(points)
        self._memory: Memory = {}

    def to_json(self) -> dict[str, Any]:
        """The state as JSON values, bit for bit."""
        return {"points": packed(self._points), "memory": {n: packed(np.asarray(v)) for n, v in self._memory.items()}}

    def resume(self, content: Mapping[str, Any]) -> None:
        """Go on from a state that `to_json` wrote."""
        self._points = unpacked(content["points"])
        self._memory = {name: unpacked(array)[()] for name, array in content["memory"].items()}

    def steps(self) -> Iterator[list[Row]]:
        """The rows of one step after another."""
        for track in self.tracks:
            if track.reason is None:
                yield from self._way(track)
                self._memory = {}

    def _way(self, track: Track) -> Iterator[list[Row]]:
        before = track.last
        known = before is not None
        if before is not None and not (self._record.exact and self._memory):
            track.restarts.append(before.step)
        start = self._points[track.start] if before is None else before.x
        # A state that was taken at the end of one start still has the memory of that one.
        memory = self._memory if before is not None else None
        path = self._record.path(self._problem, start, self._plan.bounds, self._options, memory or None)
        try:
            while True:
                try:
                    point = next(path)
                except StopIteration as ended:
                    self._end(track, ended.value)
                    return
                if known:
                    # The point that was recorded before the run was interrupted.
                    known = False
                    continue
                yield [self._enter(track, point)]
                if track.reason is not None:
                    return
        finally:
            path.close()

    def _enter(self, track: Track, point: Point) -> Row:
        plan, step = self._plan, 0 if track.last is None else track.last.step + 1
        free = point.gradient if plan.bounds is None else plan.bounds.free(point.x, point.gradient)
        norm = norm_of(free)
        track.enter(step, point.x, point.value, norm, self._stop, ROUNDING)
        if track.reason == "diverged":
            track.message = f"{self._problem.trouble(point.x)} {track.message}".strip()
        self._memory = point.memory
        rate = math.nan if point.rate is None else point.rate
        return Row(track.start, step, plan.sign * point.value, norm, rate, point.x)

    def _end(self, track: Track, message: str) -> None:
        """A method that has no step left is at its end, unless it never had a finite value, or the value has no end."""
        last = track.last
        if last is not None and not math.isfinite(last.value):
            track.end("diverged", message)
        elif last is not None and last.value < LOWEST:
            track.end("diverged", ENDLESS)
        else:
            track.end("converged", message)
