"""Every program has its data, says what it is, and is listed."""

from __future__ import annotations

import json
import runpy

import pytest

from tests.examples_programs.programs import FOLDER, NAMES, body, source


def test_every_program_has_data_as_the_script_makes_them() -> None:
    made = runpy.run_path(str(FOLDER / "make_data.py"))
    bodies = made["bodies"]()
    assert sorted(bodies) == NAMES
    assert sorted(file.stem for file in FOLDER.glob("*.json")) == NAMES
    for name, made_body in bodies.items():
        assert (FOLDER / f"{name}.json").read_text("utf-8") == made["text"](made_body)


@pytest.mark.parametrize("name", NAMES)
def test_program_says_what_it_is(name: str) -> None:
    lines = source(name).splitlines()
    comment = lines[: next(i for i, line in enumerate(lines) if not line.startswith("#"))]
    assert any("Inputs:" in line for line in comment)
    for key in body(name)["at"]:
        assert any(key in line for line in comment), key
    assert all(len(line) <= 120 for line in lines)


@pytest.mark.parametrize("name", NAMES)
def test_data_are_a_request_but_for_the_program(name: str) -> None:
    read = body(name)
    assert set(read) <= {"at", "wrt"}
    assert set(read.get("wrt", [])) <= set(read["at"])
    assert json.dumps(read)


def test_page_lists_every_program() -> None:
    page = (FOLDER / "README.md").read_text("utf-8")
    assert {name for name in NAMES if f"`{name}`" not in page} == set()
