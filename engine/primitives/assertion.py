"""Assertions: a condition that a program states, and the refusal when it does not hold."""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.errors import AssertionFault
from engine.graph.primitive import Primitive
from engine.graph.registry import register
from engine.graph.types import Type

MOST_SHOWN = 6


def _check(holds: Any, *values: Any, message: str, names: tuple[str, ...]) -> Any:
    if np.all(holds):
        return np.True_
    shown = ", ".join(f"{name} = {_text(value)}" for name, value in zip(names, values, strict=True))
    detail = (message.rstrip(".") if message else "An assertion of the program does not hold") + "."
    raise AssertionFault(detail + (f" Here {shown}." if shown else ""))


def _text(value: Any) -> str:
    array = np.asarray(value)
    if array.ndim == 0:
        return str(array[()]) if array.dtype == object else repr(array.item())
    head = ", ".join(_text(x) for x in array.ravel()[:MOST_SHOWN])
    return f"[{head}{', …' if array.size > MOST_SHOWN else ''}]"


# It either lets the program go on, or ends it; its output, True, is for nobody.
assertion: Primitive = register(
    Primitive(
        name="assertion",
        infer=lambda holds, *values, message, names: (Type("bool", ()),),
        value=_check,
        vjp=lambda node, cotangents, wanted: [None] * len(node.inputs),
        jvp=lambda node, tangents: [None],
        batch=lambda node, inputs, batched, size: [(assertion(*inputs, **node.params), False)],
        whole_arrays=True,
        effect=True,
        kind="effect",
    )
)
