"""Normalisation, dropout, and what is kept rather than trained."""

from __future__ import annotations

from typing import Any

from tests.models.parity.case import Case, Tensors
from tests.models.parity.layers import functional, layer_case, linear
from tests.models.parity.windows import first, last

KERNEL = {"dense_1_kernel": (3, 4)}
DENSE = {"type": "dense", "units": 4, "bias": False}
"""Without a bias, which normalisation would take away again."""


def _layer_norm(title: str, shape: list[int], axes: int, affine: bool = True, **options: Any) -> Case:
    given = {"type": "layer_norm", "axes": axes, "scale": affine, "bias": affine, **options}
    over = [*shape[:-1], 4][-axes:]
    arrays: dict[str, tuple[int, ...]] = dict(KERNEL)
    if affine:
        arrays |= {f"layer_norm_1_{role}": tuple(over) for role in ("scale", "bias")}

    def predict(arrays: Tensors, x: Any, training: bool) -> Any:
        own = (arrays.get(f"layer_norm_1_{role}") for role in ("scale", "bias"))
        return functional().layer_norm(linear(arrays, x), over, *own, options.get("epsilon", 1e-5))

    return layer_case(f"layer_norm{title}", shape, [DENSE, given], arrays, predict)


def _batch_norm(title: str, shape: list[int], affine: bool = True, training: bool = True, **options: Any) -> Case:
    """Torch's momentum is the weight of what is new; the statistics are written into our arrays."""
    given = {"type": "batch_norm", "scale": affine, "bias": affine, **options}
    roles = (*(("scale", "bias") if affine else ()), "mean", "variance")
    arrays = {**KERNEL, **{f"batch_norm_1_{role}": (4,) for role in roles}}

    def predict(arrays: Tensors, x: Any, training: bool) -> Any:
        mean, variance, scale, bias = (
            arrays.get(f"batch_norm_1_{role}") for role in ("mean", "variance", "scale", "bias")
        )
        new, epsilon = 1.0 - options.get("momentum", 0.9), options.get("epsilon", 1e-5)
        z = first(linear(arrays, x))
        return last(functional().batch_norm(z, mean, variance, scale, bias, training, new, epsilon))

    return layer_case(
        f"batch_norm{title}",
        shape,
        [DENSE, given],
        arrays,
        predict,
        state=("batch_norm_1_mean", "batch_norm_1_variance"),
        positive=("batch_norm_1_variance",),
        training=training,
    )


def _dropout(training: bool) -> Case:
    """What is dropped is a function of the seed, 0: torch is told."""
    kept = "1010 0101 1101 1111 1111 1111 1101"

    def predict(arrays: Tensors, x: Any, training: bool) -> Any:
        import torch

        z = linear(arrays, x).tanh()
        if training:
            mask = torch.tensor([[float(bit) for bit in row] for row in kept.split()])
            z = z * mask / (1 - 0.3)
        return linear(arrays, z, "dense_2")

    layers = [
        {"type": "dense", "units": 4, "activation": "tanh"},
        {"type": "dropout", "rate": 0.3},
        {"type": "dense", "units": 2},
    ]
    arrays = {"dense_1_kernel": (3, 4), "dense_1_bias": (4,), "dense_2_kernel": (4, 2), "dense_2_bias": (2,)}
    title = "dropout-training" if training else "dropout"
    return layer_case(title, [3], layers, arrays, predict, training=training)


def _standardised(arrays: Tensors, x: Any, training: bool) -> Any:
    return linear(arrays, (x - arrays["standardise_1_mean"]) / arrays["standardise_1_scale"])


NORMS = (
    _layer_norm("", [3], 1),
    _layer_norm("-axes", [2, 3], 2, epsilon=0.01),
    _layer_norm("-alone", [2, 3], 1, affine=False),
    _batch_norm("-training", [3]),
    _batch_norm("-training-of-images", [2, 2, 3], momentum=0.7, epsilon=0.01),
    _batch_norm("-training-alone", [2, 3], affine=False),
    _batch_norm("", [2, 3], training=False),
    _dropout(training=True),
    _dropout(training=False),
    layer_case(
        "standardise",
        [3],
        [{"type": "standardise"}, {"type": "dense", "units": 4}],
        {"standardise_1_mean": (3,), "standardise_1_scale": (3,), **KERNEL, "dense_1_bias": (4,)},
        _standardised,
        state=("standardise_1_mean", "standardise_1_scale"),
        positive=("standardise_1_scale",),
    ),
)
"""The cases."""
