"""Problem details (RFC 9457), the body of every refusal."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from service.schemas.arrays import NonFinite
from service.schemas.span import SpanModel

EXAMPLE: dict[str, Any] = {
    "type": "/errors/unknown-name",
    "title": "A name is not known",
    "status": 422,
    "detail": "There is no function called sine.",
    "span": {"line": 1, "column": 1, "end_line": 1, "end_column": 5},
    "excerpt": "sine(x)\n^^^^",
    "hint": "sin",
}


class FaultModel(BaseModel):
    """One thing that is wrong in a request."""

    model_config = ConfigDict(title="Fault")

    pointer: str = Field(description="A JSON Pointer (RFC 6901) into the request.", examples=["/at/x"])
    detail: str


class LimitModel(BaseModel):
    """A limit that was passed; `/limits` tells all of them."""

    model_config = ConfigDict(title="Limit")

    name: str
    value: float
    given: float | NonFinite | None = None


class ProblemModel(BaseModel):
    """A refusal: what is wrong, where, and what may help."""

    model_config = ConfigDict(title="Problem", json_schema_extra={"examples": [EXAMPLE]})

    type: str = Field(description="The stable name of this kind of error; also the address of its page.")
    title: str
    status: int = Field(ge=400, le=599)
    detail: str
    errors: list[FaultModel] | None = Field(None, description="All faults at once.")
    span: SpanModel | None = Field(None, description="Where in the source text, or in a body that is not JSON.")
    excerpt: str | None = Field(None, description="The line of the span, and carets below it.")
    hint: str | None = Field(None, description="A near name, or a form that works.")
    limit: LimitModel | None = None
    request_id: str | None = Field(None, description="With `internal`: what to look for in the log of the server.")
