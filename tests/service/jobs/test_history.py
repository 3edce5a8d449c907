"""Histories: packed and unpacked bit for bit, cut, and told as JSON, lines, CSV and events."""

from __future__ import annotations

import csv
import io
import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.optimise.track import Row
from service.jobs.history import History, packed, unpacked
from service.jobs.job import Entry, Job, Progress
from service.jobs.shelf import Chunk
from service.jobs.telling import Told, state_event, told
from service.serialise import json_bytes
from service.times import written
from tests.service.jobs.making import job_of, rows_of, told_of

SPECIAL = (math.nan, math.inf, -math.inf, -0.0, 5e-324, 2.2250738585072014e-308, 1e-5, 1e16, 1e22, 0.1, -1.5)
numbers = st.one_of(st.floats(width=64), st.sampled_from(SPECIAL))
COLUMNS = ("start", "step", "value", "grad_norm", "rate")


def _chunk(history: History) -> Chunk:
    return Chunk(history.first, len(history), packed(history))


def _bits(history: History) -> list[Any]:
    columns = [getattr(history, name).tobytes() for name in COLUMNS]
    kept = None if history.variables is None else (history.variables.shape, history.variables.tobytes())
    return [history.first, *columns, kept]


@given(st.data(), st.integers(1, 6), st.integers(1, 4), st.booleans(), st.integers(0, 2**40))
def test_rows_come_back_bit_for_bit(data: Any, count: int, size: int, keep: bool, first: int) -> None:
    rows = [
        Row(
            data.draw(st.integers(0, 2**40)),
            data.draw(st.integers(0, 2**53)),
            data.draw(numbers),
            data.draw(numbers),
            data.draw(numbers),
            np.array(data.draw(st.lists(numbers, min_size=size, max_size=size))),
        )
        for _ in range(count)
    ]
    history = History.of(first, rows, keep)
    assert (history.variables is not None) == keep
    assert _bits(unpacked(_chunk(history), first, count)) == _bits(history)


def test_the_payload_of_a_nan_is_kept() -> None:
    odd = np.array([0x7FF8_0000_0000_1234, 0xFFF8_0000_0000_0001], dtype="<u8").view("<f8")
    history = History.of(0, [Row(0, i, float(odd[i]), math.nan, -0.0, odd) for i in range(2)], True)
    assert _bits(unpacked(_chunk(history), 0, 2)) == _bits(history)


@pytest.mark.parametrize("keep", [False, True])
@pytest.mark.parametrize("begin", [0, 9, 10, 11, 13, 14, 15, 100])
@pytest.mark.parametrize("limit", [0, 1, 3, 100])
def test_parts(keep: bool, begin: int, limit: int) -> None:
    history = rows_of(10, 5, 2, keep)
    part = unpacked(_chunk(history), begin, limit)
    steps = list(range(10, 15))[max(begin - 10, 0) :][:limit]
    assert part.step.tolist() == steps
    assert part.value.tolist() == [step + 0.5 for step in steps]
    assert _bits(part) == _bits(history.part(begin, limit))
    assert not steps or part.first == steps[0]
    assert (part.variables is not None) == keep
    if part.variables is not None:
        assert part.variables.tolist() == [[step, step] for step in steps]
    # What was cut can be packed again.
    assert _bits(unpacked(_chunk(part), part.first, 100)) == _bits(part)


def test_no_chunk_is_no_rows() -> None:
    nothing = unpacked(None, 7, 10)
    assert (len(nothing), nothing.first, nothing.variables) == (0, 7, None)


def test_columns() -> None:
    columns = Told(job_of()).columns(rows_of(4, 2))
    assert columns == {
        "index": [4, 5],
        "step": [4, 5],
        "value": [4.5, 5.5],
        "grad_norm": [4.25, 5.25],
        "learning_rate": [4.125, 5.125],
    }
    assert list(columns) == ["index", "step", "value", "grad_norm", "learning_rate"]


def test_columns_of_several_starts_without_norms() -> None:
    rows = [Row(1, 0, 1.0, 2.0, math.nan, np.zeros(1)), Row(0, 3, 4.0, 5.0, 6.0, np.zeros(1))]
    writing = Told(job_of(told=told_of(2, False)))
    history = History.of(7, rows, False)
    assert writing.columns(history) == {
        "index": [7, 8],
        "start": [1, 0],
        "step": [0, 3],
        "value": [1.0, 4.0],
        "learning_rate": [None, 6.0],
    }
    assert writing.head() == b"index,start,step,value,learning_rate\r\n"
    assert writing.csv(history) == b"7,1,0,1.0,\r\n8,0,3,4.0,6.0\r\n"


def test_variables_have_their_shapes() -> None:
    job = job_of(told=told_of(s=[], v=[2], m=[2, 3]))
    rows = [Row(0, i, 0.0, 0.0, 0.0, np.arange(9.0) + 10 * i) for i in range(2)]
    history = History.of(0, rows, True)
    columns = Told(job).columns(history)
    assert columns["variables"] == {
        "s": [0, 10],
        "v": [[1, 2], [11, 12]],
        "m": [[[3, 4, 5], [6, 7, 8]], [[13, 14, 15], [16, 17, 18]]],
    }
    second = list(Told(job).rows(history))[1]
    assert second["variables"] == {"s": 10, "v": [11, 12], "m": [[13, 14, 15], [16, 17, 18]]}
    assert b"variables" not in Told(job).csv(history) + Told(job).head()


def test_lines_are_json_with_a_row_each() -> None:
    rows = [Row(0, i, value, value, value, np.array([value])) for i, value in enumerate(SPECIAL)]
    history = History.of(0, rows, True)
    text = Told(job_of()).lines(history)
    assert text.endswith(b"\n")
    lines = text[:-1].split(b"\n")
    assert len(lines) == len(SPECIAL)
    assert json.loads(lines[0]) == {
        "index": 0,
        "step": 0,
        "value": "NaN",
        "grad_norm": "NaN",
        "learning_rate": None,
        "variables": {"x": "NaN"},
    }
    found = [json.loads(line) for line in lines]
    assert [row["value"] for row in found[1:3]] == ["Infinity", "-Infinity"]
    for row, value in list(zip(found, SPECIAL, strict=True))[3:]:
        assert str(row["value"]) == str(row["variables"]["x"]) == str(value)


def test_csv_has_the_same_numbers() -> None:
    rows = [Row(0, i, value, value, value, np.zeros(1)) for i, value in enumerate(SPECIAL)]
    history = History.of(0, rows, False)
    writing = Told(job_of())
    read = list(csv.DictReader(io.StringIO((writing.head() + writing.csv(history)).decode(), newline="")))
    assert [row["index"] for row in read] == [str(i) for i in range(len(SPECIAL))]
    assert [read[i]["value"] for i in range(3)] == ["NaN", "Infinity", "-Infinity"]
    assert (read[0]["learning_rate"], read[1]["learning_rate"]) == ("", "Infinity")
    for row, value in list(zip(read, SPECIAL, strict=True))[3:]:
        assert str(float(row["value"])) == str(float(row["grad_norm"])) == str(value)


def test_events_have_their_index_as_id() -> None:
    events = Told(job_of()).events(rows_of(8, 2))
    assert events[0].decode().split("\n") == [
        "event: step",
        "id: 8",
        'data: {"index":8,"step":8,"value":8.5,"grad_norm":8.25,"learning_rate":8.125}',
        "",
        "",
    ]
    assert events[1].startswith(b"event: step\nid: 9\n")


def test_the_event_of_a_state_is_the_job_on_one_line() -> None:
    job = job_of(story=(Entry(1, "Posted", "two\nlines"),), progress=Progress(1, math.nan, None, 2))
    kind, data, *rest = state_event(job).decode().split("\n")
    assert (kind, rest) == ("event: state", ["", ""])
    content = json.loads(data.removeprefix("data: "))
    assert content["story"][0]["detail"] == "two\nlines"
    assert (content["progress"]["value"], content["progress"]["best"]) == ("NaN", None)


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [
        (0, "1970-01-01T00:00:00.000Z"),
        (1_700_000_000_007, "2023-11-14T22:13:20.007Z"),
        (1_709_164_799_999, "2024-02-28T23:59:59.999Z"),
    ],
)
def test_times(milliseconds: int, text: str) -> None:
    assert written(milliseconds) == text


@pytest.mark.parametrize("state", ["queued", "running", "cancelled"])
def test_a_job_is_told(state: Any) -> None:
    job: Job = job_of(state=state, cancelling=5, started=None if state == "queued" else 6)
    content = told(job, waiting=3 if state == "queued" else None)
    assert content["cancelling"] is (state != "cancelled")
    assert content["queue_position"] == (3 if state == "queued" else None)
    assert (content["started"] is None) == (state == "queued")
    assert content["links"]["self"] == "/jobs/job_a"
    # What every job has is told under its own name, and nothing internal is.
    assert not {"owner", "lease", "losses", "number", "revision", "told"} & set(content)
    assert json.loads(json_bytes(content)) == json.loads(json.dumps(content))
