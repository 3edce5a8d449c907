"""The first page: its files, their headers, and that they need nothing from anywhere else."""

from __future__ import annotations

import hashlib
import re
from xml.etree import ElementTree

import pytest

from service.routes.page import PAGE, VENDORED, WEB
from tests.service.asgi import Client

FILES = sorted(path.name for path in PAGE.iterdir() if path.name != "index.html")
TYPES = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
POLICY = "default-src 'self'"


def test_the_page(client: Client) -> None:
    page = client.get("/")
    assert page.status == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    html = page.body.decode()
    assert 'href="docs"' in html
    for address in re.findall(r"""(?:src|href)="([^"]+)""", html):
        assert not address.startswith("/"), f"{address} does not work behind a prefix"
        assert client.get("/" + address).status == 200


@pytest.mark.parametrize("name", [*FILES, *VENDORED])
def test_a_file_has_its_type(client: Client, name: str) -> None:
    answered = client.get(f"/page/{name}")
    assert answered.status == 200
    assert answered.headers["content-type"].partition(";")[0] == TYPES[name.rsplit(".", 1)[1]]


@pytest.mark.parametrize("path", ["/", "/page/app.js", "/page/uPlot.iife.min.js"])
def test_nothing_is_guessed_and_nothing_comes_from_elsewhere(client: Client, path: str) -> None:
    headers = client.get(path).headers
    assert headers["x-content-type-options"] == "nosniff"
    policy = headers["content-security-policy"]
    assert policy.startswith(POLICY)
    assert "unsafe" not in policy
    assert "http" not in policy


@pytest.mark.parametrize("path", ["/", "/page/style.css"])
def test_a_file_that_has_not_changed_is_not_sent_again(client: Client, path: str) -> None:
    first = client.get(path)
    assert first.headers["cache-control"] == "no-cache"
    for tag in (first.headers["etag"], f'"other", W/{first.headers["etag"]}'):
        again = client.get(path, **{"if-none-match": tag})
        assert (again.status, again.body) == (304, b"")
        assert again.headers["etag"] == first.headers["etag"]
    assert client.get(path, **{"if-none-match": '"other"'}).status == 200


@pytest.mark.parametrize(
    "name", ["nothing.js", "index.html", "..", "%2e%2e", "uPlot.LICENSE", "VENDORED.md", "x" * 300]
)
def test_other_names_are_refused(client: Client, name: str) -> None:
    answered = client.get(f"/page/{name}")
    assert answered.status == 404
    assert answered.name == "not-found"


@pytest.mark.parametrize("name", ["index.html", *FILES])
def test_our_files_name_no_other_host(name: str) -> None:
    # The name of SVG looks like an address and is none.
    text = (PAGE / name).read_text().replace('"http://www.w3.org/2000/svg"', '""')
    assert not re.search(r"\b(?:https?|wss?)://|[\"'(=]//", text)


def test_the_page_has_no_script_or_style_of_its_own() -> None:
    html = (PAGE / "index.html").read_text()
    assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:", html)
    for attributes, content in re.findall(r"<script([^>]*)>(.*?)</script>", html, re.DOTALL):
        assert "src=" in attributes
        assert content == ""


def test_every_field_has_a_label() -> None:
    html = (PAGE / "index.html").read_text()
    fields = re.findall(r"""<(?:input|select|textarea)[^>]*\sid="([^"]+)""", html)
    assert len(fields) == len(re.findall(r"<(?:input|select|textarea)\b", html))
    assert set(fields) == set(re.findall(r"""<label for="([^"]+)""", html))


def test_imports_are_files_of_the_page() -> None:
    imported = {name for path in PAGE.glob("*.js") for name in re.findall(r"""from "\./([^"]+)";""", path.read_text())}
    assert imported == set(FILES) - {"app.js", "icon.svg", "style.css"}


def test_the_icon_is_well_formed() -> None:
    assert ElementTree.parse(PAGE / "icon.svg").getroot().tag.endswith("svg")


@pytest.mark.parametrize("name", [*VENDORED, "uPlot.LICENSE"])
def test_vendored_files_are_what_was_recorded(name: str) -> None:
    digest = hashlib.sha256((WEB / "vendor" / name).read_bytes()).hexdigest()
    assert f"| `{name}` | `{digest}` |" in (WEB / "vendor" / "VENDORED.md").read_text()
