"""Answers of the fake model server in OpenAI's own shapes.

https://platform.openai.com/docs/api-reference/chat/object and .../chat-streaming
"""

import base64
import hashlib
import json
import re
import struct
from dataclasses import dataclass, field
from typing import Any

CREATED = 1_763_900_000
FINGERPRINT = "fp_fake"


@dataclass(frozen=True, slots=True)
class FakeToolCall:
    """A tool that the model wants to call. `arguments` is an object, or raw text to be sent as it is."""

    name: str
    arguments: dict[str, Any] | str = field(default_factory=dict)
    id: str = ""

    def text(self) -> str:
        """The arguments as the model writes them."""
        return self.arguments if isinstance(self.arguments, str) else json.dumps(self.arguments)


@dataclass(frozen=True, slots=True)
class Answer:
    """What the fake answers to one chat request.

    `chunks` fixes the pieces of a streamed text; by default it is cut before each word.
    """

    text: str | None = None
    tool_calls: tuple[FakeToolCall, ...] = ()
    finish: str = ""
    chunks: tuple[str, ...] = ()
    refusal: str | None = None
    usage: tuple[int, int] | None = None
    """Prompt and completion tokens; by default counted from the request."""

    @property
    def finish_reason(self) -> str:
        """`tool_calls` or `stop`, unless given."""
        return self.finish or ("tool_calls" if self.tool_calls else "stop")


@dataclass(frozen=True, slots=True)
class ApiError:
    """An error answer: OpenAI's JSON shape, unless `body` gives another one."""

    status: int
    message: str = "The server had an error while processing your request."
    type: str = "server_error"
    code: str | None = None
    param: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    body: str | None = None
    content_type: str = "application/json"

    def to_body(self) -> str:
        """The body as it goes over the wire."""
        if self.body is not None:
            return self.body
        error = {"message": self.message, "type": self.type, "param": self.param, "code": self.code}
        return json.dumps({"error": error})


def last_user_text(body: dict[str, Any]) -> str:
    """The text of the last user message."""
    for message in reversed(body.get("messages", [])):
        if message.get("role") == "user":
            content = message.get("content")
            if isinstance(content, list):
                return "".join(part.get("text", "") for part in content)
            return str(content or "")
    return ""


def tokens(text: str) -> int:
    """A count that looks real: characters divided by 4, at least 1."""
    return max(1, -(-len(text) // 4))


def usage_of(body: dict[str, Any], answer: Answer) -> dict[str, Any]:
    """The usage object."""
    said = (answer.text or "") + "".join(call.text() for call in answer.tool_calls)
    asked = "".join(str(message.get("content") or "") for message in body["messages"])
    prompt, completion = answer.usage or (tokens(asked), tokens(said))
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
    }


def completion(body: dict[str, Any], answer: Answer, number: int) -> dict[str, Any]:
    """A `chat.completion` object."""
    message: dict[str, Any] = {"role": "assistant", "content": answer.text, "refusal": answer.refusal}
    if answer.tool_calls:
        message["tool_calls"] = [
            {
                "id": call.id or f"call_{number}_{index}",
                "type": "function",
                "function": {"name": call.name, "arguments": call.text()},
            }
            for index, call in enumerate(answer.tool_calls)
        ]
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": answer.finish_reason}
    return {
        "id": f"chatcmpl-{number}",
        "object": "chat.completion",
        "created": CREATED,
        "model": body["model"],
        "choices": [choice],
        "usage": usage_of(body, answer),
        "service_tier": "default",
        "system_fingerprint": FINGERPRINT,
    }


def chunks(body: dict[str, Any], answer: Answer, number: int) -> list[dict[str, Any]]:
    """The `chat.completion.chunk` objects: role, text or tool fragments, finish, usage where asked for."""
    with_usage = bool((body.get("stream_options") or {}).get("include_usage"))

    def chunk(delta: dict[str, Any] | None, finish: str | None = None) -> dict[str, Any]:
        one: dict[str, Any] = {
            "id": f"chatcmpl-{number}",
            "object": "chat.completion.chunk",
            "created": CREATED,
            "model": body["model"],
            "service_tier": "default",
            "system_fingerprint": FINGERPRINT,
            "choices": [],
        }
        if delta is not None:
            one["choices"] = [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}]
        if with_usage:
            one["usage"] = None
        return one

    first: dict[str, Any] = {"role": "assistant", "content": None if answer.tool_calls else ""}
    out = [chunk({**first, "refusal": None})]
    pieces = answer.chunks or tuple(re.findall(r"\s*\S+|\s+", answer.text or ""))
    out.extend(chunk({"content": piece}) for piece in pieces)
    if answer.refusal:
        out.append(chunk({"refusal": answer.refusal}))
    for index, call in enumerate(answer.tool_calls):
        head = {"name": call.name, "arguments": ""}
        call_id = call.id or f"call_{number}_{index}"
        out.append(
            chunk({"tool_calls": [{"index": index, "id": call_id, "type": "function", "function": head}]})
        )
        text = call.text()
        for start in range(0, len(text), 7):
            part = {"index": index, "function": {"arguments": text[start : start + 7]}}
            out.append(chunk({"tool_calls": [part]}))
    out.append(chunk({}, answer.finish_reason))
    if with_usage:
        last = chunk(None)
        last["usage"] = usage_of(body, answer)
        out.append(last)
    return out


def vector(text: str, dimensions: int) -> list[float]:
    """A vector of length 1 that depends on the text alone."""
    raw: list[float] = []
    counter = 0
    while len(raw) < dimensions:
        digest = hashlib.sha256(f"{counter}:{text}".encode()).digest()
        raw.extend(value / 32768.0 - 1.0 for (value,) in struct.iter_unpack("<H", digest))
        counter += 1
    raw = raw[:dimensions]
    size = sum(value * value for value in raw) ** 0.5
    return [value / size for value in raw]


def embedding(index: int, values: list[float], *, as_base64: bool) -> dict[str, Any]:
    """One entry of an embeddings answer; base64 is little-endian float32, as the SDK decodes it."""
    data: Any = values
    if as_base64:
        data = base64.b64encode(struct.pack(f"<{len(values)}f", *values)).decode()
    return {"object": "embedding", "index": index, "embedding": data}
