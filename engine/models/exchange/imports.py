"""A file of ONNX as a model with its parameters."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from engine.errors import InvalidRequest, Limit, LimitExceeded
from engine.graph.types import Array
from engine.limits import Limits
from engine.models.exchange.faults import Faults, Refused, shown
from engine.models.exchange.opened import OWN, Opened, OpenNode, opened
from engine.models.exchange.operator import LEFT_OUT, Operator, Step
from engine.models.exchange.plan import Flow, Known, Nothing, Plan, Seen
from engine.models.exchange.take_layers import LAYERS
from engine.models.exchange.take_numbers import NUMBERS
from engine.models.exchange.take_sequences import SEQUENCES
from engine.models.exchange.take_shapes import SHAPES
from engine.models.exchange.tidy import tidied
from engine.models.model import INPUT
from engine.models.nodes import MOST_LAYERS
from engine.models.signal import Signal

OPERATORS: Mapping[str, Operator] = {**LAYERS, **SEQUENCES, **NUMBERS, **SHAPES}
"""All operators that are taken, by name."""
_LOST = Nothing(lost=True)


def imported(content: bytes, limits: Limits) -> tuple[dict[str, Any], dict[str, Array]]:
    """The definition of a model, without a loss, and its parameters by name.

    Its prediction is what the graph computes, for inputs of the same shapes; where ONNX has the channels second, it
    begins and ends with transposes.  Raises `Unsupported` or `InvalidRequest` with all that stands against the file,
    `LimitExceeded`, and `Unsupported` without the package.  Nothing in a file is executed.
    """
    faults = Faults()
    # What overflows, or is no number, is found in what comes of it.
    with np.errstate(all="ignore"):
        file = opened(content, limits, faults)
        faults.refuse()
        plan = Plan(Signal(file.sizes, "int" if file.integer else "real"), limits)
        result = _followed(file, plan, faults)
        faults.refuse()
    assert result is not None
    tidied(plan, result)
    if len(plan.entries) > MOST_LAYERS:
        raise LimitExceeded(
            f"This graph becomes {len(plan.entries)} layers; a model has at most {MOST_LAYERS}.",
        )
    return _written(plan)


def _followed(file: Opened, plan: Plan, faults: Faults) -> str | None:
    """Give every node its layers; the name of the layer that gives the output."""
    seen: dict[str, Seen] = {name: Known(array) for name, array in file.arrays.items()}
    seen[file.input] = plan.straight(INPUT)
    used = frozenset([name for node in file.nodes for name in node.inputs] + [file.output])
    held = 0
    for node in file.nodes:
        if held > plan.limits.array_bytes:
            raise LimitExceeded(
                f"The constants that nodes give take {held:,} bytes; {plan.limits.array_bytes:,} are allowed.",
                limit=Limit("array_bytes", plan.limits.array_bytes, held),
            )
        for name, found in zip(node.outputs, _outputs(node, seen, plan, file, used, faults), strict=True):
            if isinstance(found, Known):
                held += found.array.nbytes
            if not name:
                continue
            if name in seen:
                detail = f"{node.told} gives `{shown(name)}`, which is there already."
                faults.add(f"/graph/node/{node.index}", detail, broken=True)
            seen.setdefault(name, found)
    result = seen.get(file.output)
    pointer, told = "/graph/output/0", f"The output `{shown(file.output)}`"
    if result is None:
        faults.add(pointer, f"{told} is made by no node.", broken=True)
    elif not isinstance(result, Flow):
        if not isinstance(result, Nothing):
            faults.add(pointer, f"{told} does not depend on the input.")
    else:
        try:
            layer = plan.plain(result)
            if layer == INPUT:
                layer = plan.layer("activation", {"function": "linear"}, [INPUT])
            return layer
        except Refused as refusal:
            faults.add(pointer, f"{told} {refusal.detail}", refusal.broken)
    return None


def _outputs(
    node: OpenNode, seen: Mapping[str, Seen], plan: Plan, file: Opened, used: frozenset[str], faults: Faults
) -> Sequence[Seen]:
    """What a node gives; what is lost where it is refused, so that those after it are not blamed."""
    pointer, lost = f"/graph/node/{node.index}", [_LOST] * len(node.outputs)
    record = OPERATORS.get(node.op) if node.domain in OWN else None
    if record is None:
        close = difflib.get_close_matches(node.op[:60], OPERATORS, 1)
        tail = f"; did you mean {close[0]}?" if close else "."
        if node.domain not in OWN:
            tail = f": it is of the domain `{shown(node.domain)}`."
        faults.add(f"{pointer}/op_type", f"{node.told}: this operator is not taken{tail}")
        return lost
    inputs: list[Seen] = []
    for k, name in enumerate(node.inputs):
        if name and name not in seen:
            detail = f"{node.told} needs `{shown(name)}`, which no node before it gives."
            faults.add(f"{pointer}/input/{k}", detail, broken=True)
            return lost
        inputs.append(seen[name] if name else LEFT_OUT)
    while inputs and inputs[-1] is LEFT_OUT:
        inputs.pop()
    if any(isinstance(found, Nothing) and found.lost for found in inputs):
        return lost
    least, most = record.inputs
    try:
        if not least <= len(inputs) <= most:
            raise Refused(f"has {len(inputs)} inputs; {least} to {most} are taken.", broken=True)
        unknown = [name for name in node.attributes if name not in record.attributes]
        if unknown:
            raise Refused(f"has the attribute `{shown(unknown[0])}`, which is not taken.")
        attributes = {**record.attributes, **node.attributes}
        found = record.rule(Step(plan, node, tuple(inputs), attributes, file.opset, used))
        if any(name in used for name in node.outputs[len(found) :] if name):
            raise Refused(f"has more outputs that are used than the {len(found)} that are taken.")
    except Refused as refusal:
        faults.add(pointer, f"{node.told} {refusal.detail}", refusal.broken)
        return lost
    return [*found, *lost][: len(node.outputs)]


def _written(plan: Plan) -> tuple[dict[str, Any], dict[str, Array]]:
    """The definition, and the parameters as its program takes them."""
    layers: list[dict[str, Any]] = []
    arrays: dict[str, Array] = {}
    for entry in plan.entries.values():
        layers.append({"type": entry.type, "name": entry.name, "inputs": entry.inputs, **entry.options})
        for role, array in entry.arrays.items():
            name = f"{entry.name}_{role}"
            if name in arrays or name in plan.entries:
                raise InvalidRequest(f"`{name}` would be the name of two things.", hint="rename the nodes")
            arrays[name] = array
    dtype = "int" if plan.entry.dtype == "int" else "real"
    definition = {"input": {"shape": list(plan.entry.shape), "dtype": dtype}, "layers": layers}
    return definition, arrays
