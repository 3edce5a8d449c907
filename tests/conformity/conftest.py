"""The contract, tested from outside: `pytest tests/conformity --url http://host:port`.

Nothing of the service is imported.  Without an address, a server is started on a free port.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.conformity.server import Server


def pytest_addoption(parser: pytest.Parser) -> None:
    """The address."""
    parser.addoption("--url", metavar="URL", help="test this server, instead of one that is started for it")


@pytest.fixture(scope="session")
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """The server under test."""
    # Where pytest begins with another folder, this file is loaded too late for its option.
    url = request.config.getoption("--url", default=None)
    if url:
        yield Server(url)
        return
    from tests.service.live import serving

    with serving() as live:
        yield Server(f"http://127.0.0.1:{live.port}")


@pytest.fixture
def unique() -> str:
    """A name that no function of a server has that has been running for long."""
    return f"conformity-{secrets.token_hex(8)}"


@pytest.fixture
def store(server: Server, unique: str) -> Iterator[Callable[..., Any]]:
    """Stores functions that no server knows, and deletes them in the end."""
    stored: list[str] = []

    def store(expr: str = "", program: str = "", **fields: Any) -> Any:
        # A comment is part of the text, and the text of the content.
        text = {"program": f"{program}  # {unique}"} if program else {"expr": f"{expr}  # {unique}"}
        answer = server.post("/functions", {**text, **fields})
        assert answer.status == 201, answer.text
        stored.append(answer.content["id"])
        return answer.content

    yield store
    for reference in stored:
        assert server.send("DELETE", f"/functions/{reference}").status in (204, 410)
