"""What the steps of a loop leave for the way back, kept within a bound of memory.

A tape has a row for each step, cut into segments.  When all that a run keeps grows beyond its bound, the oldest
segments give up their rows and keep what their first step began with; a reader that comes to such a segment has its
steps taken again.  Where these would be too many to be kept, the segment is divided into parts, as often as it takes.
So a loop of any length is differentiated within the bound, at the price of taking each step once more for every level
of parts (Griewank and Walther, "Evaluating Derivatives", chapter 12).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from engine.limits import Budget

Row = tuple[Any, ...]
Again = Callable[[int, int, Sequence[Any], bool], tuple[list[Row], Sequence[Any]]]
"""`again(first, count, carried, keep)`: the rows of `count` steps from the one numbered `first` on, if they are to be
kept, and what the last of them left."""

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


@dataclass(slots=True, eq=False)
class Segment:
    """Steps in a row: the number of the first (in the order in which they were taken), how many, and their rows.

    `before`: what the run held when the segment was begun.  `parts`: the segments that it is divided into.
    """

    first: int
    count: int
    start: Sequence[Any]
    rows: list[Row] | None
    before: int = 0
    parts: list[Segment] | None = None


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
    _way: list[Segment] = field(default_factory=list)

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
        """The segment of a step, with its rows; what is not on the way to it is given up again."""
        segment = _holding(self.segments, number)
        way = [segment]
        while segment.parts is not None:
            segment = _holding(segment.parts, number)
            way.append(segment)
        for left in self._way:
            if left not in way:
                self._leave(left)
        while segment.rows is None:
            if segment.count <= max(1, self.run.most // 4 // max(1, self.row_bytes)):
                segment.rows, _ = self.again(segment.first, segment.count, segment.start, True)
                self.run.repeated += segment.count
                self._hold(self.row_bytes * len(segment.rows))
            else:
                segment = _holding(self._divided(segment), number)
                way.append(segment)
        self._at, self._way = segment, way
        return segment

    def _leave(self, segment: Segment) -> None:
        """Give up the parts of a segment, and its rows where memory is short."""
        for part in segment.parts or ():
            self._leave(part)
            if part.rows is not None:
                self._drop(part)
            self._hold(-self.start_bytes)
        segment.parts = None
        if segment.rows is not None and self.run.kept > self.run.most // 2:
            self._drop(segment)

    def _divided(self, segment: Segment) -> list[Segment]:
        """The parts of a segment, each with what its first step begins with."""
        most = max(2, self.run.most // 4 // max(1, self.start_bytes))
        length = max(1, self.run.most // 4 // max(1, self.row_bytes), -(-segment.count // most))
        carried, end = segment.start, segment.first + segment.count
        segment.parts = parts = []
        for first in range(segment.first, end, length):
            count = min(length, end - first)
            parts.append(Segment(first, count, carried, None))
            self._hold(self.start_bytes)
            if first + count < end:
                _, carried = self.again(first, count, carried, False)
                self.run.repeated += count
        return parts


def _holding(segments: Sequence[Segment], number: int) -> Segment:
    """The segment with a step."""
    low, high = 0, len(segments) - 1
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if segments[middle].first <= number else (low, middle - 1)
    return segments[low]


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
