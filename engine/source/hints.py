"""What people type who come from other languages, and what they meant."""

from __future__ import annotations

import keyword
import re

from engine.source.text import Span

_ALLOWED = {"and", "or", "not", "if", "else", "True", "False", "None"}
_WORD = re.compile(r"[^\W\d]\w*")
_PATTERNS: tuple[tuple[str, str, str], ...] = (
    (r"&&", "'&&' is not an operator here.", "write `and`"),
    (r"\|\|", "'||' is not an operator here.", "write `or`"),
    (r"!(?!=)", "'!' is not an operator here.", "write `not x`"),
    (r"\?", "'?' is not an operator here.", "write `a if condition else b`, or where(condition, a, b)"),
    (r"(?<![=<>!:])=(?!=)", "An expression has no '='.", "write `==` to compare; names get their values in `at`"),
    (r";", "';' is not part of an expression.", "write one expression"),
    (
        r"\.\*|\./|\.\^|\.\*\*",
        "Dotted operators do not exist here.",
        "arithmetic is elementwise already: write `*`, `/`, `^`",
    ),
    (r"\$|\\|`", "This character is not part of the language.", "write plain arithmetic, as in 2*x + sin(y)"),
)
_JUXTAPOSED = re.compile(r"(?<![\w.])(\d+\.?\d*(?:[eE][+-]?\d+)?)\s*([^\W\d]\w*|\()")


def explain(text: str, message: str, at: int) -> tuple[str, str | None, Span | None]:
    """A sentence, a hint, and a better place, for a text that Python's parser refused at offset `at`."""
    for word in _WORD.finditer(text):
        name = word.group()
        if keyword.iskeyword(name) and name not in _ALLOWED:
            return (
                f"{name!r} is a reserved word and cannot be used here.",
                f"name an input {name}_",
                Span(*word.span()),
            )
    for pattern, detail, hint in _PATTERNS:
        found = re.search(pattern, text)
        if found:
            return detail, hint, Span(*found.span())
    juxtaposed = _JUXTAPOSED.search(text)
    if juxtaposed and juxtaposed.group(2) not in ("if", "and", "or", "else", "not"):
        number, rest = juxtaposed.groups()
        return "A number is followed directly by a name.", f"write {number}*{rest}", Span(*juxtaposed.span())
    detail = message[:1].upper() + message[1:]
    detail = detail.replace("Invalid syntax. Perhaps you forgot a comma?", "Two values stand next to each other.")
    if detail == "Invalid syntax":
        detail = "The text ends too early." if at >= len(text.rstrip()) else "This cannot stand here."
    advice = "write a * b for a product, f(a, b) for a call" if "next to each other" in detail else None
    return detail.rstrip(".") + ".", advice, None
