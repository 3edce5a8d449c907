"""Primitives that reduce or run along axes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import numpy as np

from engine.errors import ShapeMismatch
from engine.graph.build import emit
from engine.graph.primitive import Cotangents, Kink, Primitive
from engine.graph.registry import PRIMITIVES, register
from engine.graph.types import Array, DType, Shape, Type
from engine.graph.values import Node, Value
from engine.primitives.arithmetic import cast, divide, equal, select
from engine.primitives.indexing import add_along, take_along
from engine.primitives.record import linear
from engine.primitives.shape import broadcast_to, flip, reshape

Axes = tuple[int, ...]


def kept(shape: Shape, axes: Axes) -> Shape:
    """The shape with the reduced axes at size 1."""
    return tuple(1 if a in axes else n for a, n in enumerate(shape))


def spread(value: Value, node: Node) -> Value:
    """A reduced value with its axes back at size 1, so that it broadcasts against the input."""
    return reshape(value, shape=kept(node.inputs[0].shape, node.params["axes"]))


def _reduced(x: Type, axes: Axes, dtype: DType | None = None) -> tuple[Type]:
    return (Type(dtype or x.dtype, tuple(n for a, n in enumerate(x.shape) if a not in axes)),)


def _not_empty(x: Type, axes: Axes, name: str) -> None:
    if any(x.shape[a] == 0 for a in axes):
        raise ShapeMismatch(f"{name} of no elements: shape {x.shape} has size 0 along the reduced axes.")


def each(function: Callable[[Any], Any], x: Any) -> Any:
    """A scalar function of mpmath or sympy on an object array or a single number."""
    return np.frompyfunc(function, 1, 1)(x)


def shift_axes(node: Node, inputs: Sequence[Value], batched: Sequence[bool], size: int) -> Sequence[Value]:
    """Batching of a primitive whose parameter `axes` counts from the first axis."""
    params = {**node.params, "axes": tuple(a + 1 for a in node.params["axes"])}
    return emit(node.primitive, inputs, params)


FEW = 16
MANY = 1024
"""Reducing so few elements at so many places is done element by element of all places: numpy's own inner loop would run
over the few.  Measured for pooling and for sums over the last axis of (100000, 3): 3 to 10 times as fast."""


def _reduce(operation: np.ufunc, x: Any, axes: Axes) -> Any:
    """A ufunc's reduction over axes."""
    count = prod(x.shape[a] for a in axes)
    if x.dtype == object or not 1 < count <= FEW or x.size < count * MANY:
        return operation.reduce(x, axis=axes)
    parts = iter(np.moveaxis(x, axes, range(len(axes)))[index] for index in np.ndindex(*[x.shape[a] for a in axes]))
    first = next(parts)
    total = np.array(first, dtype=np.int64 if operation is np.add and x.dtype == np.bool_ else x.dtype)
    for part in parts:
        operation(total, part, out=total)
    return total


sum_: Primitive = linear(
    "sum",
    lambda x, *, axes: _reduced(x, axes, "int" if x.dtype == "bool" else None),
    lambda x, *, axes: _reduce(np.add, np.asarray(x), axes),
    lambda cotangent, node: broadcast_to(spread(cotangent, node), shape=node.inputs[0].shape),
    shift_axes,
    nanoseconds=0.4,
)
cumsum: Primitive = linear(
    "cumsum",
    lambda x, *, axes: (x,),
    lambda x, *, axes: np.cumsum(x, axis=axes[0]),
    lambda cotangent, node: flip(cumsum(flip(cotangent, **node.params), **node.params), **node.params),
    shift_axes,
    nanoseconds=3.0,
)


def _tied(reduce: Callable[..., Any]) -> Callable[..., Array]:
    """Where several elements are the largest, or the smallest."""

    def tied(x: Any, *, axes: Axes) -> Array:
        winners = np.sum(x == reduce(x, axis=axes, keepdims=True), axis=axes)
        return np.asarray(winners > 1)

    return tied


def _extreme(name: str, reduce: Callable[..., Any], larger: np.ufunc) -> Primitive:
    """Largest or smallest element; tied elements share the cotangent equally."""

    def infer(x: Type, *, axes: Axes) -> tuple[Type]:
        _not_empty(x, axes, name)
        return _reduced(x, axes)

    def vjp(node: Node, cotangents: Cotangents, wanted: Sequence[bool]) -> Cotangents:
        (cotangent,), (x,) = cotangents, node.inputs
        assert cotangent is not None
        winners = equal(x, spread(node.outputs[0], node))
        count = cast(sum_(winners, axes=node.params["axes"]), dtype="real")
        return [select(winners, spread(divide(cotangent, count), node), 0.0)]

    return register(
        Primitive(
            name=name,
            infer=infer,
            value=lambda x, *, axes: _reduce(larger, np.asarray(x), axes),
            vjp=vjp,
            batch=shift_axes,
            whole_arrays=True,
            kink=Kink(_tied(reduce), "tied elements share the derivative equally"),
            cost=lambda node: node.inputs[0].type.size * 0.5,
        )
    )


max_: Primitive = _extreme("max", np.max, np.maximum)
min_: Primitive = _extreme("min", np.min, np.minimum)


def _norm_value(x: Any, *, axes: Axes) -> Any:
    # Scaled by the largest element, so that squares neither overflow nor vanish.
    with np.errstate(invalid="ignore", over="ignore", under="ignore"):
        plain = np.sqrt(np.sum(np.square(x), axis=axes))
        if np.all((plain > 1e-140) & (plain < 1e150)):
            return plain
        scale = np.max(np.abs(x), axis=axes, keepdims=True, initial=0.0)
        usable = (scale > 0) & np.isfinite(scale)
        scale = np.where(usable, scale, 1.0)
        scaled = np.sqrt(np.sum(np.square(x / scale), axis=axes))
        return (scaled * np.reshape(scale, np.shape(scaled)))[()]


def _norm_vjp(node: Node, cotangents: Cotangents, wanted: Sequence[bool]) -> Cotangents:
    (cotangent,), (x,) = cotangents, node.inputs
    assert cotangent is not None
    out = spread(node.outputs[0], node)
    nothing = equal(out, 0.0)
    direction = select(nothing, 0.0, divide(x, select(nothing, 1.0, out)))
    return [PRIMITIVES["chain"](spread(cotangent, node), direction)]


def _norm_twin(library: Any, x: Any, *, axes: Axes) -> Any:
    return each(library.sqrt, np.sum(x * x, axis=axes))


norm2: Primitive = register(
    Primitive(
        name="norm",
        infer=lambda x, *, axes: _reduced(x, axes),
        value=_norm_value,
        vjp=_norm_vjp,
        batch=shift_axes,
        precise=_norm_twin,
        symbolic=_norm_twin,
        whole_arrays=True,
        kink=Kink(lambda x, *, axes: np.asarray(np.max(np.abs(x), axis=axes, initial=0.0) == 0), "derivative 0 at 0"),
        cost=lambda node: node.inputs[0].type.size * 1.5,
    )
)


def _finite_max(x: Any, axes: Axes) -> Any:
    top = np.max(x, axis=axes, keepdims=True)
    return np.where(np.isfinite(top), top, 0.0)


def _logsumexp_value(x: Any, *, axes: Axes) -> Any:
    with np.errstate(divide="ignore"):
        top = _finite_max(x, axes)
        return np.log(np.sum(np.exp(x - top), axis=axes)) + np.reshape(
            top, _reduced(Type("real", np.shape(x)), axes)[0][1]
        )


def _logsumexp_twin(library: Any, x: Any, *, axes: Axes) -> Any:
    return each(library.log, np.sum(each(library.exp, x), axis=axes))


def _logsumexp_types(x: Type, *, axes: Axes) -> tuple[Type]:
    _not_empty(x, axes, "logsumexp")
    return _reduced(x, axes)


def _logsumexp_vjp(node: Node, cotangents: Cotangents, wanted: Sequence[bool]) -> Cotangents:
    (cotangent,) = cotangents
    assert cotangent is not None
    return [PRIMITIVES["chain"](spread(cotangent, node), softmax(node.inputs[0], axes=node.params["axes"]))]


logsumexp: Primitive = register(
    Primitive(
        name="logsumexp",
        infer=_logsumexp_types,
        value=_logsumexp_value,
        vjp=_logsumexp_vjp,
        batch=shift_axes,
        precise=_logsumexp_twin,
        symbolic=_logsumexp_twin,
        whole_arrays=True,
        cost=lambda node: node.inputs[0].type.size * 6.0,
    )
)


def _softmax_value(x: Any, *, axes: Axes) -> Any:
    weights = np.exp(x - _finite_max(x, axes))
    return weights / np.sum(weights, axis=axes, keepdims=True)


def _softmax_types(x: Type, *, axes: Axes) -> tuple[Type]:
    _not_empty(x, axes, "softmax")
    return (x,)


def _softmax_vjp(node: Node, cotangents: Cotangents, wanted: Sequence[bool]) -> Cotangents:
    (cotangent,), out = cotangents, node.outputs[0]
    assert cotangent is not None
    # The result does not change when a constant is added to the cotangent.  With 0 at the largest element, nothing
    # cancels where that one has all the weight.
    axes = node.params["axes"]
    winners = equal(out, spread(max_(out, axes=axes), node))
    count = cast(sum_(winners, axes=axes), dtype="real")
    shifted = cotangent - spread(divide(sum_(select(winners, cotangent, 0.0), axes=axes), count), node)
    mean = spread(sum_(PRIMITIVES["chain"](shifted, out), axes=axes), node)
    return [PRIMITIVES["chain"](shifted - mean, out)]


def _softmax_twin(library: Any, x: Any, *, axes: Axes) -> Any:
    weights = each(library.exp, x)
    return weights / np.sum(weights, axis=axes, keepdims=True)


softmax: Primitive = register(
    Primitive(
        name="softmax",
        infer=_softmax_types,
        value=_softmax_value,
        vjp=_softmax_vjp,
        batch=shift_axes,
        precise=_softmax_twin,
        symbolic=_softmax_twin,
        whole_arrays=True,
        cost=lambda node: node.inputs[0].type.size * 6.0,
    )
)


def _log_softmax_value(x: Any, *, axes: Axes) -> Any:
    shifted = x - _finite_max(x, axes)
    with np.errstate(divide="ignore"):
        return shifted - np.log(np.sum(np.exp(shifted), axis=axes, keepdims=True))


def _log_softmax_vjp(node: Node, cotangents: Cotangents, wanted: Sequence[bool]) -> Cotangents:
    (cotangent,) = cotangents
    assert cotangent is not None
    total = spread(sum_(cotangent, axes=node.params["axes"]), node)
    # Not the exponential of the result: the derivative of softmax itself keeps its digits where one element has all the
    # weight.
    return [cotangent - PRIMITIVES["chain"](total, softmax(node.inputs[0], axes=node.params["axes"]))]


def _log_softmax_twin(library: Any, x: Any, *, axes: Axes) -> Any:
    return x - each(library.log, np.sum(each(library.exp, x), axis=axes, keepdims=True))


log_softmax: Primitive = register(
    Primitive(
        name="log_softmax",
        infer=_softmax_types,
        value=_log_softmax_value,
        vjp=_log_softmax_vjp,
        batch=shift_axes,
        precise=_log_softmax_twin,
        symbolic=_log_softmax_twin,
        whole_arrays=True,
        cost=lambda node: node.inputs[0].type.size * 7.0,
    )
)


def _discrete(
    name: str, value: Callable[..., Any], dtype: DType, *, reduces: bool = True, kink: Kink | None = None
) -> Primitive:
    """A primitive with integer or boolean results: it has no derivative, and stops cotangents."""

    def infer(x: Type, *, axes: Axes) -> tuple[Type]:
        if name.startswith("arg"):
            _not_empty(x, axes, name)
        return _reduced(x, axes, dtype) if reduces else (Type(dtype, x.shape),)

    return register(
        Primitive(
            name=name,
            infer=infer,
            value=value,
            vjp=lambda node, cotangents, wanted: [None],
            batch=shift_axes,
            whole_arrays=True,
            kink=kink,
            cost=lambda node: node.inputs[0].type.size * (1.0 if reduces else 30.0),
        )
    )


any_: Primitive = _discrete("any", lambda x, *, axes: np.any(x, axis=axes), "bool")
all_: Primitive = _discrete("all", lambda x, *, axes: np.all(x, axis=axes), "bool")


def _position(name: str, find: Callable[..., Any], reduce: Callable[..., Any]) -> Primitive:
    """Where the largest or smallest element is, the first of equal ones."""
    kink = Kink(_tied(reduce), "the first of tied elements counts", jump=True)
    return _discrete(name, lambda x, *, axes: find(x, axis=axes[0]), "int", kink=kink)


argmax: Primitive = _position("argmax", np.argmax, np.max)
argmin: Primitive = _position("argmin", np.argmin, np.min)


def _adjacent_equal(x: Any, *, axes: Axes) -> Array:
    return np.asarray(np.any(np.diff(np.sort(x, axis=axes[0]), axis=axes[0]) == 0, axis=axes[0], keepdims=True))


argsort: Primitive = _discrete(
    "argsort",
    lambda x, *, axes: np.argsort(x, axis=axes[0], kind="stable"),
    "int",
    reduces=False,
    kink=Kink(_adjacent_equal, "tied elements keep their order", jump=True),
)


def _tie_groups(x: Any, *, axes: Axes) -> Any:
    axis = axes[0]
    new = np.diff(x, axis=axis) != 0
    first = np.zeros([1 if a == axis else n for a, n in enumerate(x.shape)], dtype=np.int64)
    return np.concatenate([first, np.cumsum(new, axis=axis)], axis=axis) if x.shape[axis] else x.astype(np.int64)


# Along an axis in sorted order: 0, 0, 1, 2, 2 … where equal neighbours share a number.
tie_groups: Primitive = _discrete("tie_groups", _tie_groups, "int", reduces=False)


def _sort_vjp(node: Node, cotangents: Cotangents, wanted: Sequence[bool]) -> Cotangents:
    (cotangent,), (x,), (axis,) = cotangents, node.inputs, node.params["axes"]
    assert cotangent is not None
    out = node.outputs[0]
    groups = tie_groups(out, axes=(axis,))
    total = add_along(cotangent, groups, axis, out.shape)
    count = add_along(
        broadcast_to(PRIMITIVES["cast"](equal(1, 1), dtype="real"), shape=out.shape), groups, axis, out.shape
    )
    shared = divide(take_along(total, groups, axis), take_along(count, groups, axis))
    return [add_along(shared, argsort(x, axes=(axis,)), axis, x.shape)]


sort: Primitive = register(
    Primitive(
        name="sort",
        infer=lambda x, *, axes: (x,),
        value=lambda x, *, axes: np.sort(x, axis=axes[0]),
        vjp=_sort_vjp,
        batch=shift_axes,
        whole_arrays=True,
        kink=Kink(_adjacent_equal, "tied elements share the derivative equally"),
        cost=lambda node: node.inputs[0].type.size * 40.0,
    )
)
