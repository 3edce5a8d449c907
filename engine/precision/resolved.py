"""What is known of an answer when it has been resolved."""

from __future__ import annotations

from dataclasses import dataclass, field

from engine.graph.types import Array


@dataclass(frozen=True, slots=True)
class Sides:
    """A component without a derivative: what it tends to from the left and from the right (None: to nothing).

    The same from both sides, where the components do not add up in directions between the axes.
    """

    part: str
    inputs: tuple[str, ...]
    index: tuple[int, ...]
    left: float | None
    right: float | None


@dataclass(slots=True)
class Resolved:
    """`outputs` of the answer's graph, rounded once, and where they are `sure`.

    `digits`: the precision that was needed.  `limits`: how many components were found as limits, and `moved`: how many
    of them are not what the rules say.  `whole`: whether everything questionable was looked at, and not only what was
    needed of large arrays, and is sure now.  `late`: whether there was no time for something that was needed.  `places`
    are those of the limits, while they are sought.  `inside` is how many numbers choices and
    loops computed at the point.
    """

    outputs: list[Array]
    sure: list[Array]
    digits: int
    limits: int = 0
    sides: list[Sides] = field(default_factory=list)
    whole: bool = True
    moved: int = 0
    late: bool = False
    places: set[tuple[int, tuple[int, ...]]] = field(default_factory=set)
    inside: int = 0
