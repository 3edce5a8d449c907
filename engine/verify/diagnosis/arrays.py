"""Mistakes that can be seen in the numbers alone: a sign, a factor."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from engine.verify.diagnosis.candidate import Candidate, Prior
from engine.verify.diagnosis.factors import named_factor, projected
from engine.verify.diagnosis.fit import Judge
from engine.verify.diagnosis.mismatch import Arrays
from engine.verify.report import Kind

Transform = Callable[[Arrays], Arrays]
"""From the right gradient to the wrong one, of the inputs that the mistake touches."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A mistake as a map of gradients.  `digits`: how many the claim must get right for it to be believed."""

    kind: Kind
    detail: str
    transform: Transform
    prior: int
    digits: float
    free: int = 0


def tested(judge: Judge, rule: Rule, second: Arrays | None) -> Candidate | None:
    """The candidate of a rule that explains the claim; `second` is the right gradient at a second point."""
    fit = judge.fit(rule.transform(judge.expected))
    if fit is None or fit.digits < rule.digits:
        return None
    elsewhere = None
    if second is not None and not any(judge.claimed[n].shape != judge.expected[n].shape for n in judge.wrong):
        elsewhere = {**second, **rule.transform(second)}
    return Candidate(rule.kind, rule.detail, fit, rule.prior, rule.free, None, judge.wrong, elsewhere)


def list_of(names: tuple[str, ...], whole: bool) -> str:
    """The gradients of some inputs in words."""
    if whole:
        return "the gradient"
    return f"the gradient of {names[0]}" if len(names) == 1 else f"the gradients of {', '.join(names)}"


def scaled(names: tuple[str, ...], factor: float) -> Transform:
    """The gradients of `names` times a factor."""
    return lambda gradient: {n: factor * gradient[n] for n in names}


Reductions = Sequence[tuple[float, str]]
"""Factors that come of a mean in place of a sum, or the other way round, with words for them."""


def signs_and_factors(judge: Judge, sizes: Mapping[str, int], reductions: Reductions) -> Iterator[Rule]:
    """A wrong sign or a constant factor, common to all wrong inputs."""
    wrong = judge.wrong
    if any(judge.claimed[n].shape != judge.expected[n].shape for n in wrong):
        return
    whole = judge.whole
    subject = list_of(wrong, whole)
    yield Rule("sign", f"The sign of {subject} is wrong.", scaled(wrong, -1.0), Prior.SIGN, 2.0)
    claimed = np.concatenate([judge.claimed[n].ravel() for n in wrong])
    expected = np.concatenate([judge.expected[n].ravel() for n in wrong])
    factor = projected(claimed, expected)
    if factor is None or abs(factor + 1.0) < 1e-5:
        return
    verb = "is" if whole or len(wrong) == 1 else "are"
    if abs(factor) < 1e-9:
        detail = sentence(f"{subject} {verb} 0, as though the function did not depend on {', '.join(wrong)}.")
        yield Rule("missing-chain-factor", detail, scaled(wrong, 0.0), Prior.DROPPED, 5.0)
        return
    for value, text in reductions:
        detail = sentence(f"{subject} {verb} {text}.")
        yield Rule(
            "mean-instead-of-sum", detail, scaled(wrong, value), Prior.MEAN if whole else Prior.MEAN_OF_SOME, 4.0
        )
    named = named_factor(factor, sizes, judge.slack)
    if named is not None:
        detail = f"{sentence(subject)} {verb} multiplied by {named[1]}."
        yield Rule("factor", detail, scaled(wrong, named[0]), Prior.FACTOR, 4.0)
    elif np.count_nonzero(expected) > 1:
        detail = f"{sentence(subject)} {verb} multiplied by {factor:.9g}, a number without a name."
        yield Rule("factor", detail, scaled(wrong, factor), Prior.FACTOR, 10.0, free=1)


def some_signs(judge: Judge) -> Iterator[Rule]:
    """Single components with the wrong sign."""
    masks = {}
    for name in judge.wrong:
        claimed, expected = judge.claimed[name], judge.expected[name]
        if claimed.shape != expected.shape:
            return
        masks[name] = np.abs(claimed + expected) < np.abs(claimed - expected)
    if not masks or all(bool((mask | (judge.expected[n] == 0)).all()) for n, mask in masks.items()):
        return
    count = sum(int(mask.sum()) for mask in masks.values())
    places = [f"{n}[{', '.join(map(str, index))}]" for n, mask in masks.items() for index in np.argwhere(mask)[:3]]
    which = ", ".join(places[:3]) + (f" and {count - 3} more" if count > 3 else "")
    if all(bool((judge.claimed[n] >= 0).all()) for n in masks):
        which += " (no component is negative)"

    def transform(gradient: Arrays) -> Arrays:
        return {n: np.where(mask, -gradient[n], gradient[n]) for n, mask in masks.items()}

    yield Rule("sign", f"Some components have the wrong sign: {which}.", transform, Prior.SOME_SIGNS, 6.0)


def sentence(text: str) -> str:
    """With a capital letter at its beginning, and the others as they are."""
    return text[0].upper() + text[1:]
