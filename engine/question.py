"""What can be asked, and what is answered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from engine.source.text import Span

Array = np.ndarray[Any, np.dtype[Any]]
Ask = Literal["value", "grad", "jacobian", "hessian", "jvp", "vjp", "hvp"]
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
    names the inputs for which it does.  `along` holds the directions of a `jvp` (tangents) or `hvp` (vectors) by input
    name, or of a `vjp` (the cotangent) under the empty name; with `many`, each has one more leading axis, over several
    directions.
    """

    text: str
    at: Mapping[str, Array]
    kind: Literal["expr"] = "expr"
    wrt: tuple[str, ...] | None = None
    batch: bool | tuple[str, ...] = False
    along: Mapping[str, Array] = field(default_factory=dict)
    many: bool = False


@dataclass(frozen=True, slots=True)
class Warning:
    """Something the client should know about an answer; `extra` holds further fields by name (JSON-like values)."""

    code: WarningCode
    message: str
    span: Span | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)


Part = Any
"""A part of an answer: an array or numpy scalar, a word, or parts by name."""


@dataclass(slots=True)
class Answer:
    """Value (real, int or bool array or numpy scalar), the parts that were asked for, warnings, and seconds by phase.

    Parts are named as in the question: `grad` and `vjp` by input, `jacobian` by input with the shape of the output
    before that of the input, `hessian` by input and input, `jvp` an array.
    """

    value: Array
    parts: dict[str, Part]
    warnings: list[Warning]
    seconds: dict[str, float]

    @property
    def grad(self) -> dict[str, Array] | None:
        """The gradient by input, where it was asked for."""
        return self.parts.get("grad")
