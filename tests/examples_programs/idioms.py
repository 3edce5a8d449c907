"""The small programs of `idioms.txt`, by name: text and inputs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np


def _read() -> dict[str, tuple[str, dict[str, Any]]]:
    found: dict[str, tuple[str, dict[str, Any]]] = {}
    _, *sections = Path(__file__).with_suffix(".txt").read_text("utf-8").split("\n=== ")
    for section in sections:
        name, given, text = section.split("\n", 2)
        assert name not in found
        found[name] = text, {key: np.asarray(item)[()] for key, item in json.loads(given).items()}
    return found


IDIOMS = _read()


def real(at: dict[str, Any]) -> tuple[str, ...]:
    """The inputs that are differentiated."""
    return tuple(name for name, item in at.items() if np.asarray(item).dtype.kind == "f")
