"""Texts become categories: positions in the sorted list of all that occur."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from engine.errors import Fault, InvalidRequest, Limit, LimitExceeded
from engine.question import Array
from service.pointers import pointer
from service.reader import short
from service.settings import Settings

LONGEST = 200
"""Characters of one label."""


class Labels:
    """The different texts of one column, as they come up.  `why` is asked what to add to a refusal."""

    def __init__(self, column: str, settings: Settings, why: Callable[[], str] = lambda: "") -> None:
        self._column, self._most, self._why = column, settings.dataset_labels, why
        self._known: dict[str, int] = {}
        self._checked = 0

    def __len__(self) -> int:
        return len(self._known)

    def codes(self, texts: Sequence[str]) -> Array:
        """Numbers for texts, in the order in which they first came up."""
        known = self._known
        found = np.array([known.setdefault(text, len(known)) for text in texts], dtype=np.int64)
        if len(known) > self._most:
            raise LimitExceeded(
                f"The column {self._column!r} has more than {self._most:,} different texts.{self._why()}",
                limit=Limit("dataset_labels", self._most, len(known)),
                hint="Leave it out: name the columns to keep, as in ?columns=a,b",
            )
        if len(known) > self._checked:
            for text in list(known)[self._checked :]:
                self._check(text)
            self._checked = len(known)
        return found

    def settle(self, codes: Array) -> tuple[Array, tuple[str, ...]]:
        """The codes as positions among the sorted labels, and these."""
        labels = sorted(self._known)
        place = np.empty(len(labels), dtype=np.int64)
        place[[self._known[label] for label in labels]] = np.arange(len(labels))
        return place[codes], tuple(labels)

    def _check(self, text: str) -> None:
        if len(text) > LONGEST:
            shown, detail = text[:40], f"has more than the {LONGEST} characters of a label."
        elif not text.isascii() and not _is_unicode(text):
            shown, detail = ascii(text[:40])[1:-1], "is not Unicode."
        elif "\0" in text:
            shown, detail = ascii(text[:40])[1:-1], "has a character NUL."
        else:
            return
        detail = f"The text {shown!r}… in the column {self._column!r} {detail}{self._why()}"
        raise InvalidRequest(detail, faults=[Fault(pointer((short(self._column),)), detail)])


def check_total(labels: Sequence[Labels], settings: Settings) -> None:
    """Raise `LimitExceeded` for more labels, of all columns together, than a dataset may have."""
    count = sum(map(len, labels))
    if count > settings.dataset_labels:
        raise LimitExceeded(
            f"All columns of texts together have more than {settings.dataset_labels:,} different ones.",
            limit=Limit("dataset_labels", settings.dataset_labels, count),
            hint="Leave some out: name the columns to keep, as in ?columns=a,b",
        )


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
