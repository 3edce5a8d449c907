"""The certified regression problems of NIST that are kept as examples."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from engine.engine import Engine
from engine.limits import Budget
from engine.objective import Objective
from engine.question import Question

FOLDER = Path(__file__).parents[2] / "examples" / "regression" / "nist"
MOST_DIGITS = 11.0
"""What is printed of a certified parameter."""


@dataclass(frozen=True, slots=True)
class Regression:
    """A problem of the Statistical Reference Datasets: Σ (y − model)², two starts, the certified minimum."""

    name: str
    expr: str
    data: Mapping[str, Any]
    starts: Sequence[Mapping[str, float]]
    parameters: Mapping[str, float]
    rss: float

    def objective(self, engine: Engine, start: int) -> Objective:
        """What is minimised, at one of the starts."""
        at = {name: np.asarray(value) for name, value in {**self.data, **self.starts[start]}.items()}
        return Objective(engine, Question(self.expr, at), list(self.starts[start]), Budget.starting_now(60.0))

    def digits(self, x: Any) -> float:
        """The right digits of the worst parameter: −log10 of its relative error."""
        certified = np.array(list(self.parameters.values()))
        error = float(np.max(np.abs(x - certified) / np.abs(certified)))
        return min(MOST_DIGITS, -float(np.log10(error))) if error else MOST_DIGITS


def _read(path: Path) -> Regression:
    known = json.loads(path.read_text("utf-8"))
    certified = known["certified"]
    return Regression(
        known["name"], known["expr"], known["data"], known["starts"], certified["parameters"], certified["rss"]
    )


PROBLEMS = {found.name: found for found in map(_read, sorted(FOLDER.glob("*.json")))}
