"""Versions of parameters: brought, told, taken away in three formats, and what is refused."""

from __future__ import annotations

import io
import json
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy

from service.packed import pack
from tests.service.models.making import HELD, LINE, NOISY, SURFACE, line, stored
from tests.service.stores import Shop

NPZ = {"content-type": "application/x-npz"}
ZIP = {"content-type": "application/zip"}
SAFETENSORS = {"content-type": "application/octet-stream"}
KERNEL, BIAS = "/parameters/dense_1_kernel", "/parameters/dense_1_bias"
LONG = "/parameters/" + "x" * 100 + "…"
GIVEN = {"dense_1_kernel": np.array([[2.0]]), "dense_1_bias": np.array([1.0])}


def npz(**arrays: Any) -> bytes:
    """A file of numpy."""
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    return file.getvalue()


def zipped(**entries: bytes) -> bytes:
    """An archive with these contents."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(name + ".npy", content)
    return file.getvalue()


def tensors(header: dict[str, Any], data: bytes = b"") -> bytes:
    """A file of safetensors, by hand."""
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def test_the_initial_parameters_are_version_0(shop: Shop) -> None:
    content = stored(shop, SURFACE, name="surface")
    (only,) = shop.get("/models/surface/versions").json()["versions"]
    assert (only["version"], only["job"], only["summary"]) == (0, None, {})
    assert only["created"] == content["created"]
    assert shop.get(only["links"]["self"]).json() == only
    first = shop.get("/models/surface/parameters").json()
    assert (first["model"], first["version"], first["values"]) == (content["id"], 0, {})
    assert {name: np.shape(array) for name, array in first["parameters"].items()} == {
        "dense_1_kernel": (2, 3),
        "dense_1_bias": (3,),
        "dense_2_kernel": (3, 1),
        "dense_2_bias": (1,),
    }
    other = stored(shop, {**SURFACE, "seed": 2})
    assert shop.get(other["links"]["parameters"]).json()["parameters"] != first["parameters"]


def test_own_parameters_are_a_new_version(shop: Shop) -> None:
    id = line(shop, 2, 1)
    assert shop.get(f"/models/{id}").json()["versions"] == 2
    parameters = {"dense_1_kernel": pack(np.array([[3.0]])), "dense_1_bias": [0]}
    answered = shop.post(f"/models/{id}/versions", {"parameters": parameters})
    content = answered.json()
    assert (answered.status, content["version"]) == (201, 2)
    assert answered.headers["location"] == content["links"]["self"] == f"/models/{id}/versions/2"
    assert shop.get(content["links"]["self"]).json() == content
    for version, kernel in ((None, 3), (2, 3), (1, 2)):
        query = "" if version is None else f"?version={version}"
        assert shop.get(f"/models/{id}/parameters{query}").json()["parameters"]["dense_1_kernel"] == [[kernel]]
    listed = shop.get(f"/models/{id}/versions?limit=2").json()
    assert [each["version"] for each in listed["versions"]] == [0, 1]
    rest = shop.get(f"/models/{id}/versions?limit=2&after={listed['next']}").json()
    assert ([each["version"] for each in rest["versions"]], rest["next"]) == ([2], None)


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (npz(**GIVEN), NPZ),
        (npz(dense_1_kernel=np.array([[2]]), dense_1_bias=np.array([1], np.float16)), ZIP),
        (npz(dense_1_kernel=np.array([[2]], ">f4", order="F"), dense_1_bias=np.array([1], "u1")), NPZ),
        (safetensors.numpy.save(GIVEN), SAFETENSORS),
        (safetensors.numpy.save({k: v.astype(np.float32) for k, v in GIVEN.items()}), SAFETENSORS),
        (
            tensors(
                {
                    "dense_1_kernel": {"dtype": "BF16", "shape": [1, 1], "data_offsets": [0, 2]},
                    "dense_1_bias": {"dtype": "BF16", "shape": [1], "data_offsets": [2, 4]},
                },
                b"\x00\x40\x80\x3f",
            ),
            SAFETENSORS,
        ),
    ],
)  # fmt: skip
def test_parameters_come_as_files_of_several_types(shop: Shop, body: bytes, headers: dict[str, str]) -> None:
    id = stored(shop, LINE)["id"]
    answered = shop.post(f"/models/{id}/versions", body, headers)
    assert answered.status == 201, answered.body
    assert shop.post(f"/models/{id}/predict", {"x": [3]}).json()["prediction"] == [7]


def test_a_matrix_in_the_order_of_fortran_is_read_as_what_it_is(shop: Shop) -> None:
    id = stored(shop, SURFACE)["id"]
    given = {k: np.asarray(v) for k, v in shop.get(f"/models/{id}/parameters").json()["parameters"].items()}
    given["dense_1_kernel"] = np.asfortranarray(np.arange(6.0).reshape(2, 3))
    assert shop.post(f"/models/{id}/versions", npz(**given), NPZ).status == 201
    found = shop.get(f"/models/{id}/parameters").json()["parameters"]["dense_1_kernel"]
    assert found == [[0, 1, 2], [3, 4, 5]]


@pytest.mark.parametrize("query", ["?format=npz", "?format=safetensors"])
def test_a_parameter_may_be_called_as_an_option_of_numpy_is(shop: Shop, query: str) -> None:
    layer = {"type": "expr", "name": "allow", "expr": "x*pickle", "parameters": {"pickle": 3}}
    id = stored(shop, {**LINE, "layers": [layer]})["id"]
    taken = shop.get(f"/models/{id}/parameters{query}").body
    assert shop.post(f"/models/{id}/versions", taken, SAFETENSORS).status == 201
    assert shop.get(f"/models/{id}/parameters?version=1").json()["parameters"] == {"allow_pickle": 3}


@pytest.mark.parametrize("query", ["?format=npz", "?format=safetensors", ""])
def test_parameters_go_and_come_back_bit_by_bit(shop: Shop, query: str) -> None:
    held, id = stored(shop, HELD), line(shop, 0.1, -1e-300)
    for model in (held["id"], id):
        taken = shop.get(f"/models/{model}/parameters{query}")
        if query:
            form = query.removeprefix("?format=")
            assert taken.headers["content-disposition"].startswith(f'attachment; filename="{model}-')
            assert taken.headers["content-disposition"].endswith(f'.{form}"')
            headers = NPZ if form == "npz" else SAFETENSORS
            brought = shop.post(f"/models/{model}/versions", taken.body, headers)
        else:
            brought = shop.post(f"/models/{model}/versions", {"parameters": taken.json()["parameters"]})
        assert brought.status == 201, brought.body
        again = shop.get(f"/models/{model}/parameters").json()
        assert (
            again["parameters"] == shop.get(f"/models/{model}/parameters?version=0").json()["parameters"] or model == id
        )
        if model == id:
            assert again["parameters"] == {"dense_1_kernel": [[0.1]], "dense_1_bias": [-1e-300]}


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        ("application/x-npz", "application/x-npz"),
        ("application/octet-stream", "application/octet-stream"),
        ("application/json", "application/json"),
        ("*/*", "application/json"),
    ],
)
def test_the_header_accept_decides_too(shop: Shop, accept: str, media_type: str) -> None:
    id = stored(shop, LINE)["id"]
    assert shop.get(f"/models/{id}/parameters", accept=accept).headers["content-type"] == media_type
    packed = shop.get(f"/models/{id}/parameters?encoding=base64", accept=accept)
    if media_type == "application/json":
        assert packed.json()["parameters"]["dense_1_bias"] == pack(np.zeros(1))


def test_under_a_constraint_there_are_free_numbers_and_values(shop: Shop) -> None:
    id = stored(shop, HELD)["id"]
    told = shop.get(f"/models/{id}/parameters").json()
    assert told["values"]["dense_1_kernel"][0][0] == pytest.approx(1, rel=1e-15)
    assert told["parameters"]["dense_1_kernel_free"][0][0] == pytest.approx(np.log(np.e - 1), rel=1e-15)
    brought = {"dense_1_kernel": [[3]], "dense_1_bias": [0]}
    assert shop.post(f"/models/{id}/versions", {"parameters": brought}).status == 201
    assert shop.post(f"/models/{id}/predict", {"x": [1]}).json()["prediction"][0] == pytest.approx(3, rel=1e-15)
    brought = {"dense_1_kernel": [[-3]], "dense_1_bias": [0]}
    answered = shop.post(f"/models/{id}/versions", {"parameters": brought})
    assert (answered.name, answered.pointers) == ("invalid-request", ["/parameters/dense_1_kernel"])
    assert "constraint" in answered.problem["detail"]


@pytest.mark.parametrize(
    ("content", "pointers"),
    [
        ({}, ["/parameters"]),
        ([], [""]),
        ({"parameters": []}, ["/parameters"]),
        ({"parameters": None}, ["/parameters"]),
        ({"parameters": {}}, ["/parameters", "/parameters"]),
        ({"parameters": {"dense_1_kernel": [[1]]}}, ["/parameters"]),
        ({"parameters": {"dense_1_kernel": [1], "dense_1_bias": 1}}, [BIAS, KERNEL]),
        ({"parameters": {"dense_1_kernel": [["NaN"]], "dense_1_bias": [1]}}, ["/parameters/dense_1_kernel"]),
        ({"parameters": {"dense_1_kernel": [["1"]], "dense_1_bias": [True]}}, [BIAS, f"{KERNEL}/0/0"]),
        ({"parameters": {"dense_1_kernel": [[1]], "dense_1_bias": [1], "a~/": 1}}, ["/parameters/a~0~1"]),
        ({"parameters": {"dense_1_kernel": [[1]], "dense_1_bias": [1], "x" * 5000: 1}}, [LONG]),
        ({"parameters": {"dense_1_kernel": [[1]], "dense_1_bias": [1]}, "job": "j"}, ["/job"]),
    ],
)  # fmt: skip
def test_what_is_no_version_is_refused(shop: Shop, content: Any, pointers: list[str]) -> None:
    id = stored(shop, LINE)["id"]
    answered = shop.post(f"/models/{id}/versions", content)
    assert (answered.status, answered.name) == (422, "invalid-request"), answered.body
    assert sorted(answered.pointers) == pointers
    assert shop.get(f"/models/{id}").json()["versions"] == 1


class _Evil:
    def __reduce__(self) -> tuple[Any, ...]:
        return (pytest.fail, ("a pickle was opened",))


HUGE = (
    b"\x93NUMPY\x01\x00"
    + struct.pack("<H", 70)
    + b"{'descr': '<f8', 'fortran_order': False, 'shape': (10000000000000,), }"
)


@pytest.mark.parametrize(
    ("body", "headers", "pointers"),
    [
        (b"", SAFETENSORS, [""]),
        (b"PK\x03\x04", NPZ, [""]),
        (b"PK\x05\x06" + b"\0" * 18, NPZ, ["", ""]),
        (npz(**GIVEN)[:-30], NPZ, [""]),
        (zipped(dense_1_kernel=HUGE.replace(b"NUMPY", b"NUMPI")), NPZ, [""]),
        (npz(dense_1_kernel=np.array([[2.0]])), NPZ, [""]),
        (npz(**GIVEN, extra=np.zeros(3)), NPZ, ["/extra"]),
        (npz(dense_1_kernel=np.zeros((1, 2)), dense_1_bias=np.array([np.nan])), NPZ, ["/dense_1_kernel"]),
        (npz(dense_1_kernel=np.array([[2j]]), dense_1_bias=np.zeros(1)), NPZ, ["/dense_1_kernel"]),
        (npz(dense_1_kernel=np.array([[_Evil()]], dtype=object), dense_1_bias=np.zeros(1)), NPZ, ["/dense_1_kernel"]),
        (zipped(dense_1_kernel=HUGE, dense_1_bias=HUGE), NPZ, ["/dense_1_bias", "/dense_1_kernel"]),
        (zipped(dense_1_kernel=b"\0" * 50_000_000, dense_1_bias=b""), NPZ, None),
        (zipped(dense_1_kernel=b"", dense_1_bias=b"\x93NUMPY\x01\x00\xff\xff{}"), NPZ, [""]),
        (zipped(**{f"{'../' * 9}etc/passwd": b"x"}), NPZ, None),
        (safetensors.numpy.save({**GIVEN, "dense_1_bias": np.zeros(1, np.bool_)}), SAFETENSORS, ["/dense_1_bias"]),
        (safetensors.numpy.save({"a": np.zeros(3)}), SAFETENSORS, ["/a"]),
        (struct.pack("<Q", 2**62) + b"{}", SAFETENSORS, [""]),
        (tensors({"a": {"dtype": "F64", "shape": [2**40], "data_offsets": [0, 8]}}, b"\0" * 8), SAFETENSORS, [""]),
        (tensors({"a": {"dtype": "F64", "shape": [1], "data_offsets": [0, 2**60]}}), SAFETENSORS, [""]),
    ],
)  # fmt: skip
def test_files_that_are_none_are_refused(
    shop: Shop, body: bytes, headers: dict[str, str], pointers: list[str] | None
) -> None:
    id = stored(shop, LINE)["id"]
    answered = shop.post(f"/models/{id}/versions", body, headers)
    assert (answered.status, answered.name) == (422, "invalid-request"), answered.body
    assert pointers is None or sorted(answered.pointers) == pointers
    assert len(answered.body) < 3000
    assert shop.get(f"/models/{id}").json()["versions"] == 1


def test_other_types_and_large_bodies_are_refused(tmp_path: Path) -> None:
    shop = Shop(tmp_path, body_bytes=2000, model_parameters=1000)
    id = stored(shop, LINE)["id"]
    assert shop.post(f"/models/{id}/versions", b"{}", {"content-type": "text/csv"}).name == "unsupported-media-type"
    assert shop.post(f"/models/{id}/versions", b" " * 2001).problem["limit"]["name"] == "body_bytes"
    large = shop.post(f"/models/{id}/versions", b" " * 2_000_000, SAFETENSORS)
    assert (large.status, large.problem["limit"]["name"]) == (413, "model_parameters")


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("versions/1", 404),
        ("versions/x", 422),
        ("versions/-1", 422),
        ("versions/99999999999999999999", 422),
        ("parameters?version=1", 404),
        ("parameters?version=-1", 422),
        ("parameters?format=xml", 422),
    ],
)
def test_versions_that_are_not_there(shop: Shop, path: str, status: int) -> None:
    id = stored(shop, LINE)["id"]
    assert shop.get(f"/models/{id}/{path}").status == status


def test_limits_of_versions_hold(tmp_path: Path) -> None:
    shop = Shop(tmp_path, model_versions=1)
    id = line(shop, 2, 1)
    body = {"parameters": {"dense_1_kernel": [[1]], "dense_1_bias": [1]}}
    answered = shop.post(f"/models/{id}/versions", body)
    assert answered.problem["limit"] == {"name": "model_versions", "value": 1, "given": 2}
    full = Shop(tmp_path, model_bytes=200).post(f"/models/{id}/versions", body)
    assert full.problem["limit"]["name"] == "model_bytes"
    small = Shop(tmp_path, answer_bytes=1024)
    wide = stored(small, {**LINE, "input": {"shape": [60]}})
    refused = small.get(wide["links"]["parameters"])
    assert (refused.name, refused.problem["limit"]["name"]) == ("limit-exceeded", "answer_bytes")
    assert small.get(wide["links"]["parameters"] + "?format=npz").status == 200


def test_states_are_brought_with_the_rest(shop: Shop) -> None:
    id = stored(shop, NOISY)["id"]
    parameters = shop.get(f"/models/{id}/parameters").json()["parameters"]
    assert len(parameters) == 6
    answered = shop.post(f"/models/{id}/versions", {"parameters": parameters})
    assert answered.status == 201
