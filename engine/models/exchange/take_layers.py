"""Operators that are layers: products, convolution, pooling, normalisation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from engine.graph.types import Array
from engine.models.exchange.faults import Refused
from engine.models.exchange.operator import Operator, Rule, Step
from engine.models.exchange.plan import Flow, Known, Order, Seen


def _dense(step: Step, layer: str, kernel: Array, bias: Array | None) -> str:
    if kernel.ndim != 2 or kernel.dtype.kind != "f":
        raise Refused(f"has a kernel of shape {kernel.shape}; matrices of real numbers are taken.")
    units = kernel.shape[1]
    arrays = {"kernel": kernel}
    if bias is not None:
        if bias.size not in (1, units) or bias.ndim > 2 or (bias.ndim == 2 and bias.shape[0] != 1):
            raise Refused(f"has a bias of shape {bias.shape} for {units} outputs.")
        arrays["bias"] = np.broadcast_to(np.ravel(bias), (units,))
    return step.layer("dense", [layer], {"units": units} | ({} if bias is not None else {"bias": False}), arrays)


def _gemm(step: Step) -> Sequence[Seen]:
    flow = step.flow()
    if len(flow.order) != 2 or step.integer("transA"):
        raise Refused("has a first factor that is no matrix of examples and features.")
    kernel = step.known(1, "weights")
    if kernel.ndim != 2:
        raise Refused("has weights that are no matrix.", True)
    kernel = (kernel.T if step.integer("transB") else kernel) * step.real("alpha")
    bias = step.known(2, "a bias") * step.real("beta") if step.has(2) else None
    return step.straight(_dense(step, step.plan.plain(flow), kernel, bias))


def _matmul(step: Step) -> Sequence[Seen]:
    first, second = step.seen(0), step.seen(1)
    if isinstance(first, Flow) and isinstance(second, Known) and second.array.ndim == 2:
        return step.straight(_dense(step, step.plan.plain(first), second.array, None))
    if isinstance(first, Flow) and isinstance(second, Flow):
        layers = [step.plan.plain(first), step.plan.plain(second)]
        if min(step.plan.signal(layer).rank for layer in layers) < 2:
            raise Refused("multiplies examples with each other.")
        return step.straight(step.expression("x1 @ x2", layers))
    if isinstance(first, Known) and isinstance(second, Flow) and first.array.ndim == 2:
        layer = step.plan.plain(second)
        if step.plan.signal(layer).rank < 2:
            raise Refused("multiplies examples with each other.")
        return step.straight(step.expression("p @ x", [layer], {"p": first.array}))
    raise Refused("has factors other than a matrix of constants and what the model computes.")


def _channels_last(step: Step, flow: Flow, axes: int) -> str:
    """A layer that gives what a flow has with its second axis last."""
    if len(flow.order) != axes + 2:
        raise Refused(f"gets an array with {len(flow.order)} axes; {axes + 2} are needed.")
    return step.plan.plain(Flow(flow.layer, (flow.order[0], *flow.order[2:], flow.order[1])))


def _second(axes: int) -> Order:
    """The order of what has its channels last, in ONNX."""
    return (0, axes + 1, *range(1, axes + 1))


def _axes(step: Step, size: int) -> int:
    if size not in (1, 2):
        raise Refused(f"runs along {size} axes; 1 and 2 are taken.")
    return size


def _window(step: Step, axes: int, size: list[int]) -> dict[str, Any]:
    """The options that convolution and pooling share."""
    stride, auto = step.many("strides", axes, 1), step.attributes["auto_pad"]
    if auto == "SAME_UPPER":
        padding: Any = "same"
    elif auto in ("NOTSET", "VALID"):
        pads = step.many("pads", 2 * axes, 0) if auto == "NOTSET" else [0] * (2 * axes)
        pairs = [[pads[k], pads[axes + k]] for k in range(axes)]
        padding = pairs if any(pads) else "valid"
    else:
        raise Refused(f"has `auto_pad` {auto!r}; NOTSET, VALID and SAME_UPPER are taken.")
    return {"size": list(size), "stride": stride, "padding": padding}


def _conv(step: Step) -> Sequence[Seen]:
    kernel = step.known(1, "weights")
    axes = _axes(step, kernel.ndim - 2)
    size = list(kernel.shape[2:])
    if step.many("kernel_shape", axes, 0) not in ([0] * axes, size):
        raise Refused("has a `kernel_shape` other than that of its weights.", True)
    layer = _channels_last(step, step.flow(), axes)
    options = {"filters": kernel.shape[0], **_window(step, axes, size), "groups": step.integer("group")}
    options["dilation"] = step.many("dilations", axes, 1)
    arrays = {"kernel": np.transpose(kernel, (*range(2, axes + 2), 1, 0))}
    if step.has(2):
        arrays["bias"] = step.known(2, "a bias")
    else:
        options["bias"] = False
    return [Flow(step.layer(f"conv{axes}d", [layer], options, arrays), _second(axes))]


def _pool(kind: str) -> Rule:
    def rule(step: Step) -> Sequence[Seen]:
        flow = step.flow()
        axes = _axes(step, len(flow.order) - 2)
        step.require(ceil_mode=0)
        if step.many("dilations", axes, 1) != [1] * axes:
            raise Refused("has `dilations`, which pooling has not here.")
        options = _window(step, axes, step.many("kernel_shape", axes, 0))
        if kind == "mean" and step.integer("count_include_pad") and options["padding"] != "valid":
            raise Refused("counts what padding adds; with `count_include_pad` 0 it is taken.")
        if kind == "max":
            step.require(storage_order=0)
        layer = _channels_last(step, flow, axes)
        return [Flow(step.layer(f"{kind}_pool{axes}d", [layer], options), _second(axes))]

    return rule


def _overall(kind: str) -> Rule:
    def rule(step: Step) -> Sequence[Seen]:
        flow = step.flow()
        axes = len(flow.order) - 2
        if axes < 1:
            raise Refused("has nothing but channels to run over.")
        layer = step.layer(f"global_{kind}_pool", [_channels_last(step, flow, axes)], {})
        return [Flow(layer, (0, 1, *[None] * axes))]

    return rule


def _batch_norm(step: Step) -> Sequence[Seen]:
    step.require(training_mode=0)
    flow = step.flow()
    axes = len(flow.order) - 2
    if axes < 0:
        raise Refused("gets no channels.")
    arrays = {role: step.known(k, role) for k, role in enumerate(("scale", "bias", "mean", "variance"), 1)}
    variance, epsilon = arrays["variance"], step.real("epsilon")
    with np.errstate(over="ignore"):
        wide = np.any(variance.astype(np.float32) != variance)
    if wide:
        # Of float64: what the attribute, a float32, has more than the decimal that is meant is the variance's again.
        arrays["variance"] = variance = variance + (step.attributes["epsilon"] - epsilon)
    if np.any(variance + epsilon <= 0):
        raise Refused("has a variance below 0.")
    options = {"epsilon": step.real("epsilon"), "momentum": step.real("momentum")}
    layer = step.layer("batch_norm", [_channels_last(step, flow, axes)], options, arrays)
    return [Flow(layer, _second(axes))]


def _layer_norm(step: Step) -> Sequence[Seen]:
    flow = step.flow()
    step.require(stash_type=1)
    rank = len(flow.order)
    axes = rank - step.along(step.integer("axis"), rank)
    layer = step.plan.plain(flow)
    shape = step.plan.signal(layer).shape[-axes:]
    arrays = {"scale": np.broadcast_to(step.known(1, "factors"), shape)} if _fits(step, 1, shape) else {}
    options: dict[str, Any] = {"axes": axes, "epsilon": step.real("epsilon")}
    if step.has(2) and _fits(step, 2, shape):
        arrays["bias"] = np.broadcast_to(step.known(2, "a bias"), shape)
    else:
        options["bias"] = False
    return step.straight(step.layer("layer_norm", [layer], options, arrays))


def _fits(step: Step, k: int, shape: tuple[int, ...]) -> bool:
    array = step.known(k, "arrays")
    try:
        if np.broadcast_shapes(array.shape, shape) == shape:
            return True
    except ValueError:
        pass
    raise Refused(f"has an array of shape {array.shape} for {shape}.", True)


_WINDOW = {"auto_pad": "NOTSET", "kernel_shape": None, "pads": None, "strides": None, "dilations": None}
LAYERS: Mapping[str, Operator] = {
    "Gemm": Operator(_gemm, (2, 3), {"alpha": 1.0, "beta": 1.0, "transA": 0, "transB": 0}),
    "MatMul": Operator(_matmul, (2, 2)),
    "Conv": Operator(_conv, (2, 3), {**_WINDOW, "group": 1}),
    "MaxPool": Operator(_pool("max"), (1, 1), {**_WINDOW, "ceil_mode": 0, "storage_order": 0}),
    "AveragePool": Operator(_pool("mean"), (1, 1), {**_WINDOW, "ceil_mode": 0, "count_include_pad": 0}),
    "GlobalMaxPool": Operator(_overall("max")),
    "GlobalAveragePool": Operator(_overall("mean")),
    "BatchNormalization": Operator(_batch_norm, (5, 5), {"epsilon": 1e-5, "momentum": 0.9, "training_mode": 0}),
    "LayerNormalization": Operator(_layer_norm, (2, 3), {"axis": -1, "epsilon": 1e-5, "stash_type": 1}),
}
