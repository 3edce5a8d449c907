"""Datasets on the wire."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from service.schemas.arrays import AnyArray, MaybeNumber
from service.schemas.functions import Dtype, Shape

EXAMPLE = "sepal length (cm),species\n5.1,setosa\n6.4,versicolor\n"
BODY: dict[str, Any] = {
    "required": True,
    "description": "The file itself. What is not JSON may be as large as `dataset_bytes`.",
    "content": {
        "text/csv": {"schema": {"type": "string"}, "example": EXAMPLE},
        "application/octet-stream": {
            "schema": {"type": "string", "format": "binary", "description": "An NPY or NPZ file."}
        },
        "application/json": {
            "schema": {
                "type": "object",
                "title": "DatasetColumns",
                "description": "Arrays by name, their rows along the first axis; or a list of texts.",
                "additionalProperties": {
                    "anyOf": [
                        {"$ref": "#/components/schemas/ArrayValue-Input"},
                        {"type": "array", "items": {"type": "string"}},
                    ]
                },
            },
            "example": {"x": [[1, 2], [3, 4]], "y": [0, 1]},
        },
    },
}


class ColumnModel(BaseModel):
    """A column of a dataset, and what is in it. Numbers that are missing count in none of the others."""

    model_config = ConfigDict(title="DatasetColumn")

    name: str
    header: str | None = Field(None, description="What the file calls it, where that is no name; it can be asked for.")
    dtype: Dtype = Field(description="Texts are `int64`: their places among the labels.")
    rows: int
    shape: Shape = Field(description="Of one row; `[]` where that is one number.")
    missing: int | None = Field(None, description="How many numbers are NaN, empty fields of a CSV file among them.")
    min: MaybeNumber | bool = None
    max: MaybeNumber | bool = None
    mean: MaybeNumber = None
    labels: list[str] | None = Field(None, description="The texts of a column of texts, sorted.")


class DatasetLinks(BaseModel):
    """Addresses that belong to a dataset."""

    self: str = Field(examples=["/datasets/ds_rtmqyrkbjqgkgzoqtg5n3gmkvlqxfkxd"])
    data: str = Field(examples=["/datasets/ds_rtmqyrkbjqgkgzoqtg5n3gmkvlqxfkxd/data"])


class ShortDatasetModel(BaseModel):
    """A dataset without its columns."""

    model_config = ConfigDict(title="ShortDataset")

    id: str = Field(description="Follows from the columns: the same ones have the same id, whatever file they came in.")
    name: str | None
    bytes: int = Field(description="What its arrays take.")
    rows: int | None = Field(description="null where arrays have different numbers of them.")
    created: str = Field(description="ISO 8601, UTC.", examples=["2026-11-21T04:03:08.123Z"])
    links: DatasetLinks


class DatasetModel(ShortDatasetModel):
    """A dataset."""

    model_config = ConfigDict(title="Dataset")

    columns: list[ColumnModel]


class DatasetsModel(BaseModel):
    """A page of datasets, the oldest first."""

    model_config = ConfigDict(title="Datasets")

    datasets: list[ShortDatasetModel]
    next: str | None = Field(description="What to send as `after` for the next page; null on the last one.")


class RowsModel(BaseModel):
    """Some rows of a dataset."""

    model_config = ConfigDict(title="DatasetRows")

    id: str
    offset: int = Field(description="The first of these rows, counted from 0.")
    columns: dict[str, AnyArray] = Field(description="An array for each column, as they were named.")
    next: int | None = Field(description="What to send as `offset` for the rows that follow; null after the last one.")
