"""Recurrent layers and attention as nodes of ONNX."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from engine.graph.types import Array
from engine.models.exchange.sheet import Emission

GATES = {"RNN": (0,), "GRU": (0, 1, 2), "LSTM": (0, 3, 1, 2)}
"""Which of our gates stands where in ONNX: i, o, f, c there are i, f, g, o here; z, r, h are the same."""


def regated(array: Array, order: Sequence[int]) -> Array:
    """An array whose last axis has all gates, in another order of them."""
    parts = np.split(array, len(order), axis=-1)
    return np.concatenate([parts[gate] for gate in order], axis=-1)


def recurrent(op: str) -> Callable[[Emission], str]:
    """The emitter of one direction of a recurrent layer, time first."""
    order = GATES[op]

    def emit(e: Emission) -> str:
        units = e.options["units"]
        zero = np.zeros(len(order) * units)
        kernel, recurrent = (regated(e.arrays[role], order).T[None] for role in ("kernel", "recurrent_kernel"))
        biases = [regated(e.arrays.get(role, zero), order) for role in ("bias", "recurrent_bias")]
        inputs = [
            e.node("Transpose", e.x, part="steps", perm=[1, 0, 2]),
            e.weight("kernel", kernel),
            e.weight("recurrent_kernel", recurrent),
        ]
        if e.arrays.keys() & {"bias", "recurrent_bias"}:
            inputs.append(e.weight("bias", np.concatenate(biases)[None]))
        more: dict[str, Any] = {"hidden_size": units}
        if op == "GRU":
            # The reset gate after the product, as here.
            more["linear_before_reset"] = 1
        elif op == "RNN":
            more["activations"] = [{"tanh": "Tanh", "relu": "Relu"}[e.options["activation"]]]
        made = e.node(op, *inputs, outputs=2, **more)
        last = not e.options["sequences"]
        axis = e.number("direction", np.array([0 if last else 1], dtype=np.int64))
        only = e.node("Squeeze", f"{made}.1" if last else made, axis, part="only")
        return only if last else e.node("Transpose", only, part="examples", perm=[1, 0, 2])

    return emit


def attention(e: Emission) -> str:
    """Products of stacks of matrices, one for each example and head."""
    signals, inputs, heads = e.placed.signals, e.inputs, e.options["heads"]
    wide = e.arrays["query_kernel"].shape[-1]
    size = wide // heads
    at = {"query": 0, "value": min(1, len(inputs) - 1)}
    at["key"] = 2 if len(inputs) == 3 else at["value"]
    split = {}
    root = float(np.sqrt(size))
    # A runtime may fuse a factor into a product, as an attribute: one that would not hold it meets the kernel instead.
    folded = 1.0 if e.sheet.holds(root) else root
    for role, perm in (("query", [0, 2, 1, 3]), ("key", [0, 2, 3, 1]), ("value", [0, 2, 1, 3])):
        made = _projected(e, role, inputs[at[role]], role, folded if role == "query" else 1.0)
        if role == "query" and folded == 1.0:
            made = e.node("Div", made, e.number("root", root), part="scaled")
        sizes = np.array([-1, signals[at[role]].shape[0], heads, size], dtype=np.int64)
        parted = e.node("Reshape", made, e.number(f"{role}.shape", sizes), part=f"{role}.parted")
        split[role] = e.node("Transpose", parted, part=f"{role}.heads", perm=perm)
    scores = e.node("MatMul", split["query"], split["key"], part="scores")
    if e.options["causal"]:
        times = signals[0].shape[0], signals[at["key"]].shape[0]
        seen = e.number("seen", np.tril(np.ones(times, dtype=np.bool_)))
        scores = e.node("Where", seen, scores, e.number("unseen", np.array(-np.inf)), part="causal")
    shares = e.node("Softmax", scores, part="shares", axis=-1)
    taken = e.node("MatMul", shares, split["value"], part="taken")
    beside = e.node("Transpose", taken, part="beside", perm=[0, 2, 1, 3])
    sizes = np.array([-1, signals[0].shape[0], wide], dtype=np.int64)
    return _projected(e, "output", e.node("Reshape", beside, e.number("shape", sizes), part="joined"), "")


def _projected(e: Emission, role: str, x: str, part: str, divisor: float = 1.0) -> str:
    name, bias = f"{role}_kernel", f"{role}_bias"
    kernel = e.weight(name, e.arrays[name] / divisor)
    if bias not in e.arrays:
        return e.node("MatMul", x, kernel, part=part)
    product = e.node("MatMul", x, kernel, part=f"{role}.product")
    return e.node("Add", product, e.weight(bias, e.arrays[bias] / divisor), part=part)
