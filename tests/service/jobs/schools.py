"""Trainings for tests of the service: an application, and a worker in this process on the same store."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from service.jobs.flag import Flag
from service.jobs.jobs import Claim
from service.jobs.work import Worker
from tests.service.asgi import JSON_TYPE, Answered
from tests.service.jobs.test_routes import House

NET: dict[str, Any] = {
    "input": {"shape": [2]},
    "layers": [
        {"type": "standardise"},
        {"type": "dense", "units": 4, "activation": "tanh"},
        {"type": "batch_norm"},
        {"type": "dropout", "rate": 0.2},
        {"type": "dense", "units": 3},
    ],
    "loss": "cross_entropy",
}


def data_of(count: int = 22, seed: int = 0) -> dict[str, Any]:
    """Points and their classes."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(count, 2))
    return {"x": x.tolist(), "y": np.clip(np.floor(x.sum(axis=1) + 1.5), 0, 2).tolist()}


class School(House):
    """An application with a model, and its worker."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        super().__init__(folder, **settings)
        self.model = str(self.stored(NET)["id"])
        self.worker = Worker(self.context.settings, Flag())

    def stored(self, definition: dict[str, Any]) -> dict[str, Any]:
        """A model, stored."""
        answered = self.post("/models", definition)
        assert answered.status in (200, 201), answered.body
        return dict(answered.json())

    def asked(self, key: str | None = None, **fields: Any) -> Answered:
        """The answer to a posted training."""
        headers = JSON_TYPE | ({} if key is None else {"idempotency-key": key})
        body = {"model": self.model, "data": data_of(), "epochs": 3, "batch_size": 4, **fields}
        return self.post("/jobs", {name: value for name, value in body.items() if value is not None}, headers)

    def began(self, **fields: Any) -> str:
        """The id of a training that was accepted."""
        answered = self.asked(**fields)
        assert answered.status == 202, answered.body
        return str(answered.json()["id"])

    def claim(self) -> Claim:
        """The next job."""
        claim = self.worker.jobs.claim("me")
        assert claim is not None
        return claim

    def work(self) -> None:
        """Work on the next job until its worker leaves it."""
        assert self.worker.work(self.claim()) is None

    def job(self, id: str) -> dict[str, Any]:
        """A job as it is told."""
        answered = self.get(f"/jobs/{id}")
        assert answered.status == 200, answered.body
        return dict(answered.json())

    def trained(self, **fields: Any) -> dict[str, Any]:
        """A training that was worked on."""
        id = self.began(**fields)
        self.work()
        return self.job(id)

    def history(self, id: str) -> dict[str, Any]:
        """The whole history by columns."""
        return dict(self.get(f"/jobs/{id}/history?limit=10000").json())

    def parameters(self, version: int) -> dict[str, Any]:
        """The parameters of a version of the model, bit for bit."""
        found = self.context.models.parameters(self.model, version)
        return {name: np.asarray(array).tobytes() for name, array in found.items()}

    def outcome(self, id: str) -> tuple[Any, ...]:
        """All that a client sees of a computation but when it was."""
        job = self.job(id)
        result = dict(job["result"])
        version = result.pop("version")
        return job["state"], json.dumps(result), self.history(id), version and self.parameters(version)
