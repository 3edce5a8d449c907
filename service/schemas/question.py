"""The question that every endpoint takes which computes."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from service.schemas.arrays import AnyArray, ArrayValue
from service.schemas.documented import Documented

SOURCES = ("expr", "program", "function", "model")
NameList = list[str]
Whole = Annotated[int, Field(ge=0, le=2**53 - 1)]
PROGRAM_EXAMPLE: Any = {
    "program": "y = x\nwhile abs(y^2 - x) > 1e-12:\n    y = (y + x/y)/2\nreturn y",
    "at": {"x": 2},
}
PROGRAM_TEXT = (
    "Statements that end with `return`, or functions (`def`), of which the last is asked about and has the inputs as "
    'its parameters; with `return a, b` or `return {"name": a}` there are several results.'
)
NAMED_EXAMPLE: Any = {
    "program": 'total = sum(x^2)\nreturn {"loss": total, "twice": 2*x}',
    "at": {"x": [1, 2]},
    "cotangent": {"loss": 1},
}
Weights = dict[str, ArrayValue]
AnyWeights = Annotated[Any, Documented(ArrayValue | Weights)]
COTANGENT_TEXT = (
    "For several results, a list with one array for each; for results with names, an object by name too, in which "
    "those left out count as 0."
)


class QuestionBody(BaseModel):
    """A function, the point at which it is asked about, and with respect to what.

    Exactly one of `expr`, `program`, `function` and `model` says what the function is.  A field that is null counts as
    not given.
    """

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        title="Question",
        json_schema_extra={"examples": [{"expr": "x^2*sin(y)", "at": {"x": 3, "y": 0.5}}, PROGRAM_EXAMPLE]},
    )

    expr: str | None = Field(None, description="One expression; `^` and `**` are power.", examples=["x^2*sin(y)"])
    program: str | None = Field(None, description=PROGRAM_TEXT, examples=[PROGRAM_EXAMPLE["program"]])
    function: str | None = Field(None, description="The id or name of a stored function: `/functions`.")
    model: str | None = Field(
        None,
        description="The id or name of a stored model: its loss where `at` has `y`, else its prediction, for examples "
        "along the first axis of `x`. Its parameters are those of a version, unless `at` names them, and are what is "
        "differentiated unless `wrt` is given.",
    )
    version: Annotated[Any, Documented(Whole | None)] = Field(
        None, description="With `model`: the version of its parameters; the newest if absent."
    )
    training: bool | None = Field(
        None, description="With `model`: as in training, with the statistics of the batch, and with what is drawn."
    )
    seed: Annotated[Any, Documented(Whole | None)] = Field(
        None, description="With `training`: what is drawn depends on it; 0 if absent."
    )
    at: dict[str, AnyArray] | None = Field(None, description="The inputs by name.", examples=[{"x": 3, "y": 0.5}])
    wrt: Annotated[Any, Documented(str | NameList | None)] = Field(
        None,
        description="What to differentiate with respect to: a name or a list of names; every real input if absent.",
    )
    batch: Annotated[Any, Documented(bool | NameList | None)] = Field(
        None,
        description="`true`, or the inputs whose first axis runs over points: one answer per point, stacked.",
    )
    encoding: Literal["json", "base64"] | None = Field(
        None, description="How arrays are written in the answer: `json`, nested lists, unless `base64` is asked for."
    )
    precision: Literal["auto", "float64", "exact"] | None = Field(
        None,
        description="`auto` if absent: float64, and where the answer is not finite, singular, on a kink, or estimated "
        "to have fewer than 8 right digits, computed again in the precision that it needs and rounded once. "
        "`float64`: never. `exact`: always.",
    )
    digits: bool | None = Field(None, description="`true` asks how many digits of every number are right.")
    check: bool | None = Field(None, description="`true` asks for the report of the witnesses too.")


class MatrixBody(QuestionBody):
    """A question whose answer has matrices."""

    model_config = ConfigDict(
        title="MatrixQuestion",
        json_schema_extra={"examples": [{"expr": "sum(x^3)", "at": {"x": [1, 2]}, "format": "coo"}]},
    )

    format: Literal["dense", "coo"] | None = Field(
        None,
        description="`dense` if absent. `coo`: of every matrix only the entries that can differ from 0, each with its "
        "row and column.",
    )


class JvpBody(QuestionBody):
    """A question with a tangent, or several: arrays by input, of its shape. Inputs left out do not move."""

    model_config = ConfigDict(
        title="JvpQuestion",
        json_schema_extra={"examples": [{"expr": "x^2*sin(y)", "at": {"x": 3, "y": 0.5}, "tangent": {"x": 1}}]},
    )

    tangent: dict[str, AnyArray] | None = Field(None, examples=[{"x": 1}])
    tangents: list[dict[str, AnyArray]] | None = Field(None, description="Several at once, instead of `tangent`.")


class VjpBody(QuestionBody):
    """A question with a cotangent, or several: arrays of the shape of the result, one for each of several results."""

    model_config = ConfigDict(
        title="VjpQuestion",
        json_schema_extra={"examples": [{"expr": "x^2", "at": {"x": [1, 2]}, "cotangent": [1, 10]}, NAMED_EXAMPLE]},
    )

    cotangent: AnyWeights | None = Field(None, description=COTANGENT_TEXT, examples=[1])
    cotangents: list[AnyWeights] | None = Field(None, description="Several at once, instead of `cotangent`.")


class HvpBody(QuestionBody):
    """A question with a vector, or several: arrays by input, of the shape of the input.

    The result has to be one number, unless a cotangent says how its elements are weighted.
    """

    model_config = ConfigDict(
        title="HvpQuestion",
        json_schema_extra={"examples": [{"expr": "x^2*sin(y)", "at": {"x": 3, "y": 0.5}, "vector": {"x": 1}}]},
    )

    vector: dict[str, AnyArray] | None = Field(None, examples=[{"x": 1}])
    vectors: list[dict[str, AnyArray]] | None = Field(None, description="Several at once, instead of `vector`.")
    cotangent: AnyWeights | None = Field(
        None,
        description="Weights of the results, of their shape; what is differentiated twice is the weighted sum. "
        + COTANGENT_TEXT,
    )
