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
    (r"\|", "'|' is not an operator here.", "write abs(x), or `or` between conditions"),
    (r"!(?!=)", "'!' is not an operator here.", "write `not x`; a factorial is gamma(n + 1)"),
    (r"\?", "'?' is not an operator here.", "write `a if condition else b`, or where(condition, a, b)"),
    (r";", "';' is not part of an expression.", "write one expression"),
    (
        r"\.\*|\./|\.\^|\.\*\*",
        "Dotted operators do not exist here.",
        "arithmetic is elementwise already: write `*`, `/`, `^`",
    ),
    (r"\$|\\|`", "This character is not part of the language.", "write plain arithmetic, as in 2*x + sin(y)"),
)
_ASSIGNMENT = re.compile(r"(?<![=<>!:])=(?!=)")
# Nothing here gives back what it has taken: a long row of digits is read once.
_JUXTAPOSED = re.compile(r"(?<![\w.])(\d++\.?+\d*+(?:[eE][+-]?\d++)?+)\s*+([^\W\d]\w*|\()")
_DETECTED = re.compile(r" \(detected at line \d+\)")  # counts the line that is added to the text
_LINE_NUMBER = re.compile(r" on line \d+")
_OTHER_BASES = ("binary", "octal", "hexadecimal")


def explain(text: str, message: str, at: int) -> tuple[str, str | None, Span | None]:
    """A sentence, a hint, and a better place, for a text that Python's parser refused at offset `at`.

    `text` has blanks for its strings and comments, so that nothing in them is taken for a cause.
    """
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
    sign = _assignment(text, message, at)
    if sign is not None:
        return "An expression has no '='.", "write `==` to compare; names get their values in `at`", sign
    if not any(base in message for base in _OTHER_BASES):
        for juxtaposed in _JUXTAPOSED.finditer(text):
            number, rest = juxtaposed.groups()
            if rest not in _ALLOWED:
                return "A number is followed directly by a name.", _product(number, rest), Span(*juxtaposed.span())
    return _plainly(text, message, at)


def _plainly(text: str, message: str, at: int) -> tuple[str, str | None, Span | None]:
    """What Python's parser says, in the words of the house."""
    detail = message[:1].upper() + message[1:]
    detail = detail.replace("Invalid syntax. Perhaps you forgot a comma?", "Two values stand next to each other.")
    if detail == "Invalid syntax":
        detail = "The text ends too early." if at >= len(text.rstrip()) else "This cannot stand here."
    detail = _DETECTED.sub("", detail).rstrip(".")
    advice = "write a * b for a product, f(a, b) for a call" if "next to each other" in detail else None
    return detail if detail.endswith("?") else detail + ".", advice, None


_COMMANDS = {
    *("if", "elif", "else", "for", "in", "while", "def", "return", "break", "continue", "pass", "assert", "lambda"),
    *("import", "from", "global", "nonlocal", "class", "with", "try", "except", "finally", "raise", "del", "yield"),
    *("async", "await", "as", "is"),
}
"""Words that begin or join statements, in the language or in Python, where they are refused by name."""
_USED_AS_NAME = re.compile(r"([^\W\d]\w*)[ \t]*(?:[-+*/@%^]?=(?!=)|[)\],*/^@%])")
_COMPARED = re.compile(r"Maybe you meant '==' or ':=' instead of '='")
_EXPECTED_BLOCK = re.compile(r"expected an indented block after (.*)")


def explain_program(text: str, message: str, at: int) -> tuple[str, str | None, Span | None]:
    """The same for a program, in which words such as `def` have their meaning."""
    start = max(text.rfind("\n", 0, at), text.rfind("\r", 0, at)) + 1
    line = re.compile(r"[^\r\n]*").match(text, start)
    code = line.group() if line else ""
    for word in _USED_AS_NAME.finditer(code):
        name = word.group(1)
        if keyword.iskeyword(name) and name not in _ALLOWED - {"and", "or", "not"}:
            span = Span(start + word.start(1), start + word.end(1))
            return f"{name!r} is a reserved word and cannot be used here.", f"name it {name}_", span
    if _COMPARED.search(message):
        return "A condition has no '='.", "write `==` to compare", None
    block = _EXPECTED_BLOCK.search(message)
    if block:
        what = _LINE_NUMBER.sub("", block.group(1))
        return f"What belongs to the {what} has to be indented.", "indent the lines below it by 4 spaces", None
    if "unindent" in message or "unexpected indent" in message or "inconsistent use of tabs" in message:
        return message[:1].upper() + message[1:] + ".", "indent the lines of a block alike, with spaces", None
    if "expected ':'" in message:
        return "A ':' is missing.", "for, while, if, else and def lines end in a colon", None
    for pattern, detail, hint in _PATTERNS:
        found = None if pattern == ";" else re.compile(pattern).search(text, start)
        if found:
            return detail, hint, Span(*found.span())
    if not any(base in message for base in _OTHER_BASES):
        for juxtaposed in _JUXTAPOSED.finditer(code):
            number, rest = juxtaposed.groups()
            if rest not in _ALLOWED and rest not in _COMMANDS:
                span = Span(start + juxtaposed.start(), start + juxtaposed.end())
                return "A number is followed directly by a name.", _product(number, rest), span
    return _plainly(text, message, at)


def _product(number: str, rest: str) -> str:
    return f"write {number}*{rest}" if len(number) + len(rest) < 60 else "write * for a product"


def _assignment(text: str, message: str, at: int) -> Span | None:
    """The '=' that is at fault: one outside all brackets, or, where the parser speaks of it, the next one.

    Any other stands in a call and names an argument.
    """
    depth = 0
    for sign in re.finditer(rf"[()\[\]{{}}]|{_ASSIGNMENT.pattern}", text):
        if sign.group() != "=":
            depth += 1 if sign.group() in "([{" else -1
        elif not depth:
            return Span(*sign.span())
    found = _ASSIGNMENT.search(text, at) if "'='" in message or "assign" in message else None
    return Span(*found.span()) if found else None
