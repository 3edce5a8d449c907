"""The lock files: complete, in agreement with pyproject.toml and with each other, and free of places."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[2]
RUNTIME, DEVELOPMENT = "requirements.lock", "requirements-dev.lock"
LOCKS = (RUNTIME, DEVELOPMENT)


def project() -> dict[str, Any]:
    with (ROOT / "pyproject.toml").open("rb") as file:
        return tomllib.load(file)


def entries(lock: str) -> list[str]:
    """One string per locked distribution: the pin and its hashes, without comments."""
    text = re.sub(r"^\s*#.*\n", "", (ROOT / lock).read_text("utf-8"), flags=re.MULTILINE)
    return re.findall(r"^\S.*(?:\n\s+.*)*", text, flags=re.MULTILINE)


def pins(lock: str) -> dict[str, Version]:
    found = (re.match(r"([\w.-]+)==(\S+)", entry) for entry in entries(lock))
    return {canonicalize_name(match[1]): Version(match[2]) for match in found if match}


@pytest.mark.parametrize("lock", LOCKS)
def test_every_entry_is_a_pin_with_hashes(lock: str) -> None:
    pattern = re.compile(r"[\w.-]+==[\w.]+ \\\n(    --hash=sha256:[0-9a-f]{64}( \\\n|$))+")
    assert len(entries(lock)) > 20
    assert [entry for entry in entries(lock) if not pattern.fullmatch(entry.strip())] == []


@pytest.mark.parametrize("lock", LOCKS)
@pytest.mark.parametrize("place", ["://", "@", "index-url", "find-links", "trusted-host"])
def test_no_lock_names_a_place(lock: str, place: str) -> None:
    assert place not in (ROOT / lock).read_text("utf-8")


@pytest.mark.parametrize("lock", LOCKS)
def test_no_lock_names_a_path(lock: str) -> None:
    assert not re.search(r"(^|\s)(~|\.{1,2})?/", (ROOT / lock).read_text("utf-8"))


@pytest.mark.parametrize("lock", LOCKS)
def test_the_lock_satisfies_the_project(lock: str) -> None:
    declared = project()["project"]["dependencies"] + project()["build-system"]["requires"] * (lock == DEVELOPMENT)
    declared += project()["project"]["optional-dependencies"]["dev"] * (lock == DEVELOPMENT)
    locked = pins(lock)
    for requirement in map(Requirement, declared):
        name = canonicalize_name(requirement.name)
        assert name in locked, f"{name} is not locked: make lock"
        assert requirement.specifier.contains(locked[name]), f"{requirement}, but {locked[name]} is locked: make lock"


def test_every_dependency_has_a_lower_bound() -> None:
    extras = project()["project"]["optional-dependencies"].values()
    declared = [*project()["project"]["dependencies"], *(line for extra in extras for line in extra)]
    unbounded = [line for line in declared if not any(s.operator == ">=" for s in Requirement(line).specifier)]
    assert unbounded == []


def test_development_locks_what_runs() -> None:
    development = pins(DEVELOPMENT)
    assert {name: development.get(name) for name in pins(RUNTIME)} == pins(RUNTIME)
