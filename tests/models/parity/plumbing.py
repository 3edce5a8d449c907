"""Layers that arrange, look up and merge, and expressions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.models.parity.case import Shape, Tensors
from tests.models.parity.layers import functional, layer_case, linear

BRANCHES = [
    {"type": "dense", "name": "left", "units": 4, "activation": "tanh"},
    {"type": "dense", "name": "right", "units": 4, "inputs": "x"},
]
ARRAYS: dict[str, Shape] = {
    "left_kernel": (3, 4),
    "left_bias": (4,),
    "right_kernel": (3, 4),
    "right_bias": (4,),
}


def _merged(join: Callable[[Any, Any], Any]) -> Callable[[Tensors, Any, bool], Any]:
    return lambda arrays, x, training: join(linear(arrays, x, "left").tanh(), linear(arrays, x, "right"))


def _concatenated(axis: int) -> Callable[[Any, Any], Any]:
    def join(left: Any, right: Any) -> Any:
        import torch

        return torch.cat([left, right], axis)

    return join


def _flattened(arrays: Tensors, x: Any, training: bool) -> Any:
    return linear(arrays, linear(arrays, x).tanh().flatten(1), "dense_2")


def _reshaped(arrays: Tensors, x: Any, training: bool) -> Any:
    return linear(arrays, linear(arrays, x).tanh().reshape(len(x), 4, 2), "dense_2")


def _expression(arrays: Tensors, x: Any, training: bool) -> Any:
    z = linear(arrays, x)
    return arrays["expr_1_a"] * (z * x).sin() + arrays["expr_1_b"].exp()


_TANH = {"type": "dense", "units": 4, "activation": "tanh"}
_FIRST: dict[str, Shape] = {"dense_1_kernel": (3, 4), "dense_1_bias": (4,)}

PLUMBING = (
    layer_case(
        "flatten",
        [2, 3],
        [_TANH, {"type": "flatten"}, {"type": "dense", "units": 2}],
        {**_FIRST, "dense_2_kernel": (8, 2), "dense_2_bias": (2,)},
        _flattened,
    ),
    layer_case(
        "reshape",
        [2, 3],
        [_TANH, {"type": "reshape", "shape": [-1, 2]}, {"type": "dense", "units": 3}],
        {**_FIRST, "dense_2_kernel": (2, 3), "dense_2_bias": (3,)},
        _reshaped,
    ),
    layer_case(
        "embedding",
        [3],
        [{"type": "embedding", "size": 5, "units": 2}],
        {"embedding_1_table": (5, 2)},
        lambda p, x, t: functional().embedding(x, p["embedding_1_table"]),
        high=5,
    ),
    layer_case(
        "add",
        [3],
        [*BRANCHES, {"type": "add", "inputs": ["left", "right"]}],
        ARRAYS,
        _merged(lambda left, right: left + right),
    ),
    layer_case(
        "multiply",
        [3],
        [*BRANCHES, {"type": "multiply", "inputs": ["left", "right"]}],
        ARRAYS,
        _merged(lambda left, right: left * right),
    ),
    layer_case(
        "concatenate",
        [3],
        [*BRANCHES, {"type": "concatenate", "inputs": ["left", "right"]}],
        ARRAYS,
        _merged(_concatenated(-1)),
    ),
    # Torch counts the axis over examples.
    layer_case(
        "concatenate-axis",
        [2, 3],
        [*BRANCHES, {"type": "concatenate", "axis": 0, "inputs": ["left", "right"]}],
        ARRAYS,
        _merged(_concatenated(1)),
    ),
    layer_case(
        "expr",
        [3],
        [
            {"type": "dense", "units": 3},
            {
                "type": "expr",
                "expr": "a*sin(x1*x2) + exp(b)",
                "parameters": {"a": {"shape": [3]}, "b": {}},
                "inputs": ["dense_1", "x"],
            },
        ],
        {"dense_1_kernel": (3, 3), "dense_1_bias": (3,), "expr_1_a": (3,), "expr_1_b": ()},
        _expression,
    ),
)
"""The cases."""
