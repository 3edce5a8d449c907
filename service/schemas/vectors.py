"""Golden vectors: points and answers to keep in a test suite."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from service.schemas.arrays import AnyArray
from service.schemas.documented import Documented
from service.schemas.question import PROGRAM_TEXT

EXAMPLE: Any = {"expr": "abs(x - 1)*y", "domain": {"x": [-2, 2], "y": [0, 1]}, "count": 3, "seed": 0}


class RangeBody(BaseModel):
    """Where every element of an input may lie."""

    model_config = ConfigDict(extra="forbid", title="Range")

    low: float
    high: float
    shape: list[Annotated[int, Field(ge=0)]] = Field(default_factory=list, description="A number if absent.")
    integer: bool = Field(False, description="Whole numbers only.")


Ranges = Annotated[Any, Documented(dict[str, Annotated[list[float], Field(min_length=2, max_length=2)] | RangeBody])]


class VectorsBody(BaseModel):
    """A function, a domain, and how many random points there are to be; treacherous ones are added."""

    model_config = ConfigDict(extra="forbid", title="VectorsQuestion", json_schema_extra={"examples": [EXAMPLE]})

    expr: str | None = Field(None, examples=["abs(x - 1)*y"])
    program: str | None = Field(None, description=PROGRAM_TEXT)
    function: str | None = Field(None, description="The id or name of a stored function.")
    model: str | None = Field(None, description="The id or name of a stored model; its loss if the domain has `y`.")
    domain: Ranges = Field(description="By input: `[low, high]`, or an object that has a shape too.")
    count: int = Field(20, ge=1)
    seed: int = Field(0, ge=0)
    wrt: str | list[str] | None = None
    encoding: Literal["json", "base64"] | None = None
    format: Literal["json", "csv", "npz"] | None = Field(
        None, description="Without it the header `Accept` decides: `text/csv`, `application/x-npz`, else JSON."
    )


class ToleranceOfVector(BaseModel):
    """The absolute errors that an honest computation in float64 may have."""

    value: AnyArray
    grad: dict[str, AnyArray]


class VectorModel(BaseModel):
    """One point and its answers."""

    model_config = ConfigDict(title="Vector")

    kind: str = Field(description="Why it is there: `random`, `zero`, `kink`, `near a pole` and so on.")
    at: dict[str, AnyArray]
    value: AnyArray
    grad: dict[str, AnyArray]
    differentiable: bool = Field(description="False where the gradient is a convention or not finite.")
    tolerance: ToleranceOfVector


class VectorsAnswer(BaseModel):
    """The vectors; those at which the function has no finite value are left out."""

    expr: str | None = Field(None, description="The text, where it is an expression.")
    program: str | None = Field(None, description="The text, where it is a program.")
    seed: int
    count: int
    vectors: list[VectorModel]
