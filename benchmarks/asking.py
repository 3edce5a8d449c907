"""Questions as the benchmarks ask them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from engine.engine import Engine
from engine.limits import Budget
from engine.question import Answer, Ask, Question


def question(text: str, at: Mapping[str, Any], wrt: tuple[str, ...] | None = None) -> Question:
    """A question with inputs given as Python numbers, lists and arrays."""
    return Question(text, {name: np.asarray(value, dtype=np.float64) for name, value in at.items()}, wrt=wrt)


def prepared(engine: Engine, asked: Question, ask: Ask) -> Callable[[], Answer]:
    """The compiled question as a function that evaluates it once, with a budget as the service gives it."""
    found = engine.prepare(asked, ask, Budget.starting_now(600.0))
    return lambda: found.run(asked, Budget.starting_now(600.0))
