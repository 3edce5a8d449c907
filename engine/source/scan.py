"""From the client's text to text that Python's parser reads, and back from its positions.

`^` becomes `**`, and an expression is put in parentheses so that it may run over several lines; a program whose lines
are all indented becomes the body of an `if`.  Brackets are matched here, because the added parentheses would hide a
stray one, and nesting is bounded before Python's parser sees it.
"""

from __future__ import annotations

import ast
import re
import threading
from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate
from typing import Any

from engine.errors import Limit, LimitExceeded, SyntaxFault
from engine.limits import Limits
from engine.source.hints import explain, explain_program
from engine.source.text import Span

# Comments and strings, also those that never end.  Nothing here gives back what it has taken.
_HIDDEN = (
    r"""\#[^\r\n]*+"""
    r"""|'''(?:[^'\\]|\\.|'(?!''))*+(?:''')?+|\"\"\"(?:[^"\\]|\\.|"(?!""))*+(?:\"\"\")?+"""
    r"""|'(?:[^'\\\r\n]|\\.)*+'?+|"(?:[^"\\\r\n]|\\.)*+"?+"""
)
_HIDDEN_PART = re.compile(_HIDDEN, re.DOTALL)
_TOKENS = re.compile(r"[()\[\]{}^]|" + _HIDDEN, re.DOTALL)
_SURROGATE = re.compile("[\ud800-\udfff]")
_LONG_NUMBER = re.compile(r"(?<!\w)\d[\d_]{4000,}+")
_ADJOINED = re.compile(r"(?<![\w.])\d[\w.]*?(?:if|else|and|or|in|is|not|for)\b")
_NEW_LINE = re.compile(r"\r\n?|\n")
_FIRST_CODE = re.compile(r"(?:[ \t\f]*(?:#[^\r\n]*)?(?:\r\n?|\n))*([ \t]*)[^\s#]")
_CLOSERS = {")": "(", "]": "[", "}": "{"}
_LOOKALIKES = {
    "−": "-",
    "–": "-",
    "×": "*",
    "·": "*",
    "⋅": "*",
    "÷": "/",
    "≤": "<=",
    "≥": ">=",
    "≠": "!=",
    "√": "sqrt(…)",
    "²": "^2",
    "³": "^3",
    "“": '"',
    "”": '"',
    "¬": "not",
    "∧": "and",
    "∨": "or",
}
_LOOKALIKE = re.compile("[" + "".join(_LOOKALIKES) + "]")


Placed = ast.expr | ast.keyword | ast.stmt | ast.arg
"""What has a place in Python's tree."""

# Python's parser keeps the depth of its recursion in one place for all threads, and fails when two of them build a tree
# at once (cpython issue 106905).
_PARSER = threading.Lock()


EMPTY = {False: ("The expression is empty.", "x^2 + 1"), True: ("The program is empty.", "return x^2 + 1")}
"""What is said of a text without anything in it, by whether it is a program."""


class Scanned:
    """Text ready for `ast`, and the way back to the client's positions.  `program`: statements, not an expression."""

    def __init__(self, text: str, limits: Limits, program: bool = False) -> None:
        self.program = program
        if len(text) > limits.source_chars:
            raise LimitExceeded(
                f"The text has {len(text):,} characters; {limits.source_chars:,} are allowed.",
                limit=Limit("source_chars", limits.source_chars, len(text)),
            )
        if not text.strip():
            raise self._empty()
        if "\0" in text:
            at = text.index("\0")
            raise SyntaxFault("A null character is not part of the language.", span=Span(at, at + 1))
        half = None if text.isascii() else _SURROGATE.search(text)
        if half is not None:
            raise SyntaxFault("Half a character (a lone surrogate) cannot be read.", span=Span(*half.span()))
        self.text = text
        self._carets: list[int] = []
        self._scan(limits)
        prepared = text.replace("^", "**") if len(self._carets) == text.count("^") else self._replace()
        # What stands before the client's text, to make Python's parser accept it.
        before = ("if 1:\n" if _indented(text) else "") if program else "("
        self._lead = len(before)
        self.prepared = before + prepared + ("\n" if program else "\n)")
        self._lines = _line_starts(self.prepared)
        self._bytes: dict[int, Sequence[int]] = {}
        self._plain = not program and not self._carets and len(self._lines) == 2 and text.isascii()
        # Positions of the second star of each `**` that was a `^`, in the prepared text.
        self._inserted = [caret + number + self._lead + 1 for number, caret in enumerate(self._carets)]

    def _scan(self, limits: Limits) -> None:
        open_brackets: list[tuple[str, int]] = []
        for match in _TOKENS.finditer(self.text):
            token, at = match.group(), match.start()
            if token == "^":
                self._carets.append(at)
            elif token in "([{":
                open_brackets.append((token, at))
                if len(open_brackets) > limits.nesting:
                    raise LimitExceeded(
                        f"Brackets are nested more than {limits.nesting} deep.",
                        span=Span(at, at + 1),
                        limit=Limit("nesting", limits.nesting),
                    )
            elif token in ")]}":
                if not open_brackets or open_brackets[-1][0] != _CLOSERS[token]:
                    inside = f" The {open_brackets[-1][0]!r} before it is still open." if open_brackets else ""
                    raise SyntaxFault(f"{token!r} closes nothing.{inside}", span=Span(at, at + 1))
                open_brackets.pop()
            elif token[0] != "#" and "\\" in token:
                raise SyntaxFault("A backslash is not part of the language.", span=Span(at, match.end()))
        self._refuse_adjoined()
        if open_brackets:
            token, at = open_brackets[-1]
            closer = next(c for c, o in _CLOSERS.items() if o == token)
            raise SyntaxFault(f"{token!r} is never closed.", span=Span(at, at + 1), hint=f"add {closer!r}")

    def _refuse_adjoined(self) -> None:
        """Refuse `1if x else 2`: Python's parser takes it, and complains to the server's standard error."""
        found = _ADJOINED.search(self.text)
        if found and not any(p.start() <= found.start() < p.end() for p in _HIDDEN_PART.finditer(self.text)):
            raise SyntaxFault(
                "A number is followed directly by a word.", span=Span(*found.span()), hint="put a space between them"
            )

    def _replace(self) -> str:
        parts, before = [], 0
        for caret in self._carets:
            parts += [self.text[before:caret], "**"]
            before = caret + 1
        return "".join(parts) + self.text[before:]

    def parse(self) -> ast.expr:
        """Python's tree of the expression; `SyntaxFault` with the client's position if there is none."""
        body = self._tree("eval").body
        if isinstance(body, ast.Tuple) and not body.elts and not body.col_offset:
            # Nothing between the parentheses that were added: a comment perhaps.
            raise self._empty()
        return body  # type: ignore[no-any-return]

    def parse_statements(self) -> list[ast.stmt]:
        """Python's trees of the statements of a program; `SyntaxFault` with the client's position if there are none."""
        body: list[ast.stmt] = self._tree("exec").body
        if self._lead and body:
            wrapper = body[0]
            assert isinstance(wrapper, ast.If)
            if len(body) > 1 or wrapper.orelse:
                raise SyntaxFault("The first line is indented, and this one is not.", span=self.first_word(body[-1]))
            body = wrapper.body
        if not body:
            raise self._empty()
        return body

    def _empty(self) -> SyntaxFault:
        detail, hint = EMPTY[self.program]
        return SyntaxFault(detail, hint=hint)

    def _tree(self, mode: str) -> Any:
        try:
            with _PARSER:
                return ast.parse(self.prepared, mode=mode)
        except SyntaxError as error:
            if "too many levels of indentation" in error.msg:
                raise LimitExceeded(
                    "The program is nested too deeply.", hint="Put inner blocks into helpers."
                ) from None
            raise self._fault(error) from None
        except (MemoryError, RecursionError):
            raise LimitExceeded(
                f"The {'program' if self.program else 'expression'} is nested too deeply.",
                hint="Use arrays: sum([…]) instead of a long chain.",
            ) from None
        except ValueError as error:
            raise SyntaxFault(f"The text cannot be read: {error}.") from None

    def span(self, node: Placed) -> Span:
        """Where a node stands in the client's text."""
        if self._plain and node.col_offset:
            return Span(node.col_offset - 1, (node.end_col_offset or 1) - 1)
        return Span(
            self._from_bytes(node.lineno, node.col_offset),
            self._from_bytes(node.end_lineno or node.lineno, node.end_col_offset or 0),
        )

    def first_word(self, node: ast.stmt) -> Span:
        """The word that a statement begins with."""
        start = self._from_bytes(node.lineno, node.col_offset)
        word = re.compile(r"\w*").match(self.text, start)
        return Span(start, max(start + 1, word.end() if word else 0))

    def _from_bytes(self, line: int, column: int) -> int:
        return self._back(self._lines[line - 1] + bisect_left(self._offsets(line), column))

    def _offsets(self, line: int) -> Sequence[int]:
        """Where each character of a line of the prepared text begins, in bytes."""
        found = self._bytes.get(line)
        if found is None:
            start = self._lines[line - 1]
            end = self._lines[line] if line < len(self._lines) else len(self.prepared)
            row = self.prepared[start:end]
            if row.isascii():
                found = range(len(row) + 1)
            else:
                found = [0, *accumulate(len(character.encode()) for character in row)]
            self._bytes[line] = found
        return found

    def _back(self, position: int) -> int:
        return min(max(position - self._lead - bisect_left(self._inserted, position), 0), len(self.text))

    def _fault(self, error: SyntaxError) -> SyntaxFault:
        line = min(max(error.lineno or 1, 1), len(self._lines))
        start = self._back(self._lines[line - 1] + max((error.offset or 1) - 1, 0))
        end = start + 1
        if error.end_lineno and error.end_offset and error.end_lineno <= len(self._lines):
            end = max(end, self._back(self._lines[error.end_lineno - 1] + error.end_offset - 1))
        long = _LONG_NUMBER.search(self.text) if "integer string conversion" in error.msg else None
        if long is not None:
            return SyntaxFault(
                "A whole number has too many digits.",
                span=Span(*long.span()),
                hint="write it with an exponent, as in 1e300",
            )
        code = _HIDDEN_PART.sub(lambda part: " " * len(part.group()), self.text)
        lookalike = _LOOKALIKE.search(code)
        if lookalike is not None:
            sign = lookalike.group()
            return SyntaxFault(
                f"{sign!r} is not an operator here.", span=Span(*lookalike.span()), hint=f"write {_LOOKALIKES[sign]}"
            )
        told = explain_program if self.program else explain
        detail, hint, where = told(code, error.msg or "", start)
        return SyntaxFault(
            detail, span=where or Span(start, min(end, len(self.text)) if start < len(self.text) else end), hint=hint
        )


def _indented(program: str) -> bool:
    """Whether the first line of code is indented."""
    first = _FIRST_CODE.match(program)
    return first is not None and bool(first.group(1))


def _line_starts(text: str) -> list[int]:
    return [0, *(found.end() for found in _NEW_LINE.finditer(text))]
