"""Rows of a history: packed into the store and out of it, by columns."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine.optimise.track import Row
from engine.question import Array
from service.jobs.shelf import Chunk

_HEAD = struct.Struct("<IIII")
VERSION = 2


@dataclass(frozen=True, slots=True)
class History:
    """Consecutive rows from index `first` on, by columns of one length.

    `variables` (rows, n) where they are kept; `more` (rows, m) are the numbers that only some runs have.
    """

    first: int
    start: Array
    step: Array
    value: Array
    grad_norm: Array
    rate: Array
    variables: Array | None = None
    more: Array | None = None

    def __len__(self) -> int:
        return len(self.step)

    def rows(self, variables: int) -> list[Row]:
        """The rows of a run with so many variables; without variables where they were not kept."""
        points = np.zeros((len(self), variables)) if self.variables is None else self.variables
        more = [()] * len(self) if self.more is None else map(tuple, self.more.tolist())
        columns = (self.start.tolist(), self.step.tolist(), self.value.tolist(), self.grad_norm.tolist())
        return [Row(*row) for row in zip(*columns, self.rate.tolist(), points, more, strict=True)]

    @staticmethod
    def of(first: int, rows: Sequence[Row], variables: bool) -> History:
        """The rows of a run."""
        kept = np.array([row.x for row in rows], dtype="<f8") if variables and rows else None
        more = np.array([row.more for row in rows], dtype="<f8") if rows and rows[0].more else None
        return History(
            first,
            np.array([row.start for row in rows], dtype="<i8"),
            np.array([row.step for row in rows], dtype="<i8"),
            np.array([row.value for row in rows], dtype="<f8"),
            np.array([row.grad_norm for row in rows], dtype="<f8"),
            np.array([row.rate for row in rows], dtype="<f8"),
            kept,
            more,
        )

    def part(self, begin: int, count: int) -> History:
        """At most `count` of the rows from index `begin` on."""
        low = min(max(begin - self.first, 0), len(self))
        cut = slice(low, low + count)
        return History(
            self.first + low,
            self.start[cut],
            self.step[cut],
            self.value[cut],
            self.grad_norm[cut],
            self.rate[cut],
            None if self.variables is None else self.variables[cut],
            None if self.more is None else self.more[cut],
        )


def packed(history: History) -> bytes:
    """The rows as bytes."""
    wide = [history.variables, history.more]
    widths = [0 if part is None else part.shape[1] for part in wide]
    columns = [history.start, history.step, history.value, history.grad_norm, history.rate]
    columns += [part for part in wide if part is not None]
    return _HEAD.pack(VERSION, len(history), *widths) + b"".join(column.tobytes() for column in columns)


def length(content: bytes) -> int:
    """How many rows are packed."""
    return int(_HEAD.unpack_from(content)[1])


def unpacked(chunk: Chunk | None, begin: int, limit: int) -> History:
    """At most `limit` of the rows in a chunk, from index `begin` on; none without a chunk."""
    if chunk is None:
        return History.of(begin, [], False)
    content = chunk.content
    _, count, width, more = _HEAD.unpack_from(content)
    place = _HEAD.size

    def column(kind: str, size: int) -> Array:
        nonlocal place
        found = np.frombuffer(content, kind, size, place)
        place += 8 * size
        return found

    history = History(
        chunk.first,
        column("<i8", count),
        column("<i8", count),
        column("<f8", count),
        column("<f8", count),
        column("<f8", count),
        column("<f8", count * width).reshape(count, width) if width else None,
        column("<f8", count * more).reshape(count, more) if more else None,
    )
    return history.part(begin, limit)
