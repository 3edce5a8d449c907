"""What the rows of a job have told so far."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite, nan
from typing import Any

from service.client.text import number


@dataclass
class Track:
    """The values by start and step; `sign` is −1 where the largest value is the best."""

    sign: float = 1.0
    value: float | None = None
    best: float | None = None
    steps: dict[int, int] = field(default_factory=dict)
    _values: dict[int, list[tuple[int, float]]] = field(default_factory=dict)

    @property
    def done(self) -> int:
        """Steps of all starts together."""
        return sum(self.steps.values())

    @property
    def several(self) -> bool:
        """Whether there are several starts."""
        return len(self._values) > 1

    def add(self, row: Mapping[str, Any]) -> None:
        """One more row."""
        start, step, value = row.get("start", 0), row["step"], number(row["value"])
        self.steps[start], self.value = step, value
        found = nan if value is None else value
        self._values.setdefault(start, []).append((step, found))
        if isfinite(found) and (self.best is None or self.sign * found < self.sign * self.best):
            self.best = found

    def curve(self) -> list[tuple[int, float]]:
        """Steps and values of a single start; of several, the best of all after so many steps."""
        if not self.several:
            return next(iter(self._values.values()), [])
        points = sorted(point for points in self._values.values() for point in points if isfinite(point[1]))
        return _best_so_far(points, self.sign)


def _best_so_far(points: Sequence[tuple[int, float]], sign: float) -> list[tuple[int, float]]:
    found: list[tuple[int, float]] = []
    for step, value in points:
        best = value if not found or sign * value < sign * found[-1][1] else found[-1][1]
        if found and found[-1][0] == step:
            found[-1] = (step, best)
        else:
            found.append((step, best))
    return found
