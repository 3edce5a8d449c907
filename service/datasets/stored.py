"""A dataset as it is told of: what is known of its columns without reading them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.question import Array
from service.datasets.table import Column, Table


@dataclass(frozen=True, slots=True)
class Described:
    """A column: its type, and what is in it.  `shape` is that of the whole array.

    `statistics` are `missing`, `min`, `max` and `mean` as they are written; `labels` those of a column of texts.
    """

    name: str
    header: str | None
    dtype: str
    shape: tuple[int, ...]
    statistics: Mapping[str, Any]
    labels: tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class Stored:
    """A dataset in the store; `number` is its place in the order of creation, `created` in milliseconds since 1970.

    `rows` is None where columns have different numbers of them.
    """

    number: int
    id: str
    name: str | None
    rows: int | None
    bytes: int
    columns: tuple[Described, ...]
    created: int


def described(table: Table) -> tuple[Described, ...]:
    """What is told of the columns of a dataset."""
    return tuple(_described(column) for column in table.columns)


def _described(column: Column) -> Described:
    array = column.array
    statistics = {} if column.labels is not None else _statistics(array)
    return Described(column.name, column.header, array.dtype.name, array.shape, statistics, column.labels)


def _statistics(array: Array) -> dict[str, Any]:
    missing = 0
    if array.dtype.kind == "f":
        present = ~np.isnan(array)
        missing = int(array.size - np.count_nonzero(present))
        if missing:
            array = array[present]
    if array.size == 0:
        return {"missing": missing, "min": None, "max": None, "mean": None}
    # Numbers that are not finite, or whose sum is not, have a mean that is not.
    with np.errstate(all="ignore"):
        mean = float(array.mean(dtype=np.float64))
    return {"missing": missing, "min": array.min().item(), "max": array.max().item(), "mean": mean}
