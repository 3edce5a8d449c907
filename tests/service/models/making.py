"""Models for tests, small enough to be followed by hand."""

from __future__ import annotations

from typing import Any

from tests.service.stores import Shop

SURFACE: dict[str, Any] = {
    "input": {"shape": [2]},
    "layers": [{"type": "dense", "units": 3, "activation": "tanh"}, {"type": "dense", "units": 1}],
    "loss": "mse",
    "seed": 1,
}
LINE: dict[str, Any] = {"input": {"shape": [1]}, "layers": [{"type": "dense", "units": 1}], "loss": "mse"}
"""y = kernel x + bias."""
CLASSES: dict[str, Any] = {
    "input": {"shape": [2]},
    "layers": [{"type": "dense", "units": 3}],
    "loss": "cross_entropy",
}
WORDS: dict[str, Any] = {
    "input": {"shape": [3], "dtype": "int"},
    "layers": [{"type": "embedding", "size": 5, "units": 2}, {"type": "flatten"}, {"type": "dense", "units": 1}],
    "loss": "mse",
}
NOISY: dict[str, Any] = {
    "input": {"shape": [4]},
    "layers": [{"type": "batch_norm"}, {"type": "dropout", "rate": 0.5}, {"type": "dense", "units": 1}],
    "loss": "mse",
}
HELD: dict[str, Any] = {
    "input": {"shape": [1]},
    "layers": [{"type": "dense", "units": 1, "kernel": {"init": "ones", "constraint": "positive"}}],
    "loss": "mse",
}


def stored(shop: Shop, definition: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """The model, stored now or before."""
    answered = shop.post("/models", {**definition, **fields})
    assert answered.status in (200, 201), answered.body
    content = answered.json()
    assert isinstance(content, dict)
    return content


def line(shop: Shop, kernel: float, bias: float) -> str:
    """The id of the model `LINE` with a version that has these parameters."""
    id = str(stored(shop, LINE)["id"])
    parameters = {"dense_1_kernel": [[kernel]], "dense_1_bias": [bias]}
    answered = shop.post(f"/models/{id}/versions", {"parameters": parameters})
    assert answered.status == 201, answered.body
    return id
