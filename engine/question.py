"""What can be asked, and what is answered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from engine.source.text import Span

Array = np.ndarray[Any, np.dtype[Any]]
Kind = Literal["expr", "program"]
Precision = Literal["auto", "float64", "exact"]
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

    `text` is the source, of an expression or a program (`kind`); `at` holds float64, int64 or bool arrays by input name
    (zero-dimensional for numbers); `wrt` None means every real input; `batch` True means that the first axis of every
    input runs over points, a tuple names the inputs for which it does.  `along` holds the directions of a `jvp`
    (tangents) or `hvp` (vectors) by input name, or of a `vjp` (the cotangent) under the empty name, or under `0`, `1`,
    … where the text is a tuple and has several outputs; with `many`, each has one more leading axis, over several
    directions.  An `hvp` may have a cotangent beside its vectors, and only one: what is differentiated is then the sum
    of the outputs with these weights.  `precision` says when more digits than those of float64 are used; `digits` asks
    how many are right. `format` `coo` asks for the entries of a Jacobian or Hessian that may differ from 0, instead of
    all.
    """

    text: str
    at: Mapping[str, Array]
    kind: Kind = "expr"
    wrt: tuple[str, ...] | str | None = None
    batch: bool | tuple[str, ...] = False
    along: Mapping[str, Array] = field(default_factory=dict)
    many: bool = False
    precision: Precision = "auto"
    digits: bool = False
    format: Literal["dense", "coo"] = "dense"


@dataclass(frozen=True, slots=True)
class Warning:
    """Something the client should know about an answer; `extra` holds further fields by name (JSON-like values)."""

    code: WarningCode
    message: str
    span: Span | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sparse:
    """A matrix by its entries, in the order of the rows: what is not listed is 0, and what is listed may be.

    `shape`: the numbers of elements of what is differentiated and of the input; `row` and `column` are flat indices
    into them, row-major; `value` has the axes over points first.
    """

    shape: tuple[int, int]
    row: Array
    column: Array
    value: Array


Part = Any
"""A part of an answer: an array or numpy scalar, a word, a count, a `Sparse` matrix, a tuple of parts (one for each
output), or parts by name."""


@dataclass(slots=True)
class Answer:
    """Value (real, int or bool array or numpy scalar), the parts that were asked for, warnings, and seconds by phase.

    Parts are named as in the question: `grad` and `vjp` by input, `jacobian` by input with the shape of the output
    before that of the input, `hessian` by input and input, `jvp` an array.  Where the text is a tuple, the value is
    one, and so are `jvp` and each part of `jacobian`: one array for each output.  `digits` are the right digits of
    all of these, by name (`value` among them), where they were asked for.

    `outputs` are those of the answer's graph; `guarded` tells that digits may have been lost on the way, `troubled`
    that the point is singular, on a kink, or has no finite answer.
    """

    value: Array | tuple[Array, ...]
    parts: dict[str, Part]
    warnings: list[Warning]
    seconds: dict[str, float]
    outputs: Sequence[Any] = ()
    guarded: bool = False
    troubled: bool = False
    digits: dict[str, Part] | None = None

    @property
    def grad(self) -> dict[str, Array] | None:
        """The gradient by input, where it was asked for."""
        return self.parts.get("grad")
