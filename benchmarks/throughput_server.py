"""The server of the throughput benchmark: the service, and a do-nothing typed FastAPI endpoint, in one process.

`python -m benchmarks.throughput_server` prints its port.  The do-nothing endpoint is an application of its own,
without our edge, so that it carries nothing but FastAPI, pydantic and uvicorn; the service is as `adjoint serve` runs
it, logs included (the do-nothing endpoint logs nothing).
"""

from __future__ import annotations

import socket

import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel
from starlette.types import ASGIApp, Receive, Scope, Send

from benchmarks.timing import pin
from service.protocol import Protocol
from service.serve import application

PATH = "/nothing"


class Question(BaseModel):
    """What the do-nothing endpoint takes: the same body as `/grad`."""

    expr: str
    at: dict[str, float]


class Answer(BaseModel):
    """What it gives: the same body as `/grad`."""

    value: float
    grad: dict[str, float]
    warnings: list[str]


def nothing() -> FastAPI:
    """The application with the do-nothing endpoint."""
    app = FastAPI()

    @app.post(PATH)
    async def answer(question: Question) -> Answer:
        return Answer(value=4.36461690580656, grad={"x": 2.8267661632, "y": 7.898243057}, warnings=[])

    return app


def both() -> ASGIApp:
    """One application that leads to either."""
    ours, theirs = application(), nothing()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await (theirs if scope.get("path") == PATH else ours)(scope, receive, send)

    return app


def main() -> None:
    """Serve on one core until a signal."""
    pin(0)
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    config = uvicorn.Config(both(), http=Protocol, ws="none", log_config=None, access_log=False, server_header=False)
    sock.listen(64)
    print(sock.getsockname()[1], flush=True)
    uvicorn.Server(config).run([sock])


if __name__ == "__main__":
    main()
