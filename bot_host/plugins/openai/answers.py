"""Reading what a server answered, whole or in pieces. Trusts nothing about its shape."""

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from openai import AsyncStream
from openai._streaming import ServerSentEvent

from bot_host.plugin import ModelError, OnChunk, TextRequest, TextResult, ToolCall, clean_text
from bot_host.plugins.openai.convert import to_call, to_usage

log = logging.getLogger(__name__)

_TAIL_S = 5.0


class OutOfThoughts(Exception):
    """The token limit was used up before anything was written."""


class ReceiverFailed(Exception):
    """Whoever takes the chunks raised `error`: no fault of the server."""

    def __init__(self, error: Exception) -> None:
        super().__init__(str(error))
        self.error = error


async def deliver(on_chunk: OnChunk, piece: str) -> None:
    """Hand over a piece of text. Raises ReceiverFailed when that fails."""
    try:
        await on_chunk(piece)
    except Exception as error:
        raise ReceiverFailed(error) from error


@dataclass(slots=True)
class _Call:
    id: str = ""
    name: str = ""
    arguments: str = ""


@dataclass(slots=True)
class _Answer:
    """What has come in so far."""

    text: list[str] = field(default_factory=list)
    refusal: list[str] = field(default_factory=list)
    calls: list[_Call] = field(default_factory=list)
    by_index: dict[object, int] = field(default_factory=dict)
    finish: str = ""
    usage: Any = None
    model: str = ""


def read_whole(data: object, request: TextRequest, *, model: str, place: str) -> TextResult:
    """The result of a call without streaming: its JSON, or a text that is none.

    Raises ModelError for anything that is not an answer.
    """
    if not isinstance(data, dict):
        raise ModelError(
            f"{place} sent something else than an answer (a web page, it seems); base_url in [models.openai] "
            "must lead to a model server, mostly with /v1 at its end"
        )
    answer = _Answer(usage=data.get("usage"), model=_text(data.get("model")))
    choices = data.get("choices")
    if not choices:
        error = data.get("error")
        about = f": {error.get('message')}" if isinstance(error, dict) else ""
        raise ModelError(f"{place} sent an answer without choices{about}", retryable=True)
    message = choices[0].get("message")
    if message is None:
        raise ModelError(f"{place} sent an answer without a message", retryable=True)
    answer.finish = choices[0].get("finish_reason") or "stop"
    answer.text.append(_text(message.get("content")))
    answer.refusal.append(_text(message.get("refusal")))
    calls: list[ToolCall] = []
    for index, call in enumerate(message.get("tool_calls") or ()):
        function = call.get("function")
        if function is not None:
            calls.append(to_call(index, call.get("id"), function.get("name"), function.get("arguments")))
    return _finish(answer, tuple(calls), request, model=model, place=place)


async def read_stream(
    stream: AsyncStream[object],
    request: TextRequest,
    on_chunk: OnChunk,
    *,
    model: str,
    place: str,
) -> TextResult:
    """The result of a streamed call; `on_chunk` gets the text as it comes. Chunks are JSON as it came.

    Raises ModelError when the stream ends before the server said why it stopped (`finish_reason`): the
    library takes such an end for a good one.
    """
    answer = _Answer()
    ended = _watch_end(stream)
    while True:
        try:
            # Only the usage is still to come after the finish: not worth a long wait, nor an error.
            async with asyncio.timeout(_TAIL_S if answer.finish else None):
                chunk = await anext(stream)
        except StopAsyncIteration:
            break
        except Exception as error:
            if not answer.finish:
                raise
            log.info("%s broke off after the end of the answer: %s", place, type(error).__name__)
            break
        piece = _take(answer, chunk)
        if piece:
            await deliver(on_chunk, piece)
    if not answer.finish and ended and (answer.text or answer.calls):
        # Some servers say [DONE] and no `finish_reason`.
        answer.finish = "stop"
    if not answer.finish:
        begun = "in the middle of the answer" if answer.text or answer.calls else "before the answer began"
        raise ModelError(f"{place} ended the stream {begun}", retryable=True)
    calls = tuple(to_call(i, call.id, call.name, call.arguments) for i, call in enumerate(answer.calls))
    return _finish(answer, calls, request, model=model, place=place)


def _watch_end(stream: AsyncStream[object]) -> list[bool]:
    """Filled when the server says [DONE], which the library takes in silence, as it does a broken stream."""
    events, ended = stream._iter_events, list[bool]()

    async def watched() -> AsyncIterator[ServerSentEvent]:
        async for event in events():
            if event.data.startswith("[DONE]"):
                ended.append(True)
            yield event

    stream._iter_events = watched  # type: ignore[method-assign]
    return ended


def _take(answer: _Answer, chunk: Any) -> str:
    answer.usage = chunk.get("usage") or answer.usage
    answer.model = answer.model or chunk.get("model") or ""
    choices = chunk.get("choices")
    if not choices:
        return ""
    choice = choices[0]
    answer.finish = choice.get("finish_reason") or answer.finish
    delta = choice.get("delta")
    if delta is None:
        return ""
    for part in delta.get("tool_calls") or ():
        _take_call(answer, part)
    answer.refusal.append(_text(delta.get("refusal")))
    piece = clean_text(_text(delta.get("content")))
    if piece:
        answer.text.append(piece)
    return piece


def _take_call(answer: _Answer, part: Any) -> None:
    """Add a fragment to its call. Some servers number all their calls 0, or none of them."""
    index, call_id = part.get("index"), part.get("id")
    place = answer.by_index.get(index)
    if place is None or (call_id and answer.calls[place].id and call_id != answer.calls[place].id):
        answer.calls.append(_Call())
        place = answer.by_index[index] = len(answer.calls) - 1
    call = answer.calls[place]
    call.id = call.id or call_id or ""
    function = part.get("function")
    if function is not None:
        call.name = call.name or function.get("name") or ""
        call.arguments += _text(function.get("arguments"))


def _finish(
    answer: _Answer, calls: tuple[ToolCall, ...], request: TextRequest, *, model: str, place: str
) -> TextResult:
    text = clean_text("".join(answer.text)) or clean_text("".join(answer.refusal))
    if answer.finish == "error":
        raise ModelError(f"{place} broke off the answer of {model}", retryable=True)
    if not text.strip() and not calls:
        if answer.finish == "length":
            raise OutOfThoughts
        if answer.finish == "content_filter":
            raise ModelError(f"{place} held the answer back (content filter)")
        raise ModelError(f"{model} at {place} answered with nothing", retryable=True)
    usage = to_usage(answer.usage, request, text)
    return TextResult(text=text, tool_calls=calls, usage=usage, model=answer.model or model)


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list):  # Mistral and some proxies give content as parts.
        return "".join(part.get("text", "") for part in value if isinstance(part, dict))
    return ""
