"""Normalisation: of each example by itself, and over the examples of a batch."""

from __future__ import annotations

from math import prod

from engine.models.fields import Field, Options, count, number
from engine.models.layer import Call, Layer, Signals
from engine.models.signal import Misfit, Signal, require_real
from engine.models.weights import Weight, state, weight_field

SCALE = weight_field("scale", "ones", "the factors; `false` for none.", optional=True)
SHIFT = weight_field("bias", "zeros", "the numbers that are added; `false` for none.", optional=True)
_EPSILON = Field("epsilon", number(0.0, 1e100, above=True), 1e-5, "is added to the variance.")


def _affine(options: Options, shape: tuple[int, ...]) -> tuple[Weight, ...]:
    return tuple(Weight(role, shape, options[role]) for role in ("scale", "bias") if options[role] is not None)


def _result(call: Call, mean: str, variance: str) -> None:
    text = f"({call.x} - {mean})/sqrt({variance} + {call.options['epsilon']!r})"
    if "scale" in call.weights:
        text += f"*{call.weights['scale']}"
    if "bias" in call.weights:
        text += f" + {call.weights['bias']}"
    call.result(text)


def _layer_output(options: Options, signals: Signals) -> Signal:
    (x,) = signals
    require_real(x)
    if x.rank < options["axes"]:
        raise Misfit(f"normalises over the last {options['axes']} axes of an example, gets {x.shape}")
    return x


def _layer_norm(call: Call) -> None:
    axes = ", ".join(str(axis) for axis in range(-call.options["axes"], 0))
    mean, variance = call.local("mean"), call.local("variance")
    call.line(f"{mean} = mean({call.x}, axis=({axes},), keepdims=True)")
    call.line(f"{variance} = var({call.x}, axis=({axes},), keepdims=True)")
    _result(call, mean, variance)


LAYER_NORM = Layer(
    "layer_norm",
    "Every example is given mean 0 and variance 1 along its last axes.",
    _layer_output,
    _layer_norm,
    (Field("axes", count(1, 8), 1, "over how many of the last axes."), _EPSILON, SCALE, SHIFT),
    lambda options, signals: _affine(options, signals[0].shape[-options["axes"] :]),
    formula="scale*(x - mean)/sqrt(variance + epsilon) + bias (Ba, Kiros & Hinton 2016)",
    shapes="(...) → (...)",
    conventions="The variance is divided by n, as in Keras and PyTorch. epsilon is PyTorch's 1e-5; Keras has 1e-3.",
    aliases=("layer_normalization",),
)


def _batch_output(options: Options, signals: Signals) -> Signal:
    (x,) = signals
    require_real(x)
    if not x.rank:
        raise Misfit("expects at least one axis of features, gets one number", "give the input the shape [1]")
    return x


def _batch_weights(options: Options, signals: Signals) -> tuple[Weight, ...]:
    shape = signals[0].shape[-1:]
    return (*_affine(options, shape), state("mean", shape, 0.0), state("variance", shape, 1.0))


def _batch_norm(call: Call) -> None:
    kept = {role: call.weights[role] for role in ("mean", "variance")}
    if not call.training:
        _result(call, kept["mean"], kept["variance"])
        return
    own = {role: call.local(role) for role in kept}
    new = {role: call.local(f"new_{role}") for role in kept}
    x, momentum = call.signals[0], call.options["momentum"]
    axes = ", ".join(map(str, range(x.rank)))
    places = prod(x.shape[:-1])
    n = call.examples if places == 1 else f"{places}*{call.examples}"
    factors = {"mean": "", "variance": f"*({n}/({n} - 1))"}
    lines = [f"{own['mean']} = mean({call.x}, axis=({axes},))", f"{own['variance']} = var({call.x}, axis=({axes},))"]
    lines += [
        f"{new[role]} = {momentum!r}*{kept[role]} + {1.0 - momentum!r}*{own[role]}{factors[role]}" for role in kept
    ]
    if places == 1:
        # One number has no variance: the statistics that are kept take the place of its own.
        call.line(f"if {n} > 1:")
        call.lines += [f"    {line}" for line in lines]
        call.line("else:")
        call.lines += [f"    {own[role]} = {new[role]} = {kept[role]}" for role in kept]
    else:
        call.lines += lines
    _result(call, own["mean"], own["variance"])
    for role in kept:
        call.keep(role, new[role])


BATCH_NORM = Layer(
    "batch_norm",
    "Every component along the last axis is given mean 0 and variance 1 over a batch; over all batches in inference.",
    _batch_output,
    _batch_norm,
    (
        Field("momentum", number(0.0, 1.0, below=True), 0.9, "the weight of what was, when statistics are kept."),
        _EPSILON,
        SCALE,
        SHIFT,
    ),
    _batch_weights,
    formula="scale*(x - mean)/sqrt(variance + epsilon) + bias (Ioffe & Szegedy 2015); in training, mean and variance "
    "are those of the batch, and what is kept becomes momentum*kept + (1 - momentum)*batch",
    shapes="(..., n) → (..., n)",
    conventions="Over all axes but the last. A batch is normalised by its variance divided by n, as in Keras and "
    "PyTorch; the variance that is kept is divided by n - 1, as in PyTorch, because it stands for that of all examples "
    "and would otherwise be too small for small batches; Keras keeps the one divided by n. momentum is the weight of "
    "the old, as in Keras, whose default is 0.99; 0.9 is PyTorch's momentum of 0.1. epsilon is PyTorch's 1e-5, Keras "
    "has 1e-3. A batch with one number per component has no variance: it is normalised as in inference and leaves what "
    "is kept as it is; PyTorch refuses it, and Keras gives it the output `bias`.",
    aliases=("batch_normalization",),
)
