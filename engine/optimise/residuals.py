"""The residuals of a sum of squares at actual data, with their exact Jacobian."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from engine.derive.compressed import compressed
from engine.derive.jacobian import jacobian
from engine.derive.passes import saving_plan
from engine.errors import AssertionFault, LimitExceeded
from engine.execute.careful import run_carefully
from engine.execute.compile import as_argument, compile_graph
from engine.graph.types import Array
from engine.graph.values import Graph
from engine.limits import Budget, Limits
from engine.optimise.squares import Blocks, blocks


class Residuals:
    """`Squares` made of a graph: r = √w · residuals, in the order of the blocks, row-major.

    The variables are the inputs at the positions `wrt`, one after another in a vector (n,), row-major; None stands for
    a variable of so many elements that the function does not depend on.
    """

    def __init__(
        self,
        found: Blocks,
        roots: Array,
        arguments: Sequence[Any],
        wrt: Sequence[tuple[int | None, int]],
        limits: Limits,
        budget: Budget,
    ) -> None:
        self._roots, self._arguments, self._wrt, self._budget = roots, list(arguments), list(wrt), budget
        graph = found.residuals
        positions = [position for position, _ in wrt if position is not None]
        plan = saving_plan(graph, positions, budget=budget)
        if plan is None:
            self._graph = jacobian(graph, positions, None, limits, budget)
        else:
            self._graph = compressed(graph, positions, plan, dense=True, limits=limits, budget=budget)
        self._limits = limits
        self._executable = compile_graph(self._graph, limits)

    @property
    def count(self) -> int:
        """How many residuals there are."""
        return len(self._roots)

    def evaluate(self, x: Array) -> tuple[Array, Array]:
        """The residuals (m,) and their exact Jacobian (m, n); not finite where they are not defined.

        Raises `BudgetExceeded` when the time is up.
        """
        arguments, start = list(self._arguments), 0
        for position, size in self._wrt:
            if position is not None:
                value = self._graph.inputs[position]
                arguments[position] = as_argument(x[start : start + size].reshape(value.shape), value)
            start += size
        with np.errstate(all="ignore"):
            try:
                outputs = self._executable(arguments, self._budget)[0]
            except AssertionFault:
                return np.full(self.count, np.nan), np.full((self.count, len(x)), np.nan)
            if not all(np.isfinite(part).all() for part in outputs):
                # A product of 0 and infinity on a way that is not taken is 0.
                outputs = list(run_carefully(self._graph, arguments, self._budget, self._limits).outputs)
            return self._roots * outputs[0], self._roots[:, None] * self._matrix(outputs[1:])

    def _matrix(self, parts: Sequence[Any]) -> Array:
        taken = iter(parts)
        columns = [
            np.zeros((self.count, size)) if position is None else np.reshape(next(taken), (self.count, size))
            for position, size in self._wrt
        ]
        return np.concatenate(columns, axis=1)


def residuals(
    graph: Graph,
    arguments: Sequence[Any],
    wrt: Sequence[tuple[int | None, int]],
    limits: Limits,
    budget: Budget,
    sign: float = 1.0,
) -> Residuals | None:
    """The function of `graph` times `sign` as a sum of squares, with the data among `arguments`; None if it is not one.

    `wrt`: for each variable its position among the inputs (None where it is not one) and its size.  None also where the
    Jacobian would be larger than an array may be.
    """
    positions = [position for position, _ in wrt if position is not None]
    found = blocks(graph, positions, limits, budget) if positions else None
    if found is None:
        return None
    count = sum(v.type.size for v in found.residuals.outputs)
    if not count or 8 * count * sum(size for _, size in wrt) > limits.array_bytes:
        return None
    factors, weights = (_run(part, arguments, limits, budget) for part in (found.factors, found.weights))
    direction = sign * float(np.prod([np.sign(np.ravel(factor)[0]) for factor in factors]))
    together = direction * np.concatenate([np.ravel(weight) for weight in weights])
    if not np.isfinite(together).all() or (together < 0).any() or not together.any():
        return None
    try:
        return Residuals(found, np.sqrt(together), arguments, wrt, limits, budget)
    except LimitExceeded:
        return None


def _run(graph: Graph, arguments: Sequence[Any], limits: Limits, budget: Budget) -> list[Any]:
    with np.errstate(all="ignore"):
        return compile_graph(graph, limits)(arguments, budget)[0]
