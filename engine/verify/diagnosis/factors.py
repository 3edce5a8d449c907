"""Constant factors that have a name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import log, pi, sqrt

from engine.graph.types import Array

NEAR = 2e-6
"""How close, relatively, a factor comes to the number that it is named after."""

_PLAIN: tuple[tuple[float, str], ...] = (
    (2.0, "2"),
    (0.5, "1/2"),
    (4.0, "4"),
    (0.25, "1/4"),
    (3.0, "3"),
    (1 / 3, "1/3"),
    (-2.0, "-2"),
    (-0.5, "-1/2"),
    (pi / 180, "pi/180 (degrees and radians)"),
    (180 / pi, "180/pi (degrees and radians)"),
    (log(2), "ln 2 (logarithms of base 2 and e)"),
    (1 / log(2), "1/ln 2 (logarithms of base 2 and e)"),
    (log(10), "ln 10 (logarithms of base 10 and e)"),
    (1 / log(10), "1/ln 10 (logarithms of base 10 and e)"),
    (pi, "pi"),
    (1 / pi, "1/pi"),
    (2 * pi, "2 pi"),
    (1 / (2 * pi), "1/(2 pi)"),
    (sqrt(2), "sqrt(2)"),
    (1 / sqrt(2), "1/sqrt(2)"),
    (10.0, "10"),
    (0.1, "1/10"),
    (100.0, "100"),
    (0.01, "1/100"),
    (1000.0, "1000"),
    (0.001, "1/1000"),
)


def named_factors(sizes: Mapping[str, int]) -> Iterator[tuple[float, str]]:
    """All factors with their names; `sizes` has counts by what they count, such as `the length of x`.

    A factor that has a name of its own is not told as a fraction or a multiple of a count: 2 is no 4/2.
    """
    by_count: dict[int, list[str]] = {}
    for what, count in sizes.items():
        if count > 1:
            by_count.setdefault(count, []).append(what)
    found = dict(_PLAIN)
    counted = {count: f"where {count} is {' and '.join(whats[:2])}" for count, whats in by_count.items()}
    for count, what in counted.items():
        found[float(count)] = f"{count}, {what}"
        found[1 / count] = f"1/{count}, {what}"
    for count, what in counted.items():
        for value, name in (
            (2 / count, f"2/{count}"),
            (count / 2, f"{count}/2"),
            (2.0 * count, f"2 * {count}"),
            (0.5 / count, f"1/(2 * {count})"),
            (count / (count - 1), f"{count}/{count - 1}"),
            ((count - 1) / count, f"{count - 1}/{count}"),
        ):
            found.setdefault(value, f"{name}, {what}")
    yield from found.items()


def named_factor(factor: float, sizes: Mapping[str, int], near: float = NEAR) -> tuple[float, str] | None:
    """The named factor next to this one, other than 1, and its name."""
    for value, name in named_factors(sizes):
        if value != 1.0 and abs(factor - value) <= near * abs(value):
            return value, name
    return None


def projected(claimed: Array, expected: Array) -> float | None:
    """The factor c for which c times `expected` is closest to what is claimed; None for no such thing."""
    norm = float(expected @ expected)
    return float(claimed @ expected) / norm if norm > 0.0 else None
