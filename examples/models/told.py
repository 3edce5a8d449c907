"""What the scripts of this folder read from answers, and put into bodies; nothing but the standard library.

… | python3 told.py id                      one field of an answer; one without it is a refusal, and is shown
… | python3 told.py with model=md_… seed=1  a body with fields added to it
… | python3 told.py events                  the epochs of a job as they come, then the version that it has made
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from typing import Any

SHOWN = 10
"""Epochs that are told, about."""


def field(text: str, name: str) -> str:
    """One field of an answer."""
    if not text:
        sys.exit("There is no answer. Is there a server at the address in ADJOINT_URL?")
    answer = json.loads(text)
    if name not in answer:
        sys.exit(json.dumps(answer, indent=1, ensure_ascii=False))
    return str(answer[name])


def extended(text: str, added: Iterable[str]) -> str:
    """A body with fields `name=value`; a value of digits is a number."""
    pairs = (one.split("=", 1) for one in added)
    own = {name: int(value) if value.isdecimal() else value for name, value in pairs}
    return json.dumps({**json.loads(text), **own})


def version(lines: Iterable[str]) -> str:
    """Tell of the epochs in a stream of events; the version in the last of them, the job when it has ended."""
    job: dict[str, Any] = {}
    kind, epoch = "", 0
    for line in lines:
        name, _, value = line.rstrip("\n").partition(": ")
        if name == "event":
            kind = value
        elif name == "data" and kind == "state":
            job = json.loads(value)
        elif name == "data" and kind == "step":
            row = json.loads(value)
            # Of several seeds, the first one is told.
            if row.get("epoch_value") is None or row.get("start", 0) > 0:
                continue
            epoch += 1
            if epoch % max(1, job["training"]["epochs"] // SHOWN) == 0:
                print(f"epoch {epoch:3}: {losses(row)}", file=sys.stderr)
    if not job:
        sys.exit("There are no events of this job.")
    result = job.get("result") or {}
    if result.get("version") is None:
        sys.exit(json.dumps(job.get("error") or job, indent=1, ensure_ascii=False))
    print(f"kept: epoch {result['epoch']}, {losses(result['scores'])}", file=sys.stderr)
    for remark in result["remarks"]:
        print(f"remark: {remark['detail']}", file=sys.stderr)
    return str(result["version"])


def losses(scores: dict[str, Any]) -> str:
    """The losses and other numbers of an epoch."""
    names = {"epoch_value": "loss", "validation_value": "validation loss"}
    known = (*names, "validation_accuracy", "validation_auc", "validation_r2")
    found = {name: scores[name] for name in known if isinstance(scores.get(name), float)}
    return ", ".join(f"{names.get(name, name.replace('_', ' '))} {value:.4f}" for name, value in found.items())


if __name__ == "__main__":
    if sys.argv[1] == "events":
        print(version(sys.stdin))
    elif sys.argv[1] == "with":
        print(extended(sys.stdin.read(), sys.argv[2:]))
    else:
        print(field(sys.stdin.read(), sys.argv[1]))
