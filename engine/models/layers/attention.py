"""Attention: every position takes from all others what fits it."""

from __future__ import annotations

from dataclasses import replace

from engine.models.fields import Field, Options, count, flag, maybe
from engine.models.layer import Call, Layer, Signals
from engine.models.signal import Misfit, Signal, require_rank
from engine.models.weights import Weight, weight_field

_SHARED = ("query", "key", "value")
_BIASED = ("query", "value", "output")


def _three(signals: Signals) -> dict[str, Signal]:
    """The signals that query, key and value are made of: one for all, or (query, value), or (query, value, key)."""
    query, value = signals[0], signals[min(1, len(signals) - 1)]
    return {"query": query, "key": signals[2] if len(signals) == 3 else value, "value": value}


def _sizes(options: Options, signals: Signals) -> tuple[int, int]:
    """How many numbers come out, and how many a key of one head has."""
    units = options["units"] or signals[0].shape[-1]
    heads, size = options["heads"], options["key_size"]
    if size is None and units % heads:
        raise Misfit(
            f"cannot share {units} units among {heads} heads; it gets {signals[0].shape}",
            "choose heads that divide the units, or give `key_size`",
        )
    return units, size or units // heads


def _output(options: Options, signals: Signals) -> Signal:
    for signal in signals:
        require_rank(signal, 2, "give the input the shape [time, features], or reshape")
    given = _three(signals)
    units, _ = _sizes(options, signals)
    if given["key"].shape[0] != given["value"].shape[0]:
        raise Misfit(f"expects as many keys as values, gets {given['key'].shape} and {given['value'].shape}")
    return Signal((signals[0].shape[0], units))


def _weights(options: Options, signals: Signals) -> tuple[Weight, ...]:
    units, size = _sizes(options, signals)
    wide = options["heads"] * size
    shapes = {role: (signal.shape[-1], wide) for role, signal in _three(signals).items()} | {"output": (wide, units)}
    found = []
    for role, shape in shapes.items():
        found.append(Weight(f"{role}_kernel", shape, options[f"{role}_kernel"]))
        if options["bias"] and options[f"{role}_bias"] is not None:
            found.append(Weight(f"{role}_bias", shape[1:], options[f"{role}_bias"]))
    return tuple(found)


def _projected(call: Call, role: str, text: str) -> str:
    bias = call.weights.get(f"{role}_bias")
    return f"{text} @ {call.weights[f'{role}_kernel']}" + ("" if bias is None else f" + {bias}")


def _attention(call: Call) -> None:
    """Products of stacks of matrices, one for each example and head, which BLAS computes."""
    heads = call.options["heads"]
    _, size = _sizes(call.options, call.signals)
    values = call.inputs[min(1, len(call.inputs) - 1)]
    given = {"query": call.x, "key": call.inputs[2] if len(call.inputs) == 3 else values, "value": values}
    length = {role: signal.shape[0] for role, signal in _three(call.signals).items()}
    # Positions before features, but for the keys: what is multiplied stands as the product needs it.
    order = {"query": "(0, 2, 1, 3)", "key": "(0, 2, 3, 1)", "value": "(0, 2, 1, 3)"}
    for role in _SHARED:
        text = _projected(call, role, given[role])
        if role == "query":
            # Rather than all scores, of which there are more.
            text = f"({text})/sqrt({size})"
        split = f"reshape({text}, ({call.examples}, {length[role]}, {heads}, {size}))"
        call.line(f"{call.local(role)} = transpose({split}, {order[role]})")
    scores = call.local("scores")
    call.line(f"{scores} = {call.local('query')} @ {call.local('key')}")
    if call.options["causal"]:
        # Not -inf: what is left out has a weight of 0 by underflow, and its slope is 0 as well.
        seen = f"arange({length['query']})[:, None] >= arange({length['key']})"
        call.line(f"{scores} = where({seen}, {scores}, -1e300)")
    taken = f"transpose(softmax({scores}, axis=-1) @ {call.local('value')}, (0, 2, 1, 3))"
    call.line(f"{call.local('taken')} = reshape({taken}, ({call.examples}, {length['query']}, {heads * size}))")
    call.result(_projected(call, "output", call.local("taken")))


ATTENTION = Layer(
    "attention",
    "Every position takes a mean of the values, weighted by how well its query fits their keys (Vaswani et al. 2017).",
    _output,
    _attention,
    (
        Field("heads", count(1, 4096), 1, "how many means are taken side by side."),
        Field("units", maybe(count()), None, "the number of outputs; as many as the query has features by default."),
        Field(
            "key_size", maybe(count()), None, "the numbers in a key and a value of one head; units/heads by default."
        ),
        Field("causal", flag, False, "whether a position sees only those up to its own."),
        Field("bias", flag, True, "whether there are biases at all."),
        *(weight_field(f"{role}_kernel", "glorot_uniform", f"makes the {role}.") for role in (*_SHARED, "output")),
        *(
            weight_field(f"{role}_bias", "zeros", f"is added to the {role}; `false` for none.", optional=True)
            for role in _BIASED
        ),
        # It adds the same to all scores of a query: it has no influence, and its gradient is 0 but for rounding.
        replace(
            weight_field("key_bias", "zeros", "is added to the key, which changes nothing.", optional=True),
            default=False,
        ),
    ),
    _weights,
    inputs=(1, 3),
    formula="For each head: softmax(query @ keyᵀ/√key_size) @ value; the heads side by side @ output_kernel + "
    "output_bias. query = x @ query_kernel + query_bias; key and value likewise",
    shapes="(time, features) → (time, units); also (time, features), (others, features)[, (others, features)] → "
    "(time, units): query, value[, key], the key being the value where it is not given",
    conventions="The inputs stand in Keras's order; PyTorch takes query, key, value. As in PyTorch, the heads lie side "
    "by side in kernels (features, heads·key_size); Keras has an axis for them. PyTorch's `in_proj_weight` is the "
    "transposes of the kernels of query, key and value on top of each other. Each kernel begins as Glorot's by its "
    "own shape; PyTorch draws the three as one matrix. With `causal`, query t sees keys 0 to t, whatever their number. "
    "Both have a bias of the keys, which adds the same to all scores of a query and so has no influence; here there "
    "is one only where `key_bias` asks for it, as for parameters from elsewhere.",
    aliases=("multi_head_attention",),
)
