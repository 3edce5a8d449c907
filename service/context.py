"""What the routes of one server process share."""

from __future__ import annotations

from dataclasses import dataclass

from engine.engine import Engine
from engine.precision.referee import Referee
from service.functions.library import Library
from service.gate import Gate
from service.metrics import Metrics
from service.settings import Settings
from service.store.database import Database


@dataclass(frozen=True, slots=True)
class Context:
    """Settings, engine, admission, counters, witnesses, database and stored functions of one process."""

    settings: Settings
    engine: Engine
    gate: Gate
    metrics: Metrics
    referee: Referee
    database: Database
    library: Library

    @staticmethod
    def build(settings: Settings) -> Context:
        """A fresh context."""
        engine = Engine(settings.limits(), settings.cache_entries)
        gate = Gate(settings.threads, settings.queue)
        referee = Referee(settings.limits(), settings.witnesses)
        database = Database(settings)
        return Context(settings, engine, gate, Metrics(engine, gate), referee, database, Library(settings, database))
