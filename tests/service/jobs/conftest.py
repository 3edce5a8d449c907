"""Shelves for jobs: in memory, in a file, and on a PostgreSQL server where one can be started."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from service.jobs.memory import MemoryShelf
from service.jobs.rows import DatabaseShelf
from service.jobs.shelf import Shelf
from service.settings import Settings
from service.store.database import Database
from tests.service.jobs.making import settings_of
from tests.service.postgresql import postgresql_server

TABLES = "jobs, job_contents, job_history, deleted_jobs"


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """The address of a database of a server that is started for the tests of jobs."""
    with postgresql_server() as address:
        yield address


@pytest.fixture(params=["sqlite", "postgresql"])
def stored(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """Settings with an empty database, which several processes can share."""
    own: dict[str, Any] = {}
    if request.param == "postgresql":
        own["database_url"] = request.getfixturevalue("postgresql")
    settings = settings_of(tmp_path, **own)
    if request.param == "postgresql":
        database = Database(settings)
        with database.write() as connection:
            connection.execute(sa.text(f"TRUNCATE {TABLES} RESTART IDENTITY CASCADE"))
        database.close()
    return settings


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def shelf(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Shelf]:
    """An empty shelf of every kind."""
    if request.param == "memory":
        yield MemoryShelf()
        return
    own: dict[str, Any] = {}
    if request.param == "postgresql":
        own["database_url"] = request.getfixturevalue("postgresql")
    database = Database(settings_of(tmp_path, **own))
    if request.param == "postgresql":
        with database.write() as connection:
            connection.execute(sa.text(f"TRUNCATE {TABLES} RESTART IDENTITY CASCADE"))
    yield DatabaseShelf(database)
    database.close()
