"""What is minimised in `optimise`, and how each library minimises it as its users would write it.

Every way of a library does the same: so many steps from the start, with the value after each of them as a number.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np

from engine.engine import Engine
from engine.limits import Budget
from engine.optimise.run import Run
from engine.question import Array, Question
from engine.task import Task

Values = list[float]
Way = Callable[[], Values]
"""From the start on: the value at the start and after each step."""
ENGINE = Engine()
SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class Descent:
    """A function of one vector `x`, in the language and written with the functions of a library `xp`."""

    title: str
    text: str
    written: Callable[..., Any]
    start: Array
    rate: float
    steps: int
    newton_steps: int
    data: Mapping[str, Any] = field(default_factory=dict)


def descents() -> list[Descent]:
    """The three of them, with the same data every time."""
    draw = np.random.default_rng(11)
    features = draw.normal(size=(1000, 20))
    labels = np.sign(features @ draw.normal(size=20) + draw.normal(size=1000))
    curvature, centre = draw.uniform(1, 100, 10_000), draw.normal(size=10_000)
    return [
        Descent(
            "Rosenbrock, 2",
            "(1 - x[0])^2 + 100*(x[1] - x[0]^2)^2",
            lambda xp, x: (1 - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2,
            np.array([-1.2, 1.0]),
            1e-3,
            1000,
            30,
        ),
        Descent(
            "logistic regression, 1,000 × 20",
            "mean(softplus(-b*(A @ x))) + 0.005*sum(x^2)",
            lambda xp, x, A, b: xp.mean(xp.softplus(-b * (A @ x))) + 0.005 * xp.sum(x**2),
            np.zeros(20),
            1e-2,
            300,
            10,
            {"A": features, "b": labels},
        ),
        Descent(
            "quadratic, 10,000",
            "sum(c*(x - m)^2)",
            lambda xp, x, c, m: xp.sum(c * (x - m) ** 2),
            np.zeros(10_000),
            1e-2,
            300,
            30,
            {"c": curvature, "m": centre},
        ),
    ]


def adjoint(descent: Descent, method: str) -> Way:
    """The engine: a run of a task, compiled once."""
    adam = method == "adam"
    named = {"name": "adam", "lr": descent.rate} if adam else {"name": "lbfgs", "memory": 10}
    steps = descent.steps if adam else descent.newton_steps
    question = Question(descent.text, {"x": descent.start, **descent.data})
    task = Task(question, ("x",), descent.start[None], named, stop={"max_steps": steps, "grad_norm": 0.0})
    objective = task.objective(ENGINE, Budget.starting_now(SECONDS))
    plan = task.plan(objective)
    return lambda: [rows[0].value for rows in Run(objective, plan, task.points).steps()]


def torch(descent: Descent, method: str) -> Way:
    """PyTorch's own optimisers, in eager mode, on one thread."""
    import torch

    torch.set_num_threads(1)
    xp = SimpleNamespace(sum=torch.sum, mean=torch.mean, softplus=torch.nn.functional.softplus)
    data = [torch.tensor(array) for array in descent.data.values()]

    def adam() -> Values:
        x = torch.tensor(descent.start, requires_grad=True)
        optimizer = torch.optim.Adam([x], lr=descent.rate)
        values = []
        for _ in range(descent.steps):
            optimizer.zero_grad()
            value = descent.written(xp, x, *data)
            value.backward()
            optimizer.step()
            values.append(value.item())
        return values

    def lbfgs() -> Values:
        x = torch.tensor(descent.start, requires_grad=True)
        most = descent.newton_steps
        optimizer = torch.optim.LBFGS(
            [x],
            max_iter=1,
            max_eval=100,
            history_size=10,
            tolerance_grad=0.0,
            tolerance_change=0.0,
            line_search_fn="strong_wolfe",
        )

        def closure() -> Any:
            optimizer.zero_grad()
            value = descent.written(xp, x, *data)
            value.backward()
            return value

        values = [optimizer.step(closure).item() for _ in range(most)]
        return [*values, closure().item()]

    return adam if method == "adam" else lbfgs


def jax(descent: Descent, method: str) -> Way:
    """JAX: one compiled function for value, gradient and update, called once a step from Python."""
    step, start = _jax_adam(descent)
    import jax

    compiled = jax.jit(step)

    def adam() -> Values:
        carry, values = start, []
        for _ in range(descent.steps):
            carry, value = compiled(carry, None)
            values.append(float(value))
        return values

    return adam


def jax_scan(descent: Descent, method: str) -> Way:
    """JAX: all steps in one compiled function, which Python sees only when they are done."""
    step, start = _jax_adam(descent)
    import jax

    compiled = jax.jit(lambda carry: jax.lax.scan(step, carry, None, length=descent.steps))

    def adam() -> Values:
        values: Values = np.asarray(compiled(start)[1]).tolist()
        return values

    return adam


def _jax_adam(descent: Descent) -> tuple[Callable[..., Any], Any]:
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_platforms", "cpu")
    jax.config.update("jax_enable_x64", True)
    xp = SimpleNamespace(sum=jnp.sum, mean=jnp.mean, softplus=jax.nn.softplus)
    data = [jnp.asarray(array) for array in descent.data.values()]
    wanted = jax.value_and_grad(lambda x: descent.written(xp, x, *data))

    def step(carry: Any, _: Any) -> Any:
        x, first, second, t = carry
        value, gradient = wanted(x)
        first, second, t = 0.9 * first + 0.1 * gradient, 0.999 * second + 0.001 * gradient**2, t + 1.0
        size = descent.rate / (1 - 0.9**t)
        x = x - size * first / (jnp.sqrt(second) / jnp.sqrt(1 - 0.999**t) + 1e-8)
        return (x, first, second, t), value

    start = jnp.asarray(descent.start)
    return step, (start, jnp.zeros_like(start), jnp.zeros_like(start), jnp.asarray(0.0))


def scipy(descent: Descent, method: str) -> Way:
    """SciPy's L-BFGS-B, which the engine has inside too, with values and gradients by Autograd."""
    import autograd.numpy as anp
    from autograd import value_and_grad
    from scipy import optimize

    xp = SimpleNamespace(sum=anp.sum, mean=anp.mean, softplus=lambda z: anp.logaddexp(0.0, z))
    data = list(descent.data.values())
    wanted = value_and_grad(lambda x: descent.written(xp, x, *data))
    most = {"maxiter": descent.newton_steps, "maxcor": 10, "ftol": 0.0, "gtol": 0.0, "maxls": 40}
    run: Any = optimize.minimize

    def lbfgs() -> Values:
        values = [float(wanted(descent.start)[0])]

        def note(intermediate_result: Any) -> None:
            values.append(float(intermediate_result.fun))

        run(wanted, descent.start, jac=True, method="L-BFGS-B", callback=note, options=most)
        return values

    return lbfgs


Make = Callable[[Descent, str], Way]
ADAM: Mapping[str, tuple[str, Make]] = {
    "Adjoint": ("engine", adjoint),
    "PyTorch": ("torch", torch),
    "JAX, step by step": ("jax", jax),
    "JAX, one scan": ("jax", jax_scan),
}
"""Who makes steps of Adam: the module that has to be installed, and the way."""
LBFGS: Mapping[str, tuple[str, Make]] = {
    "Adjoint": ("engine", adjoint),
    "PyTorch": ("torch", torch),
    "SciPy and Autograd": ("autograd", scipy),
}
