"""Datasets, which were deleted, and where this database has their files."""

from __future__ import annotations

import secrets

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
COUNTERS = sa.table("counters", sa.column("name", sa.String), sa.column("value", sa.BigInteger))


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "datasets",
        sa.Column("number", NUMBER, primary_key=True, autoincrement=True),
        sa.Column("id", sa.String(64), nullable=False, unique=True),
        sa.Column("name", sa.Text, nullable=True, unique=True),
        sa.Column("rows", sa.BigInteger, nullable=True),
        sa.Column("bytes", sa.BigInteger, nullable=False),
        sa.Column("columns", sa.Text, nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "deleted_datasets",
        sa.Column("number", NUMBER, primary_key=True, autoincrement=True),
        sa.Column("id", sa.String(64), nullable=False, unique=True),
        sqlite_autoincrement=True,
    )
    op.execute(sa.insert(COUNTERS).values(name="dataset_folder", value=secrets.randbits(62)))


def downgrade() -> None:
    """Remove them."""
    op.execute(sa.delete(COUNTERS).where(COUNTERS.c.name == "dataset_folder"))
    for table in ("deleted_datasets", "datasets"):
        op.drop_table(table)
