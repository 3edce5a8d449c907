"""The inputs that a function is posted with: declared by type, or bound to data."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from engine.errors import Fault, LimitExceeded
from engine.limits import Limits
from engine.question import Array
from engine.source.parse import normal_name
from service.arrays import ArrayFault, to_array
from service.functions.content import Declared
from service.packed import MAX_DIMS
from service.pointers import pointer
from service.reader import short

MOST_FAULTS = 100
DTYPES = ("float64", "int64", "bool")
Place = tuple[str | int, ...]


def read_inputs(inputs: Any, limits: Limits, faults: list[Fault]) -> Iterator[Declared]:
    """The declared inputs in their order: an object by name, or a list of objects with a `name`."""
    seen: dict[str, str] = {}
    items: list[tuple[Place, Any, Any]] = []
    if type(inputs) is dict:
        items = [(("inputs", short(name)), name, given) for name, given in inputs.items()]
    elif type(inputs) is list:
        for i, given in enumerate(inputs):
            name = given.get("name") if type(given) is dict else None
            rest = {k: v for k, v in given.items() if k != "name"} if type(given) is dict else given
            items.append((("inputs", i), name, rest))
    elif inputs is not None:
        faults.append(Fault("/inputs", "This has to be an object by name, or a list of objects with a `name`."))
    for place, name, given in items:
        if len(faults) >= MOST_FAULTS:
            break
        before = len(faults)
        _input_name(name, place, limits, seen, faults)
        if len(faults) > before:
            continue
        dtype, shape = _type(given, place, faults)
        if len(faults) == before:
            yield Declared(normal_name(name), dtype, shape)


def _type(given: Any, place: Place, faults: list[Fault]) -> tuple[str, tuple[int, ...]]:
    if type(given) is not dict:
        faults.append(
            Fault(pointer(place), 'An input is declared by an object, as {"dtype": "float64", "shape": [3]}.')
        )
        return "", ()
    for key in given:
        if key not in ("dtype", "shape"):
            faults.append(Fault(pointer((*place, short(key))), "There is no such field; there are dtype and shape."))
    dtype, shape = given.get("dtype"), given.get("shape")
    if dtype is not None and dtype not in DTYPES:
        faults.append(Fault(pointer((*place, "dtype")), f"The dtype has to be one of {', '.join(DTYPES)}."))
    if shape is not None and (type(shape) is not list or len(shape) > MAX_DIMS or not all(map(_is_size, shape))):
        detail = f"The shape has to be a list of at most {MAX_DIMS} sizes, [] for a number."
        faults.append(Fault(pointer((*place, "shape")), detail))
        shape = None
    return str(dtype or "float64"), tuple(int(size) for size in shape or ())


def _is_size(size: Any) -> bool:
    # A size may come as 3.0 from a language that has only one kind of number.
    return (type(size) is int or (type(size) is float and size.is_integer())) and 0 <= size < 2**62


def read_data(given: dict[str, Any], limits: Limits, faults: list[Fault]) -> dict[str, Array]:
    """The arrays by their normalised names; raises `LimitExceeded` for one that is too large."""
    seen: dict[str, str] = {}
    data: dict[str, Array] = {}
    for name, value in given.items():
        if len(faults) >= MOST_FAULTS:
            break
        place = ("data", short(name))
        before = len(faults)
        _input_name(name, place, limits, seen, faults)
        try:
            array = to_array(value, limits.array_bytes)
        except ArrayFault as fault:
            faults.append(fault.under(*place))
        except LimitExceeded as error:
            error.faults = [Fault(pointer(place), error.detail)]
            raise
        if len(faults) == before:
            data[normal_name(name)] = array
    return data


def _input_name(name: Any, place: Place, limits: Limits, seen: dict[str, str], faults: list[Fault]) -> None:
    if type(name) is not str:
        faults.append(Fault(pointer(place), "In a list, an input is an object with a `name`."))
    elif not name.isidentifier():
        faults.append(Fault(pointer(place), "A name has only letters, digits and _."))
    elif len(name) > limits.name_chars:
        faults.append(Fault(pointer(place), f"A name has at most {limits.name_chars} characters."))
    elif (twin := seen.setdefault(normal_name(name), pointer(place))) != pointer(place):
        faults.append(Fault(pointer(place), f"This is the same name as at {twin}."))
