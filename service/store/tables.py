"""The tables, as the newest migration leaves them."""

from __future__ import annotations

import sqlalchemy as sa

metadata = sa.MetaData()

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
"""SQLite numbers rows by itself only in a column of its own INTEGER type."""

functions = sa.Table(
    "functions",
    metadata,
    sa.Column("number", NUMBER, primary_key=True, autoincrement=True),
    sa.Column("id", sa.String(64), nullable=False, unique=True),
    sa.Column("name", sa.Text, nullable=True, unique=True),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("inputs", sa.JSON, nullable=False),
    sa.Column("outputs", sa.JSON, nullable=True),
    sa.Column("model", sa.Boolean, nullable=False),
    sa.Column("bytes", sa.BigInteger, nullable=False),
    sa.Column("created", sa.BigInteger, nullable=False),
    # No number is given twice, so that a cursor never comes to stand before something new.
    sqlite_autoincrement=True,
)
"""One row per function; `number` is the order of creation, `created` in milliseconds since 1970 (UTC)."""

function_data = sa.Table(
    "function_data",
    metadata,
    sa.Column("function", NUMBER, sa.ForeignKey("functions.number", ondelete="CASCADE"), primary_key=True),
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("dtype", sa.String(16), nullable=False),
    sa.Column("shape", sa.JSON, nullable=False),
    sa.Column("content", sa.LargeBinary, nullable=False),
)
"""The arrays bound to a function, each as its bytes: little-endian, in C order."""

deleted_functions = sa.Table(
    "deleted_functions",
    metadata,
    sa.Column("number", NUMBER, primary_key=True, autoincrement=True),
    sa.Column("id", sa.String(64), nullable=False, unique=True),
    sqlite_autoincrement=True,
)
"""The ids of what was deleted last, so that it can be told from what never was."""

counters = sa.Table(
    "counters",
    metadata,
    sa.Column("name", sa.String(32), primary_key=True),
    sa.Column("value", sa.BigInteger, nullable=False),
)
"""`functions` grows with every deletion: by it a worker sees that what it has in memory may be gone.

`dataset_folder` is a random number, which the folder with the files of this database's datasets is called by.
"""

jobs = sa.Table(
    "jobs",
    metadata,
    sa.Column("number", NUMBER, primary_key=True, autoincrement=True),
    sa.Column("id", sa.String(64), nullable=False, unique=True),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("created", sa.BigInteger, nullable=False),
    sa.Column("finished", sa.BigInteger, nullable=True),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("lease", sa.BigInteger, nullable=False),
    sa.Column("cancelling", sa.BigInteger, nullable=True),
    sa.Column("revision", sa.BigInteger, nullable=False),
    sa.Column("rows", sa.BigInteger, nullable=False),
    sa.Column("bytes", sa.BigInteger, nullable=False),
    sa.Column("key", sa.Text, nullable=True, unique=True),
    sa.Column("digest", sa.String(64), nullable=False),
    sa.Column("rest", sa.Text, nullable=False),
    sa.Index("jobs_by_state", "state", "number"),
    sqlite_autoincrement=True,
)
"""One row per job.  What is asked for has a column; the `rest` is JSON.  Times are in milliseconds since 1970 (UTC)."""

job_contents = sa.Table(
    "job_contents",
    metadata,
    sa.Column("job", NUMBER, sa.ForeignKey("jobs.number", ondelete="CASCADE"), primary_key=True),
    sa.Column("kind", sa.String(16), primary_key=True),
    sa.Column("content", sa.LargeBinary, nullable=False),
)
"""What a job is to do, how far it is, and the variables of its result."""

job_history = sa.Table(
    "job_history",
    metadata,
    sa.Column("job", NUMBER, sa.ForeignKey("jobs.number", ondelete="CASCADE"), primary_key=True),
    sa.Column("first", sa.BigInteger, primary_key=True),
    sa.Column("count", sa.Integer, nullable=False),
    sa.Column("content", sa.LargeBinary, nullable=False),
)
"""Histories, many rows in one: from index `first` on."""

deleted_jobs = sa.Table(
    "deleted_jobs",
    metadata,
    sa.Column("number", NUMBER, primary_key=True, autoincrement=True),
    sa.Column("id", sa.String(64), nullable=False, unique=True),
    sqlite_autoincrement=True,
)
"""The ids of the jobs that were deleted last."""

datasets = sa.Table(
    "datasets",
    metadata,
    sa.Column("number", NUMBER, primary_key=True, autoincrement=True),
    sa.Column("id", sa.String(64), nullable=False, unique=True),
    sa.Column("name", sa.Text, nullable=True, unique=True),
    sa.Column("rows", sa.BigInteger, nullable=True),
    sa.Column("bytes", sa.BigInteger, nullable=False),
    sa.Column("columns", sa.Text, nullable=False),
    sa.Column("created", sa.BigInteger, nullable=False),
    sqlite_autoincrement=True,
)
"""One row per dataset, whose numbers are in a file; `columns` is JSON."""

deleted_datasets = sa.Table(
    "deleted_datasets",
    metadata,
    sa.Column("number", NUMBER, primary_key=True, autoincrement=True),
    sa.Column("id", sa.String(64), nullable=False, unique=True),
    sqlite_autoincrement=True,
)
"""The ids of the datasets that were deleted last."""

models = sa.Table(
    "models",
    metadata,
    sa.Column("number", NUMBER, primary_key=True, autoincrement=True),
    sa.Column("id", sa.String(64), nullable=False, unique=True),
    sa.Column("name", sa.Text, nullable=True, unique=True),
    sa.Column("definition", sa.Text, nullable=False),
    sa.Column("estimate", sa.JSON, nullable=False),
    sa.Column("created", sa.BigInteger, nullable=False),
    sqlite_autoincrement=True,
)
"""One row per model: its definition in normal form as JSON, and what it was estimated to cost when it was stored."""

model_versions = sa.Table(
    "model_versions",
    metadata,
    sa.Column("model", NUMBER, sa.ForeignKey("models.number", ondelete="CASCADE"), primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("created", sa.BigInteger, nullable=False),
    sa.Column("job", sa.String(64), nullable=True),
    sa.Column("bytes", sa.BigInteger, nullable=False),
    sa.Column("digest", sa.String(64), nullable=False),
    sa.Column("summary", sa.JSON, nullable=False),
    sa.Column("content", sa.LargeBinary, nullable=False),
    sa.UniqueConstraint("model", "job", name="model_versions_by_job"),
)
"""The parameters of a model from version 1 on, in the format of safetensors; version 0 follows from the definition."""

deleted_models = sa.Table(
    "deleted_models",
    metadata,
    sa.Column("number", NUMBER, primary_key=True, autoincrement=True),
    sa.Column("id", sa.String(64), nullable=False, unique=True),
    sqlite_autoincrement=True,
)
"""The ids of the models that were deleted last."""
