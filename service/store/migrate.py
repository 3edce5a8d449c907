"""Bringing the database to the version of the program, by Alembic, within the caller's transaction."""

from __future__ import annotations

from pathlib import Path
from threading import Lock

from sqlalchemy import Connection

# Alembic keeps what it is doing in globals of its module.
_one_at_a_time = Lock()
MIGRATIONS = Path(__file__).parent / "migrations"


def migrate(connection: Connection) -> None:
    """Apply the versions that are missing; nothing where there are none.

    The caller holds the lock for writing, so that of several processes one migrates and the others find it done.
    Raises Alembic's `CommandError` for a database that a newer program made.
    """
    # Only who stores something pays for loading it.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    with _one_at_a_time:
        command.upgrade(config, "head")
