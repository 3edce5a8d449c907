"""Arrays on the wire."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import TypeAliasType

from service.packed import MAX_DIMS
from service.schemas.documented import Documented

NonFinite = TypeAliasType("NonFinite", Literal["NaN", "Infinity", "-Infinity"])
Number = Annotated[Any, Documented(float | NonFinite)]
MaybeNumber = Annotated[Any, Documented(float | NonFinite | None)]


class Packed(BaseModel):
    """An array as its bytes: little-endian, in C order, base64-encoded."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"dtype": "float64", "shape": [2], "base64": "AAAAAAAA8D8AAAAAAAAAQA=="}]},
    )

    dtype: Literal["float64", "float32", "int64", "bool"]
    shape: list[Annotated[int, Field(ge=0)]] = Field(max_length=MAX_DIMS)
    base64: str


# A recursive alias rather than a model: a nested list is as deep as the array has dimensions.
ArrayValue = TypeAliasType("ArrayValue", "float | bool | NonFinite | list[ArrayValue] | Packed")
"""A number, a boolean, a string for a number that is not finite, a rectangular nested list, or a packed array."""

AnyArray = Annotated[Any, Documented(ArrayValue)]
