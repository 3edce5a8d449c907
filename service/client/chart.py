"""A curve as text: dots of braille with axes, or one line of blocks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from math import isfinite, log10

from service.client.text import shown

Points = Sequence[tuple[float, float]]
DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
"""The bit of each dot in a braille character, by row and column."""
BRAILLE, BLANK = 0x2800, " "
BLOCKS = "▁▂▃▄▅▆▇█"


def chart(points: Points, width: int = 60, height: int = 12, what: str = "value") -> str:
    """The curve through points ordered by their first coordinate, with axes; its values on a logarithmic scale if all
    are positive.

    Points that are not finite are gaps.  The empty string where there is nothing to draw.
    """
    pieces = list(_pieces(points))
    if not pieces:
        return ""
    scale, back, kind = _scale([value for piece in pieces for _, value in piece])
    scaled = [[(x, scale(value)) for x, value in piece] for piece in pieces]
    left, right = scaled[0][0][0], scaled[-1][-1][0]
    values = [value for piece in scaled for _, value in piece]
    low, high = min(values), max(values)
    canvas = [[0] * width for _ in range(height)]
    for piece in scaled:
        dots = [(_part(x, left, right, 2 * width), _part(y, low, high, 4 * height)) for x, y in piece]
        for column, row in _curve(dots):
            canvas[height - 1 - row // 4][column // 2] |= DOTS[3 - row % 4][column % 2]
    ticks = {0: high, height // 2: (low + high) / 2, height - 1: low}
    labels = _labels({row: back(at) for row, at in ticks.items()} if high > low else {height // 2: back(low)})
    margin = max(map(len, labels.values()))
    lines = [f"{what}{kind}"]
    for i, drawn in enumerate(canvas):
        cells = "".join(chr(BRAILLE + cell) if cell else BLANK for cell in drawn)
        lines.append(f"{labels.get(i, ''):>{margin}} {'┤' if i in labels else '│'}{cells}".rstrip())
    lines.append(f"{'':{margin}} └{'─' * width}")
    first, last = f"{left:g}", f"{right:.15g}"
    room = max(width - len(first) - len(last), 6)
    lines.append(f"{'':{margin}}  {first}{'step':^{room}}{last}")
    return "\n".join(lines)


def sparkline(points: Points, width: int = 40) -> str:
    """The curve in one line of blocks: each the last finite value of its part of the steps."""
    found = [(x, value) for x, value in points if isfinite(value)]
    if not found:
        return ""
    scale, _, _ = _scale([value for _, value in found])
    scaled = [(x, scale(value)) for x, value in found]
    low, high = min(y for _, y in scaled), max(y for _, y in scaled)
    width = min(width, len(scaled))
    columns: list[float | None] = [None] * width
    for x, y in scaled:
        columns[_part(x, scaled[0][0], scaled[-1][0], width)] = y
    line, before = "", scaled[0][1]
    for column in columns:
        before = before if column is None else column
        line += BLOCKS[_part(before, low, high, len(BLOCKS))]
    return line


def _labels(values: Mapping[int, float]) -> dict[int, str]:
    """Numbers by row, in as few digits as tell them apart."""
    labels: dict[int, str] = {}
    for digits in range(3, 18):
        labels = {row: shown(value, digits) for row, value in values.items()}
        if len(set(labels.values())) == len(values):
            break
    return labels


def _pieces(points: Points) -> Iterator[list[tuple[float, float]]]:
    """The finite points, split where others lie between them."""
    piece: list[tuple[float, float]] = []
    for x, value in points:
        if isfinite(value):
            piece.append((x, value))
        elif piece:
            yield piece
            piece = []
    if piece:
        yield piece


def _scale(values: Sequence[float]) -> tuple[Callable[[float], float], Callable[[float], float], str]:
    """How values are put on the axis and read back, and what is said of it."""
    if min(values) > 0 and max(values) > min(values):
        return log10, lambda y: 10.0**y, ", logarithmic"
    # Halves, so that a range is finite wherever its ends are.
    return (lambda value: value / 2), (lambda y: 2 * y), ""


def _part(x: float, low: float, high: float, count: int) -> int:
    """In which of `count` parts of a range a number is; the middle one for a range that is a point."""
    if high <= low:
        return (count - 1) // 2
    return min(int((x - low) / (high - low) * count), count - 1)


def _curve(dots: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """The dots of straight lines from each to the next."""
    yield dots[0]
    for (x, y), (to_x, to_y) in pairwise(dots):
        steps = max(abs(to_x - x), abs(to_y - y))
        for i in range(1, steps + 1):
            yield round(x + (to_x - x) * i / steps), round(y + (to_y - y) * i / steps)
