"""What the symbolic witness says of the gradient of a function."""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy

from engine.errors import EngineError, LimitExceeded
from engine.graph.recipes import rounded_constants, steps
from engine.graph.types import Array
from engine.graph.values import Graph, Value
from engine.limits import Budget
from engine.precision.subject import Subject
from engine.question import Question
from engine.verify.overrides import stated
from engine.verify.symbolic import NoTwin, evaluate, expressions
from engine.verify.unroll import has_control, unrolled

MOST_COMPONENTS = 64
MOST_NODES = 400
MOST_FORMULA = 10_000
"""Operations of a program as one formula, which is what sympy differentiates."""


class Silent(EngineError):
    """The symbolic witness has nothing to say, for a reason that is told."""


def symbolic_answer(subject: Subject, question: Question, budget: Budget) -> dict[str, Array]:
    """The gradient by input, differentiated and evaluated by sympy with 50 digits, rounded once.

    Of one point; the output is one number.  Raises `Silent` with the reason where there is no answer.
    """
    graph = subject.graph
    if subject.size is not None:
        raise Silent("it looks at one point at a time, and this is a batch")
    count = sum(graph.inputs[k].type.size for k in subject.wrt.values())
    if count > MOST_COMPONENTS:
        raise Silent(f"there are {count:,} components, more than the {MOST_COMPONENTS} it takes")
    own = stated(graph, subject.sources, question.text)
    if own is not None:
        raise Silent(own)
    arguments = subject.arguments(question)
    written_out = has_control(graph)
    if written_out:
        graph = _straight(graph, arguments, budget)
    nodes = (*graph.nodes, *steps(rounded_constants(graph)))
    elements = sum(node.outputs[0].type.size for node in nodes)
    if elements > MOST_NODES:
        raise Silent(f"the function has {elements:,} scalar operations, more than the {MOST_NODES} it takes")
    size = _formula(graph) if written_out else 0
    if size > MOST_FORMULA:
        raise Silent(f"as one formula the program would have about {size:.0e} operations, more than {MOST_FORMULA:,}")
    try:
        if written_out:
            # What the program does differs from point to point.
            symbols, derivatives = _derivatives(subject, graph, budget)
        else:
            if "symbolic" not in subject.memory:
                subject.memory["symbolic"] = _derivatives(subject, graph, budget)
            symbols, derivatives = subject.memory["symbolic"]
        return {name: _evaluated(of, symbols, arguments, budget) for name, of in derivatives.items()}
    except NoTwin as error:
        raise Silent(f"sympy has no twin or no value for this: {error}") from error


def _straight(graph: Graph, arguments: list[Any], budget: Budget) -> Graph:
    """What a program does at a point, written out."""
    try:
        return unrolled(graph, arguments, budget=budget)
    except LimitExceeded as error:
        raise Silent(error.detail) from error


def _formula(graph: Graph) -> float:
    """How many operations the output has as one formula, in which what is used twice stands twice, about."""
    sizes: dict[Value, float] = {}
    for node in graph.nodes:
        size = 1.0 + sum(sizes.get(v, 0.0) for v in node.inputs)
        sizes.update(dict.fromkeys(node.outputs, size))
    return max((sizes.get(v, 0.0) for v in graph.outputs), default=0.0)


def _derivatives(subject: Subject, graph: Graph, budget: Budget) -> tuple[list[Any], dict[str, Any]]:
    """The symbols, and by input an object array of the derivatives."""
    symbols, outputs = expressions(graph)
    expression = sympy.Add(np.asarray(outputs[0])[()], 0)
    derivatives = {}
    for name, position in subject.wrt.items():
        of = symbols[position]
        made = np.empty(of.shape, dtype=object)
        for index in np.ndindex(of.shape):
            budget.check()
            made[index] = sympy.diff(expression, of[index])
        derivatives[name] = made
    return symbols, derivatives


def _evaluated(derivatives: Any, symbols: list[Any], arguments: list[Any], budget: Budget) -> Array:
    found = np.empty(derivatives.shape)
    for index in np.ndindex(found.shape):
        budget.check()
        found[index] = float(evaluate(derivatives[index], symbols, arguments))
    return found
