"""Ask the engine as a client would, with the verifier on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from engine.engine import Engine
from engine.graph.build import Builder
from engine.graph.types import Type
from engine.graph.values import Graph
from engine.limits import Budget, Limits
from engine.question import Answer, Question
from engine.source.lower import lower_expression
from engine.source.names import uses
from engine.source.parse import parse_expression

ENGINE = Engine(verify=True)


def budget(seconds: float = 30.0) -> Budget:
    """A budget that no test uses up by accident."""
    return Budget.starting_now(seconds)


def question(
    text: str,
    at: Mapping[str, Any] | None = None,
    *,
    wrt: tuple[str, ...] | None = None,
    batch: bool | tuple[str, ...] = False,
) -> Question:
    """A question with inputs given as Python numbers and lists."""
    return Question(text, {name: np.asarray(value) for name, value in (at or {}).items()}, wrt=wrt, batch=batch)


def value(text: str, at: Mapping[str, Any] | None = None, *, batch: bool | tuple[str, ...] = False) -> Answer:
    """The answer to `/value`."""
    asked = question(text, at, batch=batch)
    return ENGINE.prepare(asked, "value", budget()).run(asked, budget())


def grad(
    text: str,
    at: Mapping[str, Any] | None = None,
    *,
    wrt: tuple[str, ...] | None = None,
    batch: bool | tuple[str, ...] = False,
    engine: Engine = ENGINE,
) -> Answer:
    """The answer to `/grad`."""
    asked = question(text, at, wrt=wrt, batch=batch)
    return engine.prepare(asked, "grad", budget()).run(asked, budget())


def codes(answer: Answer) -> list[str]:
    """The codes of the warnings."""
    return [warning.code for warning in answer.warnings]


def graph_of_text(text: str, inputs: Mapping[str, Any], *, rewrite: bool = False) -> tuple[Graph, list[Any]]:
    """The graph of an expression, and its arguments in order; inputs used as integers or for shapes are constants."""
    root = parse_expression(text, Limits())
    found = uses(root)
    arrays = {name: np.asarray(a) for name, a in inputs.items()}
    fixed = {n: np.asarray(a, dtype=np.int64) for n, a in arrays.items() if n in found.integer | found.static}
    moving = {n: a for n, a in arrays.items() if n not in fixed}
    types = {n: Type("bool" if a.dtype.kind == "b" else "real", a.shape) for n, a in moving.items()}
    builder = Builder(rewrite=rewrite)
    outputs, _ = lower_expression(root, builder, types, fixed)
    return builder.finish(outputs), [a if a.dtype.kind == "b" else a.astype(np.float64) for a in moving.values()]
