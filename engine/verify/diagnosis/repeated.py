"""Places of a program that it comes to several times: in every step of a loop, or with every call of a function.

Who forgets a factor there forgets it every time.  The effect of that is not the sum of the single ones, so each such
mistake is planted and the gradient computed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from engine.errors import EngineError
from engine.graph.build import Builder
from engine.graph.values import Graph, Node, Value
from engine.limits import Budget, Limits
from engine.source.text import Span
from engine.verify.diagnosis.alterations import alterations, factor_of
from engine.verify.diagnosis.candidate import Prior
from engine.verify.diagnosis.edges import Alter, Edge
from engine.verify.diagnosis.mismatch import Mismatch
from engine.verify.diagnosis.multiples import PRODUCTS, SIGNS
from engine.verify.diagnosis.trace import Place, attempted, planted, record
from engine.verify.diagnosis.words import Words, ordinal
from engine.verify.report import Kind

MOST_PLACES = 60
"""Places in the text up to which all of them are suspected."""

Key = tuple[Span | None, str, int]
"""A place in the text, an operation, and one of its arguments."""


@dataclass(frozen=True, slots=True)
class Repeated:
    """One mistake made everywhere, and the graph of the gradient that has it."""

    kind: Kind
    prior: int
    detail: str
    span: Span | None
    graph: Graph


def runs_of(mismatch: Mismatch) -> Callable[[Node], str]:
    """What is to be said, after a sentence, of a mistake that is made once at a place that is come to several times."""
    if mismatch.text is None:
        return lambda node: ""
    places: dict[tuple[Span | None, str], list[Node]] = {}
    for node in mismatch.graph.nodes:
        places.setdefault((node.span, node.primitive.name), []).append(node)
    numbers = {
        node: f" That is so only the {ordinal(number)} of {len(nodes)} times that this runs."
        for nodes in places.values()
        if len(nodes) > 1
        for number, node in enumerate(nodes, 1)
    }
    return lambda node: numbers.get(node, "")


def repeated(mismatch: Mismatch, limits: Limits, budget: Budget) -> Iterator[Repeated]:
    """The mistakes that are made whenever the program comes to a place, the likelier ones first."""
    graph, sources, words = mismatch.graph, mismatch.sources, mismatch.words()
    with Builder(limits, budget, start=graph) as builder:
        edges = record(graph, sources, builder).found
        groups = {key: group for key, group in _groups(edges).items() if len(group) > 1}
        found = [mistake for group in groups.values() for mistake in _of_group(group, words, builder)]
    found += list(_of_uses(edges, words))
    if len(groups) > MOST_PLACES:
        return
    for prior, kind, detail, span, replaced in sorted(found, key=lambda mistake: mistake[0]):
        try:
            yield Repeated(kind, prior, detail, span, planted(mismatch, replaced, limits, budget))
        except EngineError:
            if budget.cancelled or not budget.left:
                raise


_Mistake = tuple[int, Kind, str, Span | None, Mapping[Place, Alter]]


def _groups(edges: Sequence[Edge]) -> dict[Key, list[Edge]]:
    """The edges by place in the text, in the order of the graph."""
    groups: dict[Key, list[Edge]] = {}
    for edge in edges:
        groups.setdefault((edge.node.span, edge.node.primitive.name, edge.position), []).append(edge)
    return groups


def _of_group(group: Sequence[Edge], words: Words, builder: Builder) -> Iterator[_Mistake]:
    edge = group[0]
    node, operation, value = edge.node, words.operation(edge.node), words.of(edge.value)
    which = f" with respect to {value}" if len(node.inputs) > 1 else ""
    builder.span = node.span
    places = [(e.node, e.position) for e in group]
    every = f" That is so each of the {len(group)} times that this runs."
    known: set[str] = set()
    for each in group:
        # Of some steps, such as the first, there may be less to get wrong.
        for alteration in alterations(each):
            if alteration.name in known or attempted(alteration.alter, each) in (None, each.share):
                continue
            known.add(alteration.name)
            prior = Prior.CHAIN if alteration.prior == Prior.CONSTANT_CHAIN else alteration.prior
            replaced = dict.fromkeys(places, _where_it_can_be(alteration.name))
            text = alteration.detail(words, each)
            if alteration.name == "missing" and factor_of(words, each) != factor_of(words, group[-1]):
                # The factor is another one in each step.
                text = f"The derivative of {operation}{which} is missing, as though it were 1."
            yield prior, alteration.kind, text + every, each.node.span, replaced
    prior = Prior.SIGN_OF_NODE if (node.primitive.name, edge.position) in SIGNS else Prior.UNUSUAL_SIGN
    text = f"The sign of the derivative of {operation}{which} is wrong.{every}"
    yield prior, "sign", text, node.span, dict.fromkeys(places, _turned)
    text = f"The derivative of {operation}{which} is left out, as though it were 0.{every}"
    dropped = Prior.PRODUCT_RULE if node.primitive.name in PRODUCTS else Prior.DROPPED
    yield dropped, "missing-chain-factor", text, node.span, dict.fromkeys(places, _nothing)
    for factor, named in ((2.0, "2"), (0.5, "1/2")):
        text = f"The derivative of {operation}{which} is multiplied by {named}.{every}"
        yield Prior.FACTOR_OF_NODE, "factor", text, node.span, dict.fromkeys(places, _times(factor))


def _of_uses(edges: Sequence[Edge], words: Words) -> Iterator[_Mistake]:
    """Of the several uses of a value, only one is counted, each time that the value is computed."""
    uses: dict[Value, list[Edge]] = {}
    for edge in edges:
        uses.setdefault(edge.value, []).append(edge)
    groups: dict[tuple[Key, ...], list[list[Edge]]] = {}
    for several in uses.values():
        if len(several) > 1:
            key = tuple((e.node.span, e.node.primitive.name, e.position) for e in several)
            groups.setdefault(key, []).append(several)
    for group in groups.values():
        if len(group) < 2:
            continue
        for which, name in ((-1, "last"), (0, "first")):
            kept = group[0][which]
            dropped = [(e.node, e.position) for several in group for e in several if e is not several[which]]
            text = (
                f"Only one of the {len(group[0])} uses of {words.of(kept.value)} is counted, the {name}, in "
                f"{words.operation(kept.node)} (`=` where `+=` is meant?). That is so each of the {len(group)} times."
            )
            yield Prior.LAST_USE, "last-use-only", text, kept.node.span, dict.fromkeys(dropped, _nothing)


def _where_it_can_be(name: str) -> Alter:
    """An alteration by its name, at the edges that have it."""

    def altered(edge: Edge) -> Value | None:
        for alteration in alterations(edge):
            if alteration.name == name:
                return attempted(alteration.alter, edge) or edge.share
        return edge.share

    return altered


def _turned(edge: Edge) -> Value | None:
    return -edge.share


def _nothing(edge: Edge) -> Value | None:
    return None


def _times(factor: float) -> Alter:
    return lambda edge: edge.share * factor
