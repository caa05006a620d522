"""Our requests as Chat Completions, and their answers as ours. Pure.

https://platform.openai.com/docs/api-reference/chat/create
"""

import json
from collections.abc import Sequence
from functools import partial
from typing import Any

from bot_host.plugin import ChatMessage, TextRequest, ToolCall, ToolSpec, Usage, clean_text
from bot_host.plugins.openai.quirks import LEAST_TOKENS, SAMPLING, SAMPLING_ELSEWHERE, Quirks


def to_body(request: TextRequest, model: str, quirks: Quirks, *, stream: bool) -> dict[str, Any]:
    """The parameters of one call, as far as this model is known to take them."""
    tools = bool(request.tools) and quirks.tools
    body: dict[str, Any] = {"model": model, "messages": to_messages(request.messages, tools=quirks.tools)}
    if tools:
        body["tools"] = [_tool(spec) for spec in request.tools]
        if quirks.effort_none:
            body["reasoning_effort"] = "none"
    if stream:
        body["stream"] = True
        if quirks.stream_options:
            body["stream_options"] = {"include_usage": True}
    if request.max_tokens is not None:
        name = "max_completion_tokens" if quirks.completion_limit else "max_tokens"
        body[name] = max(request.max_tokens, LEAST_TOKENS) if quirks.thinks else request.max_tokens
    if request.temperature is not None and quirks.temperature:
        body["temperature"] = request.temperature
    body.update(_sampling(request, SAMPLING, quirks))
    elsewhere = _sampling(request, SAMPLING_ELSEWHERE, quirks)
    if elsewhere:
        body["extra_body"] = elsewhere
    return body


def _sampling(request: TextRequest, names: Sequence[str], quirks: Quirks) -> dict[str, Any]:
    given = {name: getattr(request, name, None) for name in names if name not in quirks.refused}
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in given.items()
        if value is not None and value != ()
    }


def to_messages(messages: Sequence[ChatMessage], *, tools: bool) -> list[dict[str, Any]]:
    """Messages on the wire. Without `tools`, calls and their results are told in plain words.

    The `name` field is not sent: many servers drop it, OpenAI refuses spaces in it, and the prompt has the
    speakers in its text already.
    """
    return [_message(message) if tools else _plain(message) for message in messages]


def _message(message: ChatMessage) -> dict[str, Any]:
    if message.role == "tool":
        return {
            "role": "tool",
            "tool_call_id": message.tool_call_id or "",
            "content": clean_text(message.content),
        }
    wire: dict[str, Any] = {"role": message.role, "content": clean_text(message.content)}
    if message.tool_calls:
        wire["content"] = wire["content"] or None
        wire["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in message.tool_calls
        ]
    return wire


def _plain(message: ChatMessage) -> dict[str, Any]:
    if message.role == "tool":
        return {"role": "user", "content": f"(result: {clean_text(message.content)})"}
    text = clean_text(message.content)
    calls = "\n".join(f"(I ran {call.name} with {call.arguments})" for call in message.tool_calls)
    return {"role": message.role, "content": "\n".join(part for part in (text, calls) if part)}


def _tool(spec: ToolSpec) -> dict[str, Any]:
    return {
        "type": "function",
        "function": {
            "name": spec.name,
            "description": spec.description,
            "parameters": spec.parameters,
        },
    }


def to_call(index: int, call_id: object, name: object, arguments: object) -> ToolCall:
    """A tool call of the model; servers that forget the id, or give arguments as an object, are helped."""
    if arguments is None or arguments == "":
        arguments = "{}"
    text = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
    return ToolCall(
        id=call_id if isinstance(call_id, str) and call_id else f"call_{index}",
        name=clean_text(str(name or "")),
        arguments=clean_text(text),
    )


def to_usage(usage: Any, request: TextRequest, text: str) -> Usage:
    """What the server counted; where it counts nothing, characters divided by 4.

    The cost is what the server says itself (OpenRouter does, in US dollars), else 0: not known.
    """
    read = usage.get if isinstance(usage, dict) else partial(_attribute, usage)
    prompt, completion, cost = read("prompt_tokens"), read("completion_tokens"), read("cost")
    return Usage(
        prompt_tokens=prompt
        if isinstance(prompt, int)
        else sum(len(m.content) for m in request.messages) // 4,
        completion_tokens=completion if isinstance(completion, int) else -(-len(text) // 4),
        cost=float(cost) if isinstance(cost, int | float) else 0.0,
    )


def _attribute(thing: object, name: str) -> Any:
    return getattr(thing, name, None)
