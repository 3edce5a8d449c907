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


class JacobianAnswer(BaseModel):
    """The value of a function at a point and its derivative, by input."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"value": [3, 6], "jacobian": {"x": [1, 2]}, "mode": "forward", "warnings": []}]
        }
    )

    value: AnyArray
    jacobian: dict[str, AnyArray] = Field(description="By input: the shape of the output, then that of the input.")
    mode: Literal["forward", "reverse"] = Field(description="The mode in which it was computed.")
    warnings: list[WarningModel]


class HessianAnswer(BaseModel):
    """The value of a scalar function at a point, its gradient, and its second derivatives by input and input."""

    value: AnyArray
    grad: dict[str, AnyArray]
    hessian: dict[str, dict[str, AnyArray]]
    warnings: list[WarningModel]


class JvpAnswer(BaseModel):
    """The value of a function at a point and its directional derivative, one per tangent if there were several."""

    value: AnyArray
    jvp: AnyArray
    warnings: list[WarningModel]


class VjpAnswer(BaseModel):
    """The value of a function at a point and the cotangents of its inputs."""

    value: AnyArray
    vjp: dict[str, AnyArray]
    warnings: list[WarningModel]


class HvpAnswer(BaseModel):
    """The value of a scalar function at a point, its gradient, and the product of its Hessian with a vector."""

    value: AnyArray
    grad: dict[str, AnyArray]
    hvp: dict[str, AnyArray]
    warnings: list[WarningModel]
