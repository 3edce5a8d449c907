"""The check of an optimiser's steps."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from engine.optimise.schedules import SCHEDULES
from engine.optimise.table import RULES
from service.schemas.arrays import AnyArray, ArrayValue, Number
from service.schemas.documented import Documented

Named = dict[str, ArrayValue]
Arrays = Annotated[Any, Documented(ArrayValue | Named)]
_METHODS = ", ".join(f"`{name}`" for name in RULES)
_SCHEDULES = ", ".join(f"`{name}`" for name in SCHEDULES)


class MethodModel(BaseModel):
    """A method with its options; those left out have the defaults of torch.optim."""

    model_config = ConfigDict(
        extra="allow", title="Method", json_schema_extra={"additionalProperties": {"type": ["number", "boolean"]}}
    )

    name: str = Field(description=f"One of {_METHODS}.")


class ScheduleModel(BaseModel):
    """A schedule with its options."""

    model_config = ConfigDict(
        extra="allow", title="Schedule", json_schema_extra={"additionalProperties": {"type": "number"}}
    )

    name: str = Field(description=f"One of {_SCHEDULES}.")


class ClipModel(BaseModel):
    """How gradients are cut: by the norm of all of them together, or by value."""

    model_config = ConfigDict(extra="forbid", title="Clip")

    norm: float | None = Field(None, gt=0, description="The largest norm.")
    eps: float | None = Field(None, ge=0, description="Added to the norm that is divided by; 1e-6 if absent.")
    value: float | None = Field(None, gt=0, description="The largest size of a component; not with `norm`.")


_EXAMPLES: Any = [
    {"method": {"name": "sgd", "lr": 0.1}, "start": 1, "iterates": [0.8, 0.64], "gradients": [2, 1.6]},
    {"method": {"name": "sgd", "lr": 0.1}, "start": {"x": 1}, "iterates": [{"x": 0.8}, {"x": 0.64}], "expr": "x^2"},
]


class StepsBody(BaseModel):
    """A method, the parameters before the first step and after each, and the gradients or the objective."""

    model_config = ConfigDict(extra="forbid", title="StepsQuestion", json_schema_extra={"examples": _EXAMPLES})

    method: Annotated[Any, Documented(str | MethodModel)] = Field(
        description="A name, or a name with options.", examples=["adam", {"name": "adam", "lr": 0.01}]
    )
    start: Arrays = Field(
        description="The parameters before the first step: an array, or arrays by name.", examples=[[1, 2]]
    )
    iterates: Annotated[Any, Documented(list[ArrayValue | Named] | Named | ArrayValue)] = Field(
        description="The parameters after each step: a list in the form of `start`, or arrays with one more axis.",
        examples=[[[0.9, 2.1], [0.8, 2.2]]],
    )
    gradients: Annotated[Any, Documented(list[ArrayValue | Named] | Named | ArrayValue | None)] = Field(
        None, description="The gradients at the parameters before each step, in the form of `iterates`."
    )
    expr: str | None = Field(None, description="The objective, in place of gradients: an expression.")
    program: str | None = Field(None, description="The objective as a program.")
    function: str | None = Field(None, description="The objective as a stored function.")
    at: Annotated[Any, Documented(dict[str, AnyArray] | None)] = Field(
        None, description="The inputs of the objective that are not parameters."
    )
    schedule: Annotated[Any, Documented(str | ScheduleModel | list[float] | None)] = Field(
        None, description="How the learning rate changes: a schedule, or the rates, one for each step."
    )
    clip: ClipModel | None = Field(None, description="How gradients are clipped before the method gets them.")
    tolerance: float | None = Field(
        None, ge=0, le=0.5, description="The difference, relative to the parameters, that is allowed beside rounding."
    )


class StepsNumber(BaseModel):
    """One parameter after one step, counted from 1."""

    step: int
    input: str
    index: list[int]
    claimed: Number
    expected: Number
    relative: Number = Field(description="The difference, relative to the parameter.")


class StepsDifference(BaseModel):
    """The largest difference in a step."""

    step: int
    relative: Number = Field(description="Relative to the parameter.")
    of_step: Number = Field(description="Relative to the step.")
    ok: bool


class StepsExplanation(BaseModel):
    """A mistake, and what of the difference it leaves."""

    kind: str
    detail: str
    residual: float
    explains: bool = Field(description="Whether it explains all steps up to 100 after the first wrong one.")


class StepsAnswer(BaseModel):
    """The report."""

    verdict: Literal["correct", "incorrect", "inconclusive"]
    message: str
    steps: int
    wrong: int = Field(description="How many steps are wrong, each taken from the claimed parameters before it.")
    first_wrong: StepsNumber | None
    differences: list[StepsDifference] = Field(description="The first 100 steps.")
    worst: StepsDifference | None
    diagnosis: list[StepsExplanation] = Field(description="The mistakes that explain the iterates, best first.")
    method: dict[str, str | float | bool] = Field(description="The method with all of its options.")
