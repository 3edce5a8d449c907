"""The verdict, and the sentence that goes with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from engine.graph.types import Array
from engine.precision.resolve import Sides
from engine.verify.report import Claim, Component, Verdict, Witness


def verdict(
    rows: Sequence[Component],
    claim: Claim,
    value: Component | None,
    witnesses: Mapping[str, Witness],
    sides: Sequence[Sides],
    sure: Mapping[str, Array],
    own: bool,
    blind: bool = False,
    lost: Mapping[str, Array] | None = None,
) -> tuple[Verdict, str]:
    """What is to be said of the claim as a whole.

    `blind`: the tolerance is too wide to tell; `lost`: where nobody knows whether what is expected is a derivative.
    """
    claimed = {(row.input, row.index) for row in rows}
    sides = [s for s in sides if s.part == "grad" and s.inputs and (s.inputs[0], s.index) in claimed]
    at_kinks = {(s.inputs[0], s.index) for s in sides}
    elsewhere = [row for row in rows if (row.input, row.index) not in at_kinks]
    unknown = [row for row in elsewhere if lost and _shaped(row, claim) and lost[row.input][row.index]]
    smooth = [row for row in elsewhere if row not in unknown]
    wrong = [row for row in smooth if not row.ok]
    undefined = [
        row
        for row in smooth
        if (not np.isfinite(row.expected) and row.expected == row.expected) or _missing(row, claim)
    ]
    disagree = [name for name, witness in witnesses.items() if witness.status == "disagree"]
    if any(witness.status == "agree" for witness in witnesses.values()) and disagree == ["engine"]:
        # Float64 has lost more than it thought, which two others have not.
        disagree = []
    who = "The engine's gradient" if own else "The gradient"
    misshapen = any(claim.claimed[name].shape != claim.expected[name].shape for name in claim.claimed)
    if disagree and not misshapen:
        listed = " and ".join(disagree)
        return "inconclusive", f"Our own witnesses disagree ({listed}): this is our fault, not yours. Please tell us."
    wrong = [row for row in wrong if row not in undefined]
    # A value is no convention, unless float64 found none.
    known = value is not None and not (lost and bool(np.any(lost[""])) and not np.isfinite(value.expected))
    if wrong or (value is not None and known and not value.ok):
        return "incorrect", _incorrect(who, wrong, len(rows), claim, value)
    if undefined:
        first = undefined[0]
        return "not-differentiable", f"There is no finite derivative with respect to {_place(first)} at this point."
    if at_kinks:
        return "not-differentiable", _kink(rows, sides)
    if unknown or not (known or value is None):
        place = f" with respect to {_place(unknown[0])}" if unknown else ""
        return "inconclusive", (
            f"The point is singular or on a kink, where what float64 has for the derivative{place} may be no more than "
            f"a convention, and high precision did not get to look at it: {_ended(witnesses['precise'].reason)}"
        )
    if blind:
        return "inconclusive", (
            "At this point the last places of the inputs decide about the result: in this precision, right cannot be "
            "told from wrong. Check at another point, or say with `tolerance` how close is close enough."
        )
    doubtful = [n for n in claim.claimed if not np.all(sure[n])]
    alone = all(witnesses[name].status == "skipped" for name in ("symbolic", "precise"))
    if not rows and value is not None:
        return "correct", "The value is correct."
    if not rows and claim.claimed:
        return "correct", f"{who} has no components, and is right to have none."
    if not rows:
        return "inconclusive", "Nothing was claimed."
    if alone and doubtful:
        reason = witnesses["engine"].reason or ""
        how = "reverse" if reason.startswith("forward mode was not") else "forward and reverse"
        return "correct", f"{who} agrees with the engine's, {how}; no other witness could look at it."
    agreeing = [name for name in witnesses if witnesses[name].status == "agree"]
    who_else = f"{', '.join(agreeing)} {'agrees' if len(agreeing) == 1 else 'agree'}"
    return "correct", f"{who} is correct: {_count(len(rows))} within the tolerance; {who_else}."


def _shaped(row: Component, claim: Claim) -> bool:
    """Whether the array has the right shape."""
    same: bool = claim.claimed[row.input].shape == claim.expected[row.input].shape
    return same


def _missing(row: Component, claim: Claim) -> bool:
    """Whether there is no number to compare with, although the claim has the right shape."""
    return _shaped(row, claim) and row.expected != row.expected


def _incorrect(who: str, wrong: Sequence[Component], count: int, claim: Claim, value: Component | None) -> str:
    said = []
    for name in claim.claimed:
        given, needed = claim.claimed[name].shape, claim.expected[name].shape
        if given != needed:
            said.append(f"The gradient of {name} has shape {list(given)}; {list(needed)} is needed.")
    compared = [row for row in wrong if claim.claimed[row.input].shape == claim.expected[row.input].shape]
    if compared:
        worst = max(compared, key=lambda row: row.rel_error if np.isfinite(row.rel_error) else np.inf)
        said.append(
            f"{who} is wrong in {len(compared)} of {_count(count)}; {_place(worst)} is {worst.claimed!r} "
            f"and should be {worst.expected!r}."
        )
    if value is not None and not value.ok:
        said.append(f"The value is {value.claimed!r} and should be {value.expected!r}.")
    return " ".join(said)


def _kink(rows: Sequence[Component], sides: Sequence[Sides]) -> str:
    """The sentence about a kink: about one where the claim is none of the choices, if there is any."""
    named = {(row.input, row.index): row for row in rows}
    first = min(sides, key=lambda s: named[s.inputs[0], s.index].ok)
    row = named[first.inputs[0], first.index]
    place = f"{first.inputs[0]}{list(first.index) if first.index else ''}"
    ends = (first.left, first.right)
    what = "a kink" if all(side is not None and np.isfinite(side) for side in ends) else "no derivative"
    text = f"The function has {what} here: along {place} its derivative is {_side(first.left)} from the left and "
    text += f"{_side(first.right)} from the right"
    if what != "a kink":
        return text + "."
    if first.left == first.right:
        return (
            f"The function has a kink here: along {place} its derivative is {_side(first.left)} from both sides, but "
            "along directions between the axes it is not what the components add up to."
        )
    within = "lies between them: any such choice is defensible" if row.ok else "is neither of them"
    return f"{text}; {row.claimed!r} {within}."


def _ended(reason: str | None) -> str:
    """A reason as the end of a sentence."""
    return f"{(reason or 'it was not heard').rstrip('.')}."


def _side(value: float | None) -> str:
    return "without a limit" if value is None else repr(value)


def _place(row: Component) -> str:
    return f"{row.input}{list(row.index) if row.index else ''}"


def _count(count: int) -> str:
    return "1 component" if count == 1 else f"{count:,} components"
