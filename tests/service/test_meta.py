"""What the service says of itself, and of its language."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from engine.primitives.table import FUNCTIONS
from service.settings import Settings
from service.versions import package_version
from tests.service.asgi import Client


def test_version(client: Client) -> None:
    assert client.get("/version").json() == {"api": 1, "adjoint": package_version(), "engine": package_version()}


def test_limits_are_the_settings(client: Client) -> None:
    limits = client.get("/limits").json()
    assert {"source_chars", "nesting", "nodes", "array_bytes", "run_seconds", "body_bytes"} <= set(limits)
    for name, value in limits.items():
        assert getattr(Settings(), name) == value


def test_health(client: Client) -> None:
    assert client.get("/healthz").json() == {"status": "ok"}
    assert client.get("/readyz").json() == {"status": "ok"}


def test_all_primitives_are_told(client: Client) -> None:
    content = client.get("/primitives").json()
    assert [primitive["name"] for primitive in content["primitives"]] == list(FUNCTIONS)
    assert content["constants"]["pi"] == 3.141592653589793
    assert content["constants"]["inf"] == "Infinity"


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_primitive_is_told_by_each_of_its_names(client: Client, name: str) -> None:
    content = client.get(f"/primitives/{name}").json()
    assert content["name"] == name
    assert content["signature"].startswith(name + "(")
    for alias in content["aliases"]:
        assert client.get(f"/primitives/{alias}").json() == content


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_examples_of_a_primitive_work_as_told(client: Client, name: str) -> None:
    for example in client.get(f"/primitives/{name}").json()["examples"]:
        answered = client.post("/value", example)
        assert answered.status == 200, answered.body


def test_a_near_primitive_is_named(client: Client) -> None:
    assert client.get("/primitives/sine").problem["hint"] == "sin"


def test_every_limit_that_a_problem_may_name_is_told(client: Client) -> None:
    root = Path(__file__).parents[2]
    sources = [file.read_text() for folder in ("engine", "service") for file in (root / folder).rglob("*.py")]
    named = {name for source in sources for name in re.findall(r'Limit\(\s*"(\w+)"', source)}
    assert len(named) > 5
    assert named <= set(client.get("/limits").json())
