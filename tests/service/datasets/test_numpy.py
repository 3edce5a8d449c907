"""NPY and NPZ: what is taken, and that nothing in them is believed or run."""

from __future__ import annotations

import io
import pickle
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.lib import format as npy_format

from tests.service.datasets.uploading import BINARY, Depot, npy, npz

X = np.arange(6).reshape(3, 2)


def columns(depot: Depot, body: bytes) -> dict[str, tuple[str, Any]]:
    """Types and values of what is uploaded."""
    content = depot.kept(body, BINARY)
    data = depot.get(f"/datasets/{content['id']}/data").json()["columns"]
    return {c["name"]: (c["dtype"], data[c["name"]]) for c in content["columns"]}


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (np.array([1.5, np.nan]), {"x": ("float64", [1.5, "NaN"])}),
        (np.array([1.5, 2], dtype=">f8"), {"x": ("float64", [1.5, 2.0])}),
        (np.array([1.5, 2], dtype=np.float32), {"x": ("float64", [1.5, 2.0])}),
        (np.array([1.5, 2], dtype=np.float16), {"x": ("float64", [1.5, 2.0])}),
        (np.array([1, -2], dtype=np.int8), {"x": ("int64", [1, -2])}),
        (np.array([1, 2], dtype=">u2"), {"x": ("int64", [1, 2])}),
        (np.array([1, 2**63 - 1], dtype=np.uint64), {"x": ("int64", [1, 2**63 - 1])}),
        (np.array([True, False]), {"x": ("bool", [True, False])}),
        (np.array(["b", "a", "b"]), {"x": ("int64", [1, 0, 1])}),
        (np.array(["ä", "€"], dtype=">U3"), {"x": ("int64", [0, 1])}),
        (X, {"x1": ("int64", [0, 2, 4]), "x2": ("int64", [1, 3, 5])}),
        (np.asfortranarray(X), {"x1": ("int64", [0, 2, 4]), "x2": ("int64", [1, 3, 5])}),
        (np.arange(8.0).reshape(2, 2, 2), {"x": ("float64", [[[0, 1], [2, 3]], [[4, 5], [6, 7]]])}),
        (np.asfortranarray(np.arange(8.0).reshape(2, 2, 2)), {"x": ("float64", [[[0, 1], [2, 3]], [[4, 5], [6, 7]]])}),
        (
            np.array([(1, 2.5, "u"), (3, 4.5, "v")], dtype=[("n", "i2"), ("v", ">f4"), ("t", "U1")]),
            {"n": ("int64", [1, 3]), "v": ("float64", [2.5, 4.5]), "t": ("int64", [0, 1])},
        ),
    ],
)  # fmt: skip
def test_arrays_of_all_kinds(depot: Depot, array: Any, expected: dict[str, Any]) -> None:
    assert columns(depot, npy(array)) == expected
    if array.ndim != 2 and array.dtype.names is None:
        for compressed in (False, True):
            assert columns(depot, npz(compressed, y=array)) == {"y": expected["x"]}


def test_bytes_that_are_no_booleans_are_made_ones(depot: Depot) -> None:
    assert columns(depot, npy(np.array([True, False, True]))[:-1] + b"\x07")["x"] == ("bool", [True, False, True])


def test_arrays_of_a_file_may_have_different_lengths(depot: Depot) -> None:
    content = depot.kept(npz(x=X, y=np.arange(5.0)), BINARY)
    assert content["rows"] is None
    assert [(c["rows"], c["shape"]) for c in content["columns"]] == [(3, [2]), (5, [])]
    page = depot.get(content["links"]["data"] + "?offset=2&limit=2").json()
    assert page["columns"] == {"x": [[4, 5]], "y": [2.0, 3.0]}
    assert page["next"] == 4
    assert depot.get(content["links"]["data"] + "?offset=2&limit=2&columns=x").json()["next"] is None


def test_columns_are_chosen(depot: Depot) -> None:
    body = npz(x=X, y=np.arange(3.0), z=np.array([object()], dtype=object))
    content = depot.kept(body, BINARY, "?columns=y,x")
    assert [c["name"] for c in content["columns"]] == ["y", "x"]
    assert depot.upload(body, BINARY).status == 422
    refused = depot.upload(body, BINARY, "?columns=w")
    assert (refused.status, refused.pointers) == (422, ["/columns"])
    assert [c["name"] for c in depot.kept(npy(X), BINARY, "?columns=x2")["columns"]] == ["x2"]


class Bomb:
    """Writes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return (Path.touch, (self.path,))


def test_a_pickle_is_not_run(depot: Depot, tmp_path: Path) -> None:
    mark = tmp_path / "run"
    array = np.array([Bomb(mark)], dtype=object)
    bodies = [npy(array), npz(x=array), pickle.dumps(array)]
    for body in bodies:
        assert depot.upload(body, BINARY).status in (415, 422)
    assert not mark.exists()
    np.load(io.BytesIO(bodies[0]), allow_pickle=True)
    assert mark.exists()


def header(text: str, data: bytes = b"", version: bytes = b"\x01\x00") -> bytes:
    """An NPY file with any header."""
    form = "<H" if version == b"\x01\x00" else "<I"
    return npy_format.MAGIC_PREFIX + version + struct.pack(form, len(text)) + text.encode("latin-1") + data


def described(descr: str = "'<f8'", shape: str = "(1,)", data: bytes = b"\0" * 8) -> bytes:
    """An NPY file of this type and shape."""
    return header(f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}\n", data)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (npy(np.array([1j])), "complex"),
        (npy(np.array([b"a"])), "bytes"),
        (npy(np.array(["2026-01-01"], dtype="datetime64[D]")), "dates"),
        (npy(np.array([3], dtype="timedelta64[s]")), "spans"),
        (npy(np.array([1], dtype=np.longdouble)), "64 bits"),
        (npy(np.array([2**63], dtype=np.uint64)), "int64"),
        (npy(np.array([["a"], ["b"]])), "one axis"),
        (npy(np.array(1.0)), "single number"),
        (npy(np.zeros((0,))), "nothing in it"),
        (npy(np.zeros((3, 0))), "nothing in it"),
        (npy(np.zeros(2, dtype=[("a", "f8", 2)])), "parts of its own"),
        (npy(np.zeros(2, dtype=[("a", [("b", "f8")])])), "parts of its own"),
        (npy(np.zeros((2, 2), dtype=[("a", "f8")])), "one axis"),
        (npy(np.array([1.0]))[:-1], "7"),
        (npy(np.array([1.0])) + b"\0", "9"),
        (npy(np.array([1.0]))[:60], "header"),
        (npy(np.array([1.0]))[:7], "begin"),
        (header("{}", version=b"\x03\x00"), "3.0"),
        (described(shape="(-1,)"), "shape"),
        (described(shape="(4611686018427387904,)"), "shape"),
        (described(shape="(100000000000,)"), "bytes"),
        (described(shape="(1, 4611686018427387903, 3)"), "bytes"),
        (described(shape="(True,)"), "shape"),
        (described(shape="3"), "header"),
        (described(shape="(" + "1, " * 33 + ")"), "axes"),
        (described(descr="'|O'"), "pickle"),
        (described(descr="'|V8'"), "without a type"),
        (described(descr="'<f7'"), "header"),
        (described(descr="'<U0'", data=b""), ""),
        (described(descr="'<U1'", data=b"\xff\xff\xff\x7f"), "Unicode"),
        (described(descr="'<U1'", data=b"\x00\xd8\x00\x00"), "Unicode"),
        (described(descr="[('a', '<f8'), ('a', '<f8')]", data=b"\0" * 16), "header"),
        (described(descr="__import__('os').system('true')"), "header"),
        (header("{'descr': " + "[" * 3000), "header"),
        (header("(" * 9000), "header"),
        (header("x" * 60_000), "header"),
        (header("\x00\xff", version=b"\x02\x00"), "header"),
        (header("", version=b"\x02\x00"), "header"),
    ],
)  # fmt: skip
def test_what_is_no_array_of_numbers_is_refused(depot: Depot, body: bytes, said: str) -> None:
    answered = depot.upload(body, BINARY)
    assert (answered.status, answered.name) == (422, "invalid-request")
    assert said in answered.problem["detail"]
    assert len(answered.body) < 2000
    assert depot.files() == []


def zipped(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED, comment: bytes = b"") -> bytes:
    """A zip file of any members."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
        archive.comment = comment
    return file.getvalue()


def claiming(body: bytes, size: int) -> bytes:
    """A zip file of one member which says that it has `size` bytes."""
    directory = body.rindex(b"PK\x01\x02")
    return body[: directory + 24] + struct.pack("<I", size) + body[directory + 28 :]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (zipped({}), "no columns"),
        (zipped({"../x.npy": npy(X)}), "members"),
        (zipped({"/etc/x.npy": npy(X)}), "members"),
        (zipped({"a/b.npy": npy(X)}), "members"),
        (zipped({"x": npy(X)}), "members"),
        (zipped({".npy": npy(X)}), "members"),
        (zipped({"1.npy": npy(X)}), "members"),
        (zipped({"x.npy": b"not an array"}), "NPY"),
        (zipped({"x.npy": npy(np.zeros(3, dtype=[("a", "f8")]))}), "Records"),
        (zipped({"x.npy": npy(X)}, zipfile.ZIP_BZIP2), "compressed"),
        (zipped({"x.npy": npy(X)}, zipfile.ZIP_LZMA), "compressed"),
        (zipped({"x.npy": npy(X)}, comment=b"hello"), "comment"),
        (zipped({"x.npy": npy(X)})[:-1], "cut off"),
        (zipped({"x.npy": npy(X)})[-22:], "not an NPZ"),
        (claiming(zipped({"x.npy": npy(X)}), 100), ""),
        (claiming(zipped({"x.npy": npy(X)}), 10_000), "follow"),
        (zipped({"ﬁ.npy": npy(X), "fi.npy": npy(X)}), "same name"),
        (b"PK\x03\x04" + b"\0" * 100, "cut off"),
        (b"PK\x05\x06" + b"\xff" * 18, ""),
        (b"PK\x03\x04" + b"PK\x06\x07" + b"\0" * 16 + b"PK\x05\x06" + b"\0" * 18, "65,535"),
        (b"PK\x03\x04" + b"\0" * 9_000_000 + b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, 1, 1, 9_000_000, 4, 0),
         "directory"),
    ],
)  # fmt: skip
def test_what_is_no_npz_file_is_refused(depot: Depot, body: bytes, said: str) -> None:
    answered = depot.upload(body, BINARY)
    if answered.status == 422 and answered.name == "limit-exceeded":
        assert answered.problem["limit"]["name"] == "dataset_columns"
    elif "not an NPZ" in said:
        assert answered.status == 422
    else:
        assert (answered.status, answered.name) == (422, "invalid-request"), answered.body
        assert said in answered.problem["detail"]
    assert depot.files() == []


def test_every_damaged_byte_is_refused_or_harmless(depot: Depot) -> None:
    body = npz(compressed=True, x=X, y=np.arange(3.0))
    rng = np.random.default_rng(0)
    statuses = set()
    for place in range(0, len(body), 3):
        damaged = bytearray(body)
        damaged[place] = int(rng.integers(256))
        statuses.add(depot.upload(bytes(damaged), BINARY).status)
        statuses.add(depot.upload(body[:place], BINARY).status)
    assert {422} <= statuses <= {200, 201, 415, 422}
    assert "Traceback" not in depot.log.getvalue()


def test_a_bomb_is_refused_before_it_is_opened(tmp_path: Path) -> None:
    depot = Depot(tmp_path, dataset_bytes=2**20)
    bomb = npz(compressed=True, x=np.zeros(10_000_000))
    assert len(bomb) < 2**20
    answered = depot.upload(bomb, BINARY)
    assert (answered.name, answered.problem["limit"]["name"]) == ("limit-exceeded", "dataset_bytes")
    many = npz(compressed=True, **{f"x{i}": np.zeros(100_000, dtype=np.int8) for i in range(5)})
    assert depot.upload(many, BINARY).problem["limit"] == {"name": "dataset_bytes", "value": 2**20, "given": 1_600_000}
    labels = depot.upload(npy(np.array([str(i) for i in range(10_001)])), BINARY)
    assert labels.problem["limit"]["name"] == "dataset_labels"


def test_a_matrix_with_many_columns_is_one_array_of_an_npz(depot: Depot) -> None:
    wide = np.zeros((2, 10_001))
    refused = depot.upload(npy(wide), BINARY)
    assert refused.problem["limit"]["name"] == "dataset_columns"
    assert "NPZ" in refused.problem["hint"]
    assert depot.upload(npz(x=wide), BINARY).status == 201
