"""The rounding error of a graph's outputs, to first order, as another graph.

Every node rounds its result: to its exact value it adds an error of random sign and of the size of half a unit in the
last place.  The derivative of the outputs along these errors is the error of the outputs, correlations included.  A
few independent draws, evaluated together, tell its size.  This is what stochastic arithmetic estimates by running a
program several times (Vignes, "A stochastic arithmetic for reliable scientific computation", 1993), done once, with
derivatives.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from engine.derive.batch import batched
from engine.derive.forward import node_tangents
from engine.graph.build import Builder, emit
from engine.graph.exactness import EXACT
from engine.graph.inline import inline
from engine.graph.primitive import Primitive
from engine.graph.recipes import unfolded
from engine.graph.registry import register
from engine.graph.types import Type
from engine.graph.values import Graph, Node, Value
from engine.limits import Budget, Limits
from engine.primitives.arithmetic import add, equal, greater, less_equal, logical_and, multiply, select
from engine.primitives.conditioning import LOOSE, MATRIX
from engine.primitives.kinks import abs_, floor
from engine.primitives.reductions import max_
from engine.primitives.shape import broadcast_to, reshape, zeros_of


class Draw(NamedTuple):
    """How large an error is: half units of the last place of a value, which is emitted into the current builder.

    `least` is added: what is lost to underflow.
    """

    magnitude: Callable[[], Value]
    units: float = 1.0
    least: float = 5e-324


LANES = 4
"""Independent draws: where two errors of one size meet, all of four are ten times too small once in 100, and a hundred
times once in 400,000."""
UNIT = 2.0**-53
ONCE = 1.25 * UNIT
"""The largest error that is drawn for what is rounded once, relatively."""
FUNCTION_UNITS = 2.0
"""Library functions are good to about one unit in the last place, arithmetic to half of one."""
BLIND = 10.0
"""How many times the errors to first order a result must have really moved for them to be blind: moving a result by
half a unit moves it by none or by a whole one, and the moved graph rounds by itself, so less tells nothing."""
LOST = 1e-290
WHOLE_UP_TO = 2.0**53
WHOLE_ARITHMETIC = frozenset(["add", "subtract", "multiply", "square"])
"""Exact for whole numbers, as long as the result is not too large."""
SUMMING = frozenset(["sum", "cumsum", "scatter_add", "overlap_add"])
ARITHMETIC = frozenset(["add", "subtract", "multiply", "chain", "divide", "reciprocal", "square", "sqrt"])


def _rounding_value(x: Any, *, lanes: int, units: float, least: float, seed: int) -> Any:
    """Errors of about `units` half last places of x and `least`, as good as random but always the same.

    Not of one size, only with random signs: then two errors would cancel exactly in all of four draws once in 16 times.
    """
    x = np.asarray(x, dtype=np.float64)
    bits = np.ascontiguousarray(x).view(np.uint64).reshape(x.shape)
    # Different elements that are equal get different signs.
    places = np.arange(x.size, dtype=np.uint64).reshape(x.shape) * np.uint64(0xD1B54A32D192ED03)
    mixed = (bits ^ np.uint64(seed * 0x9E3779B97F4A7C15 % 2**64)) + places
    mixed = (mixed ^ (mixed >> np.uint64(32))) * np.uint64(0xD6E8FEB86659FD93)
    mixed = (mixed ^ (mixed >> np.uint64(29))) * np.uint64(0xA24BAED4963EE407)
    size = np.abs(x) * (UNIT * units) + least
    lane = np.arange(lanes, dtype=np.uint64).reshape(-1, *(1,) * x.ndim)
    signs = ((mixed >> (lane + np.uint64(40))) & np.uint64(1)).astype(np.float64) * 2.0 - 1.0
    parts = (mixed * (lane * np.uint64(2) + np.uint64(0x9FB21C651E98DF25)) >> np.uint64(54)).astype(np.float64)
    return signs * (size * (0.75 + (parts + 1.0) * 2.0**-11))


rounding: Primitive = register(
    Primitive(
        name="rounding",
        infer=lambda x, *, lanes, units, least, seed: (Type("real", (lanes, *x.shape)),),
        value=_rounding_value,
        cost=lambda node: 4.0 * node.outputs[0].type.size,
    )
)


def rounding_error(
    graph: Graph, limits: Limits | None = None, budget: Budget | None = None, lanes: int = LANES
) -> Graph:
    """The graph inputs → errors of the real outputs, each with a leading axis over `lanes` draws.

    They are to first order; where results that were really moved are `BLIND` times as far off, theirs.  Constants that
    were rounded when they were folded count as computed.
    """
    graph = unfolded(graph)
    whole = _exponents(graph)
    with Builder(limits, budget, start=graph) as builder:
        errors: dict[Value, Draw] = {}
        tangents: dict[Value, Value] = {}
        for node in graph.nodes:
            builder.span = node.span
            _carry(node, tangents, errors, builder, whole)
        carried = [
            tangents.get(v, zeros_of(v.shape)) if v.type.dtype == "real" else zeros_of(()) for v in graph.outputs
        ]
        once = builder.finish(carried)
    moved, moves = _perturbed(graph, whole, limits, budget)
    with Builder(limits, budget, start=graph) as builder:
        first = _drawn(once, errors, lanes, limits, budget)
        finite = _drawn(moved, moves, lanes, limits, budget)
        both = [
            _where_blind(a, _difference(b, v)) if v.type.dtype == "real" else a
            for a, b, v in zip(first, finite, graph.outputs, strict=True)
        ]
        return builder.finish(both)


def _drawn(
    once: Graph, errors: Mapping[Value, Draw], lanes: int, limits: Limits | None, budget: Budget | None
) -> list[Value]:
    """The outputs of a graph of errors for several draws of them, emitted into the current builder."""
    many, _ = batched(once, [v in errors for v in once.inputs], lanes, limits, budget)
    drawn = {}
    for number, (holder, draw) in enumerate(errors.items()):
        size = draw.magnitude()
        drawn[holder] = rounding(size, lanes=lanes, units=draw.units, least=draw.least, seed=number)
    return inline(many, {new: drawn.get(old, old) for old, new in zip(once.inputs, many.inputs, strict=True)})


def _perturbed(
    graph: Graph, whole: Set[Value], limits: Limits | None, budget: Budget | None
) -> tuple[Graph, dict[Value, Draw]]:
    """The graph with an error, an input of its own, added wherever something is rounded.

    What it gives is the size of errors that the derivative does not see: those of an inner value without any right
    digit, where the function is stationary.
    """
    errors: dict[Value, Draw] = {}
    with Builder(limits, budget, start=Graph(graph.inputs, (), ())) as builder:
        image = {v: v for v in graph.inputs}

        def with_error(moved: Value, draw: Draw) -> Value:
            holder = builder.input(moved.type)
            errors[holder] = draw
            return add(moved, holder)

        for node in graph.nodes:
            builder.span = node.span
            given = []
            for value in node.inputs:
                moved = value if value.constant is not None else image[value]
                if value.type.dtype == "real" and value.constant is None and _at_arguments(node):
                    moved = with_error(moved, _of_argument(node, value))
                given.append(moved)
            results = builder.emit(node.primitive, given, node.params, node.graphs)
            for value, result in zip(node.outputs, results, strict=True):
                rounded = value.type.dtype == "real" and not _exact(node) and not _at_arguments(node)
                image[value] = with_error(result, _of_result(node, value, whole)) if rounded else result
        outputs = [v if v.constant is not None else image[v] for v in graph.outputs]
        return builder.finish(outputs), errors


def _exponents(graph: Graph) -> Set[Value]:
    """What exponents are made of by arithmetic that is exact on whole numbers.

    A negative number to a whole power has a derivative, which an error of the exponent would take away.
    """
    found: set[Value] = set()
    for node in reversed(graph.nodes):
        if node.primitive.name == "power":
            found.add(node.inputs[1])
        if node.primitive.name in EXACT | WHOLE_ARITHMETIC and not found.isdisjoint(node.outputs):
            found.update(node.inputs)
    return found


def _at_arguments(node: Node) -> bool:
    return node.primitive.name in MATRIX or node.primitive.name in LOOSE


def _difference(moved: Value, output: Value) -> Value:
    """How far a result has moved; nothing where it has left the domain, of which the derivative tells."""
    apart = moved - output
    return select(equal(apart, apart), apart, 0.0)


def _where_blind(first: Value, moved: Value) -> Value:
    """The errors to first order, draw by draw; those of results that were moved where they are far larger."""
    largest = max_(abs_(first), axes=(0,))
    return select(greater(abs_(moved), multiply(largest, BLIND)), moved, first)


def _carry(
    node: Node, tangents: dict[Value, Value], errors: dict[Value, Draw], builder: Builder, whole: Set[Value]
) -> None:
    """The errors of a node's results: those of its arguments carried forward, and its own."""
    name = node.primitive.name
    incoming = [tangents.get(v) for v in node.inputs]

    def with_error(tangent: Value | None, value: Value, draw: Draw) -> Value:
        holder = builder.input(value.type)
        errors[holder] = draw
        return holder if tangent is None else add(tangent, holder)

    if name in MATRIX or name in LOOSE:
        for i, value in enumerate(node.inputs):
            if value.type.dtype == "real" and (name in MATRIX or value.constant is None):
                incoming[i] = with_error(incoming[i], value, _of_argument(node, value))
    outgoing: Sequence[Value | None] = [None] * len(node.outputs)
    if any(t is not None for t in incoming):
        outgoing = [_power_tangent(node, incoming)] if name == "power" else node_tangents(node, incoming)
    for value, tangent in zip(node.outputs, outgoing, strict=True):
        found = tangent
        if value.type.dtype == "real" and not _exact(node) and name not in MATRIX:
            units = FUNCTION_UNITS if node.primitive.kind == "elementwise" and name not in ARITHMETIC else 1.0
            found = with_error(tangent, value, _of_result(node, value, whole)._replace(units=units))
        if found is not None:
            tangents[value] = found


def _power_tangent(node: Node, incoming: Sequence[Value | None]) -> Value | None:
    """The tangent of a power, to which an exponent without an error adds nothing, even where its partial is NaN."""
    of_base, of_exponent = incoming
    found = None if of_base is None else node_tangents(node, [of_base, None])[0]
    if of_exponent is None:
        return found
    (moved,) = node_tangents(node, [None, of_exponent])
    if moved is None:
        return found
    moved = select(equal(of_exponent, 0.0), 0.0, moved)
    return moved if found is None else add(found, moved)


def _exact(node: Node) -> bool:
    name = node.primitive.name
    if name in EXACT:
        return True
    scales = [v.constant for v in node.inputs if v.constant is not None]
    return name in ("multiply", "chain") and any(_power_of_two(c) for c in scales)


def _power_of_two(array: Any) -> bool:
    array = np.asarray(array)
    return array.dtype.kind == "f" and bool(np.all(np.abs(np.frexp(array)[0]) == 0.5) or np.all(array == 0))


def _of_argument(node: Node, value: Value) -> Draw:
    """The error of an argument that counts as rounded."""
    return Draw(partial(_of_matrix, value) if node.primitive.name in MATRIX else lambda: value)


def _of_matrix(value: Value) -> Value:
    """The largest element of a matrix, in place of every element."""
    axes = tuple(range(max(0, value.rank - 2), value.rank))
    kept = tuple(1 if axis in axes else n for axis, n in enumerate(value.shape))
    return broadcast_to(reshape(max_(abs_(value), axes=axes), shape=kept), shape=value.shape)


def _of_result(node: Node, value: Value, whole: Set[Value]) -> Draw:
    """The error of a result.  `whole`: those that are exact where all is whole."""
    if value in whole and node.primitive.name in WHOLE_ARITHMETIC:
        return Draw(partial(_unless_whole, node, value), least=0.0)
    return Draw(partial(_size, node, value))


def _unless_whole(node: Node, value: Value) -> Value:
    exact = less_equal(abs_(value), WHOLE_UP_TO)
    for number in node.inputs:
        exact = logical_and(exact, equal(floor(number), number))
    return select(exact, 0.0, value)


def _size(node: Node, value: Value) -> Value:
    """The result of a node, or what its terms add up to without their signs."""
    if node.primitive.name == "centre":
        return node.inputs[0]
    if node.primitive.name in SUMMING or node.primitive.kind == "multilinear":
        terms = [abs_(v) if v.type.dtype == "real" else v for v in node.inputs]
        return emit(node.primitive, terms, node.params)[0]
    if node.primitive.name == "gamma":
        # It has no zeros: a result of 0 is one that the library lost, subnormal numbers among them.
        return select(equal(value, 0.0), LOST, value)
    return value
