"""What one operation hands to one of its arguments in reverse, and formulas for what it may hand by mistake."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from engine.graph.build import constant
from engine.graph.values import Node, Value
from engine.primitives.arithmetic import chain, divide
from engine.primitives.indexing import scatter_add
from engine.primitives.products import matmul
from engine.primitives.record import sum_to
from engine.primitives.reductions import spread
from engine.primitives.shape import broadcast_to, reshape, strided, unstrided


@dataclass(frozen=True, slots=True, eq=False)
class Edge:
    """One argument of one operation: what the reverse pass hands through it.

    `outgoing` is the cotangent of the operation's result (None where it has several results), `share` what the
    argument gets.  `steady`: the cotangent is the same at all points.
    """

    node: Node
    position: int
    value: Value
    outgoing: Value | None
    share: Value
    steady: bool


Alter = Callable[[Edge], Value | None]
"""What the argument gets instead of its share; None for nothing."""


def partial_of(edge: Edge) -> Value | float | None:
    """The local derivative of an elementwise operation; None where it is not a factor."""
    partials = edge.node.primitive.fields.get("partials")
    if partials is None:
        return None
    partial = partials[edge.position]
    if isinstance(partial, float):
        return partial
    return partial(*edge.node.inputs, edge.node.outputs[0], **edge.node.params) if callable(partial) else None


def before_sum(edge: Edge) -> Value | None:
    """The share before it is summed over the axes along which the argument was broadcast; None without such axes."""
    out, value = edge.node.outputs[0], edge.value
    if edge.outgoing is None or out.type.size <= value.type.size:
        return None
    if edge.node.primitive.name == "broadcast_to":
        return edge.outgoing
    if edge.node.primitive.kind != "elementwise":
        return None
    partial = partial_of(edge)
    return None if partial is None else broadcast_to(chain(edge.outgoing, partial), shape=out.shape)


def handed_on(cotangent: Value, edge: Edge) -> Value | None:
    """A cotangent handed on as it is, as though the local derivative were 1; None where the shapes have no such."""
    value, node = edge.value, edge.node
    if cotangent.shape == value.shape:
        return cotangent
    if node.primitive.kind == "elementwise":
        return sum_to(cotangent, value.shape)
    if "axes" in node.params and edge.position == 0 and cotangent.type.size < value.type.size:
        return broadcast_to(spread(cotangent, node), shape=value.shape)
    return None


def with_power(edge: Edge, power: int) -> Value | None:
    """The share with the local derivative to a power: 0 leaves it out, 2 applies it twice, -1 divides by it."""
    assert edge.outgoing is not None
    partial = partial_of(edge)
    if power == 0 or partial is None:
        return handed_on(edge.outgoing, edge)
    whole = divide(edge.outgoing, partial) if power < 0 else chain(chain(edge.outgoing, partial), partial)
    return sum_to(whole, edge.value.shape)


def at_output(edge: Edge) -> Value | None:
    """The local derivative of a function of one argument, taken at its result."""
    assert edge.outgoing is not None
    node, out = edge.node, edge.node.outputs[0]
    partial = node.primitive.fields["partials"][0]
    return chain(edge.outgoing, partial(out, node.primitive(out, **node.params), **node.params))


def itself(edge: Edge) -> Value | None:
    """The function in place of its derivative."""
    assert edge.outgoing is not None
    return chain(edge.outgoing, edge.node.outputs[0])


def one_row(last: bool) -> Alter:
    """Of the parts along broadcast axes, the first or the last instead of their sum."""

    def alter(edge: Edge) -> Value | None:
        whole, shape = before_sum(edge), edge.value.shape
        assert whole is not None
        extra = whole.rank - len(shape)
        small = (1,) * extra + shape
        part = tuple(
            (n - 1 if last else 0, 1, 1) if m == 1 != n else (0, n, 1) for m, n in zip(small, whole.shape, strict=True)
        )
        return reshape(strided(whole, slices=part), shape=shape)

    return alter


def one_term(last: bool) -> Alter:
    """Of the terms of a sum, the first or the last only."""

    def alter(edge: Edge) -> Value | None:
        axes, shape = edge.node.params["axes"], edge.share.shape
        part = tuple((n - 1 if last else 0, 1, 1) if a in axes else (0, n, 1) for a, n in enumerate(shape))
        return unstrided(strided(edge.share, slices=part), shape=shape, slices=part)

    return alter


def untransposed(edge: Edge) -> Value | None:
    """A matrix product with the other matrix as it is; None unless that is square."""
    assert edge.outgoing is not None
    other = edge.node.inputs[1 - edge.position]
    if other.rank < 2 or other.shape[-1] != other.shape[-2]:
        return None
    first, second = (edge.outgoing, other) if edge.position == 0 else (other, edge.outgoing)
    return sum_to(matmul(first, second), edge.value.shape)


def assigned(edge: Edge) -> Value | None:
    """`result[index] = share` in place of `+=`: of a repeated index, the last one stays."""
    assert edge.outgoing is not None
    indices = [np.asarray(v.constant) for v in edge.node.inputs[1:]]
    shape = np.broadcast_shapes(*[i.shape for i in indices])
    flat = [(np.broadcast_to(i, shape) % n).ravel() for i, n in zip(indices, edge.value.shape, strict=False)]
    last: dict[tuple[int, ...], int] = {}
    for place, index in enumerate(zip(*[f.tolist() for f in flat], strict=True)):
        last[index] = place
    kept = np.zeros(int(np.prod(shape)))
    kept[list(last.values())] = 1.0
    mask = kept.reshape(shape + (1,) * (edge.outgoing.rank - len(shape)))
    return scatter_add(chain(edge.outgoing, constant(mask)), *edge.node.inputs[1:], shape=edge.value.shape)
