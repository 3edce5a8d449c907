"""What is answered to a question."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import TypeAliasType

from service.schemas.arrays import AnyArray, ArrayValue, NonFinite
from service.schemas.check import ReportAnswer
from service.schemas.documented import Documented
from service.schemas.span import SpanModel

VALUE_EXAMPLE: Any = {"value": 4.314829847437827, "warnings": []}
VALUE_TEXT = "The value; of several results a list with one entry for each, of results with names an object by name."
GRAD_EXAMPLE: Any = {
    "value": 4.314829847437827,
    "grad": {"x": 2.876553231625218, "y": 7.898243057013355},
    "warnings": [],
}


Named = dict[str, ArrayValue]
AnyResult = Annotated[Any, Documented(ArrayValue | Named)]


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


class Judged(BaseModel):
    """What every answer may carry beside its numbers."""

    check: ReportAnswer | None = Field(None, description="With `check`: the report, as `/check` answers it.")


DIGITS_TEXT = "With `digits`: the estimated right decimal digits, arranged as the answer is."
# Never packed: they are there to be read.
DigitsValue = TypeAliasType("DigitsValue", "float | NonFinite | list[DigitsValue]")
NamedDigits = dict[str, DigitsValue]
AnyDigits = Annotated[Any, Documented(DigitsValue)]
ResultDigits = Annotated[Any, Documented(DigitsValue | NamedDigits)]


class ValueDigits(BaseModel):
    """The right digits of an answer of `/value`."""

    value: ResultDigits


class ValueAnswer(Judged):
    """The value of a function at a point."""

    model_config = ConfigDict(json_schema_extra={"examples": [VALUE_EXAMPLE]})

    value: AnyResult = Field(description=VALUE_TEXT)
    digits: ValueDigits | None = Field(None, description=DIGITS_TEXT)
    warnings: list[WarningModel]


class GradDigits(ValueDigits):
    """The right digits of an answer of `/grad`."""

    grad: dict[str, AnyDigits]


class GradAnswer(Judged):
    """The value of a function at a point and its gradient, by input."""

    model_config = ConfigDict(json_schema_extra={"examples": [GRAD_EXAMPLE]})

    value: AnyArray
    grad: dict[str, AnyArray]
    digits: GradDigits | None = Field(None, description=DIGITS_TEXT)
    warnings: list[WarningModel]


class Coo(BaseModel):
    """The entries of a matrix, row by row; what is not listed is 0 wherever the function is evaluated.

    `row` is the flat index (row-major) into what is differentiated, `column` that into the input, and `shape` says how
    many elements both have. With a batch, `value` has the axis over the points first; the rest is the same for all.
    """

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"shape": [2, 2], "row": [0, 1], "column": [0, 1], "value": [2, 4]}]}
    )

    shape: list[int] = Field(min_length=2, max_length=2)
    row: AnyArray
    column: AnyArray
    value: AnyArray


NamedMatrices = dict[str, ArrayValue | Coo]
AnyMatrix = Annotated[Any, Documented(ArrayValue | Coo)]
AnyMatrices = Annotated[Any, Documented(ArrayValue | Coo | list[Coo] | NamedMatrices)]
NamedMatrixDigits = dict[str, DigitsValue | Coo]
AnyMatrixDigits = Annotated[Any, Documented(DigitsValue | Coo)]
MatricesDigits = Annotated[Any, Documented(DigitsValue | Coo | list[Coo] | NamedMatrixDigits)]
PASSES_TEXT = "With `coo`: how many directions had to be pushed or pulled through the function for all entries."


class JacobianDigits(ValueDigits):
    """The right digits of an answer of `/jacobian`."""

    jacobian: dict[str, MatricesDigits]


class JacobianAnswer(Judged):
    """The value of a function at a point and its derivative, by input."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"value": [3, 6], "jacobian": {"x": [1, 2]}, "mode": "forward", "warnings": []}]
        }
    )

    value: AnyResult = Field(description=VALUE_TEXT)
    jacobian: dict[str, AnyMatrices] = Field(
        description="By input: the shape of the result, then that of the input; of several results one for each, "
        "arranged as the value is."
    )
    mode: Literal["forward", "reverse", "mixed"] = Field(description="The mode in which it was computed.")
    passes: int | None = Field(None, ge=0, description=PASSES_TEXT)
    digits: JacobianDigits | None = Field(None, description=DIGITS_TEXT)
    warnings: list[WarningModel]


class HessianDigits(GradDigits):
    """The right digits of an answer of `/hessian`."""

    hessian: dict[str, dict[str, AnyMatrixDigits]]


class HessianAnswer(Judged):
    """The value of a scalar function at a point, its gradient, and its second derivatives by input and input."""

    value: AnyArray
    grad: dict[str, AnyArray]
    hessian: dict[str, dict[str, AnyMatrix]]
    passes: int | None = Field(None, ge=0, description=PASSES_TEXT)
    digits: HessianDigits | None = Field(None, description=DIGITS_TEXT)
    warnings: list[WarningModel]


class JvpDigits(ValueDigits):
    """The right digits of an answer of `/jvp`."""

    jvp: ResultDigits


class JvpAnswer(Judged):
    """The value of a function at a point and its directional derivative, one per tangent if there were several."""

    value: AnyResult = Field(description=VALUE_TEXT)
    jvp: AnyResult = Field(description="Arranged as the value is.")
    digits: JvpDigits | None = Field(None, description=DIGITS_TEXT)
    warnings: list[WarningModel]


class VjpDigits(ValueDigits):
    """The right digits of an answer of `/vjp`."""

    vjp: dict[str, AnyDigits]


class VjpAnswer(Judged):
    """The value of a function at a point and the cotangents of its inputs."""

    value: AnyResult = Field(description=VALUE_TEXT)
    vjp: dict[str, AnyArray]
    digits: VjpDigits | None = Field(None, description=DIGITS_TEXT)
    warnings: list[WarningModel]


class HvpDigits(GradDigits):
    """The right digits of an answer of `/hvp`."""

    hvp: dict[str, AnyDigits]


class HvpAnswer(Judged):
    """The value of a function at a point, its gradient, and the product of its Hessian with a vector.

    With a cotangent, gradient and Hessian are those of the sum of the results with these weights.
    """

    value: AnyResult = Field(description=VALUE_TEXT)
    grad: dict[str, AnyArray]
    hvp: dict[str, AnyArray]
    digits: HvpDigits | None = Field(None, description=DIGITS_TEXT)
    warnings: list[WarningModel]
