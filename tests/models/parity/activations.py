"""Every activation, of a dense layer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.models.parity.case import Case, Tensors
from tests.models.parity.layers import functional, linear, mse


def _case(name: str, function: Callable[[Any], Any], **options: float) -> Case:
    def predict(arrays: Tensors, x: Any, training: bool) -> Any:
        return function(linear(arrays, x))

    activation: Any = {"name": name, **options} if options else name
    layers = [{"type": "dense", "units": 4, "activation": activation}]
    definition = {"input": {"shape": [3]}, "layers": layers, "loss": "mse"}
    title = "-".join(["activation", name, *map(str, options.values())])
    return Case(
        title,
        definition,
        {"dense_1_kernel": (3, 4), "dense_1_bias": (4,)},
        predict,
        mse,
        spread=0.2 if name == "exp" else 0.5,
    )


def _named(name: str, **options: Any) -> Callable[[Any], Any]:
    return lambda z: getattr(functional(), name)(z, **options)


ACTIVATIONS = (
    _case("linear", lambda z: z),
    _case("tanh", _named("tanh")),
    _case("relu", _named("relu")),
    _case("sigmoid", _named("sigmoid")),
    _case("gelu", _named("gelu")),
    _case("selu", _named("selu")),
    _case("silu", _named("silu")),
    _case("softplus", _named("softplus")),
    _case("softsign", _named("softsign")),
    _case("log_sigmoid", _named("logsigmoid")),
    _case("exp", lambda z: z.exp()),
    _case("sin", lambda z: z.sin()),
    _case("softmax", _named("softmax", dim=-1)),
    _case("log_softmax", _named("log_softmax", dim=-1)),
    _case("leaky_relu", _named("leaky_relu")),
    _case("leaky_relu", _named("leaky_relu", negative_slope=0.3), slope=0.3),
    _case("elu", _named("elu")),
    _case("elu", _named("elu", alpha=0.7), alpha=0.7),
)
"""The cases."""
