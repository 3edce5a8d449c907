"""What layers, and the parameters of expressions, may be called in a program."""

from __future__ import annotations

import keyword
from typing import Any

from engine.source.names import CONSTANTS, find_function
from engine.source.special import SPECIAL

WHY = "a letter, then letters, digits and single _, no word of the language and none of its functions"
"""What a name is."""


def is_name(name: Any, most: int) -> bool:
    """Whether this can be a name of at most so many characters.

    Two underscores in a row, and one at the end, are kept for names that layers make up for themselves.
    """
    return (
        isinstance(name, str)
        and len(name) <= most
        and name.isascii()
        and name.isidentifier()
        and not keyword.iskeyword(name)
        and not name.startswith("_")
        and not name.endswith("_")
        and "__" not in name
        and name not in CONSTANTS
        and name not in SPECIAL
        and name != "random"
        and find_function(name) is None
    )
