"""The store on PostgreSQL: the statements compile for it, and where a server can be started, everything works on it."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateTable

from service.errors import Unavailable
from service.settings import Settings
from service.store.database import Database
from service.store.tables import metadata
from tests.service.live import PATIENCE
from tests.service.stores import SQUARES, Shop
from tests.service.test_functions_store import _all_at_once

QUESTION = {"function": "least-squares", "at": {"w": [1, 2]}}


def _program(name: str) -> str | None:
    """A program of a PostgreSQL server, which Debian keeps out of the path."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return shutil.which(name) or (str(found[-1]) if found else None)


INITDB, POSTGRES = _program("initdb"), _program("postgres")


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """A database of a server that is started for these tests, as somebody who is not root, which it insists on."""
    if INITDB is None or POSTGRES is None:
        pytest.skip("NOT TESTED ON POSTGRESQL: there is no server program (initdb, postgres) on this machine")
    user = None
    if os.geteuid() == 0:
        known = {entry.pw_name for entry in pwd.getpwall()}
        user = next((name for name in ("postgres", "nobody") if name in known), None)
        if user is None:
            pytest.skip("NOT TESTED ON POSTGRESQL: no user to run the server as")
    folder = tempfile.mkdtemp(prefix="adjoint-postgresql-")
    if user is not None:
        shutil.chown(folder, user)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    data = f"{folder}/data"
    options = ["-c", "fsync=off", "-c", "listen_addresses=127.0.0.1", "-c", f"unix_socket_directories={folder}"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "user": user, "cwd": folder}
    server = None
    try:
        command = [INITDB, "-D", data, "-U", "adjoint", "-A", "trust", "--no-sync", "-E", "UTF8", "--locale=C.UTF-8"]
        subprocess.run(command, check=True, timeout=PATIENCE, **quiet)  # type: ignore[call-overload]
        server = subprocess.Popen([POSTGRES, "-D", data, "-p", str(port), *options], **quiet)  # type: ignore[call-overload]
        address = f"postgresql://adjoint@127.0.0.1:{port}/postgres"
        _await(address, server)
        yield address
    finally:
        if server is not None:
            # Not waiting for clients to leave.
            server.send_signal(signal.SIGINT)
            server.wait(PATIENCE)
        shutil.rmtree(folder, ignore_errors=True)


def _await(address: str, server: subprocess.Popen[bytes]) -> None:
    """Try to connect until the server accepts; a refused connection returns at once, and trying is what costs time."""
    end = time.monotonic() + PATIENCE
    while True:
        try:
            psycopg.connect(address, connect_timeout=5).close()
        except psycopg.OperationalError:
            assert server.poll() is None, "the server ended"
            assert time.monotonic() < end, "the server did not accept connections"
        else:
            return


def test_the_tables_compile_for_postgresql() -> None:
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    text = "\n".join(str(CreateTable(table).compile(dialect=dialect)) for table in metadata.sorted_tables)
    assert "BIGSERIAL" in text
    assert "BYTEA" in text
    assert "AUTOINCREMENT" not in text


def test_functions_are_stored_listed_asked_and_deleted(url: str, tmp_path: Path) -> None:
    shop = Shop(tmp_path, database_url=url, function_seconds=0)
    created = shop.post("/functions", SQUARES)
    assert created.status == 201
    again = Shop(tmp_path, database_url=url.replace("postgresql://", "postgres://"), function_seconds=0)
    assert again.post("/functions", SQUARES).status == 200
    assert again.get("/functions/least-squares?data=true").json()["data"]["y"]["shape"] == [3]
    assert again.post("/grad", QUESTION).json()["grad"] == shop.post("/grad", QUESTION).json()["grad"]
    assert shop.post("/functions", {"expr": "x", "name": "least-squares"}).name == "conflict"
    unnamed = shop.store("β + 1", inputs={"β": {}})
    assert [f["id"] for f in again.listed()["functions"]] == [created.json()["id"], unnamed["id"]]
    assert [f["name"] for f in again.listed("name=least")["functions"]] == ["least-squares"]
    assert again.listed("limit=1")["next"] is not None
    assert again.get("/Info").json()["models"] == ["least-squares", unnamed["id"]]
    assert shop.get("/functions/%00").name == shop.get("/functions/x").name == "not-found"
    assert shop.delete("/functions/least-squares").status == 204
    assert again.post("/grad", QUESTION).name == "not-found"
    assert again.get(f"/functions/{created.json()['id']}").name == "gone"
    assert not list(tmp_path.iterdir())


def test_many_store_the_same_at_once_into_a_new_database(url: str, tmp_path: Path) -> None:
    engine = sa.create_engine(url.replace("postgresql://", "postgresql+psycopg://"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(sa.text("CREATE DATABASE another"))
    engine.dispose()
    shops = [Shop(tmp_path, database_url=url.replace("/postgres", "/another"), queue=64) for _ in range(3)]
    statuses: list[int] = []

    def post(shop: Shop) -> None:
        statuses.append(shop.post("/functions", SQUARES).status)

    _all_at_once([lambda shop=shop: post(shop) for shop in shops for _ in range(4)])  # type: ignore[misc]
    assert sorted(statuses) == [200] * 11 + [201]


def test_a_server_that_is_not_there_is_told(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    shop = Shop(tmp_path, database_url=f"postgresql://somebody:secret@127.0.0.1:{port}/x", database_seconds=1)
    answered = shop.get("/functions")
    assert (answered.status, answered.name) == (503, "unavailable")
    assert b"127.0.0.1" not in answered.body
    assert "refused" in shop.log.getvalue()
    assert "secret" not in shop.log.getvalue()


def test_who_stands_still_while_writing_does_not_keep_others_from_it(url: str, tmp_path: Path) -> None:
    still, other = (Database(Settings(data_dir=tmp_path, database_url=url, database_seconds=2)) for _ in range(2))
    wrote: list[int] = []

    def stand_still() -> None:
        with still.write() as connection:
            # Waits for the lock, longer than it may be held by somebody who does nothing.
            with other.write() as writing:
                wrote.append(writing.scalar(sa.text("SELECT 1")))
            connection.execute(sa.text("SELECT 1"))

    with pytest.raises(Unavailable):
        stand_still()
    assert wrote == [1]
    with still.write() as connection:
        assert connection.scalar(sa.text("SELECT 1")) == 1
    still.close()
    other.close()


def test_the_migrations_make_the_tables_that_the_program_uses(url: str, tmp_path: Path) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    database = Database(Settings(data_dir=tmp_path, database_url=url))
    with database.read() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    database.close()
