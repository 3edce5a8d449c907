"""The container files name settings, ports, paths and commands that exist."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from service.settings import Settings, environment_name

ROOT = Path(__file__).parents[2]
DOCKERFILE = re.sub(r"^#.*\n", "", (ROOT / "docker" / "Dockerfile").read_text("utf-8"), flags=re.MULTILINE)
LINES = re.sub(r"\s*\\\n\s*", " ", DOCKERFILE).splitlines()
SERVICE: dict[str, Any] = yaml.safe_load((ROOT / "docker" / "compose.yaml").read_text("utf-8"))["services"]["adjoint"]
PORT = re.findall(r"^PORT \?= (\d+)$", (ROOT / "Makefile").read_text("utf-8"), flags=re.MULTILINE)


def instructions(name: str) -> list[str]:
    """What follows each instruction `name` of the Dockerfile."""
    return [line.removeprefix(name).strip() for line in LINES if line.startswith(name + " ")]


def environment() -> dict[str, str]:
    """The variables that the image sets."""
    return dict(word.split("=", 1) for line in instructions("ENV") for word in line.split())


@pytest.mark.parametrize("names", [environment(), SERVICE["environment"]], ids=["Dockerfile", "compose.yaml"])
def test_environment_names_are_settings(names: dict[str, str]) -> None:
    ours = {name for name in names if name.startswith("ADJOINT_")}
    assert ours
    assert ours <= {environment_name(field) for field in Settings.model_fields}


def test_one_port_everywhere() -> None:
    assert [str(Settings.model_fields["port"].default)] == PORT
    assert instructions("EXPOSE") == PORT
    assert re.findall(r'"--port", "(\d+)"', instructions("CMD")[-1]) == PORT
    assert re.findall(r"http://127\.0\.0\.1:(\d+)/healthz", instructions("HEALTHCHECK")[0]) == PORT
    assert [port.split(":")[1:] for port in SERVICE["ports"]] == [PORT * 2]


def test_what_is_started_is_installed() -> None:
    with (ROOT / "pyproject.toml").open("rb") as file:
        scripts = tomllib.load(file)["project"]["scripts"]
    assert instructions("CMD")[-1].startswith('["adjoint", "serve"')
    assert scripts == {"adjoint": "service.cli:main"}


def test_the_image_needs_only_what_is_sent_to_its_build() -> None:
    ignore = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    sources = {word for line in instructions("COPY") if "--from" not in line for word in line.split()[:-1]}
    assert ignore[0] == "*"
    assert {line[1:] for line in ignore if line.startswith("!")} == sources
    assert [source for source in sorted(sources) if not (ROOT / source).exists()] == []


def test_nothing_unpinned_is_installed() -> None:
    installs = [line for line in instructions("RUN") if " install --no" in line or "pip wheel" in line]
    assert len(installs) == 4
    assert all("--require-hashes" in line or "--no-index --no-deps" in line for line in installs)


def test_the_container_is_confined() -> None:
    assert instructions("USER") == ["10001:10001"]
    assert instructions("VOLUME") == [environment()["ADJOINT_DATA_DIR"]]
    assert environment()["PYTHONDONTWRITEBYTECODE"] == "1"
    assert SERVICE["read_only"] is True
    assert SERVICE["tmpfs"] == ["/tmp"]
    assert SERVICE["cap_drop"] == ["ALL"]
    assert SERVICE["security_opt"] == ["no-new-privileges:true"]
    assert SERVICE["volumes"] == ["data:/data"]
    assert {"mem_limit", "healthcheck"} <= set(SERVICE)
