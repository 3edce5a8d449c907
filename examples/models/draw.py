"""Pictures of a training, as SVG that is the same for the same numbers, on light and on dark pages.

curl -s "$url/jobs/$job/history?limit=10000" | python3 draw.py losses >losses.svg
… | python3 draw.py plane points.json >plane.svg      from what a model predicts on the grid of `moons.py`
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from moons import HIGH, LOW, SIDE

Points = Sequence[tuple[float, float]]
WIDTH, HEIGHT = 560, 300
LEFT, RIGHT, TOP, BOTTOM = 58, 16, 14, 36
GREY, BLUE, ORANGE = "#808080", "#2f7ed8", "#e8731a"
"""Colours that can be told from white and from black."""
SHADES = 8
"""How many shades a probability has."""


def losses(columns: dict[str, Any]) -> str:
    """The losses of training and validation, epoch by epoch, on a logarithmic scale; of the first of several seeds."""
    starts = columns.get("start") or [0] * len(columns["step"])
    drawn = []
    for name, told, colour in (("epoch_value", "training", BLUE), ("validation_value", "validation", ORANGE)):
        values = columns.get(name) or []
        own = [one for one, start in zip(values, starts, strict=True) if one is not None and start == 0]
        if own:
            drawn.append((told, colour, [(float(i + 1), value) for i, value in enumerate(own)]))
    return curves(drawn)


def curves(drawn: Sequence[tuple[str, str, Points]]) -> str:
    """Named curves through points with positive values, over epochs."""
    values = [value for _, _, points in drawn for _, value in points]
    low, high = min(values), max(values)
    if not low < high:
        low, high = low / 2, high * 2
    last = max(x for _, _, points in drawn for x, _ in points)

    def across(x: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * (x - 1) / max(last - 1, 1)

    def down(value: float) -> float:
        return TOP + (HEIGHT - TOP - BOTTOM) * math.log(high / value) / math.log(high / low)

    parts = []
    for tick in ticks(low, high):
        level = f"M{LEFT} {down(tick):.1f}H{WIDTH - RIGHT}"
        parts.append(f'<path d="{level}" stroke="{GREY}" stroke-opacity="0.35"/>')
        parts.append(text(LEFT - 8, down(tick) + 4, f"{tick:g}", "end"))
    step = max(1, round(last / 8))
    for x in range(step, int(last) + 1, step):
        parts.append(text(across(x), HEIGHT - BOTTOM + 18, f"{x}", "middle"))
    parts.append(text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 3, "epoch", "middle"))
    for i, (told, colour, points) in enumerate(drawn):
        path = " ".join(f"{across(x):.1f},{down(value):.1f}" for x, value in points)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts.append(text(WIDTH - RIGHT - 6, TOP + 16 + 17 * i, f"{told} loss", "end", colour))
    return svg(WIDTH, HEIGHT, "Loss by epoch, on a logarithmic scale", parts)


def ticks(low: float, high: float) -> Iterator[float]:
    """Round numbers from `low` to `high`, for a logarithmic scale: 1, 2 and 5 times powers of ten, or more of them."""
    rounds: tuple[int, ...] = (1, 2, 5) if high / low < 50 else (1,)
    if high / low < 4:
        rounds = tuple(range(1, 10))
    for power in range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1):
        for digit in rounds:
            tick = float(f"{digit}e{power}")
            if low <= tick <= high:
                yield tick


def plane(probabilities: Sequence[float], points: dict[str, Any]) -> str:
    """Shades of a probability over the plane, the line on which it is one half, and the points that were learned."""
    size = 8
    width, height = SIDE[0] * size, SIDE[1] * size
    grid = [list(probabilities[row * SIDE[0] : (row + 1) * SIDE[0]]) for row in range(SIDE[1])]
    shades = ["" for _ in range(SHADES)]
    for row, values in enumerate(grid):
        column = 0
        for shade, run in groupby(min(int(value * SHADES), SHADES - 1) for value in values):
            length = len(list(run)) * size
            shades[shade] += f"M{column} {height - (row + 1) * size}h{length}v{size}h{-length}z"
            column += length
    parts = []
    for shade, cells in enumerate(shades):
        sure = abs(2 * shade + 1 - SHADES) / SHADES
        colour = BLUE if 2 * shade < SHADES else ORANGE
        parts.append(f'<path d="{cells}" fill="{colour}" fill-opacity="{0.05 + 0.4 * sure:.3f}"/>')
    border = []
    for piece in halves(grid):
        (x, y), (u, v) = (((x + 0.5) * size, height - (y + 0.5) * size) for x, y in piece)
        border.append(f"M{x:.1f} {y:.1f}L{u:.1f} {v:.1f}")
    parts.append(f'<path d="{"".join(border)}" stroke="{GREY}" stroke-width="2.5" stroke-linecap="round"/>')
    for moon, colour in enumerate((BLUE, ORANGE)):
        parts.append(f'<g fill="{colour}">')
        for x, y in (point for point, label in zip(points["x"], points["y"], strict=True) if label == [moon]):
            across = (x - LOW[0]) / (HIGH[0] - LOW[0]) * width
            up = (y - LOW[1]) / (HIGH[1] - LOW[1]) * height
            parts.append(f'<circle cx="{across:.1f}" cy="{height - up:.1f}" r="3"/>')
        parts.append("</g>")
    return svg(width, height, "Two moons, and what a network takes for each", parts)


def halves(grid: Sequence[Sequence[float]]) -> Iterator[tuple[tuple[float, float], tuple[float, float]]]:
    """Pieces of the line on which a function on a grid is one half: marching triangles, two to each square."""
    for row in range(len(grid) - 1):
        for column in range(len(grid[0]) - 1):
            corners = [(column, row), (column + 1, row), (column + 1, row + 1), (column, row + 1)]
            for triangle in ((corners[0], corners[1], corners[2]), (corners[0], corners[2], corners[3])):
                crossed = []
                for (x, y), (u, v) in zip(triangle, (*triangle[1:], triangle[0]), strict=True):
                    here, there = grid[y][x] - 0.5, grid[v][u] - 0.5
                    if (here < 0) != (there < 0):
                        part = here / (here - there)
                        crossed.append((x + part * (u - x), y + part * (v - y)))
                if crossed:
                    yield crossed[0], crossed[1]


def text(x: float, y: float, words: str, anchor: str, colour: str = GREY) -> str:
    """Words in a picture."""
    font = 'font-family="sans-serif" font-size="12"'
    return f'<text x="{x:.1f}" y="{y:.1f}" {font} text-anchor="{anchor}" fill="{colour}">{words}</text>'


def svg(width: int, height: int, title: str, parts: Sequence[str]) -> str:
    """A picture of its parts."""
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}">'
    return "\n".join([head, f"<title>{title}</title>", *parts, "</svg>"])


if __name__ == "__main__":
    given = json.load(sys.stdin)
    if sys.argv[1] == "losses":
        print(losses(given))
    else:
        probabilities = [one[0] for one in given["probabilities"]]
        print(plane(probabilities, json.loads(Path(sys.argv[2]).read_text())))
