"""A dataset as it is told on the wire."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from service.datasets.stored import Described, Stored
from service.times import written


def told(stored: Stored) -> dict[str, Any]:
    """The content of an answer about a dataset."""
    return {**_known(stored), "columns": [_column(column) for column in stored.columns], **_rest(stored)}


def told_shortly(stored: Stored) -> dict[str, Any]:
    """The same without its columns, of which there may be thousands."""
    return {**_known(stored), **_rest(stored)}


def address(stored: Stored) -> str:
    """Where a dataset is found."""
    return f"/datasets/{quote(stored.id)}"


def _known(stored: Stored) -> dict[str, Any]:
    return {"id": stored.id, "name": stored.name, "bytes": stored.bytes, "rows": stored.rows}


def _rest(stored: Stored) -> dict[str, Any]:
    links = {"self": address(stored), "data": address(stored) + "/data"}
    return {"created": written(stored.created), "links": links}


def _column(column: Described) -> dict[str, Any]:
    content: dict[str, Any] = {"name": column.name}
    if column.header is not None:
        content["header"] = column.header
    content |= {"dtype": column.dtype, "rows": column.shape[0], "shape": column.shape[1:], **column.statistics}
    if column.labels is not None:
        content["labels"] = column.labels
    return content
