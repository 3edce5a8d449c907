"""What can be said of a function before it has a point: found by preparing the question for its value."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.compiled import require_integers
from engine.engine import Engine
from engine.errors import EngineError, Fault
from engine.limits import Budget, Limits
from engine.preparation import parse
from engine.question import Array, Question
from engine.source.lower import check_names
from engine.source.names import CONSTANTS
from service.functions.content import Declared, Definition
from service.functions.stored import Input, Output, Signature

DTYPE_NAMES = {"real": "float64", "int": "int64", "bool": "bool"}
ZEROS = {"float64": np.float64, "int64": np.int64, "bool": np.bool_}


@dataclass(frozen=True, slots=True)
class Mentioned:
    """The names of a text that can be inputs, in the order of their first mention.

    `integer` are used as integers, and `static` must be known before shapes are.
    """

    names: tuple[str, ...]
    integer: frozenset[str]
    static: frozenset[str]


def mentioned(text: str, limits: Limits, given: frozenset[str] = frozenset()) -> Mentioned:
    """How a text uses its names; those in `given` are inputs even where they are called like a constant.

    Raises `SyntaxFault`, `LimitExceeded`, and `UnknownName` for functions that do not exist.
    """
    try:
        parsed = parse(text, limits)
        uses = parsed.uses
        names = tuple(name for name in uses.places if name in given or name not in CONSTANTS)
        check_names(parsed.root, uses, dict.fromkeys(names))
    except EngineError as error:
        error.text = text
        raise
    return Mentioned(names, uses.integer, uses.static)


def signature_of(definition: Definition, engine: Engine, budget: Budget) -> Signature:
    """The signature of a function; raises what is wrong with its text, as the engine says it."""
    declared = {found.name: found for found in definition.inputs}
    known = mentioned(definition.text, engine.limits, frozenset(declared) | frozenset(definition.data))
    _check_data(definition, known)
    inputs = [_declared(found, known) for found in definition.inputs]
    missing = [name for name in known.names if name not in declared and name not in definition.data]
    inputs += [Input(name, "int64" if name in known.integer else None, None, "text") for name in missing]
    bound = [Input(name, array.dtype.name, array.shape, "data") for name, array in definition.data.items()]
    # Without the value of an input that a shape depends on, there is nothing to prepare.
    if missing or any(found.name in known.static for found in inputs):
        return Signature((*inputs, *bound), None, False)
    outputs = _outputs(definition, inputs, engine, budget)
    model = bool(inputs) and all(found.dtype == "float64" for found in inputs)
    return Signature((*inputs, *bound), outputs, model)


def _declared(declared: Declared, known: Mentioned) -> Input:
    # Whether an input is an integer follows from its use, as in every question.
    dtype = "int64" if declared.name in known.integer and declared.dtype == "float64" else declared.dtype
    return Input(declared.name, dtype, declared.shape, "declared")


def _check_data(definition: Definition, known: Mentioned) -> None:
    try:
        for name in known.integer & definition.data.keys():
            require_integers(name, definition.data[name])
    except EngineError as error:
        error.faults = [_relocated(fault, definition) for fault in error.faults]
        raise


def _outputs(definition: Definition, inputs: list[Input], engine: Engine, budget: Budget) -> tuple[Output, ...]:
    at: dict[str, Array] = dict(definition.data)
    for found in inputs:
        # One zero, seen as many: the point is never computed, and declared shapes may be large.
        at[found.name] = np.broadcast_to(ZEROS[found.dtype or "float64"](0), found.shape or ())
    try:
        prepared = engine.prepare(Question(definition.text, at), "value", budget)
    except EngineError as error:
        error.faults = [_relocated(fault, definition) for fault in error.faults]
        raise
    return tuple(Output(DTYPE_NAMES[v.type.dtype], v.type.shape) for v in prepared.graph.outputs)


def _relocated(fault: Fault, definition: Definition) -> Fault:
    """The engine points into `at`; here that is where the input was declared or its data sent."""
    if not fault.pointer.startswith("/at/"):
        return fault
    name = fault.pointer.removeprefix("/at/")
    return Fault(f"/{'data' if name in definition.data else 'inputs'}/{name}", fault.detail)
