"""The store on PostgreSQL: the statements compile for it, and where a server can be started, everything works on it."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateTable

from service.datasets.library import Datasets
from service.errors import Unavailable
from service.models.catalogue import Models
from service.settings import Settings
from service.store.database import Database
from service.store.tables import metadata
from tests.service.datasets.uploading import Depot
from tests.service.postgresql import postgresql_server
from tests.service.stores import SQUARES, Shop
from tests.service.test_functions_store import _all_at_once

QUESTION = {"function": "least-squares", "at": {"w": [1, 2]}}


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """A database of a server that is started for these tests."""
    with postgresql_server() as address:
        yield address


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


def test_models_are_stored_brought_asked_and_deleted(url: str, tmp_path: Path) -> None:
    shop, again = (Shop(tmp_path, database_url=url) for _ in range(2))
    layers = [{"type": "dense", "units": 1}]
    body = {"name": "line", "input": {"shape": [1]}, "layers": layers, "loss": "mse"}
    created = shop.post("/models", body)
    assert (created.status, again.post("/models", body).status) == (201, 200)
    id = created.json()["id"]
    parameters = {"dense_1_kernel": [[2]], "dense_1_bias": [1]}
    assert shop.post("/models/line/versions", {"parameters": parameters}).json()["version"] == 1
    settings = Settings(data_dir=tmp_path, database_url=url)
    models = Models(settings, Database(settings))
    brought = models.parameters(id)
    assert models.add_version(id, brought, "job_a", {"loss": float("inf")}) == 2
    assert models.add_version(id, brought, "job_a", {"loss": 0.5}) == 2
    versions = again.get("/models/line/versions").json()["versions"]
    assert [(each["version"], each["job"], each["summary"]) for each in versions] == [
        (0, None, {}),
        (1, None, {}),
        (2, "job_a", {"loss": 0.5}),
    ]
    assert again.post("/models/line/predict", {"x": [3]}).json()["prediction"] == [7]
    assert again.get("/models?name=li").json()["models"][0]["versions"] == 3
    assert shop.delete("/models/line").status == 204
    assert again.get(f"/models/{id}/versions").name == "gone"


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


def test_datasets_have_their_rows_there_and_their_files_here(url: str, tmp_path: Path) -> None:
    here, there = (Depot(tmp_path / name, database_url=url) for name in ("here", "there"))
    body = "a,t\n1.5,x\ninf,y\n"
    stored = here.kept(body, query="?name=pairs")
    assert there.get("/datasets/pairs").json() == stored
    assert there.get("/datasets?name=pai").json()["datasets"][0]["id"] == stored["id"]
    # Another machine has the row without the file, until it gets the same content.
    assert there.get("/datasets/pairs/data").name == "unavailable"
    assert there.upload(body).status == 200
    assert there.get("/datasets/pairs/data").json()["columns"] == {"a": [1.5, "Infinity"], "t": [0, 1]}
    assert there.upload("b\n1\n", query="?name=pairs").name == "conflict"
    settings = Settings(data_dir=tmp_path / "here", database_url=url)
    assert Datasets(settings, Database(settings)).sweep() == 0
    assert there.delete("/datasets/pairs").status == 204
    assert here.get(f"/datasets/{stored['id']}").name == "gone"
    assert (len(here.files()), len(there.files())) == (1, 0)
    assert Datasets(settings, Database(settings)).sweep() == 1
    assert here.files() == []
