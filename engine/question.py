"""What can be asked, and what is answered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from engine.source.text import Span

Array = np.ndarray[Any, np.dtype[Any]]
Ask = Literal["value", "grad"]
WarningCode = Literal[
    "kink",
    "singular",
    "non-finite",
    "ill-conditioned",
    "escalated",
    "disconnected",
    "rewritten",
    "integer-gradient",
]


@dataclass(frozen=True, slots=True)
class Question:
    """A function, the point at which it is asked about, and with respect to what.

    `text` is the source; `at` holds float64, int64 or bool arrays by input name (zero-dimensional for numbers);
    `wrt` None means every real input; `batch` True means that the first axis of every input runs over points, a tuple
    names the inputs for which it does.
    """

    text: str
    at: Mapping[str, Array]
    kind: Literal["expr"] = "expr"
    wrt: tuple[str, ...] | None = None
    batch: bool | tuple[str, ...] = False


@dataclass(frozen=True, slots=True)
class Warning:
    """Something the client should know about an answer; `extra` holds further fields by name (JSON-like values)."""

    code: WarningCode
    message: str
    span: Span | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Answer:
    """Value (real, int or bool array or numpy scalar), gradient by input name, warnings, and seconds by phase."""

    value: Array
    grad: dict[str, Array] | None
    warnings: list[Warning]
    seconds: dict[str, float]
