"""A mistake that explains a claim, before the best are chosen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from engine.source.text import Span
from engine.verify.diagnosis.fit import Fit, same
from engine.verify.diagnosis.mismatch import Arrays
from engine.verify.report import Hypothesis, Kind

_OPENINGS = frozenset(("The", "In", "Only", "Of", "Some", "This", "What", "Gradients", "Nothing"))
MOST = 5
"""Hypotheses that are told."""


class Prior:
    """The order among mistakes that explain a claim equally well, the likelier and more telling first.

    Fixed by measurement (`benchmarks/diagnosis.py`): where two always predict the same numbers, the first is what a
    programmer would call it.
    """

    TRANSPOSED = 10
    SIGN_OF_NODE = 11
    SIGN = 12
    SINGLE_PRECISION = 13
    MEAN = 16
    DEGREES = 18
    SWAPPED = 19
    MISSING_SUM = 20
    MEAN_OF_SOME = 21
    CHAIN = 22
    PRODUCT_RULE = 23
    LAST_USE = 24
    FACTOR = 26
    EVERYWHERE = 27
    CONSTANT_CHAIN = 28
    DROPPED = 30
    TWICE = 31
    FACTOR_OF_NODE = 32
    UNUSUAL_SIGN = 34
    SOME_SIGNS = 36
    UNUSUAL = 38
    PERMUTED = 39
    OTHER_POINT = 40


@dataclass(frozen=True, slots=True)
class Candidate:
    """`free`: parameters that were fitted to the claim.  `elsewhere`: what the mistake gives at a second point, by
    which one mistake under two names is told from two that agree at this point only; None where it is not known.
    """

    kind: Kind
    detail: str
    fit: Fit
    prior: int
    free: int = 0
    span: Span | None = None
    inputs: tuple[str, ...] = ()
    elsewhere: Arrays | None = field(default=None, compare=False)

    @property
    def rank(self) -> tuple[int, int, int]:
        """What comes first is better."""
        return (self.free, self.fit.tier, self.prior)


def chosen(candidates: Sequence[Candidate]) -> list[Hypothesis]:
    """The best, each mistake once: what always predicts the same numbers is mentioned with the likeliest of them."""
    groups: list[tuple[Candidate, list[Candidate]]] = []
    for candidate in sorted(candidates, key=lambda c: c.rank):
        for first, others in groups:
            if _one_mistake(first, candidate):
                others.append(candidate)
                break
        else:
            groups.append((candidate, []))
    return [_told(first, others) for first, others in groups[:MOST]]


def _one_mistake(first: Candidate, second: Candidate) -> bool:
    if first.elsewhere is None or second.elsewhere is None:
        return (first.kind, first.inputs, first.span) == (second.kind, second.inputs, second.span)
    return same(first.elsewhere, second.elsewhere)


def _told(first: Candidate, others: Sequence[Candidate]) -> Hypothesis:
    detail = first.detail
    for other in others:
        if other.detail != first.detail and other.prior < Prior.UNUSUAL and (other.kind != first.kind or other.span):
            first_word = other.detail.split(" ", 1)[0]
            start = first_word.lower() if first_word in _OPENINGS else first_word
            detail = f"{detail} Put differently: {start}{other.detail[len(first_word) :]}"
            break
    inputs = first.inputs
    return Hypothesis(first.kind, detail, first.fit.residual, first.span, inputs)
