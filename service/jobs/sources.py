"""Where the examples of a training come from: the request itself, or a dataset."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.errors import InvalidRequest
from engine.precision.wire import arrays_from, arrays_to
from engine.question import Array
from service.arrays import ArrayFault, to_array
from service.datasets.library import Datasets
from service.reader import Path, Reader

NAMES = ("x", "y", "weight")


@dataclass(frozen=True, slots=True)
class Source:
    """Arrays that were sent, or the columns of a dataset: a name, or several names side by side, for each array."""

    arrays: Mapping[str, Array] = field(default_factory=dict)
    dataset: str | None = None
    columns: Mapping[str, str | list[str] | None] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The same as JSON values."""
        if self.dataset is not None:
            return {"dataset": self.dataset, "columns": self.columns}
        return {"arrays": arrays_to(self.arrays)}

    @staticmethod
    def from_json(content: Mapping[str, Any]) -> Source:
        """What `to_json` wrote."""
        if "dataset" in content:
            return Source({}, content["dataset"], content["columns"])
        return Source(arrays_from(content["arrays"]))


def read_source(given: Any, path: Path, reader: Reader) -> Source:
    """The source that a part of a request describes; faults are noted."""
    if type(given) is not dict:
        reader.fault(path, 'This has to be {"x": …, "y": …}, or {"dataset": name, "x": columns, "y": column}.')
        return Source()
    if "dataset" not in given:
        known = reader.fields(given, NAMES, path)
        arrays = {name: _array(value, (*path, name), reader) for name, value in known.items()}
        return Source({name: array for name, array in arrays.items() if array is not None})
    known = reader.fields(given, ("dataset", *NAMES), path)
    columns: dict[str, str | list[str] | None] = {}
    for name in NAMES:
        value = known.get(name)
        if value is None and name == "weight":
            continue
        listed = type(value) is list and value and all(type(item) is str for item in value)
        if value is not None and type(value) is not str and not listed:
            reader.fault((*path, name), "This has to be the name of a column, or a list of names.")
        else:
            columns[name] = value
    if type(known.get("dataset")) is not str:
        reader.fault((*path, "dataset"), "This has to be the id or the name of a dataset.")
        return Source()
    return Source({}, known["dataset"], columns)


def selected(datasets: Datasets, source: Source) -> dict[str, Array]:
    """The columns of a dataset that a source names.

    Without a name, `y` is the column called so and `x` too, or all columns of numbers that are neither `y` nor
    `weight`.  Raises `NotFound`, `Gone`, and `InvalidRequest` for columns that are not there.
    """
    assert source.dataset is not None
    stored = datasets.get(source.dataset)
    names = [column.name for column in stored.columns]
    columns = dict(source.columns)
    if columns.get("y") is None:
        columns["y"] = "y"
    if columns.get("x") is None:
        named = [columns["y"], columns.get("weight")]
        # Without those that are None: a column whose header is its name has no other header.
        taken = {name for one in named if one is not None for name in (one if isinstance(one, list) else [one])}
        numbers = [c.name for c in stored.columns if c.labels is None and {c.name, c.header}.isdisjoint(taken)]
        columns["x"] = "x" if "x" in names else numbers
        if not columns["x"]:
            raise InvalidRequest("This dataset has no columns of numbers beside y.")
    found = {}
    for name, chosen in columns.items():
        if isinstance(chosen, list):
            found[name] = datasets.matrix(source.dataset, chosen)
        elif chosen is not None:
            (found[name],) = datasets.arrays(source.dataset, [chosen]).values()
    return found


def _array(value: Any, path: Path, reader: Reader) -> Array | None:
    try:
        return to_array(value, reader.limits.array_bytes)
    except ArrayFault as fault:
        reader.fault((*path, *fault.path), fault.detail)
        return None
