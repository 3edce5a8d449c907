"""How a command ends that was refused."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import typer

REFUSED = 2
"""The exit code when a question is refused."""


@contextmanager
def refusals_told() -> Iterator[None]:
    """A refusal goes to standard error, in words, with all of its faults."""
    from engine.errors import EngineError
    from service.errors import ServiceError

    try:
        yield
    except (EngineError, ServiceError) as error:
        typer.echo(str(error), err=True)
        for fault in error.faults[1:]:
            typer.echo(f"also {fault.pointer}: {fault.detail}", err=True)
        raise typer.Exit(REFUSED) from None
