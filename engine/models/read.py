"""A definition in JSON becomes a model; all that is wrong with it is found before anything is refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np

from engine.errors import EngineError, Fault, InvalidRequest, Limit, LimitExceeded
from engine.limits import Limits
from engine.models import losses
from engine.models.fields import Field, Options, Wrong, below, flag, named, read_fields, shape
from engine.models.initialisers import INITIALISERS, SEED
from engine.models.layer import Layer, Signals
from engine.models.layers.table import ALIASES, LAYERS
from engine.models.losses import LOSSES
from engine.models.lower import program
from engine.models.model import INPUT, RESERVED, Model, Objective, Parameter, Placed
from engine.models.names import WHY, is_name
from engine.models.signal import Misfit, Signal
from engine.optimise.options import escaped, near

FIELDS = ("input", "layers", "nodes", "output", "loss", "target", "seed")
MOST_LAYERS = 200
MOST_AXES = 16
_MOST_FAULTS = 100
_MOST_INPUTS = 1000


def _nothing(options: Options, signals: Signals) -> Signal:
    raise AssertionError("what cannot be read has no shape")


_UNREADABLE = Layer("unreadable", "", _nothing, lambda call: None, inputs=(1, _MOST_INPUTS))
"""Stands for a layer of which not even the type is known, so that those after it are not blamed for it."""


@dataclass(slots=True)
class _Node:
    """A layer as it was given; `place` is its pointer."""

    place: str
    index: int
    name: str
    record: Layer
    options: Options | None
    inputs: tuple[str, ...]
    given: Mapping[str, Any]


@dataclass(slots=True)
class _Reading:
    limits: Limits
    most: int | None
    faults: list[Fault] = field(default_factory=list)

    def fault(self, pointer: str, detail: str, hint: str = "") -> None:
        if len(self.faults) < _MOST_FAULTS:
            sentence = f"{detail.rstrip('.')}; {hint}" if hint else detail
            self.faults.append(Fault(pointer, sentence if sentence[-1] in ".?" else sentence + "."))

    def add(self, place: str, faults: Sequence[Fault]) -> None:
        self.faults += below(place, faults)[: _MOST_FAULTS - len(self.faults)]

    def refuse(self) -> None:
        if self.faults:
            first = self.faults[0]
            detail = f"{first.pointer.lstrip('/') or 'the definition'}: {first.detail}"
            if len(self.faults) > 1:
                detail = f"{len(self.faults)} things are wrong with this model; the first one is {detail}"
            raise InvalidRequest(detail, faults=self.faults)


def read_model(content: Any, limits: Limits, most_numbers: int | None = None) -> Model:
    """The model that a definition describes, whose parameters have at most so many numbers together.

    Raises `InvalidRequest` with all faults and their pointers, and `LimitExceeded` for more numbers.
    """
    reading = _Reading(limits, most_numbers)
    if not isinstance(content, dict):
        reading.fault("", "A model is a JSON object with `input`, `layers` and `loss`.")
        reading.refuse()
    for name in content:
        if name not in FIELDS:
            reading.fault(f"/{escaped(name)}", f"A model has no such field{near(name, FIELDS)}")
    nodes = _nodes(content, reading)
    entry = _input(content.get("input"), nodes, reading)
    seed = _value(content, "seed", 0, SEED, reading)
    target = _target(content.get("target"), reading)
    ordered = _ordered(nodes, content.get("output"), reading)
    layers = _placed(ordered, entry, reading) if entry is not None else None
    objective = _objective(content.get("loss"), layers, target, reading)
    reading.refuse()
    assert entry is not None
    assert layers is not None
    assert objective is not None
    model = Model(_normal(content, entry, nodes, objective), entry, tuple(layers), objective, seed, target.standardise)
    _check(model, {node.name: node.place for node in nodes}, reading)
    reading.refuse()
    return model


def _value(content: Mapping[str, Any], name: str, default: Any, read: Any, reading: _Reading) -> Any:
    value = content.get(name)
    try:
        return default if value is None else read(value)
    except Wrong as wrong:
        reading.add(f"/{name}", wrong.faults)
        return default


def _input(given: Any, nodes: Sequence[_Node], reading: _Reading) -> Signal | None:
    """The signal of x: real, or integers where the first layer that takes it wants them."""
    if not isinstance(given, dict):
        reading.fault("/input", 'This has to be an object with the shape of one example: {"shape": [28, 28, 1]}.')
        return None
    integers = any(INPUT in node.inputs and node.record.name == "embedding" for node in nodes)
    read, faults = read_fields(
        "input",
        (
            Field("shape", shape, [], "the shape of one example, without the axis over examples."),
            Field("dtype", _dtype, "int" if integers else "real", "`real` or `int`."),
        ),
        given,
    )
    reading.add("/input", faults)
    if faults:
        return None
    found = Signal(read["shape"], read["dtype"])
    if _fits(found, reading.limits):
        return found
    reading.fault("/input/shape", f"One example has {_numbers(found)}; one array may have {_most(reading.limits)}.")
    return None


def _dtype(value: Any) -> str:
    words = {"real": "real", "float64": "real", "int": "int", "int64": "int"}
    if not isinstance(value, str) or value not in words:
        raise Wrong("This has to be `real` or `int`.")
    return words[value]


@dataclass(frozen=True, slots=True)
class _Target:
    shape: tuple[int, ...] | None = None
    standardise: bool = False


def _target(given: Any, reading: _Reading) -> _Target:
    if given is None:
        return _Target()
    if not isinstance(given, dict):
        reading.fault("/target", 'This has to be an object: {"shape": [3], "standardise": true}.')
        return _Target()
    fields = (
        Field("shape", lambda value: None if value is None else shape(value), None, "the shape of y."),
        Field("standardise", flag, False, "whether y is scaled by mean and standard deviation."),
    )
    read, faults = read_fields("target", fields, given)
    reading.add("/target", faults)
    return _Target() if faults else _Target(read["shape"], read["standardise"])


def _nodes(content: Mapping[str, Any], reading: _Reading) -> list[_Node]:
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
    found: list[_Node] = []
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
    place: str, index: int, item: Any, before: str, counts: dict[str, int], taken: set[str], reading: _Reading
) -> _Node:
    if not isinstance(item, dict) or not isinstance(item.get("type"), str):
        reading.fault(place, 'A layer is an object with a `type`: {"type": "dense", "units": 16}.')
        own = item.get("name") if isinstance(item, dict) else None
        return _Node(place, index, own if isinstance(own, str) else place, _UNREADABLE, None, (before,), {})
    type = ALIASES.get(item["type"], item["type"])
    record = LAYERS.get(type, _UNREADABLE)
    name = item.get("name")
    if name is None:
        while True:
            counts[type] = counts.get(type, 0) + 1
            name = f"{type}_{counts[type]}"
            if name not in taken:
                break
    elif not is_name(name, reading.limits.name_chars // 2) or name in RESERVED:
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
    if record is _UNREADABLE:
        known = near(item["type"], [*LAYERS, *ALIASES])
        reading.fault(f"{place}/type", f"There is no type of layer of this name{known}")
        return _Node(place, index, name, record, None, tuple(inputs), item)
    options = {key: value for key, value in item.items() if key not in ("type", "name", "inputs")}
    read, faults = read_fields(type, record.fields, options)
    reading.add(place, faults)
    return _Node(place, index, name, record, None if faults else read, tuple(inputs), item)


def _ordered(nodes: Sequence[_Node], output: Any, reading: _Reading) -> list[_Node]:
    """The layers that the output needs, each after its inputs; faults for names, circles, and layers not used."""
    by_name = {node.name: node for node in nodes}
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
    order: dict[str, _Node] = {}
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


def _placed(nodes: Sequence[_Node], entry: Signal, reading: _Reading) -> list[Placed] | None:
    """The layers with their shapes.  One that does not fit does not hide what is wrong with those beside it."""
    signals: dict[str, Signal | None] = {INPUT: entry}
    found: list[Placed] = []
    for node in nodes:
        given = [signals.get(name) for name in node.inputs]
        least, most = node.record.inputs
        signals[node.name] = None
        if not least <= len(given) <= most:
            count = f"{least}" if least == most else f"at least {least}" if most > 100 else f"{least} to {most}"
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
        if not _fits(output, reading.limits):
            detail = f"gives {_numbers(output)} for one example"
            reading.fault(node.place, f"{detail}; one array may have {_most(reading.limits)}.")
            continue
        signals[node.name] = output
        found.append(
            Placed(node.name, node.index, node.record, node.options, node.inputs, tuple(known), output, weights)
        )
    return found if len(found) == len(nodes) and found else None


def _fits(signal: Signal, limits: Limits) -> bool:
    """Whether one example is an array that the engine may make."""
    return signal.rank <= MOST_AXES and 8 * prod(signal.shape) <= limits.array_bytes


def _numbers(signal: Signal) -> str:
    return f"{prod(signal.shape):,} numbers along {signal.rank} axes"


def _most(limits: Limits) -> str:
    return f"{limits.array_bytes // 8:,} and {MOST_AXES} axes"


def _sources(node: _Node, nodes: Sequence[_Node]) -> str:
    places = {other.name: other.place.lstrip("/") for other in nodes}
    return " and ".join(f"{places[name]} ({name})" if name in places else "the input" for name in node.inputs)


_read_loss = named("a loss", {name: losses.fields_of(name) for name in (*LOSSES, *losses.ALIASES)})


def _objective(given: Any, layers: Sequence[Placed] | None, target: _Target, reading: _Reading) -> Objective | None:
    if given is None:
        reading.fault("/loss", f"A model needs a loss{near('', LOSSES)}")
        return None
    if isinstance(given, dict) and "expr" in given:
        return _expression(given, layers, target, reading)
    try:
        chosen = _read_loss(given)
    except Wrong as wrong:
        reading.add("/loss", wrong.faults)
        return None
    if layers is None:
        return None
    record = LOSSES[losses.ALIASES.get(chosen.name, chosen.name)]
    options = dict(chosen.options)
    if options.get("from") == "auto":
        options["from"] = _kind(layers[-1])
    try:
        signal = record.target(options, layers[-1].output)
    except Misfit as misfit:
        reading.fault("/loss", f"`{record.name}` {misfit.detail} from {layers[-1].name}", misfit.hint)
        return None
    if target.shape is not None and target.shape != signal.shape:
        reading.fault("/target/shape", f"With this loss, y has the shape {list(signal.shape)} for one example.")
    if target.standardise and (signal.dtype != "real" or record.name not in _SCALED):
        reading.fault("/target/standardise", f"`{record.name}` is not for numbers that can be scaled.")
    axes = losses.rank_of(options, record, layers[-1].output)
    return Objective(record, options, None, signal, axes)


_SCALED = ("mse", "mae", "huber", "log_cosh", "quantile")
"""Losses of a prediction that is in the units of y."""


def _kind(last: Placed) -> str:
    """What a prediction is, told by the last activation."""
    chosen = last.options.get("activation") or last.options.get("function")
    kinds = {"softmax": "probabilities", "sigmoid": "probabilities"}
    kinds |= {"log_softmax": "log_probabilities", "log_sigmoid": "log_probabilities"}
    return kinds.get(getattr(chosen, "name", ""), "logits")


def _expression(
    given: Mapping[str, Any], layers: Sequence[Placed] | None, target: _Target, reading: _Reading
) -> Objective | None:
    """A loss that is an expression of `y` and `prediction`."""
    from engine.models.expressions import checked

    text = given["expr"]
    if not isinstance(text, str) or len(given) != 1:
        reading.fault("/loss/expr", 'This has to be a text, alone: {"expr": "(y - prediction)^2"}.')
        return None
    if layers is None:
        return None
    prediction = layers[-1].output
    signal = Signal(prediction.shape if target.shape is None else target.shape)
    if target.standardise:
        reading.fault("/target/standardise", "With an expression as the loss, scale y in the expression.")
    try:
        found = checked(text, {"y": signal, "prediction": prediction}, {}, reading.limits)
    except EngineError as error:
        reading.fault("/loss/expr", str(error.detail), error.hint or "")
        return None
    if found.dtype == "bool" or "prediction" not in found.depends:
        reading.fault("/loss/expr", "The loss has to be a real number that depends on `prediction`.")
    return Objective(None, {}, text, Signal(signal.shape, "int" if "y" in found.integer else "real"), found.axes)


def _normal(content: Mapping[str, Any], entry: Signal, nodes: Sequence[_Node], objective: Objective) -> dict[str, Any]:
    """The definition with everything in it that follows from it and that a reader wants to see."""
    layers = []
    before = INPUT
    for node in nodes:
        given = {
            key: value
            for key, value in node.given.items()
            if value is not None and key not in ("type", "name", "inputs")
        }
        own: dict[str, Any] = {"type": node.record.name, "name": node.name}
        if node.inputs != (before,):
            own["inputs"] = list(node.inputs)
        layers.append(own | given)
        before = node.name
    loss: Any = {"expr": objective.expr}
    if objective.record is not None:
        loss = {"name": objective.record.name, **objective.options}
    found: dict[str, Any] = {
        "input": {"shape": list(entry.shape), "dtype": entry.dtype},
        "layers": layers,
        "loss": loss,
    }
    found |= {name: content[name] for name in ("output", "target") if content.get(name) is not None}
    return found | {"seed": int(content.get("seed") or 0)}


def _check(model: Model, places: Mapping[str, str], reading: _Reading) -> None:
    """What can only be said of the whole: sizes, names that meet, and beginnings that no constraint allows."""
    seen = {placed.name for placed in model.layers}
    most = reading.limits.array_bytes // 8
    for parameter in model.parameters:
        place = places.get(parameter.layer, "")
        if parameter.name in seen:
            reading.fault(place, f"`{parameter.name}` would be the name of two things.")
        seen.add(parameter.name)
        if parameter.size > most:
            size = f"`{parameter.name}` of shape {list(parameter.shape)} has {parameter.size:,} numbers"
            reading.fault(place, f"{size}; one array may have {most:,}.")
        else:
            _check_beginning(parameter, f"{place}/{parameter.weight.place or parameter.weight.role}", reading)
    total, all_of_it = sum(parameter.size for parameter in model.parameters), reading.limits.run_bytes // 8
    if reading.most is not None and total > reading.most and not reading.faults:
        detail = f"This model has {total:,} parameters, more than the {reading.most:,} that one may have."
        raise LimitExceeded(detail, limit=Limit("model_parameters", reading.most, total))
    if total > all_of_it and not reading.faults:
        reading.fault("/layers", f"The model has {total:,} parameters, and {all_of_it:,} are allowed.")
    length = len(program(model, "both", training=True, weighted=model.objective.axes is not None))
    if length > reading.limits.source_chars:
        allowed = f"{reading.limits.source_chars:,}"
        reading.fault("", f"As a program, the model has {length:,} characters, and {allowed} are allowed.")


def _check_beginning(parameter: Parameter, place: str, reading: _Reading) -> None:
    """Whether the initialiser makes arrays of this shape, and values that the constraint allows."""
    init = parameter.weight.chosen.init.name
    if len(parameter.shape) < INITIALISERS[init].rank:
        reading.fault(place, f"`{init}` is for matrices, and this has the shape {list(parameter.shape)}.")
    elif parameter.constraint is not None and not np.all(np.isfinite(parameter.initial_corner())):
        reading.fault(place, "It begins with values that its constraint does not allow.")
