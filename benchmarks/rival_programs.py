"""Programs of `examples/programs` as users of PyTorch, JAX and Autograd write them.

Each takes the inputs of the program of its name and gives what the benchmark asks for.  Scalars are differentiated by
`gradient`; `bundle_adjustment` gives the blocks of its Jacobian and `kmeans_newton` a direction, differentiated inside.
JAX has its loops in `lax`, and everything compiled; the others loop in Python.

`python -m benchmarks.rival_programs` checks all of them against the references of `tests/examples_programs`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

Inputs = Mapping[str, Any]
Functions = Mapping[str, Callable[..., Any]]
STATIC = {"m", "s", "steps", "n", "camera_of", "point_of"}
"""Inputs that are whole numbers and fix the length of a loop or an index: given as they are, not as arrays."""
OWN = {"bundle_adjustment", "kmeans_newton"}
"""Programs that differentiate themselves."""


# What is the same but for the array module


def _gmm(xp: Any, factors: Callable[[Any, int], Any]) -> Callable[..., Any]:
    def gmm(alphas: Any, means: Any, icf: Any, x: Any, gamma: Any, m: Any) -> Any:
        (n, d), k = x.shape, len(alphas)
        log_diagonal = icf[:, :d]
        Q = factors(icf, d)
        z = xp.einsum("kij,nkj->nki", Q, x[:, None, :] - means[None, :, :])
        terms = alphas + xp.sum(log_diagonal, 1) - 0.5 * xp.sum(z * z, 2)
        likelihood = xp.sum(xp.logsumexp(terms, 1)) - n * xp.logsumexp(alphas, 0) - 0.5 * n * d * math.log(2 * math.pi)
        df = d + m + 1
        log_gamma = d * (d - 1) / 4 * math.log(math.pi) + sum(math.lgamma((df - j) / 2) for j in range(d))
        constant = df * d * (math.log(float(gamma)) - 0.5 * math.log(2)) - log_gamma
        squares = xp.sum(xp.exp(2 * log_diagonal)) + xp.sum(icf[:, d:] ** 2)
        return likelihood + 0.5 * gamma**2 * squares - m * xp.sum(log_diagonal) - k * constant

    return gmm


def _below(d: int) -> tuple[Any, Any]:
    """Rows and columns below the diagonal, column by column."""
    columns, rows = np.triu_indices(d, 1)
    return rows, columns


def _lstm_layer(xp: Any, weight: Any, bias: Any, hidden: Any, cell: Any, x: Any) -> tuple[Any, Any]:
    gates = xp.concatenate([x, hidden, x, hidden]) * weight + bias
    b = len(x)
    cell = cell * xp.sigmoid(gates[:b]) + xp.sigmoid(gates[b : 2 * b]) * xp.tanh(gates[3 * b :])
    return xp.sigmoid(gates[2 * b : 3 * b]) * xp.tanh(cell), cell


def _lstm_step(xp: Any, main: Any, extra: Any, state: list[Any], x: Any, following: Any) -> tuple[list[Any], Any]:
    x = x * extra[0]
    after = []
    for i in range(0, len(state), 2):
        x, cell = _lstm_layer(xp, main[i], main[i + 1], state[i], state[i + 1], x)
        after += [x, cell]
    y = x * extra[1] + extra[2]
    return after, xp.sum(following * (y - xp.log(2 + xp.sum(xp.exp(y)))))


def _lstm_in_python(xp: Any) -> Callable[..., Any]:
    def lstm(main: Any, extra: Any, state: Any, sequence: Any) -> Any:
        total, now = 0.0, list(state)
        for t in range(len(sequence) - 1):
            now, score = _lstm_step(xp, main, extra, now, sequence[t], sequence[t + 1])
            total = total + score
        return -total / (sequence.shape[1] * (len(sequence) - 1))

    return lstm


def _observation(xp: Any, parameters: Any, feature: Any) -> Any:
    """The weighted error of one point: of its camera (11), its place (3) and its weight."""
    rotation, place, weight = parameters[:3], parameters[11:14] - parameters[3:6], parameters[14]
    angle = xp.sqrt(xp.sum(rotation**2))
    axis = rotation / angle
    turned = place * xp.cos(angle) + xp.cross(axis, place) * xp.sin(angle)
    turned = turned + axis * xp.sum(axis * place) * (1 - xp.cos(angle))
    flat = turned[:2] / turned[2]
    r = xp.sum(flat**2)
    seen = flat * (1 + parameters[9] * r + parameters[10] * r * r) * parameters[6] + parameters[7:9]
    return weight * (seen - feature)


def _rows(xp: Any, cameras: Any, points: Any, weights: Any, camera_of: Any, point_of: Any) -> Any:
    return xp.concatenate([cameras[camera_of], points[point_of], weights[:, None]], 1)


def _distances(xp: Any, points: Any, centroids: Any) -> Any:
    return xp.sum((points[:, None, :] - centroids[None, :, :]) ** 2, 2)


def _runge_kutta(xp: Any, x: Any, h: float) -> Callable[[Any], Any]:
    def rate(y: Any) -> Any:
        return x * xp.concatenate([xp.ones(1), y[:-1]])

    def step(y: Any) -> Any:
        k1 = rate(y)
        k2 = rate(y + h / 2 * k1)
        k3 = rate(y + h / 2 * k2)
        k4 = rate(y + h * k3)
        return y + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)

    return step


def _pendulum_step(xp: Any, angle: Any, velocity: Any, length: Any, damping: Any, dt: Any) -> tuple[Any, Any]:
    velocity = velocity - dt * (9.81 / length * xp.sin(angle) + damping * velocity)
    return angle + dt * velocity, velocity


def _nbody_step(xp: Any, x: Any, v: Any, mass: Any, dt: Any, itself: Any) -> tuple[Any, Any]:
    d = x[:, None, :] - x[None, :, :]
    pull = (1 - itself) / (xp.sum(d**2, 2) + itself) ** 1.5
    v = v - dt * xp.sum((pull * mass)[:, :, None] * d, 1)
    return x + dt * v, v


def _at_rest(xp: Any, velocity: Any, mass: Any) -> Any:
    """Velocities with that of the first body such that the whole rests."""
    return xp.concatenate([(velocity[0] - mass @ velocity / mass[0])[None, :], velocity[1:]])


def _energy(xp: Any, x: Any, v: Any, mass: Any) -> Any:
    first, second = np.triu_indices(len(mass), 1)
    distance = xp.sqrt(xp.sum((x[first] - x[second]) ** 2, 1))
    return xp.sum(mass * xp.sum(v**2, 1)) / 2 - xp.sum(mass[first] * mass[second] / distance)


def _loss(xp: Any, w: Any, X: Any, y: Any) -> Any:
    """Of logistic regression."""
    z = X @ w
    return xp.mean(xp.softplus(z) - y * z)


# Autograd


def autograd_functions() -> Functions:
    """As its own examples are written: numpy, and loops in Python."""
    import autograd.numpy as anp
    from autograd import grad, jacobian, make_hvp
    from autograd.scipy.special import expit, logsumexp

    names = "einsum sum exp log concatenate tanh sqrt cos sin cross ones eye mean"
    xp = SimpleNamespace(
        **{name: getattr(anp, name) for name in names.split()},
        logsumexp=logsumexp,
        sigmoid=expit,
        softplus=lambda z: anp.logaddexp(0.0, z),
    )

    def factors(icf: Any, d: int) -> Any:
        place = np.zeros((icf.shape[1], d, d))
        rows, columns = _below(d)
        place[range(d, icf.shape[1]), rows, columns] = 1
        return anp.einsum("kp,pij->kij", icf, place) + anp.exp(icf[:, :d])[:, :, None] * np.eye(d)

    def bundle_adjustment(cameras: Any, points: Any, weights: Any, features: Any, camera_of: Any, point_of: Any) -> Any:
        rows = _rows(xp, cameras, points, weights, camera_of, point_of)
        slope = jacobian(lambda row, feature: _observation(xp, row, feature))
        return np.stack([slope(row, feature) for row, feature in zip(rows, features, strict=True)])

    def kmeans_newton(points: Any, centroids: Any) -> Any:
        def cost(c: Any) -> Any:
            return anp.sum(anp.min(_distances(xp, points, c), 1))

        return grad(cost)(centroids) / make_hvp(cost)(centroids)[0](np.ones_like(centroids))

    def sgd_rate(rate: Any, w: Any, X: Any, y: Any, X_new: Any, y_new: Any, steps: int) -> Any:
        slope = grad(lambda w, X, y: _loss(xp, w, X, y))
        for i in range(steps):
            row = i % len(y)
            w = w - rate * slope(w, X[row : row + 1], y[row : row + 1])
        return _loss(xp, w, X_new, y_new)

    return {
        "gmm": _gmm(xp, factors),
        "lstm": _lstm_in_python(xp),
        "bundle_adjustment": bundle_adjustment,
        "kmeans_newton": kmeans_newton,
        "sgd_rate": sgd_rate,
        **_loops_in_python(xp),
    }


def _loops_in_python(xp: Any) -> Functions:
    """What Autograd and PyTorch do alike."""

    def ode(x: Any, s: int) -> Any:
        step, y = _runge_kutta(xp, x, 2 / s), 0 * x
        for _ in range(s):
            y = step(y)
        return y[-1]

    def pendulum(angle: Any, velocity: Any, length: Any, damping: Any, dt: Any, steps: int) -> Any:
        for _ in range(steps):
            angle, velocity = _pendulum_step(xp, angle, velocity, length, damping, dt)
        return angle

    def nbody(position: Any, velocity: Any, mass: Any, dt: Any, steps: int) -> Any:
        x, v, itself = position, _at_rest(xp, velocity, mass), xp.eye(len(mass))
        for _ in range(steps):
            x, v = _nbody_step(xp, x, v, mass, dt, itself)
        return _energy(xp, x, v, mass)

    def logistic_map(x: Any, r: Any, n: int) -> Any:
        for _ in range(n):
            x = r * x * (1 - x)
        return x

    return {"ode": ode, "pendulum": pendulum, "nbody": nbody, "logistic_map": logistic_map}


# PyTorch


def torch_functions() -> Functions:
    """Eager mode; `torch.func` for derivatives inside, and for one Jacobian of many."""
    import torch

    names = "einsum exp log tanh sqrt cos sin sigmoid logsumexp"
    xp = SimpleNamespace(
        **{name: getattr(torch, name) for name in names.split()},
        sum=torch.sum,
        concatenate=torch.cat,
        cross=torch.linalg.cross,
        mean=torch.mean,
        ones=lambda n: torch.ones(n, dtype=torch.float64),
        eye=lambda n: torch.eye(n, dtype=torch.float64),
        softplus=torch.nn.functional.softplus,
    )

    def factors(icf: Any, d: int) -> Any:
        rows, columns = _below(d)
        Q = torch.diag_embed(torch.exp(icf[:, :d]))
        Q[:, rows, columns] = icf[:, d:]
        return Q

    def bundle_adjustment(cameras: Any, points: Any, weights: Any, features: Any, camera_of: Any, point_of: Any) -> Any:
        rows = _rows(xp, cameras, points, weights, camera_of, point_of)
        slope = torch.func.jacrev(lambda row, feature: _observation(xp, row, feature))
        return torch.func.vmap(slope)(rows, features)

    def kmeans_newton(points: Any, centroids: Any) -> Any:
        def cost(c: Any) -> Any:
            return torch.sum(torch.amin(_distances(xp, points, c), 1))

        slope, curvature = torch.func.jvp(torch.func.grad(cost), (centroids,), (torch.ones_like(centroids),))
        return slope / curvature

    def sgd_rate(rate: Any, w: Any, X: Any, y: Any, X_new: Any, y_new: Any, steps: int) -> Any:
        for i in range(steps):
            row = i % len(y)
            v = w if w.requires_grad else w.detach().requires_grad_()
            (slope,) = torch.autograd.grad(_loss(xp, v, X[row : row + 1], y[row : row + 1]), v, create_graph=True)
            w = v - rate * slope
        return _loss(xp, w, X_new, y_new)

    return {
        "gmm": _gmm(xp, factors),
        "lstm": _lstm_in_python(xp),
        "bundle_adjustment": bundle_adjustment,
        "kmeans_newton": kmeans_newton,
        "sgd_rate": sgd_rate,
        **_loops_in_python(xp),
    }


# JAX


def jax_functions() -> Functions:
    """Compiled; loops of many steps as `lax.scan`, whose reverse keeps each step."""
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_platforms", "cpu")
    jax.config.update("jax_enable_x64", True)
    names = "einsum sum exp log concatenate tanh sqrt cos sin cross ones eye mean"
    xp = SimpleNamespace(
        **{name: getattr(jnp, name) for name in names.split()},
        logsumexp=jax.nn.logsumexp,
        sigmoid=jax.nn.sigmoid,
        softplus=jax.nn.softplus,
    )

    def many(step: Callable[[Any], Any], start: Any, count: int) -> Any:
        return jax.lax.scan(lambda carry, _: (step(carry), None), start, length=count)[0]

    def factors(icf: Any, d: int) -> Any:
        rows, columns = _below(d)
        diagonal = jnp.exp(icf[:, :d])[:, :, None] * jnp.eye(d)
        return diagonal.at[:, rows, columns].set(icf[:, d:])

    def lstm(main: Any, extra: Any, state: Any, sequence: Any) -> Any:
        def step(carry: Any, both: Any) -> Any:
            return _lstm_step(xp, main, extra, carry, *both)

        _, scores = jax.lax.scan(step, list(state), (sequence[:-1], sequence[1:]))
        return -jnp.sum(scores) / (sequence.shape[1] * (len(sequence) - 1))

    def bundle_adjustment(cameras: Any, points: Any, weights: Any, features: Any, camera_of: Any, point_of: Any) -> Any:
        rows = _rows(xp, cameras, points, weights, camera_of, point_of)
        return jax.vmap(jax.jacrev(lambda row, feature: _observation(xp, row, feature)))(rows, features)

    def kmeans_newton(points: Any, centroids: Any) -> Any:
        def cost(c: Any) -> Any:
            return jnp.sum(jnp.min(_distances(xp, points, c), 1))

        slope, curvature = jax.jvp(jax.grad(cost), (centroids,), (jnp.ones_like(centroids),))
        return slope / curvature

    def ode(x: Any, s: int) -> Any:
        return many(_runge_kutta(xp, x, 2 / s), jnp.zeros_like(x), s)[-1]

    def pendulum(angle: Any, velocity: Any, length: Any, damping: Any, dt: Any, steps: int) -> Any:
        return many(lambda now: _pendulum_step(xp, *now, length, damping, dt), (angle, velocity), steps)[0]

    def nbody(position: Any, velocity: Any, mass: Any, dt: Any, steps: int) -> Any:
        itself = jnp.eye(len(mass))
        start = position, _at_rest(xp, velocity, mass)
        x, v = many(lambda now: _nbody_step(xp, *now, mass, dt, itself), start, steps)
        return _energy(xp, x, v, mass)

    def logistic_map(x: Any, r: Any, n: int) -> Any:
        return many(lambda x: r * x * (1 - x), x, n)

    def sgd_rate(rate: Any, w: Any, X: Any, y: Any, X_new: Any, y_new: Any, steps: int) -> Any:
        slope = jax.grad(lambda w, X, y: _loss(xp, w, X, y))

        def step(w: Any, row: Any) -> Any:
            return w - rate * slope(w, X[row][None], y[row][None]), None

        w, _ = jax.lax.scan(step, w, jnp.arange(steps) % len(y))
        return _loss(xp, w, X_new, y_new)

    return {
        "gmm": _gmm(xp, factors),
        "lstm": lstm,
        "bundle_adjustment": bundle_adjustment,
        "kmeans_newton": kmeans_newton,
        "ode": ode,
        "pendulum": pendulum,
        "nbody": nbody,
        "logistic_map": logistic_map,
        "sgd_rate": sgd_rate,
    }


# Value and gradient


def autograd(name: str, inputs: Inputs, wrt: tuple[str, ...]) -> tuple[Callable[[], Any], Callable[[Any], list[Any]]]:
    """What is timed, and what makes numpy arrays of its answer: the value, then the gradients (or the direction)."""
    from autograd import value_and_grad

    function = autograd_functions()[name]
    fixed = {key: value if key in STATIC else np.asarray(value, float)[()] for key, value in inputs.items()}
    if name in OWN:
        return lambda: function(**fixed), lambda answer: [np.asarray(answer)]
    wanted = value_and_grad(lambda moving: function(**{**fixed, **dict(zip(wrt, moving, strict=True))}))
    point = tuple(fixed[key] for key in wrt)
    return lambda: wanted(point), lambda answer: [np.asarray(part) for part in (answer[0], *answer[1])]


def torch(name: str, inputs: Inputs, wrt: tuple[str, ...]) -> tuple[Callable[[], Any], Callable[[Any], list[Any]]]:
    """As `autograd`; one thread, float64."""
    import torch

    torch.set_num_threads(1)
    function = torch_functions()[name]
    fixed = {
        key: np.asarray(value)[()] if key in STATIC else torch.tensor(value, dtype=torch.float64)
        for key, value in inputs.items()
    }
    if name in OWN:
        return lambda: function(**fixed), lambda answer: [answer.numpy()]
    moving = [fixed[key].requires_grad_() for key in wrt]

    def call() -> Any:
        value = function(**fixed)
        return value, *torch.autograd.grad(value, moving)

    return call, lambda answer: [part.detach().numpy() for part in answer]


def jax(name: str, inputs: Inputs, wrt: tuple[str, ...]) -> tuple[Callable[[], Any], Callable[[Any], list[Any]]]:
    """As `autograd`; compiled, the inputs on the device, the answer waited for."""
    import jax

    function = jax_functions()[name]
    static = {key: np.asarray(value)[()] for key, value in inputs.items() if key in STATIC or key == "gamma"}
    arrays = {key: jax.numpy.asarray(value, float) for key, value in inputs.items() if key not in static}
    if name in OWN:
        compiled = jax.jit(lambda arrays: (function(**arrays, **static),))
        return lambda: jax.block_until_ready(compiled(arrays)), lambda answer: [np.asarray(answer[0])]
    data = {key: value for key, value in arrays.items() if key not in wrt}
    moving = tuple(arrays[key] for key in wrt)
    wanted = jax.jit(
        jax.value_and_grad(
            lambda moving, data: function(**data, **dict(zip(wrt, moving, strict=True)), **static),
        )
    )
    return (
        lambda: jax.block_until_ready(wanted(moving, data)),
        lambda answer: [np.asarray(part) for part in (answer[0], *answer[1])],
    )


LIBRARIES: Mapping[str, Callable[..., Any]] = {"Autograd": autograd, "PyTorch": torch, "JAX": jax}
PROGRAMS = ("gmm", "lstm", "bundle_adjustment", "kmeans_newton", "ode", "pendulum", "nbody", "logistic_map", "sgd_rate")


def large(name: str) -> dict[str, Any]:
    """Inputs of the sizes that are measured, the same every time; those of `examples/programs` where there are none."""
    draw = np.random.default_rng(5)
    if name == "gmm":
        d, k, n = 10, 25, 1000
        shapes = {"alphas": (k,), "means": (k, d), "icf": (k, d * (d + 1) // 2), "x": (n, d)}
        return {**{key: draw.normal(size=shape) for key, shape in shapes.items()}, "gamma": 1.0, "m": 0}
    if name == "lstm":
        b, layers, letters = 14, 2, 1024
        shapes = {"main": (2 * layers, 4 * b), "extra": (3, b), "state": (2 * layers, b)}
        found = {key: draw.random(shape) for key, shape in shapes.items()}
        return {**found, "sequence": draw.integers(0, 2, (letters, b)).astype(float)}
    if name == "bundle_adjustment":
        cameras, points, observations = 21, 500, 1500
        base = example(name)[0]
        return {
            "cameras": np.asarray(base["cameras"])[0] * draw.uniform(0.9, 1.1, (cameras, 11)),
            "points": draw.uniform(0, 10, (points, 3)),
            "weights": draw.random(observations),
            "features": draw.uniform(-300, 300, (observations, 2)),
            "camera_of": draw.integers(0, cameras, observations),
            "point_of": draw.integers(0, points, observations),
        }
    if name == "kmeans_newton":
        points = draw.random((10_000, 10))
        return {"points": points, "centroids": points[:20] + 0.01}
    if name == "ode":
        return {"x": draw.uniform(50, 100, 200), "s": 100}
    return example(name)[0]


def example(name: str) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The inputs of a program in `examples/programs`, and what it is differentiated with respect to."""
    folder = Path(__file__).parents[1] / "examples" / "programs"
    body = json.loads((folder / f"{name}.json").read_text("utf-8"))
    at = {key: np.asarray(value)[()] if key in STATIC else value for key, value in body["at"].items()}
    return at, tuple(body.get("wrt", at))


def main() -> None:
    """Compare every library with the reference, at the inputs of the example; print the largest difference."""
    from tests.examples_programs.complex_step import derivative, value
    from tests.examples_programs.references import adbench, dynamics, gradbench, learning

    references: dict[str, Any] = {}
    for module in (adbench, dynamics, gradbench, learning):
        references |= {name: getattr(module, name) for name in PROGRAMS if hasattr(module, name)}
    for name in PROGRAMS:
        inputs, wrt = example(name)
        at = {key: np.asarray(item)[()] for key, item in inputs.items()}
        slopes = derivative(references[name], at, wrt)
        if name == "bundle_adjustment":
            expected = [_blocks(slopes, at)]
        elif name in OWN:
            expected = [value(references[name], at)]
        else:
            expected = [value(references[name], at), *slopes.values()]
        for library, prepare in LIBRARIES.items():
            call, arrays = prepare(name, inputs, wrt)
            found = arrays(call())
            worst = max(_difference(a, b) for a, b in zip(found, expected, strict=True))
            print(f"{name:20} {library:10} {worst:.1e}{'' if worst < 1e-6 else '   WRONG'}")


def _blocks(slopes: Mapping[str, Any], at: Inputs) -> Any:
    """The Jacobian of `bundle_adjustment` by observation: two rows; columns of its camera, its point and its weight."""
    rows = []
    for i, (camera, point) in enumerate(zip(at["camera_of"], at["point_of"], strict=True)):
        of = slice(2 * i, 2 * i + 2)
        parts = [slopes["cameras"][of, camera], slopes["points"][of, point], slopes["weights"][of, i, None]]
        rows.append(np.concatenate(parts, axis=1))
    return np.stack(rows)


def _difference(found: Any, expected: Any) -> float:
    assert np.shape(found) == np.shape(expected)
    return float(np.max(np.abs(found - expected)) / np.max(np.abs(expected)))


if __name__ == "__main__":
    main()
