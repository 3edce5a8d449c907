"""Whether a derivative is found with fewer passes than elements, which takes a look at its pattern."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from scipy import sparse

from engine.derive.colouring import REVERSE_COST, Plan, hessian_plan, jacobian_plan
from engine.derive.sparsity import Pattern, patterns
from engine.errors import Limit, LimitExceeded
from engine.graph.values import Graph
from engine.limits import Budget, Limits

FEW = 64
"""With fewer passes than this, nothing is looked for."""
NODE_NANOSECONDS = 100_000.0
"""What has to be gained per operation of the graph: finding its pattern takes about as long."""
FULL = 4
"""A pattern with more than this part of all entries takes nearly as many passes as there are elements."""
MOST_ENTRIES = 4_000_000
"""The largest pattern that is looked at for an answer that does not ask for it."""
FEW_ENTRIES = 20_000
"""A pattern of no more entries is coloured in a moment, however full it is."""
ENTRY_BYTES = 64
"""What an entry takes on the way, at most: its row, its column, where it is read, its value, and copies."""


def saving_plan(
    graph: Graph, wrt: Sequence[int], *, symmetric: bool = False, budget: Budget | None = None
) -> Plan | None:
    """A plan with at most half of the passes, or None; a small problem is not looked at.

    `symmetric`: the graph is a gradient, its outputs the derivatives in the inputs of `wrt`.
    """
    into, out = _sizes(graph, wrt)
    passes = into if symmetric else min(into, REVERSE_COST * out)
    if passes < FEW:
        return None
    work = sum(node.primitive.cost(node) for node in graph.nodes if node.primitive.cost is not None)
    if passes * work < NODE_NANOSECONDS * len(graph.nodes):
        return None
    most = min(into * out // FULL, MOST_ENTRIES)
    pattern = _pattern(graph, wrt, most, budget)
    if pattern is None or pattern.nnz > most:
        return None
    plan = _planner(symmetric)(pattern, budget)
    return plan if 2 * plan.cost <= passes else None


def sparse_plan(
    graph: Graph, wrt: Sequence[int], *, symmetric: bool = False, limits: Limits, budget: Budget | None = None
) -> Plan:
    """The best plan that is found.  Raises `LimitExceeded` where the pattern has too many entries."""
    into, out = _sizes(graph, wrt)
    most = limits.array_bytes // ENTRY_BYTES
    pattern = _pattern(graph, wrt, most, budget)
    if pattern is not None and (pattern.nnz * FULL <= into * out or pattern.nnz <= FEW_ENTRIES):
        return _planner(symmetric)(pattern, budget)
    if into * out > most:
        raise LimitExceeded(
            f"The derivative is not sparse: of its {into * out:,} entries, more than {most:,} may differ from 0.",
            limit=Limit("array_bytes", limits.array_bytes),
            hint="Ask for products with it instead: /jvp, /vjp or /hvp.",
        )
    return _every(into, out, pattern, forward=symmetric or into <= REVERSE_COST * out)


def _planner(symmetric: bool) -> Callable[[Pattern, Budget | None], Plan]:
    return hessian_plan if symmetric else jacobian_plan


def _sizes(graph: Graph, wrt: Sequence[int]) -> tuple[int, int]:
    return sum(graph.inputs[i].type.size for i in wrt), sum(v.type.size for v in graph.outputs)


def _pattern(graph: Graph, wrt: Sequence[int], most: int, budget: Budget | None) -> Pattern | None:
    found = patterns(graph, wrt, most, budget)
    return None if found is None else found[0] if len(found) == 1 else sparse.vstack(found, format="csr")


def _every(into: int, out: int, pattern: Pattern | None, *, forward: bool) -> Plan:
    """A pass for each column, or for each row."""
    if pattern is None:
        rows, columns = np.repeat(np.arange(out), into), np.tile(np.arange(into), out)
    else:
        rows, columns = np.repeat(np.arange(out), np.diff(pattern.indptr)), pattern.indices.astype(np.int64)
    nothing = (np.full(into, -1), np.full(out, -1))
    of_columns, of_rows = (np.arange(into), nothing[1]) if forward else (nothing[0], np.arange(out))
    counts = (into, 0) if forward else (0, out)
    backward = np.full(len(rows), not forward)
    return Plan((out, into), rows, columns, of_columns, of_rows, counts, rows, columns, backward)
