"""Layers without windows and loops as nodes of ONNX."""

from __future__ import annotations

import numpy as np

from engine.models.exchange.activations import activated
from engine.models.exchange.sheet import Emission


def dense(e: Emission) -> str:
    """Gemm for one axis of features, else a product and a sum."""
    kernel = e.weight("kernel")
    if e.placed.signals[0].rank == 1:
        made = e.node("Gemm", e.x, kernel, *([e.weight("bias")] if "bias" in e.arrays else []))
    elif "bias" in e.arrays:
        made = e.node("Add", e.node("MatMul", e.x, kernel, part="product"), e.weight("bias"))
    else:
        made = e.node("MatMul", e.x, kernel)
    return activated(e, made, e.options["activation"])


def activate(e: Emission) -> str:
    """A function of the input."""
    return activated(e, e.x, e.options["function"], "")


def reshape(e: Emission) -> str:
    """Of any number of examples, which is what is left."""
    return e.node("Reshape", e.x, e.number("shape", np.array([-1, *e.placed.output.shape], dtype=np.int64)))


def flatten(e: Emission) -> str:
    """The operator makes two axes of any number, but not of one."""
    return e.node("Flatten", e.x, axis=1) if e.placed.signals[0].rank else reshape(e)


def embedding(e: Emission) -> str:
    """Rows of a table.  An integer below 0 would count from the end; no model here takes one."""
    return e.node("Gather", e.weight("table"), e.x, axis=0)


def layer_norm(e: Emission) -> str:
    """The operator needs factors, and its epsilon has 24 binary digits: where more are wanted, its parts."""
    epsilon, axes = e.options["epsilon"], e.options["axes"]
    shape = e.placed.signals[0].shape[-axes:]
    scale = e.weight("scale") if "scale" in e.arrays else e.number("scale", np.ones(shape))
    bias = [e.weight("bias")] if "bias" in e.arrays else []
    if e.sheet.holds(epsilon):
        return e.node("LayerNormalization", e.x, scale, *bias, axis=-axes, epsilon=epsilon)
    along = list(range(-axes, 0))
    centred = e.node("Sub", e.x, e.node("ReduceMean", e.x, part="mean", axes=along), part="centred")
    squares = e.node("Mul", centred, centred, part="squares")
    variance = e.node("ReduceMean", squares, part="variance", axes=along)
    root = e.node("Sqrt", e.node("Add", variance, e.number("epsilon", epsilon), part="above"), part="root")
    scaled = e.node("Mul", e.node("Div", centred, root, part="normal"), scale, part="scaled" if bias else "")
    return e.node("Add", scaled, *bias) if bias else scaled


def batch_norm(e: Emission) -> str:
    """By the statistics that are kept; the operator has the channels second."""
    rank, epsilon = e.placed.signals[0].rank, e.options["epsilon"]
    channels = e.placed.signals[0].shape[-1:]
    scale = e.weight("scale") if "scale" in e.arrays else e.number("scale", np.ones(channels))
    bias = e.weight("bias") if "bias" in e.arrays else e.number("bias", np.zeros(channels))
    variance = e.arrays["variance"]
    if not e.sheet.holds(epsilon):
        # What the attribute cannot hold.
        variance = variance + (epsilon - float(np.float32(epsilon)))
    arrays = (scale, bias, e.weight("mean"), e.weight("variance", variance))
    more = {"epsilon": epsilon, "momentum": e.options["momentum"]}
    if rank == 1:
        return e.node("BatchNormalization", e.x, *arrays, **more)
    first = e.node("Transpose", e.x, part="first", perm=[0, rank, *range(1, rank)])
    made = e.node("BatchNormalization", first, *arrays, part="normalised", **more)
    return e.node("Transpose", made, perm=[0, *range(2, rank + 1), 1])


def dropout(e: Emission) -> str:
    """The operator passes everything on, as it is not told to be in training."""
    return e.node("Dropout", e.x, e.number("rate", np.array(e.options["rate"])))


def standardise(e: Emission) -> str:
    """(x - mean)/scale."""
    return e.node("Div", e.node("Sub", e.x, e.weight("mean"), part="centred"), e.weight("scale"))


def add(e: Emission) -> str:
    """The sum of all inputs."""
    return _folded(e, "Add")


def multiply(e: Emission) -> str:
    """The product of all inputs."""
    return _folded(e, "Mul")


def _folded(e: Emission, op: str) -> str:
    first, *rest = e.inputs
    for k, other in enumerate(rest, 1):
        first = e.node(op, first, other, part="" if k == len(rest) else f"first{k}")
    return first


def concatenate(e: Emission) -> str:
    """Along an axis of one example."""
    axis, rank = e.options["axis"], e.placed.signals[0].rank
    return e.node("Concat", *e.inputs, axis=axis % rank + 1)
