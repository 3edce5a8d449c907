"""The documentation is true: tables are those of the records, answers those of a server, and links lead somewhere."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from docs.examples import ROOT, Example, find, folded, pages, run, same
from docs.generate import REQUESTS, generated, generated_pages, same_page
from service.problems import catalogue
from service.settings import Settings, environment_name
from tests.service.live import serving

EXAMPLES = [pytest.param(e, id=f"{e.page.name}:{e.line}") for page in pages() for e in find(page)]
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_CODE = re.compile(r"^```.*?^```$|`[^`\n]*`", re.M | re.S)
_FORBIDDEN = re.compile(r"/(?:work|home|root|Users)/|pypi\.|pythonhosted|docker\.io|ghcr\.io|quay\.io|npmjs|anaconda")


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Where a server with the settings' defaults listens."""
    defaults = {
        environment_name(name): str(field.default)
        for name, field in Settings.model_fields.items()
        if field.default_factory is None and name not in ("host", "port", "workers")
    }
    with serving(**defaults) as server:
        yield f"127.0.0.1:{server.port}"


@pytest.mark.parametrize("page", generated_pages(), ids=lambda page: page.name)
def test_generated_parts_are_up_to_date(page: Path) -> None:
    assert same_page(page.read_text("utf-8"), generated(page)), "run python -m docs.generate"


@pytest.mark.skipif(shutil.which("curl") is None or shutil.which("bash") is None, reason="needs curl and bash")
@pytest.mark.parametrize("example", EXAMPLES)
def test_answers_are_the_printed_ones(example: Example, address: str) -> None:
    if example.command.startswith("jq ") and shutil.which("jq") is None:
        pytest.skip("needs jq")
    answered = run(example.command, address)
    assert same(example.kind, example.answer, answered), answered


def test_every_page_with_commands_is_seen() -> None:
    """No command stands next to an answer in a form that is not found."""
    for page in pages():
        text = page.read_text("utf-8")
        answers = len(re.findall(r"^```(?:json|text)$", text, re.M))
        assert answers == len(list(find(page))), page.name
        lonely = [line for line in re.findall(r"^curl .*$", text, re.M) if line not in {e.command for e in find(page)}]
        assert not lonely, page.name


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in _LINK.findall(_CODE.sub("", _linked_code(page.read_text("utf-8")))):
        if re.match(r"https?://", target):
            continue
        name, _, anchor = target.partition("#")
        file = (page.parent / name).resolve() if name else page
        assert file.exists(), f"{page.name} links to {target}"
        assert file.is_relative_to(ROOT), f"{page.name} links to {target}"
        if anchor:
            assert anchor in _anchors(file.read_text("utf-8")), f"{page.name} links to {target}"


def _linked_code(text: str) -> str:
    """Links whose text is code, without the code's marks."""
    return re.sub(r"\[`([^`\n]*)`\]\(", r"[\1](", text)


def _anchors(text: str) -> set[str]:
    headings = re.findall(r"^#+ (.*)$", re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_no_page_names_a_registry_or_a_place_on_a_machine(page: Path) -> None:
    found = _FORBIDDEN.search(page.read_text("utf-8"))
    assert found is None, found


def test_every_error_that_can_be_provoked_is_shown() -> None:
    assert REQUESTS.keys() <= catalogue().keys()
    assert catalogue().keys() - REQUESTS.keys() == {"rate-limited", "internal", "overloaded", "unavailable"}
    for example in find(ROOT / "docs" / "errors.md"):
        name = next(name for name, command in REQUESTS.items() if command == example.command)
        assert f'"type":"/errors/{name}"' in example.answer


@pytest.mark.parametrize(
    ("kind", "printed", "answered", "expected"),
    [
        ("json", '{"a":1.0}', '{"a":1.0000000000000002}', True),
        ("json", '{"a":1.0}', '{"a":1.000001}', False),
        ("json", '{"a":1.0}', '{"a":1}', True),
        ("json", '{"a":1}', '{"a":true}', False),
        ("json", '{"a":[1]}', '{"a":[1,2]}', False),
        ("json", '{"a":1,"request_id":"x"}', '{"a":1,"request_id":"y"}', True),
        ("json", '{"a":[{"milliseconds":1.5}]}', '{"a":[{"milliseconds":2}]}', True),
        ("json", '{"a":"about 26 s"}', '{"a":"about 27 s"}', False),
        ("json", '{"a":1}', '{"a":1,"b":2}', False),
        ("json", "", '{"a":1}', False),
        ("text", "date: a\nx", "date: b\nx", True),
        ("text", "x-request-id: 0123456789ab-1f", "x-request-id: 0123456789ab-2", True),
        ("text", "x-request-id: mine", "x-request-id: yours", False),
        ("text", "run;dur=0.1", "run;dur=0.2", True),
    ],
)
def test_what_counts_as_the_same(kind: str, printed: str, answered: str, expected: bool) -> None:
    assert same(kind, printed, answered) is expected


def test_folding_changes_only_white_space() -> None:
    text = '{"a":[1,2],"b":{"c":"x,\\"y"},"d":"' + "z" * 120 + '"}'
    assert folded(text).splitlines()[1:3] == [' "a":[1,2],', ' "b":{"c":"x,\\"y"},']
    assert "".join(line.removeprefix(" ") for line in folded(text).splitlines()) == text
