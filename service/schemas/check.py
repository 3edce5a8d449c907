"""The check of a claimed value and gradient."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from engine.verify.report import Kind
from service.schemas.arrays import AnyArray, MaybeNumber, Number
from service.schemas.documented import Documented
from service.schemas.question import QuestionBody
from service.schemas.span import SpanModel

MaybeArray = Annotated[Any, Documented(AnyArray | None)]
EXAMPLE: Any = {
    "expr": "x^2*sin(y)",
    "at": {"x": 3, "y": 0.5},
    "claimed": {"grad": {"x": 2.876553231625218, "y": -7.898243057013355}},
}


class ToleranceBody(BaseModel):
    """The error that is allowed: relative to a component, or absolute, whichever is larger."""

    model_config = ConfigDict(extra="forbid", title="ToleranceAsked")

    relative: float = Field(0.0, ge=0)
    absolute: float = Field(0.0, ge=0)


class ClaimBody(BaseModel):
    """What the client's own code says at the point."""

    model_config = ConfigDict(extra="forbid", title="Claim")

    value: MaybeArray = Field(None, description="The value; one per point in a batch.", examples=[4.314829847437827])
    grad: dict[str, AnyArray] | None = Field(None, description="Components by input; inputs may be left out.")
    adjoints: dict[str, AnyArray] | None = Field(
        None,
        description="Derivatives of the result in what a program assigns, by name: of the last assignment, or with one "
        "axis more of all of them in their order.",
        examples=[{"h": 1.2}],
    )
    precision: Literal["float64", "float32"] = Field("float64", description="What the client's code computes in.")


class CheckBody(QuestionBody):
    """A question about a gradient, and what the client got for it."""

    model_config = ConfigDict(title="CheckQuestion", json_schema_extra={"examples": [EXAMPLE]})

    claimed: ClaimBody | None = None
    tolerance: float | ToleranceBody | None = Field(
        None, description="Without it, the tolerance follows from the precision and the conditioning of the problem."
    )


class ComparedModel(BaseModel):
    """A claimed number next to what it should be."""

    claimed: Number
    expected: Number
    abs_error: Number
    rel_error: Number
    ulp_error: Number
    ok: bool


class ComponentModel(ComparedModel):
    """One number of the claim next to what it should be; NaN where there is nothing to compare."""

    model_config = ConfigDict(title="Component")

    input: str
    index: list[int]


class WitnessModel(BaseModel):
    """Whether a witness agrees with the expected numbers."""

    model_config = ConfigDict(title="Witness")

    status: Literal["agree", "disagree", "skipped"]
    max_ulp: MaybeNumber = Field(description="The largest distance, in float64 numbers that lie between.")
    reason: str | None = Field(description="Why it says nothing, or not about all.")


class ToleranceModel(BaseModel):
    """The relative tolerance where nothing cancels, and how it came about."""

    model_config = ConfigDict(title="Tolerance")

    relative: float
    why: str


class HypothesisModel(BaseModel):
    """A mistake that explains the mismatch."""

    model_config = ConfigDict(title="Hypothesis")

    kind: Kind
    detail: str
    residual: Number = Field(description="What it leaves unexplained, relative to the largest component claimed.")
    inputs: list[str]
    span: SpanModel | None = None


class ValueModel(ComparedModel):
    """The claimed value next to what it should be; in a batch, the worst one."""

    model_config = ConfigDict(title="CheckedValue")


class OneSidedModel(BaseModel):
    """A component at a kink: its derivatives from the left and from the right, null where there is no limit."""

    model_config = ConfigDict(title="OneSided")

    input: str
    index: list[int]
    left: MaybeNumber
    right: MaybeNumber


class AdjointModel(ComparedModel):
    """One number of a claimed adjoint; where all assignments were claimed, the index has theirs first."""

    model_config = ConfigDict(title="Adjoint")

    name: str
    index: list[int]


class FirstWrongModel(BaseModel):
    """The wrong adjoint that comes first from the result backwards, and the assignment that it is about."""

    model_config = ConfigDict(title="FirstWrong")

    name: str
    span: SpanModel | None
    detail: str


class ReportAnswer(BaseModel):
    """The verdict, and everything that it rests on."""

    model_config = ConfigDict(title="Report")

    verdict: Literal["correct", "incorrect", "not-differentiable", "inconclusive"]
    message: str
    components: list[ComponentModel] = Field(description="All, or the worst 100.")
    count: int = Field(description="How many components there are in all.")
    wrong: int = Field(description="How many of them are not ok.")
    witnesses: dict[Literal["engine", "symbolic", "precise"], WitnessModel]
    tolerance: ToleranceModel
    condition: MaybeNumber = Field(description="Relative change of the gradient per relative change of the inputs.")
    diagnosis: list[HypothesisModel] = Field(description="The mistakes that explain a mismatch, best first.")
    value: ValueModel | None
    one_sided: list[OneSidedModel]
    adjoints: list[AdjointModel] | None = Field(
        None, description="All, or the worst 100; there if adjoints were claimed."
    )
    first_wrong: FirstWrongModel | None = Field(None, description="Null where all claimed adjoints are right.")
