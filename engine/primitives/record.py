"""Constructors of records: what follows from the kind of a primitive is written here once.

An elementwise primitive states its partial derivatives and everything else follows: shapes broadcast, the reverse
rule multiplies the cotangent with the partial and sums over broadcast axes, the batching rule aligns axes.  A linear
primitive states its transpose.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from engine.errors import EngineFault, NotDifferentiable
from engine.graph.build import constant, emit
from engine.graph.primitive import Batch, Cotangents, Kink, Primitive
from engine.graph.registry import PRIMITIVES, register
from engine.graph.types import DType, Shape, Type, broadcast, promote
from engine.graph.values import Node, Operand, Value
from engine.primitives.function import Function, Parameter, Points, enter

Numbers = Literal["real", "number", "compare", "logic", "select"]
"""Which dtypes an elementwise primitive works in.

`real`: inputs become real, so does the output.  `number`: the widest dtype of the inputs, at least int.  `compare`:
like number, with a bool output.  `logic`: bool throughout.  `select`: a bool, then two of their widest dtype.
"""


@dataclass(frozen=True, slots=True)
class Routed:
    """A partial derivative that is applied and not multiplied: `apply(cotangent, *inputs, out, **params)`.

    Diagonal, hence its own transpose: the same map carries tangents forward.
    """

    apply: Callable[..., Value]


Partial = Callable[..., Value] | float | Routed
"""`partial(*inputs, out, **params)`, or a number where it is constant; 0.0 means zero almost everywhere."""


class Elementwise(Primitive):
    """A primitive that works number by number; calling it brings the operands to its dtypes."""

    def all(self, *inputs: Operand, **params: Any) -> tuple[Value, ...]:
        """Emit a node; operands are cast first."""
        return emit(self, to_dtypes(self.fields["numbers"], inputs), params)

    def __call__(self, *inputs: Operand, **params: Any) -> Value:
        """Emit a node; operands are cast first."""
        return emit(self, to_dtypes(self.fields["numbers"], inputs), params)[0]


def to_dtypes(numbers: Numbers, inputs: Sequence[Operand]) -> list[Value]:
    """The operands as values of the dtypes that a primitive of this sort takes."""
    if numbers == "real":
        return [_cast(v, "real") for v in inputs]
    values = [v if isinstance(v, Value) else constant(v) for v in inputs]
    if numbers == "logic":
        return [_truth(v) for v in values]
    if numbers == "select":
        common = promote(values[1].type.dtype, values[2].type.dtype)
        return [_truth(values[0]), _cast(values[1], common), _cast(values[2], common)]
    common = promote("int" if numbers == "number" else "bool", *[v.type.dtype for v in values])
    return [_cast(v, common) for v in values]


def _cast(value: Operand, dtype: DType) -> Value:
    if not isinstance(value, Value):
        return constant(value, dtype)
    return value if value.type.dtype == dtype else PRIMITIVES["cast"](value, dtype=dtype)


def _truth(value: Value) -> Value:
    return value if value.type.dtype == "bool" else PRIMITIVES["not_equal"](value, 0)


def elementwise(
    name: str,
    value: Callable[..., Any],
    partials: Partial | tuple[Partial, ...] | None,
    *,
    numbers: Numbers = "real",
    group: str = "",
    summary: str = "",
    aliases: tuple[str, ...] = (),
    arguments: tuple[str, ...] = ("x", "y", "z"),
    domain: str = "",
    inside: Callable[..., Any] | None = None,
    kink: Kink | None = None,
    precise: Callable[..., Any] | None = None,
    symbolic: Callable[..., Any] | None = None,
    points: Points | None = None,
    arity: int | None = None,
    gate: bool = False,
    scalar: Callable[..., Any] | None = None,
    nanoseconds: float = 2.0,
    note: str = "",
    overrides: bool = False,
    public: bool = True,
) -> Elementwise:
    """Register an elementwise primitive, and, if it is public, the function of the same name.

    `value`: a numpy ufunc or a function of arrays that broadcasts.  `partials`: one per argument; see `Partial`.
    `nanoseconds`: measured cost of one element.  `domain` is for people, `inside(*inputs)` its test on arrays.
    `overrides`: the derivative is one by definition, and not that of the value.
    """
    rules: tuple[Partial, ...] | None = partials if isinstance(partials, tuple) or partials is None else (partials,)
    count = arity or (len(rules) if rules else 1)
    primitive = Elementwise(
        name=name,
        infer=_elementwise_types(name, numbers),
        value=value,
        vjp=None if rules is None else _elementwise_vjp(rules),
        batch=_batch_elementwise,
        precise=precise,
        symbolic=symbolic,
        kink=kink,
        domain=domain,
        inside=inside,
        gate=gate,
        scalar=scalar,
        kind="elementwise",
        cost=lambda node: nanoseconds * node.outputs[0].type.size,
        fields={"numbers": numbers, "partials": rules, "points": points, "arity": count, "overrides": overrides},
    )
    register(primitive)
    if public:
        enter(
            Function(
                name,
                tuple(Parameter(argument, "Value", keyword=False) for argument in arguments[:count]),
                primitive,
                summary,
                group,
                aliases=aliases,
                domain=domain,
                kink=kink.convention if kink else "",
                differentiable=rules is not None and any(rule != 0.0 for rule in rules),
                note=note,
                points=points,
            )
        )
    return primitive


def _elementwise_types(name: str, numbers: Numbers) -> Callable[..., Sequence[Type]]:
    def infer(*types: Type, **params: Any) -> tuple[Type]:
        shape = types[0].shape if len(types) == 1 else broadcast(*[t.shape for t in types])
        operands = types[1:] if numbers == "select" else types
        dtype = operands[0].dtype
        if any(t.dtype != dtype for t in operands) or (numbers == "real" and dtype != "real"):
            raise EngineFault(f"{name} got {', '.join(map(str, types))}: operands were not cast")
        return (Type("bool" if numbers in ("compare", "logic") else dtype, shape),)

    return infer


def _elementwise_vjp(partials: tuple[Partial, ...]) -> Callable[..., Cotangents]:
    def vjp(node: Node, cotangents: Cotangents, wanted: Sequence[bool]) -> Cotangents:
        (cotangent,) = cotangents
        assert cotangent is not None
        out = node.outputs[0]
        result: list[Value | None] = []
        for value, want, partial in zip(node.inputs, wanted, partials, strict=True):
            if not want or partial == 0.0:
                result.append(None)
                continue
            if isinstance(partial, Routed):
                share = partial.apply(cotangent, *node.inputs, out, **node.params)
            else:
                factor = partial if isinstance(partial, float) else partial(*node.inputs, out, **node.params)
                share = PRIMITIVES["chain"](cotangent, factor)
            result.append(sum_to(share, value.shape))
        return result

    return vjp


def refuse(reason: str) -> Partial:
    """A partial derivative that is not offered, with the reason."""

    def partial(*values: Value, **params: Any) -> Value:
        raise NotDifferentiable(reason)

    return partial


def sum_to(value: Value, shape: Shape) -> Value:
    """The sum of `value` over the axes along which `shape` would be broadcast to it."""
    if value.shape == shape:
        return value
    extra = value.rank - len(shape)
    if extra < 0 or (extra == 0 and any(n == 1 != m for m, n in zip(shape, value.shape, strict=True))):
        return PRIMITIVES["broadcast_to"](value, shape=shape)
    axes = tuple(range(extra)) + tuple(
        axis + extra for axis, size in enumerate(shape) if size == 1 and value.shape[axis + extra] != 1
    )
    return PRIMITIVES["reshape"](PRIMITIVES["sum"](value, axes=axes), shape=shape)


def align(value: Value, batched: bool, rank: int) -> Value:
    """A batched value of lower rank, with axes of size 1 put behind its batch axis so that it broadcasts at `rank`."""
    missing = rank + 1 - value.rank
    if not batched or not missing:
        return value
    return PRIMITIVES["reshape"](value, shape=(value.shape[0],) + (1,) * missing + value.shape[1:])


def _batch_elementwise(node: Node, inputs: Sequence[Value], batched: Sequence[bool], size: int) -> Sequence[Value]:
    rank = node.outputs[0].rank
    operands = [align(v, flag, rank) for v, flag in zip(inputs, batched, strict=True)]
    return emit(node.primitive, operands, node.params)


def with_batch(value: Value, batched: bool, size: int) -> Value:
    """The value with a batch axis, repeated where it has none."""
    return value if batched else PRIMITIVES["broadcast_to"](value, shape=(size, *value.shape))


def leading_axes(node: Node, inputs: Sequence[Value], batched: Sequence[bool], size: int) -> Sequence[Value]:
    """Batching of a primitive that works on its last axes and takes any leading ones, as numpy.linalg does."""
    operands = [with_batch(v, flag, size) for v, flag in zip(inputs, batched, strict=True)]
    return emit(node.primitive, operands, node.params)


def linear(
    name: str,
    infer: Callable[..., Sequence[Type]],
    value: Callable[..., Any],
    transpose: Callable[[Value, Node], Value],
    batch: Batch,
    nanoseconds: float = 1.0,
) -> Primitive:
    """Register a primitive that is linear in its first input (further inputs are indices, never differentiated).

    `transpose(cotangent, node)` is its adjoint.  Its value works on object arrays too: the witnesses use it as it is.
    """

    def vjp(node: Node, cotangents: Cotangents, wanted: Sequence[bool]) -> Cotangents:
        (cotangent,) = cotangents
        assert cotangent is not None
        return [transpose(cotangent, node)] + [None] * (len(node.inputs) - 1)

    return register(
        Primitive(
            name=name,
            infer=infer,
            value=value,
            vjp=vjp,
            batch=batch,
            whole_arrays=True,
            kind="linear",
            cost=lambda node: nanoseconds * max([v.type.size for v in (*node.inputs, *node.outputs)]),
        )
    )
