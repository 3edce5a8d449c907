"""The commands of the project are those that its pages and its own scripts name."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MAKEFILE = (ROOT / "Makefile").read_text("utf-8")
TARGETS = set(re.findall(r"^([a-z]+):", MAKEFILE, flags=re.MULTILINE))
SPEAKERS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), ROOT / "Makefile", ROOT / ".ci" / "run"])


def named_targets(text: str) -> set[str]:
    """Targets in commands (`make test`, or a line that begins with make), not in prose."""
    return set(re.findall(r"(?:`|^[ \t]*\$?[ \t]*)make (?:[A-Z-]\S* )*([a-z]\w*)", text, flags=re.MULTILINE))


def test_the_expected_targets_exist_and_say_what_they_do() -> None:
    assert {"help", "setup", "run", "test", "check", "format", "bench", "lock", "clean"} <= TARGETS
    silent = [target for target in sorted(TARGETS) if not re.search(rf"^{target}:.*## \w", MAKEFILE, re.MULTILINE)]
    assert silent == []


def test_no_target_is_taken_for_a_file() -> None:
    phony = re.search(r"^\.PHONY: (.*)$", MAKEFILE, re.MULTILINE)
    assert phony
    assert set(phony[1].split()) == TARGETS


@pytest.mark.parametrize("page", SPEAKERS, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_target_that_is_named_exists(page: Path) -> None:
    assert named_targets(page.read_text("utf-8")) <= TARGETS


def test_targets_are_found_in_commands_and_not_in_prose() -> None:
    text = "`make setup` will make sense\n    $ make --silent run PORT=1\nmake PYTHON=python3.12 test"
    assert named_targets(text) == {"setup", "run", "test"}


def test_the_ci_runs_the_tests() -> None:
    script = (ROOT / ".ci" / "run").read_text("utf-8")
    assert named_targets(script) == {"test"}
    assert (ROOT / ".ci" / "run").stat().st_mode & 0o111
