"""What the routes of one server process share."""

from __future__ import annotations

from dataclasses import dataclass

from engine.engine import Engine
from engine.precision.referee import Referee
from service.bindings import Bindings
from service.datasets.library import Datasets
from service.functions.library import Library
from service.gate import Gate
from service.jobs.feed import Feed
from service.jobs.jobs import Jobs
from service.jobs.rows import DatabaseShelf
from service.jobs.runner import Runner
from service.jobs.undertakings import Store, settling
from service.metrics import Metrics
from service.models.catalogue import Models
from service.settings import Settings
from service.store.database import Database

READERS = 2
"""Uploaded files that are read at the same time."""


@dataclass(frozen=True, slots=True)
class Context:
    """Settings, engine, admission, counters, witnesses, database, what is stored, and jobs of one process.

    `bindings` are the functions and the models, as questions name them; `store` is where trainings have their data
    from.  `readers` admits the reading of uploaded files, which takes longer than a question may.
    """

    settings: Settings
    engine: Engine
    gate: Gate
    metrics: Metrics
    referee: Referee
    database: Database
    library: Library
    datasets: Datasets
    models: Models
    bindings: Bindings
    store: Store
    readers: Gate
    jobs: Jobs
    runner: Runner
    feed: Feed

    @staticmethod
    def build(settings: Settings) -> Context:
        """A fresh context."""
        engine = Engine(settings.limits(), settings.cache_entries)
        gate = Gate(settings.threads, settings.queue)
        referee = Referee(settings.limits(), settings.witnesses)
        database = Database(settings)
        jobs = Jobs(DatabaseShelf(database), settings, settling(settings.limits()))
        feed = Feed(jobs, settings.job_watch_seconds)
        runner = Runner(jobs, settings, lambda: database.made, feed.nudge)
        library = Library(settings, database)
        datasets, models = Datasets(settings, database), Models(settings, database)
        bindings = Bindings(library, models)
        store = Store(datasets, models)
        readers = Gate(READERS, settings.dataset_uploads)
        metrics = Metrics(engine, gate, runner, feed)
        return Context(
            settings,
            engine,
            gate,
            metrics,
            referee,
            database,
            library,
            datasets,
            models,
            bindings,
            store,
            readers,
            jobs,
            runner,
            feed,
        )
