"""The examples of the documentation: found in its pages, run against a server, compared with what the page prints.

An example is a block `sh` with one command, followed by a block `json` or `text` with its answer.  The command
`adjoint` runs in this process, with settings that stand before it; all others run in a shell, where `localhost:8000`
becomes the address of a server.

A block `adj` whose first line is a comment such as `# grad x=2` is a program, and what is asked about it: a question
and inputs as the command `adjoint` takes them.  It runs in this process; a refusal is printed as text.
"""

from __future__ import annotations

import json
import math
import os
import re
import shlex
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
WIDTH = 120
DIGITS = 1e-13
"""How far numbers may be apart: processors differ in the last digit of a sine."""
DEFAULT = "localhost:8000"
VARYING = ("request_id", "created", "milliseconds", "max_ulp")
"""Fields of answers that are new every time; the last depends on how the processor's library rounds."""
_OWN = re.compile(r"(?:ADJOINT_\w+=\S+ )*adjoint ")
_PROGRAM = r"# (?:value|grad|jacobian|hessian)\b[^`\n]*\n"
_BLOCKS = re.compile(
    rf"^```(?P<language>sh\n|adj\n(?={_PROGRAM}))(?P<command>[^`]*?)\n```\n+"
    r"```(?P<kind>json|text)\n(?P<answer>.*?)\n?```$",
    re.M | re.S,
)
_VOLATILE = (
    (re.compile(r"^(x-request-id: )[0-9a-f]{12}-[0-9a-f]+\s*$", re.M), r"\1…"),
    (re.compile(r"^(date: ).*$", re.M), r"\1…"),
    (re.compile(r"dur=[\d.]+"), "dur=…"),
)
_NEW = (
    (re.compile(r"\bjob_[a-z2-7]{24}\b"), "job_…"),
    (re.compile(r"\b\d{4}-\d\d-\d\dT[\d:.]+Z"), "…"),
    (re.compile(r" by [0-9a-f]{8}$"), " by …"),
)
"""What is new in every answer about a job: its id, times, and who runs it."""
_NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?(?![\w.])")


@dataclass(frozen=True)
class Example:
    """A command of a page, and the answer that the page prints."""

    page: Path
    line: int
    command: str
    kind: str
    answer: str


def pages() -> list[Path]:
    """Every page of the documentation."""
    return [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]


def find(page: Path) -> Iterator[Example]:
    """The examples of a page."""
    text = page.read_text("utf-8")
    for found in _BLOCKS.finditer(text):
        line = text.count("\n", 0, found.start()) + 1
        yield Example(page, line, found["command"], found["kind"], found["answer"])


def run(command: str, address: str) -> str:
    """What a command prints."""
    if _OWN.match(command):
        words = shlex.split(command)
        place = words.index("adjoint")
        settings = dict(word.split("=", 1) for word in words[:place])
        return _in_process(words[place + 1 :], settings).rstrip("\n")
    if re.match(_PROGRAM, command):
        return _program(command)
    done = subprocess.run(
        ["bash", "-c", command.replace(DEFAULT, address)],
        cwd=ROOT,
        env={**os.environ, "NO_PROXY": "*"},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        timeout=60,
        check=False,
    )
    return done.stdout.decode().replace("\r\n", "\n").rstrip("\n")


def _in_process(arguments: list[str], settings: dict[str, str]) -> str:
    from typer.testing import CliRunner

    from service.cli import app

    # What is set where this runs does not show in the examples.
    unset: dict[str, str | None] = {name: None for name in os.environ if name.startswith("ADJOINT_")}
    return CliRunner().invoke(app, arguments, env=unset | settings).output


def _program(text: str) -> str:
    from engine.errors import EngineError
    from service.arguments import content_of_arguments
    from service.errors import ServiceError
    from service.local import answer
    from service.settings import Settings

    ask, *inputs = shlex.split(text.partition("\n")[0].removeprefix("#"))
    fields = Settings.model_fields.items()
    defaults = Settings(**{name: field.default for name, field in fields if field.default_factory is None})
    try:
        content = content_of_arguments(None, inputs, None, None) | {"program": text}
        return answer(content, ask, defaults).decode()
    except (EngineError, ServiceError) as error:
        also = [f"\nalso {fault.pointer}: {fault.detail}" for fault in error.faults[1:]]
        return str(error) + "".join(also)


def same(kind: str, printed: str, answered: str) -> bool:
    """Whether an answer is the printed one: numbers to 13 digits, ids and times apart."""
    if kind == "json":
        try:
            return _equal(json.loads(printed), json.loads(answered))
        except ValueError:
            return False
    return same_text(_steady(printed), _steady(answered))


def same_text(a: str, b: str, tolerance: float = DIGITS) -> bool:
    """Whether two texts are equal, apart from the last digits of numbers."""
    return _NUMBER.sub("#", a) == _NUMBER.sub("#", b) and all(
        _close(float(m), float(n), tolerance) for m, n in zip(_NUMBER.findall(a), _NUMBER.findall(b), strict=True)
    )


def _steady(text: str) -> str:
    for pattern, replacement in _VOLATILE:
        text = pattern.sub(replacement, text)
    return "\n".join(line.rstrip() for line in text.strip().splitlines())


def _known(text: str) -> str:
    for pattern, replacement in _NEW:
        text = pattern.sub(replacement, text)
    return text


def _close(a: float, b: float, tolerance: float = DIGITS) -> bool:
    return math.isclose(a, b, rel_tol=tolerance, abs_tol=1e-15)


def _equal(a: Any, b: Any) -> bool:
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(_equal(a[key], b[key]) for key in a if key not in VARYING)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(_equal(m, n) for m, n in zip(a, b, strict=True))
    if isinstance(a, str) and isinstance(b, str):
        return same_text(_known(a), _known(b))
    if isinstance(a, float) or isinstance(b, float):
        return type(a) in (int, float) and type(b) in (int, float) and _close(a, b)
    return type(a) is type(b) and bool(a == b)


def filled(text: str, address: str) -> str:
    """A page with the answers that its commands have now; one that is still the same is left as it is printed."""

    def answer(found: re.Match[str]) -> str:
        answered = run(found["command"], address)
        printed = found["answer"]
        if not same(found["kind"], printed, answered):
            printed = folded(answered) if found["kind"] == "json" else answered
        return f"```{found['language']}{found['command']}\n```\n\n```{found['kind']}\n{printed}\n```"

    return _BLOCKS.sub(answer, text)


def folded(text: str) -> str:
    """A long JSON object with each of its fields on a line; nothing else of its text is changed."""
    if len(text) <= WIDTH or not text.startswith("{"):
        return text
    parts, depth, begin, quoted, escaped = [], 0, 1, False, False
    for index, character in enumerate(text):
        if quoted:
            quoted, escaped = escaped or character != '"', not escaped and character == "\\"
        elif character == '"':
            quoted = True
        elif character in "{[":
            depth += 1
        elif character in "}]":
            depth -= 1
        elif character == "," and depth == 1:
            parts.append(text[begin : index + 1])
            begin = index + 1
    return "\n".join(["{", *(" " + part for part in [*parts, text[begin:-1]]), "}"])
