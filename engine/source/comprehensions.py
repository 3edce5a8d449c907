"""Comprehensions: the items for all elements at once where their number is known, and one by one where they differ."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from engine.control.functions import mapped
from engine.errors import EngineError, Limit, LimitExceeded, TypeMismatch
from engine.graph.build import constant, current
from engine.graph.registry import PRIMITIVES
from engine.graph.values import Value
from engine.primitives.shape import reshape
from engine.source import tree
from engine.source.arguments import array, not_known, static
from engine.source.branches import truth
from engine.source.iterables import iterable
from engine.source.results import Result, Scope, Steps, leaves, rebuilt
from engine.source.statement import target_names

if TYPE_CHECKING:
    from engine.source.interpreter import Interpreter

FEW = 3
"""Items up to this many are lowered one by one."""


class _Apart(Exception):
    """The items cannot be made together."""


def comprehension(interpreter: Interpreter, node: tree.Comprehension) -> Result:
    """`[item for …]`: an array if all items have one shape, else a tuple."""
    own = frozenset(name.name for clause in node.clauses for name in target_names(clause.target))
    before = interpreter.scope
    interpreter.scope = Scope(before, own)
    try:
        if any(clause.filters for clause in node.clauses):
            return _listed(interpreter, node)
        try:
            return _together(interpreter, node, 0)
        except _Apart:
            return _listed(interpreter, node)
        except EngineError as error:
            if not not_known(error):
                raise
            return _again(interpreter, node, error)
    finally:
        interpreter.scope = before


def _again(interpreter: Interpreter, node: tree.Comprehension, first: EngineError) -> Result:
    """One by one, after an attempt at all at once had failed; if this fails for the same reason, that one is told."""
    try:
        return _listed(interpreter, node)
    except EngineError as error:
        raise (first if not_known(error) or isinstance(error, LimitExceeded) else error) from None


def summed(interpreter: Interpreter, node: tree.Comprehension) -> Result:
    """`sum(item for …)`, which adds the items up, arrays too, as Python does."""
    found = interpreter.lower(node)
    whole = array(found, node.span, "what is summed")
    if whole.type.dtype == "bool":
        whole = PRIMITIVES["cast"](whole, dtype="int")
    return PRIMITIVES["sum"](whole, axes=(0,))


def _together(interpreter: Interpreter, node: tree.Comprehension, depth: int) -> Value:
    """The items of all clauses from `depth` on as one array."""
    if depth == len(node.clauses):
        found = interpreter.operand(node.item)
        if not isinstance(found, Value):
            raise _Apart
        return found
    clause = node.clauses[depth]
    steps = _steps(interpreter, node, clause)
    count = steps.count
    assert isinstance(count, int)
    if not count or (count <= FEW and len(node.clauses) == 1):
        raise _Apart
    scope = interpreter.scope
    saved = scope.saved()
    whole = None if steps.whole is None else steps.whole()
    arrays = [constant(np.arange(count), "int")] if whole is None else leaves(whole)

    def item(given: Sequence[Value]) -> list[Value]:
        interpreter.bind(clause.target, steps.at(given[0]) if whole is None else rebuilt(whole, given))
        try:
            return [_together(interpreter, node, depth + 1)]
        finally:
            scope.load(saved)

    (found,) = mapped(item, arrays, [True] * len(arrays), count)
    if depth + 1 < len(node.clauses):
        found = reshape(found, shape=(found.shape[0] * found.shape[1], *found.shape[2:]))
    return found


def _steps(interpreter: Interpreter, node: tree.Comprehension, clause: tree.Clause) -> Steps:
    steps = iterable(interpreter, clause.source)
    if isinstance(steps.count, Value):
        try:
            static(steps.count, "int", clause.source.span, "the number of items")
        except TypeMismatch as error:
            error.hint = "its shape would depend on data: fill an array in a loop, x[i] = …"
            raise
    return steps


def _listed(interpreter: Interpreter, node: tree.Comprehension) -> Result:
    """The items one by one."""
    found: list[Result] = []
    _collect(interpreter, node, 0, found)
    if not found:
        return constant([], "real")
    first = found[0]
    if all(isinstance(item, Value) and item.shape == first.shape for item in found):
        current().span = node.span
        return array(tuple(found), node.span, "this")
    return tuple(found)


def _collect(interpreter: Interpreter, node: tree.Comprehension, depth: int, found: list[Result]) -> None:
    if depth == len(node.clauses):
        most = current().limits.unrolled_steps
        if len(found) >= most:
            raise LimitExceeded(
                f"A comprehension whose items differ makes at most {most:,} of them.",
                span=node.span,
                limit=Limit("unrolled_steps", most),
            )
        found.append(interpreter.operand(node.item))
        return
    clause = node.clauses[depth]
    steps = _steps(interpreter, node, clause)
    assert isinstance(steps.count, int)
    for number in range(steps.count):
        interpreter.bind(clause.target, steps.at(number))
        if all(_kept(interpreter, test) for test in clause.filters):
            _collect(interpreter, node, depth + 1, found)


def _kept(interpreter: Interpreter, test: tree.Expression) -> bool:
    known = truth(interpreter.operand(test), test)
    if isinstance(known, bool):
        return known
    raise TypeMismatch(
        "Which items there are depends on data here; shapes are static.",
        span=test.span,
        hint="where(condition, item, 0) keeps an item's place",
    )
