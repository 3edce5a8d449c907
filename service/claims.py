"""What a client claims of a value and a gradient, read from a request body."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from engine.checking.allowance import UNITS, Given
from engine.checking.court import Assertion
from engine.engine import Engine
from engine.errors import Fault, InvalidRequest, LimitExceeded
from engine.limits import Limits
from engine.question import Array, Question
from service.arrays import ArrayFault, to_array
from service.directions import read_asked
from service.functions.binding import Binding
from service.pointers import pointer

FIELDS = ("claimed", "tolerance")
CLAIMED = ("value", "grad", "adjoints", "precision")
Path = tuple[str | int, ...]


def read_claim(content: Any, engine: Engine, function: Binding | None) -> tuple[Question, Assertion]:
    """The question and the claim of a request body for `/check`.  Raises what reading either raises."""
    question: Any = content
    if type(content) is dict:
        question = {name: value for name, value in content.items() if name not in FIELDS}
    asked = read_asked(question, "grad", engine, function)
    return asked.question, read_assertion(content, engine.limits)


def read_assertion(content: Any, limits: Limits) -> Assertion:
    """The claim of a decoded request body; nothing is claimed if the field is not there.

    Raises `InvalidRequest` with all faults, and `LimitExceeded` for arrays that are too large.
    """
    faults: list[Fault] = []
    claimed = content.get("claimed") if type(content) is dict else None
    tolerance = content.get("tolerance") if type(content) is dict else None
    given = _tolerance(tolerance, faults)
    if claimed is None:
        claimed = {}
    if type(claimed) is not dict:
        faults.append(
            Fault("/claimed", "This has to be an object with `grad`, `value`, `adjoints` or several of these.")
        )
        claimed = {}
    for name in claimed:
        if name not in CLAIMED:
            detail = f"There is no such field; a claim has {', '.join(CLAIMED)}."
            faults.append(Fault(pointer(("claimed", name[:100])), detail))
    precision = claimed.get("precision", "float64")
    if type(precision) is not str or precision not in UNITS:
        faults.append(Fault("/claimed/precision", f"The precision has to be one of {', '.join(UNITS)}."))
    value = None if claimed.get("value") is None else _real(claimed["value"], ("claimed", "value"), limits, faults)
    grad = _by_name(claimed, "grad", 'arrays by input, as in {"x": 1.5}', limits, faults)
    adjoints = _by_name(claimed, "adjoints", 'arrays by what the program assigns, as in {"h": 1.5}', limits, faults)
    if faults:
        raise InvalidRequest(faults[0].detail, faults=faults[:100])
    return Assertion(value, grad, precision, given, adjoints)


def _by_name(
    claimed: dict[str, Any], field: str, what: str, limits: Limits, faults: list[Fault]
) -> dict[str, Array] | None:
    """Arrays by name; None if there are none."""
    content = claimed.get(field)
    if content is None:
        return None
    if type(content) is not dict:
        faults.append(Fault(f"/claimed/{field}", f"This has to be an object: {what}."))
        return None
    read = {name: _real(array, ("claimed", field, name), limits, faults) for name, array in content.items()}
    return {name: array for name, array in read.items() if array is not None}


def _real(value: Any, path: Path, limits: Limits, faults: list[Fault]) -> Array | None:
    try:
        found = to_array(value, limits.array_bytes)
    except ArrayFault as fault:
        faults.append(fault.under(*path))
        return None
    except LimitExceeded as error:
        error.faults = [Fault(pointer(path), error.detail)]
        raise
    if found.dtype.kind == "b":
        faults.append(Fault(pointer(path), "These have to be numbers."))
        return None
    return np.asarray(found, dtype=np.float64)


def _tolerance(content: Any, faults: list[Fault]) -> Given | None:
    """A relative tolerance, or an object with a relative and an absolute one."""
    if content is None:
        return None
    fields = content if type(content) is dict else {"relative": content}
    unknown = [name for name in fields if name not in ("relative", "absolute")]
    if unknown or not fields:
        faults.append(Fault("/tolerance", 'This has to be a number, or {"relative": …, "absolute": …}.'))
        return None
    numbers = {}
    for name, number in fields.items():
        where = pointer(("tolerance", name)) if type(content) is dict else "/tolerance"
        if type(number) not in (int, float) or not 0 <= number <= sys.float_info.max:
            faults.append(Fault(where, "A tolerance has to be a number that is not negative."))
        else:
            numbers[name] = float(number)
    return Given(numbers.get("relative", 0.0), numbers.get("absolute", 0.0))
