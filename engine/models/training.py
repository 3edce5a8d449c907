"""A training as a client describes it: a model, how it is trained, and what it begins with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.engine import Engine
from engine.graph.types import Array
from engine.limits import Budget
from engine.models.data import Examples, divided
from engine.models.model import Model
from engine.models.regime import read_regime, sized
from engine.models.trainer import Trainer


@dataclass(frozen=True, slots=True)
class Training:
    """All that a training depends on; two of the same make the same bits.

    `options` are JSON as the client gave them, and were read without faults.  `start`: parameters to begin with, where
    they are not all drawn.  `validation` are examples beside those to train on, where they are not a part of these.
    `every` step of so many goes into the history.
    """

    model: Model
    options: Mapping[str, Any]
    data: Examples
    validation: Examples | None = None
    start: Mapping[str, Array] | None = None
    every: int = 1

    def run(self, engine: Engine, budget: Budget, state: Mapping[str, Any] | None = None) -> Trainer:
        """The run from its beginning, or from a state.

        Raises `InvalidRequest` for a part to validate with that is empty or all there is, and the `EngineError` of a
        faulty program.
        """
        regime = sized(read_regime(self.options, self.model), self.every)
        data, validation = self.data, self.validation
        if regime.fraction:
            data, validation = divided(data, regime.fraction, regime.seed)
        return Trainer(engine, self.model, regime, data, validation, self.start, budget, state)
