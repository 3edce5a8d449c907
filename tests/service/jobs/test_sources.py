"""Which columns of a dataset are the examples."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from service.datasets.library import Datasets
from service.jobs.sources import Source, selected

HEADERS: dict[str, str | None] = {"a": None, "petal_width": "petal width", "kind": None, "w": None, "y": None}


class Library:
    """A dataset of columns whose numbers are their places; `kind` is one of texts."""

    def get(self, reference: str) -> Any:
        columns = [
            SimpleNamespace(name=name, header=header, labels=["x"] if name == "kind" else None)
            for name, header in HEADERS.items()
        ]
        return SimpleNamespace(columns=columns)

    def matrix(self, reference: str, names: Sequence[str]) -> Any:
        return np.stack([self.arrays(reference, [name])[name] for name in names], axis=1)

    def arrays(self, reference: str, names: Sequence[str]) -> Any:
        return {name: np.array([float(list(HEADERS).index(name))]) for name in names}


@pytest.mark.parametrize(
    ("columns", "x"),
    [
        pytest.param({}, [[0, 1, 3]], id="all numbers but y, where there is no weight"),
        pytest.param({"weight": "w"}, [[0, 1]], id="nor the weight"),
        pytest.param({"y": "a", "weight": "w"}, [[1, 4]], id="another y"),
        pytest.param({"y": ["a", "w"]}, [[1, 4]], id="a y of several columns"),
        pytest.param({"x": ["w", "a"]}, [[3, 0]], id="those that are named, in that order"),
        pytest.param({"x": "w"}, [3], id="one that is named"),
    ],
)
def test_columns_of_x(columns: dict[str, Any], x: Any) -> None:
    found = selected(cast(Datasets, Library()), Source({}, "data", columns))
    assert found["x"].tolist() == x
    assert set(found) == {"x", "y", *columns}


def test_y_by_its_header_is_no_column_of_x() -> None:
    library = Library()
    library.arrays = lambda reference, names: {name: np.zeros(1) for name in names}  # type: ignore[method-assign]
    found: list[Sequence[str]] = []

    def matrix(reference: str, names: Sequence[str]) -> Any:
        found.append(names)
        return np.zeros((1, len(names)))

    library.matrix = matrix  # type: ignore[method-assign]
    selected(cast(Datasets, library), Source({}, "data", {"y": "petal width"}))
    assert found == [["a", "w", "y"]]
