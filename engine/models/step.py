"""The programs of training, compiled: what a step and a score compute, on plain arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.derive.reverse import pull_back
from engine.engine import Engine
from engine.execute.compile import Executable, compile_graph
from engine.graph.build import Builder
from engine.graph.types import Array, Type, type_of
from engine.graph.values import Graph
from engine.limits import Budget
from engine.models.lower import program
from engine.models.model import Model
from engine.primitives.shape import zeros_of

Arrays = Mapping[str, Array]


@dataclass(frozen=True, slots=True)
class Stepped:
    """What a program of training gives: the loss, the prediction (examples, …), gradients and new states by name."""

    loss: float
    prediction: Array
    gradients: dict[str, Array]
    states: dict[str, Array]


class Program:
    """A program of a model, differentiated and compiled anew for every number of examples.  Not for several threads.

    `training`: as it is trained, with gradients in the trainable parameters; else as it predicts, without any.
    `weighted`: examples have weights.
    """

    def __init__(self, engine: Engine, model: Model, training: bool, weighted: bool) -> None:
        self._engine, self._training = engine, training
        self.text = program(model, "both", training, weighted)
        self._definition = engine.definition(self.text, "program")
        self._names = [p.name for p in model.trainable] if training else []
        self._compiled: dict[tuple[tuple[str, Type], ...], tuple[tuple[str, ...], Executable]] = {}

    def __call__(self, at: Arrays, budget: Budget) -> Stepped:
        """The outputs at a point: float64 and int64 arrays by name, of the types that the program takes.

        Raises what is wrong with the numbers, as an index out of range, and `BudgetExceeded`.
        """
        names, executable = self._executable(at, budget)
        with np.errstate(all="ignore"):
            outputs, _, _ = executable([at[name][()] if at[name].ndim == 0 else at[name] for name in names], budget)
        told = self._definition.names or ()
        own = dict(zip(told, outputs, strict=False))
        gradients = dict(zip(self._names, map(np.asarray, outputs[len(told) :]), strict=True))
        states = {name: np.asarray(own[name]) for name in told[2:]}
        return Stepped(float(own["loss"]), np.asarray(own["prediction"]), gradients, states)

    def compiled(self, at: Arrays, budget: Budget) -> Executable:
        """What runs at points of these types; raises what is wrong with the program."""
        return self._executable(at, budget)[1]

    def _executable(self, at: Arrays, budget: Budget) -> tuple[tuple[str, ...], Executable]:
        types = tuple((name, type_of(array)) for name, array in at.items())
        found = self._compiled.get(types)
        if found is None:
            graph = self._derived(dict(types), budget)
            found = tuple(at), compile_graph(graph, self._engine.limits)
            self._compiled[types] = found
        return found

    def _derived(self, types: Mapping[str, Type], budget: Budget) -> Graph:
        """The graph of all outputs, then of the gradients of the first."""
        limits = self._engine.limits
        self._definition.check(types)
        builder = Builder(limits, budget, rewrite=True)
        outputs, values = self._definition.lower(builder, types, {})
        graph = builder.finish(outputs)
        wrt = [values[name] for name in self._names]
        with Builder(limits, budget, start=graph, derived=True) as builder:
            cotangents: Sequence[Any] = [builder.constant(1.0), *[None] * (len(outputs) - 1)]
            pulled = pull_back(graph, cotangents, wrt)
            slopes = [pulled[v] if v in pulled else zeros_of(v.shape) for v in wrt]
            return builder.finish([*graph.outputs, *slopes])
