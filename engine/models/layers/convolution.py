"""Convolution along sequences and over images, channels last."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from engine.models.activations import applied
from engine.models.fields import REQUIRED, Field, Options, Wrong, count, counts
from engine.models.layer import Call, Layer, Signals
from engine.models.layers.dense import ACTIVATION, BIAS, with_bias
from engine.models.signal import Misfit, Signal, require_rank
from engine.models.weights import Weight, weight_field
from engine.primitives.functions_windows import Slide
from engine.primitives.sliding import positions

_MOST = 2**20
_HINTS = {1: "add an embedding or reshape", 2: "reshape to (height, width, channels)"}


def padding(axes: int, causal: bool = False) -> Field:
    """The option for what is added around the input along so many axes."""
    words = ("valid", "same", "causal") if causal else ("valid", "same")
    one = count(0, _MOST)

    def pair(value: Any) -> tuple[int, int]:
        if not isinstance(value, list):
            return one(value), one(value)
        if len(value) != 2:
            raise Wrong("This has to be a pair: how much is added before, and after.")
        return one(value[0]), one(value[1])

    def read(value: Any) -> str | tuple[tuple[int, int], ...]:
        if isinstance(value, str):
            if value not in words:
                raise Wrong(f"This has to be {', '.join(f'`{word}`' for word in words)}, or numbers.")
            return value
        if not isinstance(value, list):
            return (pair(value),) * axes
        if axes == 1:
            return (pair(value[0] if len(value) == 1 else value),)
        if len(value) != axes:
            raise Wrong(f"This has to be a number, or one number or pair for each of {axes} axes.")
        return tuple(pair(part) for part in value)

    told = ", ".join(f"`{word}`" for word in words)
    return Field("padding", read, "valid", f"{told}, or how much is added: a number, one per axis, or a pair per axis.")


def slid(function: str, options: Options, signal: Signal, axes: int, causal: bool = False) -> tuple[int, ...]:
    """How many windows there are along each axis.  Raises `Misfit` where none fits."""
    lengths, sizes = signal.shape[:axes], options["size"]
    strides = sizes if options["stride"] is None else options["stride"]
    dilations = options.get("dilation", (1,) * axes)
    slide = Slide(function, sizes, strides, dilations, options["padding"])
    frame = slide.framed(lengths, causal)
    return tuple(
        positions(before + length + after, size, stride, dilation)
        for length, size, stride, dilation, (before, after) in zip(
            lengths, sizes, strides, dilations, frame, strict=True
        )
    )


def written(value: str | tuple[Any, ...]) -> str:
    """A padding, or sizes, as the language has them."""
    return f'"{value}"' if isinstance(value, str) else repr(value)


def _output(name: str, axes: int) -> Callable[[Options, Signals], Signal]:
    def output(options: Options, signals: Signals) -> Signal:
        (x,) = signals
        require_rank(x, axes + 1, _HINTS[axes])
        groups = options["groups"]
        for what, number in (("channels", x.shape[-1]), ("filters", options["filters"])):
            if number % groups:
                raise Misfit(f"cannot part {number} {what} into {groups} groups: gets {x.shape}")
        return Signal((*slid(name, options, x, axes, causal=axes == 1), options["filters"]))

    return output


def _weights(options: Options, signals: Signals) -> tuple[Weight, ...]:
    inside, filters = signals[0].shape[-1] // options["groups"], options["filters"]
    found = [Weight("kernel", (*options["size"], inside, filters), options["kernel"])]
    if options["bias"] is not None:
        found.append(Weight("bias", (filters,), options["bias"]))
    return tuple(found)


def _lower(name: str) -> Callable[[Call], None]:
    def lower(call: Call) -> None:
        options = call.options
        text = f"{name}({call.x}, {call.weights['kernel']}"
        for option in ("stride", "dilation"):
            if max(options[option]) > 1:
                text += f", {option}={written(options[option])}"
        if options["padding"] != "valid":
            text += f", padding={written(options['padding'])}"
        if options["groups"] > 1:
            text += f", groups={options['groups']}"
        call.result(applied(options["activation"], with_bias(call, text + ")")))

    return lower


def _convolution(axes: int, summary: str, shapes: str) -> Layer:
    name = f"conv{axes}d"
    sizes = "one per axis, or one for both" if axes > 1 else "a number"
    return Layer(
        name,
        summary,
        _output(name, axes),
        _lower(name),
        (
            Field("filters", count(), REQUIRED, "the number of channels that come out."),
            Field("size", counts(axes), REQUIRED, f"how far the kernel reaches: {sizes}."),
            Field("stride", counts(axes), 1, "how far it moves from one output to the next."),
            padding(axes, causal=axes == 1),
            Field("dilation", counts(axes), 1, "how far the elements that it looks at are apart."),
            Field("groups", count(), 1, "into how many groups the channels are parted, each with filters of its own."),
            ACTIVATION,
            weight_field("kernel", "glorot_uniform", "the weights (size, channels/groups, filters)."),
            BIAS,
        ),
        _weights,
        formula=f"activation({name}(x, kernel) + bias): the kernel is not flipped",
        shapes=shapes,
        conventions="Channels are last and the kernel is (size, channels/groups, filters), as in Keras; PyTorch has "
        "channels first and (filters, channels/groups, size). `same` adds one more at the end where the number is odd, "
        "as in Keras, with any stride; PyTorch allows it without a stride only. "
        "The fans of the kernel count the window, as in both; PyTorch's begins as he_uniform with gain sqrt(1/6).",
    )


CONV1D = _convolution(
    1,
    "A kernel slides along a sequence; `causal` padding looks back only.",
    "(time, channels) → (positions, filters)",
)
CONV2D = _convolution(
    2, "A kernel slides over an image.", "(height, width, channels) → (positions, positions, filters)"
)
