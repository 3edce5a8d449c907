"""The loop of a training against one that is written out, and how it ends."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from engine.errors import InvalidRequest
from engine.graph.types import Array
from engine.limits import Budget
from engine.models.data import divided, examples, shuffled
from engine.models.initialisers import stream
from engine.models.step import Program
from tests.models.lessons import (
    DENSE,
    begun,
    bits,
    classes,
    classifier,
    column,
    ended,
    line,
    parameters,
    regressor,
    rows_of,
    together,
)
from tests.models.running import model

Arrays = dict[str, Array]
Step = Callable[[int, str, Array, Array], Array]
"""From the number of the step, a name, the parameters and their gradient to the next parameters."""
HIDDEN = {"type": "dense", "units": 5, "activation": "tanh"}


def _by_hand(p: Arrays, x: Array, y: Array, weight: Array | None) -> tuple[float, Arrays]:
    """Loss and gradients of a perceptron with one hidden layer for the weighted mean of squares, by the chain rule."""
    w = np.ones(len(x)) if weight is None else weight
    share = (w / max(w.sum(), 1e-300))[:, None]
    hidden = np.tanh(x @ p["dense_1_kernel"] + p["dense_1_bias"])
    error = hidden @ p["dense_2_kernel"] + p["dense_2_bias"] - y
    out = 2 * share * error
    back = (out @ p["dense_2_kernel"].T) * (1 - hidden**2)
    slopes = {
        "dense_1_kernel": x.T @ back,
        "dense_1_bias": back.sum(axis=0),
        "dense_2_kernel": hidden.T @ out,
        "dense_2_bias": out.sum(axis=0),
    }
    return float(np.sum(share * error**2)), slopes


def _sgd(lr: float) -> Step:
    return lambda t, name, p, g: p - lr * g


def _adam(lr: float) -> Step:
    """Kingma and Ba 2015, algorithm 1."""
    first: Arrays = {}
    second: Arrays = {}

    def step(t: int, name: str, p: Array, g: Array) -> Array:
        first[name] = 0.9 * first.get(name, 0.0) + 0.1 * g
        second[name] = 0.999 * second.get(name, 0.0) + 0.001 * g**2
        mean, square = first[name] / (1 - 0.9**t), second[name] / (1 - 0.999**t)
        return np.asarray(p - lr * mean / (np.sqrt(square) + 1e-8))

    return step


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(("rule", "update"), [("sgd", _sgd), ("adam", _adam)])
def test_ten_steps_are_those_of_a_loop_that_is_written_out(
    rule: str, update: Callable[[float], Step], weighted: bool
) -> None:
    step = update(0.05)
    net, data = regressor(HIDDEN), line(11)
    weight = np.arange(11.0) if weighted else None
    if weight is not None:
        data["weight"] = weight
    run = begun(
        net, data, method={"name": rule, "lr": 0.05}, batch_size=4, epochs=4, stop={"max_steps": 10}, keep="last"
    )
    rows = rows_of(run)
    p, t, sums = net.initial(), 0, []
    for epoch in range(4):
        # The order is a permutation that seed and epoch decide.
        order = shuffled(11, stream(0, "order", epoch))
        for begin in (0, 4, 8):
            if t == 10:
                break
            index = order[begin : begin + 4]
            own = None if weight is None else weight[index]
            loss, slopes = _by_hand(p, data["x"][index], data["y"][index], own)
            assert rows[t].value == pytest.approx(loss, rel=1e-12)
            assert rows[t].grad_norm == pytest.approx(math.sqrt(sum(float(np.sum(g**2)) for g in slopes.values())))
            t += 1
            p = {name: step(t, name, array, slopes[name]) for name, array in p.items()}
            sums.append((epoch, loss, len(index) if own is None else float(own.sum())))
    found = parameters(run)
    assert len(rows) == t == 10
    for name, array in p.items():
        np.testing.assert_allclose(found[name], array, rtol=1e-10, atol=1e-14)
    values = [v for v in column(run, rows, "epoch_value") if not math.isnan(v)]
    for epoch, value in enumerate(values):
        own_sums = [(loss, n) for e, loss, n in sums if e == epoch]
        assert value == pytest.approx(sum(v * n for v, n in own_sums) / sum(n for _, n in own_sums), rel=1e-12)


def _batches(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Array, int | None]]:
    """What training programs are given from now on: x, and the seed of what they draw."""
    seen: list[tuple[Array, int | None]] = []
    original = Program.__call__

    def call(self: Program, at: Any, budget: Budget) -> Any:
        if self._training:
            seen.append((at["x"], int(at["seed"]) if "seed" in at else None))
        return original(self, at, budget)

    monkeypatch.setattr(Program, "__call__", call)
    return seen


@pytest.mark.parametrize("size", [1, 3, 4, 10, 11, 50, "all"])
def test_every_example_is_used_once_in_an_epoch(size: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    seen, data = _batches(monkeypatch), line(11)
    run = ended(regressor(), data, batch_size=size, epochs=3)
    sizes = [len(x) for x, _ in seen]
    most = 11 if size == "all" else min(11, size)
    assert sizes == 3 * ([most] * (11 // most) + ([11 % most] if 11 % most else []))
    assert run.per_epoch == len(sizes) // 3
    epochs = [np.concatenate([x for x, _ in seen[k * run.per_epoch : (k + 1) * run.per_epoch]]) for k in range(3)]
    expected = sorted(map(tuple, data["x"].tolist()))
    assert all(sorted(map(tuple, epoch.tolist())) == expected for epoch in epochs)
    # Every epoch has an order of its own.
    assert len({epoch.tobytes() for epoch in epochs}) == 3


def test_orders_are_functions_of_the_seed_and_in_order_means_so(monkeypatch: pytest.MonkeyPatch) -> None:
    seen, data, orders = _batches(monkeypatch), line(11), {}
    cases: dict[str, dict[str, Any]] = {"0": {}, "0 again": {}, "1": {"seed": 1}, "none": {"shuffle": False}}
    for name, options in cases.items():
        seen.clear()
        ended(regressor(), data, batch_size=4, epochs=1, **options)
        orders[name] = np.concatenate([x for x, _ in seen]).tobytes()
    assert orders["0"] == orders["0 again"] != orders["1"]
    assert orders["none"] == data["x"].tobytes()


def test_what_is_drawn_is_another_in_every_step_and_for_every_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = _batches(monkeypatch)
    ended(classifier({"type": "dropout", "rate": 0.5}), classes(), batch_size=4, epochs=2, seeds=3)
    drawn = [seed for _, seed in seen]
    assert len(set(drawn)) == len(drawn) == 18


def test_seeds_are_the_same_alone_and_side_by_side() -> None:
    net, data = classifier(HIDDEN, {"type": "dropout", "rate": 0.2}), classes()
    many = begun(net, data, seeds=[7, 3, 11], batch_size=4, epochs=2)
    rows = rows_of(many)
    for k, seed in enumerate((7, 3, 11)):
        alone = begun(net, data, seeds=[seed], seed=seed, batch_size=4, epochs=2)
        own = [(row.step, row.value, row.grad_norm, *row.more) for row in rows_of(alone)]
        assert repr(own) == repr([(r.step, r.value, r.grad_norm, *r.more) for r in rows if r.start == k])
        found = alone.standing.lines[0].best
        expected = many.standing.lines[k].best
        assert found is not None
        assert expected is not None
        assert found.x.tobytes() == expected.x.tobytes()
    assert many.standing.best.best is min((one.best for one in many.standing.lines if one.best), key=lambda p: p.value)


@pytest.mark.parametrize("fraction", [0.1, 0.25, 0.5, 0.9])
def test_a_division_is_disjoint_and_seeded(fraction: float) -> None:
    data = examples(regressor(), line(20) | {"weight": np.arange(1.0, 21.0)})
    train, own = divided(data, fraction, 3)
    assert len(own) == round(20 * fraction)
    assert tuple(sorted(together(train) + together(own))) == together(data)
    for part in (train, own):
        index = [int(np.flatnonzero((data.x == row).all(axis=1))[0]) for row in part.x]
        assert index == sorted(index)
        assert part.weight is not None
        assert data.weight is not None
        np.testing.assert_array_equal(part.weight, data.weight[index])
        np.testing.assert_array_equal(part.y, data.y[index])
    assert together(divided(data, fraction, 3)[1]) == together(own)
    assert together(divided(data, fraction, 4)[1]) != together(own)


@pytest.mark.parametrize("fraction", [0.01, 0.99])
def test_a_division_leaves_some_on_both_sides(fraction: float) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        begun(regressor(), line(11), fraction)
    assert [fault.pointer for fault in refusal.value.faults] == ["/validation"]


def test_parts_without_weight_are_refused() -> None:
    data = line(10) | {"weight": np.array([1.0] + [0.0] * 9)}
    with pytest.raises(InvalidRequest, match="weight 0") as refusal:
        begun(regressor(), data, 0.5)
    assert [fault.pointer for fault in refusal.value.faults] == ["/validation"]


def test_what_is_standardised_is_fitted_to_the_part_that_is_trained_on() -> None:
    net = regressor({"type": "standardise"}, target={"standardise": True})
    data = line(20)
    data["x"][:, 1] = 7.25
    run = ended(net, data, 0.3, epochs=1, seed=5)
    train, _ = divided(examples(net, data), 0.3, 5)
    found = parameters(run)
    np.testing.assert_allclose(found["standardise_1_mean"], train.x.mean(axis=0), rtol=1e-14)
    np.testing.assert_allclose(found["standardise_1_scale"], [train.x[:, 0].std(), 1.0], rtol=1e-13)
    np.testing.assert_allclose(found["y_mean"], train.y.mean(axis=0), rtol=1e-14)
    np.testing.assert_allclose(found["y_scale"], train.y.std(axis=0), rtol=1e-13)


def test_scores_are_in_the_units_of_the_data() -> None:
    net = regressor({"type": "standardise"}, target={"standardise": True})
    data, own = line(30), line(15, seed=1)
    data["y"], own["y"] = 1e4 + 1000 * data["y"], 1e4 + 1000 * own["y"]
    run = begun(
        net, data, own, epochs=1, batch_size="all", metrics=["mae", "mse", "r2"], method={"name": "sgd", "lr": 0.1}
    )
    rows_of(run)
    p = parameters(run)
    scores = run.standing.lines[0].best
    assert scores is not None
    scaled = (own["x"] - p["standardise_1_mean"]) / p["standardise_1_scale"]
    prediction = (scaled @ p["dense_1_kernel"] + p["dense_1_bias"]) * p["y_scale"] + p["y_mean"]
    error = prediction - own["y"]
    assert scores.scores["validation_mae"] == pytest.approx(np.mean(np.abs(error)), rel=1e-12)
    assert scores.scores["validation_mse"] == pytest.approx(np.mean(error**2), rel=1e-12)
    spread = np.sum((own["y"] - own["y"].mean()) ** 2)
    assert scores.scores["validation_r2"] == pytest.approx(1 - np.sum(error**2) / spread, rel=1e-12)
    # The loss is that of the scaled target.
    assert scores.scores["validation_value"] == pytest.approx(np.mean((error / p["y_scale"]) ** 2), rel=1e-12)


def test_class_weights_are_weights_of_examples() -> None:
    net, data = classifier(), classes(12)
    given = {0: 0.5, 1: 3.0}
    by_class = np.array([given.get(int(k), 1.0) for k in data["y"]])
    sample = np.linspace(0.1, 1.0, 12)
    one = ended(net, data | {"weight": sample}, class_weight={"0": 0.5, "1": 3.0}, batch_size=5, epochs=2)
    other = ended(net, data | {"weight": sample * by_class}, batch_size=5, epochs=2)
    assert bits(one) == bits(other)
    found, counts = np.unique(data["y"], return_counts=True)
    explicit = {str(int(k)): 12 / (len(found) * n) for k, n in zip(found, counts, strict=True)}
    balanced = ended(net, data, class_weight="balanced", batch_size=5, epochs=2)
    assert bits(balanced) == bits(ended(net, data, class_weight=explicit, batch_size=5, epochs=2))


@pytest.mark.parametrize("kinds", [2, 3])
def test_classes_one_hot_are_weighted_as_numbers_are(kinds: int) -> None:
    data = classes(12, kinds=kinds)
    sparse = ended(classifier(kinds=kinds), data, class_weight="balanced", batch_size=5, epochs=2)
    net = model([2], DENSE | {"units": kinds}, loss={"name": "cross_entropy", "sparse": False})
    hot = ended(
        net,
        {"x": data["x"], "y": np.eye(kinds)[data["y"].astype(int)]},
        class_weight="balanced",
        batch_size=5,
        epochs=2,
    )
    for name, array in parameters(sparse).items():
        np.testing.assert_allclose(parameters(hot)[name], array, rtol=1e-12)


def test_examples_of_weight_0_are_as_if_they_were_not_there() -> None:
    net, data = regressor(), line(8)
    weight = np.array([1.0, 0.0, 2.0, 0.0, 1.0, 1.0, 0.0, 3.0])
    keep = weight > 0
    some = {name: array[keep] for name, array in data.items()} | {"weight": weight[keep]}
    options: dict[str, Any] = {"batch_size": "all", "shuffle": False, "epochs": 3}
    found, expected = (ended(net, each, **options) for each in (data | {"weight": weight}, some))
    for name, array in parameters(expected).items():
        np.testing.assert_allclose(parameters(found)[name], array, rtol=1e-13)


def test_a_batch_without_weight_moves_nothing_and_counts_nothing() -> None:
    data = line(8) | {"weight": np.array([0.0] * 4 + [1.0] * 4)}
    run = begun(regressor(), data, batch_size=4, shuffle=False, epochs=1, method={"name": "sgd", "lr": 0.1})
    first, second = rows_of(run)
    assert (first.value, first.grad_norm) == (0.0, 0.0)
    assert second.x.tobytes() == first.x.tobytes()
    assert column(run, [second], "epoch_value") == [pytest.approx(second.value, rel=1e-15)]


@pytest.mark.parametrize("weights", [{"0": 0, "1": 0, "2": 0}, {"0": 1e308, "1": 1e308, "2": 1e308}])
def test_class_weights_that_are_none_together_are_refused(weights: dict[str, float]) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        begun(classifier(), classes(), class_weight=weights)
    assert [fault.pointer for fault in refusal.value.faults] == ["/class_weight"]


def test_early_stopping_waits_and_the_best_parameters_are_kept() -> None:
    data, own = line(12), line(6, seed=1)
    # What is validated with says the opposite: it gets worse from some epoch on.
    own["y"] = -own["y"]
    run = begun(
        regressor(),
        data,
        own,
        epochs=50,
        batch_size=4,
        early_stopping={"patience": 3},
        method={"name": "sgd", "lr": 0.05},
    )
    rows = rows_of(run)
    values = [v for v in column(run, rows, "validation_value") if not math.isnan(v)]
    best = int(np.argmin(values))
    (one,) = run.standing.lines
    assert (one.reason, len(values)) == ("patience", best + 1 + 3)
    assert one.best is not None
    assert (one.best.epoch, one.best.value) == (best + 1, values[best])
    assert run.standing.point(one) is one.best
    error = own["x"] @ parameters(run)["dense_1_kernel"] + parameters(run)["dense_1_bias"] - own["y"]
    assert one.best.value == pytest.approx(float(np.mean(error**2)), rel=1e-12)
    last = ended(
        regressor(),
        data,
        own,
        epochs=50,
        batch_size=4,
        early_stopping=3,
        keep="last",
        method={"name": "sgd", "lr": 0.05},
    )
    assert last.standing.point(last.standing.lines[0]).epoch == len(values)


def test_min_change_is_counted_from_the_last_improvement() -> None:
    run = begun(
        regressor(),
        line(12),
        epochs=200,
        batch_size="all",
        early_stopping={"patience": 2, "min_change": 0.05},
        method={"name": "sgd", "lr": 0.02},
    )
    values = column(run, rows_of(run), "epoch_value")
    lowest, idle, ends = math.inf, 0, None
    for epoch, value in enumerate(values, 1):
        lowest, idle = (value, 0) if value < lowest - 0.05 else (lowest, idle + 1)
        if idle == 2:
            ends = epoch
            break
    assert ends == len(values) < 200
    assert run.standing.lines[0].reason == "patience"


@pytest.mark.parametrize(
    ("options", "reason", "steps"),
    [
        ({"epochs": 2}, "max-steps", 6),
        ({"epochs": 9, "stop": {"max_steps": 7}}, "max-steps", 7),
        ({"epochs": 9, "stop": {"max_steps": 1}}, "max-steps", 1),
        ({"epochs": 9, "stop": {"target": 1e9}}, "target", 3),
        ({"epochs": 9, "stop": {"target": -1}}, "max-steps", 27),
        ({"epochs": 9, "stop": {"max_seconds": 1e-9}}, "max-seconds", 1),
    ],
)
@pytest.mark.parametrize("keep", ["best", "last"])
def test_ends(options: dict[str, Any], reason: str, steps: int, keep: str) -> None:
    run = begun(regressor(), line(11), batch_size=4, keep=keep, **options)
    rows = rows_of(run)
    (one,) = run.standing.lines
    assert (one.reason, len(rows), rows[-1].step, one.steps) == (reason, steps, steps, steps)
    assert one.message
    point = run.standing.point(one)
    assert point.step == (steps if keep == "last" or steps < 3 else point.step)
    assert point.step % 3 == 0 or keep == "last" or steps < 3
    assert rows_of(run) == []


@pytest.mark.parametrize("keep", ["best", "last"])
def test_a_run_that_is_ended_within_its_first_epoch_keeps_where_it_is(keep: str) -> None:
    run = begun(regressor(), line(11), batch_size=4, keep=keep)
    steps = run.steps()
    first, second = next(steps)[0], next(steps)[0]
    run.end("cancelled")
    assert list(steps) == []
    point = run.standing.point(run.standing.best)
    assert (point.epoch, point.step, point.scores) == (0, 2, {})
    assert point.value == pytest.approx((first.value + second.value) / 2)
    assert run.standing.lines[0].reason == "cancelled"
    assert not np.array_equal(point.x, second.x)


def test_a_run_that_is_ended_before_its_first_step_keeps_its_beginning() -> None:
    run = begun(regressor(), line(11))
    run.end("cancelled")
    point = run.standing.point(run.standing.best)
    assert (point.epoch, point.step, math.isnan(point.value)) == (0, 0, True)
    assert parameters(run).keys() == regressor().initial().keys()


def test_a_training_goes_on_from_parameters() -> None:
    net, data = regressor(), line(11)
    options: dict[str, Any] = {
        "method": {"name": "sgd", "lr": 0.05},
        "batch_size": "all",
        "shuffle": False,
        "keep": "last",
    }
    whole = ended(net, data, epochs=5, **options)
    half = ended(net, data, epochs=2, **options)
    rest = ended(net, data, epochs=3, start=parameters(half), **options)
    assert parameters(rest)["dense_1_kernel"].tobytes() == parameters(whole)["dense_1_kernel"].tobytes()


def test_a_start_without_scales_has_those_of_the_data() -> None:
    net, data = regressor({"type": "standardise"}), line(11)
    fresh, empty = ended(net, data, epochs=2), ended(net, data, epochs=2, start={})
    assert bits(fresh) == bits(empty)


@pytest.mark.parametrize("size", [4, "all"])
def test_a_divergence_tells_its_step_and_operation(size: Any) -> None:
    net = regressor(HIDDEN, loss={"expr": "exp((prediction - y)^2)"})
    run = begun(net, line(11), method={"name": "sgd", "lr": 1e10}, batch_size=size)
    rows = rows_of(run)
    (one,) = run.standing.lines
    assert one.reason == "diverged"
    assert f"in step {rows[-1].step}" in one.message
    assert "exp" in one.message
    assert np.isfinite(run.standing.state.x).all()


def test_a_step_that_overflows_ends_the_run_where_it_was() -> None:
    data = line(11)
    data["y"] *= 1e100
    run = begun(regressor(), data, method={"name": "sgd", "lr": 1e300}, batch_size="all")
    (row,) = rows_of(run)
    (one,) = run.standing.lines
    assert one.reason == "diverged"
    assert "step 1 of `sgd`" in one.message
    point = run.standing.point(one)
    assert point.x.tobytes() == row.x.tobytes()
    assert math.isnan(point.value)


@pytest.mark.parametrize("keep", ["best", "last"])
def test_parameters_without_a_loss_are_never_kept(keep: str) -> None:
    net = regressor(loss={"expr": "exp((y - prediction)^2)"})
    # From the third step on the rate is far too large.
    schedule = {"name": "warmup", "steps": 4, "start": 1e-9}
    run = begun(net, line(11), method={"name": "sgd", "lr": 1.0}, schedule=schedule, batch_size="all", keep=keep)
    rows = rows_of(run)
    (one,) = run.standing.lines
    assert one.reason == "diverged"
    point = run.standing.point(one)
    losses = {row.x.tobytes(): row.value for row in rows}
    assert point.x.tobytes() in losses
    assert math.isfinite(losses[point.x.tobytes()])
    assert one.best is point


def test_one_seed_diverges_while_others_go_on() -> None:
    net = regressor({"type": "dense", "units": 8, "activation": "softplus"}, {"type": "dense", "units": 8})
    found: dict[str, list[int]] = {}
    run = begun(net, line(16), seeds=12, epochs=30, batch_size="all", method={"name": "sgd", "lr": 0.1})
    rows = rows_of(run)
    for each in run.standing.lines:
        found.setdefault(str(each.reason), []).append(each.number)
    assert set(found) == {"diverged", "max-steps"}, "the rate has to be chosen so that some diverge"
    for each in run.standing.lines:
        own = [row.step for row in rows if row.start == each.number]
        assert own == list(range(1, len(own) + 1))
        assert each.steps == len(own)
        assert (len(own) < 30) == (each.reason == "diverged")
        alone = begun(net, line(16), seeds=[each.seed], epochs=30, batch_size="all", method={"name": "sgd", "lr": 0.1})
        values = [row.value for row in rows if row.start == each.number]
        assert repr([row.value for row in rows_of(alone)]) == repr(values)
    assert run.standing.best.reason == "max-steps"


def test_a_seed_that_diverges_at_once_is_not_the_result() -> None:
    run = begun(regressor(), line(11), seeds=2, batch_size=4)
    steps = run.steps()
    next(steps)
    run.standing.lines[0].end("diverged", "for the test")
    run.standing.drop()
    next(steps)
    run.end("cancelled")
    assert run.standing.best.number == 1


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("name", ["x", "y"])
def test_what_is_not_finite_is_refused_with_its_place(name: str, bad: float) -> None:
    data = line(11)
    data[name][3, -1] = bad
    with pytest.raises(InvalidRequest) as refusal:
        begun(regressor(), data)
    (fault,) = refusal.value.faults
    assert fault.pointer == f"/data/{name}"
    assert str([3, data[name].shape[1] - 1]) in fault.detail


EMBEDDED = ({"type": "embedding", "size": 4, "units": 2}, {"type": "flatten"})


@pytest.mark.parametrize(
    ("net", "data", "pointers"),
    [
        (regressor(), {}, ["/data/x", "/data/y"]),
        (regressor(), {"x": [[1, 2]], "y": [1], "z": [1]}, ["/data/z"]),
        (regressor(), {"x": [[1, 2, 3]], "y": [[1, 2]]}, ["/data/x", "/data/y"]),
        (regressor(), {"x": 1.0, "y": 2.0}, ["/data/x", "/data/y"]),
        (regressor(), {"x": 1.0, "y": [2.0], "weight": [1]}, ["/data/x"]),
        (regressor(), {"x": [[1, 2]], "y": [1, 2]}, ["/data/y"]),
        (regressor(), {"x": np.zeros((0, 2)), "y": np.zeros((0, 1))}, ["/data/x"]),
        (regressor(), {"x": [[1, 2]], "y": [1], "weight": [0]}, ["/data/weight"]),
        (regressor(), {"x": [[1, 2]], "y": [1], "weight": [-1]}, ["/data/weight"]),
        (regressor(), {"x": [[1, 2]], "y": [1], "weight": [math.nan]}, ["/data/weight"]),
        (regressor(), {"x": [[1, 2]], "y": [1], "weight": [[1]]}, ["/data/weight"]),
        (regressor(), {"x": [[1, 2]] * 2, "y": [1, 2], "weight": [1e308, 1e308]}, ["/data/weight"]),
        (
            regressor(loss={"expr": "max((y - prediction)^2)"}),
            {"x": [[1, 2]], "y": [1], "weight": [1]},
            ["/data/weight"],
        ),
        (classifier(), {"x": [[1, 2]], "y": [3]}, ["/data/y"]),
        (classifier(), {"x": [[1, 2]], "y": [-1]}, ["/data/y"]),
        (classifier(), {"x": [[1, 2]], "y": [0.5]}, ["/data/y"]),
        (classifier(), {"x": [[1, 2]], "y": [1e300]}, ["/data/y"]),
        (regressor(loss="bce"), {"x": [[1, 2]], "y": [2]}, ["/data/y"]),
        (regressor(loss="hinge"), {"x": [[1, 2]], "y": [0]}, ["/data/y"]),
        (regressor(loss="poisson_nll"), {"x": [[1, 2]], "y": [-1]}, ["/data/y"]),
        (model([3], *EMBEDDED, DENSE, dtype="int"), {"x": [[0, 4, 1]], "y": [1]}, ["/data/x"]),
        (model([3], *EMBEDDED, DENSE, dtype="int"), {"x": [[0, -1, 1]], "y": [1]}, ["/data/x"]),
        (model([3], *EMBEDDED, DENSE, dtype="int"), {"x": [[0, 1e300, 1]], "y": [1]}, ["/data/x"]),
    ],
)
def test_wrong_data_are_refused_with_their_places(net: Any, data: dict[str, Any], pointers: list[str]) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        begun(net, {name: np.asarray(value) for name, value in data.items()})
    assert [fault.pointer for fault in refusal.value.faults] == pointers


def test_what_is_standardised_may_have_any_size() -> None:
    net, data = regressor({"type": "standardise"}), line(11)
    data["x"] = data["x"] / np.abs(data["x"]).max() * 1.7e308
    run = begun(net, data, epochs=2)
    assert all(math.isfinite(row.value) for row in rows_of(run))


def test_states_are_json() -> None:
    run = begun(classifier(HIDDEN, {"type": "batch_norm"}), classes(), 0.3, seeds=2)
    for _ in run.steps():
        json.dumps(run.to_json(), allow_nan=False)
