"""The store beneath the functions: restarts, several processes at once, damage, and what stays in memory."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa
from pydantic import ValidationError

from service.functions.content import Declared, Definition, as_bytes, content_id, from_bytes
from service.functions.library import Library
from service.functions.stored import Signature
from service.settings import Settings
from service.store.database import FILE, Database
from service.store.migrate import MIGRATIONS
from service.store.tables import metadata
from tests.service.asgi import JSON_TYPE, Wire, scope_of
from tests.service.live import PATIENCE, serving
from tests.service.stores import SQUARES, Shop

DATA = {"a": np.array([1.0, 2.0]), "b": np.array([[3, 4]])}


@pytest.mark.parametrize(
    ("other", "same"),
    [
        (Definition("expr", "x*a", (Declared("x"),), dict(reversed(DATA.items()))), True),
        (Definition("expr", "x*a", (Declared("x"),), {**DATA, "a": np.array([[1.0, 2.0], [0, 0]])[0]}), True),
        (Definition("expr", "x*a", (Declared("x"),), {**DATA, "a": np.array([2.0, 1.0])[::-1]}), True),
        (Definition("expr", "x*a ", (Declared("x"),), DATA), False),
        (Definition("program", "x*a", (Declared("x"),), DATA), False),
        (Definition("expr", "x*a", (Declared("x", "int64"),), DATA), False),
        (Definition("expr", "x*a", (Declared("x", shape=(1,)),), DATA), False),
        (Definition("expr", "x*a", (Declared("x"), Declared("y")), DATA), False),
        (Definition("expr", "x*a", (), DATA), False),
        (Definition("expr", "x*a", (Declared("x"),), {"a": DATA["a"]}), False),
        (Definition("expr", "x*a", (Declared("x"),), {**DATA, "a": np.array([1.0, -2.0])}), False),
        (Definition("expr", "x*a", (Declared("x"),), {**DATA, "a": np.array([[1.0, 2.0]])}), False),
        (Definition("expr", "x*a", (Declared("x"),), {**DATA, "b": np.array([[3.0, 4.0]])}), False),
        (Definition("expr", "x*a", (Declared("x"),), {"a": DATA["b"], "b": DATA["a"]}), False),
    ],
)
def test_the_id_is_that_of_the_content(other: Definition, same: bool) -> None:
    first = content_id(Definition("expr", "x*a", (Declared("x"),), DATA))
    assert (content_id(other) == first) is same
    # An id that clients have written down stays what it is.
    assert first == "fn_gkbr5t6z4teo4cornwky7rbqjmwzsaes"


def test_the_order_of_declared_inputs_counts() -> None:
    a, b = Declared("a"), Declared("b")
    assert content_id(Definition("expr", "a-b", (a, b))) != content_id(Definition("expr", "a-b", (b, a)))


@pytest.mark.parametrize(
    "array", [np.array(2.5), np.arange(6).reshape(2, 3).T, np.array([True, False]), np.zeros((0, 3)), np.array([-0.0])]
)
def test_arrays_come_back_from_their_bytes(array: Any) -> None:
    back = from_bytes(as_bytes(array), array.dtype.name, array.shape)
    assert back.tobytes() == array.tobytes()
    assert (back.dtype, back.shape) == (array.dtype, array.shape)


def test_nothing_is_written_before_something_is_stored_or_read(tmp_path: Path) -> None:
    shop = Shop(tmp_path / "data")
    assert shop.grad("x^2", {"x": 3}).status == 200
    assert shop.get("/limits").status == 200
    assert not (tmp_path / "data").exists()
    assert shop.listed()["functions"] == []
    assert (tmp_path / "data" / FILE).exists()


def test_the_place_of_the_store_is_a_setting(tmp_path: Path) -> None:
    shop = Shop(tmp_path / "unused", database_url=f"sqlite:///{tmp_path}/else where/f.db")
    shop.post("/functions", SQUARES)
    assert [entry.name for entry in tmp_path.iterdir()] == ["else where"]
    assert (tmp_path / "else where" / "f.db").exists()


@pytest.mark.parametrize("url", ["mysql://x/y", "sqlite://", "sqlite:///", "file.db", "postgresql://"])
def test_other_places_are_refused_when_the_server_starts(url: str) -> None:
    with pytest.raises(ValidationError):
        Settings(database_url=url)


def test_functions_outlive_the_server(tmp_path: Path) -> None:
    with serving(ADJOINT_DATA_DIR=str(tmp_path)) as live:
        status, function = live.post("/functions", SQUARES)
        assert status == 201
    with serving("--workers", "2", ADJOINT_DATA_DIR=str(tmp_path)) as live:
        assert live.get("/functions/least-squares") == (200, function)
        status, answer = live.post("/grad", {"function": function["id"], "at": {"w": [1, 2]}})
        assert (status, answer["grad"]) == (200, {"w": [101, 128]})
    with serving(ADJOINT_DATA_DIR=str(tmp_path)) as live:
        # The process is killed, and nothing that was answered for is lost.
        assert live.post("/functions", {"expr": "x^3", "name": "cube"})[0] == 201
        live.process.kill()
        live.process.wait()
    assert Shop(tmp_path).get("/functions/cube").status == 200


def _post_many(folder: str, process: int) -> list[int]:
    shop = Shop(Path(folder))
    statuses = [shop.post("/functions", SQUARES).status]
    statuses += [shop.post("/functions", {"expr": f"x + {i}", "data": {"c": [0.0] * 1000}}).status for i in range(8)]
    return [*statuses, shop.post("/functions", {"expr": f"x * {process}", "name": f"own-{process}"}).status]


def test_several_processes_begin_and_store_at_the_same_time(tmp_path: Path) -> None:
    with ProcessPoolExecutor(4, mp_context=get_context("spawn")) as pool:
        found = list(pool.map(_post_many, [str(tmp_path)] * 4, range(4)))
    statuses = [status for row in found for status in row]
    # Each of the nine that all of them posted was new once, and so was each process's own.
    assert statuses.count(201) == 9 + 4
    assert statuses.count(200) == 3 * 9
    assert len(Shop(tmp_path).listed("limit=100")["functions"]) == 13


def test_many_threads_of_several_applications_store_the_same(tmp_path: Path) -> None:
    shops = [Shop(tmp_path, queue=64) for _ in range(3)]
    statuses: list[int] = []

    def post(shop: Shop) -> None:
        statuses.append(shop.post("/functions", SQUARES).status)

    _all_at_once([lambda shop=shop: post(shop) for shop in shops for _ in range(8)])  # type: ignore[misc]
    assert sorted(statuses) == [200] * 23 + [201]
    assert len(shops[0].listed()["functions"]) == 1


def test_one_of_many_gets_a_name(tmp_path: Path) -> None:
    shops = [Shop(tmp_path) for _ in range(2)]
    statuses: list[int] = []

    def post(number: int) -> None:
        statuses.append(shops[number % 2].post("/functions", {"expr": f"x + {number}", "name": "first"}).status)

    _all_at_once([lambda number=number: post(number) for number in range(8)])  # type: ignore[misc]
    assert sorted(statuses) == [201] + [409] * 7


def _all_at_once(tasks: list[Callable[[], None]]) -> None:
    barrier = threading.Barrier(len(tasks))

    def run(task: Callable[[], None]) -> None:
        barrier.wait()
        task()

    threads = [threading.Thread(target=run, args=(task,)) for task in tasks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_what_another_worker_deletes_is_noticed(tmp_path: Path) -> None:
    one, other = (Shop(tmp_path, function_seconds=0) for _ in range(2))
    one.post("/functions", SQUARES)
    question = {"function": "least-squares", "at": {"w": [1, 2]}}
    assert one.post("/grad", question).status == other.post("/grad", question).status == 200
    assert one.delete("/functions/least-squares").status == 204
    assert one.post("/grad", question).name == other.post("/grad", question).name == "not-found"
    # The name goes to another function, and both follow.
    one.store("sum(w)", name="least-squares", inputs={"w": {"shape": [2]}})
    assert one.post("/grad", question).json()["value"] == other.post("/grad", question).json()["value"] == 3


def test_what_this_worker_deletes_is_gone_at_once(tmp_path: Path) -> None:
    shop = Shop(tmp_path, function_seconds=3600)
    shop.post("/functions", SQUARES)
    question = {"function": "least-squares", "at": {"w": [1, 2]}}
    assert shop.post("/grad", question).status == 200
    shop.delete("/functions/least-squares")
    assert shop.post("/grad", question).name == "not-found"


def test_memory_is_bounded_by_bytes(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, function_cache_bytes=60_000, function_seconds=3600)
    library = Library(settings, Database(settings))
    ids = []
    for number in range(10):
        definition = Definition("expr", "sum(a)", (), {"a": np.full(1000, float(number))})
        ids.append(library.catalogue.add(definition, None, Signature((), (), False))[0].id)
    for id in ids:
        assert library.load(id).stored.id == id
    held = [id for id in ids if library.find(id) is not None]
    assert 1 <= len(held) <= 60_000 // 8000
    assert held == ids[-len(held) :]
    huge = Definition("expr", "sum(a)", (), {"a": np.zeros(10_000)})
    id = library.catalogue.add(huge, None, Signature((), (), False))[0].id
    assert library.load(id).data["a"].size == 10_000
    assert library.find(id) is None
    library.close()


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_a_store_that_cannot_be_made_is_told(tmp_path: Path, method: str) -> None:
    (tmp_path / "file").write_text("in the way")
    _refused(Shop(tmp_path / "file" / "data"), method, "Not a directory")


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_a_damaged_store_is_told(tmp_path: Path, method: str) -> None:
    (tmp_path / FILE).write_bytes(b"this is not a database, whatever it is called" * 100)
    _refused(Shop(tmp_path), method, "file is not a database")


def test_a_store_of_a_newer_program_is_told(tmp_path: Path) -> None:
    Shop(tmp_path).listed()
    with sqlite3.connect(tmp_path / FILE) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    _refused(Shop(tmp_path), "POST", "9999")


def test_a_store_that_stays_busy_is_told_and_works_afterwards(tmp_path: Path) -> None:
    shop = Shop(tmp_path, database_seconds=0.1)
    shop.listed()
    other = sqlite3.connect(tmp_path / FILE, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    # Readers are not held up by who writes.
    assert shop.listed()["functions"] == []
    _refused(shop, "POST", "database is locked")
    other.execute("ROLLBACK")
    other.close()
    assert shop.post("/functions", SQUARES).status == 201


def test_the_event_loop_does_not_wait_for_the_database(tmp_path: Path) -> None:
    shop = Shop(tmp_path, database_seconds=PATIENCE, run_seconds=PATIENCE)
    shop.listed()
    other = sqlite3.connect(tmp_path / FILE, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    async def story() -> tuple[int, int]:
        posting, asking = Wire([json.dumps(SQUARES).encode()]), Wire([b'{"expr":"x^2","at":{"x":3}}'])

        async def store() -> None:
            await shop.app(scope_of("POST", "/functions", JSON_TYPE), posting.receive, posting.send)

        stored = asyncio.create_task(store())
        await shop.app(scope_of("POST", "/grad", JSON_TYPE), asking.receive, asking.send)
        assert not stored.done()
        other.execute("ROLLBACK")
        await stored
        return posting.answered.status, asking.answered.status

    assert asyncio.run(story()) == (201, 200)
    other.close()


def _refused(shop: Shop, method: str, reason: str) -> None:
    body = b'{"expr": "x^2"}' if method == "POST" else b""
    answered = shop.request(method, "/functions" if method != "DELETE" else "/functions/f", [body])
    assert (answered.status, answered.name) == (503, "unavailable")
    assert int(answered.headers["retry-after"]) >= 1
    assert reason in shop.log.getvalue()
    assert reason not in answered.body.decode()
    assert "Traceback" not in shop.log.getvalue()
    # What needs no store is answered all the same.
    assert shop.grad("x^2", {"x": 3}).status == 200
    assert shop.post("/Evaluate", {"name": "f", "input": []}).status in (400, 503)


def test_a_failed_write_leaves_nothing(tmp_path: Path) -> None:
    database = Database(Settings(data_dir=tmp_path))

    def fail() -> None:
        with database.write() as connection:
            connection.execute(sa.text("INSERT INTO deleted_functions (id) VALUES ('fn_x')"))
            raise RuntimeError("half way")

    with pytest.raises(RuntimeError, match="half way"):
        fail()
    with database.read() as connection:
        assert connection.scalar(sa.text("SELECT count(*) FROM deleted_functions")) == 0
    database.close()


def test_deleting_removes_the_data(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    shop.post("/functions", SQUARES)
    shop.delete("/functions/least-squares")
    with sqlite3.connect(tmp_path / FILE) as connection:
        assert connection.execute("SELECT count(*) FROM function_data").fetchone() == (0,)
    connection.close()


def test_the_migrations_make_the_tables_that_the_program_uses(tmp_path: Path) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    database = Database(Settings(data_dir=tmp_path))
    with database.read() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    database.close()


def test_every_migration_can_be_undone(tmp_path: Path) -> None:
    from alembic import command
    from alembic.config import Config

    database = Database(Settings(data_dir=tmp_path))
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with database.write() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "base")
        assert sa.inspect(connection).get_table_names() == ["alembic_version"]
        command.upgrade(config, "head")
        assert set(metadata.tables) < set(sa.inspect(connection).get_table_names())
    database.close()
