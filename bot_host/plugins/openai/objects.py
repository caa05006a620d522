"""Objects out of what a model wrote, and whether they fit. Pure."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

_FENCE: Final = re.compile(r"```(?:json)?\s*\n(.*?)\n?```", re.DOTALL | re.IGNORECASE)
_TYPES: Final[dict[str, tuple[type, ...]]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "number": (int, float),
    "integer": (int,),
    "boolean": (bool,),
    "null": (type(None),),
}


class NotAnObject(Exception):
    """What is wrong, in words that a model can use."""


def instruction(schema: Mapping[str, Any]) -> str:
    """What a model is told: servers that take no schema still read this."""
    text = json.dumps(schema, ensure_ascii=False)
    return f"Answer with one JSON object and nothing else: no code fence, no remark. Its JSON schema: {text}"


def response_format(schema: Mapping[str, Any], kind: str) -> dict[str, Any] | None:
    """The parameter of that name. A schema that says nothing of its properties is asked for as any object.

    Not strict: that mode takes only a part of JSON schema, and refuses the rest.
    https://developers.openai.com/api/docs/guides/structured-outputs
    """
    if not kind:
        return None
    if kind == "json_object" or not schema.get("properties"):
        return {"type": "json_object"}
    return {"type": "json_schema", "json_schema": {"name": "answer", "schema": dict(schema)}}


def read_object(text: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    """The object in `text`, alone, in a code fence, or among words. Raises NotAnObject."""
    found = _find(text)
    if found is None:
        raise NotAnObject("there is no JSON object in it")
    fault = misfit(found, schema)
    if fault:
        raise NotAnObject(fault)
    return found


def _find(text: str) -> dict[str, Any] | None:
    fenced = [part.strip() for part in _FENCE.findall(text)]
    for candidate in (text.strip(), *fenced):
        try:
            value = json.loads(candidate)
        except (ValueError, RecursionError):
            continue
        if isinstance(value, dict):
            return value
    start = text.find("{")
    if start < 0:
        return None
    try:
        value, _ = json.JSONDecoder().raw_decode(text, start)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def misfit(value: Any, schema: Any, where: str = "the object") -> str:
    """Why `value` does not fit; empty when it does.

    Looks at `type`, `enum`, `const`, `properties`, `required`, `additionalProperties: false` and `items`; the
    rest of JSON schema is left to whoever asked.
    """
    if not isinstance(schema, Mapping):
        return ""
    kinds = schema.get("type", ())
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if kinds and not any(_is(value, kind) for kind in kinds):
        return f"{where} must be of type {' or '.join(map(str, kinds))}"
    if "enum" in schema and value not in schema["enum"]:
        return f"{where} must be one of {json.dumps(schema['enum'], ensure_ascii=False)}"
    if "const" in schema and value != schema["const"]:
        return f"{where} must be {json.dumps(schema['const'], ensure_ascii=False)}"
    if isinstance(value, dict):
        return _misfit_table(value, schema, where)
    if isinstance(value, list):
        faults = (misfit(item, schema.get("items"), f"{where}[{n}]") for n, item in enumerate(value))
        return next((fault for fault in faults if fault), "")
    return ""


def _misfit_table(value: Mapping[str, Any], schema: Mapping[str, Any], where: str) -> str:
    required: Sequence[str] = schema.get("required", ())
    for name in required:
        if name not in value:
            return f'{where} lacks "{name}"'
    known = schema.get("properties", {})
    for name, item in value.items():
        if name in known:
            fault = misfit(item, known[name], f"{where}.{name}")
            if fault:
                return fault
        elif schema.get("additionalProperties") is False:
            return f'{where} must not have "{name}"'
    return ""


def _is(value: Any, kind: str) -> bool:
    if isinstance(value, bool):
        return kind == "boolean"
    if kind == "integer" and isinstance(value, float):
        return value.is_integer()
    return isinstance(value, _TYPES.get(kind, (object,)))
