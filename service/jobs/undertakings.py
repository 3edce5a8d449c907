"""Undertakings as they are stored with their jobs, and what they need of the store."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from engine.limits import Limits
from engine.question import Array
from service.datasets.library import Datasets
from service.jobs.learning import Keeping, Learning
from service.jobs.minimising import Minimising
from service.jobs.sources import Source, selected
from service.jobs.undertaking import Outcome, Undertaking
from service.models.catalogue import Models


class Store:
    """Where trainings have their data from and bring their parameters to.  Thread-safe."""

    def __init__(self, datasets: Datasets, models: Models) -> None:
        self.datasets, self.models = datasets, models

    def resolved(self, source: Source) -> dict[str, Array]:
        """The arrays of a source.  Raises `NotFound`, `Gone` and `InvalidRequest`."""
        return dict(source.arrays) if source.dataset is None else selected(self.datasets, source)

    def add_version(self, model: str, parameters: Mapping[str, Array], job: str, summary: Mapping[str, Any]) -> int:
        """The number of a new version of a model.  Raises `NotFound` and `Gone`."""
        return self.models.add_version(model, parameters, job, summary)


def read(job: str, content: bytes, limits: Limits, keeping: Keeping | None) -> Undertaking:
    """The undertaking that was stored with a job; without `keeping`, a training cannot begin."""
    found = json.loads(content)
    return Learning.from_json(job, found, limits, keeping) if "training" in found else Minimising.from_json(found)


def stored(undertaking: Undertaking) -> bytes:
    """An undertaking as it is stored."""
    return json.dumps(undertaking.to_json()).encode()


def settling(limits: Limits) -> Callable[[bytes, bytes | None, str | None], Outcome]:
    """How the result is found of a job that was stopped where nothing computes: from its task and last state."""

    def settled(task: bytes, state: bytes | None, reason: str | None) -> Outcome:
        return read("", task, limits, None).left(None if state is None else json.loads(state), reason)

    return settled
