"""Dense and recurrent layers, and attention, with mean squared error."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.models.parity.case import Case, Predict, Shape, Tensors

DENSE: Mapping[str, Shape] = {"dense_1_kernel": (3, 4), "dense_1_bias": (4,)}


def functional() -> Any:
    """torch.nn.functional: torch is there while a recording is made, and not in tests."""
    import torch

    return torch.nn.functional


def mse(prediction: Any, y: Any) -> Any:
    """Mean squared error."""
    return functional().mse_loss(prediction, y)


def linear(arrays: Tensors, x: Any, name: str = "dense_1") -> Any:
    """A layer of torch whose weight is the transpose of our kernel."""
    return functional().linear(x, arrays[f"{name}_kernel"].T, arrays.get(f"{name}_bias"))


def layer_case(
    name: str,
    shape: list[int],
    layers: list[dict[str, Any]],
    arrays: Mapping[str, Shape],
    predict: Predict,
    **more: Any,
) -> Case:
    """A case with mean squared error."""
    input = {"shape": shape, **({"dtype": "int"} if "high" in more else {})}
    return Case(name, {"input": input, "layers": layers, "loss": "mse"}, arrays, predict, mse, **more)


def _recurrent(
    kind: str,
    gates: int,
    options: dict[str, Any] | None = None,
    *,
    title: str = "",
    biases: tuple[str, ...] = ("bias",),
) -> Case:
    """A recurrent layer of 2 units over 4 steps of 3 features, by what torch.nn.RNN, GRU and LSTM call."""
    given, units = options or {}, 2
    arrays = {f"{kind}_1_kernel": (3, gates * units), f"{kind}_1_recurrent_kernel": (units, gates * units)}
    shapes: dict[str, Shape] = {**arrays, **{f"{kind}_1_{role}": (gates * units,) for role in biases}}

    def predict(arrays: Tensors, x: Any, training: bool) -> Any:
        import torch

        def turned(array: Any) -> Any:
            """Torch's order of gates, which is another one for the GRU alone."""
            if kind != "gru":
                return array
            z, r, n = array.split(units, dim=-1)
            return torch.cat([r, z, n], dim=-1)

        # Of torch's two biases, the second is 0 where there is one here: what is added is their sum.
        zero = torch.zeros(gates * units)
        bias, second = (turned(arrays.get(f"{kind}_1_{role}", zero)) for role in ("bias", "recurrent_bias"))
        weights = [turned(arrays[f"{kind}_1_{role}"]).T for role in ("kernel", "recurrent_kernel")]
        state = torch.zeros(1, len(x), units)
        function = getattr(torch, f"rnn_{given.get('activation', 'tanh')}" if kind == "rnn" else kind)
        begin = (state, state) if kind == "lstm" else state
        every = function(x, begin, [*weights, bias, second], True, 1, 0.0, training, False, True)[0]
        return every if given.get("sequences") else every[:, -1]

    layers = [{"type": kind, "units": units, **given}]
    return layer_case(f"{kind}{title}", [4, 3], layers, shapes, predict)


def _attention(
    title: str, options: dict[str, Any], key_from: int = 0, value_from: int = 0, *, biases: bool = True
) -> Case:
    """Two heads over sequences, by what torch.nn.MultiheadAttention calls.

    Query, key and value are the input, which has 4 features, or one of two dense layers of 3 and 5 after it.
    The gradient in the bias of the key is 0 but for rounding: what is added to all scores of a query cancels. Methods
    that divide by its size would make steps of the rounding, so it is not trained.
    """
    features = (4, 3, 5)
    inputs = ["x"] if not value_from else ["x", "value"] if key_from == value_from else ["x", "value", "key"]
    layers: list[dict[str, Any]] = []
    arrays: dict[str, Shape] = {}
    for name, source in {"value": value_from, "key": key_from}.items():
        if name in inputs:
            # No bias of what the key is made of: see above.
            own = {"units": features[source], "inputs": ["x"], "bias": name == "value"}
            layers.append({"type": "dense", "name": name, **own})
            arrays[f"{name}_kernel"] = (4, features[source])
            if name == "value":
                arrays["value_bias"] = (features[source],)
    given = {"type": "attention", "name": "mixed", "heads": 2, "inputs": inputs, **options}
    if biases:
        given["key_bias"] = {"trainable": False}
    layers.append(given)
    size, units = options.get("key_size", 2), options.get("units", 4)
    wide = 2 * size
    sizes = {"query": (4, wide), "key": (features[key_from], wide), "value": (features[value_from], wide)}
    for role, shape in {**sizes, "output": (wide, units)}.items():
        arrays[f"mixed_{role}_kernel"] = shape
        if biases:
            arrays[f"mixed_{role}_bias"] = (shape[1],)

    def predict(arrays: Tensors, x: Any, training: bool) -> Any:
        import torch

        seen = {"query": x, "value": linear(arrays, x, "value") if value_from else x}
        seen["key"] = linear(arrays, x, "key") if "key" in inputs else seen["value"]
        made = {
            role: linear(arrays, seen[role], f"mixed_{role}").reshape(len(x), x.shape[1], 2, size).transpose(1, 2)
            for role in ("query", "key", "value")
        }
        causal = bool(options.get("causal"))
        taken = functional().scaled_dot_product_attention(made["query"], made["key"], made["value"], is_causal=causal)
        if options.get("key_size") is None and options.get("units") is None and not value_from:
            # The whole of torch.nn.MultiheadAttention, which keeps the three kernels on top of each other.
            module = torch.nn.MultiheadAttention(4, 2, bias=biases, batch_first=True)
            own = {"in_proj_weight": torch.cat([arrays[f"mixed_{r}_kernel"].T for r in made])}
            own["out_proj.weight"] = arrays["mixed_output_kernel"].T
            if biases:
                own["in_proj_bias"] = torch.cat([arrays[f"mixed_{r}_bias"] for r in made])
                own["out_proj.bias"] = arrays["mixed_output_bias"]
            mask = torch.nn.Transformer.generate_square_subsequent_mask(x.shape[1]) if causal else None
            masked = {"attn_mask": mask, "is_causal": causal, "need_weights": False}
            return torch.func.functional_call(module, own, (x, x, x), masked)[0]
        return linear(arrays, taken.transpose(1, 2).reshape(len(x), x.shape[1], wide), "mixed_output")

    fixed = ("mixed_key_bias",) if biases else ()
    return layer_case(f"attention-{title}", [3, 4], layers, arrays, predict, fixed=fixed)


def _stacked(arrays: Tensors, x: Any, training: bool) -> Any:
    return linear(arrays, functional().tanh(linear(arrays, x)), "dense_2")


LAYERS = (
    layer_case("dense", [3], [{"type": "dense", "units": 4}], DENSE, lambda p, x, t: linear(p, x)),
    layer_case(
        "dense-no-bias",
        [3],
        [{"type": "dense", "units": 4, "bias": False}],
        {"dense_1_kernel": (3, 4)},
        lambda p, x, t: linear(p, x),
    ),
    layer_case("dense-of-sequence", [2, 3], [{"type": "dense", "units": 4}], DENSE, lambda p, x, t: linear(p, x)),
    layer_case(
        "activation",
        [3],
        [{"type": "dense", "units": 4}, {"type": "activation", "function": "tanh"}, {"type": "dense", "units": 2}],
        {**DENSE, "dense_2_kernel": (4, 2), "dense_2_bias": (2,)},
        _stacked,
    ),
    _recurrent("rnn", 1),
    _recurrent("rnn", 1, {"activation": "relu", "sequences": True}, title="-relu-sequences"),
    _recurrent("rnn", 1, {"bias": False}, title="-no-bias", biases=()),
    _recurrent("gru", 3, biases=("bias", "recurrent_bias")),
    _recurrent("gru", 3, {"sequences": True}, title="-sequences", biases=("bias", "recurrent_bias")),
    _recurrent("gru", 3, {"bias": False, "recurrent_bias": False}, title="-no-bias", biases=()),
    _recurrent("lstm", 4),
    _recurrent("lstm", 4, {"sequences": True}, title="-sequences"),
    _recurrent("lstm", 4, {"bias": False}, title="-no-bias", biases=()),
    _attention("self", {}),
    _attention("causal", {"causal": True}),
    _attention("no-bias", {"bias": False}, biases=False),
    _attention("sizes", {"key_size": 3, "units": 5, "causal": True}),
    _attention("value", {}, 1, 1),
    _attention("value-and-key", {}, 2, 1),
)
"""The cases."""
