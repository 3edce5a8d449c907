"""CSV: what becomes of each kind of column, and where the faults are said to be."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.service.datasets.uploading import BINARY, CSV, Depot, npy


def types(content: dict[str, Any]) -> list[str]:
    """Names and types of the columns."""
    return [f"{c['name']} {'text' if 'labels' in c else c['dtype']}" for c in content["columns"]]


def values(depot: Depot, body: bytes | str, query: str = "") -> list[Any]:
    """The columns of a file as they come back."""
    content = depot.kept(body, CSV, query)
    return list(depot.get(f"/datasets/{content['id']}/data?limit=1000").json()["columns"].values())


@pytest.mark.parametrize(
    ("fields", "dtype", "expected"),
    [
        (["1", "-2", "+3"], "int64", [1, -2, 3]),
        (["1", "2.0"], "float64", [1.0, 2.0]),
        (["1.", ".5", "1e3", "-1E-2"], "float64", [1.0, 0.5, 1000.0, -0.01]),
        (["9223372036854775807", "-9223372036854775808"], "int64", [2**63 - 1, -(2**63)]),
        (["99999999999999999999", "1.5"], "float64", [1e20, 1.5]),
        ([" 1 ", "2"], "int64", [1, 2]),
        (["007", "08"], "int64", [7, 8]),
        (["1", "", "3"], "float64", [1, "NaN", 3]),
        (["1", "NA", "N/A", "NaN", "nan", "null", "NULL"], "float64", [1] + ["NaN"] * 6),
        (["inf", "-Infinity", "1"], "float64", ["Infinity", "-Infinity", 1]),
        (["true", "FALSE", "True"], "bool", [True, False, True]),
        (["true", "", "false"], "float64", [1, "NaN", 0]),
        (["NA", "", "NA"], "float64", ["NaN"] * 3),
        (["-0.0", "0"], "float64", [-0.0, 0.0]),
        (["b", "a", "b"], "text", [1, 0, 1]),
        (["1", "x", ""], "text", [1, 2, 0]),
        (["true", "1"], "text", [1, 0]),
        (["1_0", "2"], "text", [0, 1]),
        (["٣", "4"], "text", [1, 0]),
        (["0x10", "1"], "text", [0, 1]),
        (["1 2", "3"], "text", [0, 1]),
        (["1" * 5000, "2"], "text", None),
    ],
)  # fmt: skip
def test_what_a_column_is(depot: Depot, fields: list[str], dtype: str, expected: list[Any] | None) -> None:
    body = "k,v\n" + "".join(f"{i},{field}\n" for i, field in enumerate(fields))
    answered = depot.upload(body)
    if expected is None:
        # Python would need a minute for such a number; as a text it is too long for a label.
        assert (answered.status, answered.name) == (422, "invalid-request")
        return
    assert types(answered.json()) == ["k int64", f"v {dtype}"]
    found = values(depot, body)[1]
    assert json.dumps(found) == json.dumps([float(v) if dtype == "float64" and v != str(v) else v for v in expected])


def test_a_column_is_what_all_of_its_rows_are(depot: Depot) -> None:
    """The reading is in blocks; what a column is may turn out in the last one."""
    rows = [f"{i},{i},{i},true," for i in range(70_000)]
    rows[-1] = "1,0.5,oak,,7"
    content = depot.kept("a,b,c,d,e\n" + "\n".join(rows), CSV, "?columns=a,b,d,e")
    assert types(content) == ["a int64", "b float64", "d float64", "e float64"]
    assert [c["missing"] for c in content["columns"]] == [0, 0, 1, 69_999]
    refused = depot.upload("c\n" + "\n".join(row.split(",")[2] for row in rows))
    assert refused.problem["limit"]["name"] == "dataset_labels"
    assert "because of 'oak' in line 70001" in refused.problem["detail"]


@pytest.mark.parametrize(
    ("body", "query", "names"),
    [
        ("a,b\n1,2\n", "", ["a int64", "b int64"]),
        ("1,2\n3,4\n", "", ["x1 int64", "x2 int64"]),
        ("a,2\n3,4\n", "", ["x1 text", "x2 int64"]),
        ("2019,2020\n1,2\n", "?header=true", ["x_2019 int64", "x_2020 int64"]),
        ("a,b\nc,d\n", "?header=false", ["x1 text", "x2 text"]),
        (",a\n0,1\n", "", ["x1 int64", "a int64"]),
        ("a b,a_b,a-b\n1,2,3\n", "", ["a_b_2 int64", "a_b int64", "a_b_3 int64"]),
        ("größe (m),%\n1,2\n", "", ["größe_m int64", "x2 int64"]),
        ("a;b\n1;2\n", "", ["a int64", "b int64"]),
        ("a\tb\n1\t2\n", "", ["a int64", "b int64"]),
        ("a;b\n1,5;2\n", "", ["a text", "b int64"]),
        ("a;b\n1;2\n", "?delimiter=comma", ["a_b text"]),
        ("a;b,c\n1;2,3\n", "?delimiter=%3B", ["a int64", "b_c text"]),
        ('a,b\n"x;y",1\n"z",2\n', "", ["a text", "b int64"]),
        ("\ufeffa,b\r\n1,2\r\n", "", ["a int64", "b int64"]),
        ('"a ""b""",c\n1,2', "", ["a_b int64", "c int64"]),
        ("\n\na,b\n\n1,2\n\n", "", ["a int64", "b int64"]),
        ('a,"b\nc"\n1,2\n', "", ["a int64", "b_c int64"]),
        ("a,b,c\n1,2,3\n", "?columns=c,a", ["c int64", "a int64"]),
        ("a,'b c',\"d, e\"\n1,2,3\n", '?columns=%22d,%20e%22,a', ["d_e int64", "a int64"]),
        ("a,b c\n1,2\n", "?columns=b%20c", ["b_c int64"]),
        ("a,b c\n1,2\n", "?columns=b_c&columns=a", ["b_c int64", "a int64"]),
    ],
)  # fmt: skip
def test_headers_and_delimiters(depot: Depot, body: str, query: str, names: list[str]) -> None:
    assert types(depot.kept(body, CSV, query)) == names


def test_what_is_told_of_a_column(depot: Depot) -> None:
    content = depot.kept("sepal length (cm),species,ok\n5.5,setosa,true\n,iris,false\n6.5,setosa,true\n")
    length, species, ok = content["columns"]
    assert length == {
        "name": "sepal_length_cm",
        "header": "sepal length (cm)",
        "dtype": "float64",
        "rows": 3,
        "shape": [],
        "missing": 1,
        "min": 5.5,
        "max": 6.5,
        "mean": 6.0,
    }
    labels = ["iris", "setosa"]
    assert species == {"name": "species", "dtype": "int64", "rows": 3, "shape": [], "labels": labels}
    assert (ok["min"], ok["max"], ok["mean"], ok["missing"]) == (False, True, 2 / 3, 0)
    assert (content["rows"], content["bytes"]) == (3, 3 * 8 + 3 * 8 + 3)


@pytest.mark.parametrize(
    ("body", "pointers", "said"),
    [
        ("", [""], "empty"),
        ("\n\r\n\n", [""], "empty lines"),
        ("a,b\n", [""], "nothing below"),
        ("a,a\n1,2\n", ["/1/2"], "column 1 already"),
        ("a,b\n1\n1,2\n1,2,3\n", ["/2", "/4"], "line 2: There is one field"),
        ('a,b\n1,2\n"3\n",4,5\n', ["/3"], "line 3"),
        ('a,b\n1,2\n"3,4\n', ["/3"], "never closed"),
        ('a,b\n1,2\n"3"x,4\n', ["/3"], "closing quote"),
        ("a,b\r1,2\r", ["/1"], "carriage return"),
        (b"a,b\n1,\xff2\n", ["/2"], "line 2: The character at 3 is not UTF-8: the byte 0xff"),
        ("a,ä\n1,2\n".encode("latin-1"), ["/1"], "not UTF-8"),
        ("a,b\n1,2\n".encode("utf-16"), ["/1"], "UTF-16"),
        (b"a,b\n1,\x002\n", ["/2"], "byte 0"),
        (b"\x00" * 1000, ["/1"], "byte 0"),
        (npy([1.0]), ["/1"], "numpy"),
        ("a,b\n1,2\n3,9223372036854775808\n", ["/3/2"], "int64"),
        ('a\n"' + "x" * 5_000_000, ["/2"], "longer than"),
        ("x" * 5_000_000, ["/1"], "longer than"),
        ('a\n"' + "\n" * 200_000 + '"', ["/2"], "never closed"),
        ('a,b\n' + '"\n",' * 2_000_000, None, "longer than"),
        ("a\n" + "x" * 201 + "\n", ["/a"], "200 characters"),
        ("x" * 201 + "\n1\n", ["/1/1"], "200 characters"),
        ("ﬁ,fi\n1,2\n", ["/fi"], "same name"),
    ],
)  # fmt: skip
def test_faults_are_said_with_their_lines(
    depot: Depot, body: bytes | str, pointers: list[str] | None, said: str
) -> None:
    answered = depot.upload(body)
    assert (answered.status, answered.name) == (422, "invalid-request")
    assert pointers is None or answered.pointers == pointers
    assert said in answered.problem["detail"]
    assert len(answered.body) < 2000
    assert depot.files() == []


def test_not_all_of_many_faults_are_told(depot: Depot) -> None:
    answered = depot.upload("a,b\n" + "1\n" * 100_000)
    assert len(answered.pointers) == 100
    assert answered.pointers[-1] == "/101"


@pytest.mark.parametrize(
    ("settings", "body", "limit"),
    [
        ({"dataset_rows": 3}, "a\n1\n2\n3\n4\n", "dataset_rows"),
        ({"dataset_columns": 2}, "a,b,c\n1,2,3\n", "dataset_columns"),
        ({"dataset_labels": 2}, "a\nx\ny\nz\n", "dataset_labels"),
        ({"dataset_labels": 2}, "a,b\nx,y\nz,u\n", "dataset_labels"),
        ({"dataset_bytes": 1024}, "a\n" + "1\n" * 200, "dataset_bytes"),
        ({}, ",".join(f"c{i}" for i in range(100_000)), "dataset_columns"),
        ({}, "1," * 100_000, "dataset_columns"),
    ],
)
def test_limits(tmp_path: Any, settings: dict[str, int], body: str, limit: str) -> None:
    depot = Depot(tmp_path, **settings)
    answered = depot.upload(body)
    assert (answered.status, answered.name) == (422, "limit-exceeded")
    assert answered.problem["limit"]["name"] == limit
    assert depot.files() == []


def test_as_many_as_are_allowed(tmp_path: Any) -> None:
    depot = Depot(tmp_path, dataset_rows=3, dataset_columns=2, dataset_labels=2)
    assert depot.upload("a,b\n1,x\n2,y\n3,x\n").status == 201


def test_reading_ends_in_time(tmp_path: Any) -> None:
    depot = Depot(tmp_path, dataset_seconds=0.05)
    answered = depot.upload("a,b\n" + "1.25,x\n" * 2_000_000)
    assert (answered.status, answered.name) in ((422, "budget-exceeded"), (503, "overloaded"))
    assert depot.files() == []


def test_other_files_are_told_from_csv(depot: Depot) -> None:
    answered = depot.upload("a,b\n1,2\n", BINARY)
    assert (answered.status, answered.name) == (415, "unsupported-media-type")
    assert "text/csv" in answered.problem["hint"]
