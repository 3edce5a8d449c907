"""The functions of the language, as told by `/primitives`."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from service.schemas.arrays import AnyArray


class ExampleModel(BaseModel):
    """An expression that works, and inputs for it."""

    model_config = ConfigDict(title="Example")

    expr: str
    at: dict[str, AnyArray]


class PrimitiveModel(BaseModel):
    """One function of the language."""

    model_config = ConfigDict(title="Primitive")

    name: str
    aliases: list[str] = Field(description="Other names of the same function.")
    signature: str
    summary: str
    group: str
    domain: str = Field(description="Where it is defined.")
    kink: str = Field(description="What its derivative is where it has none: the convention. Empty without a kink.")
    differentiable: bool
    note: str
    examples: list[ExampleModel]


class PrimitivesModel(BaseModel):
    """All functions and constants of the language."""

    model_config = ConfigDict(title="Primitives")

    primitives: list[PrimitiveModel]
    constants: dict[str, float | str]
