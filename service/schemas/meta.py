"""What the service says of itself."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, create_model

from service.settings import Settings

LIMITS = (
    "source_chars",
    "name_chars",
    "nesting",
    "recursion",
    "loop_nesting",
    "unrolled_steps",
    "nodes",
    "array_bytes",
    "run_bytes",
    "run_seconds",
    "escalation_seconds",
    "check_steps",
    "vectors_points",
    "vectors_elements",
    "body_bytes",
    "answer_bytes",
    "functions",
    "function_inputs",
    "function_bytes",
    "store_bytes",
    "datasets",
    "dataset_bytes",
    "dataset_store_bytes",
    "dataset_rows",
    "dataset_columns",
    "dataset_labels",
    "dataset_seconds",
    "dataset_uploads",
    "models",
    "model_parameters",
    "model_versions",
    "model_bytes",
    "header_bytes",
    "threads",
    "queue",
    "job_workers",
    "job_queue",
    "jobs",
    "job_store_bytes",
    "job_task_bytes",
    "job_keep_seconds",
    "job_seconds",
    "job_steps",
    "job_rows",
    "job_starts",
    "job_variables",
    "job_bytes",
    "job_attempts",
)
"""The settings that a client meets as limits."""


class VersionModel(BaseModel):
    """What is running."""

    model_config = ConfigDict(title="Version")

    api: int = Field(description="The number of the HTTP contract.", examples=[1])
    adjoint: str = Field(description="The version of the package.", examples=["0.1.0"])
    engine: str = Field(description="The version of the engine.", examples=["0.1.0"])


class HealthModel(BaseModel):
    """How the service is."""

    model_config = ConfigDict(title="Health")

    status: str = Field(examples=["ok"])


def _limit(name: str) -> Any:
    field = Settings.model_fields[name]
    return (field.annotation, Field(description=field.description))


LimitsModel = create_model("Limits", __doc__="The limits of this server.", **{name: _limit(name) for name in LIMITS})
