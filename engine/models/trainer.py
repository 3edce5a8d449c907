"""The loop of a training: step by step, with an end that it can tell the reason of, and a state to go on from.

    trainer = Trainer(engine, model, regime, data, validation, None, budget)
    for rows in trainer.steps():
        ...                   # stop here, or later, or never; `trainer.to_json()` is all that it takes to go on

Several seeds go on side by side.  Everything random is a function of seed, epoch and step, so that a run made again
from its state goes on bit for bit.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from engine.engine import Engine
from engine.errors import BudgetExceeded, EngineError, Fault, InvalidRequest
from engine.graph.types import Array
from engine.limits import Budget
from engine.models.classes import true_class
from engine.models.curve import Scores
from engine.models.data import Examples, balanced, batches, fitted, shuffled
from engine.models.finder import grown
from engine.models.initialisers import stream
from engine.models.line import Gathered, Line, Point
from engine.models.lower import program
from engine.models.model import Model
from engine.models.regime import Regime
from engine.models.standing import Standing
from engine.models.step import Program, Stepped
from engine.optimise.clipping import clipped
from engine.optimise.plateau import reduced
from engine.optimise.state import State
from engine.optimise.stopping import StopReason
from engine.optimise.track import Row, norm_of
from engine.question import Question

CHUNK = 256
"""Examples that are scored at once, at least."""


class Trainer:
    """A training under way.

    `start` are parameters to begin with; the others begin as the definition says, not as seeds draw them.  Every method
    that computes raises `BudgetExceeded` when the time is up or the run is withdrawn; the state is then that after the
    last step that was yielded.
    """

    def __init__(
        self,
        engine: Engine,
        model: Model,
        regime: Regime,
        data: Examples,
        validation: Examples | None,
        start: Mapping[str, Array] | None,
        budget: Budget,
        state: Mapping[str, Any] | None = None,
    ) -> None:
        self.model, self.regime, self._engine, self.budget = model, regime, engine, budget
        self._data, self._validation = _weighted(model, regime, data), validation
        self._size = len(data) if regime.batch_size is None else min(regime.batch_size, len(data))
        self._program = Program(engine, model, True, self._data.weight is not None)
        self._score = Program(engine, model, False, validation is not None and validation.weight is not None)
        self._lr = float(regime.method.options["lr"])
        self._orders: dict[int, tuple[int, Array]] = {}
        self._measures = self._names_of_scores()
        scales = fitted(model, data)
        starts = [self._beginning(seed, start, scales) for seed in regime.seeds]
        self.standing = Standing(model, regime, starts, self._measures)
        if state is not None:
            self.standing.resume(state)
        self._layers, self._layout = self.standing.layers, self.standing.layout
        self._offsets = np.cumsum([0, *self.standing.sizes[:-1]])
        by_layer = [f"{kind}.{layer}" for kind in ("grad_norm", "update_ratio") for layer in self._layers]
        self.columns = ("epoch", *self._measures, *by_layer)
        """The names of the numbers that a row has beside those of every run."""
        self._spent, self._begun = self.standing.seconds, time.perf_counter()

    @property
    def per_epoch(self) -> int:
        """How many steps an epoch has; the last batch may be smaller."""
        return batches(len(self._data), self._size)

    @property
    def batch_size(self) -> int:
        """How many examples a batch has, but for the last one."""
        return self._size

    @property
    def counts(self) -> tuple[int, int]:
        """How many examples there are to train on and to validate with."""
        return len(self._data), 0 if self._validation is None else len(self._validation)

    @property
    def max_steps(self) -> int:
        """How many steps there are at most."""
        if self.regime.finder is not None:
            return self.regime.finder.steps
        return min(self.regime.epochs * self.per_epoch, self.regime.max_steps)

    @property
    def seconds(self) -> float:
        """The time that it has taken, earlier attempts included."""
        return self._spent + time.perf_counter() - self._begun

    def steps(self) -> Iterator[list[Row]]:
        """The rows of one step after another: one for each seed that was moved."""
        while not self.standing.ended:
            rows = self._step()
            late = self.regime.max_seconds < math.inf and self.seconds >= self.regime.max_seconds
            if late:
                self.end("max-seconds")
            yield rows
            if late:
                return

    def end(self, reason: StopReason) -> None:
        """End all seeds that are still going on where they are."""
        self.standing.end(reason)

    def compile(self) -> None:
        """Compile the programs, so that what is wrong with them is told before a step is made."""
        line = self.standing.lines[0]
        x = self.standing.state.x[0]
        self._program.compiled(self._at(line, x, self._data.at(slice(0, self._size))), self.budget)
        if self._validation is not None:
            chunk = self._validation.at(slice(0, max(self._size, CHUNK)))
            self._score.compiled(self._parameters_at(x, line.states, chunk), self.budget)

    def suggestion(self) -> float | None:
        """The learning rate that a search has found."""
        return self.standing.suggestion()

    def _step(self) -> list[Row]:
        """One step of all seeds: everything that can fail first, then the changes."""
        standing = self.standing
        state = standing.state
        active = [standing.lines[i] for i in standing.active]
        batch = [self._batch_of(line) for line in active]
        found = [self._program(self._at(line, state.x[k], batch[k]), self.budget) for k, line in enumerate(active)]
        gradients = np.stack([self._layout.join(each.gradients) for each in found])
        sound = [_sound(each, gradients[k]) for k, each in enumerate(found)]
        rates = self._rates(active)
        moved = self._moved(state, gradients, rates, sound)
        whole = np.asarray(np.isfinite(moved.x).all(axis=1))
        if not whole.all():
            # A step that is too long for float64.
            moved = moved.moved(np.where(whole[:, None], moved.x, state.x))
        ahead = [self._gathered(line.gathered, batch[k], found[k]) for k, line in enumerate(active)]
        ending = standing.batch + 1 == self.per_epoch
        messages = ["" if sound[k] else self._trouble(line, state.x[k], batch[k]) for k, line in enumerate(active)]
        for k in range(len(active)):
            if sound[k] and not whole[k]:
                sound[k], messages[k] = False, self._too_long(state.x[k])
        scores = [
            self._scores(moved.x[k], {**line.states, **found[k].states}, ahead[k]) if ending and sound[k] else None
            for k, line in enumerate(active)
        ]
        epoch, number = standing.epoch + 1, state.step + 1
        standing.state = moved
        standing.epoch, standing.batch = (epoch, 0) if ending else (standing.epoch, standing.batch + 1)
        rows = []
        for k, line in enumerate(active):
            line.value, line.norm, line.steps = found[k].loss, norm_of(gradients[k]), number
            norms, ratios = self._norms(gradients[k]), self._ratios(state.x[k], moved.x[k])
            standing.remark(line, number, epoch, line.health.step(norms, ratios))
            if sound[k]:
                line.states = {**line.states, **found[k].states}
                line.gathered = Gathered() if ending else ahead[k]
            else:
                line.diverge(messages[k], self._validation is not None)
            if (known := scores[k]) is not None:
                standing.remark(line, number, epoch, line.health.epoch())
                self._close(line, Point(epoch, number, self._monitored(known), moved.x[k], line.states, known))
            self._look(line, number)
            more = self._more(epoch, scores[k] or {}, norms, ratios)
            rows.append(
                Row(
                    line.number, number, line.value, line.norm, float(rates[k]), state.x[k], more, scores[k] is not None
                )
            )
        standing.drop()
        return rows

    def _batch_of(self, line: Line) -> Examples:
        """The next examples of a seed."""
        epoch, order = self._orders.get(line.seed, (-1, np.zeros(0)))
        if epoch != self.standing.epoch:
            count = len(self._data)
            seed = stream(line.seed, "order", self.standing.epoch)
            order = shuffled(count, seed) if self.regime.shuffle else np.arange(count)
            self._orders[line.seed] = (self.standing.epoch, order)
        begin = self.standing.batch * self._size
        return self._data.at(order[begin : begin + self._size])

    def _at(self, line: Line, x: Array, batch: Examples) -> dict[str, Array]:
        """Where the program of training is run."""
        at = self._parameters_at(x, line.states, batch)
        if self.model.random:
            at["seed"] = np.asarray(stream(line.seed, "draw", self.standing.state.step), dtype=np.int64)
        return at

    def _parameters_at(self, x: Array, states: Mapping[str, Array], batch: Examples) -> dict[str, Array]:
        known = {**self._layout.split(x), **states}
        return {**batch.named(), **{p.name: known[p.name] for p in self.model.parameters}}

    def _rates(self, active: Sequence[Line]) -> Array:
        step, regime = self.standing.state.step, self.regime
        if regime.finder is not None:
            return np.full(len(active), regime.finder.rate(step))
        if regime.plateau is not None:
            return np.array([line.plateau.lr for line in active])
        return np.full(len(active), self._lr if regime.schedule is None else regime.schedule.rate(step, self._lr))

    def _moved(self, state: State, gradients: Array, rates: Array, sound: Sequence[bool]) -> State:
        """The next state; seeds whose gradients are not finite stay where they are."""
        clip = self.regime.clip
        cut = gradients if clip is None else np.stack([clipped({"": g}, clip)[""] for g in gradients])
        rate = float(rates[0]) if np.all(rates == rates[0]) else rates[:, None]
        moved = self.regime.method.step(state, cut, rate)
        return moved if all(sound) else moved.moved(np.where(np.array(sound)[:, None], moved.x, state.x))

    def _gathered(self, before: Gathered, batch: Examples, found: Stepped) -> Gathered:
        """What was seen before and in this batch."""
        weight = _weight(batch)
        total = before.sum + weight * found.loss if weight else before.sum
        return Gathered(total, before.weight + weight, self._joined(before.parts, batch, found))

    def _joined(self, parts: Mapping[str, Array], batch: Examples, found: Stepped) -> dict[str, Array]:
        joined = {}
        with np.errstate(all="ignore"):
            for measured in self.regime.metrics:
                part = measured.metric.part(self.model, measured.options, found.prediction, batch.y)
                before = parts.get(measured.name)
                joined[measured.name] = part if before is None else measured.metric.join(before, part)
        return joined

    def _scores(self, x: Array, states: Mapping[str, Array], gathered: Gathered) -> Scores:
        """What is known at the end of an epoch: of its batches, and of the examples that are set apart."""
        scores: Scores = {"epoch_value": gathered.mean}
        scores |= {m.name: m.metric.whole(gathered.parts[m.name]) for m in self.regime.metrics}
        if self._validation is None:
            return scores
        own = self._scored(self._score, self._validation, x, states, self.budget)
        scores["validation_value"] = own.mean
        return scores | {f"validation_{m.name}": m.metric.whole(own.parts[m.name]) for m in self.regime.metrics}

    def _scored(
        self, program: Program, data: Examples, x: Array, states: Mapping[str, Array], budget: Budget
    ) -> Gathered:
        """Loss and metrics of examples, chunk by chunk, as the model predicts."""
        own, size = Gathered(), max(self._size, CHUNK)
        for begin in range(0, len(data), size):
            chunk = data.at(slice(begin, begin + size))
            own = self._gathered(own, chunk, program(self._parameters_at(x, states, chunk), budget))
        return own

    def value_at(self, point: Point, budget: Budget) -> float:
        """The loss of parameters on all examples to train on, as the model predicts: without dropout, and not on the
        way as that of an epoch.  Raises `BudgetExceeded`.
        """
        program = Program(self._engine, self.model, False, self._data.weight is not None)
        return self._scored(program, self._data, point.x, point.states, budget).mean

    def _monitored(self, scores: Scores) -> float:
        return float(scores["epoch_value" if self._validation is None else "validation_value"])

    def _close(self, line: Line, point: Point) -> None:
        """The end of an epoch: is it the best, is it enough, does the rate fall."""
        regime = self.regime
        min_change = 0.0 if regime.early is None else regime.early.min_change
        line.enter(point, min_change, self._validation is not None)
        if regime.finder is not None:
            return
        if regime.plateau is not None:
            line.plateau = reduced(line.plateau, point.value, regime.plateau)
        if point.value <= regime.target:
            line.end("target", f"The value has reached its target in epoch {point.epoch:,}.")
        elif regime.early is not None and line.idle >= regime.early.patience:
            line.end("patience", f"{line.idle:,} epochs have not improved on the best value.")
        elif point.epoch >= regime.epochs:
            line.end("max-steps", f"All {regime.epochs:,} epochs were made.")

    def _look(self, line: Line, step: int) -> None:
        """Whether a seed has to end in the middle of an epoch."""
        finder = self.regime.finder
        if finder is None:
            if step >= self.regime.max_steps:
                line.end("max-steps", f"{step:,} steps were made, as many as were allowed.")
            return
        line.losses.append(line.value)
        if not math.isfinite(line.losses[0]):
            return
        over = len(line.losses) > finder.steps // 10 and grown(line.losses)
        if over or line.reason == "diverged":
            line.reason, line.message = "converged", "The loss has begun to grow: no larger rate was tried."
        elif step >= finder.steps:
            line.end("max-steps", "All rates were tried.")

    def _trouble(self, line: Line, x: Array, batch: Examples) -> str:
        """Where the first number that is not finite comes from."""
        text = program(self.model, "loss", True, batch.weight is not None)
        names = tuple(p.name for p in self.model.trainable)
        question = Question(text, self._at(line, x, batch), "program", wrt=names, precision="float64")
        try:
            found = self._engine.prepare(question, "grad", self.budget).run(question, self.budget).warnings
            message = next((w.message for w in found if w.code in ("non-finite", "singular")), "")
        except BudgetExceeded:
            raise
        except EngineError as error:
            message = error.detail
        return f"{message} The loss or its gradient is not finite in step {self.standing.state.step + 1:,}.".strip()

    def _too_long(self, x: Array) -> str:
        """What to say of a step from `x` that leads to no number."""
        detail = f"The step {self.standing.state.step + 1:,} of `{self.regime.method.rule.name}` leads to parameters"
        return f"{detail} that are not finite, from such of a size up to {float(np.max(np.abs(x))):.3g}."

    def _norms(self, x: Array) -> Array:
        """The norm of each layer's part of a vector; no square overflows, and none of a small number becomes 0."""
        with np.errstate(all="ignore"):
            size = np.maximum.reduceat(np.abs(x), self._offsets)
            unit = np.where((size > 0) & np.isfinite(size), size, 1.0)
            parts = x / np.repeat(unit, self.standing.sizes)
            return np.asarray(unit * np.sqrt(np.add.reduceat(parts * parts, self._offsets)))

    def _ratios(self, before: Array, after: Array) -> Array:
        """How long the step of each layer was, as a part of its weights."""
        with np.errstate(all="ignore"):
            return np.asarray(self._norms(after - before) / self._norms(before))

    def _names_of_scores(self) -> tuple[str, ...]:
        """What is known at the end of an epoch, without matrices."""
        metrics = [measured.name for measured in self.regime.metrics if not measured.metric.matrix]
        apart = ["validation_value", *(f"validation_{name}" for name in metrics)]
        return ("epoch_value", *metrics, *(apart if self._validation is not None else []))

    def _more(self, epoch: int, scores: Scores, norms: Array, ratios: Array) -> tuple[float, ...]:
        """The numbers of the columns in one row."""
        known = (scores.get(name, math.nan) for name in self._measures)
        return (float(epoch), *known, *norms.tolist(), *ratios.tolist())

    def _beginning(
        self, seed: int, start: Mapping[str, Array] | None, scales: Mapping[str, Array]
    ) -> Mapping[str, Array]:
        """All parameters that a seed begins with."""
        if start is not None:
            return {**self.model.initial(), **scales, **start}
        return {**self.model.initial(seed if self.regime.redrawn else None), **scales}

    def to_json(self) -> dict[str, Any]:
        """The state as JSON values, bit for bit."""
        self.standing.seconds = self.seconds
        return self.standing.to_json()


def _sound(found: Stepped, gradient: Array) -> bool:
    """Whether a step can be made: everything that it gave is finite."""
    states = all(bool(np.isfinite(state).all()) for state in found.states.values())
    return states and math.isfinite(found.loss) and bool(np.isfinite(gradient).all())


def _weight(batch: Examples) -> float:
    """What a batch counts."""
    return float(len(batch)) if batch.weight is None else float(np.sum(batch.weight))


def _weighted(model: Model, regime: Regime, data: Examples) -> Examples:
    """The examples with weights by class."""
    if regime.class_weight is None:
        return data
    weights = balanced(model, data.y) if isinstance(regime.class_weight, str) else regime.class_weight
    by_class = np.array([weights.get(int(k), 1.0) for k in np.ravel(true_class(model, data.y))])
    with np.errstate(all="ignore"):
        found = by_class if data.weight is None else by_class * data.weight
        total = float(np.sum(found))
    if not 0 < total < math.inf:
        detail = "With these, all examples together weigh nothing, or more than a number can tell."
        raise InvalidRequest(detail, faults=[Fault("/class_weight", detail)])
    return data.weighted(found)
