"""Every request file of `examples/`, posted as it is, against the answer that stands next to it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from service.app import create_app
from service.settings import Settings
from tests.service.asgi import Client

ROOT = Path(__file__).parents[2] / "examples"
ANSWER = ".answer.json"


def requests() -> list[Path]:
    """All request files."""
    files = [*(ROOT / "requests").glob("*.json"), *(ROOT / "regression").glob("*.json")]
    return sorted(file for file in files if not file.name.endswith(ANSWER))


def endpoint(file: Path) -> str:
    """Where a file is posted: a name begins with it, and a loss asks for its gradient."""
    return "/grad" if file.parent.name == "regression" else "/" + file.name.split("-")[0]


@pytest.fixture(scope="module")
def client() -> Client:
    """A client of an application with the settings' defaults."""
    return Client(create_app(Settings(log_level="error")))


@pytest.mark.parametrize("file", requests(), ids=lambda file: file.stem)
def test_request_is_answered_as_stored(client: Client, file: Path) -> None:
    answered = client.post(endpoint(file), file.read_bytes())
    assert answered.status == 200, answered.body
    stored = json.loads(file.with_name(file.stem + ANSWER).read_text("utf-8"))
    assert_alike(answered.json(), stored, "")


def test_regression_page_shows_the_stored_answers() -> None:
    page = (ROOT / "regression" / "README.md").read_text("utf-8")
    for file in (ROOT / "regression").glob("*" + ANSWER):
        assert file.read_text("utf-8").strip() in page


def test_every_answer_belongs_to_a_request() -> None:
    assert requests()
    stored = {file.name.removesuffix(ANSWER) for file in ROOT.glob(f"*/*{ANSWER}")}
    assert stored == {file.stem for file in requests()}


def assert_alike(found: Any, stored: Any, where: str) -> None:
    """Equal, except that numbers may differ by rounding: linear algebra rounds differently on other processors."""
    if isinstance(stored, dict):
        assert found.keys() == stored.keys(), where
        for name, value in stored.items():
            if name == "milliseconds":
                continue
            assert_alike(found[name], value, f"{where}/{name}")
    elif isinstance(stored, list):
        assert len(found) == len(stored), where
        for i, value in enumerate(stored):
            assert_alike(found[i], value, f"{where}/{i}")
    elif isinstance(stored, float):
        np.testing.assert_allclose(found, stored, rtol=1e-12, err_msg=where)
    else:
        assert found == stored, where
