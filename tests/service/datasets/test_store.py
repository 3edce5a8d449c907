"""Datasets are kept, told, found, deleted; by several at once, and by processes that are killed."""

from __future__ import annotations

import base64
import os
import sqlite3
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pytest

from engine.errors import InvalidRequest, ShapeMismatch, TypeMismatch
from service.datasets.files import OLD_SECONDS, UNFINISHED
from service.datasets.library import Datasets
from service.datasets.table import Column, Table, content_id
from service.errors import Gone, NotFound, Unavailable
from service.settings import Settings
from service.store.database import FILE, Database
from tests.service.datasets.uploading import BINARY, CSV, Depot, database, npz
from tests.service.live import serving

IRIS = "sepal length (cm),width,species\n5.1,3.5,setosa\n6.4,3.2,versicolor\n"
PAIRS = "a,b\n1,2.5\n3,4.5\n"


def table(value: float, rows: int = 4) -> Table:
    """A small dataset."""
    return Table((Column("x", np.full(rows, value)),))


def test_the_same_columns_are_the_same_dataset(depot: Depot) -> None:
    first = depot.upload(PAIRS)
    again = depot.upload("b;a\r\n2.50;1\r\n4.5e0;+3\r\n", CSV, "?columns=a,b")
    assert (first.status, again.status) == (201, 200)
    assert first.json() == again.json()
    assert first.headers["location"] == first.json()["links"]["self"]
    other = npz(True, a=np.array([1, 3], dtype=np.uint8), b=np.array([2.5, 4.5], dtype=">f4"))
    assert depot.kept(other, BINARY)["id"] == first.json()["id"]
    assert len(depot.files()) == 1
    assert depot.upload("b,a\n2.5,1\n4.5,3\n").status == 201


def test_an_id_that_was_written_down_stays_what_it_is(depot: Depot) -> None:
    assert depot.kept(PAIRS)["id"] == "ds_pzvjv47jklddg4qorlf64qbp5w4dtfbb"


@pytest.mark.parametrize(
    "column",
    [
        Column("y", np.full(4, 1.0)),
        Column("x", np.full(3, 1.0)),
        Column("x", np.full((4, 1), 1.0)),
        Column("x", np.full(4, 1)),
        Column("x", np.full(4, 1.0), header="x (m)"),
        Column("x", np.full(4, 0), labels=("a",)),
        Column("x", np.full(4, 0), labels=("b",)),
        Column("x", np.full(4, 0)),
        Column("x", np.full(4, -0.0)),
        Column("x", np.full(4, 0.0)),
    ],
)
def test_other_columns_are_another_dataset(column: Column) -> None:
    assert content_id(Table((column,))) != content_id(table(1.0))
    assert content_id(Table((column,))) == content_id(Table((column,)))


def test_names_are_unique(depot: Depot) -> None:
    first = depot.kept(PAIRS)
    named = depot.upload(PAIRS, CSV, "?name=pairs")
    assert (named.status, named.json()["id"], named.json()["name"]) == (200, first["id"], "pairs")
    taken = depot.upload(IRIS, CSV, "?name=pairs")
    assert (taken.status, taken.name) == (409, "conflict")
    assert first["id"] in taken.problem["detail"]
    renamed = depot.upload(PAIRS, CSV, "?name=paare")
    assert (renamed.status, renamed.name) == (409, "conflict")
    assert len(depot.files()) == 1
    assert depot.upload(IRIS, CSV, "?name=ﬁt").status == 201
    assert depot.get("/datasets/fit").status == 200
    assert depot.get("/datasets/fitt").problem["hint"] == "did you mean fit?"


@pytest.mark.parametrize(
    ("query", "pointers"),
    [
        ("?name=a/b", ["/name"]),
        ("?name=..", ["/name"]),
        ("?name=..%2f..%2fetc", ["/name"]),
        ("?name=", ["/name"]),
        ("?name=ds_x", ["/name"]),
        ("?name=%00", ["/name"]),
        ("?name=" + "x" * 101, ["/name"]),
        ("?name=a&name=b", ["/name"]),
        ("?nam=a&header=maybe&delimiter=x", ["/nam", "/header", "/delimiter"]),
        ("?columns=a,c", ["/columns"]),
        ("?columns=a,a", ["/columns"]),
        ("?columns=", ["/columns"]),
        ("?columns=a,,b", ["/columns"]),
        ('?columns=%22a', ["/columns"]),
        ("?name=%ff", None),
        ("?" + "a=1&" * 1001, None),
    ],
)  # fmt: skip
def test_a_wrong_query_is_refused(depot: Depot, query: str, pointers: list[str] | None) -> None:
    answered = depot.upload(PAIRS, CSV, query)
    assert (answered.status, answered.name) == (422, "invalid-request")
    assert pointers is None or answered.pointers == pointers
    assert len(answered.body) < 1000
    assert depot.files() == []


@pytest.mark.parametrize("name", ["f", "β-1.0", "日本", "x" * 100])
def test_names_have_letters_of_all_languages(depot: Depot, name: str) -> None:
    content = depot.kept(PAIRS, CSV, f"?name={quote(name)}")
    assert depot.get(f"/datasets/{quote(name)}").json() == content
    assert depot.delete(f"/datasets/{quote(name)}").status == 204


def test_what_is_deleted_is_gone(depot: Depot) -> None:
    id = depot.kept(PAIRS, CSV, "?name=pairs")["id"]
    assert depot.delete("/datasets/pairs").status == 204
    assert depot.files() == []
    for path in (id, f"{id}/data"):
        assert (depot.get(f"/datasets/{path}").status, depot.get(f"/datasets/{path}").name) == (410, "gone")
    assert depot.delete(f"/datasets/{id}").status == 410
    assert depot.get("/datasets/pairs").status == 404
    assert depot.upload(PAIRS).status == 201
    assert depot.get(f"/datasets/{id}/data").json()["columns"] == {"a": [1, 3], "b": [2.5, 4.5]}


@pytest.mark.parametrize("path", ["ds_0", "%00", "%ED%A0%80", "x" * 5000, "a%20b", "..", "%2e%2e%2fetc"])
def test_what_never_was_is_not_found(depot: Depot, path: str) -> None:
    answered = depot.get(f"/datasets/{path}")
    assert (answered.status, answered.name) == (404, "not-found")
    assert len(answered.body) < 500


def test_pages_follow_each_other(depot: Depot) -> None:
    ids = [depot.kept(f"a\n{i}\n", CSV, f"?name=n{i % 2}-{i}")["id"] for i in range(5)]
    first = depot.get("/datasets?limit=3").json()
    assert [d["id"] for d in first["datasets"]] == ids[:3]
    assert "columns" not in first["datasets"][0]
    depot.delete(f"/datasets/{ids[2]}")
    rest = depot.get(f"/datasets?limit=3&after={first['next']}").json()
    assert ([d["id"] for d in rest["datasets"]], rest["next"]) == (ids[3:], None)
    assert [d["id"] for d in depot.get("/datasets?name=n1").json()["datasets"]] == [ids[1], ids[3]]
    assert depot.get("/datasets?after=x").pointers == ["/after"]


def test_rows_come_back_by_column(depot: Depot) -> None:
    depot.kept("a (m),t,z\n" + "".join(f"{i}.5,{'uv'[i % 2]},{i}\n" for i in range(10)), CSV, "?name=ten")
    page = depot.get("/datasets/ten/data?columns=t,a%20(m)&offset=3&limit=4").json()
    assert page["columns"] == {"t": [1, 0, 1, 0], "a (m)": [3.5, 4.5, 5.5, 6.5]}
    assert list(page["columns"]) == ["t", "a (m)"]
    assert page["next"] == 7
    assert depot.get("/datasets/ten/data?offset=7&limit=3").json()["next"] is None
    assert depot.get("/datasets/ten/data?offset=99").json()["columns"]["z"] == []
    packed = depot.get("/datasets/ten/data?columns=z&encoding=base64").json()["columns"]["z"]
    assert np.frombuffer(base64.b64decode(packed["base64"]), dtype="<i8").tolist() == list(range(10))
    for query in ("columns=w", "offset=-1", "limit=0", "encoding=x", "offset=x", "columns=z,z", f"offset={10**30}"):
        answered = depot.get(f"/datasets/ten/data?{query}")
        assert (answered.status, answered.pointers) == (422, ["/" + query.split("=")[0]])


def test_rows_that_are_larger_than_an_answer_are_refused(tmp_path: Path) -> None:
    depot = Depot(tmp_path, answer_bytes=1024)
    path = depot.kept("a\n" + "1\n" * 100)["links"]["data"]
    assert depot.get(f"{path}?limit=50").status == 200
    assert depot.get(f"{path}?limit=52").problem["limit"]["name"] == "answer_bytes"


def test_limits_of_the_store(tmp_path: Path) -> None:
    depot = Depot(tmp_path, datasets=2, dataset_store_bytes=100)
    assert depot.upload("a\n" + "1\n" * 13).problem["limit"] == {
        "name": "dataset_store_bytes",
        "value": 100,
        "given": 104,
    }
    depot.kept("a\n1\n")
    id = depot.kept("a\n2\n")["id"]
    assert depot.upload("a\n3\n").problem["limit"] == {"name": "datasets", "value": 2, "given": 3}
    assert depot.upload("a\n1\n").status == 200
    assert len(depot.files()) == 2
    depot.delete(f"/datasets/{id}")
    assert depot.upload("a\n3\n").status == 201


def test_other_processes_read_arrays_and_matrices(depot: Depot) -> None:
    id = depot.kept(IRIS, CSV, "?name=iris")["id"]
    datasets = Datasets(*database(depot.folder))
    found = datasets.arrays("iris", ["species", "sepal length (cm)"])
    assert list(found) == ["species", "sepal length (cm)"]
    assert found["species"].tolist() == [0, 1]
    assert found["sepal length (cm)"].tolist() == [5.1, 6.4]
    assert list(datasets.arrays(id)) == ["sepal_length_cm", "width", "species"]
    assert datasets.get(id).columns[2].labels == ("setosa", "versicolor")
    matrix = datasets.matrix(id, ["width", "sepal_length_cm"])
    assert (matrix.dtype, matrix.tolist()) == (np.dtype(np.float64), [[3.5, 5.1], [3.2, 6.4]])
    with pytest.raises(TypeMismatch, match="species"):
        datasets.matrix(id)
    with pytest.raises(InvalidRequest, match="did you mean 'width'"):
        datasets.arrays(id, ["widht"])
    uneven = depot.kept(npz(x=np.zeros((2, 2)), y=np.zeros(2), z=np.ones(3)), BINARY)["id"]
    for columns in (["x"], ["y", "z"], None):
        with pytest.raises(ShapeMismatch):
            datasets.matrix(uneven, columns)
    with pytest.raises(NotFound):
        datasets.arrays("nothing")
    datasets.remove("iris")
    with pytest.raises(Gone):
        datasets.arrays(id)
    assert depot.get(f"/datasets/{id}").status == 410


def test_many_upload_the_same_at_once(tmp_path: Path) -> None:
    depots = [Depot(tmp_path, dataset_uploads=32) for _ in range(3)]
    statuses: list[int] = []
    barrier = threading.Barrier(12)

    def upload(depot: Depot) -> None:
        barrier.wait()
        statuses.append(depot.upload(IRIS).status)

    threads = [threading.Thread(target=upload, args=(depots[i % 3],)) for i in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [200] * 11 + [201]
    assert len(depots[0].files()) == 1


def _come_and_go(folder: str, seed: int) -> list[str]:
    """Add, read and remove the same few datasets again and again; what went wrong."""
    datasets = Datasets(*database(Path(folder)))
    rng, wrong = np.random.default_rng(seed), []
    for _ in range(40):
        value = float(rng.integers(3))
        stored, _new = datasets.add(table(value))
        try:
            if datasets.arrays(stored.id)["x"].tolist() != [value] * 4:
                wrong.append("other numbers")
            if rng.random() < 0.5:
                datasets.remove(stored.id)
        except (Gone, NotFound):
            pass
        except Unavailable as error:
            wrong.append(str(error))
    return wrong


def test_no_row_is_ever_without_its_file(tmp_path: Path) -> None:
    with ProcessPoolExecutor(3, mp_context=get_context("spawn")) as pool:
        assert list(pool.map(_come_and_go, [str(tmp_path)] * 3, range(3))) == [[], [], []]
    depot = Depot(tmp_path)
    listed = depot.get("/datasets").json()["datasets"]
    assert depot.files() == sorted(d["id"] + ".npz" for d in listed)


def _die_before_the_row(folder: str) -> None:
    datasets = Datasets(*database(Path(folder)))
    kept = datasets.folder().keep

    def keep(*arguments: Any) -> None:
        kept(*arguments)
        os._exit(9)

    datasets.folder().keep = keep  # type: ignore[method-assign,assignment]
    datasets.add(table(1.0))


def test_a_file_without_a_row_is_swept(tmp_path: Path) -> None:
    process = get_context("spawn").Process(target=_die_before_the_row, args=(str(tmp_path),))
    process.start()
    process.join()
    depot = Depot(tmp_path)
    assert process.exitcode == 9
    assert len(depot.files()) == 1
    assert depot.get("/datasets").json()["datasets"] == []
    kept = depot.kept(PAIRS)["id"]
    assert Datasets(*database(tmp_path)).sweep() == 1
    assert depot.files() == [kept + ".npz"]
    # What the process had not finished can be stored, with the file or without.
    _, new = Datasets(*database(tmp_path)).add(table(1.0))
    assert new


def test_what_is_unfinished_is_swept_when_it_is_old(tmp_path: Path) -> None:
    datasets = Datasets(*database(tmp_path))
    datasets.add(table(1.0))
    folder = datasets.folder().path
    for name, age in (("old", OLD_SECONDS + 60), ("new", 60.0)):
        file = folder / (name + UNFINISHED)
        file.write_bytes(b"half")
        os.utime(file, (time.time() - age,) * 2)
    assert datasets.sweep() == 1
    assert {file.name for file in folder.iterdir()} == {"new" + UNFINISHED, datasets.page(0, 9, "")[0].id + ".npz"}


def test_a_server_sweeps_when_it_starts(tmp_path: Path) -> None:
    datasets = Datasets(*database(tmp_path))
    stored, _ = datasets.add(table(1.0))
    unknown = datasets.folder().path / "ds_unknown.npz"
    unknown.write_bytes(b"")
    with serving(ADJOINT_DATA_DIR=str(tmp_path)) as live:
        assert live.get(f"/datasets/{stored.id}")[0] == 200
        assert not unknown.exists()


def test_a_sweep_makes_nothing(tmp_path: Path) -> None:
    assert Datasets(*database(tmp_path / "data")).sweep() == 0
    assert not (tmp_path / "data").exists()


def test_a_sweep_leaves_the_files_of_other_databases(tmp_path: Path) -> None:
    first, _ = Datasets(*database(tmp_path)).add(table(1.0))
    settings = Settings(data_dir=tmp_path, database_url=f"sqlite:///{tmp_path}/other.db")
    other = Datasets(settings, Database(settings))
    other.add(table(2.0))
    assert other.sweep() == 0
    assert Datasets(*database(tmp_path)).arrays(first.id)["x"].tolist() == [1.0] * 4


def test_a_lost_file_is_told_and_comes_back_with_its_content(depot: Depot) -> None:
    content = depot.kept(PAIRS, CSV, "?name=pairs")
    (file,) = (depot.folder / "datasets").rglob("*.npz")
    file.unlink()
    answered = depot.get("/datasets/pairs/data")
    assert (answered.status, answered.name) == (503, "unavailable")
    assert str(depot.folder) not in answered.body.decode()
    assert "datasets-failed" in depot.log.getvalue()
    assert depot.upload(PAIRS).status == 200
    assert depot.get(content["links"]["data"]).json()["columns"]["a"] == [1, 3]


@pytest.mark.parametrize("damage", [b"", b"nothing", b"PK\x05\x06" + b"\0" * 18])
def test_a_damaged_file_is_told(depot: Depot, damage: bytes) -> None:
    path = depot.kept(PAIRS)["links"]["data"]
    (file,) = (depot.folder / "datasets").rglob("*.npz")
    file.write_bytes(damage)
    assert depot.get(path).name == "unavailable"
    assert "Traceback" not in depot.log.getvalue()


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is forbidden to root")
def test_a_folder_that_cannot_be_written_is_told(depot: Depot) -> None:
    (depot.folder / "datasets").mkdir(parents=True, mode=0o500)
    assert depot.upload(PAIRS).name == "unavailable"


def test_a_folder_that_cannot_be_made_is_told(depot: Depot) -> None:
    depot.get("/datasets")
    (depot.folder / "datasets").write_text("in the way")
    answered = depot.upload(PAIRS)
    assert (answered.status, answered.name) == (503, "unavailable")
    assert str(depot.folder) not in answered.body.decode()


def test_a_database_that_is_damaged_is_told(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"this is not a database" * 100)
    depot = Depot(tmp_path)
    for answered in (depot.upload(PAIRS), depot.get("/datasets"), depot.delete("/datasets/x")):
        assert (answered.status, answered.name) == (503, "unavailable")


def test_a_database_of_before_gets_the_tables(tmp_path: Path) -> None:
    from alembic import command
    from alembic.config import Config

    from service.store.migrate import MIGRATIONS

    settings, before = database(tmp_path)
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with before.write() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "0002")
    before.close()
    with sqlite3.connect(tmp_path / FILE) as raw:
        assert raw.execute("SELECT count(*) FROM sqlite_master WHERE name LIKE '%datasets'").fetchone() == (0,)
    raw.close()
    assert Datasets(settings, Database(settings)).add(table(1.0))[1]
