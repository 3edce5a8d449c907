"""Everything that can be set, each with its documented default and its environment name `ADJOINT_…`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from engine.limits import Limits
from service.client.address import URL_NAME

PREFIX = "ADJOINT_"


class Settings(BaseSettings):
    """Settings of one server or one command, read from the environment; sizes in bytes, times in seconds."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="ignore", frozen=True)

    host: str = Field("127.0.0.1", description="The address to listen on.")
    port: int = Field(8000, ge=0, le=65535, description="The port to listen on; 0 takes a free one.")
    workers: int = Field(1, ge=1, le=1024, description="Server processes; each has its own cache, queue and metrics.")
    data_dir: Path = Field(
        default_factory=lambda: Path.home() / ".local" / "share" / "adjoint",
        description="The one folder that is ever written to; made when there is something to store.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="The least level that is logged."
    )
    log_format: Literal["auto", "json", "console"] = Field(
        "auto", description="`json`: one object per line; `console`: for people; `auto`: `console` on a terminal."
    )

    source_chars: int = Field(65_536, ge=1, description="Longest source text, in characters.")
    name_chars: int = Field(100, ge=1, description="Longest name, in characters.")
    nesting: int = Field(100, ge=1, le=1000, description="Deepest nesting of a source text.")
    recursion: int = Field(
        100, ge=1, le=1000, description="How deep a function of a program may call itself while it is compiled."
    )
    loop_nesting: int = Field(12, ge=1, le=50, description="How deep loops of a program may be nested.")
    unrolled_steps: int = Field(
        1_000, ge=1, description="Steps of a loop that are written out where it cannot stay a loop."
    )
    nodes: int = Field(200_000, ge=1, description="Operations in one compiled question.")
    array_bytes: int = Field(512 * 2**20, ge=8, description="Largest single array.")
    run_bytes: int = Field(2 * 2**30, ge=8, description="Memory that one computation may hold at a time.")
    run_seconds: float = Field(
        10.0, gt=0, description="The deadline: seconds that one question may take, waiting included."
    )
    escalation_seconds: float = Field(
        2.0, gt=0, description="What of the deadline may be spent on computing an answer again in high precision."
    )
    witnesses: int = Field(
        2, ge=1, le=256, description="Processes for high precision and sympy, per worker; started when they are needed."
    )
    body_bytes: int = Field(16 * 2**20, ge=1024, description="Largest request body.")
    check_steps: int = Field(10_000, ge=1, description="Steps of an optimiser that are checked at once.")
    vectors_points: int = Field(1000, ge=1, description="Random points in one set of golden vectors.")
    vectors_elements: int = Field(10_000, ge=1, description="Numbers in one point of golden vectors.")
    answer_bytes: int = Field(64 * 2**20, ge=1024, description="Largest answer, as estimated from its arrays.")
    cache_entries: int = Field(2048, ge=1, description="Compiled questions that are kept.")

    database_url: str = Field(
        "",
        pattern=r"^$|^sqlite:///.|^postgres(ql(\+psycopg)?)?://.",
        description="Where all is stored, `postgresql://…` or `sqlite:///…`; empty: a file in the data folder.",
    )
    database_seconds: float = Field(5.0, gt=0, description="How long the database may be busy before a request fails.")
    functions: int = Field(10_000, ge=0, description="Stored functions.")
    function_inputs: int = Field(1000, ge=0, description="Inputs that one stored function declares or binds.")
    function_bytes: int = Field(64 * 2**20, ge=0, description="Data bound to one stored function.")
    store_bytes: int = Field(4 * 2**30, ge=0, description="Data bound to all stored functions together.")
    function_cache_bytes: int = Field(
        512 * 2**20, ge=0, description="Bound data kept in memory, per worker; more is read again for every question."
    )
    function_seconds: float = Field(
        1.0, ge=0, description="How long a worker may go on answering for a function that another one has deleted."
    )

    datasets: int = Field(1000, ge=0, description="Stored datasets.")
    dataset_bytes: int = Field(
        256 * 2**20, ge=1024, description="Largest dataset, both as the file that is uploaded and as its arrays."
    )
    dataset_store_bytes: int = Field(16 * 2**30, ge=0, description="All stored datasets together.")
    dataset_rows: int = Field(10_000_000, ge=1, description="Rows of one dataset.")
    dataset_columns: int = Field(10_000, ge=1, le=65_000, description="Columns of one dataset.")
    dataset_labels: int = Field(10_000, ge=1, description="Different texts in all columns of one dataset together.")
    dataset_seconds: float = Field(120.0, gt=0, description="How long reading one uploaded file may take.")
    dataset_uploads: int = Field(4, ge=1, description="Datasets that are uploaded at the same time, per worker.")
    models: int = Field(1000, ge=0, description="Stored models.")
    model_parameters: int = Field(
        10_000_000, ge=1, description="Numbers that the parameters of one model have together."
    )
    model_versions: int = Field(1000, ge=0, description="Versions of one model, beside the initial one.")
    model_bytes: int = Field(4 * 2**30, ge=0, description="Parameters of all versions of all models together.")
    model_cache_bytes: int = Field(
        512 * 2**20, ge=0, description="Parameters kept in memory, per process; more are read again for every question."
    )

    job_workers: int = Field(
        default_factory=lambda: max(1, min(4, os.cpu_count() or 1)),
        ge=0,
        le=256,
        description="Jobs that run at the same time, per server process, each in a process of its own; 0: none here.",
    )
    job_ready: int = Field(1, ge=0, description="Processes for jobs that are started before there is one.")
    job_queue: int = Field(1000, ge=0, description="Jobs that may wait; one more is refused with 503.")
    jobs: int = Field(10_000, ge=1, description="Jobs that are kept; the oldest finished ones make room.")
    job_store_bytes: int = Field(4 * 2**30, ge=1, description="What all jobs may take together, with histories.")
    job_task_bytes: int = Field(64 * 2**20, ge=1, description="What one job may take when it is posted.")
    job_keep_seconds: float = Field(30 * 86_400.0, gt=0, description="How long a finished job is kept.")
    job_seconds: float = Field(3600.0, gt=0, description="How long one job may run, all attempts together.")
    job_steps: int = Field(10_000_000, ge=0, description="Steps of one job.")
    job_rows: int = Field(100_000, ge=1, description="Rows in the history of one job.")
    job_starts: int = Field(1000, ge=1, description="Starts of one job.")
    job_variables: int = Field(10_000_000, ge=1, description="Numbers that one job moves, all starts together.")
    job_bytes: int = Field(
        8 * 2**30, ge=0, description="Address space of a process that runs jobs, beyond what it begins with; 0: any."
    )
    job_attempts: int = Field(3, ge=1, description="Losses of its process without progress that end a job.")
    job_lease_seconds: float = Field(
        10.0, ge=0.5, description="A running job of which nothing was heard for so long is started again."
    )
    job_grace_seconds: float = Field(5.0, gt=0, description="What a cancelled job may still take, before it is killed.")
    job_poll_seconds: float = Field(1.0, gt=0, description="How often a server looks for jobs that others left.")
    job_watch_seconds: float = Field(0.05, gt=0, description="How often a server looks at jobs that are watched.")

    inline_seconds: float = Field(
        0.001, ge=0, description="Work estimated to take no longer than this runs on the event loop, without a thread."
    )
    inline_chars: int = Field(
        500, ge=0, description="A text never seen before is compiled on the event loop up to here."
    )
    inline_bytes: int = Field(
        16_384, ge=0, description="A body or an answer up to here is converted on the event loop."
    )
    threads: int = Field(
        default_factory=lambda: max(2, min(4, os.cpu_count() or 1)),
        ge=1,
        le=256,
        description="Heavy questions that run at the same time, per worker.",
    )
    queue: int = Field(
        32, ge=0, description="Heavy questions that may wait for a thread; one more is refused with 503."
    )
    receive_seconds: float = Field(
        60.0,
        gt=0,
        description="A request not completely received by then is dropped; a dataset only if less than 64 KiB came per "
        "second of it.",
    )
    keep_alive_seconds: int = Field(30, ge=1, description="An idle connection is closed after this.")
    header_bytes: int = Field(65_536, ge=1024, description="Largest request head: request line and headers.")

    def limits(self) -> Limits:
        """The limits that the engine enforces."""
        return Limits(
            source_chars=self.source_chars,
            nesting=self.nesting,
            name_chars=self.name_chars,
            recursion=self.recursion,
            loop_nesting=self.loop_nesting,
            unrolled_steps=self.unrolled_steps,
            nodes=self.nodes,
            array_bytes=self.array_bytes,
            run_bytes=self.run_bytes,
            run_seconds=self.run_seconds,
            escalation_seconds=self.escalation_seconds,
        )


def environment_name(field: str) -> str:
    """The environment variable that sets `field`."""
    return PREFIX + field.upper()


def unknown_names(environment: dict[str, str] | None = None) -> list[str]:
    """Variables that start like ours and set nothing: most likely misspelt."""
    known = {environment_name(field) for field in Settings.model_fields} | {URL_NAME}
    names = os.environ if environment is None else environment
    return sorted(name for name in names if name.upper().startswith(PREFIX) and name.upper() not in known)
