"""A local derivative, or all that reaches a value, times a factor: a sign, nothing at all, a count."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from functools import partial
from math import prod

import numpy as np

from engine.graph.types import Array
from engine.graph.values import Node, Value
from engine.source.text import Span
from engine.verify.diagnosis.arrays import sentence
from engine.verify.diagnosis.candidate import Prior
from engine.verify.diagnosis.edges import Alter, Edge
from engine.verify.diagnosis.factors import NEAR, named_factor
from engine.verify.diagnosis.fit import Judge
from engine.verify.diagnosis.trace import Change, Key, Place
from engine.verify.diagnosis.words import Words, mean_of, summed
from engine.verify.report import Kind

SCREEN = 3e-3
"""What may stay of a mismatch along a direction before a mistake is looked at in full."""
DIGITS = 5.0
PRODUCTS = frozenset(("multiply", "divide", "power", "matmul", "hypot", "atan2", "xlogy"))
SIGNS: frozenset[tuple[str, int]] = frozenset(
    (
        ("cos", 0),
        ("acos", 0),
        ("subtract", 1),
        ("divide", 1),
        ("negative", 0),
        ("reciprocal", 0),
        ("erfc", 0),
    )
)
"""Derivatives whose minus is forgotten."""


@dataclass(frozen=True, slots=True)
class Mistake:
    """`terms`: its effect on the gradient as a sum of changes with factors.

    `replaced` and `added`: how it is planted, see `planted`; only once, since what is added may have been collected.
    """

    kind: Kind
    prior: int
    detail: Callable[[], str]
    span: Span | None
    terms: Sequence[tuple[Key, float]]
    replaced: Mapping[Place, Alter]
    free: int = 0
    digits: float = DIGITS
    added: Mapping[Value, Callable[[Value], Value]] = field(default_factory=dict)

    def effect(self, changes: Change) -> Array:
        """The change of the gradient along the directions."""
        total = sum((factor * changes[key] for key, factor in self.terms), np.float64(0.0))
        return np.asarray(total)


@dataclass(frozen=True, slots=True)
class Setting:
    """What all mistakes of one claim share.

    `changes` and `residual`, the claim less the truth, along the directions; `largest` of the claim along them.
    `active`: values that depend on the inputs asked for; `averaged`: sums that are divided by their number of terms.
    """

    changes: Change
    residual: Array
    largest: float
    sizes: Mapping[str, int]
    judge: Judge
    words: Words
    active: Set[Value]
    averaged: Set[Value]


def multiple(group: Sequence[Edge], setting: Setting) -> Mistake | None:
    """What is handed through one edge, or to one value by all its uses, times a factor."""
    residual, judge = setting.residual, setting.judge
    keys = [(e.node, e.position, "share") for e in group]
    effect = np.sum([setting.changes[key] for key in keys], axis=0)
    norm = float(effect @ effect)
    if not 0.0 < norm < np.inf:
        return None
    factor = 1.0 + float(residual @ effect) / norm
    # How far the digits of the claim leave the factor open.
    near = max(NEAR, min(5e-3, max(NEAR, judge.slack) * setting.largest / float(np.abs(effect).max())))
    off = float(np.abs(residual - (factor - 1.0) * effect).max())
    if not np.isfinite(factor) or off > SCREEN * float(np.abs(residual).max()):
        return None
    edge = group[-1]
    kind, prior, value, text, free = _meaning(group, factor, near, setting)
    if free and sum(int(judge.claimed[n].size) for n in judge.wrong) < 3:
        return None

    def alter(edge: Edge) -> Value | None:
        return edge.share * value if value else None

    node = edge.value.node if len(group) > 1 else edge.node
    return Mistake(
        kind,
        prior,
        text,
        None if node is None else node.span,
        [(key, value - 1.0) for key in keys],
        {(e.node, e.position): alter for e in group},
        free,
        10.0 if free else DIGITS,
    )


Meaning = tuple[Kind, int, float, Callable[[], str], int]


def _meaning(group: Sequence[Edge], factor: float, near: float, setting: Setting) -> Meaning:
    """What a factor at these edges is called: kind, prior, the exact factor, the sentence, free parameters."""
    edge = group[0]
    node, several, words = edge.node, len(group) > 1, setting.words

    def about() -> str:
        if several:
            return f"what reaches {words.of(edge.value)}"
        which = f" with respect to {words.of(edge.value)}" if len(node.inputs) > 1 else ""
        return f"the derivative of {words.operation(node)}{which}"

    counted = None if several else _counted(edge, factor, near, setting)
    if counted is not None:
        return counted
    if abs(factor) < 5 * near:
        return _dropped(edge, several, words, setting.active)
    if abs(factor + 1.0) < 5 * near:
        prior = _sign_prior(edge, setting.judge) if not several else Prior.UNUSUAL_SIGN
        return "sign", prior, -1.0, lambda: f"The sign of {about()} is wrong.", 0
    named = named_factor(factor, setting.sizes, near)
    if named is not None:
        text = f"is multiplied by {named[1]}"
        return "factor", Prior.FACTOR_OF_NODE, named[0], lambda: sentence(f"{about()} {text}."), 0
    return "factor", Prior.UNUSUAL, factor, lambda: sentence(f"{about()} is multiplied by {factor:.9g}."), 1


def _dropped(edge: Edge, several: bool, words: Words, active: Set[Value]) -> Meaning:
    node = edge.node
    if several:
        detail = "Nothing is handed on through {0}, as though it were a constant."
        return "missing-chain-factor", Prior.DROPPED, 0.0, lambda: detail.format(words.of(edge.value)), 0
    others = [v for i, v in enumerate(node.inputs) if i != edge.position]
    if node.primitive.name in PRODUCTS and any(v in active for v in others):
        rule = "quotient" if node.primitive.name == "divide" else "product"
        detail = "In {1}, {0} is treated as a constant: a part of the " + rule + " rule is missing."
        return (
            "missing-chain-factor",
            Prior.PRODUCT_RULE,
            0.0,
            lambda: detail.format(words.of(edge.value), words.operation(node)),
            0,
        )
    detail = "The derivative of {1} with respect to {0} is left out, as though it were 0."
    return (
        "missing-chain-factor",
        Prior.DROPPED,
        0.0,
        lambda: detail.format(words.of(edge.value), words.operation(node)),
        0,
    )


def _sign_prior(edge: Edge, judge: Judge) -> int:
    if (edge.node.primitive.name, edge.position) not in SIGNS:
        return Prior.UNUSUAL_SIGN
    if edge.node.primitive.name == "negative" and edge.steady:
        return Prior.UNUSUAL_SIGN
    partly = len(judge.wrong) == 1 or not judge.whole
    return Prior.SIGN_OF_NODE if partly else Prior.SINGLE_PRECISION


def _counted(edge: Edge, factor: float, near: float, setting: Setting) -> Meaning | None:
    """Factors that count what is summed or broadcast at this edge."""
    node, value = edge.node, edge.value
    for count, kind, prior, text in _counts(node, value, setting.averaged):
        if abs(factor - count) <= near * abs(count):
            return kind, prior, count, partial(_filled, text, node, value, setting.words), 0
    return None


def _filled(text: str, node: Node, value: Value, words: Words) -> str:
    return text.format(words.operation(node), words.of(value))


def _counts(node: Node, value: Value, averaged: Set[Value]) -> Iterator[tuple[float, Kind, int, str]]:
    if node.primitive.name == "sum" and summed(node) > 1 and node.outputs[0] not in averaged:
        text = f"The derivative of {{0}} is that of a mean: it is divided by the number of terms, {summed(node)}."
        yield 1.0 / summed(node), "mean-instead-of-sum", Prior.MEAN, text
    many = mean_of(node)
    if many is not None:
        text = f"The derivative of {{0}} is that of a sum instead of a mean: the division by {many} is missing."
        yield float(many), "mean-instead-of-sum", Prior.MEAN, text
    parts = prod(node.outputs[0].shape) // max(value.type.size, 1)
    if parts > 1 and (node.primitive.kind == "elementwise" or node.primitive.name == "broadcast_to"):
        text = f"{{1}} is broadcast in {{0}}, and the mean of the {parts} parts is taken instead of their sum."
        yield 1.0 / parts, "missing-reduction", Prior.MISSING_SUM, text
