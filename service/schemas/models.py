"""Stored models on the wire."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from service.schemas.answer import WarningModel
from service.schemas.arrays import AnyArray, ArrayValue
from service.schemas.functions import Dtype, Shape

EXAMPLE: Any = {
    "input": {"shape": [2]},
    "layers": [{"type": "dense", "units": 16, "activation": "tanh"}, {"type": "dense", "units": 1}],
    "loss": "mse",
    "seed": 0,
    "name": "surface",
}
WEIGHTS: Any = {"parameters": {"dense_1_kernel": [[0.5], [-0.5]], "dense_1_bias": [0]}}


class ModelBody(BaseModel):
    """A model to store. What the fields may be is told in the page on models; all that is wrong is told at once."""

    model_config = ConfigDict(extra="forbid", title="ModelDefinition", json_schema_extra={"examples": [EXAMPLE]})

    input: dict[str, Any] = Field(description="The shape of one example, and its dtype: `real` or `int`.")
    layers: list[dict[str, Any]] | None = Field(
        None, description="Objects with a `type` and the options of that; each takes the output of the one before."
    )
    nodes: list[dict[str, Any]] | None = Field(
        None, description="In place of `layers`: with `name` and `inputs`, where they do not follow each other."
    )
    output: str | None = Field(None, description="The layer whose output is the prediction; the last if absent.")
    loss: str | dict[str, Any] = Field(description='A name, a name with options, or {"expr": …} of `y`, `prediction`.')
    target: dict[str, Any] | None = Field(None, description="The shape of `y`, and whether it is to be standardised.")
    seed: int | None = Field(None, ge=0, description="What the initial parameters depend on.")
    name: str | None = Field(
        None, description="What to call it: letters, digits, `_`, `-` and `.`; no two models have the same name."
    )


class SignalModel(BaseModel):
    """The type of one example, before which there is an axis over examples."""

    model_config = ConfigDict(title="ModelSignal")

    shape: Shape
    dtype: Dtype


class LayerModel(BaseModel):
    """A layer where it stands."""

    model_config = ConfigDict(title="ModelLayer")

    name: str
    type: str
    inputs: list[str] = Field(description="The layers that it takes, `x` for the input.")
    shape: Shape = Field(description="That of its output for one example.")
    parameters: int = Field(description="How many numbers its parameters have.")


class ParameterModel(BaseModel):
    """A parameter, by the name that it has as an input of the program."""

    model_config = ConfigDict(title="ModelParameter")

    name: str
    layer: str
    shape: Shape
    count: int
    trainable: bool
    state: bool = Field(description="Statistics that the layer keeps, and no gradient changes.")
    constraint: dict[str, Any] | None = Field(
        None, description="What holds the values; the parameter is then the free numbers that they are made of."
    )
    values: str | None = Field(None, description="What the values under a constraint are called.")


class CountModel(BaseModel):
    """How many numbers the parameters have."""

    model_config = ConfigDict(title="ModelCount")

    trainable: int
    fixed: int


class MemoryModel(BaseModel):
    """Bytes, estimated for a batch of examples: of the parameters, and the most that is held while computing."""

    model_config = ConfigDict(title="ModelMemory")

    parameters: int
    prediction: int
    gradient: int
    batch: int


class PerExampleModel(BaseModel):
    """Nanoseconds for one example, within a batch."""

    model_config = ConfigDict(title="ModelNanoseconds")

    prediction: int
    gradient: int


class CostModel(BaseModel):
    """Seconds on one core, estimated for a batch of examples; good to a factor of two or three."""

    model_config = ConfigDict(title="ModelCost")

    prediction_seconds: float
    gradient_seconds: float
    nanoseconds_per_example: PerExampleModel
    batch: int


class ModelLinks(BaseModel):
    """Addresses that belong to a model."""

    self: str
    versions: str
    parameters: str
    predict: str
    onnx: str


class ModelSummary(BaseModel):
    """What a list tells of a stored model."""

    id: str = Field(description="Follows from the definition: the same definition has the same id, on every server.")
    name: str | None
    created: str = Field(description="ISO 8601, UTC.", examples=["2026-11-21T04:03:08.123Z"])
    input: SignalModel
    output: SignalModel
    target: SignalModel
    loss: dict[str, Any]
    seed: int
    count: CountModel
    versions: int = Field(description="How many versions of its parameters there are, the initial one included.")
    links: ModelLinks


class ModelModel(ModelSummary):
    """A stored model."""

    model_config = ConfigDict(title="Model")

    layers: list[LayerModel]
    parameters: list[ParameterModel]
    memory: MemoryModel
    cost: CostModel
    program: str = Field(description="The program of its loss, which is what is differentiated.")
    predict: str = Field(description="The program of its prediction.")
    definition: dict[str, Any] = Field(description="In normal form.")


class ModelsModel(BaseModel):
    """A page of stored models, the oldest first."""

    model_config = ConfigDict(title="Models")

    models: list[ModelSummary]
    next: str | None = Field(description="What to send as `after` for the next page; null on the last one.")


class ModelVersionLinks(BaseModel):
    """Addresses that belong to a version."""

    self: str
    model: str
    parameters: str
    job: str | None = None


class ModelVersion(BaseModel):
    """Parameters of a model, by number: 0 are the initial ones."""

    version: int
    created: str
    job: str | None = Field(description="The job that found them.")
    summary: dict[str, Any] = Field(
        description="What is known of them, such as the metrics of the training; alone, with its history by epochs."
    )
    links: ModelVersionLinks


class ModelVersionsModel(BaseModel):
    """A page of versions, the oldest first."""

    model_config = ConfigDict(title="ModelVersions")

    versions: list[ModelVersion]
    next: str | None = Field(description="What to send as `after` for the next page; null on the last one.")


class WeightsBody(BaseModel):
    """Parameters from elsewhere: all of them, by name. Under a constraint, either the free numbers or the values."""

    model_config = ConfigDict(extra="forbid", title="ModelWeights", json_schema_extra={"examples": [WEIGHTS]})

    parameters: dict[str, AnyArray]


class ParametersModel(BaseModel):
    """The parameters of a version."""

    model_config = ConfigDict(title="ModelParameters")

    model: str
    version: int
    parameters: dict[str, ArrayValue] = Field(description="As the program takes them; free numbers under a constraint.")
    values: dict[str, ArrayValue] = Field(description="The values of those under a constraint.")


class PredictBody(BaseModel):
    """Examples to predict."""

    model_config = ConfigDict(
        extra="forbid", title="PredictQuestion", json_schema_extra={"examples": [{"x": [[0.5, -1], [2, 3]]}]}
    )

    x: AnyArray = Field(description="Examples along the first axis; or one example without that axis.")
    version: Annotated[int, Field(ge=0, le=2**31 - 1)] | None = Field(None, description="The newest if absent.")
    encoding: Literal["json", "base64"] | None = None
    batch_size: Annotated[int, Field(ge=1, le=2**31 - 1)] | None = Field(
        None, description="At most so many examples at a time; otherwise as many as fit well into memory."
    )
    probabilities: bool | None = Field(
        None, description="`true`: probabilities and classes too, for a loss of `cross_entropy` or `bce`."
    )


class PredictionAnswer(BaseModel):
    """Predictions, arranged as the examples were."""

    model_config = ConfigDict(
        title="Prediction",
        json_schema_extra={
            "examples": [{"prediction": [[0.25], [1.5]], "version": 0, "model": "md_…", "warnings": []}]
        },
    )

    prediction: ArrayValue
    probabilities: ArrayValue | None = Field(None, description="Of the classes, or of the class 1 for `bce`.")
    classes: ArrayValue | None = Field(None, alias="class", description="The class with the largest probability.")
    version: int
    model: str
    warnings: list[WarningModel]
