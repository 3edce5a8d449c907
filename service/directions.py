"""The directions of a product with a derivative: one, or several at once, as the engine takes them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from engine.asks import DIRECTED
from engine.errors import Fault, InvalidRequest, LimitExceeded
from engine.limits import Limits
from engine.question import Array, Ask
from service.arrays import ArrayFault, to_array
from service.pointers import pointer
from service.questions import MOST_FAULTS, Asked, read_question

Along = dict[str, Array]


def read_asked(content: Any, ask: Ask, limits: Limits) -> Asked:
    """The question of a request body, with its directions where `ask` has some.

    Raises what `read_question` raises; faults of the directions are told when the rest is in order.
    """
    field = DIRECTED.get(ask)
    if field is None or type(content) is not dict:
        return read_question(content, limits)
    fields = (field, field + "s")
    asked = read_question({name: value for name, value in content.items() if name not in fields}, limits)
    given = [name for name in fields if content.get(name) is not None]
    if len(given) != 1:
        raise _refused(f"/{field}", f"Send exactly one of `{field}`, and `{field}s` for several directions at once.")
    many = given[0] != field
    directions = [content[field]] if not many else content[fields[1]]
    if type(directions) is not list or not directions:
        raise _refused(f"/{fields[1]}", "This has to be a list of one direction or more.")
    read = _cotangent if ask == "vjp" else _by_name
    where: list[tuple[str | int, ...]] = [(fields[1], i) if many else (field,) for i in range(len(directions))]
    found = [read(d, path, limits) for d, path in zip(directions, where, strict=True)]
    along = _stacked(found, where) if many else found[0]
    return replace(asked, question=replace(asked.question, along=along, many=many))


def _cotangent(direction: Any, path: tuple[str | int, ...], limits: Limits) -> Along:
    return {"": _array(direction, path, limits)}


def _by_name(direction: Any, path: tuple[str | int, ...], limits: Limits) -> Along:
    if type(direction) is not dict:
        raise _refused(pointer(path), "This has to be an object: arrays by the name of the input.")
    return {name: _array(value, (*path, name), limits) for name, value in direction.items()}


def _array(value: Any, path: tuple[str | int, ...], limits: Limits) -> Array:
    try:
        return to_array(value, limits.array_bytes)
    except ArrayFault as fault:
        raise InvalidRequest(fault.detail, faults=[fault.under(*path)]) from None
    except LimitExceeded as error:
        error.faults = [Fault(pointer(path), error.detail)]
        raise


def _stacked(found: list[Along], where: list[tuple[str | int, ...]]) -> Along:
    """Several directions as one array per input; all name the same inputs, with the same shapes."""
    first = found[0]
    faults = []
    for direction, path in zip(found[1:], where[1:], strict=True):
        if direction.keys() != first.keys():
            faults.append(Fault(pointer(path), "This names other inputs than the first direction does."))
        else:
            faults += [
                Fault(pointer((*path, name) if name else path), "The shape differs from that in the first direction.")
                for name, array in direction.items()
                if array.shape != first[name].shape
            ]
        if len(faults) >= MOST_FAULTS:
            break
    if faults:
        raise InvalidRequest(faults[0].detail, faults=faults)
    return {name: np.stack([direction[name] for direction in found]) for name in first}


def _refused(where: str, detail: str) -> InvalidRequest:
    return InvalidRequest(detail, faults=[Fault(where, detail)])
