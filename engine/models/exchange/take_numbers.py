"""Operators on numbers one by one: activations, and arithmetic."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from engine.graph.types import Array
from engine.models.exchange.activations import ALONG, SAME, SLOPED
from engine.models.exchange.faults import Refused
from engine.models.exchange.fold import folded
from engine.models.exchange.operator import Operator, Rule, Step
from engine.models.exchange.plan import Filled, Flow, Known, Measured, Seen


def _same_axes(step: Step, layer: str, flow: Flow) -> Sequence[Seen]:
    return [Flow(layer, flow.order)]


def _activation(name: str) -> Rule:
    def rule(step: Step) -> Sequence[Seen]:
        seen = step.seen(0)
        if isinstance(seen, Known):
            return [Known(folded(step.node.op, seen.array))]
        flow = step.flow()
        return _same_axes(step, step.layer("activation", [flow.layer], {"function": name}), flow)

    return rule


def _sloped(name: str, option: str, default: float) -> Operator:
    def rule(step: Step) -> Sequence[Seen]:
        flow = step.flow()
        function = {"name": name, option: step.real("alpha")}
        return _same_axes(step, step.layer("activation", [flow.layer], {"function": function}), flow)

    return Operator(rule, attributes={"alpha": default})


def _selu(step: Step) -> Sequence[Seen]:
    for name, wanted in (("alpha", 1.6732632423543772), ("gamma", 1.0507009873554805)):
        if abs(step.real(name) - wanted) > 1e-6:
            raise Refused(f"has `{name}` {step.real(name)}; {wanted} is taken.")
    return _activation("selu")(step)


def _along(name: str) -> Rule:
    def rule(step: Step) -> Sequence[Seen]:
        flow = step.flow()
        axis = flow.order[step.along(step.integer("axis"), len(flow.order))]
        if axis == 0:
            raise Refused("runs along the axis over examples.")
        if axis is not None and axis == step.plan.signal(flow.layer).rank:
            return _same_axes(step, step.layer("activation", [flow.layer], {"function": name}), flow)
        if axis is None:
            raise Refused("runs along an axis of length 1.")
        return _same_axes(step, step.expression(f"{name}(x, axis={axis})", [flow.layer]), flow)

    return rule


def _gelu(step: Step) -> Sequence[Seen]:
    if step.attributes["approximate"] == "none":
        return _activation("gelu")(step)
    step.require(approximate="tanh")
    flow = step.flow()
    return _same_axes(step, step.expression("0.5*x*(1 + tanh(sqrt(2/pi)*(x + 0.044715*x^3)))", [flow.layer]), flow)


def _function(text: str) -> Rule:
    def rule(step: Step) -> Sequence[Seen]:
        seen = step.seen(0)
        if isinstance(seen, Known):
            return [Known(folded(step.node.op, seen.array))]
        flow = step.flow()
        return _same_axes(step, step.expression(text, [flow.layer]), flow)

    return rule


def _clip(step: Step) -> Sequence[Seen]:
    flow, text = step.flow(), "x"
    if step.has(1):
        text = f"maximum({text}, {_text(step.number(1, 'a least value'))})"
    if step.has(2):
        text = f"minimum({text}, {_text(step.number(2, 'a largest value'))})"
    if text == "x":
        return [flow]
    return _same_axes(step, step.expression(text, [flow.layer]), flow)


def _text(number: float) -> str:
    if not np.isfinite(number) or abs(number) > 1e300:
        raise Refused("has a number that is not finite.")
    # A float32 is meant as the shortest decimal that rounds to it.
    with np.errstate(over="ignore"):
        single = np.float32(number)
    short = float(str(single)) if float(single) == number else number
    return f"({short!r})" if short < 0 else repr(short)


def aligned(step: Step, array: Array, flow: Flow) -> Array:
    """A constant as it meets what a layer gives, for one example.  Raises `Refused`."""
    rank = len(flow.order)
    if array.ndim > rank:
        raise Refused(f"has a constant with {array.ndim} axes for an array with {rank}.")
    wide = array.reshape((1,) * (rank - array.ndim) + array.shape)
    for axis, size in zip(flow.order, wide.shape, strict=True):
        if size != 1 and not axis:
            raise Refused("has a constant that is not the same for all examples.")
    own = sorted((axis, k) for k, axis in enumerate(flow.order) if axis)
    turned = np.transpose(wide, [k for _, k in own] + [k for k, axis in enumerate(flow.order) if not axis])
    found = turned.reshape(turned.shape[: len(own)])
    # As few axes as it needs: a bias has one.
    few = 0
    while few < found.ndim - 1 and found.shape[few] == 1:
        few += 1
    return found.reshape(found.shape[few:])


_TEXTS: Mapping[str, str] = {"Add": "{} + {}", "Sub": "{} - {}", "Mul": "{}*{}", "Div": "{}/{}", "Pow": "{}^{}"}
_FOLDS: Mapping[str, Any] = {
    "Add": np.add,
    "Sub": np.subtract,
    "Mul": np.multiply,
    "Div": np.divide,
    "Pow": np.power,
    "Min": np.minimum,
    "Max": np.maximum,
}
_LAYERS = {"Add": "add", "Mul": "multiply"}


def _binary(op: str) -> Rule:
    text = _TEXTS.get(op, f"{op.lower()}imum({{}}, {{}})")

    def rule(step: Step) -> Sequence[Seen]:
        first, second = step.seen(0), step.seen(1)
        if isinstance(first, Known) and isinstance(second, Known):
            return [_folded(op, first.array, second.array)]
        if isinstance(first, Measured | Filled) or isinstance(second, Measured | Filled):
            raise Refused("computes with the number of examples.")
        if isinstance(first, Flow) and isinstance(second, Flow):
            return _two(step, op, text, first, second)
        flow, other = (first, second) if isinstance(first, Flow) else (second, first)
        assert isinstance(flow, Flow)
        assert isinstance(other, Known)
        return _one(step, text, flow, other.array, swapped=flow is not first)

    return rule


def _folded(op: str, first: Array, second: Array) -> Seen:
    if max(first.size, second.size) > 2**20:
        raise Refused("computes with large constants.")
    try:
        with np.errstate(all="ignore"):
            if op == "Div" and first.dtype.kind == second.dtype.kind == "i":
                if not np.all(second):
                    raise Refused("divides an integer by 0.", True)
                return Known(np.asarray(np.trunc(first / second).astype(np.int64)))
            if np.prod(np.broadcast_shapes(first.shape, second.shape)) > 2**20:
                raise Refused("computes with large constants.")
            return Known(np.asarray(_FOLDS[op](first, second)))
    except (TypeError, ValueError):
        raise Refused("has constants that do not fit together.", True) from None


def _one(step: Step, text: str, flow: Flow, array: Array, swapped: bool) -> Sequence[Seen]:
    if array.dtype.kind == "b":
        raise Refused("computes with truths.", True)
    # A weight of one unit stays a weight.
    single = array.ndim > 0 and step.sizes(flow)[-1] == 1
    if array.size == 1 and array.ndim <= len(flow.order) and not single:
        parts = ["x", _text(float(np.ravel(array)[0]))]
        return _same_axes(
            step, step.expression(text.format(*reversed(parts) if swapped else parts), [flow.layer]), flow
        )
    own = aligned(step, array, flow)
    parts = ["p", "x"] if swapped else ["x", "p"]
    layer = step.expression(text.format(*parts), [flow.layer], {"p": own})
    if step.plan.signal(layer) == step.plan.signal(flow.layer):
        return _same_axes(step, layer, flow)
    if flow != step.plan.straight(flow.layer):
        raise Refused("makes an array larger by a constant, across axes in another order.")
    return step.straight(layer)


def _two(step: Step, op: str, text: str, first: Flow, second: Flow) -> Sequence[Seen]:
    plan = step.plan
    if first.order == second.order and plan.signal(first.layer) == plan.signal(second.layer):
        layers = [first.layer, second.layer]
        if op in _LAYERS and plan.signal(first.layer).dtype == "real":
            return _same_axes(step, step.layer(_LAYERS[op], layers, {}), first)
        return _same_axes(step, step.expression(text.format("x1", "x2"), layers), first)
    if len(first.order) != len(second.order):
        raise Refused(f"gets arrays with {len(first.order)} and {len(second.order)} axes.")
    layers = [plan.plain(first), plan.plain(second)]
    return step.straight(step.expression(text.format("x1", "x2"), layers))


def _several(op: str) -> Rule:
    """Sum, Min, Max, Mean of any number: two by two."""
    rule = _binary(op)

    def fold(step: Step) -> Sequence[Seen]:
        found = step.seen(0)
        for k in range(1, len(step.inputs)):
            inner = Step(step.plan, step.node, (found, step.seen(k)), step.attributes, step.opset, step.used)
            found = rule(inner)[0]
        return [found]

    return fold


def _where(step: Step) -> Sequence[Seen]:
    """A constant choice: what is not seen yet in attention, and the like."""
    seen = step.known(0, "conditions")
    if seen.dtype.kind != "b":
        raise Refused("has conditions that are no truths.", True)
    # What is computed comes first, or second where the conditions tell what is left out.
    second = isinstance(step.seen(2), Flow)
    flow, other = step.flow(2 if second else 1), step.number(1 if second else 2, "an alternative")
    seen = ~seen if second else seen
    # What softmax makes 0, without what is not finite.
    text = _text(max(-1e300, other))
    layer = step.plan.plain(flow)
    shape = step.plan.signal(layer).shape
    matrix = seen.reshape(seen.shape[-2:]) if seen.size == np.prod(seen.shape[-2:]) else seen
    if len(shape) >= 2 and matrix.shape == shape[-2:] and np.array_equal(matrix, np.tril(np.ones_like(matrix))):
        condition = f"arange({shape[-2]})[:, None] >= arange({shape[-1]})"
        return step.straight(step.expression(f"where({condition}, x, {text})", [layer]))
    own = aligned(step, seen.astype(np.float64), step.plan.straight(layer))
    return step.straight(step.expression(f"where(p > 0.5, x, {text})", [layer], {"p": own}))


_FUNCTIONS: Mapping[str, str] = {
    "Neg": "-x",
    "Abs": "abs(x)",
    "Sqrt": "sqrt(x)",
    "Reciprocal": "1/x",
    "Log": "log(x)",
    "Erf": "erf(x)",
    "Cos": "cos(x)",
    "Tan": "tan(x)",
    "Asin": "asin(x)",
    "Acos": "acos(x)",
    "Atan": "atan(x)",
    "Sinh": "sinh(x)",
    "Cosh": "cosh(x)",
    "Asinh": "asinh(x)",
    "Acosh": "acosh(x)",
    "Atanh": "atanh(x)",
    "Floor": "floor(x)",
    "Ceil": "ceil(x)",
    "Round": "round(x)",
    "Sign": "sign(x)",
    "Mish": "x*tanh(softplus(x))",
    "HardSwish": "x*maximum(0, minimum(1, x/6 + 0.5))",
}
NUMBERS: Mapping[str, Operator] = {
    **{op: Operator(_activation(name)) for name, op in SAME.items() if op != "Selu"},
    **{op: Operator(_along(name), attributes={"axis": -1}) for name, op in ALONG.items()},
    **{op: _sloped(name, option, {"LeakyRelu": 0.01, "Elu": 1.0}[op]) for name, (op, option) in SLOPED.items()},
    "Selu": Operator(_selu, attributes={"alpha": 1.67326319217681884765625, "gamma": 1.05070102214813232421875}),
    "Gelu": Operator(_gelu, attributes={"approximate": "none"}),
    **{op: Operator(_function(text)) for op, text in _FUNCTIONS.items()},
    **{op: Operator(_binary(op), (2, 2)) for op in _TEXTS},
    "Sum": Operator(_several("Add"), (1, 1000)),
    "Min": Operator(_several("Min"), (1, 1000)),
    "Max": Operator(_several("Max"), (1, 1000)),
    "Clip": Operator(_clip, (1, 3)),
    "Where": Operator(_where, (3, 3)),
}
