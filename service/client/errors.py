"""What can go wrong between a client and a server, each with the exit code that a command ends with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from service.client.text import plain
from service.refusing import REFUSED

FAILED, UNREACHED, CANCELLED, INTERRUPTED = 1, 3, 4, 130
"""Exit codes beside that of a refusal: the job has failed; no answer; the job was cancelled; Ctrl-C."""


class ClientError(Exception):
    """A sentence for people, and how the command ends."""

    code: ClassVar[int] = UNREACHED


class NoAddress(ClientError):
    """What was given as the address of the server is none."""

    code = REFUSED


class Unreached(ClientError):
    """There is no server, or nothing that answers like one."""


class Lost(Unreached):
    """The server did not answer, or its answer broke off: trying again may help, and `after` says when."""

    def __init__(self, message: str, after: float = 0.0) -> None:
        super().__init__(message)
        self.after = after


class Refused(ClientError):
    """The server has refused the request with a problem."""

    code = REFUSED

    def __init__(self, problem: Mapping[str, Any]) -> None:
        super().__init__(told(problem))


def told(problem: Mapping[str, Any]) -> str:
    """A problem as it is printed: name and place, detail, excerpt with carets, hint, and all further faults."""
    name = str(problem.get("type", "")).rsplit("/", 1)[-1] or "error"
    span = problem.get("span")
    where = f" at line {span['line']}, column {span['column']}" if span else ""
    lines = [f"{name}{where}: {problem.get('detail', problem.get('title', ''))}"]
    if problem.get("excerpt"):
        lines += ["    " + line for line in str(problem["excerpt"]).split("\n")]
    if problem.get("hint"):
        lines.append(f"hint: {problem['hint']}")
    lines += [f"also {fault['pointer']}: {fault['detail']}" for fault in problem.get("errors", [])[1:]]
    return "\n".join(plain(line) for line in lines)
