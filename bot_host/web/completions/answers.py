"""Answers in OpenAI's form: whole, and as a stream of chunks."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any, Final

from bot_host.host.result import MessageResult
from bot_host.types.ids import UUID
from bot_host.types.turn import Outcome
from bot_host.web.chat.shown import attached
from bot_host.web.errors import ApiError, openai_error, to_json
from bot_host.web.messages import PING_SECONDS, Chunks

DONE: Final = b"data: [DONE]\n\n"
OVER_LIMIT: Final = "over_limit"
ONCE: Final = {"x-should-retry": "false"}
"""OpenAI's clients say the same again after an error, unless they are told not to: it has been said."""

Turn = asyncio.Task[MessageResult | ApiError]


@dataclass(slots=True, kw_only=True)
class Answer:
    """One answer on its way."""

    message_id: UUID
    room_id: UUID
    model: str
    created: int = field(default_factory=lambda: int(time.time()))

    def _frame(self, kind: str, **more: Any) -> dict[str, Any]:
        return {
            "id": f"chatcmpl-{self.message_id}",
            "object": kind,
            "created": self.created,
            "model": self.model,
            **more,
        }

    def whole(self, result: MessageResult) -> dict[str, Any]:
        """All of it. Raises ApiError for a turn that came to nothing."""
        refuse_failed(result)
        message = {"role": "assistant", "content": result.processing.text, "refusal": None}
        return self._frame(
            "chat.completion",
            choices=[{"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}],
            usage=usage(result),
            bot_host=self._more(result),
        )

    def _more(self, result: MessageResult) -> dict[str, Any]:
        """What OpenAI's form has no place for."""
        done = result.processing
        return {
            "message_id": self.message_id,
            "room_id": self.room_id,
            "run_id": done.run.id,
            "outcome": done.outcome.value,
            "reason": done.reason,
            "attachments": [attached(media) for each in done.responses for media in each.content.attachments],
        }

    def _chunk(self, delta: dict[str, Any], *, end: str | None = None, **more: Any) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": end}
        return _event(self._frame("chat.completion.chunk", choices=[choice], **more))

    async def stream(
        self,
        turn: Turn,
        chunks: Chunks,
        *,
        with_usage: bool,
        told: Callable[[MessageResult, str], None],
    ) -> AsyncIterator[bytes]:
        """The chunks; `told` hears what the client has got when all of it went out."""
        turn.add_done_callback(lambda _: chunks.news.set())
        text = Shown()
        yield self._chunk({"role": "assistant", "content": ""})
        while True:
            over = turn.done()
            for message_id, more in chunks.take():
                yield self._chunk({"content": text.add(message_id, more)})
            if over:
                break
            try:
                async with asyncio.timeout(PING_SECONDS):
                    await chunks.news.wait()
            except TimeoutError:
                yield b": still at it\n\n"
        result = ApiError(503, "the web server was stopped") if turn.cancelled() else turn.result()
        try:
            if isinstance(result, ApiError):
                raise result
            refuse_failed(result)
        except ApiError as error:
            yield _event(openai_error(error.status_code, error.detail, code=error.code))
            return
        rest = text.rest([each.content.text for each in result.processing.responses])
        if rest:
            yield self._chunk({"content": rest})
        told(result, text.shown)
        yield self._chunk({}, end="stop", bot_host=self._more(result))
        if with_usage:
            yield _event(self._frame("chat.completion.chunk", choices=[], usage=usage(result)))
        yield DONE


class Shown:
    """The text that a client has got: nothing of it can be taken back."""

    def __init__(self) -> None:
        self.shown = ""
        self._of: UUID | None = None

    def add(self, message_id: UUID, text: str) -> str:
        """More of a message; what to send. Another message is another paragraph."""
        if self.shown and message_id != self._of:
            text = f"\n\n{text}"
        self._of = message_id
        self.shown += text
        return text

    def rest(self, texts: list[str]) -> str:
        """What is still to be sent, now that it is known what was said."""
        whole = "\n\n".join(each for each in texts if each)
        if whole.startswith(self.shown):
            rest = whole[len(self.shown) :]
        else:
            missing = [each for each in texts if each.strip() and each.strip() not in self.shown]
            rest = "".join(f"\n\n{each}" for each in missing)
        self.shown += rest
        return rest


def refuse_failed(result: MessageResult) -> None:
    """Raises ApiError where there is no answer to a message, and why."""
    done = result.processing
    if done.outcome is Outcome.FAILED:
        raise _refusal(500, done.reason, "turn_failed")
    if done.outcome is Outcome.SUPERSEDED:
        raise _refusal(409, done.reason, "superseded")
    if done.outcome is Outcome.IGNORED and done.reason.startswith(OVER_LIMIT) and not done.text:
        raise _refusal(429, done.reason, "rate_limit_exceeded")


def _refusal(status: int, message: str, code: str) -> ApiError:
    error = ApiError(status, message or code, headers=ONCE)
    error.code = code
    return error


def usage(result: MessageResult) -> dict[str, int]:
    """Tokens of all model calls of the turn."""
    calls = result.processing.run.model_calls
    asked = sum(int(call.get("prompt_tokens", 0)) for call in calls)
    said = sum(int(call.get("completion_tokens", 0)) for call in calls)
    return {"prompt_tokens": asked, "completion_tokens": said, "total_tokens": asked + said}


def _event(data: dict[str, Any]) -> bytes:
    return b"data: " + to_json(data) + b"\n\n"
