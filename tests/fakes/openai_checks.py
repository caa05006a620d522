"""What OpenAI refuses in a request.

https://platform.openai.com/docs/guides/error-codes and the errors that its API is known to send.
"""

import base64
from typing import Any

from tests.fakes.openai_wire import ApiError


def wrong_key(given: str) -> ApiError:
    """401, with a part of the key in the text, as OpenAI has it."""
    if not given:
        text = "You didn't provide an API key. You need to provide your API key in an Authorization header."
        return ApiError(401, text, "invalid_request_error")
    shown = f"{given[:8]}{'*' * 12}{given[-4:]}"
    text = (
        f"Incorrect API key provided: {shown}. You can find your API key at "
        "https://platform.openai.com/account/api-keys."
    )
    return ApiError(401, text, "invalid_request_error", "invalid_api_key")


def wrong_messages(messages: list[dict[str, Any]]) -> ApiError | None:
    """Roles, contents and tool results as the API checks them."""
    open_calls: set[str] = set()
    for index, message in enumerate(messages):
        role, content = message.get("role"), message.get("content")
        where = f"messages[{index}]"
        if role not in ("system", "developer", "user", "assistant", "tool"):
            text = f"Invalid value: '{role}'. Supported values are: 'system', 'assistant', 'user' …"
            return ApiError(400, text, "invalid_request_error", "invalid_value", f"{where}.role")
        if content is None and not (role == "assistant" and message.get("tool_calls")):
            text = f"Invalid value for 'content': expected a string, got null. ({where})"
            return ApiError(400, text, "invalid_request_error", param=f"{where}.content")
        if isinstance(content, list):
            wrong = _wrong_parts(content, where)
            if wrong is not None:
                return wrong
        if role == "tool":
            if message.get("tool_call_id") not in open_calls:
                text = (
                    "messages with role 'tool' must be a response to a preceding message with 'tool_calls'."
                )
                return ApiError(400, text, "invalid_request_error", param=f"{where}.role")
            open_calls.discard(message["tool_call_id"])
        elif open_calls:
            text = (
                "An assistant message with 'tool_calls' must be followed by tool messages responding to each "
                f"'tool_call_id'. Missing: {', '.join(sorted(open_calls))}"
            )
            return ApiError(400, text, "invalid_request_error", param=where)
        else:
            open_calls = {call["id"] for call in message.get("tool_calls") or ()}
    if open_calls:
        return ApiError(400, "tool_calls without their results", "invalid_request_error", param="messages")
    return None


def _wrong_parts(parts: list[Any], where: str) -> ApiError | None:
    """Texts and pictures of one message."""
    for index, part in enumerate(parts):
        at, kind = f"{where}.content[{index}]", part.get("type")
        if kind == "text" and isinstance(part.get("text"), str):
            continue
        url = (part.get("image_url") or {}).get("url", "") if kind == "image_url" else ""
        if url.startswith(("http://", "https://")):
            continue
        if url.startswith("data:image/") and ";base64," in url:
            try:
                base64.b64decode(url.partition(";base64,")[2], validate=True)
                continue
            except ValueError:
                pass
        return ApiError(400, f"Invalid part: {at}.", "invalid_request_error", param=at)
    return None


def _wrong_format(body: dict[str, Any]) -> ApiError | None:
    wanted = body.get("response_format")
    if wanted is None:
        return None
    kind = wanted.get("type")
    if kind == "json_object" and "json" not in str(body["messages"]).lower():
        text = "'messages' must contain the word 'json' in some form, to use 'json_object'."
        return ApiError(400, text, "invalid_request_error", param="messages")
    schema = wanted.get("json_schema") or {}
    if kind == "json_schema" and not (schema.get("name") and isinstance(schema.get("schema"), dict)):
        text = "Missing required parameter: 'response_format.json_schema'."
        return ApiError(400, text, "invalid_request_error", param="response_format.json_schema")
    if kind not in ("text", "json_object", "json_schema"):
        text = f"Invalid value: '{kind}'."
        return ApiError(400, text, "invalid_request_error", param="response_format.type")
    return None


def wrong_options(body: dict[str, Any]) -> ApiError | None:
    """Parameters that do not go together, the form of the answer, and tool names."""
    wrong = _wrong_format(body)
    if wrong is not None:
        return wrong
    if "stream_options" in body and not body.get("stream"):
        text = "The 'stream_options' parameter is only allowed when 'stream' is enabled."
        return ApiError(400, text, "invalid_request_error", param="stream_options")
    if "tools" in body and not body["tools"]:
        return ApiError(400, "[] is too short - 'tools'", "invalid_request_error", param="tools")
    for index, tool in enumerate(body.get("tools") or ()):
        function = tool.get("function") or {}
        name = str(function.get("name", ""))
        if tool.get("type") != "function" or not name.replace("_", "a").replace("-", "a").isalnum():
            text = f"Invalid 'tools[{index}].function.name': expected a string matching '^[a-zA-Z0-9_-]+$'."
            return ApiError(400, text, "invalid_request_error", param=f"tools[{index}].function.name")
    return None
