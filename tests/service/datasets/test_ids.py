"""The same numbers have the same id, whatever file they come in."""

from __future__ import annotations

import io
import json
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from engine.limits import Budget
from service.datasets.options import Options
from service.datasets.table import Table, content_id
from service.datasets.uploads import BINARY, CSV, JSON, read
from service.packed import pack
from service.settings import Settings
from tests.service.datasets.uploading import csv_text, npy, npz

NAMES = st.lists(st.from_regex(r"[a-zA-Z_][a-zA-Z0-9_]{0,8}", fullmatch=True), min_size=1, max_size=4, unique=True)
LABELS = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Z")), min_size=1, max_size=5)


def read_bytes(body: bytes, kind: str, **options: Any) -> Table:
    """The dataset of a body."""
    return read(io.BytesIO(body), kind, Options(**options), Settings(), Budget.starting_now(60))


@st.composite
def columns(draw: st.DrawFn) -> dict[str, Any]:
    """Columns of numbers and booleans with the same number of rows."""
    rows = draw(st.integers(1, 8))
    kinds = {
        "f8": st.floats(allow_subnormal=True),
        "i8": st.integers(-(2**63), 2**63 - 1),
        "?": st.booleans(),
    }
    found = {}
    for name in draw(NAMES):
        kind = draw(st.sampled_from(sorted(kinds)))
        found[name] = draw(arrays(np.dtype(kind), rows, elements=kinds[kind]))
    return found


@given(columns(), st.sampled_from([",", ";", "\t"]), st.booleans())
@settings(max_examples=150, deadline=None)
def test_columns_in_any_file(given: dict[str, Any], delimiter: str, compressed: bool) -> None:
    records = np.empty(len(next(iter(given.values()))), dtype=[(name, a.dtype) for name, a in given.items()])
    for name, array in given.items():
        records[name] = array
    rows = list(zip(*(array.tolist() for array in given.values()), strict=True))
    text = csv_text([list(given), *rows]).replace(",", delimiter)
    tables = [
        read_bytes(npz(compressed, **given), BINARY[0]),
        read_bytes(npy(records), BINARY[0]),
        read_bytes(json.dumps({name: pack(array) for name, array in given.items()}).encode(), JSON),
        read_bytes(text.encode(), CSV, header=True, delimiter=delimiter),
    ]
    # A column whose numbers are all missing is no less one of float64.
    assert {content_id(table) for table in tables} == {content_id(tables[0])}
    for table in tables:
        assert [column.array.dtype for column in table.columns] == [array.dtype for array in given.values()]
        for column, array in zip(table.columns, given.values(), strict=True):
            assert np.array_equal(column.array, array, equal_nan=array.dtype.kind == "f")


@given(arrays(np.float64, st.tuples(st.integers(1, 6), st.integers(1, 4))), st.booleans())
@settings(max_examples=100, deadline=None)
def test_a_matrix_without_names(matrix: Any, fortran: bool) -> None:
    as_npy = read_bytes(npy(np.asfortranarray(matrix) if fortran else matrix), BINARY[0])
    as_csv = read_bytes(csv_text(matrix.tolist()).encode(), CSV, header=False)
    assert content_id(as_npy) == content_id(as_csv)


@given(arrays(np.float64, st.tuples(st.integers(1, 4), st.integers(1, 3), st.integers(1, 3))))
@settings(max_examples=50, deadline=None)
def test_arrays_of_more_dimensions(array: Any) -> None:
    body = json.dumps({"x": array.tolist()}).replace("NaN", '"NaN"').replace("Infinity", '"Infinity"')
    as_json = read_bytes(body.replace('-"Infinity"', '"-Infinity"').encode(), JSON)
    assert content_id(as_json) == content_id(read_bytes(npy(array), BINARY[0]))


@given(st.lists(LABELS, min_size=1, max_size=8))
@settings(max_examples=100, deadline=None)
def test_texts(texts: list[str]) -> None:
    texts = ["a", *texts]
    quoted = "".join('"' + text.replace('"', '""') + '"\n' for text in ["x", *texts])
    tables = [
        read_bytes(npy(np.array(texts)), BINARY[0]),
        read_bytes(json.dumps({"x": texts}).encode(), JSON),
        read_bytes(quoted.encode(), CSV, header=True, delimiter=","),
    ]
    assert {content_id(table) for table in tables} == {content_id(tables[0])}
    (column,) = tables[0].columns
    assert column.labels == tuple(sorted(set(texts)))
    assert [column.labels[code] for code in column.array] == texts
