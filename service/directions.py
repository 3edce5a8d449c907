"""What only some questions have: the directions of a product with a derivative, and the format of matrices."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from engine.asks import DIRECTED
from engine.engine import Engine
from engine.errors import Fault, InvalidRequest
from engine.limits import Limits
from engine.question import Array, Ask
from service.functions.binding import Binding
from service.pointers import pointer
from service.questions import MOST_FAULTS, Asked, read_question
from service.weights import Along, Path, Weights, array_at, placed, refused

MATRICES: frozenset[Ask] = frozenset(("jacobian", "hessian"))
FORMATS = ("dense", "coo")


def read_asked(content: Any, ask: Ask, engine: Engine, function: Binding | None = None) -> Asked:
    """The question of a request body, with all that `ask` has besides; `function` is the stored one it names.

    Raises what `read_question` raises; faults of the directions are told when the rest is in order.  Cotangents are
    read with a look at the text: there is one for each output where there are several.
    """
    field, limits = DIRECTED.get(ask), engine.limits
    if ask in MATRICES and type(content) is dict and "format" in content:
        return _formatted(content, limits, function)
    if field is None or type(content) is not dict:
        return read_question(content, limits, function)
    fields = (field, field + "s")
    own = (*fields, "cotangent") if ask == "hvp" else fields
    rest = {name: value for name, value in content.items() if name not in own}
    asked = read_question(rest, limits, function, moves=ask == "jvp")
    given = [name for name in fields if content.get(name) is not None]
    if len(given) != 1:
        raise refused(f"/{field}", f"Send exactly one of `{field}`, and `{field}s` for several directions at once.")
    many = given[0] != field
    directions = [content[field]] if not many else content[fields[1]]
    if type(directions) is not list or not directions:
        raise refused(f"/{fields[1]}", "This has to be a list of one direction or more.")
    where: list[Path] = [(fields[1], i) if many else (field,) for i in range(len(directions))]
    weights = Weights(engine, asked.question)
    if ask == "vjp":
        found = [weights.read(d, path) for d, path in zip(directions, where, strict=True)]
    else:
        found = [_by_name(d, path, limits) for d, path in zip(directions, where, strict=True)]
    asked = replace(asked, weighted=weights.named)
    with placed(asked):
        along = _stacked(found, where) if many else found[0]
    if ask == "hvp" and content.get("cotangent") is not None:
        along = weights.read(content["cotangent"], ("cotangent",)) | along
    question = replace(asked.question, along=along, many=many)
    return replace(asked, question=question, partial=weights.partial(along), weighted=weights.named)


def _formatted(content: dict[str, Any], limits: Limits, function: Binding | None) -> Asked:
    asked = read_question({name: value for name, value in content.items() if name != "format"}, limits, function)
    format = content["format"]
    if format is not None and format not in FORMATS:
        raise refused("/format", "This has to be `dense` or `coo`.")
    return replace(asked, question=replace(asked.question, format=format or "dense"))


def _by_name(direction: Any, path: Path, limits: Limits) -> Along:
    if type(direction) is not dict:
        raise refused(pointer(path), "This has to be an object: arrays by the name of the input.")
    for name in direction:
        if not name.isidentifier():
            raise refused(pointer((*path, name)), "There is no input of this name: it is not one.")
    return {name: array_at(value, (*path, name), limits) for name, value in direction.items()}


def _stacked(found: list[Along], where: list[Path]) -> Along:
    """Several directions as one array per input, with zeros where a direction leaves an input out."""
    first: dict[str, Array] = {}
    faults = []
    for direction, path in zip(found, where, strict=True):
        faults += [
            Fault(pointer((*path, name) if name else path), "The shape differs from that in an earlier direction.")
            for name, array in direction.items()
            if array.shape != first.setdefault(name, array).shape
        ]
        if len(faults) >= MOST_FAULTS:
            break
    if faults:
        raise InvalidRequest(faults[0].detail, faults=faults)
    return {
        name: np.stack([direction[name] if name in direction else np.zeros(array.shape) for direction in found])
        for name, array in first.items()
    }
