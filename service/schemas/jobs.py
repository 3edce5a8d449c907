"""Jobs on the wire."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import TypeAliasType

from engine.optimise.methods import METHODS
from engine.optimise.schedules import SCHEDULES
from engine.optimise.stopping import StopReason
from service.schemas.answer import WarningModel
from service.schemas.arrays import AnyArray, ArrayValue, MaybeNumber, Number
from service.schemas.documented import Documented
from service.schemas.problem import ProblemModel
from service.schemas.question import PROGRAM_TEXT
from service.schemas.steps import ClipModel, MethodModel, ScheduleModel
from service.schemas.training import (
    ClassWeights,
    EarlyStoppingModel,
    FinderModel,
    MetricModel,
    RemarkModel,
    ScoresModel,
    TrainingData,
    TrainingModel,
    TrainingSeeds,
    TrainingValidation,
)

State = Literal["queued", "running", "succeeded", "failed", "cancelled"]
_METHODS = ", ".join(f"`{name}`" for name in METHODS)
_SCHEDULES = ", ".join(f"`{name}`" for name in SCHEDULES)
_EXAMPLES: Any = [
    {"expr": "(1-x)^2 + 100*(y-x^2)^2", "start": {"x": -1.2, "y": 1}},
    {
        "expr": "sum((X @ w - y)^2) / 2",
        "start": {"w": [0, 0]},
        "data": {"X": [[1, 2], [3, 4], [5, 6]], "y": [1, 2, 3]},
        "method": {"name": "adam", "lr": 0.1},
        "stop": {"max_steps": 500},
    },
]


class JobMethodModel(MethodModel):
    """A method with options; those left out have their defaults."""

    model_config = ConfigDict(title="JobMethod")

    name: str = Field(description=f"One of {_METHODS}.")


class JobScheduleModel(ScheduleModel):
    """A schedule of the learning rate, with options."""

    model_config = ConfigDict(title="JobSchedule")

    name: str = Field(description=f"One of {_SCHEDULES}, `reduce-on-plateau`.")


class StopModel(BaseModel):
    """When the run ends: at the first of these that is met. Those left out are not looked at."""

    model_config = ConfigDict(title="JobStop", extra="forbid")

    max_steps: int | None = Field(None, ge=0, description="1000 if absent.")
    max_seconds: float | None = Field(None, gt=0, description="All attempts together.")
    grad_norm: float | None = Field(
        None, ge=0, description="The norm of the gradient is at most this; 1e-8 if absent, 0 for second-order methods."
    )
    relative_change: float | None = Field(None, ge=0, description="A step changes the value by at most this part.")
    target: float | None = Field(None, description="The value is as good as this.")
    patience: int | None = Field(None, ge=1, description="So many steps in a row have not improved the best value.")


class RecordModel(BaseModel):
    """What the history keeps."""

    model_config = ConfigDict(title="JobRecord", extra="forbid")

    every: int | None = Field(None, ge=1, description="One step of so many, and the last; if absent, as many as fit.")
    grad_norm: bool | None = Field(None, description="The norms of the gradients; true if absent.")
    variables: bool | None = Field(None, description="The variables themselves; false if absent.")


class DrawnStarts(BaseModel):
    """Random starts, uniform between two ends."""

    model_config = ConfigDict(title="DrawnStarts", extra="forbid")

    count: int = Field(ge=1)
    low: Annotated[Any, Documented(ArrayValue | dict[str, ArrayValue])] = Field(description="For all, or by name.")
    high: Annotated[Any, Documented(ArrayValue | dict[str, ArrayValue])]
    seed: int | None = Field(None, ge=0, description="That of the job, if absent.")


Arrays = dict[str, AnyArray]
Bounds = dict[str, list[Any]]
Starts = TypeAliasType("Starts", "list[dict[str, ArrayValue]] | DrawnStarts")


class JobBody(BaseModel):
    """What to minimise, from where, and how. Exactly one of `expr`, `program`, `function` and `model` is there.

    With a model, its loss on the data is minimised by mini-batches; `start`, `direction`, `bounds`, `starts` and
    `precision` are not for models, and the fields from `version` on are for nothing else.
    """

    model_config = ConfigDict(extra="forbid", title="JobRequest", json_schema_extra={"examples": _EXAMPLES})

    expr: str | None = Field(None, description="The objective as an expression, of one real number.")
    program: str | None = Field(None, description=PROGRAM_TEXT)
    function: str | None = Field(None, description="The id or name of a stored function.")
    model: str | None = Field(None, description="The id or name of a stored model, which is trained.")
    start: Arrays | None = Field(None, description="The variables, and where they start.", examples=[{"x": -1.2}])
    data: Annotated[Any, Documented(Arrays | TrainingData | None)] = Field(
        None, description="Inputs that stay fixed; for a model, its examples or the columns of a dataset."
    )
    direction: Literal["minimize", "maximize"] | None = Field(None, description="`minimize` if absent.")
    method: Annotated[Any, Documented(str | JobMethodModel | None)] = Field(
        None, description="A name, or a name with options; `auto` if absent, and the choice is told.", examples=["adam"]
    )
    schedule: Annotated[Any, Documented(str | JobScheduleModel | None)] = Field(
        None, description="How the learning rate changes; for first-order methods."
    )
    clip: ClipModel | None = Field(None, description="How gradients are clipped; for first-order methods.")
    bounds: Annotated[Any, Documented(Bounds | None)] = Field(
        None, description="`[low, high]` by variable, null for none.", examples=[{"x": [0, None]}]
    )
    stop: StopModel | None = Field(None, description="When the run ends.")
    record: RecordModel | None = Field(None, description="What the history keeps.")
    starts: Annotated[Any, Documented(Starts | None)] = Field(
        None, description="Several starts: a list, or random ones, of which `start` is then the first."
    )
    seed: int | None = Field(None, ge=0, description="Everything random is drawn from it; 0 if absent.")
    precision: Literal["auto", "float64", "exact"] | None = Field(
        None, description="`exact`: every point in as many digits as it takes. Otherwise, and if absent, in float64."
    )
    version: int | None = Field(
        None, ge=0, description="The version of the parameters to begin with; if absent, they are drawn."
    )
    validation: Annotated[Any, Documented(TrainingValidation | None)] = Field(
        None, description="Examples to validate with, or the part of the data that is set apart for it."
    )
    epochs: int | None = Field(None, ge=1, description="How often all examples are gone through; 10 if absent.")
    batch_size: Annotated[Any, Documented(int | Literal["all"] | None)] = Field(
        None, description="Examples in one step; 32 if absent."
    )
    shuffle: bool | None = Field(None, description="Every epoch has an order of its own; true if absent.")
    seeds: Annotated[Any, Documented(TrainingSeeds | None)] = Field(
        None, description="Several runs side by side, each with parameters of its own: seeds, or how many."
    )
    metrics: Annotated[Any, Documented(list[str | MetricModel] | None)] = Field(
        None, description="What is measured beside the loss; `accuracy` for models of classes, if absent."
    )
    class_weight: Annotated[Any, Documented(ClassWeights | None)] = Field(
        None, description="What the examples of each class count, by its number; 1 for those left out."
    )
    early_stopping: Annotated[Any, Documented(bool | int | EarlyStoppingModel | None)] = Field(
        None, description="After how many epochs without improvement it ends."
    )
    keep: Literal["best", "last"] | None = Field(
        None, description="Which parameters become the new version: after which epoch; `best` if absent."
    )
    find_learning_rate: Annotated[Any, Documented(bool | FinderModel | None)] = Field(
        None, description="Search for a learning rate instead, and leave the model as it is."
    )


class ProgressModel(BaseModel):
    """How far a job is, as of the last time its worker told; `rows` is the length of the history."""

    model_config = ConfigDict(title="JobProgress")

    step: int
    max_steps: int
    value: MaybeNumber
    best: MaybeNumber
    rows: int
    remarks: list[RemarkModel] = Field([], description="What was noticed of the gradients of a model.")


class LastModel(BaseModel):
    """The last point of a start."""

    model_config = ConfigDict(title="JobLast")

    step: int
    value: MaybeNumber
    grad_norm: Number | None = None
    variables: Arrays | None = None
    epoch: int | None = Field(None, description="Of a model.")
    scores: ScoresModel | None = Field(None, description="Of a model.")


class StartModel(BaseModel):
    """What one start has found: its best point."""

    model_config = ConfigDict(title="JobStart")

    value: MaybeNumber
    grad_norm: MaybeNumber
    step: int = Field(description="After so many steps.")
    steps: int = Field(description="Steps in all.")
    stop_reason: StopReason | None = Field(description="Why it ended.")
    message: str = Field(description="The same in a sentence.")
    restarts: list[int] = Field(description="Steps at which the method had to begin anew, because a worker was lost.")
    variables: Arrays | None = Field(None, description="Left out in lists of jobs.")
    last: LastModel | None = Field(description="The last point; of a model, at the end of the last epoch.")
    seed: int | None = Field(None, description="Of a model: the seed of the run.")
    epoch: int | None = Field(None, description="Of a model: after so many epochs.")
    scores: ScoresModel | None = Field(None, description="Of a model: what was measured at the end of that epoch.")


class ResultModel(StartModel):
    """What a job has found: the best point of the best start."""

    model_config = ConfigDict(title="JobResult")

    warnings: list[WarningModel] = Field(description="What is to be said of that point.")
    start: int | None = Field(None, description="Of several starts, the one that found it.")
    starts: list[StartModel] | None = None
    model: str | None = Field(None, description="The id of the model that was trained.")
    version: int | None = Field(None, description="The version of its parameters that this has made, if it has.")
    remarks: list[RemarkModel] | None = Field(None, description="What was noticed of the gradients of a model.")
    training_value: MaybeNumber = Field(
        None, description="Of a training: the loss of the parameters that are kept on all examples, without dropout."
    )
    suggested_learning_rate: float | None = Field(None, description="Of a search; null where the loss never fell.")


class EntryModel(BaseModel):
    """Something that happened to a job."""

    model_config = ConfigDict(title="JobEntry")

    at: str
    event: str
    detail: str


class JobLinks(BaseModel):
    """Addresses that belong to a job."""

    self: str
    history: str
    events: str
    cancel: str


class JobModel(BaseModel):
    """A job."""

    model_config = ConfigDict(title="Job")

    id: str
    state: State
    created: str = Field(description="ISO 8601, UTC.")
    started: str | None
    finished: str | None
    attempts: int = Field(description="How often it was started: more than once where a worker was lost.")
    cancelling: bool = Field(description="A cancel was asked for, and the computation has not stopped yet.")
    queue_position: int | None = Field(description="How many jobs wait before it, while it waits.")
    progress: ProgressModel
    result: ResultModel | None
    error: Annotated[Any, Documented(ProblemModel | None)] = Field(description="Why it failed.")
    objective: dict[str, str] = Field(description="The beginning of its text.")
    direction: Literal["minimize", "maximize"]
    method: dict[str, Any] = Field(description="With all of its options.")
    why: str | None = Field(description="Why it has this method, where none was named.")
    schedule: dict[str, Any] | None
    clip: dict[str, Any] | None
    variables: dict[str, list[int]] = Field(description="Their shapes.")
    bounds: bool
    starts: int
    stop: dict[str, Any]
    record: dict[str, Any] = Field(description="With `columns` of a model: what its history has beside the others.")
    training: TrainingModel | None = Field(None, description="Of a model.")
    story: list[EntryModel]
    links: JobLinks


class JobsModel(BaseModel):
    """A page of jobs, the newest first, without variables."""

    model_config = ConfigDict(title="Jobs")

    jobs: list[JobModel]
    next: str | None = Field(description="What to send as `after` for the next page; null on the last one.")


class HistoryModel(BaseModel):
    """A page of a history by columns.

    That of a model has more of them: `epoch`; at the end of each epoch and null elsewhere `epoch_value`,
    `validation_value` and metrics; and for every layer `grad_norm.NAME` and `update_ratio.NAME`.
    """

    model_config = ConfigDict(title="JobHistory", extra="allow")
    __pydantic_extra__: dict[str, list[MaybeNumber]]

    index: list[int]
    start: list[int] | None = Field(None, description="Where there are several starts.")
    step: list[int]
    value: list[Number]
    grad_norm: list[Number] | None = None
    learning_rate: list[MaybeNumber] = Field(
        description="Of the step that led here; the damping, radius or step length of a second-order method."
    )
    variables: Arrays | None = None
    next: int | None = Field(description="What to send as `after` for what comes next; null when nothing will.")
