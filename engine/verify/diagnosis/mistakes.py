"""All mistakes in one place of the reverse pass: an operation's derivative, or the uses of a value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from engine.graph.types import Array
from engine.graph.values import Value
from engine.primitives.record import sum_to
from engine.primitives.shape import zeros_of
from engine.verify.diagnosis.candidate import Prior
from engine.verify.diagnosis.edges import Edge
from engine.verify.diagnosis.fit import Judge
from engine.verify.diagnosis.multiples import SCREEN, Mistake, Setting, multiple
from engine.verify.diagnosis.repeated import runs_of
from engine.verify.diagnosis.trace import INNER, Change, Trace
from engine.verify.diagnosis.words import Words, mean_of, ordinal

__all__ = ["SCREEN", "Mistake", "mistakes"]

MOST_USES = 8


def mistakes(
    traced: Trace, changes: Change, residual: Array, sizes: Mapping[str, int], judge: Judge
) -> Iterator[Mistake]:
    """Every mistake that is known at every place, with the factors that the claim suggests.

    `changes`: of the trace at the point; `residual`: the claim less the right gradient, along the directions.
    """
    words = traced.mismatch.words()
    runs = runs_of(traced.mismatch)
    edges = {(e.node, e.position): e for e in traced.edges}
    for key, alteration in traced.altered.items():
        node, position, _ = key
        edge = edges[node, position]
        yield Mistake(
            alteration.kind,
            alteration.prior,
            lambda edge=edge, alteration=alteration: alteration.detail(words, edge) + runs(edge.node),  # type: ignore[misc]
            node.span,
            ((key, 1.0), ((node, position, "share"), -1.0)),
            {(node, position): alteration.alter},
        )
    uses: dict[Value, list[Edge]] = {}
    largest = float(np.abs(traced.along(judge.claimed)).max())
    active = {edge.value for edge in traced.edges}
    averaged = {e.value for e in traced.edges if e.position == 0 and mean_of(e.node) is not None}
    setting = Setting(changes, residual, largest, sizes, judge, words, active, averaged)
    for edge in traced.edges:
        uses.setdefault(edge.value, []).append(edge)
        mistake = multiple([edge], setting)
        if mistake is not None:
            yield replace(mistake, detail=lambda edge=edge, of=mistake.detail: of() + runs(edge.node))  # type: ignore[misc]
    for value, group in uses.items():
        if value in traced.inner:
            yield _inner(traced, value, group, words)
        if len(group) > 1:
            yield from _one_use(value, group, words)
            if value.node is not None:
                whole = multiple(group, setting)
                if whole is not None:
                    yield whole


def _inner(traced: Trace, value: Value, group: Sequence[Edge], words: Words) -> Mistake:
    """The derivative of a value is left out as a whole: it is taken for the inputs themselves."""
    keys = traced.inner[value]
    taken: list[Value] = []
    sources = {INNER + n: v for n, v in zip(traced.mismatch.asked, traced.mismatch.sources, strict=True)}

    def keep(edge: Edge) -> Value | None:
        taken.append(edge.share)
        return None

    def to(source: Value) -> Value:
        return sum((sum_to(share, source.shape) for share in taken), zeros_of(source.shape))

    node = value.node
    assert node is not None
    return Mistake(
        "missing-chain-factor",
        Prior.CHAIN,
        lambda: f"The inner derivative is missing, that of {words.of(value)}.",
        node.span,
        [*[(key, 1.0) for key in keys], *[((e.node, e.position, "share"), -1.0) for e in group]],
        {(e.node, e.position): keep for e in group},
        added={sources[name]: to for _, _, name in keys},
    )


def _one_use(value: Value, group: Sequence[Edge], words: Words) -> Iterator[Mistake]:
    """Of several uses of a value only one counts."""
    many = len(group)
    for which in range(many) if many <= MOST_USES else (0, many - 1):
        others = [edge for i, edge in enumerate(group) if i != which]
        name = "last" if which == many - 1 else "first" if which == 0 else ordinal(which + 1)
        kept = group[which]

        def detail(name: str = name, kept: Edge = kept) -> str:
            return (
                f"Only one of the {many} uses of {words.of(value)} is counted, the {name}, in "
                f"{words.operation(kept.node)} (`=` where `+=` is meant?)."
            )

        yield Mistake(
            "last-use-only",
            Prior.LAST_USE if name in ("first", "last") else Prior.UNUSUAL,
            detail,
            kept.node.span,
            [((e.node, e.position, "share"), -1.0) for e in others],
            {(e.node, e.position): _nothing for e in others},
        )


def _nothing(edge: Edge) -> Value | None:
    return None
