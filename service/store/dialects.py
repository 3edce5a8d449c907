"""What SQLite and PostgreSQL need to be told: how long to wait, and who may write.

On both, one transaction writes at a time.  SQLite has no other way; asking for the lock at the beginning (`BEGIN
IMMEDIATE`) makes it wait for its turn, where asking in the middle fails at once with "database is locked".
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import sqlalchemy as sa

WRITES = "adjoint_writes"
"""The execution option of a connection that is going to write."""
_LOCK = 0x61646A6F696E74
"""The advisory lock of PostgreSQL that writers take."""
_PAUSE = 0.01


def sqlite_engine(file: str, seconds: float) -> sa.Engine:
    """An engine for a file, which is made if it is missing; raises `OSError` when its folder cannot be."""
    Path(file).absolute().parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    url = sa.URL.create("sqlite", database=file)
    # Autocommit as far as Python's driver knows: it would begin transactions by rules of its own.
    options = {"timeout": seconds, "isolation_level": None}
    engine = sa.create_engine(url, connect_args=options, pool_size=4, max_overflow=8, pool_timeout=seconds)

    @sa.event.listens_for(engine, "connect")
    def connected(connection: Any, _: Any) -> None:
        connection.execute("PRAGMA foreign_keys = ON")
        _write_ahead(connection, seconds)

    @sa.event.listens_for(engine, "begin")
    def begun(connection: sa.Connection) -> None:
        writes = connection.get_execution_options().get(WRITES, False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _write_ahead(connection: Any, seconds: float) -> None:
    """Have readers not wait for writers.  SQLite does not wait by itself when several processes ask for it at once."""
    deadline = time.monotonic() + seconds
    while connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except connection.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(_PAUSE)
        else:
            break


def postgresql_engine(url: sa.URL, seconds: float) -> sa.Engine:
    """An engine for a server; raises `ImportError` without the driver (the extra `postgres`)."""
    # A machine that vanishes, or a process that stands still, in the middle of a transaction would keep the lock of the
    # writers for as long as its connection seems to be alive: hours.
    waits = {"lock_timeout": seconds, "idle_in_transaction_session_timeout": seconds / 2}
    told = " ".join(f"-c {name}={max(1, round(1000 * wait))}" for name, wait in waits.items())
    options = {"connect_timeout": max(2, round(seconds)), "options": told}
    url = url.set(drivername="postgresql+psycopg")
    engine = sa.create_engine(url, connect_args=options, pool_size=4, pool_timeout=seconds, pool_pre_ping=True)

    @sa.event.listens_for(engine, "begin")
    def begun(connection: sa.Connection) -> None:
        if connection.get_execution_options().get(WRITES, False):
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
        else:
            # One view of all tables for the whole of a reading transaction.
            connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")

    return engine
