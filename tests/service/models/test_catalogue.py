"""The models as a training sees them, in a process of its own with nothing but settings and a database."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest

from engine.errors import LimitExceeded
from service.errors import Gone, NotFound
from service.models.catalogue import Models
from service.settings import Settings
from service.store.database import Database
from tests.service.models.making import LINE, NOISY, SURFACE, stored
from tests.service.stores import Shop

GIVEN = {"dense_1_kernel": np.array([[2.0]]), "dense_1_bias": np.array([1.0])}


def opened(folder: Path, **settings: float) -> Models:
    """The models in a folder, as another process has them."""
    found = Settings.model_validate({"data_dir": folder, **settings})
    return Models(found, Database(found))


def test_a_model_is_found_with_its_parameters(tmp_path: Path) -> None:
    told = stored(Shop(tmp_path), SURFACE, name="surface")
    models = opened(tmp_path)
    found = models.get("surface")
    assert (found.id, found.name, found.versions) == (told["id"], "surface", 1)
    assert found.definition == found.model.definition == told["definition"]
    initial = models.parameters(told["id"])
    assert {name: array.tobytes() for name, array in initial.items()} == {
        name: array.tobytes() for name, array in found.model.initial().items()
    }
    with pytest.raises(ValueError, match="read-only"):
        initial["dense_1_bias"][0] = 1


def test_a_job_has_one_version(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    id = stored(shop, LINE)["id"]
    models = opened(tmp_path)
    assert models.add_version(id, GIVEN, "job_a", {"loss": 0.5}) == 1
    assert models.add_version(id, GIVEN, "job_b", {"loss": float("nan")}) == 2
    assert shop.post(f"/models/{id}/predict", {"x": [1], "version": 1}).json()["prediction"] == [3]
    assert models.add_version(id, {**GIVEN, "dense_1_bias": np.array([5.0])}, "job_a", {"loss": 0.25}) == 1
    # The server had the first in memory.
    assert shop.post(f"/models/{id}/predict", {"x": [1], "version": 1}).json()["prediction"] == [7]
    versions = shop.get(f"/models/{id}/versions").json()["versions"]
    assert [(each["version"], each["job"], each["summary"]) for each in versions] == [
        (0, None, {}),
        (1, "job_a", {"loss": 0.25}),
        (2, "job_b", {"loss": "NaN"}),
    ]
    assert versions[1]["links"]["job"] == "/jobs/job_a"
    assert models.parameters(id, 2)["dense_1_bias"] == [1.0]
    assert models.parameters(id, 0)["dense_1_bias"] == [0.0]


def test_what_another_process_stores_is_the_newest_at_once(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    id = stored(shop, LINE)["id"]
    asked = {"model": id, "at": {"x": [[1]]}}
    before = shop.post("/value", asked).json()["value"]
    opened(tmp_path).add_version(id, GIVEN, "job_a", {})
    assert shop.post("/value", asked).json()["value"] == [[3]]
    assert shop.post("/value", {**asked, "version": 0}).json()["value"] == before


def test_what_is_not_there_is_told(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    id = stored(shop, LINE)["id"]
    models = opened(tmp_path, model_versions=1)
    with pytest.raises(NotFound, match="no version 1"):
        models.parameters(id, 1)
    with pytest.raises(NotFound):
        models.add_version("nobody", GIVEN, "job_a", {})
    models.add_version(id, GIVEN, "job_a", {})
    with pytest.raises(LimitExceeded):
        models.add_version(id, GIVEN, "job_b", {})
    assert models.add_version(id, GIVEN, "job_a", {}) == 1
    shop.delete(f"/models/{id}")
    for ask in (lambda: models.get(id), lambda: models.parameters(id)):
        with pytest.raises(Gone):
            ask()
    with pytest.raises(Gone):
        models.add_version(id, GIVEN, "job_a", {})


def test_memory_is_bounded(tmp_path: Path) -> None:
    id = stored(Shop(tmp_path), NOISY)["id"]
    models = opened(tmp_path, model_cache_bytes=0)
    first, again = models.parameters(id), models.parameters(id)
    assert all(np.array_equal(first[name], again[name]) for name in first)
    assert first["dense_1_kernel"] is not again["dense_1_kernel"]
    kept = opened(tmp_path)
    assert kept.parameters(id)["dense_1_kernel"] is kept.parameters(id)["dense_1_kernel"]


def _bring(folder: str, id: str, process: int) -> list[int]:
    models = opened(Path(folder))
    return [models.add_version(id, GIVEN, f"job_{process}_{i % 3}", {}) for i in range(9)]


def test_several_processes_add_versions_at_once(tmp_path: Path) -> None:
    id = stored(Shop(tmp_path), LINE)["id"]
    with ProcessPoolExecutor(3, mp_context=get_context("spawn")) as pool:
        numbers = list(pool.map(_bring, [str(tmp_path)] * 3, [id] * 3, range(3)))
    for own in numbers:
        assert own[:3] == own[3:6] == own[6:]
    assert sorted(number for own in numbers for number in own[:3]) == list(range(1, 10))
