"""Plans and verdicts: where a function is evaluated, and what its values say of a gradient."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from engine.errors import InvalidRequest
from engine.question import Array
from engine.verify.judge import DIRECTION, judge
from engine.verify.noise import digits_of, noise_of, rounding_of
from engine.verify.plan import LARGEST_STEP, NOISE_POINTS, Plan, checked
from engine.verify.plan_report import PlanReport
from engine.verify.richardson import limits

Function = Callable[[Array], Any]


def values_of(plan: Plan, f: Function) -> Array:
    """The values of `f`, a function of one array, at the points."""
    with np.errstate(all="ignore"):
        return np.array([f(plan.split(point)["x"]) for point in plan.points()], dtype=np.float64)


def verdict(f: Function, x: Any, grad: Any, tolerance: float | None = None, **options: Any) -> PlanReport:
    """The report on `grad`."""
    plan = checked(Plan({"x": np.asarray(x, dtype=np.float64)}, **options))
    return judge(plan, values_of(plan, f), {"x": np.asarray(grad, dtype=np.float64)}, None, tolerance)


def wave(x: Array) -> Any:
    return x[0] ** 2 * np.sin(x[1])


def wave_gradient(x: Any) -> list[float]:
    return [2 * x[0] * math.sin(x[1]), x[0] ** 2 * math.cos(x[1])]


class TestPoints:
    def test_their_order(self) -> None:
        plan = checked(Plan({"x": np.array([3.0, 0.5])}))
        points = plan.points()
        assert points.shape == (plan.count, 2) == (1 + NOISE_POINTS + 2 * 2 * 6, 2)
        assert points[0].tolist() == [3.0, 0.5]
        assert points[9:13].tolist() == [[3.1, 0.5], [2.9, 0.5], [3.01, 0.5], [2.99, 0.5]]
        assert points[21:23].tolist() == [[3.0, 0.51], [3.0, 0.49]]

    def test_steps_are_short_decimals(self) -> None:
        assert Plan({"x": np.array(2.0)}).steps.tolist() == [0.1, 0.01, 0.001, 1e-4, 1e-5, 1e-6]
        assert Plan({"x": np.array(2.0)}, levels=2, noise=1e-9).steps.tolist() == [0.1, 0.01]

    @pytest.mark.parametrize("precision", ["float64", "float32"])
    @pytest.mark.parametrize("noise", [None, 1e-12, 1e-6, 0.1])
    @pytest.mark.parametrize("levels", range(2, 9))
    @pytest.mark.parametrize("random", [None, 3])
    def test_steps_fall(self, precision: Any, noise: float | None, levels: int, random: int | None) -> None:
        steps = Plan({"x": np.ones(3)}, precision, random, levels, noise).steps
        assert len(steps) >= 2
        assert (np.diff(steps) < 0).all()
        assert steps[0] <= 1.3 * LARGEST_STEP

    @pytest.mark.parametrize("precision", ["float64", "float32"])
    @pytest.mark.parametrize("random", [None, 5])
    def test_every_point_is_where_it_is_said_to_be(self, precision: Any, random: int | None) -> None:
        x = np.random.default_rng(1).normal(size=7) * 10.0 ** np.arange(-3, 4)
        plan = checked(Plan({"x": x}, precision, random))
        points = plan.points()
        if precision == "float32":
            assert (points.astype(np.float32) == points).all()
        moved = points[9:].reshape(plan.directions, -1, 2, 7) - plan.base
        forth, back = plan.lengths()
        along = plan.along() if random else np.eye(7)
        assert (moved[:, :, 0] == forth[:, :, None] * along[:, None, :]).all()
        assert (moved[:, :, 1] == -back[:, :, None] * along[:, None, :]).all()

    def test_the_same_plan_has_the_same_points(self) -> None:
        x = {"a": np.ones((2, 2)), "b": np.array(0.0)}
        assert (Plan(x, random=4, seed=3).points() == Plan(x, random=4, seed=3).points()).all()
        assert (Plan(x, random=4, seed=3).points() != Plan(x, random=4, seed=4).points()).any()

    def test_scales(self) -> None:
        assert Plan({"x": np.array([0.0, 3e-4, 250.0])}).sizes.tolist() == [1.0, 1e-4, 100.0]
        assert Plan({"x": np.array([0.0, -2e-6])}).sizes.tolist() == [1e-6, 1e-6]
        assert Plan({"x": np.zeros(2)}).sizes.tolist() == [1.0, 1.0]

    def test_the_digest_sees_every_change(self) -> None:
        x = {"x": np.array([1.0, 2.0])}
        plans = [
            Plan(x),
            Plan({"y": x["x"]}),
            Plan({"x": np.array([1.0, np.nextafter(2, 3)])}),
            Plan({"x": np.array([[1.0, 2.0]])}),
            Plan(x, "float32"),
            Plan(x, random=2),
            Plan(x, levels=5),
            Plan(x, noise=1e-9),
            Plan(x, noise=1e-8),
            Plan(x, scale={"x": np.ones(2)}),
            Plan(x, seed=1),
        ]
        assert len({plan.digest() for plan in plans}) == len(plans)
        assert Plan({"x": np.array([0.0])}).digest() == Plan({"x": np.array([-0.0])}).digest()

    @pytest.mark.parametrize(
        ("x", "options", "pointer"),
        [
            ([], {}, "/x"),
            ([1.0, math.nan], {}, "/x"),
            ([math.inf], {}, "/x"),
            ([1e39], {"precision": "float32"}, "/x"),
            ([1.7e308], {}, "/x"),
            ([1.0], {"scale": [0.0]}, "/scale"),
            ([1.0], {"scale": [-1.0]}, "/scale"),
            ([1.0], {"scale": [math.nan]}, "/scale"),
            ([1.7e308], {"scale": [1e308]}, "/scale"),
            ([1.0], {"scale": [1e-12]}, "/scale"),
            ([1e4], {"scale": [1e-2], "precision": "float32"}, "/scale"),
        ],
    )
    def test_points_that_cannot_be(self, x: Any, options: dict[str, Any], pointer: str) -> None:
        if "scale" in options:
            options = options | {"scale": {"x": np.array(options["scale"])}}
        with pytest.raises(InvalidRequest) as caught:
            checked(Plan({"x": np.array(x)}, **options))
        assert [fault.pointer for fault in caught.value.faults] == [pointer]


class TestNoise:
    def test_of_a_known_size(self) -> None:
        draw = np.random.default_rng(5)
        t = np.arange(8) * 1e-5
        found = [noise_of(np.exp(t) + 1e-8 * draw.normal(size=8)) for _ in range(200)]
        assert 0.7e-8 < np.median(found) < 1.4e-8
        assert np.mean((np.array(found) > 0.3e-8) & (np.array(found) < 3e-8)) > 0.95

    def test_a_trend_is_none(self) -> None:
        t = np.arange(8) * 1e-3
        assert noise_of(np.sin(t)) < 1e-15

    @pytest.mark.parametrize("size", [1e-300, 1e300])
    def test_of_any_size(self, size: float) -> None:
        draw = np.random.default_rng(5)
        assert noise_of(size * (1 + 1e-8 * draw.normal(size=8))) == pytest.approx(1e-8 * size, rel=0.7)

    def test_without_values(self) -> None:
        assert math.isnan(noise_of(np.full(8, np.nan)))
        assert math.isnan(noise_of(np.zeros(0)))
        assert noise_of(np.full(8, 3.0)) == 0

    def test_rounding(self) -> None:
        values = np.exp(np.linspace(1, 1.1, 20))
        assert rounding_of(values) == 0
        assert rounding_of(values.astype(np.float32).astype(np.float64)) == 2.0**-24
        assert rounding_of(np.round(values, 4)) == pytest.approx(0.5e-4)
        assert rounding_of(np.array([1.0, 2.0, 1.0, 2.0])) == 0
        assert digits_of(np.array([0.00125, 3e20])) == 3


class TestLimits:
    @given(arrays(np.float64, (3,), elements=st.floats(-5, 5)))
    def test_of_even_polynomials(self, c: Array) -> None:
        steps = np.array([[0.3, 0.1, 0.03, 0.01]])
        found = limits(steps, c[0] + c[1] * steps**2 + c[2] * steps**4, np.zeros((1, 4)), 2)
        assert abs(found.value[0] - c[0]) <= found.bar[0] + 1e-13

    def test_the_bar_covers_noise(self) -> None:
        draw = np.random.default_rng(2)
        steps = np.tile(10.0 ** -np.arange(1, 7), (1000, 1))
        noise = 1e-9 / steps
        found = limits(steps, 2 + steps**2 + noise * draw.uniform(-1, 1, steps.shape), noise, 2)
        assert (np.abs(found.value - 2) <= found.bar).all()
        assert np.median(found.bar) < 1e-5

    def test_missing_quotients(self) -> None:
        steps = np.array([[0.1, 0.01, 0.001]] * 3)
        quotients = np.array([[np.nan, 2.0001, 2.000001], [np.nan, np.nan, 2.0], [np.nan, np.nan, np.nan]])
        found = limits(steps, quotients, np.zeros((3, 3)), 2)
        assert found.value[0] == pytest.approx(2, abs=1e-9)
        assert found.bar[1:].tolist() == [math.inf, math.inf]


class TestVerdicts:
    def test_a_right_gradient(self) -> None:
        report = verdict(wave, [3, 0.5], wave_gradient([3, 0.5]))
        assert report.verdict == "correct"
        assert report.wrong == 0
        assert report.witnesses["differences"].status == "agree"
        for row in report.components:
            assert row.abs_error <= row.error_bar < 1e-9  # type: ignore[attr-defined]
        assert report.noise.digits > 15

    @pytest.mark.parametrize("error", [1e-1, 1e-3, 1e-5, 1e-7])
    def test_a_wrong_one(self, error: float) -> None:
        right = wave_gradient([3, 0.5])
        report = verdict(wave, [3, 0.5], [right[0], right[1] * (1 + error)])
        assert report.verdict == "incorrect"
        assert [row.ok for row in report.components] == [True, False]
        assert "x[1]" in report.message

    def test_a_mistake_is_named(self) -> None:
        report = verdict(wave, [3, 0.5], -np.array(wave_gradient([3, 0.5])))
        assert report.diagnosis[0].kind == "sign"
        assert report.diagnosis[0].detail in report.message

    @pytest.mark.parametrize(
        ("f", "left", "right"),
        [
            (lambda x: abs(x[0]) + np.sin(x[0]), 0, 2),
            (lambda x: max(x[0], 0.0) + 1e3, 0, 1),
            (lambda x: np.float32(abs(x[0]) + np.cos(x[0])), -1, 1),
        ],
    )
    def test_kinks(self, f: Function, left: float, right: float) -> None:
        report = verdict(f, [0.0], [0.5])
        assert report.verdict == "not-differentiable"
        assert report.kinks[0].left == pytest.approx(left, abs=1e-3)
        assert report.kinks[0].right == pytest.approx(right, abs=1e-3)
        assert report.components[0].ok
        outside = verdict(f, [0.0], [5.0])
        assert outside.verdict == "not-differentiable"
        assert not outside.components[0].ok
        assert "not even" in outside.message

    def test_a_wrong_component_beside_a_kink(self) -> None:
        f = lambda x: abs(x[0]) + x[1] ** 2  # noqa: E731
        assert verdict(f, [0.0, 3.0], [0.0, 6.0]).verdict == "not-differentiable"
        assert verdict(f, [0.0, 3.0], [0.0, 7.0]).verdict == "incorrect"

    @pytest.mark.parametrize("f", [lambda x: np.floor(x[0]), lambda x: np.sign(x[0] - 1), lambda x: float(x[0] > 1)])
    def test_jumps(self, f: Function) -> None:
        report = verdict(f, [1.0], [0.0])
        assert report.verdict == "not-differentiable"
        assert "jumps" in report.message
        assert report.kinks[0].left is None

    @pytest.mark.parametrize("f", [lambda x: np.sqrt(abs(x[0])), lambda x: np.cbrt(x[0])])
    def test_slopes_without_end(self, f: Function) -> None:
        report = verdict(f, [0.0], [0.0])
        assert report.verdict == "not-differentiable"
        assert "grows without end" in report.message

    def test_a_kink_next_to_the_point(self) -> None:
        f = lambda x: abs(x[0] - 1) + x[0] ** 2  # noqa: E731
        assert verdict(f, [1.001], [3.002]).verdict == "correct"
        assert verdict(f, [0.999], [0.998]).verdict == "correct"
        assert verdict(f, [0.999], [2.998]).verdict == "incorrect"

    def test_the_edge_of_the_domain(self) -> None:
        f = lambda x: np.cos(x[0]) if x[0] >= 1 else math.nan  # noqa: E731
        assert verdict(f, [1.0], [-math.sin(1)]).verdict == "correct"
        assert verdict(f, [1.0], [-math.sin(1) * 1.001]).verdict == "incorrect"
        assert verdict(lambda x: np.log(x[0]), [1e-7], [1e7]).verdict == "correct"

    @pytest.mark.parametrize(
        ("f", "x", "grad", "advice"),
        [
            (lambda x: math.nan, 1.0, 0.0, "no finite value"),
            (lambda x: x if x == 1 else math.nan, 1.0, 1.0, "smaller `scale`"),
            (lambda x: float(f"{np.exp(x):.4g}"), 1.0, math.e, "written with 4 digits"),
            (lambda x: np.exp(x) * (1 + 1e-4 * math.sin(1e9 * x)), 1.0, math.e, "digits; compute them more exactly"),
        ],
    )
    def test_what_cannot_be_told(self, f: Function, x: Any, grad: float, advice: str) -> None:
        report = verdict(f, x, grad)
        assert report.verdict == "inconclusive"
        assert advice in report.message

    def test_constants(self) -> None:
        assert verdict(lambda x: 5.0, [1.0, 2.0], [0.0, 0.0]).verdict == "correct"
        assert verdict(lambda x: 0.0, [1.0, 2.0], [0.0, 0.0]).verdict == "correct"
        assert verdict(lambda x: 5.0, [1.0, 2.0], [0.0, 1e-6]).verdict == "incorrect"

    def test_a_number_that_is_none(self) -> None:
        assert verdict(wave, [3, 0.5], [math.nan, wave_gradient([3, 0.5])[1]]).verdict == "incorrect"
        assert verdict(wave, [3, 0.5], [math.inf, wave_gradient([3, 0.5])[1]]).verdict == "incorrect"

    def test_the_tolerance_that_is_asked_for(self) -> None:
        right = np.array(wave_gradient([3, 0.5]))
        assert verdict(wave, [3, 0.5], right * 1.005, 1e-2).verdict == "correct"
        assert verdict(wave, [3, 0.5], right * 1.02, 1e-2).verdict == "incorrect"
        noisy = lambda x: np.float32(wave(x))  # noqa: E731
        assert verdict(noisy, [3, 0.5], right, 1e-8).verdict == "inconclusive"
        assert verdict(noisy, [3, 0.5], right, 1e-2).verdict == "correct"

    def test_the_claimed_value(self) -> None:
        plan = checked(Plan({"x": np.array([3.0, 0.5])}))
        values, grad = values_of(plan, wave), {"x": np.array(wave_gradient([3, 0.5]))}
        assert judge(plan, values, grad, float(values[0])).verdict == "correct"
        wrong = judge(plan, values, grad, float(values[0]) + 1)
        assert wrong.verdict == "incorrect"
        assert "value is wrong" in wrong.message
        assert wrong.value is not None
        assert not wrong.value.ok

    def test_random_directions(self) -> None:
        x = np.linspace(-2, 2, 500)
        right = np.cos(x)
        report = verdict(lambda x: np.sum(np.sin(x)), x, right, random=20)
        assert report.verdict == "correct"
        assert report.count == 20
        assert report.components[0].input == DIRECTION
        wrong = right.copy()
        wrong[137] *= 1.001
        assert verdict(lambda x: np.sum(np.sin(x)), x, wrong, random=20).verdict == "incorrect"

    def test_only_the_worst_are_shown(self) -> None:
        x = np.linspace(1, 2, 150)
        grad = 2 * x
        grad[140] = 0
        report = verdict(lambda x: x @ x, x, grad)
        assert (len(report.components), report.count, report.wrong) == (100, 150, 1)
        assert [row.index for row in report.components if not row.ok] == [(140,)]

    @pytest.mark.parametrize("seed", range(10))
    @pytest.mark.parametrize("precision", ["float64", "float32"])
    @pytest.mark.parametrize("random", [None, 3])
    def test_no_false_alarm(self, seed: int, precision: Any, random: int | None) -> None:
        draw = np.random.default_rng(seed)
        a, x = draw.normal(size=(4, 4)), draw.normal(size=4)
        kind = np.float32 if precision == "float32" else np.float64

        def f(x: Array) -> Any:
            return kind(np.sum(np.tanh(a @ x)) + np.exp(0.3 * x[0]))

        grad = a.T @ (1 - np.tanh(a @ x) ** 2)
        grad[0] += 0.3 * math.exp(0.3 * x[0])
        options = {"precision": precision, "random": random, "seed": seed}
        assert verdict(f, x, grad, **options).verdict in ("correct", "inconclusive")
        wrong = np.where(np.abs(grad) == np.abs(grad).max(), 1.1 * grad, grad)
        assert verdict(f, x, wrong, **options).verdict in ("incorrect", "inconclusive")
        if precision == "float64":
            assert verdict(f, x, grad, **options).verdict == "correct"
            assert verdict(f, x, wrong, **options).verdict == "incorrect"

    @given(st.data())
    def test_any_values_get_a_verdict(self, data: st.DataObject) -> None:
        count = data.draw(st.integers(1, 3))
        random = data.draw(st.sampled_from([None, 1, 2]))
        noise = data.draw(st.sampled_from([None, 0.0, 1e-6]))
        plan = checked(
            Plan(
                {"x": np.linspace(0, 1, count)},
                random=random,
                noise=noise,
                levels=data.draw(st.sampled_from([2, 3, 6])),
            )
        )
        values = data.draw(arrays(np.float64, plan.count))
        grad = data.draw(arrays(np.float64, count))
        report = judge(plan, values, {"x": grad}, data.draw(st.none() | st.floats()))
        assert report.verdict in ("correct", "incorrect", "not-differentiable", "inconclusive")
        assert len(report.components) == report.count
        if report.verdict == "correct":
            assert np.isfinite(values[0])
            assert np.isfinite(grad).all()
