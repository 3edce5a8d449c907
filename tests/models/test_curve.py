"""The curve that stays with the parameters of a run: all epochs, or evenly spaced ones."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest

from engine.models.curve import MOST, Curve


def _curve(epochs: int) -> Curve:
    curve = Curve(("epoch_value",))
    for epoch in range(1, epochs + 1):
        curve.enter(epoch, {"epoch_value": 1.0 / epoch, "confusion": [[1]]})
    return curve


@pytest.mark.parametrize("epochs", [0, 1, 2, 7, MOST])
def test_few_epochs_are_all_there(epochs: int) -> None:
    columns = _curve(epochs).columns()
    assert columns["epoch"] == list(range(1, epochs + 1))
    assert columns["epoch_value"] == [1.0 / epoch for epoch in range(1, epochs + 1)]


@pytest.mark.parametrize("epochs", [MOST + 1, MOST + 2, 2 * MOST, 2 * MOST + 1, 7777])
def test_many_epochs_are_thinned_evenly_and_the_last_is_there(epochs: int) -> None:
    curve = _curve(epochs)
    found = curve.columns()["epoch"]
    assert MOST / 2 <= len(found) <= MOST + 1
    assert (found[0], found[-1]) == (1, epochs)
    assert {b - a for a, b in pairwise(found[:-1])} == {curve.stride}


@pytest.mark.parametrize("epochs", [0, 5, 2345])
def test_it_goes_on_from_its_state(epochs: int) -> None:
    whole, first = _curve(epochs + 500), _curve(epochs)
    again = Curve(())
    again.resume(json.loads(json.dumps(first.to_json())))
    for epoch in range(epochs + 1, epochs + 501):
        again.enter(epoch, {"epoch_value": 1.0 / epoch})
    assert again == whole
