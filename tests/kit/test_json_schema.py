"""The part of JSON Schema that arguments are checked by."""

from typing import Any

import pytest

from bot_host.kit.json_schema import faults

PERSON = {
    "type": "object",
    "required": ["name"],
    "additionalProperties": False,
    "properties": {
        "name": {"type": "string", "minLength": 1, "maxLength": 5},
        "age": {"type": "integer", "minimum": 0, "maximum": 150},
        "mood": {"enum": ["good", "bad"]},
        "tags": {"type": "array", "items": {"type": "string"}, "maxItems": 2},
        "note": {"type": ["string", "null"]},
        "inner": {"type": "object", "properties": {"x": {"type": "number"}}},
    },
}


@pytest.mark.parametrize(
    ("value", "wrong"),
    [
        ({"name": "Ada"}, []),
        ({"name": "Ada", "age": 36.0, "mood": "good", "tags": ["a"], "note": None}, []),
        ([], ["the value: expected object, found array"]),
        ({}, ["the value: name is missing"]),
        ({"name": ""}, ["name: expected at least 1 characters"]),
        ({"name": "Adelheid"}, ["name: expected at most 5 characters"]),
        ({"name": "A", "age": 1.5}, ["age: expected integer, found number"]),
        ({"name": "A", "age": True}, ["age: expected integer, found boolean"]),
        ({"name": "A", "age": -1}, ["age: expected at least 0"]),
        ({"name": "A", "age": 200}, ["age: expected at most 150"]),
        ({"name": "A", "mood": "odd"}, ["mood: expected one of good, bad"]),
        ({"name": "A", "tags": ["a", 1]}, ["tags[1]: expected string, found number"]),
        ({"name": "A", "tags": ["a", "b", "c"]}, ["tags: expected at most 2 items"]),
        ({"name": "A", "note": 1}, ["note: expected string or null, found number"]),
        ({"name": "A", "inner": {"x": "1"}}, ["inner.x: expected number, found string"]),
        ({"name": "A", "more": 1}, ["the value: more is not known"]),
    ],
)
def test_faults(value: Any, wrong: list[str]) -> None:
    assert faults(value, PERSON) == wrong


@pytest.mark.parametrize(
    ("value", "schema", "fits"),
    [
        (1, {"enum": [True]}, False),
        (True, {"const": True}, True),
        ("x", {}, True),
        ({"a": 1}, {"additionalProperties": {"type": "string"}}, False),
        ([], {"minItems": 1}, False),
    ],
)
def test_corners(value: Any, schema: dict[str, Any], fits: bool) -> None:
    assert (faults(value, schema) == []) is fits
