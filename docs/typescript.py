"""TypeScript declarations of the OpenAPI document: an interface for each schema, and a map of all addresses.

Written for the schemas that this service has; what it does not know it refuses, instead of calling it `unknown`.
"""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

Schema = Mapping[str, Any]
INDENT = "  "
WIDTH = 120
_PREFIX = "#/components/schemas/"
_PRIMITIVES = {"number": "number", "integer": "number", "string": "string", "boolean": "boolean", "null": "null"}
_IDENTIFIER = re.compile(r"[A-Za-z_$][\w$]*")
_HEADER = """\
// The requests and answers of Adjoint, written by `python -m docs.generate` from its OpenAPI document.

"""


def declarations(document: Schema) -> str:
    """The declarations of all schemas that operations of `document` use, and of `Paths`.

    ValueError: a schema is of a kind that is not known here.
    """
    names = _names(document)
    schemas = document["components"]["schemas"]
    found = {name: _declared(name, schemas[key], names) for key, name in names.items()}
    parts = [found[name] for name in sorted(found)]
    return _HEADER + "\n".join([*parts, _paths(document["paths"], names)])


def _names(document: Schema) -> dict[str, str]:
    """By key of a schema, the name of its type: its title if no other has it.  Requests and answers share theirs."""
    schemas = document["components"]["schemas"]
    keys: dict[str, None] = {}
    waiting = list(_references(document["paths"]))
    while waiting:
        key = waiting.pop()
        if key not in keys:
            keys[key] = None
            waiting += _references(schemas[key])
    plain = {key: re.sub(r"-(Input|Output)$", "", key) for key in sorted(keys)}
    titles = {key: str(schemas[key].get("title", plain[key])) for key in plain}
    owners: dict[str, set[str]] = {}
    for key, title in titles.items():
        owners.setdefault(title, set()).add(plain[key])
    names = {
        key: title if len(owners[title]) == 1 and _IDENTIFIER.fullmatch(title) else plain[key]
        for key, title in titles.items()
    }
    bodies: dict[str, str] = {}
    for key, name in names.items():
        body = _declared(name, schemas[key], names)
        if bodies.setdefault(name, body) != body:
            raise ValueError(f"{name} is one thing in requests and another in answers")
    return names


def _references(part: Any) -> Iterator[str]:
    if isinstance(part, Mapping):
        if isinstance(reference := part.get("$ref"), str) and reference.startswith(_PREFIX):
            yield reference.removeprefix(_PREFIX)
        part = list(part.values())
    if isinstance(part, list):
        for value in part:
            yield from _references(value)


def _declared(name: str, schema: Schema, names: Mapping[str, str]) -> str:
    comment = _comment(schema.get("description"), "")
    if "properties" not in schema:
        return f"{comment}export type {name} = {_type(schema, names)};\n"
    lines = [f"{comment}export interface {name} {{\n"]
    for field, inner in schema["properties"].items():
        lines.append(_comment(inner.get("description"), INDENT))
        lines.append(f"{INDENT}{_field(field, field in schema.get('required', ()))}: {_type(inner, names)};\n")
    if schema.get("additionalProperties") is True:
        lines.append(f"{INDENT}[field: string]: unknown;\n")
    return "".join([*lines, "}\n"])


def _field(name: str, required: bool) -> str:
    shown = name if _IDENTIFIER.fullmatch(name) else json.dumps(name)
    return shown if required else shown + "?"


def _type(schema: Schema, names: Mapping[str, str]) -> str:
    if "$ref" in schema:
        return names[schema["$ref"].removeprefix(_PREFIX)]
    if "anyOf" in schema:
        return " | ".join(dict.fromkeys(_type(inner, names) for inner in schema["anyOf"]))
    if "const" in schema or "enum" in schema:
        return " | ".join(json.dumps(value) for value in schema.get("enum", [schema.get("const")]))
    kind = schema.get("type")
    if kind == "array":
        return _array(schema, _type(schema["items"], names))
    if kind == "object" and "properties" not in schema:
        return _record(schema, names)
    if kind in _PRIMITIVES:
        return _PRIMITIVES[kind]
    if not schema.keys() - {"title", "description", "default", "examples"}:
        return "unknown"
    raise ValueError(f"a schema of an unknown kind: {json.dumps(schema)[:200]}")


def _array(schema: Schema, item: str) -> str:
    length = schema.get("minItems")
    if length is not None and length == schema.get("maxItems"):
        return f"[{', '.join([item] * length)}]"
    return f"({item})[]" if " | " in item else f"{item}[]"


def _record(schema: Schema, names: Mapping[str, str]) -> str:
    values = schema.get("additionalProperties", True)
    value = "unknown" if values is True else _type(values, names)
    if "propertyNames" in schema:
        return f"{{ [name in {_type(schema['propertyNames'], names)}]?: {value} }}"
    return f"{{ [name: string]: {value} }}"


def _paths(paths: Schema, names: Mapping[str, str]) -> str:
    lines = ["/** By address and method: what is sent, what is answered, and what is answered instead. */\n"]
    lines.append("export interface Paths {\n")
    for path, methods in sorted(paths.items()):
        lines.append(f"{INDENT}{json.dumps(path)}: {{\n")
        for method, operation in methods.items():
            lines.append(_comment(operation.get("summary"), INDENT * 2))
            parts = "; ".join(f"{name}: {shown}" for name, shown in _exchanged(operation, names))
            lines.append(f"{INDENT * 2}{method.upper()}: {{ {parts} }};\n")
        lines.append(f"{INDENT}}};\n")
    return "".join([*lines, "}\n"])


def _exchanged(operation: Schema, names: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    queries = [part for part in operation.get("parameters", ()) if part.get("in") == "query"]
    if queries:
        fields = [f"{_field(q['name'], q.get('required', False))}: {_type(q['schema'], names)}" for q in queries]
        yield "query", f"{{ {'; '.join(fields)} }}"
    if "requestBody" in operation:
        yield "request", _content(operation["requestBody"], names)
    for part, begins in (("answer", ("2",)), ("refusal", ("4", "5"))):
        responses = [r for status, r in operation["responses"].items() if status.startswith(begins)]
        shown = dict.fromkeys(_content(response, names) for response in responses)
        yield part, " | ".join(shown) or "undefined"


def _content(part: Schema, names: Mapping[str, str]) -> str:
    """The types of a body; text that is not JSON is a string."""
    shown = [
        _type(content["schema"], names) if "json" in kind and content.get("schema") else "string"
        for kind, content in part.get("content", {}).items()
    ]
    return " | ".join(dict.fromkeys(shown)) or "undefined"


def _comment(text: str | None, indent: str) -> str:
    if not text:
        return ""
    text = text.strip().replace("*/", "*\\/")
    if "\n" not in text and len(indent) + len(text) + 7 <= WIDTH:
        return f"{indent}/** {text} */\n"
    width = WIDTH - len(indent) - 3
    lines = [folded for line in text.splitlines() for folded in textwrap.wrap(line, width) or [""]]
    return "".join([f"{indent}/**\n", *(f"{indent} * {line}".rstrip() + "\n" for line in lines), f"{indent} */\n"])
