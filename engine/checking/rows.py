"""Rows of a report: numbers of a claim next to what they should be."""

from __future__ import annotations

import numpy as np

from engine.checking.agreement import ulps
from engine.graph.types import Array
from engine.verify.report import Component

MOST_ROWS = 100
"""Of more, the worst are told."""


def components(name: str, claimed: Array, expected: Array, allowed: Array) -> list[Component]:
    """A row for every element of arrays of one shape."""
    with np.errstate(all="ignore"):
        difference = np.where(claimed == expected, 0.0, np.abs(claimed - expected))
        relative = np.where(expected == 0, np.where(difference == 0, 0.0, np.nan), difference / np.abs(expected))
        # Where the function has no number, NaN is the right answer.
        ok = (claimed == expected) | (difference <= allowed) | (np.isnan(claimed) & np.isnan(expected))
    apart = ulps(claimed, expected)
    return [
        Component(
            name,
            tuple(index),
            float(claimed[index]),
            float(expected[index]),
            float(difference[index]),
            float(relative[index]),
            float(apart[index]),
            bool(ok[index]),
        )
        for index in np.ndindex(claimed.shape)
    ]


def badness(row: Component) -> float:
    """How wrong a row is, to put the worst first: relatively where that has a meaning."""
    known = [error for error in (row.rel_error, row.abs_error) if error == error]
    return known[0] if known else float("inf")


def worst(rows: list[Component]) -> list[Component]:
    """All rows, or the worst of many."""
    return sorted(rows, key=lambda row: (row.ok, -badness(row)))[:MOST_ROWS] if len(rows) > MOST_ROWS else rows
