"""The check of a function that never leaves the client: a plan, and the verdict on its values."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from service.schemas.arrays import AnyArray, ArrayValue, MaybeNumber, Number
from service.schemas.check import ComparedModel
from service.schemas.documented import Documented

Named = dict[str, ArrayValue]
Arrays = Annotated[Any, Documented(ArrayValue | Named)]
MaybeArrays = Annotated[Any, Documented(ArrayValue | Named | None)]
Directions = Annotated[Any, Documented(Literal["coordinates"] | Annotated[int, Field(ge=1, le=1000)] | None)]
Precision = Literal["float64", "float32"]
PLAN: Any = {
    "version": 1,
    "x": 2.0,
    "precision": "float64",
    "directions": "coordinates",
    "levels": 3,
    "noise": 1e-9,
    "scale": None,
    "seed": 0,
    "digest": "c31325a6cd268de6",
}
_ASKED: Any = {"x": 2, "noise": 1e-9, "levels": 3}
_VALUES: Any = [8.0, 9.261, 6.859, 8.120601, 7.880599, 8.012006001, 7.988005999]


class PlanBody(BaseModel):
    """A point, and what is known of the function whose gradient is to be checked there."""

    model_config = ConfigDict(extra="forbid", title="PlanQuestion", json_schema_extra={"examples": [_ASKED]})

    x: Arrays = Field(description="The point: an array, or arrays by name.", examples=[[3, 0.5]])
    directions: Directions = Field(
        None,
        description="`coordinates`, or how many random directions; without it coordinates for up to 50 components, "
        "else 20 random ones.",
    )
    precision: Precision | None = Field(None, description="What the function computes in; `float64` if absent.")
    noise: float | None = Field(
        None,
        ge=0,
        le=0.1,
        description="How far values may be off, relative to their size, if that is known: a solver's tolerance, or "
        "1e-9 for a calculator with 10 digits. Without it, 8 points are added to measure it.",
    )
    scale: MaybeArrays = Field(
        None,
        description="The typical size of each component, a number for all or an array like `x`. Without it, the power "
        "of ten below the component; for a 0, that of the largest one and at most 1. Steps are a tenth of it and less.",
    )
    levels: int | None = Field(None, ge=2, le=8, description="Step sizes per direction; 6 if absent.")
    seed: int | None = Field(None, ge=0, lt=2**53, description="Everything random is drawn from it; 0 if absent.")
    encoding: Literal["json", "base64"] | None = Field(None, description="How arrays are written in the answer.")


class PlanModel(BaseModel):
    """What the verdict needs to know. It is sent back as it is; `digest` tells whether it was changed on the way."""

    model_config = ConfigDict(title="Plan", json_schema_extra={"examples": [PLAN]})

    version: Literal[1]
    x: Arrays
    precision: Precision | None = None
    directions: Directions = None
    levels: int | None = Field(None, ge=2, le=8)
    noise: float | None = Field(None, ge=0, le=0.1)
    scale: MaybeArrays = None
    seed: int | None = Field(None, ge=0, lt=2**53)
    digest: str = Field(pattern="^[0-9a-f]{16}$")


class PlanAnswer(BaseModel):
    """A plan and its points. `points[0]` is the point itself."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"plan": PLAN, "points": [2.0, 2.1, 1.9, 2.01, 1.99, 2.001, 1.999], "count": 7}]
        }
    )

    plan: PlanModel
    points: list[Arrays] = Field(description="Where to evaluate the function, each in the form of `x`.")
    count: int = Field(description="How many: 1, 8 if the noise is to be measured, 2 per direction and step size.")


class ClaimedBody(BaseModel):
    """What the client's own code says."""

    model_config = ConfigDict(extra="forbid", title="Claimed")

    grad: Arrays = Field(description="The gradient at the point, in the form of `x`.")
    value: MaybeNumber = Field(None, description="The value at the point.")


class VerdictBody(BaseModel):
    """A plan, the values at its points, and the gradient that is to be judged."""

    model_config = ConfigDict(
        extra="forbid",
        title="VerdictQuestion",
        json_schema_extra={"examples": [{"plan": PLAN, "values": _VALUES, "claimed": {"grad": 12}}]},
    )

    plan: PlanModel
    values: AnyArray = Field(
        description='The values at the points, in their order; `"NaN"` where the function has none.', examples=[_VALUES]
    )
    claimed: ClaimedBody
    tolerance: float | None = Field(
        None,
        ge=0,
        le=0.5,
        description="The relative error that is allowed, and that has to be visible for a verdict. Without it half of "
        "the digits of the precision are allowed, and 1e-3 has to be visible.",
    )


class PlanComponent(BaseModel):
    """One number of the claim: a component, or the derivative along a random direction (`input` is `direction`)."""

    input: str
    index: list[int]
    claimed: Number
    expected: Number = Field(description="What the differences give; `NaN` where there is no derivative.")
    abs_error: Number
    rel_error: Number
    ulp_error: Number
    error_bar: float | None = Field(description="What `expected` may be off by; null where nothing is known.")
    ok: bool


class PlanWitness(BaseModel):
    """Whether the differences agree with the claim."""

    status: Literal["agree", "disagree", "skipped"]
    max_ulp: MaybeNumber = None
    reason: str | None = None


class PlanTolerance(BaseModel):
    """The relative tolerance, error bars included, and where it comes from."""

    relative: float
    why: str


class PlanNoise(BaseModel):
    """The noise of the function: its standard deviation, relative to the values, and the digits that this leaves."""

    absolute: float
    relative: float
    digits: float
    measured: bool


class PlanHypothesis(BaseModel):
    """A mistake that explains the mismatch."""

    kind: str
    detail: str
    residual: Number
    inputs: list[str]


class PlanOneSided(BaseModel):
    """Where there is no derivative: its limits from the left and right, null where there are none either."""

    input: str
    index: list[int]
    left: float | None
    right: float | None


class PlanValue(ComparedModel):
    """The claimed value next to the one at the point."""


class VerdictAnswer(BaseModel):
    """The report."""

    verdict: Literal["correct", "incorrect", "not-differentiable", "inconclusive"]
    message: str
    components: list[PlanComponent] = Field(description="All, or the worst 100.")
    count: int = Field(description="How many there are in all.")
    wrong: int = Field(description="How many of them are not ok.")
    witnesses: dict[Literal["differences"], PlanWitness]
    tolerance: PlanTolerance
    condition: float | None = Field(description="Null: it does not follow from values.")
    diagnosis: list[PlanHypothesis] = Field(description="The mistakes that explain a mismatch, best first.")
    value: PlanValue | None
    one_sided: list[PlanOneSided]
    noise: PlanNoise
