"""What the tests of the service share: an application in-process, and a server in a process of its own."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest

from service.app import create_app
from service.settings import Settings
from tests.service.asgi import Client
from tests.service.live import Live, serving


@pytest.fixture(scope="session")
def client() -> Client:
    """A client of an application with the settings' defaults."""
    return Client(create_app(Settings(), io.StringIO()))


@pytest.fixture(scope="module")
def live() -> Iterator[Live]:
    """A server in a process of its own, with small limits."""
    with serving(
        ADJOINT_THREADS="1",
        ADJOINT_QUEUE="1",
        ADJOINT_RUN_SECONDS="20",
        ADJOINT_BODY_BYTES="200000",
        ADJOINT_RECEIVE_SECONDS="1.5",
        ADJOINT_HEADER_BYTES="8192",
    ) as server:
        yield server
