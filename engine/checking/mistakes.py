"""The mistakes that explain a wrong claim."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from engine.checking.court import Court
from engine.errors import LimitExceeded
from engine.graph.types import Array
from engine.limits import Budget
from engine.question import Question
from engine.verify.diagnosis import Mismatch, diagnose
from engine.verify.report import Claim, Hypothesis
from engine.verify.unroll import unrolled

DIAGNOSIS_SECONDS = 3.0
"""What is not found by then is hardly found later."""


def mistakes(court: Court, question: Question, claim: Claim, budget: Budget) -> tuple[Sequence[Hypothesis], str]:
    """The mistakes that explain the claim, in a batch at the point where it is worst; and where they were not sought.

    A program is written out as what it does at this point, so that mistakes are found inside of its loops.
    """
    subject = court.subject(question, budget)
    number = None
    if subject.size is not None:
        whole = all(claim.claimed[n].shape == claim.expected[n].shape for n in claim.claimed)
        if not whole or not subject.size:
            return (), ""
        number = _worst_point(claim)

        def at_point(arrays: Mapping[str, Array]) -> dict[str, Array]:
            return {name: array[number] for name, array in arrays.items()}

        claim = Claim(at_point(claim.claimed), at_point(claim.expected), at_point(claim.allowed))
    arguments = subject.arguments(question, number)
    graph, text, note = subject.graph, None, ""
    if question.kind == "program":
        try:
            graph, text = unrolled(graph, arguments, budget=budget, literal=True), question.text
        except LimitExceeded as error:
            note = f" Inside of the program the mistake was not looked for: {error.detail}."
    mismatch = Mismatch(graph, arguments, subject.names, tuple(subject.wrt), claim, subject.size, text)
    return diagnose(mismatch, budget.share(min(0.5 * budget.left, DIAGNOSIS_SECONDS))), note


def _worst_point(claim: Claim) -> int:
    worst = 0.0
    for name, claimed in claim.claimed.items():
        with np.errstate(all="ignore"):
            off = np.abs(claimed - claim.expected[name]) / claim.allowed[name]
        off = np.nan_to_num(off.reshape(len(off), -1), nan=np.inf).max(axis=1, initial=0.0)
        worst = worst + off
    return int(np.argmax(worst))
