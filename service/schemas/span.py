"""A place in a source text."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class SpanModel(BaseModel):
    """A stretch of the source text: lines and columns count from 1, the end is exclusive."""

    model_config = ConfigDict(title="Span")

    line: int = Field(ge=1)
    column: int = Field(ge=1)
    end_line: int = Field(ge=1)
    end_column: int = Field(ge=1)
