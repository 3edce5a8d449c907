"""Runs of optimisers written down naively, right and with one mistake planted: nothing of the engine is used."""

from __future__ import annotations

import math
import random
import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any

Vector = list[float]
STEPS = 30
START = [1.3, -0.7, 0.4]


@dataclass(frozen=True)
class Planted:
    """A run, and the mistake in it; `""` for none."""

    kind: str
    method: Mapping[str, Any]
    problem: str
    gradients: list[Vector]
    iterates: list[Vector]
    schedule: Any = None
    clip: Any = None

    @property
    def label(self) -> str:
        """A name for a test."""
        return f"{self.kind or 'right'}-{self.method['name']}-{self.problem}"


def quadratic(x: Vector, chance: random.Random) -> Vector:
    """Of a bowl."""
    return [2 * (x[0] - 0.5), 6 * x[1], 0.4 * (x[2] + 1)]


def rosenbrock(x: Vector, chance: random.Random) -> Vector:
    """Of Rosenbrock's valley in the first two."""
    curve = x[1] - x[0] ** 2
    return [-2 * (1 - x[0]) - 400 * x[0] * curve, 200 * curve, x[2]]


def noisy(x: Vector, chance: random.Random) -> Vector:
    """A bowl with noise."""
    return [g + chance.gauss(0, 1) for g in quadratic(x, chance)]


def flat(x: Vector, chance: random.Random) -> Vector:
    """Small gradients, for which epsilon matters."""
    return [1e-4 * g for g in noisy(x, chance)]


PROBLEMS: dict[str, Callable[[Vector, random.Random], Vector]] = {
    "quadratic": quadratic,
    "rosenbrock": rosenbrock,
    "noisy": noisy,
    "flat": flat,
}
METHODS: list[dict[str, Any]] = [
    {"name": "sgd", "lr": 1e-3},
    {"name": "sgd", "lr": 2e-3, "weight_decay": 0.1},
    {"name": "momentum", "lr": 1e-3, "momentum": 0.8},
    {"name": "momentum", "lr": 1e-3, "momentum": 0.9, "dampening": 0.3, "weight_decay": 0.05},
    {"name": "nesterov", "lr": 1e-3, "momentum": 0.85},
    {"name": "nesterov", "lr": 1e-3, "momentum": 0.9, "weight_decay": 0.05},
    {"name": "adagrad", "lr": 0.03},
    {"name": "adagrad", "lr": 0.03, "eps": 1e-6, "weight_decay": 0.05, "lr_decay": 0.02},
    {"name": "rmsprop", "lr": 0.01},
    {"name": "rmsprop", "lr": 0.01, "alpha": 0.9, "momentum": 0.7, "weight_decay": 0.05},
    {"name": "rmsprop", "lr": 0.01, "alpha": 0.9, "centered": True, "eps": 1e-4},
    {"name": "adadelta", "lr": 1.0},
    {"name": "adadelta", "lr": 0.7, "rho": 0.8, "weight_decay": 0.05},
    {"name": "adam", "lr": 0.01},
    {"name": "adam", "lr": 0.02, "beta1": 0.8, "beta2": 0.95, "eps": 1e-6, "weight_decay": 0.1},
    {"name": "adamw", "lr": 0.01, "weight_decay": 0.1},
    {"name": "amsgrad", "lr": 0.01, "beta2": 0.99},
    {"name": "amsgrad", "lr": 0.01, "beta2": 0.95, "weight_decay": 0.1},
    {"name": "nadam", "lr": 0.01},
    {"name": "nadam", "lr": 0.01, "weight_decay": 0.1, "momentum_decay": 0.02},
    {"name": "lion", "lr": 0.003},
    {"name": "lion", "lr": 0.003, "beta2": 0.95, "weight_decay": 0.1},
    {"name": "lion", "lr": 0.01, "beta1": 0.6, "beta2": 0.8},
]
DEFAULTS: dict[str, Any] = {
    "weight_decay": 0.0,
    "momentum": 0.0,
    "dampening": 0.0,
    "beta1": 0.9,
    "beta2": 0.999,
    "alpha": 0.99,
    "rho": 0.9,
    "lr_decay": 0.0,
    "centered": False,
    "momentum_decay": 4e-3,
}
EPS = {"adagrad": 1e-10, "adadelta": 1e-6}


class Optimiser:
    """One component, written as one writes it by hand; `wrong` names the mistake."""

    def __init__(self, method: Mapping[str, Any], wrong: str, round: Callable[[float], float] = float) -> None:
        self.name, self.wrong, self.round = method["name"], wrong, round
        own = {"eps": EPS.get(self.name, 1e-8)}
        own |= {"weight_decay": 0.01} if self.name == "adamw" else {}
        own |= {"beta2": 0.99} if self.name == "lion" else {}
        self.o = {**DEFAULTS, **own, **method}
        if wrong == "betas-swapped":
            self.o["beta1"], self.o["beta2"] = self.o["beta2"], self.o["beta1"]
        if wrong == "average-swapped":
            name = {"rmsprop": "alpha", "adadelta": "rho"}.get(self.name, "momentum")
            self.o[name] = 1 - self.o[name]
        self.t, self.m, self.v, self.u, self.b, self.top, self.product = 0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0

    def step(self, x: float, g: float, lr: float) -> float:
        """The parameter after a step."""
        o, wrong, r = self.o, self.wrong, self.round
        self.t += 1
        decoupled = self.name in ("adamw", "lion")
        decay = o["weight_decay"]
        if wrong == "weight-decay-missing":
            decay = 0.0
        if wrong == "sign":
            lr = -lr
        if wrong == "learning-rate":
            lr = 3 * lr
        if wrong == "weight-decay-coupled":
            decoupled = False
        pull = 0.0
        if wrong == "weight-decay-decoupled" or (decoupled and wrong != "weight-decay-without-rate"):
            pull = lr * decay * x
        elif wrong == "weight-decay-without-rate":
            pull = decay * x
        else:
            g = r(g + r(decay * x))
        return r(r(x - r(pull)) - r(lr * getattr(self, f"_{self.name}")(g)))

    def _below(self, second: float, correction: float) -> float:
        r, eps = self.round, self.o["eps"]
        if self.wrong == "epsilon-missing":
            eps = 0.0
        if self.wrong == "no-root":
            return r(second / correction + eps)
        if self.wrong == "epsilon-inside":
            return r(math.sqrt(r(second / correction) + eps))
        if self.wrong == "epsilon-before-correction":
            return r((math.sqrt(second) + eps) / math.sqrt(correction))
        return r(r(math.sqrt(r(second / correction))) + eps)

    def _square(self, g: float) -> float:
        return abs(g) if self.wrong == "power" else self.round(g * g)

    def _sgd(self, g: float) -> float:
        return g

    def _momentum(self, g: float) -> float:
        o, r = self.o, self.round
        keep, take = o["momentum"], 1 - o["dampening"]
        if self.wrong == "no-momentum":
            return g
        if self.wrong == "momentum-average":
            take = 1 - keep
        if self.wrong == "dampening-missing":
            take = 1.0
        if self.wrong == "dampening-added":
            take = 1 - keep
        if self.t == 1 and self.wrong not in ("dampening-first", "momentum-average"):
            take = 1.0
        self.b = r(r(keep * self.b) + r(take * g))
        return r(g + keep * self.b) if self.wrong == "look-ahead" else self.b

    def _nesterov(self, g: float) -> float:
        r, keep = self.round, self.o["momentum"]
        if self.wrong == "no-momentum":
            return g
        self.b = r(r(keep * self.b) + ((1 - keep) if self.wrong == "momentum-average" else 1.0) * g)
        return self.b if self.wrong == "no-look-ahead" else r(g + r(keep * self.b))

    def _adagrad(self, g: float) -> float:
        self.v = self.round(self.v + self._square(g))
        count = self.t if self.wrong == "step-count" else self.t - 1
        return self.round(g / self._below(self.v, 1.0)) / float(1 + count * self.o["lr_decay"])

    def _rmsprop(self, g: float) -> float:
        o, r = self.o, self.round
        take = 1.0 if self.wrong == "sum-of-squares" else 1 - o["alpha"]
        self.v = r(r(o["alpha"] * self.v) + r(take * self._square(g)))
        second = self.v
        if o["centered"] and self.wrong != "not-centred":
            self.m = r(r(o["alpha"] * self.m) + r((1 - o["alpha"]) * g))
            second = max(r(self.v - r(self.m**2)), 0.0)
        scaled = r(g / self._below(second, 1.0))
        if not o["momentum"]:
            return scaled
        self.b = r(
            r(o["momentum"] * self.b) + (1 - o["momentum"] if self.wrong == "momentum-average" else 1.0) * scaled
        )
        return self.b

    def _adadelta(self, g: float) -> float:
        o, r = self.o, self.round
        take = 1.0 if self.wrong == "sum-of-squares" else 1 - o["rho"]
        self.v = r(r(o["rho"] * self.v) + r(take * self._square(g)))

        def root(second: float) -> float:
            if self.wrong == "no-root":
                return r(second + o["eps"])
            return (
                r(math.sqrt(second) + o["eps"]) if self.wrong == "epsilon-outside" else r(math.sqrt(second + o["eps"]))
            )

        delta = r(r(root(self.u) / root(self.v)) * g)
        self.u = r(r(o["rho"] * self.u) + r(take * r(delta * delta)))
        return delta

    def _moments(self, g: float) -> tuple[float, float]:
        o, r = self.o, self.round
        take = 1.0 if self.wrong == "heavy-ball" else 1 - o["beta1"]
        self.m = r(r(o["beta1"] * self.m) + r(take * g))
        take = 1.0 if self.wrong == "sum-of-squares" else 1 - o["beta2"]
        self.v = r(r(o["beta2"] * self.v) + r(take * self._square(g)))
        t = self.t + (1 if self.wrong == "step-count" else 0)
        one, two = 1 - o["beta1"] ** t, 1 - o["beta2"] ** t
        if self.wrong in ("no-bias-correction", "no-first-bias-correction"):
            one = 1.0
        if self.wrong in ("no-bias-correction", "no-second-bias-correction"):
            two = 1.0
        return one, two

    def _adam(self, g: float) -> float:
        one, two = self._moments(g)
        return self.round(self.round(self.m / one) / self._below(self.v, two))

    _adamw = _adam

    def _amsgrad(self, g: float) -> float:
        one, two = self._moments(g)
        if self.wrong == "largest-of-corrected":
            self.top = max(self.top, self.v / two)
            return self.m / one / self._below(self.top, 1.0)
        self.top = self.v if self.wrong == "no-largest" else max(self.top, self.v)
        return self.round(self.round(self.m / one) / self._below(self.top, two))

    def _nadam(self, g: float) -> float:
        o, r = self.o, self.round
        one, two = self._moments(g)
        below = self._below(self.v, two)
        if self.wrong == "no-look-ahead":
            return r(self.m / one / below)
        t = self.t + (1 if self.wrong == "step-count" else 0)
        now, after = (o["beta1"] * (1 - 0.5 * 0.96 ** (k * o["momentum_decay"])) for k in (t, t + 1))
        if self.wrong == "momentum-schedule":
            now = after = o["beta1"]
        self.product *= now
        of_g, of_m = (1 - now) / (1 - self.product), after / (1 - self.product * after)
        if self.wrong in ("no-bias-correction", "no-first-bias-correction"):
            of_g, of_m = 1 - now, after
        return r(r(of_g * r(g / below)) + r(of_m * r(self.m / below)))

    def _lion(self, g: float) -> float:
        o, r = self.o, self.round
        later = r(r(o["beta2"] * self.m) + r((1 - o["beta2"]) * g))
        used = later if self.wrong == "buffer-first" else self.m
        mixed = r(r(o["beta1"] * used) + r((1 - o["beta1"]) * g))
        self.m = later
        if self.wrong == "no-sign":
            return mixed
        return (mixed > 0) - (mixed < 0)


KINDS: dict[str, tuple[str, ...]] = {
    "sign": (
        "sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adadelta", "adam", "adamw", "amsgrad", "nadam", "lion",
    ),
    "learning-rate": (
        "sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adadelta", "adam", "adamw", "amsgrad", "nadam", "lion",
    ),
    "no-bias-correction": ("adam", "adamw", "amsgrad", "nadam"),
    "no-first-bias-correction": ("adam", "adamw", "amsgrad", "nadam"),
    "no-second-bias-correction": ("adam", "adamw", "amsgrad", "nadam"),
    "step-count": ("adam", "adamw", "amsgrad", "nadam", "adagrad"),
    "betas-swapped": ("adam", "adamw", "amsgrad", "nadam", "lion"),
    "average-swapped": ("rmsprop", "adadelta", "momentum", "nesterov"),
    "weight-decay-missing": (
        "sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adadelta", "adam", "adamw", "amsgrad", "nadam", "lion",
    ),
    "weight-decay-coupled": ("adamw", "lion"),
    "weight-decay-decoupled": (
        "momentum", "nesterov", "adagrad", "rmsprop", "adadelta", "adam", "amsgrad", "nadam",
    ),
    "weight-decay-without-rate": ("adamw", "lion"),
    "no-momentum": ("momentum", "nesterov"),
    "no-look-ahead": ("nesterov", "nadam"),
    "look-ahead": ("momentum",),
    "momentum-average": ("momentum", "nesterov", "rmsprop"),
    "heavy-ball": ("adam", "adamw", "amsgrad", "nadam"),
    "dampening-missing": ("momentum",),
    "dampening-first": ("momentum",),
    "dampening-added": ("momentum",),
    "no-largest": ("amsgrad",),
    "largest-of-corrected": ("amsgrad",),
    "no-root": ("adagrad", "rmsprop", "adadelta", "adam", "adamw", "amsgrad", "nadam"),
    "power": ("adagrad", "rmsprop", "adadelta", "adam", "adamw", "amsgrad", "nadam"),
    "sum-of-squares": ("rmsprop", "adadelta", "adam", "adamw", "amsgrad", "nadam"),
    "not-centred": ("rmsprop",),
    "momentum-schedule": ("nadam",),
    "no-sign": ("lion",),
    "buffer-first": ("lion",),
    "epsilon-inside": ("adagrad", "rmsprop", "adam", "adamw", "amsgrad", "nadam"),
    "epsilon-outside": ("adadelta",),
    "epsilon-before-correction": ("adam", "adamw", "amsgrad", "nadam"),
    "epsilon-missing": ("adagrad", "rmsprop", "adam", "adamw", "amsgrad", "nadam"),
    "float32": ("sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adadelta", "adam", "adamw", "amsgrad", "nadam"),
}  # fmt: skip
"""The mistakes that are planted, and in what."""
NEEDS: dict[str, Callable[[Mapping[str, Any]], Any]] = {
    "weight-decay-missing": lambda m: m.get("weight_decay") or m["name"] == "adamw",
    "weight-decay-coupled": lambda m: m.get("weight_decay"),
    "weight-decay-decoupled": lambda m: m.get("weight_decay"),
    "weight-decay-without-rate": lambda m: m.get("weight_decay"),
    "dampening-missing": lambda m: m.get("dampening"),
    "dampening-first": lambda m: m.get("dampening"),
    "dampening-added": lambda m: not m.get("dampening"),
    "not-centred": lambda m: m.get("centered"),
    "momentum-average": lambda m: m["name"] != "rmsprop" or m.get("momentum"),
    "step-count": lambda m: m["name"] != "adagrad" or m.get("lr_decay"),
}


def single(x: float) -> float:
    """The nearest float32."""
    return float(struct.unpack("f", struct.pack("f", x))[0])


def planted(kind: str, method: Mapping[str, Any], problem: str, rate: Callable[[int], float] | None = None) -> Planted:
    """A run with a mistake."""
    chance = random.Random(f"{method['name']} {problem}")
    rounded = single if kind == "float32" else float
    parts = [Optimiser(method, kind, rounded) for _ in START]
    x, gradients, iterates = [rounded(v) for v in START], [], []
    for k in range(STEPS):
        gradients.append([rounded(g) for g in PROBLEMS[problem](x, chance)])
        lr = rate(k) if rate else method["lr"]
        try:
            x = [part.step(v, g, lr) for part, v, g in zip(parts, x, gradients[-1], strict=True)]
        except (OverflowError, ZeroDivisionError):
            break
        if not all(map(math.isfinite, x)) or max(map(abs, x)) > 1e30:
            break
        iterates.append(x)
    return Planted(kind, method, problem, gradients[: len(iterates)], iterates)


def right() -> Iterator[Planted]:
    """Runs without any mistake."""
    for method in METHODS:
        for problem in PROBLEMS:
            yield planted("", method, problem)


def wrong() -> Iterator[Planted]:
    """Runs with one mistake each."""
    for kind, names in KINDS.items():
        for method in METHODS:
            if method["name"] in names and (kind not in NEEDS or NEEDS[kind](method)):
                for problem in PROBLEMS:
                    run = planted(kind, method, problem)
                    if run.iterates and not _without_trace(run, planted("", method, problem)):
                        yield run


def _without_trace(run: Planted, right: Planted) -> bool:
    """Whether a mistake changes nothing, as two betas do that are swapped where only the sign of an average counts."""
    pairs = zip(chain.from_iterable(run.iterates), chain.from_iterable(right.iterates), strict=False)
    return len(run.iterates) == len(right.iterates) and all(math.isclose(a, b, rel_tol=1e-13) for a, b in pairs)
