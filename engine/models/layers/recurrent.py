"""Recurrent layers: loops over the steps of a sequence."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from engine.models.fields import REQUIRED, Field, Options, choice, count, flag
from engine.models.layer import Call, Layer, Signals
from engine.models.signal import Signal, require_rank
from engine.models.weights import Weight, weight_field

_UNITS = Field("units", count(), REQUIRED, "the number of outputs.")
_SEQUENCES = Field("sequences", flag, False, "whether all steps come out, or the last one alone.")
_SHAPES = "(time, features) → (units), with `sequences` (time, units)"
_ORTHOGONAL = (
    "As in Keras, kernels begin as Glorot's and recurrent kernels as orthogonal, all gates together; PyTorch draws all "
    "uniformly within ±1/√units."
)


def _fields(gates: str) -> tuple[Field, ...]:
    return (
        weight_field("kernel", "glorot_uniform", f"the weights of the input (features, {gates}units)."),
        weight_field("recurrent_kernel", "orthogonal", f"the weights of the state (units, {gates}units)."),
        weight_field("bias", "zeros", f"the numbers that are added ({gates}units); `false` for none.", optional=True),
    )


def _output(options: Options, signals: Signals) -> Signal:
    require_rank(signals[0], 2, "give the input the shape [time, features], or reshape")
    return Signal((signals[0].shape[0], options["units"]) if options["sequences"] else (options["units"],))


def _arrays(gates: int) -> Callable[[Options, Signals], tuple[Weight, ...]]:
    """The arrays of a layer with so many gates."""

    def weights(options: Options, signals: Signals) -> tuple[Weight, ...]:
        units, features = options["units"], signals[0].shape[-1]
        found = [
            Weight("kernel", (features, gates * units), options["kernel"]),
            Weight("recurrent_kernel", (units, gates * units), options["recurrent_kernel"]),
        ]
        if options["bias"] is not None:
            # Only the LSTM has the option: its second gate is that which forgets.
            ones = (units, 2 * units) if options.get("unit_forget_bias") else None
            found.append(Weight("bias", (gates * units,), options["bias"], ones=ones))
        if options.get("recurrent_bias") is not None:
            found.append(Weight("recurrent_bias", (gates * units,), options["recurrent_bias"]))
        return tuple(found)

    return weights


def _loop(call: Call, carried: Sequence[str], step: Sequence[str]) -> None:
    """The loop over time: `step` are its lines, in which `v` is a slice of what the kernel makes of the input.

    The kernel meets all steps at once, before the loop.  Time is the first axis there: the slices lie in one piece.
    """
    units, weights = call.options["units"], call.weights
    bias = f" + {weights['bias']}" if "bias" in weights else ""
    every, t, v, state = (call.local(name) for name in ("z", "t", "v", "all"))
    call.line(f"{every} = transpose({call.x}, (1, 0, 2)) @ {weights['kernel']}{bias}")
    for name in carried:
        call.line(f"{call.local(name)} = zeros(({call.examples}, {units}))")
    if not call.options["sequences"]:
        call.line("\n    ".join([f"for {v} in {every}:", *step]))
        call.result(call.local("h"))
        return
    call.line(f"{state} = zeros(({call.signals[0].shape[0]}, {call.examples}, {units}))")
    call.line("\n    ".join([f"for {t}, {v} in enumerate({every}):", *step, f"{state}[{t}] = {call.local('h')}"]))
    call.result(f"transpose({state}, (1, 0, 2))")


def _rnn(call: Call) -> None:
    h = call.local("h")
    new = f"{call.options['activation']}({call.local('v')} + {h} @ {call.weights['recurrent_kernel']})"
    _loop(call, ("h",), [f"{h} = {new}"])


def _gru(call: Call) -> None:
    """Update and reset gate by one sigmoid: of half as many operations on arrays twice as wide."""
    h, v, g, s, n = (call.local(name) for name in ("h", "v", "g", "s", "n"))
    units = call.options["units"]
    bias = f" + {call.weights['recurrent_bias']}" if "recurrent_bias" in call.weights else ""
    lines = [
        f"{g} = {h} @ {call.weights['recurrent_kernel']}{bias}",
        f"{s} = sigmoid({v}[:, :{2 * units}] + {g}[:, :{2 * units}])",
        f"{n} = tanh({v}[:, {2 * units}:] + {s}[:, {units}:]*{g}[:, {2 * units}:])",
        f"{h} = {n} + {s}[:, :{units}]*({h} - {n})",
    ]
    _loop(call, ("h",), lines)


def _lstm(call: Call) -> None:
    """One sigmoid of all four parts, that of the candidate for nothing: faster than three of slices."""
    h, c, v, a, s = (call.local(name) for name in ("h", "c", "v", "a", "s"))
    units = call.options["units"]
    i, f, g, o = (f"[:, {k * units}:{(k + 1) * units}]" for k in range(4))
    lines = [
        f"{a} = {v} + {h} @ {call.weights['recurrent_kernel']}",
        f"{s} = sigmoid({a})",
        f"{c} = {s}{f}*{c} + {s}{i}*tanh({a}{g})",
        f"{h} = {s}{o}*tanh({c})",
    ]
    _loop(call, ("h", "c"), lines)


RNN = Layer(
    "rnn",
    "The state of each step is made of its input and of the state before.",
    _output,
    _rnn,
    (
        _UNITS,
        _SEQUENCES,
        Field("activation", choice("tanh", "relu"), "tanh", "`tanh` or `relu`."),
        *_fields(""),
    ),
    _arrays(1),
    formula="h = activation(x[t] @ kernel + h @ recurrent_kernel + bias), from h = 0",
    shapes=_SHAPES,
    conventions=f"{_ORTHOGONAL} One bias, as in Keras; PyTorch has two that are only ever added: use their sum. Its "
    "weights are the transposes: `kernel` is `weight_ih.T`, `recurrent_kernel` is `weight_hh.T`.",
    aliases=("simple_rnn",),
)

GRU = Layer(
    "gru",
    "A recurrent layer whose gates decide how much of the state is kept (Cho et al. 2014).",
    _output,
    _gru,
    (
        _UNITS,
        _SEQUENCES,
        *_fields("3 "),
        weight_field("recurrent_bias", "zeros", "what is added to h @ recurrent_kernel; `false` for none.", True),
    ),
    _arrays(3),
    formula="a = x[t] @ kernel + bias, b = h @ recurrent_kernel + recurrent_bias, each in three parts; "
    "z = sigmoid(a_z + b_z), r = sigmoid(a_r + b_r), n = tanh(a_n + r b_n), h = (1 − z) n + z h, from h = 0",
    shapes=_SHAPES,
    conventions=f"{_ORTHOGONAL} The reset gate is applied after the product with the recurrent kernel, as in cuDNN, "
    "PyTorch and Keras (`reset_after`); in the paper before it. The parts are z, r, n, as in Keras; PyTorch's are "
    "r, z, n: exchange the first two thirds of its transposed weights and of its biases. Two biases, as in both: Keras "
    "keeps them as the two rows of one.",
)

LSTM = Layer(
    "lstm",
    "A recurrent layer with a memory beside its state (Hochreiter & Schmidhuber 1997).",
    _output,
    _lstm,
    (
        _UNITS,
        _SEQUENCES,
        *_fields("4 "),
        Field("unit_forget_bias", flag, True, "whether the bias of the gate that forgets begins as 1."),
    ),
    _arrays(4),
    formula="i, f, g, o = the four parts of x[t] @ kernel + h @ recurrent_kernel + bias; "
    "c = sigmoid(f) c + sigmoid(i) tanh(g), h = sigmoid(o) tanh(c), from h = c = 0",
    shapes=_SHAPES,
    conventions=f"{_ORTHOGONAL} The parts are i, f, g, o, as in Keras and PyTorch, whose weights are the transposes. "
    "One bias, as in Keras; PyTorch has two that are only ever added: use their sum. The bias of the gate that forgets "
    "begins as 1, as in Keras (Jozefowicz et al. 2015); PyTorch does not set it apart: `unit_forget_bias: false`.",
)
