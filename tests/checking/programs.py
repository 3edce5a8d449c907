"""Claims about programs, judged in this process."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from engine.checking.check import check
from engine.checking.court import Assertion
from engine.errors import EngineError
from engine.limits import Budget
from engine.precision.examine import Examination
from engine.precision.referee import Refused
from engine.question import Answer, Array, Ask, Question
from engine.verify.report import Report
from engine.verify.ziv import Settled
from tests.asking import ENGINE, budget
from tests.checking.test_check import Here


class Nobody:
    """Witnesses that say nothing, which takes no time."""

    def examine(self, asked: Question, ask: Ask, given: Budget) -> Examination:
        """Nothing."""
        raise Refused("it was not asked")

    def symbolic(self, asked: Question, given: Budget) -> dict[str, Array]:
        """Nothing."""
        raise Refused("it was not asked")

    def adjoints(self, asked: Question, given: Budget) -> Settled:
        """Nothing."""
        raise Refused("it was not asked")


def program(text: str, at: Mapping[str, Any], **fields: Any) -> Question:
    """A question about a program; inputs that are Python integers are whole numbers."""
    arrays = {name: np.asarray(value) for name, value in at.items()}
    return Question(text, arrays, kind="program", **fields)


def answer(asked: Question, ask: Ask = "grad") -> Answer:
    """The engine's own answer."""
    return ENGINE.answer(asked, ask, budget())


def claim(
    asked: Question,
    grad: Mapping[str, Any] | None = None,
    adjoints: Mapping[str, Any] | None = None,
    *,
    witnesses: Any = None,
    given: Budget | None = None,
) -> Report:
    """The report on a claim."""

    def arrays(content: Mapping[str, Any] | None) -> dict[str, Array] | None:
        return None if content is None else {n: np.asarray(a, dtype=float) for n, a in content.items()}

    claimed = Assertion(None, arrays(grad), adjoints=arrays(adjoints))
    return check(ENGINE, witnesses or Here(), asked, claimed, given or budget())


def refused(asked: Question, **claimed: Any) -> EngineError:
    """The refusal of a claim."""
    try:
        claim(asked, witnesses=Nobody(), **claimed)
    except EngineError as error:
        return error
    raise AssertionError("it was not refused")
