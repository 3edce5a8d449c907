"""Convolution and pooling: here channels are last, in torch first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tests.models.parity.case import Case, Tensors
from tests.models.parity.layers import functional, layer_case, linear

Pads = Sequence[tuple[int, int]]


def first(x: Any) -> Any:
    """Channels first."""
    return x.movedim(-1, 1)


def last(x: Any) -> Any:
    """Channels last."""
    return x.movedim(1, -1)


def _padded(x: Any, pads: Pads, value: float = 0.0) -> Any:
    """Torch takes the last axis first."""
    return functional().pad(x, [number for pair in reversed(pads) for number in pair], value=value)


def _conv(
    title: str,
    shape: list[int],
    filters: int,
    size: tuple[int, ...],
    *,
    pads: Pads | None = None,
    groups: int = 1,
    bias: bool = True,
    stride: int = 1,
    dilation: int = 1,
    **options: Any,
) -> Case:
    """A convolution whose padding, however it is said, comes to `pads`."""
    axes = len(size)
    name = f"conv{axes}d"
    given: dict[str, Any] = {"type": name, "filters": filters, "size": list(size) if axes > 1 else size[0], **options}
    given |= {"stride": stride, "dilation": dilation, "groups": groups, "bias": bias}
    arrays = {f"{name}_1_kernel": (*size, shape[-1] // groups, filters)}

    def predict(arrays: Tensors, x: Any, training: bool) -> Any:
        kernel = arrays[f"{name}_1_kernel"].movedim((-1, -2), (0, 1))
        inside = _padded(first(x), pads or [(0, 0)] * axes)
        own = {"stride": stride, "dilation": dilation, "groups": groups}
        return last(getattr(functional(), name)(inside, kernel, arrays.get(f"{name}_1_bias"), **own))

    return layer_case(
        f"{name}{title}", shape, [given], {**arrays, **({f"{name}_1_bias": (filters,)} if bias else {})}, predict
    )


def _pool(kind: str, title: str, shape: list[int], *, pads: Pads | None = None, **options: Any) -> Case:
    """Pooling after a dense layer, so that there is something to train."""
    axes = len(shape) - 1
    size, stride = options.get("size", 2), options.get("stride") or options.get("size", 2)
    name = f"{kind}_pool{axes}d"
    layers: list[dict[str, Any]] = [{"type": "dense", "units": 2}, {"type": name, **options}]

    def predict(arrays: Tensors, x: Any, training: bool) -> Any:
        f, z, around = functional(), first(linear(arrays, x)), pads or [(0, 0)] * axes
        if kind == "max":
            found = getattr(f, f"max_pool{axes}d")(_padded(z, around, -float("inf")), size, stride)
        else:
            mean = getattr(f, f"avg_pool{axes}d")
            # What is padded does not count.
            found = mean(_padded(z, around), size, stride) / mean(_padded(z.new_ones(z.shape), around), size, stride)
        return last(found)

    arrays = {"dense_1_kernel": (shape[-1], 2), "dense_1_bias": (2,)}
    return layer_case(f"{name}{title}", shape, layers, arrays, predict)


def _overall(kind: str) -> Case:
    def predict(arrays: Tensors, x: Any, training: bool) -> Any:
        z = linear(arrays, x)
        return z.amax(dim=(1, 2)) if kind == "max" else z.mean(dim=(1, 2))

    layers: list[dict[str, Any]] = [{"type": "dense", "units": 2}, {"type": f"global_{kind}_pool"}]
    arrays = {"dense_1_kernel": (2, 2), "dense_1_bias": (2,)}
    return layer_case(f"global_{kind}_pool", [3, 2, 2], layers, arrays, predict)


WINDOWS = (
    _conv("", [5, 2], 3, (3,)),
    _conv("-same", [6, 2], 3, (3,), padding="same", stride=2, pads=[(0, 1)]),
    _conv("-causal", [5, 2], 3, (2,), padding="causal", dilation=2, pads=[(2, 0)]),
    _conv("-groups", [4, 4], 2, (2,), groups=2, padding=1, pads=[(1, 1)], bias=False),
    _conv("", [4, 4, 2], 3, (2, 3)),
    _conv("-same", [3, 4, 1], 2, (2, 3), padding="same", pads=[(0, 1), (1, 1)]),
    _conv("-stride", [5, 5, 1], 2, (2, 2), stride=2, dilation=2, padding=[[1, 0], [0, 2]], pads=[(1, 0), (0, 2)]),
    _conv("-groups", [3, 3, 4], 4, (2, 2), groups=4, bias=False),
    _pool("max", "", [5, 3]),
    _pool("max", "-same", [5, 3], size=3, stride=2, padding="same", pads=[(1, 1)]),
    _pool("max", "", [4, 4, 2]),
    _pool("max", "-padding", [4, 3, 2], size=2, padding=1, pads=[(1, 1), (1, 1)]),
    _pool("mean", "", [5, 3]),
    _pool("mean", "-same", [5, 3], size=2, padding="same", pads=[(0, 1)]),
    _pool("mean", "", [4, 4, 2]),
    _pool("mean", "-stride", [4, 5, 2], size=3, stride=1, padding="same", pads=[(1, 1), (1, 1)]),
    _overall("max"),
    _overall("mean"),
)
"""The cases."""
