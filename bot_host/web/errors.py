"""Refusals, all in one shape: problem details (RFC 9457)."""

import json
import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from bot_host.kit.clean import clean_text, one_line
from bot_host.kit.names import did_you_mean
from bot_host.types.errors import StateError, StoreError

log = logging.getLogger(__name__)

CODES: Final = {
    400: "bad_request",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    408: "timeout",
    409: "conflict",
    413: "too_large",
    415: "unsupported_media_type",
    422: "unprocessable",
    429: "too_many_requests",
    500: "internal_error",
    503: "unavailable",
    504: "timeout",
}
SAYINGS: Final = {
    404: "there is nothing at this address",
    405: "this address does not take that method",
}
MESSAGE_LIMIT: Final = 500
PROBLEM: Final = "application/problem+json"
OPENAI: Final = "/v1/"
"""Below it everything is in OpenAI's form, refusals too."""
OPENAI_TYPES: Final = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}
OPENAI_CODES: Final = {401: "invalid_api_key", 429: "rate_limit_exceeded"}
FAULTS_TOLD: Final = 5


class ApiError(HTTPException):
    """Refuses a request. The message names the key, and the way out."""

    param: str | None = None
    code: str | None = None
    """For clients of OpenAI's form: the key that is wrong, and the kind of error."""


class Json(Response):
    """A JSON response that any text can go into."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        """Raises TypeError, ValueError for what is not a JSON value."""
        return to_json(content)


def to_json(content: Any) -> bytes:
    """Compact JSON in UTF-8; lone surrogates become `?`. Raises TypeError, ValueError."""
    text = json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.encode("utf-8", "replace")


def error_body(status: int, message: str) -> dict[str, Any]:
    """The one shape: a problem of RFC 9457, with a code that does not change with the words."""
    return {
        "type": "about:blank",
        "title": _title(status),
        "status": status,
        "code": CODES.get(status, "error"),
        "detail": one_line(clean_text(message), MESSAGE_LIMIT),
    }


def _title(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"


def refusal(
    status: int,
    message: str,
    *,
    path: str = "",
    headers: Mapping[str, str] | None = None,
    param: str | None = None,
    code: str | None = None,
) -> Response:
    """The response for a refusal, in the form that is expected at the path that was asked for."""
    headers = dict(headers or {})
    if path.startswith(OPENAI):
        return Json(
            openai_error(status, message, param=param, code=code), status_code=status, headers=headers
        )
    return Json(error_body(status, message), status_code=status, headers=headers, media_type=PROBLEM)


def openai_error(
    status: int, message: str, *, param: str | None = None, code: str | None = None
) -> dict[str, Any]:
    """A refusal in OpenAI's form."""
    kind = "server_error" if status >= 500 else OPENAI_TYPES.get(status, "invalid_request_error")
    return {
        "error": {
            "message": one_line(clean_text(message), MESSAGE_LIMIT),
            "type": kind,
            "param": param,
            "code": code or OPENAI_CODES.get(status) or CODES.get(status, "error"),
        }
    }


async def on_http_error(request: Request, error: Exception) -> Response:
    """Starlette's own refusals, and ours."""
    assert isinstance(error, HTTPException)
    own = isinstance(error, ApiError)
    message = error.detail if own else SAYINGS.get(error.status_code, error.detail)
    headers = dict(error.headers or {})
    if error.status_code == 405 and "Allow" in headers:
        message = f"{message}; it takes {headers['Allow']}"
    return refusal(
        error.status_code,
        message,
        path=request.scope["path"],
        headers=headers,
        param=error.param if isinstance(error, ApiError) else None,
        code=error.code if isinstance(error, ApiError) else None,
    )


async def on_fault(request: Request, error: Exception) -> Response:
    """A bug of ours or of a plugin; the log has it, the caller does not."""
    return refusal(500, "something failed here; the host's log says what", path=request.scope["path"])


async def on_invalid(request: Request, error: Exception) -> Response:
    """Parameters or a body that do not fit what the API describes; each is named."""
    assert isinstance(error, RequestValidationError)
    faults = error.errors()
    lines = [_fault(each) for each in faults]
    more = f"; and {len(lines) - FAULTS_TOLD} more" if len(lines) > FAULTS_TOLD else ""
    return refusal(
        400,
        "; ".join(lines[:FAULTS_TOLD]) + more,
        path=request.scope["path"],
        param=_path(faults[0]["loc"]) or None,
    )


def _fault(error: Mapping[str, Any]) -> str:
    kind, path = str(error["type"]), _path(error["loc"])
    if kind == "json_invalid":
        return "the body is not JSON in UTF-8"
    if kind == "missing":
        return f"{path or 'the body'}: it is missing"
    if kind == "extra_forbidden":
        return f"{path}: there is no such key{_hint(error)}"
    message = str(error.get("msg", "")).removeprefix("Value error, ")
    expected = message.removeprefix("Input should be ")
    said = message[:1].lower() + message[1:] if expected == message else f"expected {expected}"
    return f"{path or 'the body'}: {said}"


def _hint(error: Mapping[str, Any]) -> str:
    known = (error.get("ctx") or {}).get("known", ())
    return did_you_mean(str(error["loc"][-1]), list(known)) if known else ""


def _path(place: Sequence[str | int]) -> str:
    # The first part says where it stands (body, query, path, header): nobody needs that to find the name.
    return ".".join(str(part) for part in place[1:])


async def on_refusal(request: Request, error: Exception) -> Response:
    """What the host itself refuses, in its own words: the log would say the same."""
    if isinstance(error, StoreError):
        log.error("%s %s: %s", request.method, request.scope["path"], error)
        return refusal(
            503, "the database does not answer; the host's log says why", path=request.scope["path"]
        )
    return refusal(409 if isinstance(error, StateError) else 400, str(error), path=request.scope["path"])
