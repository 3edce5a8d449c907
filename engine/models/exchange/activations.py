"""Activations as nodes of ONNX."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from engine.models.exchange.sheet import Emission
from engine.models.fields import Named

SAME: Mapping[str, str] = {
    "tanh": "Tanh",
    "relu": "Relu",
    "sigmoid": "Sigmoid",
    "selu": "Selu",
    "softplus": "Softplus",
    "softsign": "Softsign",
    "exp": "Exp",
    "sin": "Sin",
}
"""Activations that are one operator without attributes."""
ALONG: Mapping[str, str] = {"softmax": "Softmax", "log_softmax": "LogSoftmax"}
SLOPED: Mapping[str, tuple[str, str]] = {"leaky_relu": ("LeakyRelu", "slope"), "elu": ("Elu", "alpha")}
"""Operators whose attribute `alpha` is an option of this name."""


def gelu(e: Emission, x: str, part: str) -> str:
    """The nodes that PyTorch writes: readers know them, and the operator Gelu is younger than the opset."""
    at = f"{part}." if part else ""
    divided = e.node("Div", x, e.number(f"{at}sqrt2", math.sqrt(2.0)), part=f"{at}divided")
    shifted = e.node("Add", e.node("Erf", divided, part=f"{at}erf"), e.number(f"{at}one", 1.0), part=f"{at}shifted")
    product = e.node("Mul", x, shifted, part=f"{at}product")
    return e.node("Mul", product, e.number(f"{at}half", 0.5), part=part)


def silu(e: Emission, x: str, part: str) -> str:
    """x*sigmoid(x)."""
    return e.node("Mul", x, e.node("Sigmoid", x, part=f"{part}.sigmoid" if part else "sigmoid"), part=part)


def log_sigmoid(e: Emission, x: str, part: str) -> str:
    """-softplus(-x)."""
    at = f"{part}." if part else ""
    inner = e.node("Softplus", e.node("Neg", x, part=f"{at}negative"), part=f"{at}softplus")
    return e.node("Neg", inner, part=part)


def sloped(e: Emission, op: str, x: str, alpha: float, part: str) -> str:
    """LeakyRelu and Elu, whose attribute has 24 binary digits: where that would be felt, by other operators."""
    if e.sheet.holds(alpha):
        return e.node(op, x, part=part, alpha=alpha)
    at = f"{part}." if part else ""
    below = e.node("Min", x, e.number(f"{at}zero", 0.0), part=f"{at}negative")
    if op == "Elu":
        below = e.node("Sub", e.node("Exp", below, part=f"{at}power"), e.number(f"{at}one", 1.0), part=f"{at}below")
    scaled = e.node("Mul", below, e.number(f"{at}alpha", alpha), part=f"{at}scaled")
    return e.node("Add", e.node("Relu", x, part=f"{at}positive"), scaled, part=part)


_COMPOSED: Mapping[str, Callable[[Emission, str, str], str]] = {"gelu": gelu, "silu": silu, "log_sigmoid": log_sigmoid}


def activated(e: Emission, x: str, chosen: Named, part: str = "activation") -> str:
    """The name of an activation of `x`, written as a part of its layer."""
    name = chosen.name
    if name == "linear":
        return x if part else e.node("Identity", x)
    if name in SAME:
        return e.node(SAME[name], x, part=part)
    if name in ALONG:
        return e.node(ALONG[name], x, part=part, axis=-1)
    if name in SLOPED:
        op, option = SLOPED[name]
        return sloped(e, op, x, float(chosen.options[option]), part)
    return _COMPOSED[name](e, x, part)
