"""Trainings of models on the wire: the part of a job that only they have."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import TypeAliasType

from engine.models.metrics import METRICS
from service.schemas.arrays import ArrayValue, MaybeNumber
from service.schemas.documented import Documented

_METRICS = ", ".join(f"`{name}`" for name in METRICS)


class ExamplesModel(BaseModel):
    """Examples as they are, with the axis over them first."""

    model_config = ConfigDict(title="TrainingExamples", extra="forbid")

    x: Annotated[Any, Documented(ArrayValue)] = Field(description="What the model takes.")
    y: Annotated[Any, Documented(ArrayValue)] = Field(description="What it should have predicted.")
    weight: Annotated[Any, Documented(ArrayValue | None)] = Field(
        None, description="What each example counts; 1 if absent."
    )


class ColumnsModel(BaseModel):
    """Examples from the columns of a dataset."""

    model_config = ConfigDict(title="TrainingColumns", extra="forbid")

    dataset: str = Field(description="The id or name of a dataset.")
    x: str | list[str] | None = Field(
        None, description="A column, or several side by side; if absent `x`, or all columns of numbers but the others."
    )
    y: str | list[str] | None = Field(None, description="A column, or several; `y` if absent.")
    weight: str | None = Field(None, description="A column.")


class MetricModel(BaseModel):
    """A metric with options."""

    model_config = ConfigDict(title="TrainingMetric")

    name: str = Field(description=f"One of {_METRICS}.")
    k: int | None = Field(None, ge=1, description="For `top_k`; 5 if absent.")


class EarlyStoppingModel(BaseModel):
    """The training ends when so many epochs have not improved the monitored value."""

    model_config = ConfigDict(title="TrainingEarlyStopping", extra="forbid")

    patience: int | None = Field(None, ge=1, description="10 if absent.")
    min_change: float | None = Field(None, ge=0, description="What counts as improvement; any, if absent.")


class FinderModel(BaseModel):
    """A search for a learning rate: each step has a rate that is greater by the same factor."""

    model_config = ConfigDict(title="LearningRateSearch", extra="forbid")

    low: float | None = Field(None, gt=0, description="1e-7 if absent.")
    high: float | None = Field(None, gt=0, description="10 if absent.")
    steps: int | None = Field(None, ge=10, le=10_000, description="100 if absent.")


TrainingData = TypeAliasType("TrainingData", "ExamplesModel | ColumnsModel")
TrainingValidation = TypeAliasType(
    "TrainingValidation", "Annotated[float, Field(gt=0, lt=1)] | ExamplesModel | ColumnsModel"
)
TrainingSeeds = TypeAliasType("TrainingSeeds", "Annotated[int, Field(ge=1, le=100)] | list[int]")
ClassWeights = TypeAliasType("ClassWeights", "Literal['balanced'] | dict[str, float]")


class TrainingModel(BaseModel):
    """How a model is trained, with all defaults."""

    model_config = ConfigDict(title="JobTraining")

    epochs: int
    steps_per_epoch: int
    batch_size: int = Field(description="Of all batches but the last of an epoch, which may be smaller.")
    examples: int = Field(description="To train on.")
    validation_examples: int = Field(description="To validate with; 0 for none.")
    shuffle: bool
    seed: int
    seeds: list[int] = Field(description="The seeds of the runs, which are the starts of the job.")
    metrics: list[str]
    class_weight: Any
    early_stopping: EarlyStoppingModel | None
    keep: Literal["best", "last"]
    monitor: Literal["validation_value", "epoch_value"] = Field(description="What is best where it is lowest.")
    find_learning_rate: FinderModel | None


class RemarkModel(BaseModel):
    """Something that was noticed of the gradients, once for each kind, layer and run."""

    model_config = ConfigDict(title="TrainingRemark")

    step: int
    epoch: int
    start: int = Field(description="Of several runs, which.")
    kind: Literal["vanishing", "exploding", "dead", "large-step"]
    layer: str
    detail: str


class ScoresModel(BaseModel):
    """What was measured at the end of an epoch: `epoch_value`, `validation_value`, and metrics by name."""

    model_config = ConfigDict(title="TrainingScores", extra="allow")
    __pydantic_extra__: dict[str, MaybeNumber | list[list[int]]]
