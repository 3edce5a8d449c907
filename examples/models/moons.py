"""Two half circles that reach into each other, and a grid over the plane that they lie in.

python3 moons.py train        {"x": points, "y": which moon each is on}
python3 moons.py test         others of the same kind
python3 moons.py ask          the body of a question about the points of the test
python3 moons.py grid         the body of a question about a grid
… | python3 moons.py score    how many points of the test the answer is right about
"""

from __future__ import annotations

import json
import math
import sys
from random import Random
from typing import Any

COUNT, NOISE = 300, 0.15
LOW, HIGH, SIDE = (-1.5, -1.0), (2.5, 1.5), (64, 40)
"""The corners of the grid, and its cells along both sides; a cell is asked about in its middle."""
SEEDS = {"train": 1, "test": 2}


def moons(part: str) -> dict[str, Any]:
    """The points of one part, in turn on either moon."""
    random = Random(SEEDS[part])
    points, labels = [], []
    for i in range(COUNT):
        angle, moon = math.pi * random.random(), i % 2
        x, y = (1 - math.cos(angle), 0.5 - math.sin(angle)) if moon else (math.cos(angle), math.sin(angle))
        points.append([round(x + random.gauss(0, NOISE), 4), round(y + random.gauss(0, NOISE), 4)])
        labels.append([moon])
    return {"x": points, "y": labels}


def grid() -> list[list[float]]:
    """The middles of the cells, row by row from below."""
    wide, high = ((HIGH[axis] - LOW[axis]) / SIDE[axis] for axis in (0, 1))
    return [
        [LOW[0] + (column + 0.5) * wide, LOW[1] + (row + 0.5) * high]
        for row in range(SIDE[1])
        for column in range(SIDE[0])
    ]


if __name__ == "__main__":
    ask = sys.argv[1]
    if ask == "ask":
        print(json.dumps({"x": moons("test")["x"], "probabilities": True}))
    elif ask == "grid":
        print(json.dumps({"x": grid(), "probabilities": True}))
    elif ask == "score":
        answer, true = json.load(sys.stdin), moons("test")["y"]
        if "class" not in answer:
            sys.exit(json.dumps(answer, indent=1, ensure_ascii=False))
        right = sum(a == b for a, b in zip(answer["class"], true, strict=True))
        print(f"test accuracy: {right / len(true):.4f} ({right} of {len(true)})")
    else:
        print(json.dumps(moons(ask)))
