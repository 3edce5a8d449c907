"""Clients of servers that go away and come back."""

from __future__ import annotations

import json
from typing import Any

import pytest

from service.client.errors import NoAddress, Refused, Unreached
from service.client.events import Event, events
from service.client.following import LONGEST_PAUSE, Following, Patience
from service.client.server import NoServer, Server
from tests.service.scripted import chunked, content, scripted, stream

PROBLEM = {"type": "/errors/gone", "title": "This was deleted", "status": 410, "detail": "It was deleted."}


def step(index: int) -> str:
    return f"event: step\nid: {index}\ndata: {json.dumps({'step': index, 'value': 1.0})}\n\n"


def state(name: str) -> str:
    return f"event: state\ndata: {json.dumps({'state': name})}\n\n"


class Hours:
    """Time that passes only while somebody pauses."""

    def __init__(self) -> None:
        self.now, self.pauses, self.said = 0.0, list[float](), list[str]()

    def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds

    def patience(self, seconds: float = 60.0) -> Patience:
        return Patience(seconds, self.said.append, self.pause, lambda: self.now)


def followed(url: str, hours: Hours) -> list[Any]:
    found = Following(Server(url), "job_a", hours.patience()).events()
    return [content["step"] if name == "step" else content["state"] for name, content in found]


def test_events_of_a_stream() -> None:
    lines = ": alive\n\nevent: step\nid: 3\ndata: 1\ndata:2\nretry: 5\n\ndata: x\n\nid: 9\n\nevent: cut\ndata: off"
    assert list(events(lines.split("\n"))) == [Event("step", "1\n2", "3"), Event("message", "x")]


def test_a_stream_that_is_cut_off_goes_on_where_it_was() -> None:
    hours = Hours()
    answers = [
        stream(state("running"), step(0), step(1), "event: step\nid: 2\ndata: {"),
        b"",
        chunked(state("running"), step(2), end=b""),
        chunked(step(3), end=b"80\r\nevent: st"),
        stream(),
        chunked(step(4), state("succeeded")),
    ]
    with scripted(*answers) as server:
        found = followed(server.url, hours)
    assert found == ["running", 0, 1, "running", 2, 3, 4, "succeeded"]
    asked = [request.lower().partition("last-event-id: ")[2].split("\r")[0] for request in server.requests]
    assert asked == ["", "1", "1", "2", "3", "3"]
    assert hours.said[0].endswith("Trying again for 60 s.")
    assert hours.said[1] == "The server is back."


def test_a_server_that_starts_again() -> None:
    hours = Hours()
    with scripted(stream(state("running"), step(0))) as server:
        first = Following(Server(server.url), "job_a", hours.patience())
        begun = first.events()
        assert [next(begun)[0], next(begun)[0]] == ["state", "step"]
    again = scripted(stream(step(1), state("succeeded")), port=server.port)

    def pause(seconds: float) -> None:
        hours.pause(seconds)
        if len(hours.pauses) == 3:
            again.__enter__()

    first.patience.pause = pause
    assert [name for name, _ in begun] == ["step", "state"]
    again.__exit__(None, None, None)
    assert hours.pauses == [0.2, 0.4, 0.8]


def test_a_server_that_stays_away_is_given_up() -> None:
    hours = Hours()
    with scripted(stream(state("running"))) as server:
        pass_on = Following(Server(server.url), "job_a", hours.patience(60)).events()
        next(pass_on)
    with pytest.raises(NoServer, match="There is no server at"):
        list(pass_on)
    assert sum(hours.pauses) == pytest.approx(60)
    assert max(hours.pauses) == LONGEST_PAUSE
    assert hours.pauses[:3] == [0.2, 0.4, 0.8]
    assert len(hours.said) == 1


def test_a_server_that_never_was_there_is_given_up_at_once() -> None:
    with scripted() as server:
        pass
    hours = Hours()
    with pytest.raises(NoServer):
        hours.patience().asked(lambda: Server(server.url).get("/jobs/a"))
    assert hours.pauses == []


def test_a_busy_server_is_asked_when_it_says() -> None:
    hours = Hours()
    problem = {**PROBLEM, "detail": "1,000 jobs wait."}
    busy = content(problem, "503 Service Unavailable", "application/problem+json", "retry-after: 7\r\n")
    with scripted(busy, content({"id": "job_a"})) as server:
        assert hours.patience().asked(lambda: Server(server.url).post("/jobs", {})) == {"id": "job_a"}
    assert hours.pauses == [7.0]
    assert "is busy (status 503): 1,000 jobs wait." in hours.said[0]


def test_a_job_that_is_forgotten_meanwhile_is_a_refusal() -> None:
    gone = content(PROBLEM, "410 Gone", "application/problem+json")
    with scripted(stream(step(0)), gone) as server, pytest.raises(Refused, match="gone: It was deleted"):
        followed(server.url, Hours())


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"HTTP/1.1 404 Not Found\r\ncontent-type: text/html\r\ncontent-length: 2\r\n\r\nno", "status 404, text/html"),
        (b"HTTP/1.1 301 Moved\r\nlocation: /x\r\ncontent-length: 0\r\n\r\n", "status 301, no content"),
        (b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 3\r\n\r\n<p>", "status 200, text/html"),
        (content(PROBLEM, "500 Oh", "application/problem+json"), "failed to answer: It was deleted."),
        (b"HTTP/1.1 422 No\r\ncontent-type: application/problem+json\r\ncontent-length: 1\r\n\r\n{", "status 422"),
        (b"SSH-2.0-OpenSSH_9.6\r\n", "broke off"),
    ],
)
def test_answers_that_are_not_of_adjoint(answer: bytes, words: str) -> None:
    with scripted(answer) as server, pytest.raises(Unreached, match=words):
        Server(server.url).get("/jobs")


@pytest.mark.parametrize("url", ["ftp://x", "http://", "http://x:port", "", "http://x:99999"])
def test_addresses_that_are_none(url: str) -> None:
    with pytest.raises(NoAddress, match="is no address of a server"):
        Server(url).get("/jobs")


def test_an_address_may_have_a_path_and_needs_no_scheme() -> None:
    with scripted(content([]), content([])) as server:
        Server(f"{server.url}/adjoint/").get("/jobs")
        Server(f"127.0.0.1:{server.port}").get("/jobs")
    assert [request.split("\r\n")[0] for request in server.requests] == [
        "GET /adjoint/jobs HTTP/1.1",
        "GET /jobs HTTP/1.1",
    ]
