"""Pages: they load nothing from anywhere else, and every error has one."""

from __future__ import annotations

import hashlib
import re

import pytest

from service.problems import catalogue
from service.routes.docs import ASSETS, SERVED
from tests.service.asgi import Client

FOREIGN = re.compile(r"""(?:src|href|url)\s*[=:(]\s*['"]?\s*(?:https?:)?//""")


def test_the_documentation_loads_only_what_is_here(client: Client) -> None:
    page = client.get("/docs")
    assert page.headers["content-type"].startswith("text/html")
    html = page.body.decode()
    assert not FOREIGN.search(html)
    loaded = re.findall(r"""(?:src|href)=["']([^"']+)""", html)
    assert loaded
    for address in loaded:
        assert client.get("/" + address).status == 200
    assert "url: 'openapi.json'" in html


@pytest.mark.parametrize("name", SERVED)
def test_vendored_assets_are_what_was_recorded(client: Client, name: str) -> None:
    record = (ASSETS / "VENDORED.md").read_text()
    content = client.get(f"/docs/{name}").body
    assert f"| `{name}` | `{hashlib.sha256(content).hexdigest()}` |" in record


@pytest.mark.parametrize("name", ["LICENSE", "..", "%2e%2e", "VENDORED.md"])
def test_nothing_else_of_the_folder_is_served(client: Client, name: str) -> None:
    assert client.get(f"/docs/{name}").status == 404


@pytest.mark.parametrize("name", catalogue())
def test_every_error_has_its_page(client: Client, name: str) -> None:
    answered = client.get(f"/errors/{name}")
    assert answered.status == 200
    html = answered.body.decode()
    assert name in html
    assert not FOREIGN.search(html)
    assert f"href={name}>" in client.get("/errors/").body.decode()


def test_examples_are_escaped(client: Client) -> None:
    assert "{&quot;expr&quot;" in client.get("/errors/invalid-json").body.decode()


def test_the_errors_have_a_list(client: Client) -> None:
    assert client.get("/errors").headers["location"] == "errors/"
