"""Where a refusal of a job points to: into the body that was sent, which has no `at`."""

from __future__ import annotations

import pytest

from engine.errors import EngineError, Fault, InvalidRequest
from engine.limits import Limits
from service.jobs.request import placed, read_job
from service.settings import Settings


@pytest.mark.parametrize(
    ("content", "place"),
    [
        ({"expr": "x^2", "start": {"x": 0}, "data": {"x": 1}}, "/data/x"),
        ({"expr": "x^2", "start": {"x": "a"}}, "/start/x"),
        ({"expr": "x^2", "starts": [{"x": 1}, {"x": [1, 2]}]}, "/starts/1/x"),
        ({"expr": "(x - c)^2", "start": {"x": 0}, "data": {"c": [1, [2]]}}, "/data/c/1"),
    ],
)
def test_faults_point_to_where_inputs_are_sent(content: dict[str, object], place: str) -> None:
    with pytest.raises(EngineError) as caught:
        read_job(content, Settings(), Limits(), None)
    assert caught.value.faults[0].pointer == place


def test_an_input_that_was_not_sent_belongs_to_the_data() -> None:
    missing = InvalidRequest("'c' is no input.", faults=[Fault("/at/c", "It is missing.")])
    with pytest.raises(InvalidRequest) as caught, placed({"x": ("start", "x")}):
        raise missing
    assert caught.value.faults == [Fault("/data/c", "It is missing.")]
