"""The commands `adjoint job …`: jobs of a server that runs.

They end with 0 when all went well, and otherwise: 1, the job has failed; 2, the request was refused; 3, the server gave
no answer; 4, the job was cancelled; 130, Ctrl-C.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from service.client.address import DEFAULT_URL, URL_NAME
from service.refusing import refusals_told

if TYPE_CHECKING:
    from service.client.following import Patience
    from service.client.screen import Screen
    from service.client.watching import Wishes

jobs = typer.Typer(
    help="Jobs of a running server: minimise an objective, and watch how it goes.\n\n"
    "Exit codes: 1, the job has failed; 2, the request was refused; 3, the server gave no answer; "
    "4, the job was cancelled; 130, Ctrl-C.",
    no_args_is_help=True,
)

RECONNECT_SECONDS = 120.0
PAGE = 100
"""Jobs that a server tells of in one answer, at most."""

Url = Annotated[str, typer.Option(envvar=URL_NAME, help="Where the server is.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, as the server answers.")]
Chart = Annotated[
    bool | None, typer.Option("--chart/--no-chart", help="Draw the values. Default: in a terminal.", show_default=False)
]
Reconnect = Annotated[float, typer.Option(min=0, help="For how many seconds a server that was lost is asked again.")]
CancelOnInterrupt = Annotated[bool, typer.Option("--cancel-on-interrupt", help="Ctrl-C cancels the job.")]
Id = Annotated[str, typer.Argument(help="The id of a job.", show_default=False)]
Ids = Annotated[list[str], typer.Argument(help="The ids of jobs.", show_default=False)]


def _many(help: str) -> Any:
    return typer.Option(help=help + " May be repeated.", show_default=False)


def _one(help: str, **more: Any) -> Any:
    return typer.Option(help=help, show_default=False, **more)


# An expression may begin with a minus sign.
@jobs.command(context_settings={"ignore_unknown_options": True})
def submit(
    expr: Annotated[
        str | None,
        typer.Argument(
            help="The objective, such as 'x^2+y^2', or a file with a program, NAME.adj.", show_default=False
        ),
    ] = None,
    inputs: Annotated[
        list[str] | None,
        typer.Argument(help="The variables and where they start: x=1, w=[0,0], W=@FILE.json.", show_default=False),
    ] = None,
    data: Annotated[list[str] | None, _many("An input that stays fixed: X=[[1,2],[3,4]], y=@FILE.json.")] = None,
    method: Annotated[str | None, _one("The name of a method; or JSON, name and options. Default: auto.")] = None,
    option: Annotated[list[str] | None, _many("An option of the method: lr=0.02.")] = None,
    schedule: Annotated[str | None, _one("The name of a schedule of the learning rate; or JSON.")] = None,
    clip: Annotated[str | None, _one("How gradients are clipped: norm=1, value=0.5; or JSON.")] = None,
    bounds: Annotated[list[str] | None, _many("Bounds of a variable: x=[0,null].")] = None,
    maximize: Annotated[bool, typer.Option("--maximize", help="Look for the largest value.")] = False,
    steps: Annotated[int | None, _one("No more steps than this. Default: 1000.")] = None,
    seconds: Annotated[float | None, _one("No more time than this.")] = None,
    target: Annotated[float | None, _one("Stop at a value as good as this.")] = None,
    grad_norm: Annotated[float | None, _one("Stop where the norm of the gradient is at most this.")] = None,
    relative_change: Annotated[float | None, _one("Stop when a step changes the value by at most this part.")] = None,
    patience: Annotated[int | None, _one("Stop when so many steps in a row have not improved the best value.")] = None,
    starts: Annotated[int | None, _one("So many starts, drawn between --low and --high.")] = None,
    low: Annotated[list[str] | None, _many("The lower end: a number for all variables, or x=-2.")] = None,
    high: Annotated[list[str] | None, _many("The upper end: a number for all variables, or x=2.")] = None,
    seed: Annotated[int | None, _one("What everything random is drawn from. Default: 0.")] = None,
    every: Annotated[int | None, _one("Keep one step of so many in the history.")] = None,
    precision: Annotated[str | None, _one("auto (the default), float64 or exact.")] = None,
    program: Annotated[
        Path | None, _one("A file with a program, in place of an expression; - is standard input.")
    ] = None,
    function: Annotated[str | None, _one("The id or name of a stored function, in place of an expression.")] = None,
    file: Annotated[Path | None, _one("A request body; arguments replace what is in it. - is standard input.")] = None,
    key: Annotated[str | None, _one("A word of your own: the same request with it again is the same job.")] = None,
    wait: Annotated[bool, typer.Option(help="Watch the job to its end; otherwise print its id.")] = True,
    json: Json = False,
    chart: Chart = None,
    cancel_on_interrupt: CancelOnInterrupt = False,
    reconnect: Reconnect = RECONNECT_SECONDS,
    url: Url = DEFAULT_URL,
) -> None:
    """Minimise an objective: prints how it goes and what was found."""
    from service.client.bodies import job_body
    from service.client.server import Server
    from service.client.watching import Wishes, print_json

    server = Server(url)
    with _told():
        body = job_body(
            expr,
            inputs or [],
            program=program,
            function=function,
            file=file,
            data=data or [],
            bounds=bounds or [],
            method=method,
            options=option or [],
            schedule=schedule,
            clip=clip,
            starts=starts,
            low=low or [],
            high=high or [],
            stop={
                "max_steps": steps,
                "max_seconds": seconds,
                "grad_norm": grad_norm,
                "relative_change": relative_change,
                "target": target,
                "patience": patience,
            },
            record={"every": every},
            fields={"direction": "maximize" if maximize else None, "seed": seed, "precision": precision},
        )
        screen, asking = _watching(json, reconnect)
        headers = {"idempotency-key": key or _own_key()}
        job = asking.asked(lambda: server.ask("POST", "/jobs", body, headers))
        if wait:
            _watch(server.url, job, screen, asking, Wishes(json, chart, cancel_on_interrupt))
        elif json:
            print_json(job)
        else:
            print(job["id"])


@jobs.command()
def watch(
    id: Id,
    json: Json = False,
    chart: Chart = None,
    cancel_on_interrupt: CancelOnInterrupt = False,
    reconnect: Reconnect = RECONNECT_SECONDS,
    url: Url = DEFAULT_URL,
) -> None:
    """Watch a job to its end; of one that has ended, its end."""
    from service.client.server import Server, job_path
    from service.client.watching import Wishes

    with _told():
        screen, asking = _watching(json, reconnect)
        job = asking.asked(lambda: Server(url).get(job_path(id)))
        _watch(url, job, screen, asking, Wishes(json, chart, cancel_on_interrupt))


@jobs.command()
def cancel(ids: Ids, json: Json = False, reconnect: Reconnect = RECONNECT_SECONDS, url: Url = DEFAULT_URL) -> None:
    """Cancel jobs, and wait until they have stopped; one that had ended stays as it is."""
    from service.client.server import Server
    from service.client.summary import ending
    from service.client.watching import cancelled, print_json

    with _told():
        for id in ids:
            job = cancelled(Server(url), id, _watching(json, reconnect)[1])
            if json:
                print_json(job)
            else:
                print(ending(job))


@jobs.command("list")
def listed(
    state: Annotated[str | None, _one("Those in this state: queued, running, succeeded, failed, cancelled.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="No more jobs than this.")] = 20,
    json: Json = False,
    url: Url = DEFAULT_URL,
) -> None:
    """A table of the jobs, the newest first."""
    import shutil
    from urllib.parse import urlencode

    from service.client.server import Server
    from service.client.summary import listing
    from service.client.watching import print_json

    with _told():
        found: list[Any] = []
        page: dict[str, Any] = {"next": ""}
        while len(found) < limit and page["next"] is not None:
            asked = {"state": state, "after": page["next"] or None, "limit": min(limit - len(found), PAGE)}
            query = urlencode({name: value for name, value in asked.items() if value is not None})
            page = Server(url).get(f"/jobs?{query}")
            found += page["jobs"]
        if json:
            print_json({"jobs": found, "next": page["next"]})
        elif found:
            print("\n".join(listing(found, shutil.get_terminal_size((120, 24)).columns)))
        else:
            print("There are no jobs." if state is None else f"There are no jobs that are {state}.", file=sys.stderr)


@jobs.command()
def show(
    id: Id,
    history: Annotated[str | None, _one("Print the history instead: csv or ndjson.")] = None,
    json: Json = False,
    chart: Chart = None,
    url: Url = DEFAULT_URL,
) -> None:
    """One job as it is now: what it is, what it has found, and what happened to it."""
    from service.client.server import Server, job_path
    from service.client.summary import failure, story
    from service.client.watching import print_json, print_summary, tracked

    kinds = {"csv": "text/csv", "ndjson": "application/x-ndjson"}
    if history is not None and history not in kinds:
        raise typer.BadParameter(f"{history!r} is neither csv nor ndjson.", param_hint="--history")
    with _told():
        server = Server(url)
        if history is not None:
            for line in server.lines(job_path(id, "/history"), accept=kinds[history]):
                sys.stdout.write(line + "\n")
            return
        job = server.get(job_path(id))
        if json:
            print_json(job)
            return
        charted = sys.stdout.isatty() if chart is None else chart
        print_summary(job, tracked(server, job) if charted else None)
        if job["state"] == "failed":
            print(failure(job))
        print("\n".join(["", *story(job)]))


@jobs.command()
def forget(ids: Ids, url: Url = DEFAULT_URL) -> None:
    """Have the server forget jobs that have ended, with their histories."""
    from service.client.server import Server, job_path

    with _told():
        for id in ids:
            Server(url).ask("DELETE", job_path(id))
            print(f"{id}  forgotten")


def _watching(quiet: bool, seconds: float) -> tuple[Screen, Patience]:
    """Where a job is shown, and how long its server is asked again."""
    from service.client.following import Patience
    from service.client.screen import screen

    shown = screen(quiet)
    return shown, Patience(seconds, shown.say)


def _watch(url: str, job: Any, screen: Screen, asking: Patience, wishes: Wishes) -> None:
    from service.client.server import Server
    from service.client.watching import watch

    code = watch(Server(url), job, screen, asking, wishes)
    if code:
        raise typer.Exit(code)


def _own_key() -> str:
    """A key that nobody else takes: a request whose answer was lost can be sent again."""
    import uuid

    return str(uuid.uuid4())


@contextmanager
def _told() -> Iterator[None]:
    """What goes wrong is said on standard error, and decides how the command ends."""
    from service.client.errors import INTERRUPTED, ClientError

    try:
        with refusals_told():
            yield
    except ClientError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(error.code) from None
    except KeyboardInterrupt:
        raise typer.Exit(INTERRUPTED) from None
