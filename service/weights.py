"""Cotangents: weights of the results, in their order or by their names."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np

from engine.definition import Definition
from engine.engine import Engine
from engine.errors import EngineError, Fault, InvalidRequest, LimitExceeded
from engine.limits import Budget, Limits
from engine.question import Array, Question
from service.arrays import ArrayFault, to_array
from service.pointers import pointer
from service.questions import Asked

Along = dict[str, Array]
Path = tuple[str | int, ...]
_NUMBERED = re.compile(r"(/cotangent|/cotangents/\d+)/(\d+)(?=/|$)")


class Weights:
    """Reads the cotangents of one question.

    `named` are the outputs by name, once a cotangent was read that names them.
    """

    def __init__(self, engine: Engine, question: Question) -> None:
        self._engine, self._question = engine, question
        self.named: tuple[str, ...] = ()

    def read(self, given: Any, path: Path) -> Along:
        """One cotangent: under the empty name, or one array for each output under its number.

        Raises `InvalidRequest` for what is none, `LimitExceeded`, and what reading the text raises.
        """
        limits = self._engine.limits
        definition = self._definition() if type(given) in (list, dict) else None
        if definition is None or not definition.several:
            return {"": array_at(given, path, limits)}
        if type(given) is list:
            return _in_order(given, path, len(definition.results), limits)
        if definition.names is None:
            detail = f"{_told(len(definition.results))}: a list with a cotangent for each is needed."
            raise refused(pointer(path), detail)
        self.named = definition.names
        return _by_output(given, path, definition.names, limits)

    def partial(self, along: Along) -> bool:
        """Whether there are outputs that no cotangent names."""
        return any(str(number) not in along for number in range(len(self.named)))

    def _definition(self) -> Definition:
        try:
            return self._engine.definition(self._question.text, self._question.kind)
        except EngineError as error:
            error.text = self._question.text
            raise


def complete(asked: Asked, engine: Engine, budget: Budget) -> Asked:
    """The question with zeros as the cotangents of all outputs that none names.  Raises what preparing it raises."""
    if not asked.partial:
        return asked
    question = asked.question
    alone = replace(question, wrt=None, along={}, many=False, precision="auto", digits=False)
    outputs = engine.prepare(alone, "value", budget).graph.outputs
    along = dict(question.along)
    # Of an `hvp` there are many vectors, and one cotangent.
    given = [array for name, array in along.items() if name.isdigit()]
    vectors = len(given) < len(along)
    lead = given[0].shape[:1] if question.many and not vectors else ()
    for number, output in enumerate(outputs):
        along.setdefault(str(number), np.zeros(lead + output.type.shape))
    return replace(asked, question=replace(question, along=along), partial=False)


@contextmanager
def placed(asked: Asked) -> Iterator[None]:
    """Have refusals point at the names of outputs where the cotangents were sent by name."""
    try:
        yield
    except EngineError as error:
        if asked.weighted:
            error.faults = [Fault(_named(fault.pointer, asked.weighted), fault.detail) for fault in error.faults]
        raise


def _named(where: str, names: tuple[str, ...]) -> str:
    return _NUMBERED.sub(lambda found: found[1] + pointer((names[int(found[2])],)), where, 1)


def _in_order(given: list[Any], path: Path, outputs: int, limits: Limits) -> Along:
    if len(given) != outputs:
        where = (*path, outputs) if len(given) > outputs else path
        detail = f"{_told(outputs)}: one cotangent for each is needed, not {len(given)}."
        raise refused(pointer(where), detail)
    return {str(i): array_at(part, (*path, i), limits) for i, part in enumerate(given)}


def _by_output(given: dict[str, Any], path: Path, names: tuple[str, ...], limits: Limits) -> Along:
    if not given:
        raise refused(pointer(path), f"No output is named; there are {', '.join(names)}.")
    for name in given:
        if name not in names:
            near = difflib.get_close_matches(name[:100], names, 1)
            hint = f"; did you mean `{near[0]}`?" if near else f"; there are {', '.join(names)}."
            raise refused(pointer((*path, name[:100])), f"There is no output of this name{hint}")
    return {str(names.index(name)): array_at(part, (*path, name), limits) for name, part in given.items()}


def _told(outputs: int) -> str:
    return f"The result is a tuple of {outputs}"


def array_at(value: Any, path: Path, limits: Limits) -> Array:
    """The array at a place of the request body."""
    try:
        return to_array(value, limits.array_bytes)
    except ArrayFault as fault:
        raise InvalidRequest(fault.detail, faults=[fault.under(*path)]) from None
    except LimitExceeded as error:
        error.faults = [Fault(pointer(path), error.detail)]
        raise


def refused(where: str, detail: str) -> InvalidRequest:
    """The refusal of what stands at a place of the request body."""
    return InvalidRequest(detail, faults=[Fault(where, detail)])
