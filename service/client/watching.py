"""A job on its way to its end, shown as it goes."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from service.client.address import DEFAULT_URL, URL_NAME
from service.client.chart import BLOCKS, chart, sparkline
from service.client.errors import CANCELLED, FAILED, INTERRUPTED
from service.client.following import ENDED, Following, Patience
from service.client.screen import Screen
from service.client.server import Server, job_path
from service.client.summary import failure, sign_of, summary
from service.client.track import Track

CODES: Mapping[str, int] = {"succeeded": 0, "failed": FAILED, "cancelled": CANCELLED}
"""How a command ends that has watched a job to this state."""
HELD_SECONDS = 30
"""How long the server is asked to hold an answer back until a job has ended."""
WIDEST, NARROW, MARGIN = 60, 50, 16
"""Columns of a chart; of a terminal that has one line instead if it has fewer; what labels may take."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """How a watched job is told: as JSON, with a chart, and what Ctrl-C means for it."""

    json: bool = False
    chart: bool | None = None
    cancel: bool = False


def watch(server: Server, job: Mapping[str, Any], screen: Screen, patience: Patience, wishes: Wishes) -> int:
    """Show a job until it has ended and print its end; the exit code."""
    id, track = str(job["id"]), Track(sign_of(job))
    following, stopping = Following(server, id, patience), False
    with screen:
        while True:
            try:
                if stopping:
                    patience.asked(lambda: server.post(job_path(id, "/cancel"), prefer="wait=0"))
                else:
                    screen.state(job)
                _show(following, track, screen, (job["state"], job["attempts"]))
                found = patience.asked(lambda: server.get(job_path(id)))
                break
            except KeyboardInterrupt:
                if stopping or not wishes.cancel:
                    screen.say(_left(id, server.url, stopping))
                    return INTERRUPTED
                screen.say(f"Cancelling {id}.")
                stopping = True
    if wishes.json:
        print_json(found)
    else:
        charted = sys.stdout.isatty() if wishes.chart is None else wishes.chart
        print_summary(found, track if charted else None)
    if found["state"] == "failed":
        print(failure(found), file=sys.stderr)
    return CODES[found["state"]]


def cancelled(server: Server, id: str, patience: Patience) -> Mapping[str, Any]:
    """The job once it has ended, which it is asked to do."""
    path, prefer = job_path(id), f"wait={HELD_SECONDS}"
    job = patience.asked(lambda: server.post(job_path(id, "/cancel"), prefer=prefer))
    while job["state"] not in ENDED:
        patience.told(f"{id} has not stopped yet.")
        job = patience.asked(lambda: server.get(path, prefer=prefer))
    found: Mapping[str, Any] = job
    return found


def tracked(server: Server, job: Mapping[str, Any]) -> Track:
    """What the history of a job tells."""
    track = Track(sign_of(job))
    for line in server.lines(job_path(job["id"], "/history"), accept="application/x-ndjson"):
        track.add(json.loads(line))
    return track


def print_json(content: Any) -> None:
    """Content as a line of JSON on standard output."""
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    sys.stdout.buffer.write(text.encode() + b"\n")
    sys.stdout.buffer.flush()


def print_summary(job: Mapping[str, Any], track: Track | None) -> None:
    """A job in words on standard output, below its curve where there is one."""
    if track is not None:
        print(_curve(track, shutil.get_terminal_size().columns), end="")
    print(summary(job))


def _show(following: Following, track: Track, screen: Screen, told: tuple[str, int]) -> None:
    """Show what comes; `told` is the state and the attempt that are shown already."""
    for name, content in following.events():
        if name == "step":
            track.add(content)
            screen.row(track)
        elif told != (content["state"], content["attempts"]):
            told = (content["state"], content["attempts"])
            screen.state(content)


def _curve(track: Track, columns: int) -> str:
    """The curve and an empty line, as wide as there is room; nothing where its characters cannot be written."""
    try:
        (BLOCKS + "⣿┤└─").encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        return ""
    points = track.curve()
    if len(points) < 2:
        return ""
    what = "best value of all starts" if track.several else "value"
    wide = columns >= NARROW
    drawn = chart(points, min(WIDEST, columns - MARGIN), what=what) if wide else sparkline(points, columns - 1)
    return f"{drawn}\n\n" if drawn else ""


def _left(id: str, url: str, stopping: bool) -> str:
    where = "" if url == os.environ.get(URL_NAME, DEFAULT_URL) else f" --url {url}"
    goes_on = "it was asked to stop" if stopping else "the job goes on"
    return f"No longer watching; {goes_on}.\n  adjoint job watch {id}{where}\n  adjoint job cancel {id}{where}"
