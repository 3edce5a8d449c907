"""Parameters that a client brings: all of them, of the right shapes, finite, and allowed by their constraints."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from engine.graph.types import Shape
from engine.limits import Limits
from engine.models.model import Model, Parameter
from engine.question import Array
from service.models.files import fits, read_file
from service.reader import Path, Reader, is_packed

FIELDS = ("parameters",)


def read_content(content: Any, model: Model, limits: Limits) -> dict[str, Array]:
    """The parameters of a decoded request body, `{"parameters": {…}}`.  Raises `InvalidRequest` with all faults."""
    reader = Reader(limits)
    fields = reader.fields(content, FIELDS)
    given = fields.get("parameters")
    where = ("parameters",)
    if type(given) is not dict or is_packed(given):
        reader.fault(where, "This has to be an object: arrays by the names of the parameters.")
        reader.refuse()
        return {}
    shapes, arrays = _shapes(model), dict[str, Array]()
    for name, value in given.items():
        if name not in shapes:
            fits(name, (), shapes, where, reader)
            continue
        array = reader.array(value, (*where, name))
        if array is not None and fits(name, array.shape, shapes, where, reader):
            arrays[name] = array
    return _complete(model, arrays, given, where, reader)


def read_files(content: bytes, model: Model, limits: Limits) -> dict[str, Array]:
    """The parameters in a file, NPZ or safetensors.  Raises `InvalidRequest` with all faults."""
    reader = Reader(limits)
    arrays = read_file(content, _shapes(model), reader)
    reader.refuse()
    return _complete(model, arrays, arrays, (), reader)


def _shapes(model: Model) -> dict[str, Shape]:
    """The shapes by the names that arrays may have: those of the free numbers, and those of the values."""
    found = {parameter.name: parameter.shape for parameter in model.parameters}
    return found | {parameter.value_name: parameter.shape for parameter in model.parameters}


def _complete(
    model: Model, arrays: Mapping[str, Array], given: Mapping[str, Any], where: Path, reader: Reader
) -> dict[str, Array]:
    """All parameters as the program takes them; where free numbers and values are given, the free numbers count."""
    found: dict[str, Array] = {}
    for parameter in model.parameters:
        names = [name for name in (parameter.name, parameter.value_name) if name in given]
        if not names:
            reader.fault(where, f"There is nothing for `{parameter.name}`, of shape {list(parameter.shape)}.")
        elif names[0] in arrays:
            array = _free(parameter, names[0], arrays[names[0]])
            if not np.all(np.isfinite(arrays[names[0]])):
                reader.fault((*where, names[0]), "Parameters have to be finite.")
            elif not np.all(np.isfinite(array)):
                reader.fault((*where, names[0]), "There are values that the constraint does not allow.")
            found[parameter.name] = array
    reader.refuse()
    return found


def _free(parameter: Parameter, name: str, array: Array) -> Array:
    chosen, constraint = parameter.weight.chosen.constraint, parameter.constraint
    if chosen is None or constraint is None or name == parameter.name:
        return array
    return constraint.inverse(array, chosen.options)
