"""Pooling: the largest number, or the mean, of windows or of everything."""

from __future__ import annotations

from collections.abc import Callable

from engine.models.fields import Field, Options, counts, maybe
from engine.models.layer import Call, Layer, Signals
from engine.models.layers.convolution import padding, slid, written
from engine.models.signal import Misfit, Signal, require_rank, require_real

_WORDS = {"max": "largest number", "mean": "mean"}
_HINTS = {1: "reshape to (time, channels)", 2: "reshape to (height, width, channels)"}


def _output(name: str, axes: int) -> Callable[[Options, Signals], Signal]:
    def output(options: Options, signals: Signals) -> Signal:
        (x,) = signals
        require_rank(x, axes + 1, _HINTS[axes])
        _require_filled(options, x)
        return Signal((*slid(name, options, x, axes), x.shape[-1]))

    return output


def _require_filled(options: Options, signal: Signal) -> None:
    """Raise `Misfit` where a window would hold nothing but padding."""
    if isinstance(options["padding"], str):
        return
    for size, (before, after) in zip(options["size"], options["padding"], strict=True):
        if max(before, after) >= size:
            detail = f"adds {max(before, after)} to an axis, and a window of {size} would hold nothing of the input"
            raise Misfit(f"{detail}: gets {signal.shape}", "add less than the size of the window")


def _lower(name: str) -> Callable[[Call], None]:
    def lower(call: Call) -> None:
        options = call.options
        text = f"{name}({call.x}, {written(options['size'])}"
        if options["stride"] is not None:
            text += f", stride={written(options['stride'])}"
        if options["padding"] != "valid":
            text += f", padding={written(options['padding'])}"
        call.result(text + ")")

    return lower


def _pooling(kind: str, axes: int) -> Layer:
    name = f"{kind}_pool{axes}d"
    shapes = {
        1: "(time, channels) → (positions, channels)",
        2: "(height, width, channels) → (positions, positions, channels)",
    }
    return Layer(
        name,
        f"The {_WORDS[kind]} of every window, channel by channel.",
        _output(name, axes),
        _lower(name),
        (
            Field("size", counts(axes), 2, "the size of the window."),
            Field("stride", maybe(counts(axes)), None, "how far it moves; as far as it reaches, unless given."),
            padding(axes),
        ),
        formula=f"{name}(x, size)",
        shapes=shapes[axes],
        conventions="Channels are last. What is added by padding is never counted, as in Keras; PyTorch counts its "
        "zeros in means unless told not to. Where several numbers are the largest, each gets an equal share of the "
        "gradient; in Keras and PyTorch one of them gets all. After `relu` these are mostly zeros, through which no "
        "gradient goes on; `/check` may call such a point `inconclusive`, since it is a tie."
        if kind == "max"
        else "Channels are last. What is added by padding is never counted, as in Keras; PyTorch counts its zeros "
        "unless `count_include_pad` is off.",
        aliases=() if kind == "max" else (f"avg_pool{axes}d",),
    )


MAX_POOL1D, MAX_POOL2D = _pooling("max", 1), _pooling("max", 2)
MEAN_POOL1D, MEAN_POOL2D = _pooling("mean", 1), _pooling("mean", 2)


def _overall(options: Options, signals: Signals) -> Signal:
    (x,) = signals
    require_real(x)
    if x.rank < 2:
        raise Misfit(f"expects at least one axis before that of channels, gets {x.shape}", "leave it out")
    return Signal(x.shape[-1:])


def _global(kind: str) -> Layer:
    def lower(call: Call) -> None:
        axes = ", ".join(map(str, range(1, call.signals[0].rank)))
        call.result(f"{kind}({call.x}, axis=({axes},))")

    return Layer(
        f"global_{kind}_pool",
        f"The {_WORDS[kind]} of each channel over everything.",
        _overall,
        lower,
        formula=f"{kind} over all axes but the last",
        shapes="(..., channels) → (channels)",
        conventions="Over all axes of an example but the last, however many there are.",
        aliases=() if kind == "max" else ("global_avg_pool",),
    )


GLOBAL_MAX_POOL, GLOBAL_MEAN_POOL = _global("max"), _global("mean")
