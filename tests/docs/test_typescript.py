"""The declarations for TypeScript: each kind of schema, and what makes a document that cannot be declared."""

from __future__ import annotations

from typing import Any

import pytest

from docs.typescript import declarations

JSON = "application/json"


def reference(name: str) -> dict[str, Any]:
    """A reference to a schema."""
    return {"$ref": f"#/components/schemas/{name}"}


def operation(request: str, answer: str) -> dict[str, Any]:
    """An operation with these schemas."""
    return {
        "requestBody": {"content": {JSON: {"schema": reference(request)}}},
        "responses": {"200": {"content": {JSON: {"schema": reference(answer)}}}},
    }


def declared(schema: dict[str, Any], **others: dict[str, Any]) -> str:
    """The declarations of a schema called Thing and of what it refers to, without the header and the paths."""
    document = {
        "paths": {"/thing": {"post": operation("Thing", "Thing")}},
        "components": {"schemas": {"Thing": schema, **others}},
    }
    made = declarations(document)
    return made[made.index("\n\n") + 2 : made.index("/** By address")].strip()


@pytest.mark.parametrize(
    ("schema", "shown"),
    [
        ({"type": "number"}, "number"),
        ({"type": "integer", "minimum": 0}, "number"),
        ({"type": "string", "enum": ["NaN", "Infinity"]}, '"NaN" | "Infinity"'),
        ({"type": "integer", "const": 1}, "1"),
        ({"type": "array", "items": {"type": "string"}}, "string[]"),
        ({"type": "array", "items": {"anyOf": [{"type": "string"}, {"type": "null"}]}}, "(string | null)[]"),
        ({"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2}, "[number, number]"),
        ({"type": "array", "items": {"type": "number"}, "minItems": 2}, "number[]"),
        ({"anyOf": [{"type": "integer"}, {"type": "number"}]}, "number"),
        ({"type": "object", "additionalProperties": {"type": "boolean"}}, "{ [name: string]: boolean }"),
        ({"type": "object", "additionalProperties": True}, "{ [name: string]: unknown }"),
        (
            {"type": "object", "additionalProperties": {"type": "null"}, "propertyNames": {"enum": ["a", "b"]}},
            '{ [name in "a" | "b"]?: null }',
        ),
        ({"anyOf": [{"type": "number"}, {"type": "array", "items": reference("Thing")}]}, "number | Thing[]"),
        ({}, "unknown"),
    ],
)
def test_types(schema: dict[str, Any], shown: str) -> None:
    assert declared(schema) == f"export type Thing = {shown};"


def test_fields_that_may_be_left_out_and_comments() -> None:
    schema = {
        "type": "object",
        "description": "A thing.\n\nEnds */ here.",
        "required": ["a"],
        "properties": {"a": {"type": "number", "description": "One."}, "b-c": {"type": "string"}},
        "additionalProperties": True,
    }
    assert declared(schema).splitlines() == [
        "/**",
        " * A thing.",
        " *",
        " * Ends *\\/ here.",
        " */",
        "export interface Thing {",
        "  /** One. */",
        "  a: number;",
        '  "b-c"?: string;',
        "  [field: string]: unknown;",
        "}",
    ]


def test_types_are_called_by_their_titles_unless_two_share_one() -> None:
    both = {"type": "object", "properties": {"x": reference("A"), "y": reference("B")}}
    made = declared(both, A={"title": "Same", "type": "number"}, B={"title": "Same", "type": "string"})
    assert "x?: A;" in made
    assert "y?: B;" in made
    assert "x?: Only;" in declared(both, A={"title": "Only", "type": "number"}, B={"title": "No name", "type": "null"})


def test_requests_and_answers_share_a_type_that_is_the_same() -> None:
    schemas = {"A-Input": {"type": "number"}, "A-Output": {"type": "number"}}
    document: dict[str, Any] = {
        "paths": {"/a": {"post": operation("A-Input", "A-Output")}},
        "components": {"schemas": schemas},
    }
    made = declarations(document)
    assert made.count("export type A = number;") == 1
    assert '"/a": {\n    POST: { request: A; answer: A; refusal: undefined };\n  };' in made
    schemas["A-Output"] = {"type": "string"}
    with pytest.raises(ValueError, match="A is one thing in requests and another in answers"):
        declarations(document)


def test_a_kind_of_schema_that_is_not_known_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown kind"):
        declared({"allOf": [{"type": "number"}]})


def test_what_no_operation_uses_is_left_out() -> None:
    assert "Unused" not in declared({"type": "number"}, Unused={"type": "string"})


def test_queries_and_bodies_that_are_not_json() -> None:
    query = {"name": "limit", "in": "query", "required": False, "schema": {"type": "integer"}}
    header = {"$ref": "#/components/parameters/RequestId"}
    responses: dict[str, Any] = {
        "200": {"content": {"text/plain": {"schema": {"type": "string"}}}},
        "204": {"description": "Nothing."},
        "422": {"content": {"application/problem+json": {"schema": {"type": "number"}}}},
    }
    document = {
        "paths": {"/b": {}, "/a": {"get": {"parameters": [query, header], "responses": responses}}},
        "components": {"schemas": {}},
    }
    made = declarations(document)
    assert "GET: { query: { limit?: number }; answer: string | undefined; refusal: number };" in made
    assert made.index('"/a"') < made.index('"/b"')
