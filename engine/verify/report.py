"""What a check says: the verdict on a claimed value or gradient, and what it rests on.  Types only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from engine.question import Array
from engine.source.text import Span

Verdict = Literal["correct", "incorrect", "not-differentiable", "inconclusive"]
Agreement = Literal["agree", "disagree", "skipped"]
Kind = Literal[
    "sign",
    "factor",
    "mean-instead-of-sum",
    "transposed",
    "permuted",
    "missing-reduction",
    "missing-chain-factor",
    "last-use-only",
    "degrees",
    "other-point",
    "float32",
]


@dataclass(frozen=True, slots=True)
class Component:
    """One number of a claim next to what it should be.

    `rel_error` is relative to `expected`; `ulp_error` counts float64 numbers between the two; NaN where that has no
    meaning.  `ok`: within the tolerance.
    """

    input: str
    index: tuple[int, ...]
    claimed: float
    expected: float
    abs_error: float
    rel_error: float
    ulp_error: float
    ok: bool


@dataclass(frozen=True, slots=True)
class Witness:
    """Whether a witness agrees with the expected numbers; `max_ulp` over all components, `reason` where it does not
    say anything or not about all."""

    status: Agreement
    max_ulp: float | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """A mistake that explains a mismatch.

    `detail` is one sentence for the author of the gradient.  `residual` is what of the mismatch stays unexplained:
    the largest difference between the claim and what this mistake would give, relative to the largest component of
    the claim for that input.  `span` is the place in the text, `inputs` those whose gradients are explained.
    """

    kind: Kind
    detail: str
    residual: float
    span: Span | None = None
    inputs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Tolerance:
    """`relative` to a component's size where nothing cancels; `why` tells in words how the number came about."""

    relative: float
    why: str


@dataclass(frozen=True, slots=True)
class FirstWrong:
    """The wrong adjoint that comes first from the result backwards, and where its value is assigned."""

    name: str
    span: Span | None
    detail: str


@dataclass(frozen=True, slots=True)
class AdjointReport:
    """Claimed adjoints: `rows`, whose `input` is the name, all or the worst 100 of `count`."""

    rows: Sequence[Component]
    count: int
    wrong: int
    first_wrong: FirstWrong | None
    message: str


@dataclass(frozen=True, slots=True)
class Report:
    """The whole report.

    `components`: all, or the worst 100 of `count`, of which `wrong` are outside the tolerance.  `condition`: how much
    larger the relative error of the gradient is than that of the inputs, at worst; None where it is not known.
    `value`: the claimed value, if there was one.  `one_sided`: derivatives from the left and right where they differ.
    `adjoints`: what there is to say of those that were claimed, None if none were.
    `adjoints`: what there is to say of those, if any were claimed.
    """

    verdict: Verdict
    message: str
    components: Sequence[Component]
    count: int
    wrong: int
    witnesses: Mapping[str, Witness]
    tolerance: Tolerance
    condition: float | None = None
    diagnosis: Sequence[Hypothesis] = ()
    value: Component | None = None
    one_sided: Sequence[Mapping[str, object]] = field(default_factory=tuple)
    adjoints: AdjointReport | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    """A claimed gradient and the truth it is held against, by input: float64 arrays.

    `allowed` is the absolute tolerance of every component, in the shape of `expected`.  A claimed array may have
    another shape, and is then wrong, whatever its numbers.
    """

    claimed: Mapping[str, Array]
    expected: Mapping[str, Array]
    allowed: Mapping[str, Array]

    @property
    def wrong(self) -> tuple[str, ...]:
        """The inputs of another shape than expected, or with a component outside the tolerance.

        Equal infinities agree; NaN agrees with nothing.
        """
        return tuple(name for name in self.claimed if not self._right(name))

    def _right(self, name: str) -> bool:
        claimed, expected = np.asarray(self.claimed[name]), np.asarray(self.expected[name])
        if claimed.shape != expected.shape:
            return False
        with np.errstate(invalid="ignore", over="ignore"):
            close = np.abs(claimed - expected) <= self.allowed[name]
        return bool(np.all(close | (claimed == expected)))
