"""Models are trained by jobs: what is asked for, what comes of it, and the refusals."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.conformity.server import JSON, Server, pointers

POINTS = [[k / 10, (k * 7 % 20) / 10 - 1] for k in range(20)]
DATA: dict[str, Any] = {"x": POINTS, "y": [3 * a - b + 1 for a, b in POINTS]}
Train = Callable[..., Any]


@pytest.fixture
def model(server: Server, unique: str) -> Iterator[str]:
    """The id of a model that no server knows, because of a seed of its own."""
    definition = {
        "input": {"shape": [2]},
        "layers": [{"type": "dense", "units": 1}],
        "loss": "mse",
        "seed": int(unique[-8:], 16),
    }
    answer = server.post("/models", definition)
    assert answer.status == 201, answer.text
    yield answer.content["id"]
    assert server.send("DELETE", f"/models/{answer.content['id']}").status in (204, 410)


@pytest.fixture
def train(server: Server, model: str) -> Iterator[Train]:
    """Trains the model, and leaves no job behind."""
    made: list[str] = []

    def train(**fields: Any) -> Any:
        body = {"model": model, "data": DATA, "epochs": 200, "batch_size": 5, "method": {"name": "adam", "lr": 0.1}}
        answer = server.send("POST", "/jobs", json.dumps({**body, **fields}).encode(), {**JSON, "Prefer": "wait=30"})
        assert answer.status == 200, answer.text
        made.append(answer.content["id"])
        return answer.content

    yield train
    for id in made:
        assert server.send("DELETE", f"/jobs/{id}").status == 204


def test_a_line_is_learned(server: Server, model: str, train: Train) -> None:
    job = train()
    result = job["result"]
    assert (job["state"], result["stop_reason"], result["version"]) == ("succeeded", "max-steps", 1)
    found = server.get(f"/models/{model}/parameters").content["parameters"]
    (kernel,) = [values for name, values in found.items() if name.endswith("kernel")]
    (bias,) = [values for name, values in found.items() if name.endswith("bias")]
    assert [kernel[0][0], kernel[1][0], bias[0]] == pytest.approx([3, -1, 1], abs=0.01)
    predicted = server.post(f"/models/{model}/predict", {"x": [[1, 1]]}).content
    assert "3." in json.dumps(predicted) or "2.9" in json.dumps(predicted)


def test_the_same_training_is_the_same_bits(server: Server, model: str, train: Train) -> None:
    jobs = [train(epochs=20, validation=0.25, seeds=2) for _ in range(2)]
    results = [{**job["result"], "version": None} for job in jobs]
    assert results[0] == results[1]
    histories = [server.get(f"/jobs/{job['id']}/history").content for job in jobs]
    assert histories[0] == histories[1]
    versions = [server.get(f"/models/{model}/parameters?version={k}").content["parameters"] for k in (1, 2)]
    assert versions[0] == versions[1]


def test_a_history_tells_the_epochs(server: Server, train: Train) -> None:
    job = train(epochs=3, validation=0.25, metrics=["mae"])
    page = server.get(f"/jobs/{job['id']}/history").content
    assert page["step"] == list(range(1, 10))
    assert page["epoch"] == [1, 1, 1, 2, 2, 2, 3, 3, 3]
    for name in ("epoch_value", "mae", "validation_value", "validation_mae"):
        assert [value is not None for value in page[name]] == [False, False, True] * 3
    assert job["record"]["columns"][:3] == ["epoch", "epoch_value", "mae"]
    assert min(v for v in page["validation_value"] if v is not None) == job["result"]["value"]


def test_a_rate_is_searched(server: Server, model: str, train: Train) -> None:
    result = train(find_learning_rate=True, method="sgd")["result"]
    assert 1e-7 <= result["suggested_learning_rate"] <= 10
    assert result["version"] is None
    assert len(server.get(f"/models/{model}/versions").content["versions"]) == 1


@pytest.mark.parametrize(
    ("fields", "places"),
    [
        ({"epochs": 0, "batch_size": -1, "keep": "all"}, ["/batch_size", "/epochs", "/keep"]),
        ({"data": {"x": [[1, 2]]}}, ["/data/y"]),
        ({"data": {"x": [[1, 2]], "y": ["NaN"]}}, ["/data/y"]),
        ({"data": None}, ["/data"]),
        ({"method": "lbfgs"}, ["/method"]),
        ({"metrics": ["accuracy"]}, ["/metrics/0"]),
        ({"validation": 2}, ["/validation"]),
        ({"start": {"x": 1}}, ["/start"]),
    ],
)
def test_refusals(server: Server, model: str, fields: dict[str, Any], places: list[str]) -> None:
    problem = server.refused("/jobs", 422, "invalid-request", **{"model": model, "data": DATA, **fields})
    assert sorted(pointers(problem)) == places


def test_a_model_that_is_not_there(server: Server) -> None:
    server.refused("/jobs", 404, "not-found", model="no-such-model", data=DATA)
