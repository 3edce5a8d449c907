"""Counts that a function invites to confuse: lengths, numbers of terms, the size of a batch."""

from __future__ import annotations

from collections.abc import Iterator

from engine.verify.diagnosis.mismatch import Mismatch
from engine.verify.diagnosis.words import divisor, summed


def sizes(mismatch: Mismatch) -> dict[str, int]:
    """Counts that are easily confused, by what they count."""
    found: dict[str, int] = {}
    if mismatch.points is not None:
        found["the number of points"] = mismatch.points
    for name, value in zip(mismatch.names, mismatch.graph.inputs, strict=True):
        if value.rank == 1:
            found[f"the length of {name}"] = value.shape[0]
        elif value.rank == 2:
            found[f"the number of rows of {name}"] = value.shape[0]
            found[f"the number of columns of {name}"] = value.shape[1]
        elif value.rank:
            for axis, count in enumerate(value.shape):
                found[f"the size of axis {axis} of {name}"] = count
        if value.rank > 1:
            found[f"the number of elements of {name}"] = value.type.size
    known = set(found.values())
    for count, what in _sums(mismatch):
        if count not in known:
            found[f"the number of {what}"] = count
            known.add(count)
    return found


def reductions(mismatch: Mismatch, whole: bool) -> list[tuple[float, str]]:
    """Factors that come of a mean in place of a sum, or the other way round, with words for them.

    Only where the edges of the reverse pass do not tell: for a batch, and where not the `whole` gradient is wrong.
    """
    found: dict[float, str] = {}
    points = mismatch.points
    if points is not None and points > 1:
        found[1.0 / points] = f"divided by {points}: a mean over the points instead of the sum"
        found[float(points)] = f"multiplied by {points}: a sum over the points instead of the mean"
    if whole:
        return list(found.items())
    divisors = [divisor(node) for node in mismatch.graph.nodes]
    for count, what in _sums(mismatch):
        if any(d and d % count == 0 for d in divisors):
            found.setdefault(float(count), f"multiplied by {count}: a sum of the {what} instead of the mean")
        else:
            found.setdefault(1.0 / count, f"divided by {count}: a mean of the {what} instead of the sum")
    return list(found.items())


def _sums(mismatch: Mismatch) -> Iterator[tuple[int, str]]:
    words = mismatch.words()
    for node in mismatch.graph.nodes:
        if node.primitive.name == "sum" and summed(node) > 1:
            yield summed(node), f"terms of {words.of(node.outputs[0])}"
