"""Who is heard in a check, and what is claimed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from engine.checking.allowance import Claimed, Given
from engine.compiled import Prepared
from engine.graph.types import Array
from engine.limits import Budget, Limits
from engine.precision.examine import Examination
from engine.precision.subject import Subject
from engine.question import Ask, Question
from engine.verify.overrides import stated
from engine.verify.ziv import Settled

SHARES = {"adjoints": 0.2, "errors": 0.3, "examine": 0.5, "symbolic": 0.4}
"""What of the remaining time each witness may take."""


class Witnesses(Protocol):
    """Where the witnesses are heard: in this process or in others."""

    def examine(self, question: Question, ask: Ask, budget: Budget) -> Examination: ...

    def symbolic(self, question: Question, budget: Budget) -> dict[str, Array]: ...

    def adjoints(self, question: Question, budget: Budget) -> Settled: ...


class Court(Protocol):
    """What compiles questions."""

    def prepare(self, question: Question, ask: Ask, budget: Budget) -> Prepared: ...

    @property
    def limits(self) -> Limits: ...

    def subject(self, question: Question, budget: Budget, recorded: bool = False) -> Subject: ...


@dataclass(frozen=True, slots=True)
class Assertion:
    """What a client claims: a value, a gradient by input, adjoints by the names that a program assigns, all optional.

    And how precise it was and may be.
    """

    value: Array | None = None
    grad: Mapping[str, Array] | None = None
    precision: Claimed = "float64"
    tolerance: Given | None = None
    adjoints: Mapping[str, Array] | None = None


def stated_rule(court: Court, question: Question, budget: Budget) -> str | None:
    """What is to be said where the derivative is not that of the values, on purpose."""
    subject = court.subject(question, budget)
    return stated(subject.graph, subject.sources, question.text) if subject.overridden else None
