"""“POST /datasets”, “GET /datasets”, “GET” and “DELETE /datasets/{id}”, “GET /datasets/{id}/data”.

Everything that is stored here is deleted again, and is unlike anything else, so that these tests can be run against a
server that is in use.
"""

from __future__ import annotations

import base64
import secrets
import struct
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.conformity.server import Answer, Server, pointers

Upload = Callable[..., Any]
CSV = "text/csv"
BINARY = "application/octet-stream"


def post(server: Server, body: bytes, kind: str, query: str = "") -> Answer:
    """The answer to an upload."""
    return server.send("POST", f"/datasets{query}", body, {"content-type": kind})


def npy(values: list[float]) -> bytes:
    """An NPY file of a vector, byte by byte as the format is defined."""
    header = f"{{'descr': '<f8', 'fortran_order': False, 'shape': ({len(values)},), }}"
    header += " " * (117 - len(header)) + "\n"
    return (
        b"\x93NUMPY\x01\x00"
        + struct.pack("<H", len(header))
        + header.encode()
        + struct.pack(f"<{len(values)}d", *values)
    )


@pytest.fixture
def seed() -> int:
    """A number that no dataset of a server has in it."""
    return secrets.randbits(52)


@pytest.fixture
def upload(server: Server) -> Iterator[Upload]:
    """Uploads datasets that no server has, and deletes them in the end."""
    stored: list[str] = []

    def upload(body: str, query: str = "") -> Any:
        answer = post(server, body.encode(), CSV, query)
        assert answer.status == 201, answer.text
        stored.append(answer.content["id"])
        return answer.content

    yield upload
    for reference in stored:
        assert server.send("DELETE", f"/datasets/{reference}").status in (204, 410)


def test_a_dataset_is_stored_and_told(server: Server, upload: Upload, unique: str, seed: int) -> None:
    """The type report."""
    stored = upload(f"length (cm),kind,n\n5.5,oak,{seed}\n,elm,2\n6.5,oak,3\n", f"?name={unique}")
    assert (stored["name"], stored["rows"], stored["bytes"]) == (unique, 3, 72)
    length, kind, n = stored["columns"]
    assert (length["name"], length["header"], length["dtype"]) == ("length_cm", "length (cm)", "float64")
    assert (length["missing"], length["min"], length["max"], length["mean"]) == (1, 5.5, 6.5, 6.0)
    assert (kind["dtype"], kind["labels"]) == ("int64", ["elm", "oak"])
    assert (n["dtype"], n["max"], n["shape"]) == ("int64", seed, [])
    assert server.get(f"/datasets/{unique}").content == stored
    assert server.get(stored["links"]["self"]).content == stored


def test_the_same_numbers_are_the_same_dataset(server: Server, upload: Upload, seed: int) -> None:
    """The same data in another file."""
    stored = upload(f"x\n{seed}.0\n1.5\n")
    assert post(server, f"x\r\n{seed}e0\r\n1.50\r\n".encode(), CSV).status == 200
    again = post(server, npy([float(seed), 1.5]), BINARY)
    assert (again.status, again.content) == (200, stored)
    as_json = server.post("/datasets", {"x": [float(seed), 1.5]})
    assert (as_json.status, as_json.content) == (200, stored)


def test_rows_are_read(server: Server, upload: Upload, seed: int) -> None:
    """Rows back as arrays by column."""
    stored = upload(f"a,b c\n{seed},0.5\n2,1.5\n3,2.5\n")
    data = stored["links"]["data"]
    page = server.get(f"{data}?columns=b%20c,a&offset=0&limit=2").content
    assert page["columns"] == {"b c": [0.5, 1.5], "a": [seed, 2]}
    rest = server.get(f"{data}?columns=a&offset={page['next']}").content
    assert (rest["columns"], rest["next"]) == ({"a": [3]}, None)
    packed = server.get(f"{data}?columns=a&encoding=base64").content["columns"]["a"]
    assert struct.unpack("<3q", base64.b64decode(packed["base64"])) == (seed, 2, 3)


def test_datasets_are_listed(server: Server, upload: Upload, unique: str, seed: int) -> None:
    """Paging."""
    ids = [upload(f"a\n{seed}\n{i}\n", f"?name={unique}-{i}")["id"] for i in range(3)]
    first = server.get(f"/datasets?name={unique}&limit=2").content
    rest = server.get(f"/datasets?name={unique}&limit=2&after={first['next']}").content
    assert [d["id"] for d in first["datasets"] + rest["datasets"]] == ids
    assert rest["next"] is None


def test_what_is_deleted_is_gone(server: Server, upload: Upload, unique: str, seed: int) -> None:
    """“410 gone”."""
    id = upload(f"a\n{seed}\n", f"?name={unique}")["id"]
    assert server.send("DELETE", f"/datasets/{unique}").status == 204
    for path in (f"/datasets/{id}", f"/datasets/{id}/data"):
        assert server.get(path).status == 410
    assert server.get(f"/datasets/{unique}").status == 404
    assert upload(f"a\n{seed}\n")["id"] == id


def test_names_are_unique(server: Server, upload: Upload, unique: str, seed: int) -> None:
    """“409 conflict”."""
    upload(f"a\n{seed}\n", f"?name={unique}")
    assert post(server, f"b\n{seed}\n".encode(), CSV, f"?name={unique}").status == 409


@pytest.mark.parametrize(
    ("body", "kind", "query", "status", "expected"),
    [
        (b"a,b\n1\n", CSV, "", 422, ["/2"]),
        (b"a,a\n1,2\n", CSV, "", 422, ["/1/2"]),
        (b"a\n\xff\n", CSV, "", 422, ["/2"]),
        (b"a\n\x00\n", CSV, "", 422, ["/2"]),
        (b"", CSV, "", 422, [""]),
        (b"a\n1\n", CSV, "?columns=b", 422, ["/columns"]),
        (b"a\n1\n", CSV, "?name=a/b", 422, ["/name"]),
        (b"a\n1\n", CSV, "?colums=a", 422, ["/colums"]),
        (b'{"x": [1, "b"]}', "application/json", "", 422, ["/x/1"]),
        (b'{"x": [1', "application/json", "", 400, None),
        (b"a\n1\n", "text/plain", "", 415, None),
        (b"a\n1\n", BINARY, "", 415, None),
        (b"\x93NUMPY\x01\x00", BINARY, "", 422, [""]),
        (b"PK\x03\x04", BINARY, "", 422, [""]),
    ],
)
def test_refusals(server: Server, body: bytes, kind: str, query: str, status: int, expected: list[str] | None) -> None:
    """“All faults at once, each with a JSON Pointer”."""
    answer = post(server, body, kind, query)
    assert answer.status == status
    assert expected is None or pointers(answer.content) == expected
