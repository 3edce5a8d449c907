"""Integer arithmetic that refuses to wrap round.

Integers are for indices and sizes; where one grows past 63 bits the answer would silently be wrong.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np

from engine.errors import LimitExceeded

GROWING = frozenset(("add", "subtract", "multiply", "square", "sum", "cumsum", "matmul", "recurrence", "prod"))
"""Primitives whose result can be longer than their arguments."""
LARGEST = 2.0**62


def checked(value: Callable[..., Any]) -> Callable[..., Any]:
    """The function of integer arrays, computed in float64 beside it; `LimitExceeded` where a result is too large."""

    @wraps(value)
    def careful(*arrays: Any, **params: Any) -> Any:
        size = np.max(np.abs(value(*[np.asarray(a, dtype=np.float64) for a in arrays], **params)), initial=0.0)
        if size > LARGEST:
            raise LimitExceeded(
                f"An integer of about {size:.3g} does not fit into 64 bits.",
                hint="Compute with real numbers: write 1.0*n for n.",
            )
        return value(*arrays, **params)

    return careful
