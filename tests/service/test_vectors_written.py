"""Golden vectors as text: the spelling of numbers."""

from __future__ import annotations

import csv
import io

import numpy as np

from engine.checking.vectors import Vectors
from service.vectors_written import as_csv
from tests.service.asgi import Client


def test_numbers_that_are_not_finite_are_spelt_as_in_json() -> None:
    x = np.array([1.0, 2.0, 3.0])
    grad = np.array([np.inf, -np.inf, np.nan])
    found = Vectors({"x": x}, x, {"x": grad}, {"": x, "x": x}, ["random"] * 3, np.array([True, True, False]))
    rows = list(csv.DictReader(io.StringIO(as_csv(found).decode())))
    assert [row["grad.x"] for row in rows] == ["Infinity", "-Infinity", "NaN"]
    assert [row["at.x"] for row in rows] == ["1.0", "2.0", "3.0"]


def test_an_infinite_slope_is_spelt_alike_in_json_and_csv(client: Client) -> None:
    asked = {"expr": "sqrt(x)", "domain": {"x": [0, 1]}, "count": 1}
    in_json = client.post("/vectors", asked).json()["vectors"]
    text = client.post("/vectors", {**asked, "format": "csv"}).body.decode()
    in_csv = [row["grad.x"] for row in csv.DictReader(io.StringIO(text))]
    assert "Infinity" in in_csv
    assert [v["grad"]["x"] for v in in_json if v["grad"]["x"] == "Infinity"] == [n for n in in_csv if n == "Infinity"]
