"""Everything that leaves the service as JSON is written here, so that no number can break an answer."""

from __future__ import annotations

from typing import Any

import numpy as np
from pydantic_core import to_json


def json_bytes(content: Any, indent: int | None = None) -> bytes:
    """`content` as UTF-8 JSON: floats shortest-round-trip, non-finite ones as `"NaN"`, `"Infinity"`, `"-Infinity"`."""
    return to_json(content, indent=indent, inf_nan_mode="strings", fallback=_plain)


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    return str(value)
