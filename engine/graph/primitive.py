"""What a primitive is: one record that holds everything the engine knows about one operation.

A rule that does not exist is None, and asking for it is an error that names the primitive; it is never a silent zero.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from engine.graph.build import emit
from engine.graph.types import Array, Type
from engine.graph.values import Node, Operand, Value

Params = Mapping[str, Any]
Cotangents = Sequence[Value | None]
"""One per output, or per input; None where there is none at all."""

Infer = Callable[..., Sequence[Type]]
"""`infer(*input_types, **params)`: types of the outputs; raises `ShapeMismatch` or `TypeMismatch`."""
Vjp = Callable[[Node, Cotangents, Sequence[bool]], Cotangents]
"""`vjp(node, cotangents of outputs, wanted inputs)`: one cotangent per input, None for no contribution."""
Jvp = Callable[[Node, Cotangents], Cotangents]
"""`jvp(node, tangents of inputs)`: one tangent per output, None where there is none at all."""
Batch = Callable[[Node, Sequence[Value], Sequence[bool], int], Sequence[Value | tuple[Value, bool]]]
"""`batch(node, inputs, batched, size)`: the outputs with a leading axis of `size`; `batched` inputs have one.

An output may also be given with a flag that says whether it has the axis."""


@dataclass(frozen=True, slots=True)
class Kink:
    """Where a primitive is continuous, or not even that, but has no derivative, and what is answered there.

    `at(*inputs, **params)` is a boolean array (numpy, shape of the output or of an input): True where it happens.
    `left` and `right` are the one-sided partial derivatives in the first argument, None where that has no meaning.
    `jump` says that the value itself is discontinuous there.
    """

    at: Callable[..., Array]
    convention: str
    left: float | None = None
    right: float | None = None
    jump: bool = False


@dataclass(frozen=True, eq=False)
class Primitive:
    """One operation of the graph.

    `value(*arrays, **params)` computes it with numpy.  `precise(mp, *numbers, **params)` and `symbolic(sympy,
    *expressions, **params)` are its twins for the witnesses: of one element, or of whole object arrays where
    `whole_arrays` is set; without a twin, `whole_arrays` says that `value` works on object arrays as it is.
    `scalar` is the same as `value` on single float64s, where an operator of Python is faster than a ufunc (measured:
    17 times for a product).  `cost(node)` estimates nanoseconds beyond the call.  At a `gate`, zeros count as branches
    that were not taken.  A `jvp` is needed only where it does not follow from the kind or from the reverse rule.  One
    with an `effect` runs whether its outputs are needed or not.  `in_place(first, *rest, **params)` writes the result
    into the first argument, an array that nobody else needs any more.
    """

    name: str
    infer: Infer
    value: Callable[..., Any]
    vjp: Vjp | None = None
    jvp: Jvp | None = None
    batch: Batch | None = None
    precise: Callable[..., Any] | None = None
    symbolic: Callable[..., Any] | None = None
    whole_arrays: bool = False
    kink: Kink | None = None
    domain: str = ""
    inside: Callable[..., Array] | None = None
    cost: Callable[[Node], float] | None = None
    gate: bool = False
    scalar: Callable[..., Any] | None = None
    effect: bool = False
    in_place: Callable[..., Any] | None = None
    kind: str = "structural"
    fields: Params = field(default_factory=dict)

    def __call__(self, *inputs: Operand, **params: Any) -> Value:
        """Emit a node into the graph being built; for primitives with one output."""
        return emit(self, inputs, params)[0]

    def all(self, *inputs: Operand, **params: Any) -> tuple[Value, ...]:
        """Emit a node and give all its outputs."""
        return emit(self, inputs, params)

    def __repr__(self) -> str:
        return f"<primitive {self.name}>"
