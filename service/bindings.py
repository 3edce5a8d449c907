"""What is stored and may be asked about: functions and models, found by what a request body names."""

from __future__ import annotations

from typing import Any

from service.functions.binding import Binding
from service.functions.library import Library
from service.models.binding import bound, named_in
from service.models.catalogue import Models


class Bindings:
    """The stored functions and models, for questions.  Thread-safe; both methods may wait for the database."""

    def __init__(self, functions: Library, models: Models) -> None:
        self._functions, self._models = functions, models

    def named(self, content: Any) -> Binding | None:
        """What a decoded request body names as its `function` or `model`; None where it names none, or both.

        Raises `NotFound`, `Gone`, `Unavailable`, and `InvalidRequest` for what only models have.
        """
        reference = named_in(content)
        return self._functions.named(content) if reference is None else bound(self._models, reference, content)
