"""The description of the API (OpenAPI): what FastAPI knows of it, and what holds for every address."""

import re
from collections.abc import Mapping
from typing import Any, Final

from fastapi.routing import APIRoute

from bot_host.web.errors import OPENAI, PROBLEM
from bot_host.web.sessions import COOKIE

ABOUT: Final = (
    "What the console shows and does, as addresses. Besides these there are the routes that plugins bring "
    "(`/plugins/{plugin}/…`, `/api/v1/agents/{agent}/plugins/{plugin}/…`) and those that platforms call "
    "(`/{platform}/…`)."
)
TAGS: Final = {
    "health": "For monitors, open to everybody.",
    "session": "Signing a browser in.",
    "openai": "Agents for clients of OpenAI's form.",
}
"""Those whose names do not say it all."""
OPEN: Final = ("/health/", "/api/v1/session")
"""Below these no token is asked for."""
REFUSALS: Final = {
    400: "Something in the request is not as described here; the problem names it.",
    401: "The web token is missing or wrong.",
    403: "Another web page's request, a name that this host does not go by, or nothing of the web's.",
    404: "There is no such thing.",
    408: "The body did not come in time.",
    409: "It does not fit what is there.",
    413: "The body is too large.",
    415: "The body has another type than the one that is read.",
    429: "Too many wrong tokens, or over a limit.",
    503: "The host or an agent starts or stops, or the database does not answer.",
}
_METHODS: Final = ("get", "put", "post", "delete", "patch")


def name_of(route: APIRoute) -> str:
    """What client generators call an operation: by its method and address, which no two share."""
    words = re.findall(r"\w+", route.path_format.removeprefix("/api/v1"))
    return "_".join([min(route.methods or {"GET"}).lower(), *words])


def complete(document: dict[str, Any]) -> dict[str, Any]:
    """Put in what FastAPI does not know. The document is changed."""
    document["info"]["description"] = ABOUT
    components = document.setdefault("components", {})
    components["securitySchemes"] = {
        "bearer": {"type": "http", "scheme": "bearer", "description": "`web.token` of the configuration."},
        "cookie": {"type": "apiKey", "in": "cookie", "name": COOKIE, "description": "A browser's session."},
    }
    schemas = components.setdefault("schemas", {})
    schemas.update(Problem=_PROBLEM, OpenAIError=_OPENAI_ERROR)
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    used = set()
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if method in _METHODS:
                _complete(path, operation)
                used.update(operation["tags"])
    document["tags"] = [{"name": name, "description": TAGS.get(name, "")} for name in sorted(used)]
    return document


def _complete(path: str, operation: dict[str, Any]) -> None:
    said = operation.get("description", "")
    # The first sentence of what the code says, instead of the function's name.
    summary = said.split("\n\n")[0].replace("\n", " ").partition(". ")[0]
    operation["summary"] = summary.strip().rstrip(".")
    guarded = not path.startswith(OPEN)
    operation["security"] = [{"bearer": []}, {"cookie": []}] if guarded else []
    responses: dict[str, Any] = operation["responses"]
    responses.pop("422", None)
    for status in _refusals(operation, guarded=guarded):
        responses.setdefault(str(status), _refusal(path, status))


def _refusals(operation: Mapping[str, Any], *, guarded: bool) -> set[int]:
    found = {403}
    if guarded:
        found |= {401, 429, 503}
    if operation.get("parameters") or "requestBody" in operation:
        found |= {400, 404, 409}
    if "requestBody" in operation:
        found |= {401, 408, 413, 415, 429}
    return found


def _refusal(path: str, status: int) -> dict[str, Any]:
    kind, schema = ("application/json", "OpenAIError") if path.startswith(OPENAI) else (PROBLEM, "Problem")
    return {
        "description": REFUSALS[status],
        "content": {kind: {"schema": {"$ref": f"#/components/schemas/{schema}"}}},
    }


_PROBLEM: Final = {
    "type": "object",
    "title": "Problem",
    "description": "Why something was refused (RFC 9457).",
    "required": ["type", "title", "status", "code", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string", "description": "Stays the same, whatever the words are."},
        "detail": {"type": "string", "description": "What is wrong, and the way out."},
    },
}
_OPENAI_ERROR: Final = {
    "type": "object",
    "title": "OpenAIError",
    "description": "Why something was refused, in OpenAI's form.",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["message", "type", "param", "code"],
            "properties": {
                "message": {"type": "string"},
                "type": {"type": "string"},
                "param": {"type": ["string", "null"]},
                "code": {"type": ["string", "null"]},
            },
        }
    },
}
