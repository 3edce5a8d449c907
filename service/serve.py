"""Running the service with uvicorn: one process or several, an announcement when it listens, an orderly end."""

from __future__ import annotations

import gc
import logging
import math
import multiprocessing
import os
import signal
import sys
import threading
from socket import socket

import uvicorn
from starlette.types import ASGIApp
from uvicorn.supervisors import Multiprocess

from service.app import create_app
from service.logs import Forward, Log
from service.protocol import Protocol
from service.settings import Settings, unknown_names

_BODY = '{"expr":"x^2*sin(y)","at":{"x":3,"y":0.5}}'

SWITCH_SECONDS = 0.0005
"""How long a computing thread may keep the interpreter from the event loop.

With Python's 5 ms, light questions under a flood of heavy ones took 8 ms (p50) and 50 to 110 ms (p99); with this,
0.3 to 3.8 ms and 10 to 16 ms.
"""


def application() -> ASGIApp:
    """The application of one worker process, settings from the environment; for servers that take a factory."""
    settings = Settings()
    threading.Thread(target=_end_with_parent, daemon=True).start()
    theirs = logging.getLogger("uvicorn.error")
    theirs.handlers = [Forward(Log(settings))]
    theirs.propagate = False
    # What uvicorn tells at `info` is its own coming and going, which the announcement says better.
    theirs.setLevel(logging.DEBUG if settings.log_level == "debug" else logging.WARNING)
    Protocol.receive_seconds, Protocol.header_bytes = settings.receive_seconds, settings.header_bytes
    app = create_app(settings)
    Protocol.stopping = app.stop
    sys.setswitchinterval(SWITCH_SECONDS)
    # All that exists now stays: the garbage collector need not look at it again, which takes it 30 ms a time.
    gc.collect()
    gc.freeze()
    # What is made per request dies at once; a full collection walks all compiled functions and holds up everybody, in
    # a flood of new texts for half a second.
    gc.set_threshold(50_000, 20, 1000)
    return app


def _end_with_parent() -> None:
    """End a worker when the process that started it is gone: killed, it could not, and the worker keeps the port."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)


def serve(settings: Settings) -> None:
    """Listen until a signal ends it; requests under way are finished within their deadline."""
    for name in unknown_names():
        print(f"warning: {name} is set and is no setting of Adjoint", file=sys.stderr)
    config = uvicorn.Config(
        "service.serve:application",
        factory=True,
        host=settings.host,
        port=settings.port,
        workers=settings.workers,
        http=Protocol,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=settings.keep_alive_seconds,
        timeout_graceful_shutdown=math.ceil(settings.run_seconds) + 2,
    )
    sock = _bind(config)
    # uvicorn ends in an orderly way and then raises the signal again: an asked-for end is no failure.
    signal.signal(signal.SIGTERM, lambda *_: None)
    try:
        if settings.workers > 1:
            _Announced(config, [sock]).run()
        else:
            _Server(config).run([sock])
    except KeyboardInterrupt:
        pass


def _bind(config: uvicorn.Config) -> socket:
    logging.getLogger("uvicorn.error").disabled = True
    try:
        return config.bind_socket()
    except SystemExit:
        print(
            f"Adjoint cannot listen on {config.host}:{config.port}: the port is taken, or not allowed.", file=sys.stderr
        )
        raise
    finally:
        logging.getLogger("uvicorn.error").disabled = False


def announce(sock: socket) -> None:
    """Tell where the service listens, and what to paste."""
    host, port = sock.getsockname()[:2]
    if host in ("0.0.0.0", "::"):
        host = "localhost"
    address = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    print(f"Adjoint listens on {address}; its documentation is at {address}/docs.  Try it:\n")
    print(f"  curl -s {address}/grad -H 'content-type: application/json' -d '{_BODY}'\n", flush=True)


class _Server(uvicorn.Server):
    async def startup(self, sockets: list[socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started and sockets:
            announce(sockets[0])


class _Announced(Multiprocess):
    def init_processes(self) -> None:
        super().init_processes()
        if all(process.wait_until_ready(60) for process in self.processes):
            announce(self.sockets[0])
