"""The body of `POST /functions` becomes a definition; every fault in it is found before anything is refused."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from engine.errors import Fault, InvalidRequest, Limit, LimitExceeded, ShapeMismatch, TypeMismatch
from engine.limits import Limits
from engine.question import Array
from engine.source.parse import normal_name
from service.functions.content import PREFIX, Declared, Definition, is_name
from service.functions.declarations import MOST_FAULTS, read_data, read_inputs
from service.pointers import pointer
from service.reader import short
from service.schemas.functions import FunctionBody

_FIELDS = frozenset(FunctionBody.model_fields)


@dataclass(frozen=True, slots=True)
class Posted:
    """A definition, and what to call it."""

    definition: Definition
    name: str | None


def read_posted(content: Any, limits: Limits, most_inputs: int, most_bytes: int) -> Posted:
    """The function of a decoded request body, which may have `most_inputs`, with data of `most_bytes` together.

    Raises `InvalidRequest` with all faults, `TypeMismatch` and `ShapeMismatch` for data that are not as they are
    declared, and `LimitExceeded`.
    """
    if type(content) is not dict:
        raise _invalid([Fault("", "The body has to be a JSON object with at least the field `expr` or `program`.")])
    faults = [
        Fault(pointer((short(name),)), "There is no such field; there are expr, program, name, inputs and data.")
        for name in content
        if name not in _FIELDS
    ]
    faults = faults[:MOST_FAULTS]
    try:
        known = {name: value for name, value in content.items() if name in _FIELDS}
        body: FunctionBody = FunctionBody.__pydantic_validator__.validate_python(known)
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False, include_input=False)
        raise _invalid([*faults, *(Fault(pointer(f["loc"][:1]), f["msg"] + ".") for f in found)]) from None
    if body.program is not None and body.expr is not None:
        faults += [Fault(f"/{source}", "Send exactly one of expr, program.") for source in ("expr", "program")]
    elif body.program is None and body.expr is None:
        detail = "There is no function to store: send an expression as `expr`, or a program as `program`."
        faults.append(Fault("/expr", detail))
    name = None if body.name is None else _name(body.name, limits, faults)
    if (
        count := len(body.data or ()) + (len(body.inputs) if isinstance(body.inputs, dict | list) else 0)
    ) > most_inputs:
        raise LimitExceeded(
            f"This has {count:,} inputs, more than the {most_inputs:,} that one function may have.",
            limit=Limit("function_inputs", most_inputs, count),
            hint="Put many numbers into one array.",
        )
    declared = list(read_inputs(body.inputs, limits, faults))
    data = read_data(body.data or {}, limits, faults)
    if faults:
        raise _invalid(faults)
    if (size := sum(array.nbytes for array in data.values())) > most_bytes:
        raise LimitExceeded(
            f"The data are {size:,} bytes, more than the {most_bytes:,} that one function may have.",
            limit=Limit("function_bytes", most_bytes, size),
            faults=[Fault("/data", f"These are {size:,} bytes.")],
        )
    _check_declared(declared, data)
    free = tuple(found for found in declared if found.name not in data)
    if body.program is not None:
        return Posted(Definition("program", body.program, free, data), name)
    return Posted(Definition("expr", body.expr or "", free, data), name)


def _name(given: str, limits: Limits, faults: list[Fault]) -> str:
    name = normal_name(given)
    if not is_name(name):
        faults.append(Fault("/name", "A name has letters, digits, _, - and ., and begins with a letter or _."))
    elif name.startswith(PREFIX):
        faults.append(Fault("/name", f"Names that begin with {PREFIX} are kept for ids."))
    elif len(name) > limits.name_chars:
        faults.append(Fault("/name", f"A name has at most {limits.name_chars} characters."))
    return name


def _check_declared(declared: list[Declared], data: dict[str, Array]) -> None:
    """Data may be declared too, and then have to be what they are declared as."""
    for found in declared:
        array = data.get(found.name)
        if array is None:
            continue
        if (array.dtype.kind == "b") is not (found.dtype == "bool"):
            detail = f"{found.name!r} is declared as {found.dtype}, and its data are {array.dtype.name}."
            raise TypeMismatch(detail, faults=[Fault(pointer(("data", found.name)), detail)])
        if array.shape != found.shape:
            detail = f"{found.name!r} is declared with the shape {list(found.shape)}, and its data have "
            detail += f"{list(array.shape)}."
            raise ShapeMismatch(detail, faults=[Fault(pointer(("data", found.name)), detail)])


def _invalid(faults: list[Fault]) -> InvalidRequest:
    first = faults[0]
    detail = f"{first.pointer}: {first.detail}" if first.pointer else first.detail
    if len(faults) > 1:
        detail = f"{len(faults)} things are wrong with this request; the first one is {detail}"
    return InvalidRequest(detail, faults=faults[:MOST_FAULTS])
