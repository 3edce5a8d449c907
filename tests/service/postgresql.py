"""A PostgreSQL server for tests, where there is its program."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from tests.service.live import PATIENCE


def _program(name: str) -> str | None:
    """A program of a PostgreSQL server, which Debian keeps out of the path."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return shutil.which(name) or (str(found[-1]) if found else None)


INITDB, POSTGRES = _program("initdb"), _program("postgres")


@contextmanager
def postgresql_server() -> Iterator[str]:
    """The address of a database of a server of its own; run as somebody who is not root, which it insists on."""
    if INITDB is None or POSTGRES is None:
        pytest.skip("NOT TESTED ON POSTGRESQL: there is no server program (initdb, postgres) on this machine")
    user = None
    if os.geteuid() == 0:
        known = {entry.pw_name for entry in pwd.getpwall()}
        user = next((name for name in ("postgres", "nobody") if name in known), None)
        if user is None:
            pytest.skip("NOT TESTED ON POSTGRESQL: no user to run the server as")
    folder = tempfile.mkdtemp(prefix="adjoint-postgresql-")
    if user is not None:
        shutil.chown(folder, user)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    data = f"{folder}/data"
    options = ["-c", "fsync=off", "-c", "listen_addresses=127.0.0.1", "-c", f"unix_socket_directories={folder}"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "user": user, "cwd": folder}
    server = None
    try:
        command = [INITDB, "-D", data, "-U", "adjoint", "-A", "trust", "--no-sync", "-E", "UTF8", "--locale=C.UTF-8"]
        subprocess.run(command, check=True, timeout=PATIENCE, **quiet)  # type: ignore[call-overload]
        server = subprocess.Popen([POSTGRES, "-D", data, "-p", str(port), *options], **quiet)  # type: ignore[call-overload]
        address = f"postgresql://adjoint@127.0.0.1:{port}/postgres"
        _await(address, server)
        yield address
    finally:
        if server is not None:
            # Not waiting for clients to leave.
            server.send_signal(signal.SIGINT)
            server.wait(PATIENCE)
        shutil.rmtree(folder, ignore_errors=True)


def _await(address: str, server: subprocess.Popen[bytes]) -> None:
    """Try to connect until the server accepts; a refused connection returns at once, and trying is what costs time."""
    end = time.monotonic() + PATIENCE
    while True:
        try:
            psycopg.connect(address, connect_timeout=5).close()
        except psycopg.OperationalError:
            assert server.poll() is None, "the server ended"
            assert time.monotonic() < end, "the server did not accept connections"
        else:
            return
