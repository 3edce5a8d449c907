"""The bodies of UM-Bridge 1.0, with its names."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, Field

from service.schemas.arrays import NonFinite
from service.schemas.documented import Documented

Vector = list[float | NonFinite]
AnyVector = Annotated[Any, Documented(Vector)]
AnyVectors = Annotated[Any, Documented(list[Vector])]
EXAMPLE = "least-squares"


class UmbridgeModel(BaseModel):
    """A model by its name."""

    name: str = Field(examples=[EXAMPLE])


class UmbridgeConfigured(UmbridgeModel):
    """A model by its name; its options are not looked at, as there are none."""

    config: dict[str, Any] = Field(default_factory=dict)


class UmbridgeEvaluate(UmbridgeConfigured):
    """A point: one vector for each input."""

    input: AnyVectors = Field(examples=[[[1, 2]]])


class UmbridgeGradient(UmbridgeEvaluate):
    """A point, an output with its sensitivity, and an input."""

    outWrt: int = Field(ge=0)  # noqa: N815
    inWrt: int = Field(ge=0)  # noqa: N815
    sens: AnyVector


class UmbridgeApplyJacobian(UmbridgeEvaluate):
    """A point, an output, and an input with a direction."""

    outWrt: int = Field(ge=0)  # noqa: N815
    inWrt: int = Field(ge=0)  # noqa: N815
    vec: AnyVector


class UmbridgeApplyHessian(UmbridgeEvaluate):
    """A point, an output with its sensitivity, and two inputs, the second with a direction."""

    outWrt: int = Field(ge=0)  # noqa: N815
    inWrt1: int = Field(ge=0)  # noqa: N815
    inWrt2: int = Field(ge=0)  # noqa: N815
    sens: AnyVector
    vec: AnyVector


class UmbridgeInfo(BaseModel):
    """The version of the protocol, and the names of all models."""

    protocolVersion: float = Field(examples=[1.0])  # noqa: N815
    models: list[str]


class UmbridgeSupport(BaseModel):
    """What a model can do."""

    Evaluate: bool
    Gradient: bool
    ApplyJacobian: bool
    ApplyHessian: bool


class UmbridgeModelInfo(BaseModel):
    """What a model can do."""

    support: UmbridgeSupport


class UmbridgeInputSizes(BaseModel):
    """The sizes of the input vectors."""

    inputSizes: list[int]  # noqa: N815


class UmbridgeOutputSizes(BaseModel):
    """The sizes of the output vectors."""

    outputSizes: list[int]  # noqa: N815


class UmbridgeOutputs(BaseModel):
    """One vector for each output."""

    output: list[list[float]]


class UmbridgeOutput(BaseModel):
    """One vector."""

    output: list[float]


class UmbridgeFault(BaseModel):
    """What is wrong: `ModelNotFound`, `UnsupportedFeature`, `InvalidInput`, `InvalidOutput` or `Unavailable`."""

    type: str
    message: str


class UmbridgeRefusal(BaseModel):
    """A refusal."""

    error: UmbridgeFault
