"""Which elements of a result depend on which elements of the inputs, found from the graph before anything runs.

Every value has a pattern: a sparse matrix of truth values, a row for each of its elements, a column for each element of
all inputs together.  Operations that only move numbers are run on the numbers of the elements; sums and products unite
rows; what is not known depends on everything that its inputs depend on.  A pattern may have entries that are always 0;
it never lacks one that is not.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from math import prod
from typing import Any

import numpy as np
from scipy import sparse

from engine.derive.constants import Constants
from engine.errors import ShapeMismatch
from engine.graph.types import Array, Shape
from engine.graph.values import Graph, Node, Value
from engine.limits import Budget
from engine.primitives.indexing import gather
from engine.primitives.reductions import shift_axes
from engine.primitives.sliding import taken, windows

Pattern = Any
"""A `scipy.sparse.csr_array` of truth values."""

MOVERS = frozenset(
    ("reshape", "transpose", "broadcast_to", "strided", "unstrided", "windows", "flip", "element", "unelement")
) | {"triangle"}
"""Operations on one array whose result has each element from one element, or is 0 there."""


class TooMany(Exception):
    """A pattern would have more entries than are wanted."""


def patterns(graph: Graph, wrt: Sequence[int], most: int, budget: Budget | None = None) -> list[Pattern] | None:
    """The pattern of each output in the inputs numbered in `wrt`, their elements in a row.

    None where some pattern on the way would have more than `most` entries.  Raises `BudgetExceeded`.
    """
    walk = _Walk(graph, most)
    total = sum(graph.inputs[i].type.size for i in wrt)
    if total > most:
        return None
    found: dict[Value, Pattern | None] = {}
    start = 0
    for i in wrt:
        source = graph.inputs[i]
        found[source] = _unit(source.type.size, start, total)
        start += source.type.size
    last = {value: node for node in graph.nodes for value in node.inputs}
    try:
        for node in graph.nodes:
            if budget is not None:
                budget.check()
            incoming = [found.get(v) for v in node.inputs]
            if all(pattern is None for pattern in incoming):
                continue
            for value, pattern in zip(node.outputs, walk.node(node, incoming), strict=True):
                if value.type.dtype == "real":
                    found[value] = pattern
            for value in node.inputs:
                if last[value] is node and value not in graph.outputs:
                    found.pop(value, None)
    except TooMany:
        return None
    nothing = [found.get(v) for v in graph.outputs]
    return [_empty(v.type.size, total) if p is None else p for v, p in zip(graph.outputs, nothing, strict=True)]


def _unit(size: int, start: int, columns: int) -> Pattern:
    return _csr(np.arange(start, start + size), np.arange(size + 1), (size, columns))


def _empty(rows: int, columns: int) -> Pattern:
    return _csr(np.zeros(0, dtype=np.int64), np.zeros(rows + 1, dtype=np.int64), (rows, columns))


def _csr(indices: Array, indptr: Array, shape: tuple[int, int]) -> Pattern:
    return sparse.csr_array((np.ones(len(indices), dtype=np.bool_), indices, indptr), shape=shape)


class _Walk:
    """The rule of each kind of operation.  `node` raises `TooMany`."""

    def __init__(self, graph: Graph, most: int) -> None:
        self._most = most
        self._constants = Constants(graph)

    def node(self, node: Node, incoming: Sequence[Pattern | None]) -> Sequence[Pattern | None]:
        """The patterns of the outputs from those of the inputs, at least one of which there is."""
        name, primitive = node.primitive.name, node.primitive
        if primitive.kind == "elementwise":
            return [self._elementwise(node, incoming)]
        if name in MOVERS:
            return [self._moved(node, incoming)]
        if name in ("gather", "scatter_add"):
            indices = [self._constants.of(v) for v in node.inputs[1:]]
            if all(index is not None for index in indices):
                move = self._moved if name == "gather" else self._scattered
                # An index out of range is refused, with its place, when the graph is run.
                with suppress(ShapeMismatch):
                    return [move(node, incoming, indices)]
        if name == "overlap_add":
            return [self._overlapped(node, incoming)]
        if name in ("concatenate", "stack"):
            return [self._joined(node, incoming)]
        if name == "matmul":
            return [self._product(node, incoming)]
        if primitive.batch is shift_axes and len(node.inputs) == 1 and incoming[0] is not None:
            # Whoever can be batched by counting axes from further on treats each line along its axes by itself.
            return [self._lines(incoming[0], node)]
        return self._everything(node, incoming)

    def _elementwise(self, node: Node, incoming: Sequence[Pattern | None]) -> Pattern | None:
        partials = node.primitive.fields["partials"] or (1.0,) * len(incoming)
        shape, total = node.outputs[0].shape, None
        for i, (value, pattern, partial) in enumerate(zip(node.inputs, incoming, partials, strict=True)):
            if pattern is not None and partial != 0.0:
                part = self._spread(pattern, value.shape, shape)
                used = self._used(node, i)
                total = self._union(total, part if used is None else self._masked(part, used, shape))
        return total

    def _used(self, node: Node, number: int) -> Array | None:
        """Where an elementwise result depends on an input, as far as constants tell it; None for everywhere."""
        if node.primitive.name == "select":
            condition = self._constants.of(node.inputs[0])
            return condition if condition is None or number == 1 else ~condition
        if node.primitive.name in ("multiply", "chain"):
            factor = self._constants.of(node.inputs[1 - number])
            return None if factor is None or np.all(factor) else np.asarray(factor != 0)
        return None

    def _masked(self, pattern: Pattern, used: Array, shape: Shape) -> Pattern:
        kept = np.ravel(np.broadcast_to(used, shape))
        return pattern if np.all(kept) else self._select(pattern, np.where(kept, np.arange(len(kept)), -1))

    def _moved(self, node: Node, incoming: Sequence[Pattern | None], indices: Sequence[Any] = ()) -> Pattern | None:
        """Run on the numbers of the elements, from 1; 0 is what is put in."""
        (pattern,) = incoming[:1]
        if pattern is None:
            return None
        params = dict(node.params)
        if node.primitive.name == "triangle":
            params["diagonal"] = int(params["diagonal"] != 0)
        numbers = np.arange(1, node.inputs[0].type.size + 1).reshape(node.inputs[0].shape)
        return self._select(pattern, np.ravel(node.primitive.value(numbers, *indices, **params)) - 1)

    def _scattered(self, node: Node, incoming: Sequence[Pattern | None], indices: Sequence[Any]) -> Pattern | None:
        if incoming[0] is None:
            return None
        out, x = node.outputs[0], node.inputs[0]
        numbers = np.arange(out.type.size).reshape(out.shape)
        places = np.broadcast_to(gather.value(numbers, *indices), x.shape)
        return self._grouped(incoming[0], np.ravel(places), out.type.size)

    def _overlapped(self, node: Node, incoming: Sequence[Pattern | None]) -> Pattern | None:
        if incoming[0] is None:
            return None
        out = node.outputs[0]
        places = windows.value(np.arange(out.type.size).reshape(out.shape), **taken(node))
        return self._grouped(incoming[0], np.ravel(places), out.type.size)

    def _joined(self, node: Node, incoming: Sequence[Pattern | None]) -> Pattern:
        columns = next(p.shape[1] for p in incoming if p is not None)
        parts, numbers, start = [], [], 0
        for value, pattern in zip(node.inputs, incoming, strict=True):
            parts.append(_empty(value.type.size, columns) if pattern is None else pattern)
            numbers.append(np.arange(start, start + value.type.size).reshape(value.shape))
            start += value.type.size
        order = np.ravel(node.primitive.value(*numbers, **node.params))
        together = sparse.vstack(parts, format="csr") if len(parts) > 1 else parts[0]
        return self._select(together, order)

    def _product(self, node: Node, incoming: Sequence[Pattern | None]) -> Pattern | None:
        out, total = node.outputs[0], None
        for side, (value, other) in enumerate(zip(node.inputs, reversed(node.inputs), strict=True)):
            pattern = incoming[side]
            if pattern is None:
                continue
            factor = self._constants.of(other) if len(value.shape) == len(other.shape) == 2 else None
            if factor is not None and np.count_nonzero(factor) < factor.size:
                # Element (i, k) goes to all (i, j) where the other factor is not 0 at (k, j); likewise from the right.
                rows, columns = value.shape
                mask = sparse.csr_array(np.asarray(factor) != 0)
                unit = sparse.eye_array(rows if side == 0 else columns, dtype=np.bool_, format="csr")
                operator = sparse.kron(unit, mask.T, "csr") if side == 0 else sparse.kron(mask, unit, "csr")
                part = self._applied(operator, pattern)
            else:
                axis = len(value.shape) - (1 if side == 0 else 2)
                kept = tuple(1 if a == axis else n for a, n in enumerate(value.shape))
                part = self._spread(self._reduced(pattern, value.shape, (axis,)), kept, out.shape)
            total = self._union(total, part)
        return total

    def _lines(self, pattern: Pattern, node: Node) -> Pattern:
        axes, shape, out = node.params["axes"], node.inputs[0].shape, node.outputs[0].shape
        reduced = self._reduced(pattern, shape, axes)
        if prod(out) == prod(n for a, n in enumerate(shape) if a not in axes):
            return reduced
        return self._spread(reduced, tuple(1 if a in axes else n for a, n in enumerate(shape)), out)

    def _everything(self, node: Node, incoming: Sequence[Pattern | None]) -> Sequence[Pattern]:
        used = [p for p in incoming if p is not None]
        columns = np.unique(np.concatenate([p.indices for p in used]))
        # Of a stack, whose length nobody knows, there is one row for all.
        sizes = [1 if v.type.stacked else v.type.size for v in node.outputs]
        self._check(sum(sizes) * len(columns))
        shapes = [(size, used[0].shape[1]) for size in sizes]
        return [
            _csr(np.tile(columns, rows), np.arange(rows + 1) * len(columns), (rows, width)) for rows, width in shapes
        ]

    def _check(self, entries: int) -> None:
        if entries > self._most:
            raise TooMany

    def _union(self, a: Pattern | None, b: Pattern | None) -> Pattern | None:
        if a is None or b is None or a is b:
            return b if a is None else a
        both = a + b
        self._check(both.nnz)
        # Patterns that do not grow stay the same object, which is found out faster next time.
        return a if both.nnz == a.nnz else b if both.nnz == b.nnz else both

    def _spread(self, pattern: Pattern, shape: Shape, to: Shape) -> Pattern:
        if shape == to:
            return pattern
        numbers = np.arange(prod(shape)).reshape(shape)
        return self._select(pattern, np.ravel(np.broadcast_to(numbers, to)))

    def _select(self, pattern: Pattern, rows: Array) -> Pattern:
        """The rows of these numbers, an empty one for -1."""
        counts = np.diff(pattern.indptr)
        if np.any(rows < 0):
            counts = np.append(counts, 0)
        chosen = counts[rows]
        self._check(len(rows))
        indptr = np.concatenate([[0], np.cumsum(chosen, dtype=np.int64)])
        self._check(int(indptr[-1]))
        if len(rows) == pattern.shape[0] and np.array_equal(rows, np.arange(len(rows))):
            return pattern
        starts = np.append(pattern.indptr[:-1], 0)[rows]
        places = np.arange(indptr[-1]) + np.repeat(starts - indptr[:-1], chosen)
        return _csr(pattern.indices[places], indptr, (len(rows), pattern.shape[1]))

    def _reduced(self, pattern: Pattern, shape: Shape, axes: Sequence[int]) -> Pattern:
        kept = tuple(1 if a in axes else n for a, n in enumerate(shape))
        numbers = np.arange(prod(kept)).reshape(kept)
        return self._grouped(pattern, np.ravel(np.broadcast_to(numbers, shape)), prod(kept))

    def _grouped(self, pattern: Pattern, groups: Array, count: int) -> Pattern:
        """Row g unites the rows whose group is g."""
        operator = sparse.csc_array(
            (np.ones(len(groups), dtype=np.bool_), groups, np.arange(len(groups) + 1)), shape=(count, len(groups))
        )
        return self._applied(operator.tocsr(), pattern)

    def _applied(self, operator: Any, pattern: Pattern) -> Pattern:
        # Every union is at most this large before entries that meet are counted once.
        self._check(int(np.sum(np.diff(pattern.indptr)[operator.indices], dtype=np.int64)) // 4)
        united = operator @ pattern
        self._check(united.nnz)
        return united
