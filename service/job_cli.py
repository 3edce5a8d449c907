"""The commands `adjoint job …`: jobs of a server that runs.

They end with 0 when all went well, and otherwise: 1, the job has failed; 2, the request was refused; 3, the server gave
no answer; 4, the job was cancelled; 130, Ctrl-C.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from service import job_options as options
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
State = Annotated[
    Literal["queued", "running", "succeeded", "failed", "cancelled"] | None,
    typer.Option(help="Those in this state.", show_default=False),
]
Format = Annotated[Literal["csv", "ndjson"] | None, typer.Option(help="Print the history instead.", show_default=False)]
Ids = Annotated[list[str], typer.Argument(help="The ids of jobs.", show_default=False)]


# An expression may begin with a minus sign.
@jobs.command(context_settings={"ignore_unknown_options": True})
def submit(
    expr: options.Objective = None,
    inputs: options.Start = None,
    data: options.Data = None,
    bounds: options.Bounds = None,
    maximize: options.Maximize = False,
    program: options.Program = None,
    function: options.Function = None,
    file: options.File = None,
    precision: options.Precision = None,
    method: options.Method = None,
    option: options.Options = None,
    schedule: options.Schedule = None,
    clip: options.Clip = None,
    steps: options.Steps = None,
    seconds: options.Seconds = None,
    target: options.Target = None,
    grad_norm: options.GradNorm = None,
    relative_change: options.RelativeChange = None,
    patience: options.Idle = None,
    starts: options.Starts = None,
    low: options.Low = None,
    high: options.High = None,
    seed: options.Seed = None,
    every: options.Every = None,
    key: options.Key = None,
    wait: options.Wait = True,
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
    state: State = None,
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
    history: Format = None,
    json: Json = False,
    chart: Chart = None,
    url: Url = DEFAULT_URL,
) -> None:
    """One job as it is now: what it is, what it has found, and what happened to it."""
    from service.client.server import Server, job_path
    from service.client.summary import failure, story
    from service.client.watching import print_json, print_summary, tracked

    kinds = {"csv": "text/csv", "ndjson": "application/x-ndjson"}
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
