"""The usual mistakes in the derivative of one operation, and what they are called.

An alteration is a formula on values, so that the same text serves to predict its effect and to plant it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from engine.graph.build import Builder
from engine.graph.simplify import held
from engine.graph.values import Value
from engine.primitives.products import swap_last
from engine.verify.diagnosis.candidate import Prior
from engine.verify.diagnosis.edges import (
    Alter,
    Edge,
    assigned,
    at_output,
    before_sum,
    handed_on,
    itself,
    one_row,
    one_term,
    partial_of,
    untransposed,
    with_power,
)
from engine.verify.diagnosis.words import Words, divisor, mean_of
from engine.verify.report import Kind


@dataclass(frozen=True, slots=True)
class Alteration:
    """A mistake at one edge.  `name` tells alterations of one edge apart."""

    name: str
    kind: Kind
    alter: Alter
    prior: int
    detail: Callable[[Words, Edge], str]


def alterations(edge: Edge) -> Iterator[Alteration]:
    """The usual mistakes at an edge that are not multiples of its share."""
    if edge.node.primitive.kind == "elementwise":
        yield from _elementwise(edge)
    elif edge.outgoing is not None:
        if edge.node.primitive.kind == "structural" and handed_on(edge.outgoing, edge) is not None:
            yield _MISSING
        if edge.node.primitive.name == "matmul":
            yield from _UNTRANSPOSED
        if edge.node.primitive.name == "gather" and all(v.constant is not None for v in edge.node.inputs[1:]):
            yield _ASSIGNED
        if edge.node.primitive.name == "sum" and edge.node.inputs[0].type.size > edge.node.outputs[0].type.size:
            yield from _ONE_TERM
    if before_sum(edge) is not None:
        yield from _ROWS
    if edge.share.rank >= 2 and 1 < edge.share.shape[-1] == edge.share.shape[-2]:
        yield _TRANSPOSED


def _elementwise(edge: Edge) -> Iterator[Alteration]:
    partial = partial_of(edge)
    if partial is None or edge.outgoing is None:
        return
    known = partial if isinstance(partial, float) else held(partial)
    if known in (1.0, -1.0):
        return
    if known is not None:
        averaged = mean_of(edge.node) is not None and mean_of(edge.node) == divisor(edge.node)
        yield _OF_MEAN if averaged else _CONSTANT_MISSING if edge.steady else _MISSING
        yield _TWICE
        yield _INVERTED
        return
    yield _MISSING
    yield _TWICE
    yield _INVERTED
    out = edge.node.outputs[0]
    if len(edge.node.inputs) == 1 and edge.node.primitive.name not in _FROM_OUTPUT:
        assert out.shape == edge.value.shape
        yield _AT_OUTPUT
        yield _ITSELF


_FROM_OUTPUT = frozenset(("square", "abs", "relu", "sign", "floor", "ceil", "round", "trunc"))
"""Operations whose derivative nobody takes at their result."""


def factor_of(words: Words, edge: Edge) -> str:
    """The local derivative in words, empty where it is no factor."""
    with Builder():
        partial = partial_of(edge)
    return "" if partial is None else words.of(partial) if isinstance(partial, Value) else f"{partial:.6g}"


def _says_missing(words: Words, edge: Edge) -> str:
    factor, operation = factor_of(words, edge), words.operation(edge.node)
    which = f" with respect to {words.of(edge.value)}" if len(edge.node.inputs) > 1 else ""
    if not factor or factor == "…":
        return f"The derivative of {operation}{which} is missing, as though it were 1."
    return f"The factor {factor}, the derivative of {operation}{which}, is missing."


def _says(text: str) -> Callable[[Words, Edge], str]:
    return lambda words, edge: text.format(operation=words.operation(edge.node), value=words.of(edge.value))


def _missing(kind: Kind, prior: int) -> Alteration:
    return Alteration("missing", kind, lambda edge: with_power(edge, 0), prior, _says_missing)


_MISSING = _missing("missing-chain-factor", Prior.CHAIN)
_CONSTANT_MISSING = _missing("missing-chain-factor", Prior.CONSTANT_CHAIN)
_OF_MEAN = Alteration(
    "missing",
    "mean-instead-of-sum",
    lambda edge: with_power(edge, 0),
    Prior.MEAN,
    _says("The derivative of {operation} is that of a sum instead of a mean: the division is missing."),
)
_TWICE = Alteration(
    "twice",
    "missing-chain-factor",
    lambda edge: with_power(edge, 2),
    Prior.TWICE,
    _says("The derivative of {operation} is applied twice."),
)
_INVERTED = Alteration(
    "inverted",
    "missing-chain-factor",
    lambda edge: with_power(edge, -1),
    Prior.UNUSUAL,
    _says("The derivative of {operation} is divided by instead of multiplied."),
)
_AT_OUTPUT = Alteration(
    "at-output",
    "other-point",
    at_output,
    Prior.UNUSUAL,
    _says("The derivative of {operation} is taken at its result instead of its argument {value}."),
)
_ITSELF = Alteration(
    "itself",
    "missing-chain-factor",
    itself,
    Prior.UNUSUAL,
    _says("{operation} stands in place of its derivative."),
)
_ROWS = (
    Alteration(
        "last-row",
        "missing-reduction",
        one_row(True),
        Prior.MISSING_SUM,
        _says("{value} is broadcast in {operation}, and only the last of the parts is counted instead of their sum."),
    ),
    Alteration(
        "first-row",
        "missing-reduction",
        one_row(False),
        Prior.MISSING_SUM,
        _says("{value} is broadcast in {operation}, and only the first of the parts is counted instead of their sum."),
    ),
)
_ONE_TERM = (
    Alteration(
        "last-term",
        "last-use-only",
        one_term(True),
        Prior.LAST_USE,
        _says("Only the last term of {operation} is counted (`=` where `+=` is meant?)."),
    ),
    Alteration(
        "first-term",
        "last-use-only",
        one_term(False),
        Prior.LAST_USE,
        _says("Only the first term of {operation} is counted."),
    ),
)
_UNTRANSPOSED = (
    Alteration(
        "untransposed",
        "transposed",
        untransposed,
        Prior.TRANSPOSED,
        _says("In the derivative of {operation} with respect to {value}, the other matrix is not transposed."),
    ),
)
_TRANSPOSED = Alteration(
    "transposed",
    "transposed",
    lambda edge: swap_last(edge.share),
    Prior.UNUSUAL,
    _says("What {operation} hands to {value} in reverse is transposed."),
)
_ASSIGNED = Alteration(
    "assigned",
    "last-use-only",
    assigned,
    Prior.LAST_USE,
    _says("Of indices that occur several times in {operation}, only the last is counted (`=` where `+=` is meant?)."),
)
