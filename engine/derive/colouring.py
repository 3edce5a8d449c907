"""Colouring: elements that no result has in common are moved in one pass.

Columns of a Jacobian may share a forward pass where no row has two of them; rows may share a reverse pass where no
column has two of them.  A few full rows or columns would make that impossible for all others, so they are taken in the
other mode.  A Hessian is symmetric, and an entry may be read from either of its two places: a star colouring.

Source: Gebremedhin, Manne, Pothen, "What Color Is Your Jacobian? Graph Coloring for Computing Derivatives", SIAM Review
47 (2005), sections 3.2, 3.4 and 4.2; the bookkeeping of stars follows Gebremedhin, Tarafdar, Manne, Pothen, "New
Acyclic and Star Coloring Algorithms with Application to Computing Hessians", SIAM J. Sci. Comput. 29 (2007).
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from engine.derive.sparsity import Pattern
from engine.graph.types import Array
from engine.limits import Budget

GREEDY_MOST = 3_000_000
"""Entries that are coloured one by one, at most: about a microsecond each."""
REVERSE_COST = 2
"""A reverse pass in forward passes, about."""
CHECK_EVERY = 4096
MOST_OF_A_BAND = 3
"""Colours that are few enough: a star colouring has 2 only for single stars, and takes longer to be found."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How all entries of a pattern are found with few passes.

    Entry k is at `rows[k]`, `columns[k]`, in the order of the matrix.  `forward` has the colour of each column and
    `reverse` that of each row, -1 for those without; there are `colours` of each, and a pass for each colour.  Entry k
    is read at row `read_rows[k]` of the product with the forward colour of column `read_columns[k]`, or, where
    `backward[k]`, at column `read_columns[k]` of the product with the reverse colour of row `read_rows[k]`.
    """

    shape: tuple[int, int]
    rows: Array
    columns: Array
    forward: Array
    reverse: Array
    colours: tuple[int, int]
    read_rows: Array
    read_columns: Array
    backward: Array

    @property
    def passes(self) -> int:
        """How many passes it takes."""
        return sum(self.colours)

    @property
    def cost(self) -> int:
        """The passes, in forward ones."""
        return self.colours[0] + REVERSE_COST * self.colours[1]

    @property
    def mode(self) -> str:
        """`forward`, `reverse`, or `mixed` for both."""
        forward, reverse = self.colours
        return "mixed" if forward and reverse else "reverse" if reverse else "forward"


def jacobian_plan(pattern: Pattern, budget: Budget | None = None) -> Plan:
    """The cheapest plan that is found for a Jacobian."""
    transposed = pattern.T.tocsr()
    of_rows, of_columns = np.diff(pattern.indptr), np.diff(transposed.indptr)
    by_rows, by_columns = _excess(of_rows, REVERSE_COST, 1), _excess(of_columns, 1, REVERSE_COST)
    # The least that each way can cost: a full row needs as many forward passes as it has entries.
    ways = [
        (int(of_rows.max(initial=0)), _forward, 0),
        (REVERSE_COST * int(of_columns.max(initial=0)), _reverse, 0),
        (by_rows[0], _full_rows, by_rows[1]),
        (by_columns[0], _full_columns, by_columns[1]),
    ]
    best: Plan | None = None
    for least, way, count in sorted(ways, key=lambda w: w[0]):
        if best is None or least < best.cost:
            found = way(pattern, transposed, count, budget)
            best = found if best is None or found.cost < best.cost else best
    assert best is not None
    return best


def hessian_plan(pattern: Pattern, budget: Budget | None = None) -> Plan:
    """A plan of forward passes for a symmetric pattern; an entry may be read from its mirror image."""
    pattern = (pattern + pattern.T).tocsr()
    pattern.sort_indices()
    full = _excess(np.diff(pattern.indptr), 1, 1)[1]
    colours = _with_hubs(pattern, full, budget)
    if colours.max(initial=-1) + 1 > MOST_OF_A_BAND and pattern.nnz <= GREEDY_MOST:
        stars = _stars(pattern, budget)
        colours = stars if stars.max(initial=-1) < colours.max(initial=-1) else colours
    rows, columns = _entries(pattern)
    # Where no other element of the row has its colour, an entry can be read there, and otherwise at its mirror image.
    count = int(colours.max(initial=-1)) + 1
    _, place, times = np.unique(rows * (count + 1) + colours[columns] + 1, return_inverse=True, return_counts=True)
    alone = (times[place] == 1) & (colours[columns] >= 0)
    nothing = np.full(pattern.shape[0], -1)
    read_rows, read_columns = np.where(alone, rows, columns), np.where(alone, columns, rows)
    backward = np.zeros(len(rows), dtype=np.bool_)
    shape = (pattern.shape[0], pattern.shape[1])
    return Plan(shape, rows, columns, colours, nothing, (count, 0), read_rows, read_columns, backward)


def _forward(pattern: Pattern, transposed: Pattern, count: int, budget: Budget | None) -> Plan:
    return _plan(pattern, colour_columns(pattern, transposed, budget), None, None)


def _reverse(pattern: Pattern, transposed: Pattern, count: int, budget: Budget | None) -> Plan:
    return _plan(pattern, None, colour_columns(transposed, pattern, budget), None)


def _full_rows(pattern: Pattern, transposed: Pattern, count: int, budget: Budget | None) -> Plan:
    """The fullest rows in reverse, the rest forward."""
    full = _fullest(np.diff(pattern.indptr), count)
    few, rest = _only(pattern, full), _only(pattern, ~full)
    forward = colour_columns(rest, rest.T.tocsr(), budget)
    reverse = colour_columns(few.T.tocsr(), few, budget)
    return _plan(pattern, forward, reverse, full[_entries(pattern)[0]])


def _full_columns(pattern: Pattern, transposed: Pattern, count: int, budget: Budget | None) -> Plan:
    """The fullest columns forward, the rest in reverse."""
    full = _fullest(np.diff(transposed.indptr), count)
    few, rest = _only(transposed, full), _only(transposed, ~full)
    forward = colour_columns(few.T.tocsr(), few, budget)
    reverse = colour_columns(rest, rest.T.tocsr(), budget)
    return _plan(pattern, forward, reverse, ~full[_entries(pattern)[1]])


def _plan(pattern: Pattern, forward: Array | None, reverse: Array | None, backward: Array | None) -> Plan:
    rows, columns = _entries(pattern)
    if backward is None:
        backward = np.full(len(rows), forward is None)
    forward = np.full(pattern.shape[1], -1) if forward is None else forward
    reverse = np.full(pattern.shape[0], -1) if reverse is None else reverse
    counts = (int(forward.max(initial=-1)) + 1, int(reverse.max(initial=-1)) + 1)
    shape = (pattern.shape[0], pattern.shape[1])
    return Plan(shape, rows, columns, forward, reverse, counts, rows, columns, backward)


def _entries(pattern: Pattern) -> tuple[Array, Array]:
    rows = np.repeat(np.arange(pattern.shape[0]), np.diff(pattern.indptr))
    return rows, pattern.indices.astype(np.int64)


def _excess(degrees: Array, each: int, rest: int) -> tuple[int, int]:
    """The least cost of taking the k fullest lines for `each`, so that the others cost `rest` per entry; and k."""
    falling = np.append(np.sort(degrees)[::-1], 0)
    costs = each * np.arange(len(falling)) + rest * falling
    k = int(np.argmin(costs))
    return int(costs[k]), k


def _fullest(degrees: Array, count: int) -> Array:
    full = np.zeros(len(degrees), dtype=np.bool_)
    full[np.argsort(-degrees, kind="stable")[:count]] = True
    return full


def _only(pattern: Pattern, rows: Array) -> Pattern:
    """The pattern with all other rows empty."""
    kept = np.repeat(rows, np.diff(pattern.indptr))
    indptr = np.concatenate([[0], np.cumsum(np.diff(pattern.indptr) * rows)])
    indices = pattern.indices[kept]
    return sparse.csr_array((np.ones(len(indices), dtype=np.bool_), indices, indptr), shape=pattern.shape)


def colour_columns(pattern: Pattern, transposed: Pattern, budget: Budget | None = None) -> Array:
    """A colour for each column, -1 for an empty one; no row has two columns of one colour."""
    if budget is not None:
        budget.check()
    degree = int(np.diff(pattern.indptr).max(initial=0))
    window = _by_window(pattern, transposed)
    if int(window.max(initial=-1)) + 1 == degree or pattern.nnz > GREEDY_MOST:
        return window
    greedy = _greedy(pattern, transposed, budget)
    return greedy if greedy.max(initial=-1) < window.max(initial=-1) else window


def _by_window(pattern: Pattern, transposed: Pattern) -> Array:
    """Columns in the order of their first rows, coloured in turn: best where the matrix is banded, and fast."""
    if not pattern.nnz:
        return np.full(pattern.shape[1], -1)
    transposed.sort_indices()
    used = np.diff(transposed.indptr) > 0
    first = np.full(pattern.shape[1], pattern.shape[0])
    first[used] = transposed.indices[transposed.indptr[:-1][used]]
    rank = np.empty(pattern.shape[1], dtype=np.int64)
    rank[np.argsort(first, kind="stable")] = np.arange(pattern.shape[1])
    rows = pattern.indptr[:-1][np.diff(pattern.indptr) > 0]
    ranks = rank[pattern.indices]
    width = int(np.max(np.maximum.reduceat(ranks, rows) - np.minimum.reduceat(ranks, rows))) + 1
    return np.where(used, rank % width, -1)


def _greedy(pattern: Pattern, transposed: Pattern, budget: Budget | None) -> Array:
    """Column by column, largest degree first, the first colour that none of its rows has yet."""
    colours = np.full(pattern.shape[1], -1)
    lengths = np.diff(pattern.indptr)
    conflicts = transposed.astype(np.int64) @ lengths
    taken = [0] * pattern.shape[0]
    indptr, indices = transposed.indptr.tolist(), transposed.indices.tolist()
    for number, column in enumerate(np.argsort(-conflicts, kind="stable").tolist()):
        if budget is not None and not number % CHECK_EVERY:
            budget.check()
        rows = indices[indptr[column] : indptr[column + 1]]
        if not rows:
            continue
        mask = 0
        for row in rows:
            mask |= taken[row]
        # The lowest bit that is not set.
        bit = ~mask & (mask + 1)
        colours[column] = bit.bit_length() - 1
        for row in rows:
            taken[row] |= bit
    return colours


def _with_hubs(pattern: Pattern, count: int, budget: Budget | None) -> Array:
    """Colours for a symmetric pattern: one for each of the fullest columns, the rest by the rows of the rest."""
    full = _fullest(np.diff(pattern.indptr), count)
    rest = _only(_only(pattern, ~full).T.tocsr(), ~full)
    colours = colour_columns(rest, rest, budget)
    hubs = np.flatnonzero(full)
    colours[hubs] = int(colours.max(initial=-1)) + 1 + np.arange(len(hubs))
    # What meets only hubs has no colour: its entries are read in its own row.
    return colours


def _stars(pattern: Pattern, budget: Budget | None) -> Array:
    """A star colouring: neighbours differ, and every path of four elements has three colours or more.

    `nearby[w]` are the colours of the neighbours of w.  `hubs[w]` are those colours that belong to a neighbour with
    another neighbour coloured like w: one of these on the far side of w would close a path of two colours.
    """
    size = pattern.shape[0]
    indptr, indices = pattern.indptr.tolist(), pattern.indices.tolist()
    colours = [-1] * size
    nearby: list[dict[int, int]] = [defaultdict(int) for _ in range(size)]
    first: list[dict[int, int]] = [{} for _ in range(size)]
    hubs: list[set[int]] = [set() for _ in range(size)]
    order: Any = np.argsort(-np.diff(pattern.indptr), kind="stable").tolist()
    for number, v in enumerate(order):
        if budget is not None and not number % CHECK_EVERY:
            budget.check()
        if indptr[v] == indptr[v + 1]:
            continue
        around = [w for w in indices[indptr[v] : indptr[v + 1]] if w != v and colours[w] >= 0]
        forbidden: set[int] = set()
        same: dict[int, int] = {}
        for w in around:
            colour = colours[w]
            forbidden.add(colour)
            forbidden |= hubs[w]
            other = same.setdefault(colour, w)
            if other != w:
                # v lies between two of one colour: none of their other neighbours may be coloured like v.
                forbidden |= nearby[w].keys()
                forbidden |= nearby[other].keys()
        own = 0
        while own in forbidden:
            own += 1
        colours[v] = own
        for w in around:
            nearby[v][colours[w]] += 1
            first[v].setdefault(colours[w], w)
            nearby[w][own] += 1
            if nearby[w][own] > 1:
                hubs[v].add(colours[w])
                hubs[first[w][own]].add(colours[w])
            else:
                first[w][own] = v
        for w in around:
            if nearby[v][colours[w]] > 1:
                hubs[w].add(own)
    return np.array(colours, dtype=np.int64)
