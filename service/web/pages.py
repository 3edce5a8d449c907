"""Plain pages, made of text that is escaped here."""

from __future__ import annotations

from html import escape

from service.problems import Kind, catalogue

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title} · Adjoint</title>
<style>
body {{ font: 16px/1.6 system-ui, sans-serif; max-width: 44rem; margin: 3rem auto; padding: 0 1rem; color: #1c2530; }}
pre {{ background: #f3f5f7; padding: .8rem 1rem; border-radius: 6px; overflow-x: auto; white-space: pre-wrap; }}
table {{ border-collapse: collapse; }} td {{ padding: .2rem 1rem .2rem 0; vertical-align: top; }}
a {{ color: #0b62a8; }} .status {{ color: #5b6875; }}
@media (prefers-color-scheme: dark) {{
 body {{ background: #14191f; color: #dde4ea; }} pre {{ background: #1f2730; }} a {{ color: #7cbcf0; }}
}}
</style></head><body>{body}</body></html>
"""


def page(title: str, body: str) -> str:
    """A whole page; `body` is HTML."""
    return _PAGE.format(title=escape(title), body=body)


def error_page(kind: Kind) -> str:
    """The page that the `type` of a problem leads to."""
    parts = [
        f"<p class=status>{kind.status} · <code>{escape(kind.name)}</code> · <a href=./>all errors</a></p>",
        f"<h1>{escape(kind.title)}</h1>",
        *(f"<p>{escape(paragraph)}</p>" for paragraph in kind.story.split("\n\n")),
    ]
    if kind.example:
        parts.append(f"<h2>Example</h2><pre>{escape(kind.example)}</pre>")
    if kind.repair:
        parts.append(f"<h2>Repair</h2><pre>{escape(kind.repair)}</pre>")
    return page(kind.title, "\n".join(parts))


def errors_page() -> str:
    """The catalogue of all errors."""
    rows = "".join(
        f"<tr><td class=status>{kind.status}</td><td><a href={kind.name}><code>{kind.name}</code></a></td>"
        f"<td>{escape(kind.title)}</td></tr>"
        for kind in catalogue().values()
    )
    return page("Errors", f"<h1>Errors</h1><p>Every refusal has one of these names.</p><table>{rows}</table>")
