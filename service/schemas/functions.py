"""Stored functions on the wire."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import TypeAliasType

from service.packed import MAX_DIMS
from service.schemas.arrays import AnyArray
from service.schemas.documented import Documented
from service.schemas.question import PROGRAM_TEXT

Dtype = Literal["float64", "int64", "bool"]
Shape = list[Annotated[int, Field(ge=0)]]
EXAMPLE: Any = {
    "expr": "sum((X @ w - y)^2) / 2",
    "name": "least-squares",
    "inputs": {"w": {"dtype": "float64", "shape": [2]}},
    "data": {"X": [[1, 2], [3, 4], [5, 6]], "y": [1, 2, 3]},
}


class DeclaredInput(BaseModel):
    """The type of an input; a field left out means float64, and one number."""

    model_config = ConfigDict(extra="forbid")

    dtype: Dtype | None = Field(None, description="float64 if absent; an input used as an index or a size is int64.")
    shape: Shape | None = Field(None, max_length=MAX_DIMS, description="`[]`, one number, if absent.")


class NamedInput(DeclaredInput):
    """The type of an input, in a list."""

    name: str


# Aliases, so that generated types have a name for them.
DeclaredInputs = TypeAliasType("DeclaredInputs", "dict[str, DeclaredInput] | list[NamedInput]")


class FunctionBody(BaseModel):
    """A function to store: exactly one of `expr` and `program`. A field that is null counts as not given."""

    model_config = ConfigDict(
        extra="forbid", strict=True, title="FunctionDefinition", json_schema_extra={"examples": [EXAMPLE]}
    )

    expr: str | None = Field(None, description="One expression; `^` and `**` are power.")
    program: str | None = Field(None, description=PROGRAM_TEXT)
    name: str | None = Field(
        None, description="What to call it: letters, digits, `_`, `-` and `.`; no two functions have the same name."
    )
    inputs: Annotated[Any, Documented(DeclaredInputs | None)] = Field(
        None, description="The types of inputs that questions give, by name or as a list. Their order counts."
    )
    data: dict[str, AnyArray] | None = Field(
        None, description="Inputs that are kept with the function and not given by questions."
    )


class InputModel(BaseModel):
    """An input of a stored function; what is not known is null."""

    model_config = ConfigDict(title="FunctionInput")

    name: str
    dtype: Dtype | None
    shape: Shape | None
    source: Literal["declared", "data", "text", "default"] = Field(
        description="Where it is known from; `text`: the text mentions it, and nothing was declared; `default`: so "
        "too, and it has a value where a question gives none."
    )


class OutputModel(BaseModel):
    """The type of an output."""

    model_config = ConfigDict(title="FunctionOutput")

    name: str | None = Field(None, description="What a program calls it, in the order of its `return`.")
    dtype: Dtype
    shape: Shape


class DataModel(BaseModel):
    """An array that is bound to a function; its bytes where they were asked for."""

    model_config = ConfigDict(title="FunctionData")

    dtype: Dtype
    shape: Shape
    base64: str | None = Field(None, description="With `data=true`: little-endian, in C order.")


class FunctionLinks(BaseModel):
    """Addresses that belong to a function."""

    self: str = Field(examples=["/functions/fn_rtmqyrkbjqgkgzoqtg5n3gmkvlqxfkxd"])


class FunctionModel(BaseModel):
    """A stored function."""

    model_config = ConfigDict(title="Function")

    id: str = Field(description="Follows from the content: the same content has the same id, on every server.")
    name: str | None
    expr: str | None = Field(None, description="Its text, where that is an expression.")
    program: str | None = Field(None, description="Its text, where that is a program.")
    inputs: list[InputModel] = Field(description="Those that questions give, then those that are bound.")
    outputs: list[OutputModel] | None = Field(description="Known where all inputs are declared or bound.")
    data: dict[str, DataModel]
    created: str = Field(description="ISO 8601, UTC.", examples=["2026-11-21T04:03:08.123Z"])
    links: FunctionLinks


class FunctionsModel(BaseModel):
    """A page of stored functions, the oldest first."""

    model_config = ConfigDict(title="Functions")

    functions: list[FunctionModel]
    next: str | None = Field(description="What to send as `after` for the next page; null on the last one.")
