"""The search for a learning rate."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from engine.models.finder import suggested
from engine.models.model import Model
from engine.models.regime import Finder
from engine.models.trainer import Trainer
from tests.models.lessons import begun, column, line, parameters, regressor, rows_of

SGD = {"name": "sgd", "lr": 0.1}


def _searched(net: Model, data: dict[str, Any], **finder: Any) -> Trainer:
    run = begun(net, data, find_learning_rate=finder or True, method=SGD, batch_size="all")
    rows_of(run)
    return run


def test_on_a_quadratic_function_the_rate_converges_and_is_not_small() -> None:
    # The loss is (b − 3)²: its second derivative is 2, and steepest descent converges below 2/2 = 1.
    net, data = regressor(features=1), {"x": np.zeros((4, 1)), "y": np.full((4, 1), 3.0)}
    rate = _searched(net, data, low=1e-6, high=100.0, steps=200).suggestion()
    assert rate is not None
    assert 0.01 < rate < 1.0
    # With inputs ten times as large, rates are a hundredth.
    wide = {"x": np.full((4, 1), 10.0), "y": np.full((4, 1), 30.0)}
    other = _searched(net, wide, low=1e-6, high=100.0, steps=200).suggestion()
    assert other is not None
    assert 1e-4 < other < 2 / 202


def test_the_rates_are_those_that_were_asked_for() -> None:
    finder = Finder(1e-3, 10.0, 5)
    assert [finder.rate(i) for i in range(5)] == pytest.approx([1e-3, 1e-2, 1e-1, 1.0, 10.0])
    run = begun(regressor(), line(11), find_learning_rate={"low": 1e-3, "high": 1e-1, "steps": 11}, batch_size=4)
    rows = rows_of(run)
    assert [row.rate for row in rows] == pytest.approx(np.geomspace(1e-3, 1e-1, 11).tolist())
    # It goes through the data as often as it takes.
    assert column(run, rows, "epoch") == [1.0] * 3 + [2.0] * 3 + [3.0] * 3 + [4.0] * 2
    assert run.standing.lines[0].reason == "max-steps"


@pytest.mark.parametrize(("low", "high"), [(1e-308, 1e308), (5e-324, 1.0), (1.0, math.nextafter(1.0, 2.0))])
def test_any_range_can_be_searched(low: float, high: float) -> None:
    run = _searched(regressor(), line(11), low=low, high=high, steps=10)
    rates = [Finder(low, high, 10).rate(i) for i in range(10)]
    assert all(low * (1 - 1e-9) <= rate <= high * (1 + 1e-9) or rate == 0 for rate in rates)
    run.suggestion()


def test_there_is_none_where_the_loss_never_falls() -> None:
    assert suggested([10.0**k for k in range(20)], [float(k) for k in range(20)]) is None
    assert suggested([10.0**k for k in range(20)], [1.0] * 20) is None
    assert suggested([1.0, 2.0], [3.0, 2.0]) is None
    assert suggested([10.0**k for k in range(20)], [math.nan] * 20) is None
    data = {"x": np.zeros((4, 2)), "y": np.zeros((4, 1))}
    assert _searched(regressor(), data).suggestion() is None


def test_it_is_where_the_loss_falls_fastest() -> None:
    rates = [10.0 ** (k / 10 - 6) for k in range(80)]
    losses = [1 / (1 + math.exp((k - 40) / 3)) for k in range(60)] + [float(k) for k in range(20)]
    rate = suggested(rates, losses)
    assert rate is not None
    # The mean lags behind by some ten steps.
    assert rates[40] <= rate <= rates[52]


def test_it_ends_where_the_loss_has_begun_to_grow() -> None:
    run = _searched(regressor(), line(11), low=1e-4, high=1e6, steps=100)
    (one,) = run.standing.lines
    assert (one.reason, one.message.split(":")[0]) == ("converged", "The loss has begun to grow")
    assert 10 < len(one.losses) < 100
    rate = run.suggestion()
    assert rate is not None
    assert 1e-3 < rate < 1.0


def test_a_loss_that_is_negative_is_searched_as_well() -> None:
    net = regressor(loss={"expr": "(y - prediction)^2 - 1000"})
    run = _searched(net, line(11), low=1e-4, high=1e6, steps=100)
    plain = _searched(regressor(), line(11), low=1e-4, high=1e6, steps=100)
    assert len(run.standing.lines[0].losses) > 40
    one, other = run.suggestion(), plain.suggestion()
    assert one is not None
    assert other is not None
    assert one == pytest.approx(other, rel=0.5)


def test_a_loss_that_is_not_finite_from_the_first_on_is_told_so() -> None:
    net = regressor(loss={"expr": "log(prediction - 1e9 - abs(y))"})
    run = _searched(net, line(11))
    (one,) = run.standing.lines
    assert one.reason == "diverged"
    assert "log" in one.message
    assert run.suggestion() is None
    assert parameters(run).keys() == net.initial().keys()
