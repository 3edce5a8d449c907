"""A definition in JSON becomes a model; all that is wrong with it is found before anything is refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from engine.errors import Limit, LimitExceeded
from engine.limits import Limits
from engine.models.fields import Field, Wrong, read_fields, shape
from engine.models.initialisers import INITIALISERS, SEED
from engine.models.lower import program
from engine.models.model import INPUT, Model, Objective, Parameter
from engine.models.nodes import Node, fits, most_of, numbers_of, ordered, placed, read_nodes
from engine.models.objective import read_objective, read_target
from engine.models.reading import Reading
from engine.models.signal import Signal
from engine.optimise.options import escaped, near
from engine.source.names import find_function

FIELDS = ("input", "layers", "nodes", "output", "loss", "target", "seed")


def read_model(content: Any, limits: Limits, most_numbers: int | None = None) -> Model:
    """The model that a definition describes, whose parameters have at most so many numbers together.

    Raises `InvalidRequest` with all faults and their pointers, and `LimitExceeded` for more numbers.
    """
    reading = Reading(limits)
    if not isinstance(content, dict):
        reading.fault("", "A model is a JSON object with `input`, `layers` and `loss`.")
        reading.refuse()
    for name in content:
        if name not in FIELDS:
            reading.fault(f"/{escaped(name)}", f"A model has no such field{near(name, FIELDS)}")
    nodes = read_nodes(content, reading)
    entry = _input(content.get("input"), nodes, reading)
    seed = _seed(content.get("seed"), reading)
    target = read_target(content.get("target"), reading)
    order = ordered(nodes, content.get("output"), reading)
    layers = placed(order, entry, reading) if entry is not None else None
    objective = read_objective(content.get("loss"), layers, target, reading)
    reading.refuse()
    assert entry is not None
    assert layers is not None
    assert objective is not None
    definition = _normal(content, entry, nodes, objective, seed)
    model = Model(definition, entry, tuple(layers), objective, seed, target.standardise)
    _check(model, {node.name: node.place for node in nodes}, most_numbers, reading)
    reading.refuse()
    return model


def _seed(given: Any, reading: Reading) -> int:
    try:
        return 0 if given is None else int(SEED(given))
    except Wrong as wrong:
        reading.add("/seed", wrong.faults)
        return 0


def _input(given: Any, nodes: Sequence[Node], reading: Reading) -> Signal | None:
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
    if fits(found, reading.limits):
        return found
    reading.fault("/input/shape", f"One example has {numbers_of(found)}; one array may have {most_of(reading.limits)}.")
    return None


def _dtype(value: Any) -> str:
    words = {"real": "real", "float64": "real", "int": "int", "int64": "int"}
    if not isinstance(value, str) or value not in words:
        raise Wrong("This has to be `real` or `int`.")
    return words[value]


def _normal(
    content: Mapping[str, Any], entry: Signal, nodes: Sequence[Node], objective: Objective, seed: int
) -> dict[str, Any]:
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
    return found | {"seed": seed}


def _check(model: Model, places: Mapping[str, str], most_numbers: int | None, reading: Reading) -> None:
    """What can only be said of the whole: sizes, names that meet, and beginnings that no constraint allows."""
    seen = {placed.name for placed in model.layers}
    most = reading.limits.array_bytes // 8
    for parameter in model.parameters:
        place = places.get(parameter.layer, "")
        for name in dict.fromkeys((parameter.name, parameter.value_name)):
            if name in seen:
                reading.fault(place, f"`{name}` would be the name of two things.")
            elif find_function(name) is not None:
                reading.fault(place, f"`{name}` would be the name of an array, and is that of a function.")
            seen.add(name)
        if parameter.size > most:
            size = f"`{parameter.name}` of shape {list(parameter.shape)} has {parameter.size:,} numbers"
            reading.fault(place, f"{size}; one array may have {most:,}.")
        else:
            _check_beginning(parameter, f"{place}/{parameter.weight.place or parameter.weight.role}", reading)
    total, all_of_it = sum(parameter.size for parameter in model.parameters), reading.limits.run_bytes // 8
    if most_numbers is not None and total > most_numbers and not reading.faults:
        detail = f"This model has {total:,} parameters, more than the {most_numbers:,} that one may have."
        raise LimitExceeded(detail, limit=Limit("model_parameters", most_numbers, total))
    if total > all_of_it and not reading.faults:
        reading.fault("/layers", f"The model has {total:,} parameters, and {all_of_it:,} are allowed.")
    length = len(program(model, "both", training=True, weighted=model.objective.axes is not None))
    if length > reading.limits.source_chars:
        allowed = f"{reading.limits.source_chars:,}"
        reading.fault("", f"As a program, the model has {length:,} characters, and {allowed} are allowed.")


def _check_beginning(parameter: Parameter, place: str, reading: Reading) -> None:
    """Whether the initialiser makes arrays of this shape, and values that the constraint allows."""
    init = parameter.weight.chosen.init.name
    if len(parameter.shape) < INITIALISERS[init].rank:
        reading.fault(place, f"`{init}` is for matrices, and this has the shape {list(parameter.shape)}.")
    elif parameter.constraint is not None and not np.all(np.isfinite(parameter.initial_corner())):
        reading.fault(place, "It begins with values that its constraint does not allow.")
