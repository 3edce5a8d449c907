"""The layers of a definition: read one by one, put in order, and given their shapes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

from engine.errors import EngineError
from engine.limits import Limits
from engine.models.fields import Options, read_fields
from engine.models.layer import Layer, Signals
from engine.models.layers.table import ALIASES, LAYERS
from engine.models.model import INPUT, RESERVED, Placed
from engine.models.names import WHY, is_name
from engine.models.reading import Reading
from engine.models.signal import Misfit, Signal
from engine.optimise.options import near

MOST_LAYERS = 200
MOST_AXES = 16
_MOST_INPUTS = 1000


def _nothing(options: Options, signals: Signals) -> Signal:
    raise AssertionError("what cannot be read has no shape")


UNREADABLE = Layer("unreadable", "", _nothing, lambda call: None, inputs=(1, _MOST_INPUTS))
"""Stands for a layer of which not even the type is known, so that those after it are not blamed for it."""


@dataclass(slots=True)
class Node:
    """A layer as it was given; `place` is its pointer."""

    place: str
    index: int
    name: str
    record: Layer
    options: Options | None
    inputs: tuple[str, ...]
    given: Mapping[str, Any]


def read_nodes(content: Mapping[str, Any], reading: Reading) -> list[Node]:
    """The layers as far as they can be read one by one."""
    given = [name for name in ("layers", "nodes") if content.get(name) is not None]
    if len(given) != 1:
        reading.fault("/layers", "A model has either `layers` or `nodes`, a list of layers.")
        return []
    place = given[0]
    items = content[place]
    if not isinstance(items, list) or not items:
        reading.fault(f"/{place}", "This has to be a list with at least one layer.")
        return []
    if len(items) > MOST_LAYERS:
        reading.fault(f"/{place}", f"{len(items):,} layers are more than the {MOST_LAYERS} that a model may have.")
        return []
    found: list[Node] = []
    counts: dict[str, int] = {}
    taken = {item["name"] for item in items if isinstance(item, dict) and isinstance(item.get("name"), str)}
    before = INPUT
    for index, item in enumerate(items):
        node = _node(f"/{place}/{index}", index, item, before, counts, taken, reading)
        if any(other.name == node.name for other in found):
            reading.fault(f"{node.place}/name", f"Another layer is called `{node.name}`.")
        found.append(node)
        before = node.name
    return found


def _node(
    place: str, index: int, item: Any, before: str, counts: dict[str, int], taken: set[str], reading: Reading
) -> Node:
    if not isinstance(item, dict) or not isinstance(item.get("type"), str):
        reading.fault(place, 'A layer is an object with a `type`: {"type": "dense", "units": 16}.')
        own = item.get("name") if isinstance(item, dict) else None
        return Node(place, index, own if isinstance(own, str) else place, UNREADABLE, None, (before,), {})
    type = ALIASES.get(item["type"], item["type"])
    record = LAYERS.get(type, UNREADABLE)
    name = item.get("name")
    if name is None:
        while True:
            counts[type] = counts.get(type, 0) + 1
            name = f"{type}_{counts[type]}"
            if name not in taken:
                break
    elif isinstance(name, str) and name in RESERVED:
        kept = ", ".join(f"`{other}`" for other in sorted(RESERVED))
        reading.fault(f"{place}/name", f"`{name}` means something else in the program of a model, as all of {kept} do.")
    elif not is_name(name, reading.limits.name_chars // 2):
        reading.fault(f"{place}/name", f"A name of a layer has {WHY}.")
        name = name if isinstance(name, str) else place
    inputs = item.get("inputs")
    if inputs is None:
        inputs = [before]
    if isinstance(inputs, str):
        inputs = [inputs]
    if not isinstance(inputs, list) or not inputs or not all(isinstance(other, str) for other in inputs):
        reading.fault(f"{place}/inputs", "This has to be a list of names of layers, or `x`.")
        inputs = [before]
    if record is UNREADABLE:
        known = near(item["type"], [*LAYERS, *ALIASES])
        reading.fault(f"{place}/type", f"There is no type of layer of this name{known}")
        return Node(place, index, name, record, None, tuple(inputs), item)
    options = {key: value for key, value in item.items() if key not in ("type", "name", "inputs")}
    read, faults = read_fields(type, record.fields, options)
    reading.add(place, faults)
    return Node(place, index, name, record, None if faults else read, tuple(inputs), item)


def ordered(nodes: Sequence[Node], output: Any, reading: Reading) -> list[Node]:
    """The layers that the output needs, each after its inputs; faults for names, circles, and layers not used."""
    # Of a name that stands twice, the first: a layer that follows one of its own name needs no circle.
    by_name = {node.name: node for node in reversed(nodes)}
    for node in nodes:
        for k, other in enumerate(node.inputs):
            if other != INPUT and other not in by_name:
                reading.fault(
                    f"{node.place}/inputs/{k}", f"There is no layer of this name{near(other, [INPUT, *by_name])}"
                )
    if not nodes:
        return []
    last = nodes[-1].name if output is None else output
    if not isinstance(last, str) or last not in by_name:
        tail = near(last, by_name) if isinstance(last, str) else "."
        reading.fault("/output", f"This has to be the name of a layer{tail}")
        return []
    order: dict[str, Node] = {}
    state: dict[str, bool] = {}
    stack: list[tuple[str, bool]] = [(last, False)]
    while stack:
        name, done = stack.pop()
        if name not in by_name or name in order:
            continue
        node = by_name[name]
        if done:
            order[name] = node
            continue
        if state.get(name):
            reading.fault(f"{node.place}/inputs", f"`{name}` needs its own output: the layers go in a circle.")
            return []
        state[name] = True
        stack.append((name, True))
        stack += [(other, False) for other in reversed(node.inputs)]
    for node in nodes:
        if node.name not in order and not reading.faults:
            reading.fault(node.place, f"`{node.name}` is not used: the output, `{last}`, does not depend on it.")
    return list(order.values())


def placed(nodes: Sequence[Node], entry: Signal, reading: Reading) -> list[Placed] | None:
    """The layers with their shapes.  One that does not fit does not hide what is wrong with those beside it."""
    signals: dict[str, Signal | None] = {INPUT: entry}
    found: list[Placed] = []
    for node in nodes:
        given = [signals.get(name) for name in node.inputs]
        least, most = node.record.inputs
        signals[node.name] = None
        if not least <= len(given) <= most:
            open_end = f"at least {least}" if len(given) < least else f"at most {most}"
            count = f"{least}" if least == most else open_end if most > 100 else f"{least} to {most}"
            reading.fault(
                f"{node.place}/inputs", f"`{node.record.name}` takes {count} inputs, and {len(given)} are named."
            )
            continue
        if node.record.on_input and node.inputs != (INPUT,):
            reading.fault(
                f"{node.place}/inputs", f"`{node.record.name}` takes the input of the model, `x`, and nothing else."
            )
            continue
        known = [signal for signal in given if signal is not None]
        if node.options is None or len(known) < len(given):
            continue
        try:
            output = node.record.output(node.options, tuple(known))
            weights = node.record.weights(node.options, tuple(known))
        except Misfit as misfit:
            if misfit.at:
                reading.fault(f"{node.place}/{misfit.at}", misfit.detail, misfit.hint)
            else:
                reading.fault(node.place, f"{misfit.detail} from {_sources(node, nodes)}", misfit.hint)
            continue
        except EngineError as error:
            reading.fault(node.place, error.detail, error.hint or "")
            continue
        if not fits(output, reading.limits):
            detail = f"gives {numbers_of(output)} for one example"
            reading.fault(node.place, f"{detail}; one array may have {most_of(reading.limits)}.")
            continue
        signals[node.name] = output
        found.append(
            Placed(node.name, node.index, node.record, node.options, node.inputs, tuple(known), output, weights)
        )
    return found if len(found) == len(nodes) and found else None


def fits(signal: Signal, limits: Limits) -> bool:
    """Whether one example is an array that the engine may make."""
    return signal.rank <= MOST_AXES and 8 * prod(signal.shape) <= limits.array_bytes


def numbers_of(signal: Signal) -> str:
    """How large one example is, in words."""
    return f"{prod(signal.shape):,} numbers along {signal.rank} axes"


def most_of(limits: Limits) -> str:
    """How many numbers one array may have, in words."""
    return f"{limits.array_bytes // 8:,} and {MOST_AXES} axes"


def _sources(node: Node, nodes: Sequence[Node]) -> str:
    places = {other.name: other.place.lstrip("/") for other in nodes}
    return " and ".join(f"{places[name]} ({name})" if name in places else "the input" for name in node.inputs)
