"""Refusals, all in one shape: `{"error": {"code", "message"}}`."""

import json
from collections.abc import Mapping
from typing import Any, Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from bot_host.kit.clean import clean_text, one_line

CODES: Final = {
    400: "bad_request",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    408: "timeout",
    413: "too_large",
    415: "unsupported_media_type",
    500: "internal_error",
    503: "unavailable",
    504: "timeout",
}
SAYINGS: Final = {
    404: "there is nothing at this address",
    405: "this address does not take that method",
}
MESSAGE_LIMIT: Final = 500


class ApiError(HTTPException):
    """Refuses a request. The message names the key, and the way out."""


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
    """The one shape."""
    code = CODES.get(status, "error")
    return {"error": {"code": code, "message": one_line(clean_text(message), MESSAGE_LIMIT)}}


def refusal(status: int, message: str, *, headers: Mapping[str, str] | None = None) -> Response:
    """The response for a refusal."""
    return Json(error_body(status, message), status_code=status, headers=dict(headers or {}))


async def on_http_error(request: Request, error: Exception) -> Response:
    """Starlette's own refusals, and ours."""
    assert isinstance(error, HTTPException)
    own = isinstance(error, ApiError)
    message = error.detail if own else SAYINGS.get(error.status_code, error.detail)
    headers = dict(error.headers or {})
    if error.status_code == 405 and "Allow" in headers:
        message = f"{message}; it takes {headers['Allow']}"
    return refusal(error.status_code, message, headers=headers)


async def on_fault(request: Request, error: Exception) -> Response:
    """A bug of ours or of a plugin; the log has it, the caller does not."""
    return refusal(500, "something failed here; the host's log says what")
