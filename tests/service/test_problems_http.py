"""What the framework itself refuses becomes a problem too."""

from __future__ import annotations

import io

import pytest
from fastapi import FastAPI
from starlette.exceptions import HTTPException

from engine.errors import Unsupported
from service import problems_http
from service.app import edged
from service.context import Context
from service.settings import Settings
from tests.service.asgi import Client


@pytest.fixture(scope="module")
def framework() -> Client:
    """A client of an application whose routes refuse in every way."""
    app = FastAPI()
    problems_http.install(app)

    @app.get("/number/{number}")
    async def number(number: int) -> int:
        return number

    @app.get("/status/{status}")
    async def status(status: int) -> None:
        raise HTTPException(status, "because")

    @app.get("/engine")
    async def engine() -> None:
        raise Unsupported("not yet")

    return Client(edged(app, Context.build(Settings()), io.StringIO()))


def test_a_parameter_that_does_not_fit_has_its_pointer(framework: Client) -> None:
    answered = framework.get("/number/three")
    assert (answered.status, answered.name, answered.pointers) == (422, "invalid-request", ["/number"])


@pytest.mark.parametrize(("given", "status"), [(400, 400), (418, 400), (500, 500), (502, 500)])
def test_any_other_status_of_the_framework_becomes_a_known_one(framework: Client, given: int, status: int) -> None:
    assert framework.get(f"/status/{given}").problem["status"] == status


def test_a_refusal_of_the_engine_is_told_as_everywhere(framework: Client) -> None:
    assert framework.get("/engine").name == "unsupported"
