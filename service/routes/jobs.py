"""`/jobs`: optimisation jobs are posted, told, followed, cancelled and forgotten."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import AsyncIterator, Iterator
from typing import Annotated, Any

from fastapi import APIRouter, Header, Path, Query, Response
from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse
from starlette.routing import BaseRoute

from engine.errors import InvalidRequest
from engine.limits import Budget
from service.bodies import read_json_body
from service.context import Context
from service.cursors import is_number, number_of
from service.exchange import Exchange, Reply
from service.jobs.accept import accept
from service.jobs.job import Job
from service.jobs.minimising import Minimising
from service.jobs.request import read_job
from service.jobs.telling import Told, address, row_bytes, told
from service.jobs.training_request import is_training, read_training
from service.jobs.undertakings import stored
from service.json_text import decode
from service.lean import Lean, LeanRoute
from service.openapi import problems
from service.schemas.jobs import HistoryModel, JobBody, JobModel, JobsModel, State
from service.serialise import json_bytes

LONGEST_PAGE = 100
LONGEST_HISTORY = 10_000
LONGEST_WAIT = 30
CANCEL_SECONDS = 1.0
"""How long the answer to a cancel waits for the computation to stop, unless the client says."""
STREAMED = 1000
"""Rows that are read at once where all are sent."""
_WAIT = re.compile(r"(?:^|[,;\s])wait\s*=\s*\"?(\d{1,9})", re.IGNORECASE)
_KEY = re.compile(r"[!-~]{1,255}")

Id = Annotated[str, Path(description="The id of a job.")]
Prefer = Annotated[
    str | None,
    Header(description=f"`wait=N`: answer when the job has ended, after N seconds at most ({LONGEST_WAIT})."),
]
Encoding = Annotated[str, Query(description="`base64` for packed arrays.", pattern="^(json|base64)$")]


class Submit:
    """Answers `POST /jobs`."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def __call__(self, exchange: Exchange) -> Reply:
        """The reply to one request; it is compiled and stored behind the gate."""
        context, settings = self._context, self._context.settings
        body = await read_json_body(exchange, settings.body_bytes)
        key = _key(exchange)
        wait = waiting(exchange.headers.get(b"prefer", b"").decode("latin-1"))
        budget = Budget.starting_now(settings.run_seconds)
        if len(body) <= settings.inline_bytes:
            await context.library.obtain(decode(body))
        job = await context.gate.run(lambda: self._store(body, key, budget), budget, exchange.receive)
        context.runner.wake()
        headers = {"Location": address(job.id)}
        if wait is not None:
            headers["Preference-Applied"] = f"wait={wait}"
            if await context.feed.ended(job.id, wait):
                return Reply(200, await run_in_threadpool(content, context, job.id), headers=headers)
        return Reply(202, await run_in_threadpool(content, context, job.id), headers=headers)

    def _store(self, body: bytes, key: str | None, budget: Budget) -> Job:
        context, sent = self._context, decode(body)
        digest = hashlib.sha256(json.dumps(sent, sort_keys=True).encode()).hexdigest()
        known = None if key is None else context.jobs.posted(key, digest)
        if known is not None:
            # Sent again: whatever has changed meanwhile, a stored function that was deleted for instance.
            return known
        if is_training(sent):
            training = read_training(sent, context.settings, context.engine, context.store, budget)
            return context.jobs.add(stored(training.learning), training.told, training.max_steps, key, digest)[0]
        posted = read_job(sent, context.settings, context.engine.limits, context.library.named(sent))
        task, about, max_steps = accept(posted, context.engine, budget)
        return context.jobs.add(stored(Minimising(task)), about, max_steps, key, digest)[0]


def content(context: Context, id: str, encoding: str = "json") -> bytes:
    """The body of an answer about a job.  Raises `NotFound` and `Gone`."""
    job, points, before = context.jobs.told(id)
    return json_bytes(told(job, points, before, encoding))


def waiting(prefer: str) -> int | None:
    """The seconds that a client would wait, no more than are granted."""
    found = _WAIT.search(prefer)
    return None if found is None else min(int(found[1]), LONGEST_WAIT)


def _key(exchange: Exchange) -> str | None:
    given = exchange.headers.get(b"idempotency-key")
    if given is None:
        return None
    key = given.decode("latin-1").strip()
    if not _KEY.fullmatch(key):
        detail = "An Idempotency-Key has 1 to 255 visible ASCII characters."
        raise InvalidRequest(detail)
    return key


def submit(job: JobBody) -> JobModel:
    """Minimise an objective: the answer is the job, which runs when a process is free.

    With `Prefer: wait=N`, 200 and the finished job if it is finished within N seconds. With an `Idempotency-Key`, the
    same request again is the same job.
    """
    raise NotImplementedError("answered by Submit")


def routes(context: Context) -> list[BaseRoute]:
    """The routes of this module."""
    posting = LeanRoute(
        Lean("/jobs", Submit(context)),
        submit,
        operation_id="submit_job",
        summary="Minimise an objective",
        tags=["jobs"],
        status_code=202,
        responses={
            200: {"model": JobModel, "description": "It has ended within the time that was waited for."},
            **problems(400, 404, 409, 410, 413, 415, 422, 500, 503),
        },
        openapi_extra={"parameters": [_PREFER, _IDEMPOTENCY]},
    )
    return [posting, *_router(context).routes]


_PREFER: Any = {
    "name": "Prefer",
    "in": "header",
    "required": False,
    "description": f"`wait=N`: answer when the job has ended, after N seconds at most; no more than {LONGEST_WAIT}.",
    "schema": {"type": "string"},
    "example": "wait=10",
}
_IDEMPOTENCY: Any = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "A word of the client's own: the same request with it again is the same job, another is refused.",
    "schema": {"type": "string", "maxLength": 255},
}


def _router(context: Context) -> APIRouter:
    router, jobs = APIRouter(tags=["jobs"]), context.jobs
    missing = problems(404, 410, 422, 500, 503, but=["overloaded"])

    listing = problems(422, 500, 503, but=["overloaded"])

    @router.get("/jobs", operation_id="jobs", response_model=JobsModel, responses=listing)
    def listed(
        state: Annotated[State | None, Query(description="Those in this state.")] = None,
        after: Annotated[str, Query(description="What the page before gave as `next`.")] = "",
        limit: Annotated[int, Query(ge=1, le=LONGEST_PAGE)] = 20,
    ) -> Response:
        """The jobs, the newest first."""
        found = jobs.page(state, number_of(after), limit + 1)
        shown = found[:limit]
        next = str(shown[-1].number) if len(found) > limit else None
        return _json(json_bytes({"jobs": [told(job) for job in shown], "next": next}))

    @router.get("/jobs/{id}", operation_id="job", response_model=JobModel, responses=missing)
    async def job(id: Id, prefer: Prefer = None, encoding: Encoding = "json") -> Response:
        """One job, with its result if it has ended."""
        wait = waiting(prefer or "")
        if wait is not None:
            await context.feed.ended(id, wait)
        return _json(await run_in_threadpool(content, context, id, encoding))

    @router.post(
        "/jobs/{id}/cancel",
        operation_id="cancel_job",
        response_model=JobModel,
        responses={202: {"model": JobModel, "description": "It has not stopped yet."}, **missing},
    )
    async def cancel(id: Id, prefer: Prefer = None) -> Response:
        """Stop a job. The answer is `cancelled` once its computation has stopped, with its last point; until then 202.

        A job that has ended stays as it is.
        """
        await run_in_threadpool(jobs.cancel, id)
        context.runner.wake()
        context.feed.nudge()
        wait = waiting(prefer or "")
        ended = await context.feed.ended(id, CANCEL_SECONDS if wait is None else wait)
        return _json(await run_in_threadpool(content, context, id), 200 if ended else 202)

    @router.delete("/jobs/{id}", operation_id="delete_job", status_code=204, responses={**problems(409), **missing})
    def delete(id: Id) -> Response:
        """Forget a job that has ended, with its history."""
        jobs.delete(id)
        return Response(status_code=204)

    @router.get(
        "/jobs/{id}/history",
        operation_id="job_history",
        response_model=HistoryModel,
        responses={200: {"content": {"application/x-ndjson": {}, "text/csv": {}}}, **missing},
    )
    def history(
        id: Id,
        after: Annotated[int, Query(ge=-1, description="The index of the last row that is known.")] = -1,
        limit: Annotated[int, Query(ge=1, le=LONGEST_HISTORY)] = 1000,
        accept: Annotated[str | None, Header(description="`application/x-ndjson` and `text/csv`: all rows.")] = None,
    ) -> Response:
        """The history by columns, a page at a time; or all rows that there are, as lines."""
        found, part = jobs.history(id, after, limit)
        wanted = accept or ""
        if "application/x-ndjson" in wanted:
            return StreamingResponse(_rows(context, id, after, csv=False), media_type="application/x-ndjson")
        if "text/csv" in wanted:
            return StreamingResponse(_rows(context, id, after, csv=True), media_type="text/csv")
        limit = min(limit, max(1, context.settings.answer_bytes // row_bytes(found)))
        part = part.part(after + 1, limit)
        parts, last = [part], after + len(part)
        while len(part) and last < found.progress.rows - 1 and last - after < limit:
            part = jobs.history(id, last, limit - (last - after))[1]
            parts.append(part)
            last += len(part)
        columns = Told(found).columns(parts[0])
        for more in parts[1:]:
            for name, column in Told(found).columns(more).items():
                _extend(columns, name, column)
        more_to_come = not found.ended or last < found.progress.rows - 1
        return _json(json_bytes({**columns, "next": last if more_to_come else None}))

    @router.get(
        "/jobs/{id}/events",
        operation_id="job_events",
        response_class=StreamingResponse,
        responses={200: {"content": {"text/event-stream": {}}, "description": "Events `step` and `state`."}, **missing},
    )
    async def events(
        id: Id,
        after: Annotated[int, Query(ge=-1, description="As `Last-Event-ID`, for clients that cannot send it.")] = -1,
        last_event_id: Annotated[str | None, Header(description="The id of the last event that was received.")] = None,
    ) -> Response:
        """The rows of the history as they are written, and the states of the job, as server-sent events.

        The id of an event is the index of its row. The stream ends after the final state.
        """
        begin = _index(last_event_id) if last_event_id else after
        await run_in_threadpool(jobs.get, id)
        stream: AsyncIterator[bytes] = context.feed.events(id, begin)
        headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
        return StreamingResponse(stream, media_type="text/event-stream", headers=headers)

    return router


def _extend(columns: dict[str, Any], name: str, column: Any) -> None:
    if isinstance(column, dict):
        for inner, rows in column.items():
            columns[name][inner] += rows
    else:
        columns[name] += column


def _rows(context: Context, id: str, after: int, csv: bool) -> Iterator[bytes]:
    """All rows that there are, as lines."""
    head = True
    while True:
        job, part = context.jobs.history(id, after, STREAMED)
        writing = Told(job)
        if head and csv:
            yield writing.head()
        head = False
        if not len(part):
            return
        yield writing.csv(part) if csv else writing.lines(part)
        after += len(part)


def _index(given: str) -> int:
    if not is_number(given):
        detail = "Last-Event-ID has to be the id of an event: the index of a row."
        raise InvalidRequest(detail)
    return int(given)


def _json(body: bytes, status: int = 200) -> Response:
    return Response(body, status, media_type="application/json")
