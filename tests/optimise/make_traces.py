"""Records what torch.optim does, into traces.json: `python tests/optimise/make_traces.py`, where torch is installed.

The same bits every time on the same machine.  Nothing of the project is imported.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

STEPS = 50
START = [-1.25, 0.75]
METHODS: list[tuple[str, dict[str, Any]]] = [
    ("sgd", {"lr": 1e-3}),
    ("sgd", {"lr": 2e-3, "weight_decay": 0.1}),
    ("momentum", {"lr": 1e-3, "momentum": 0.9}),
    ("momentum", {"lr": 1e-3, "momentum": 0.8, "dampening": 0.3, "weight_decay": 0.01}),
    ("nesterov", {"lr": 1e-3, "momentum": 0.9, "weight_decay": 0.01}),
    ("adagrad", {"lr": 0.05}),
    ("adagrad", {"lr": 0.05, "lr_decay": 0.1, "initial_accumulator": 0.5, "eps": 1e-6, "weight_decay": 0.02}),
    ("rmsprop", {"lr": 0.01}),
    ("rmsprop", {"lr": 0.01, "alpha": 0.9, "centered": True, "eps": 1e-3}),
    ("rmsprop", {"lr": 0.003, "momentum": 0.9, "weight_decay": 0.05}),
    ("adadelta", {"lr": 1.0}),
    ("adadelta", {"lr": 0.5, "rho": 0.95, "eps": 1e-4, "weight_decay": 0.1}),
    ("adam", {"lr": 0.01}),
    ("adam", {"lr": 0.02, "beta1": 0.3, "beta2": 0.9, "eps": 1e-3, "weight_decay": 0.1}),
    ("adamw", {"lr": 0.01, "weight_decay": 0.3}),
    ("nadam", {"lr": 0.01}),
    ("nadam", {"lr": 0.01, "beta1": 0.95, "momentum_decay": 0.02, "weight_decay": 0.1}),
    ("amsgrad", {"lr": 0.01, "beta2": 0.9}),
    ("amsgrad", {"lr": 0.01, "beta1": 0.5, "beta2": 0.8, "weight_decay": 0.2}),
]
SCHEDULES: list[tuple[str, dict[str, Any]]] = [
    ("step", {"size": 7, "gamma": 0.5}),
    ("exponential", {"gamma": 0.9}),
    ("cosine", {"steps": 49, "minimum": 0.01}),
    ("warmup", {"steps": 10, "start": 0.2}),
    ("one-cycle", {"steps": 50, "rise": 0.3, "divisor": 20.0, "final_divisor": 1000.0}),
]


def quadratic(x: list[float]) -> list[float]:
    """The gradient of (x - 1)^2 + 10 y^2."""
    return [2 * (x[0] - 1), 20 * x[1]]


def rosenbrock(x: list[float]) -> list[float]:
    """The gradient of (1 - x)^2 + 100 (y - x^2)^2."""
    curve = x[1] - x[0] * x[0]
    return [-2 * (1 - x[0]) - 400 * x[0] * curve, 200 * curve]


def fixed() -> dict[str, list[list[float]]]:
    """Gradients that do not depend on the point."""
    chance = random.Random(7)
    noisy = [[chance.gauss(0.3, 1.0), chance.gauss(0.0, 5.0)] for _ in range(STEPS)]
    wild = [[chance.gauss(0, 1) * 10 ** chance.uniform(-30, 30) for _ in range(2)] for _ in range(STEPS)]
    return {
        "noisy": noisy,
        "zeros": [[0.0, -0.0]] * 10 + [[0.5, -0.5]] * 2 + [[0.0, 0.0]] * (STEPS - 12),
        "huge": [[a * 1e150, b * 1e160] for a, b in noisy],
        "tiny": [[a * 1e-12, b * 1e-170] for a, b in noisy],
        "wild": wild,
    }


def optimiser(name: str, options: dict[str, Any], *parameters: Any) -> Any:
    """The optimiser of torch for a method of ours."""
    import torch

    given = dict(options)
    if "beta1" in given or "beta2" in given:
        given["betas"] = (given.pop("beta1", 0.9), given.pop("beta2", 0.999))
    if "initial_accumulator" in given:
        given["initial_accumulator_value"] = given.pop("initial_accumulator")
    if name == "nesterov":
        given["nesterov"] = True
    if name == "amsgrad":
        given["amsgrad"] = True
    kinds = {"sgd": "SGD", "momentum": "SGD", "nesterov": "SGD", "adagrad": "Adagrad", "rmsprop": "RMSprop"}
    kinds |= {"adadelta": "Adadelta", "adam": "Adam", "adamw": "AdamW", "nadam": "NAdam", "amsgrad": "Adam"}
    return getattr(torch.optim, kinds[name])(parameters, foreach=False, **given)


def run(name: str, options: dict[str, Any], gradient: Callable[[int, list[float]], list[float]]) -> dict[str, Any]:
    """The gradients and the iterates of one run."""
    import torch

    x = torch.tensor(START, dtype=torch.float64, requires_grad=True)
    made, gradients, iterates = optimiser(name, options, x), [], []
    for step in range(STEPS):
        gradients.append(gradient(step, x.tolist()))
        x.grad = torch.tensor(gradients[-1], dtype=torch.float64)
        made.step()
        iterates.append([repr(v) for v in x.tolist()])
    return {"gradients": gradients, "iterates": iterates}


def rates(name: str, options: dict[str, Any]) -> list[float]:
    """The learning rates of a schedule of torch, from 0.1."""
    import torch

    kinds = torch.optim.lr_scheduler
    made = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)
    if name == "step":
        schedule: Any = kinds.StepLR(made, options["size"], options["gamma"])
    elif name == "exponential":
        schedule = kinds.ExponentialLR(made, options["gamma"])
    elif name == "cosine":
        schedule = kinds.CosineAnnealingLR(made, options["steps"], options["minimum"])
    elif name == "warmup":
        schedule = kinds.LinearLR(made, options["start"], total_iters=options["steps"])
    else:
        schedule = kinds.OneCycleLR(
            made,
            0.1,
            options["steps"],
            pct_start=options["rise"],
            div_factor=options["divisor"],
            final_div_factor=options["final_divisor"],
            cycle_momentum=False,
        )
    found = []
    for _ in range(STEPS):
        found.append(float(schedule.get_last_lr()[0]))
        made.step()
        schedule.step()
    return found


def plateau() -> dict[str, Any]:
    """The rates of ReduceLROnPlateau, and the losses."""
    import torch

    chance = random.Random(3)
    losses = [1 / (1 + min(k, 12)) + 1e-3 * chance.random() for k in range(STEPS)]
    options = {"factor": 0.5, "patience": 3, "threshold": 1e-3, "cooldown": 2, "minimum": 0.01}
    made = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)
    given = {name: value for name, value in options.items() if name != "minimum"}
    schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(made, min_lr=options["minimum"], **given)
    found = []
    for loss in losses:
        schedule.step(loss)
        found.append(float(made.param_groups[0]["lr"]))
    return {"options": options, "losses": losses, "rates": found}


def clips() -> list[dict[str, Any]]:
    """Gradients before and after clipping by norm."""
    import torch

    found = []
    for scale in (1e-3, 1.0, 1e3, 1e100):
        a, b = torch.zeros(2, dtype=torch.float64), torch.zeros(1, dtype=torch.float64)
        a.grad, b.grad = torch.tensor([3.0, -4.0]).double() * scale, torch.tensor([12.0]).double() * scale
        before = [a.grad.tolist(), b.grad.tolist()]
        torch.nn.utils.clip_grad_norm_([a, b], 2.5)
        found.append({"before": before, "after": [a.grad.tolist(), b.grad.tolist()], "norm": 2.5})
    return found


def main() -> None:
    """Write all traces."""
    import torch

    torch.set_num_threads(1)
    # Otherwise NAdam keeps the product of its coefficients in float32, for parameters in float64 too.
    torch.set_default_dtype(torch.float64)
    problems = fixed()
    runs = []
    for name, options in METHODS:
        for problem in ("quadratic", "rosenbrock", *problems):
            if problem in problems:
                found = run(name, options, lambda step, x, p=problem: problems[p][step])  # type: ignore[misc]
                found.pop("gradients")
            else:
                found = run(name, options, lambda step, x, p=problem: globals()[p](x))  # type: ignore[misc]
            runs.append({"method": name, "options": options, "problem": problem, **found})
    torch.set_default_dtype(torch.float32)
    usual = [
        run("nadam", options, lambda step, x: problems["noisy"][step]) for options in ({}, {"momentum_decay": 0.02})
    ]
    content = {
        "torch": torch.__version__.split("+")[0],
        "start": START,
        "problems": problems,
        "runs": runs,
        "nadam": usual,
        "schedules": [{"name": n, "options": o, "rates": rates(n, o)} for n, o in SCHEDULES],
        "plateau": plateau(),
        "clips": clips(),
    }
    file = Path(__file__).with_name("traces.json")
    file.write_text(json.dumps(content, separators=(",", ":")) + "\n", "utf-8")


if __name__ == "__main__":
    main()
