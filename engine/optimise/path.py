"""Methods that choose their points one after another: what they yield, and how they are called."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from engine.graph.types import Array
from engine.optimise.options import Options
from engine.optimise.problem import Bounds, Problem

Memory = Mapping[str, float | Array]
"""What a method has to know beside its point to go on bit for bit, by name; empty for one that begins anew."""


@dataclass(frozen=True, slots=True)
class Point:
    """A point that a method has come to, with the value and gradient there.

    `rate` is the size of what it tried last, if it has such a thing: a damping, a radius, a step length.
    """

    x: Array
    value: float
    gradient: Array
    rate: float | None = None
    memory: Memory = field(default_factory=dict)


class Path(Protocol):
    """A method as a generator of points.

    The first point is the start itself (put into the box of `bounds`), every further one a step.  The value is finite
    at all points but the first, and does not rise but by rounding.  When no step is left that lowers the value in
    float64, it returns why, in a sentence.  With the `memory` of a point, it goes on from there as if it had never
    stopped.  It holds no locks and leaves nothing behind when it is closed.
    """

    def __call__(
        self, problem: Problem, start: Array, bounds: Bounds | None, options: Options, memory: Memory | None = None
    ) -> Generator[Point, None, str]:
        """The points from `start` (n,) on."""
        ...
