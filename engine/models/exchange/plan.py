"""The layers that a graph of ONNX becomes, while it is being read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np

from engine.errors import EngineError
from engine.graph.types import Array
from engine.limits import Limits
from engine.models.exchange.faults import Refused
from engine.models.fields import read_fields
from engine.models.layers.table import LAYERS
from engine.models.model import INPUT, RESERVED
from engine.models.names import is_name
from engine.models.nodes import MOST_AXES, MOST_LAYERS
from engine.models.signal import Misfit, Signal

Order = tuple[int | None, ...]
"""Which axis of a layer's output each axis in ONNX is: 0 is that over examples; None is one of length 1 that the layer
has not."""
Sizes = tuple[int | None, ...]
"""A shape in ONNX; None is the number of examples."""


@dataclass(frozen=True, slots=True)
class Known:
    """A constant."""

    array: Array


@dataclass(frozen=True, slots=True)
class Measured:
    """Sizes of an array, some of which are the number of examples, as a list or as one number."""

    sizes: Sizes
    single: bool = False


@dataclass(frozen=True, slots=True)
class Filled:
    """An array with the same number everywhere, whose shape has the number of examples in it."""

    number: float
    sizes: Sizes


@dataclass(frozen=True, slots=True)
class Flow:
    """What a layer gives, with its axes in some order."""

    layer: str
    order: Order


@dataclass(frozen=True, slots=True)
class Nothing:
    """An input that is left out, or the output of a node that was refused."""

    lost: bool = False


Seen = Known | Measured | Filled | Flow | Nothing


@dataclass(slots=True)
class Entry:
    """A layer; `arrays` are its parameters by role.  `own`: its name was chosen by the file."""

    name: str
    type: str
    options: dict[str, Any]
    inputs: list[str]
    arrays: dict[str, Array]
    output: Signal
    own: bool


def name_of(name: str, limits: Limits) -> str | None:
    """A name out of a file, if a layer can have it."""
    return name if is_name(name, limits.name_chars // 2) and name not in RESERVED else None


@dataclass(slots=True)
class Plan:
    """Layers in the order in which they were made."""

    entry: Signal
    limits: Limits
    entries: dict[str, Entry] = field(default_factory=dict)
    _counts: dict[str, int] = field(default_factory=dict)

    def signal(self, layer: str) -> Signal:
        """What a layer gives for one example."""
        return self.entry if layer == INPUT else self.entries[layer].output

    def sizes(self, flow: Flow) -> Sizes:
        """The shape of a flow in ONNX."""
        shape = self.signal(flow.layer).shape
        return tuple(1 if axis is None else None if axis == 0 else shape[axis - 1] for axis in flow.order)

    def straight(self, layer: str) -> Flow:
        """What a layer gives, its axes as they are."""
        return Flow(layer, tuple(range(self.signal(layer).rank + 1)))

    def layer(
        self,
        type: str,
        options: Mapping[str, Any],
        inputs: Sequence[str],
        arrays: Mapping[str, Array] | None = None,
        name: str = "",
    ) -> str:
        """Add a layer and give its name.  Raises `Refused` where it does not fit."""
        if len(self.entries) >= 4 * MOST_LAYERS:
            raise Refused(f"is one layer more than can be looked at; a model has at most {MOST_LAYERS}.")
        record = LAYERS[type]
        read, faults = read_fields(type, record.fields, options)
        if faults:
            raise Refused(f"would be a layer `{type}`: {faults[0].detail}")
        signals = tuple(self.signal(other) for other in inputs)
        try:
            output = record.output(read, signals)
            shapes = {weight.role: weight.shape for weight in record.weights(read, signals)}
        except Misfit as misfit:
            raise Refused(f"would be a layer `{type}`, which {misfit.detail}.") from None
        except EngineError as error:
            raise Refused(f"would be a layer `{type}`: {error.detail}") from None
        if output.rank > MOST_AXES or 8 * prod(output.shape) > self.limits.array_bytes:
            raise Refused(f"gives {prod(output.shape):,} numbers for one example, more than an array may have.")
        given = {role: np.asarray(array, dtype=np.float64) for role, array in (arrays or {}).items()}
        for role, array in given.items():
            if shapes.get(role) != array.shape:
                raise Refused(f"has an array of shape {array.shape}; as `{role}` it needs {shapes.get(role)}.", True)
            if not np.all(np.isfinite(array)):
                raise Refused("has an array with numbers that are not finite.")
        if shapes.keys() - given.keys():
            raise Refused(f"lacks what a layer `{type}` needs: {', '.join(sorted(shapes.keys() - given.keys()))}.")
        chosen = name_of(name, self.limits)
        own = chosen is not None and chosen not in self.entries
        called = chosen if own and chosen is not None else self._called(type)
        self.entries[called] = Entry(called, type, dict(options), list(inputs), given, output, own)
        return called

    def _called(self, type: str) -> str:
        """A name that cannot meet one out of a file, for now."""
        self._counts[type] = self._counts.get(type, 0) + 1
        return f"{type}.{self._counts[type]}"

    def expression(
        self, text: str, inputs: Sequence[str], arrays: Mapping[str, Array] | None = None, name: str = ""
    ) -> str:
        """Add a layer that is an expression; the arrays are its parameters."""
        parameters = {role: {"shape": list(array.shape)} for role, array in (arrays or {}).items()}
        options: dict[str, Any] = {"expr": text} | ({"parameters": parameters} if parameters else {})
        return self.layer("expr", options, inputs, arrays, name)

    def plain(self, flow: Flow) -> str:
        """A layer that gives the axes of a flow in their order.  Raises `Refused` where examples do not come first."""
        if not flow.order or flow.order[0] != 0:
            raise Refused("takes an array whose first axis is not that over examples.")
        own = [axis for axis in flow.order if axis is not None]
        layer = flow.layer
        if own != sorted(own):
            layer = self.expression(f"transpose(x, {tuple(own)})", [layer])
        if len(own) < len(flow.order):
            shape = [size for size in self.sizes(flow)[1:] if size is not None]
            layer = self.layer("reshape", {"shape": shape}, [layer])
        return layer
