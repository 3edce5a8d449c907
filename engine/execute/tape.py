"""What the steps of a loop leave for the way back, kept within a bound of memory.

A tape has a row for each step, cut into segments.  When all that a run keeps grows beyond its bound, the oldest
segments give up their rows and keep what their first step began with; a reader that comes to such a segment has its
steps taken again.  So a loop of any length is differentiated within the bound, at the price of taking each step at most
once more (Griewank and Walther, "Evaluating Derivatives", chapter 12, with one level of checkpoints).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from engine.limits import Budget

Row = tuple[Any, ...]
Again = Callable[[int, int, Sequence[Any]], list[Row]]
"""`again(first, count, carried)`: the rows of `count` steps from the one numbered `first` on."""

SEGMENTS = 16
"""Into how many segments the bound is divided, at least."""
SHORTEST = 16


@dataclass(slots=True)
class Run:
    """One run of an executable: its budget, what it holds for the way back, and what its watches and guards saw.

    `kept` bytes are held by tapes now, of at most `most` before they are thinned out; `steps` counts the steps of
    loops, `repeated` those that were taken again.  `random` makes the rounding errors of a noisy run.
    """

    budget: Budget | None
    most: int
    kept: int = 0
    steps: int = 0
    repeated: int = 0
    met: bool = False
    guarded: bool = False
    random: np.random.Generator | None = None


@dataclass(slots=True)
class Segment:
    """Steps in a row: the number of the first (in the order in which they were taken), how many, and their rows.

    `before`: what the run held when the segment was begun.
    """

    first: int
    count: int
    start: Sequence[Any]
    rows: list[Row] | None
    before: int = 0


@dataclass(slots=True)
class Tape:
    """The rows of one execution of one loop.

    `row_bytes` and `start_bytes` are what a row and the start of a segment take.  In a loop that ran `backward` over n
    steps, the step taken first has the index n - 1.
    """

    run: Run
    again: Again
    row_bytes: int
    start_bytes: int
    backward: bool
    taken: int = 0
    segments: list[Segment] = field(default_factory=list)
    length: int = 0
    held: int = 0
    _at: Segment | None = None

    def __post_init__(self) -> None:
        self.length = max(self.run.most // SEGMENTS // max(1, self.row_bytes), SHORTEST)

    def __del__(self) -> None:
        # What the rows hold, tapes of inner loops among it, is counted by whoever holds it.
        self.run.kept -= self.held

    def _hold(self, count: int) -> None:
        self.held += count
        self.run.kept += count

    @property
    def full(self) -> bool:
        """Whether the next row begins a new segment."""
        if not self.segments or self.segments[-1].count >= self.length:
            return True
        return self.run.kept - self.segments[-1].before > self.run.most // SEGMENTS

    def open(self, carried: Sequence[Any]) -> None:
        """Begin a segment with what its first step begins with, which nobody may change."""
        self._hold(self.start_bytes)
        if self.run.kept > self.run.most:
            self._thin()
        self.segments.append(Segment(self.taken, 0, carried, [], self.run.kept))

    def add(self, row: Row) -> None:
        """The row of the next step."""
        segment = self.segments[-1]
        assert segment.rows is not None
        segment.rows.append(row)
        segment.count += 1
        self.taken += 1
        self._hold(self.row_bytes)

    def _thin(self) -> None:
        """Give up the rows of the older half of the segments that still have any."""
        whole = [s for s in self.segments if s.rows is not None]
        for segment in whole[: (len(whole) + 1) // 2]:
            self._drop(segment)
        if len(self.segments) * self.start_bytes > self.run.most // 2:
            self._merge()

    def _drop(self, segment: Segment) -> None:
        assert segment.rows is not None
        self._hold(-self.row_bytes * len(segment.rows))
        segment.rows = None

    def _merge(self) -> None:
        """Make one segment of two, where neither has its rows any more: fewer starts, longer repetitions."""
        merged: list[Segment] = []
        for segment in self.segments:
            before = merged[-1] if merged else None
            if before is not None and before.rows is None and segment.rows is None and before.count <= self.length:
                before.count += segment.count
                self._hold(-self.start_bytes)
            else:
                merged.append(segment)
        self.segments = merged
        self.length *= 2

    def row(self, index: int) -> Row:
        """The row of the step with this index."""
        number = self.taken - 1 - index if self.backward else index
        segment = self._at
        if segment is None or not segment.first <= number < segment.first + segment.count:
            segment = self._find(number)
        assert segment.rows is not None
        return segment.rows[number - segment.first]

    def _find(self, number: int) -> Segment:
        """The segment of a step, with its rows; those of the segment before it are given up again if they were."""
        before = self._at
        if before is not None and before.rows is not None and self.run.kept > self.run.most // 2:
            self._drop(before)
        low, high = 0, len(self.segments) - 1
        while low < high:
            middle = (low + high + 1) // 2
            low, high = (middle, high) if self.segments[middle].first <= number else (low, middle - 1)
        segment = self.segments[low]
        if segment.rows is None:
            segment.rows = self.again(segment.first, segment.count, segment.start)
            self.run.repeated += segment.count
            self._hold(self.row_bytes * len(segment.rows))
        self._at = segment
        return segment


@dataclass(frozen=True, slots=True)
class Column:
    """One stack: a column of a tape."""

    tape: Tape
    number: int

    def at(self, index: int) -> Any:
        """What the step with this index left."""
        return self.tape.row(index)[self.number]

    @property
    def length(self) -> int:
        """The number of steps."""
        return self.tape.taken

    def plus(self, other: Column | Rows) -> Rows:
        """The sum, element by element."""
        return _plus(self, other)


@dataclass(frozen=True, slots=True)
class Rows:
    """A stack that is a sum of others, by index."""

    items: list[Any]

    def at(self, index: int) -> Any:
        """What belongs to the step with this index."""
        return self.items[index]

    @property
    def length(self) -> int:
        """The number of steps."""
        return len(self.items)

    def plus(self, other: Column | Rows) -> Rows:
        """The sum, element by element."""
        return _plus(self, other)


def _plus(a: Column | Rows, b: Column | Rows) -> Rows:
    return Rows([_sum(a.at(i), b.at(i)) for i in range(a.length)])


def _sum(x: Any, y: Any) -> Any:
    return x.plus(y) if isinstance(x, Column | Rows) else x + y
