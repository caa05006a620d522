"""A small part of JSON Schema, enough for the arguments of actions and the answers of models.

Checked: type, enum, const, required, properties, additionalProperties, items, minimum, maximum, minLength,
maxLength, minItems, maxItems. Other keywords are passed over, as the standard says of unknown ones
(https://json-schema.org/draft/2020-12/json-schema-core, 4.3.1).
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

_TYPES: Final[Mapping[str, tuple[type, ...]]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "number": (int, float),
    "integer": (int, float),
    "boolean": (bool,),
    "null": (type(None),),
}


def faults(value: Any, schema: Mapping[str, Any], where: str = "") -> list[str]:
    """What in `value` does not fit, one line each; empty when all is well."""
    return list(_faults(value, schema, where or "the value"))


def schema_faults(schema: Any, where: str) -> list[str]:
    """What in a schema itself would be passed over or would break a check, one line each."""
    return list(_schema_faults(schema, where))


def _schema_faults(schema: Any, where: str) -> Iterator[str]:
    if isinstance(schema, bool):  # true fits everything, false nothing
        return
    if not isinstance(schema, Mapping):
        yield f"{where}: expected a JSON schema, found {type(schema).__name__}"
        return
    wanted = schema.get("type", [])
    for kind in (
        [wanted] if isinstance(wanted, str) else wanted if isinstance(wanted, list | tuple) else [None]
    ):
        if kind not in _TYPES:
            yield f"{where}: type must be one of {', '.join(_TYPES)}, found {kind or wanted!r}"
    for key, fits in (("required", list | tuple), ("enum", list | tuple), ("properties", Mapping)):
        if key in schema and not isinstance(schema[key], fits):
            yield f"{where}: {key} is a {type(schema[key]).__name__}"
    properties = schema.get("properties")
    inner = {str(k): v for k, v in properties.items()} if isinstance(properties, Mapping) else {}
    inner |= {key: schema[key] for key in ("items", "additionalProperties") if key in schema}
    for key, each in inner.items():
        yield from _schema_faults(each, f"{where}.{key}")


def _faults(value: Any, schema: Mapping[str, Any], where: str) -> Iterator[str]:
    wanted = schema.get("type")
    kinds = [wanted] if isinstance(wanted, str) else wanted or []
    if kinds and not any(_is(value, kind) for kind in kinds):
        yield f"{where}: expected {' or '.join(kinds)}, found {_name(value)}"
        return
    if "enum" in schema and not any(_equal(value, each) for each in schema["enum"]):
        yield f"{where}: expected one of {', '.join(map(str, schema['enum']))}"
    if "const" in schema and not _equal(value, schema["const"]):
        yield f"{where}: expected {schema['const']}"
    if isinstance(value, dict):
        yield from _object(value, schema, where)
    elif isinstance(value, list):
        yield from _size(len(value), schema, where, "Items", "items")
        items = schema.get("items")
        if isinstance(items, Mapping):
            for index, item in enumerate(value):
                yield from _faults(item, items, f"{where}[{index}]")
    elif isinstance(value, str):
        yield from _size(len(value), schema, where, "Length", "characters")
    elif isinstance(value, int | float) and not isinstance(value, bool):
        if "minimum" in schema and value < schema["minimum"]:
            yield f"{where}: expected at least {schema['minimum']}"
        if "maximum" in schema and value > schema["maximum"]:
            yield f"{where}: expected at most {schema['maximum']}"


def _object(value: dict[str, Any], schema: Mapping[str, Any], where: str) -> Iterator[str]:
    for name in schema.get("required", ()):
        if name not in value:
            yield f"{where}: {name} is missing"
    properties = schema.get("properties", {})
    others = schema.get("additionalProperties", True)
    for name, item in value.items():
        inner = properties.get(name)
        if isinstance(inner, Mapping):
            yield from _faults(item, inner, name if where == "the value" else f"{where}.{name}")
        elif name not in properties and others is False:
            yield f"{where}: {name} is not known"
        elif name not in properties and isinstance(others, Mapping):
            yield from _faults(item, others, f"{where}.{name}")


def _size(size: int, schema: Mapping[str, Any], where: str, key: str, what: str) -> Iterator[str]:
    least, most = schema.get(f"min{key}"), schema.get(f"max{key}")
    if least is not None and size < least:
        yield f"{where}: expected at least {least} {what}"
    if most is not None and size > most:
        yield f"{where}: expected at most {most} {what}"


def _is(value: Any, kind: str) -> bool:
    if isinstance(value, bool):
        return kind == "boolean"
    if kind == "integer" and isinstance(value, float):
        return value.is_integer()
    return isinstance(value, _TYPES.get(kind, (object,)))


def _equal(one: Any, other: Any) -> bool:
    """As JSON: true is not 1."""
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)


def _name(value: Any) -> str:
    return next((kind for kind in _TYPES if _is(value, kind)), type(value).__name__)
