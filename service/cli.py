"""The command `adjoint`: the service, and the same questions without one.

Imports that take long are made by the command that needs them: `adjoint grad` never loads the web framework.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from service.job_cli import jobs
from service.refusing import REFUSED, refusals_told

app = typer.Typer(
    name="adjoint",
    help="Values and exact derivatives of expressions and programs.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(jobs, name="job")


Expr = Annotated[
    str | None,
    typer.Argument(help="An expression, such as 'x^2*sin(y)', or a file with a program, NAME.adj.", show_default=False),
]
Inputs = Annotated[
    list[str] | None,
    typer.Argument(help="Inputs as name=JSON or name=@FILE: x=3, v=[1,2,3], s=NaN.", show_default=False),
]
Wrt = Annotated[list[str] | None, typer.Option(help="An input to differentiate by; may be repeated. Default: all.")]
Batch = Annotated[list[str] | None, typer.Option(help="An input whose first axis runs over points; may be repeated.")]
Precision = Annotated[str | None, typer.Option(help="auto (the default), float64 or exact.")]
Program = Annotated[
    Path | None, typer.Option(help="A file with a program, in place of an expression; - is standard input.")
]
At = Annotated[
    str | None, typer.Option(help="All inputs as one JSON object, or a file with a request body that has them.")
]
File = Annotated[Path | None, typer.Option(help="A request body as sent to the service; - is standard input.")]
# An expression may begin with a minus sign.
_LENIENT = {"ignore_unknown_options": True}


@app.command(context_settings=_LENIENT)
def grad(
    expr: Expr = None,
    inputs: Inputs = None,
    program: Program = None,
    at: At = None,
    wrt: Wrt = None,
    batch: Batch = None,
    precision: Precision = None,
    file: File = None,
) -> None:
    """Evaluate and differentiate; prints the JSON that POST /grad answers."""
    _answer("grad", expr, inputs or [], program, at, wrt, batch, precision, file)


@app.command(context_settings=_LENIENT)
def value(
    expr: Expr = None,
    inputs: Inputs = None,
    program: Program = None,
    at: At = None,
    batch: Batch = None,
    precision: Precision = None,
    file: File = None,
) -> None:
    """Evaluate; prints the JSON that POST /value answers."""
    _answer("value", expr, inputs or [], program, at, None, batch, precision, file)


@app.command()
def check(
    file: Annotated[Path, typer.Argument(help="A request body as sent to POST /check; - is standard input.")],
) -> None:
    """Check a claimed gradient; prints the report that POST /check answers."""
    from service.arguments import content_of_file
    from service.local import verdict

    _print(lambda: verdict(content_of_file(file), _settings()))


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="The address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="The port; 0 takes a free one.")] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Server processes.")] = None,
) -> None:
    """Run the HTTP service; every further setting comes from the environment (see `adjoint settings`)."""
    from service.serve import serve as run

    given = {name: given for name, given in (("host", host), ("port", port), ("workers", workers)) if given is not None}
    run(_settings().model_copy(update=given))


@app.command()
def settings() -> None:
    """Print the effective settings as environment variables, each with what it is for."""
    from service.settings import Settings, environment_name, unknown_names

    effective = _settings()
    for name, field in Settings.model_fields.items():
        typer.echo(f"# {field.description}\n{environment_name(name)}={getattr(effective, name)}")
    for unknown in unknown_names():
        typer.echo(f"warning: {unknown} is set and is no setting of Adjoint", err=True)


@app.command()
def version() -> None:
    """Print the version."""
    from service.versions import package_version

    typer.echo(package_version())


def main() -> None:
    """The console command."""
    app()


def _settings() -> Any:
    from pydantic import ValidationError

    from service.settings import Settings, environment_name

    try:
        return Settings()
    except ValidationError as error:
        for fault in error.errors():
            typer.echo(f"{environment_name(str(fault['loc'][0]))}: {fault['msg']}", err=True)
        raise typer.Exit(REFUSED) from None


def _answer(
    ask: str,
    expr: str | None,
    inputs: list[str],
    program: Path | None,
    at: str | None,
    wrt: list[str] | None,
    batch: list[str] | None,
    precision: str | None,
    file: Path | None,
) -> None:
    from service.arguments import content_of_arguments, content_of_file, told_apart
    from service.local import answer

    expr, inputs, program = told_apart(expr, inputs, program)

    def answered() -> bytes:
        if file is not None:
            content = content_of_file(file)
        else:
            content = content_of_arguments(expr, inputs, wrt, batch, precision, program, at)
        return answer(content, ask, _settings())

    _print(answered)


def _print(made: Callable[[], bytes]) -> None:
    """Print what is made, or why not."""
    with refusals_told():
        sys.stdout.buffer.write(made() + b"\n")


if __name__ == "__main__":
    main()
