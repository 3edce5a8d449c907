"""The usual mistakes in optimisers: one record each, in the order in which they are believed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from engine.checking.steps.run import Run
from engine.checking.steps.slips import ADAMS, HEAVY, right, slipped
from engine.graph.types import Array
from engine.optimise.clipping import by_norm, by_value

Make = Callable[[Run], Iterator[Run]]
"""The run as somebody computes it who makes the mistake, in each form that it has; nothing where it cannot be made.

A form may have fewer steps, where it does not know the last."""


@dataclass(frozen=True, slots=True)
class Mistake:
    """One mistake: its stable name, and a sentence."""

    kind: str
    detail: str
    make: Make


SQUARES = (*ADAMS, "adagrad", "rmsprop", "adadelta")
DECAYING = (*HEAVY, *SQUARES, "lion")


def _slip(*methods: str, when: Callable[[Run], Any] = lambda run: True, **changes: Any) -> Make:
    def make(run: Run) -> Iterator[Run]:
        name = run.method.rule.name
        if name in methods and when(run):
            wrong = replace(right(name), **changes)
            if wrong != right(name):
                yield replace(run, method=slipped(run.method, wrong))

    return make


def _options(*methods: str, change: Callable[[dict[str, Any]], dict[str, Any]]) -> Make:
    def make(run: Run) -> Iterator[Run]:
        options = dict(run.method.options)
        changed = {**options, **change(options)} if run.method.rule.name in methods else options
        if changed != options:
            yield replace(run, method=slipped(replace(run.method, options=changed), right(run.method.rule.name)))

    return make


def _as(method: str, other: str, **slips: Any) -> Make:
    """One method computed in place of another."""

    def make(run: Run) -> Iterator[Run]:
        if run.method.rule.name == method:
            rule = replace(run.method.rule, name=other)
            yield replace(run, method=slipped(replace(run.method, rule=rule), replace(right(other), **slips)))

    return make


def _both(*makes: Make) -> Make:
    def make(run: Run) -> Iterator[Run]:
        for part in makes:
            yield from part(run)

    return make


def _decays(run: Run) -> bool:
    return bool(run.method.options["weight_decay"])


def _opposite(run: Run) -> Iterator[Run]:
    yield replace(run, rates=-run.rates)
    if _decays(run):
        yield replace(run, gradients=-run.gradients)


def _unscheduled(run: Run) -> Iterator[Run]:
    if len(set(run.rates.tolist())) > 1:
        yield replace(run, rates=np.full(run.rates.shape, run.method.options["lr"]))


def _late(run: Run) -> Iterator[Run]:
    if len(set(run.rates.tolist())) > 1:
        # The rate after the last one is not known.
        yield replace(run.first(len(run.rates) - 1), rates=run.rates[1:])
        yield replace(run, rates=np.concatenate([run.rates[:1], run.rates[:-1]]))


def _unclipped(run: Run) -> Iterator[Run]:
    if run.clip is not None:
        yield replace(run, clip=None)


def _clip_eps(run: Run) -> Iterator[Run]:
    if run.clip is not None and "norm" in run.clip:
        yield replace(run, clip={**run.clip, "eps": 0.0 if run.clip["eps"] else 1e-6})


def _other_clip(run: Run) -> Iterator[Run]:
    if run.clip is None:
        return
    if "norm" in run.clip:
        norm, eps = run.clip["norm"], run.clip["eps"]
        yield _recut(run, lambda parts: by_value(parts, norm))
        if len(run.shapes) > 1:
            yield _recut(run, lambda parts: {n: by_norm({n: a}, norm, eps)[n] for n, a in parts.items()})
    else:
        value = run.clip["value"]
        yield _recut(run, lambda parts: by_norm(parts, value))


def _recut(run: Run, cut: Callable[[dict[str, Array]], dict[str, Array]]) -> Run:
    rows = [np.concatenate([a.ravel() for a in cut(run.split(row)).values()]) for row in run.gradients]
    return replace(run, gradients=np.array(rows).reshape(run.gradients.shape), clip=None)


def _swapped(options: dict[str, Any]) -> dict[str, Any]:
    return {"beta1": options["beta2"], "beta2": options["beta1"]}


def _complement(options: dict[str, Any]) -> dict[str, Any]:
    name = next(n for n in ("alpha", "rho", "momentum") if n in options)
    return {name: 1 - options[name]}


MISTAKES = (
    Mistake("sign", "The step goes uphill: the sign of the update is wrong.", _opposite),
    Mistake("schedule-ignored", "The learning rate is that of the method in every step: no schedule.", _unscheduled),
    Mistake("schedule-shifted", "The schedule is one step ahead or behind.", _late),
    Mistake("not-clipped", "The gradients are not clipped.", _unclipped),
    Mistake("clip-kind", "The gradients are clipped by something else: by value or by norm, or by input.", _other_clip),
    Mistake(
        "no-bias-correction",
        "The bias correction is forgotten, of both moments.",
        _slip(*ADAMS, correct_first=False, correct_second=False),
    ),
    Mistake(
        "no-first-bias-correction",
        "The bias correction of the first moment is forgotten.",
        _slip(*ADAMS, correct_first=False),
    ),
    Mistake(
        "no-second-bias-correction",
        "The bias correction of the second moment is forgotten.",
        _slip(*ADAMS, correct_second=False),
    ),
    Mistake(
        "step-count",
        "The number of steps in the bias correction (or the decay of the rate) is off by one.",
        _both(
            _slip(*ADAMS, offset=1),
            _slip(*ADAMS, offset=-1),
            _slip("adagrad", when=lambda run: run.method.options["lr_decay"], offset=1),
        ),
    ),
    Mistake("betas-swapped", "beta1 and beta2 are swapped.", _options(*ADAMS, "lion", change=_swapped)),
    Mistake(
        "average-swapped",
        "The average keeps what it should take: its coefficient and 1 minus it are swapped.",
        _options("rmsprop", "adadelta", "momentum", "nesterov", change=_complement),
    ),
    Mistake(
        "weight-decay-missing",
        "The weight decay is missing.",
        _slip(*DECAYING, when=_decays, decay="none"),
    ),
    Mistake(
        "weight-decay-coupled",
        "The weight decay is coupled, added to the gradient, where it should shrink the parameters.",
        _slip("adamw", "lion", when=_decays, decay="coupled"),
    ),
    Mistake(
        "weight-decay-decoupled",
        "The weight decay is decoupled: it shrinks the parameters, where it should be added to the gradient.",
        _slip(*DECAYING, when=_decays, decay="decoupled"),
    ),
    Mistake(
        "weight-decay-without-rate",
        "The decoupled weight decay is not multiplied by the learning rate.",
        _slip(*DECAYING, when=_decays, decay="without-lr"),
    ),
    Mistake(
        "no-momentum",
        "There is no momentum: these are steps of plain gradient descent.",
        _both(_as("momentum", "sgd"), _as("nesterov", "sgd")),
    ),
    Mistake(
        "no-look-ahead",
        "Nesterov's look-ahead is missing: the step is the buffer alone.",
        _both(_slip("nesterov", ahead=False), _slip("nadam", ahead=False)),
    ),
    Mistake(
        "look-ahead", "The step looks ahead as Nesterov's does; plain momentum does not.", _as("momentum", "nesterov")
    ),
    Mistake(
        "momentum-average",
        "The buffer is an average, with a factor 1 − momentum on the gradient, and not a heavy ball.",
        _both(
            _slip("momentum", "nesterov", average=True),
            _slip("rmsprop", when=lambda run: run.method.options["momentum"], average=True),
        ),
    ),
    Mistake(
        "heavy-ball",
        "The first moment is a heavy ball: the factor 1 − beta1 on the gradient is missing.",
        _slip(*ADAMS, weigh_first=False),
    ),
    Mistake(
        "dampening-missing",
        "The dampening is missing.",
        _options("momentum", change=lambda o: {"dampening": 0.0}),
    ),
    Mistake(
        "dampening-first",
        "The dampening applies to the first gradient too, which should enter the buffer whole.",
        _slip("momentum", when=lambda run: run.method.options["dampening"], whole_first=False),
    ),
    Mistake(
        "dampening-added",
        "The buffer is dampened by the momentum, from the second step on.",
        _options("momentum", change=lambda o: {"dampening": o["momentum"]}),
    ),
    Mistake(
        "rate-in-buffer",
        "The learning rate is inside of the buffer, and keeps its old values when it changes.",
        _slip("momentum", "nesterov", rate_inside=True),
    ),
    Mistake("no-largest", "There is no largest second moment: these are steps of Adam.", _as("amsgrad", "adam")),
    Mistake(
        "largest-of-corrected",
        "The largest second moment is taken after the bias correction.",
        _slip("amsgrad", largest_of_corrected=True),
    ),
    Mistake("no-root", "The root of the second moment is missing.", _slip(*SQUARES, root=False)),
    Mistake("power", "The gradients are accumulated by their size, and not by their square.", _slip(*SQUARES, power=1)),
    Mistake(
        "sum-of-squares",
        "The factor of 1 minus the coefficient on the squared gradient is missing.",
        _slip(*ADAMS, "rmsprop", "adadelta", weigh_second=False),
    ),
    Mistake("not-centred", "The variance is not centred.", _slip("rmsprop", ahead=False)),
    Mistake(
        "momentum-schedule", "The momentum has no schedule: µ is beta1 in every step.", _slip("nadam", schedule=False)
    ),
    Mistake("no-sign", "The sign is missing: the step is the average itself.", _slip("lion", root=False)),
    Mistake("buffer-first", "The average is moved before it is used.", _slip("lion", buffer_first=True)),
    Mistake("epsilon-inside", "Epsilon is inside of the root.", _slip(*ADAMS, "adagrad", "rmsprop", eps="inside")),
    Mistake("epsilon-outside", "Epsilon is outside of the roots.", _slip("adadelta", eps="outside")),
    Mistake(
        "epsilon-before-correction",
        "Epsilon is added before the bias correction of the second moment.",
        _slip(*ADAMS, eps="before-correction"),
    ),
    Mistake("epsilon-missing", "Epsilon is missing.", _options(*SQUARES, change=lambda o: {"eps": 0.0})),
    Mistake("clip-epsilon", "The epsilon of clipping by norm is another one: 0, or 1e-6.", _clip_eps),
)
"""All of them; where two explain the same iterates, the first is believed."""
