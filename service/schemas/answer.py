"""What is answered to a question."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from service.schemas.arrays import AnyArray

VALUE_EXAMPLE: Any = {"value": 4.314829847437827, "warnings": []}
GRAD_EXAMPLE: Any = {
    "value": 4.314829847437827,
    "grad": {"x": 2.876553231625218, "y": 7.898243057013355},
    "warnings": [],
}


class SpanModel(BaseModel):
    """A stretch of the source text: lines and columns count from 1, the end is exclusive."""

    model_config = ConfigDict(title="Span")

    line: int = Field(ge=1)
    column: int = Field(ge=1)
    end_line: int = Field(ge=1)
    end_column: int = Field(ge=1)


class WarningModel(BaseModel):
    """Something to know about an answer. Further fields depend on the code."""

    model_config = ConfigDict(title="Warning", extra="allow")

    code: Literal[
        "kink",
        "singular",
        "non-finite",
        "ill-conditioned",
        "escalated",
        "disconnected",
        "rewritten",
        "integer-gradient",
    ]
    message: str
    span: SpanModel | None = None


class ValueAnswer(BaseModel):
    """The value of a function at a point."""

    model_config = ConfigDict(json_schema_extra={"examples": [VALUE_EXAMPLE]})

    value: AnyArray
    warnings: list[WarningModel]


class GradAnswer(BaseModel):
    """The value of a function at a point and its gradient, by input."""

    model_config = ConfigDict(json_schema_extra={"examples": [GRAD_EXAMPLE]})

    value: AnyArray
    grad: dict[str, AnyArray]
    warnings: list[WarningModel]
