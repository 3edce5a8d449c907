"""What can be said of a function before it has a point: found by preparing the question for its value."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.compiled import require_integers
from engine.definition import read
from engine.engine import Engine
from engine.errors import EngineError, Fault
from engine.limits import Budget, Limits
from engine.question import Array, Kind, Question
from engine.source.names import CONSTANTS, find_function
from engine.source.special import SPECIAL
from engine.source.statement import Program
from service.functions.content import Declared, Definition
from service.functions.stored import Input, Output, Signature, Source

DTYPE_NAMES = {"real": "float64", "int": "int64", "bool": "bool"}
ZEROS = {"float64": np.float64, "int64": np.int64, "bool": np.bool_}


@dataclass(frozen=True, slots=True)
class Mentioned:
    """The names of a text that can be inputs, in the order of their first mention.

    `integer` are used as integers, `static` must be known before shapes are, and `optional` have a value in the text.
    `several` tells that outputs are told apart, even if there is only one.
    """

    names: tuple[str, ...]
    integer: frozenset[str]
    static: frozenset[str]
    optional: frozenset[str]
    several: bool


def mentioned(text: str, kind: Kind, limits: Limits, given: frozenset[str] = frozenset()) -> Mentioned:
    """How a text uses its names; those in `given` are inputs even where they are called like a constant.

    Raises `SyntaxFault`, `LimitExceeded`, and `UnknownName` for functions that do not exist.
    """
    try:
        found = read(text, kind, limits)
        uses, main = found.uses, found.root.main if isinstance(found.root, Program) else None
        if main is None:
            names = tuple(name for name in uses.places if name in given or not _known(name, kind))
            optional = frozenset[str]()
        else:
            names = tuple(parameter.name for parameter in main.parameters)
            optional = frozenset(parameter.name for parameter in main.parameters if parameter.default is not None)
        found.check(dict.fromkeys(names))
    except EngineError as error:
        error.text = text
        raise
    return Mentioned(names, uses.integer, uses.static, optional, found.several)


def _known(name: str, kind: Kind) -> bool:
    """Whether a name stands for something where no input has it: a program may hand on functions by their names."""
    return name in CONSTANTS or (kind == "program" and (name in SPECIAL or find_function(name) is not None))


def signature_of(definition: Definition, engine: Engine, budget: Budget) -> Signature:
    """The signature of a function; raises what is wrong with its text, as the engine says it."""
    declared = {found.name: found for found in definition.inputs}
    given = frozenset(declared) | frozenset(definition.data)
    known = mentioned(definition.text, definition.kind, engine.limits, given)
    _check_data(definition, known)
    inputs = [_declared(found, known) for found in definition.inputs]
    rest = [name for name in known.names if name not in given]
    missing = [name for name in rest if name not in known.optional]
    free = [Input(name, "int64" if name in known.integer else None, None, _source(name, known)) for name in rest]
    bound = [Input(name, array.dtype.name, array.shape, "data") for name, array in definition.data.items()]
    # Without the value of an input that a shape depends on, there is nothing to prepare.
    if missing or any(found.name in known.static for found in inputs):
        return Signature((*inputs, *free, *bound), None, False)
    outputs = _outputs(definition, inputs, engine, budget)
    model = bool(inputs) and all(found.dtype == "float64" for found in inputs)
    return Signature((*inputs, *free, *bound), outputs, model)


def _source(name: str, known: Mentioned) -> Source:
    return "default" if name in known.optional else "text"


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
        prepared = engine.prepare(Question(definition.text, at, definition.kind), "value", budget)
    except EngineError as error:
        error.faults = [_relocated(fault, definition) for fault in error.faults]
        raise
    outputs = prepared.graph.outputs
    names = prepared.output_names or [None] * len(outputs)
    return tuple(Output(DTYPE_NAMES[v.type.dtype], v.type.shape, name) for v, name in zip(outputs, names, strict=True))


def _relocated(fault: Fault, definition: Definition) -> Fault:
    """The engine points into `at`; here that is where the input was declared or its data sent."""
    if not fault.pointer.startswith("/at/"):
        return fault
    name = fault.pointer.removeprefix("/at/")
    return Fault(f"/{'data' if name in definition.data else 'inputs'}/{name}", fault.detail)
