"""What the engine refuses, and how it says so.

Every class is one documented kind of refusal: `name` is stable (clients switch on it, and it is a page of the
documentation), `example` is an expression that provokes it and `repair` is the same one, mended.  A refusal never
carries anything but text and numbers, so that any front end can show it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from engine.source.text import Place, Span, excerpt, locate


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong with a question: `pointer` is a JSON Pointer into it (`/at/x`, `/expr`)."""

    pointer: str
    detail: str


@dataclass(frozen=True, slots=True)
class Limit:
    """A limit that was passed: its name, its value, and what was asked for."""

    name: str
    value: float
    given: float | None = None


@dataclass
class EngineError(Exception):
    """A question that the engine refuses.

    `detail` is one sentence for people; `span` points into `text`, the source as the client wrote it; `faults` lists
    all that is wrong when there is more than one thing, or when it lies in the inputs and not in the text.
    """

    name: ClassVar[str] = "invalid-request"
    title: ClassVar[str] = "The request is not valid"
    example: ClassVar[str] = ""
    repair: ClassVar[str] = ""

    detail: str
    span: Span | None = None
    hint: str | None = None
    faults: Sequence[Fault] = ()
    limit: Limit | None = None
    text: str | None = field(default=None, repr=False)

    def __str__(self) -> str:
        where = ""
        if self.place is not None:
            where = f" at line {self.place.line}, column {self.place.column}"
        lines = [f"{self.name}{where}: {self.detail}"]
        if self.excerpt:
            lines += ["    " + line for line in self.excerpt.split("\n")]
        if self.hint:
            lines.append(f"hint: {self.hint}")
        return "\n".join(lines)

    @property
    def place(self) -> Place | None:
        """Lines and columns of the span, where there is one."""
        return None if self.span is None or self.text is None else locate(self.text, self.span)

    @property
    def excerpt(self) -> str | None:
        """The source line with carets below it, where there is a span."""
        return None if self.span is None or self.text is None else excerpt(self.text, self.span)


class InvalidRequest(EngineError):
    """Something other than the text is wrong: an input that is missing, ragged or not a number, an unknown `wrt`."""

    name = "invalid-request"
    title = "The request is not valid"
    example = '{"expr": "sum(x)", "at": {"x": [[1, 2], [3]]}}'
    repair = '{"expr": "sum(x)", "at": {"x": [[1, 2], [3, 4]]}}'


class AssertionFault(InvalidRequest):
    """An assertion of a program does not hold at this point."""

    title = "An assertion of the program does not hold"


class SyntaxFault(EngineError):
    """The text cannot be read, or uses a construct that the language does not have."""

    name = "syntax-error"
    title = "The text cannot be read"
    example = "2 * (x + 1"
    repair = "2 * (x + 1)"


class UnknownName(EngineError):
    """A function that does not exist, or a name that is neither an input nor a constant."""

    name = "unknown-name"
    title = "A name is not known"
    example = "sine(x)"
    repair = "sin(x)"


class TypeMismatch(EngineError):
    """A value of the wrong kind: a fractional index, an array as a condition, a shape that is not known."""

    name = "type-mismatch"
    title = "A value has the wrong type"
    example = "x[0.5]"
    repair = "x[0]"


class ShapeMismatch(EngineError):
    """Shapes that do not fit together."""

    name = "shape-mismatch"
    title = "Shapes do not fit together"
    example = "[1, 2, 3] + [1, 2]"
    repair = "[1, 2, 3] + [1, 2, 0]"


class NotScalar(EngineError):
    """A gradient of an output that is not a single number."""

    name = "not-scalar"
    title = "The output is not a single number"
    example = "x^2 with x = [1, 2]"
    repair = "sum(x^2) with x = [1, 2]"


class NotDifferentiable(EngineError):
    """A derivative through something that has none, asked for explicitly."""

    name = "not-differentiable"
    title = "There is no derivative to give"
    example = "argmax(x)"
    repair = "max(x)"


class Unsupported(EngineError):
    """Something that Adjoint understands and does not offer."""

    name = "unsupported"
    title = "This is not supported"
    example = "A[mask] with a boolean mask"
    repair = "where(mask, A, 0)"


class LimitExceeded(EngineError):
    """A static limit: length of the text, nesting, number of operations, size of an array."""

    name = "limit-exceeded"
    title = "A limit is exceeded"
    example = "sum(zeros(10^9))"
    repair = "sum(zeros(10^6))"


class BudgetExceeded(EngineError):
    """The computation would take, or took, more time or memory than a request may."""

    name = "budget-exceeded"
    title = "The computation is too expensive for one request"
    example = "trace(inv(eye(6000)))"
    repair = "trace(inv(eye(600)))"


class EngineFault(Exception):
    """A defect of Adjoint itself, such as a transform that produced an ill-typed graph.  Never a client's fault."""


REFUSALS: tuple[type[EngineError], ...] = (
    InvalidRequest,
    SyntaxFault,
    UnknownName,
    TypeMismatch,
    ShapeMismatch,
    NotScalar,
    NotDifferentiable,
    Unsupported,
    LimitExceeded,
    BudgetExceeded,
)
