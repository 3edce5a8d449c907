"""What the routes of one server process share."""

from __future__ import annotations

from dataclasses import dataclass

from engine.engine import Engine
from service.gate import Gate
from service.metrics import Metrics
from service.settings import Settings


@dataclass(frozen=True, slots=True)
class Context:
    """Settings, engine, admission and counters of one process."""

    settings: Settings
    engine: Engine
    gate: Gate
    metrics: Metrics

    @staticmethod
    def build(settings: Settings) -> Context:
        """A fresh context."""
        engine = Engine(settings.limits(), settings.cache_entries)
        gate = Gate(settings.threads, settings.queue)
        return Context(settings, engine, gate, Metrics(engine, gate))
