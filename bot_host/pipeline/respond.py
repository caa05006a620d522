"""Asking the model, running what it asks for, until it has said its piece (step 7)."""

import logging
import re
from dataclasses import dataclass, field
from typing import Final

from bot_host.contracts.connector import TextStream
from bot_host.contracts.plugin import ActionResult, HandlerCallback, State
from bot_host.kit.clean import clean_text
from bot_host.runtime import actions as running
from bot_host.runtime.agent import AgentRuntime
from bot_host.runtime.process import ActionTurn
from bot_host.runtime.runs import Run
from bot_host.types.content import Content, Media
from bot_host.types.errors import ModelError
from bot_host.types.memory import Memory
from bot_host.types.models import ChatMessage, ModelType, TextRequest, TextResult

log = logging.getLogger(__name__)

REPLY_CHARACTERS: Final = 60_000
"""A model that runs away is cut here; the longest sensible answers have a tenth of it."""
SILENCE: Final = "IGNORE"
"""The action by which the model says nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How long one turn may think."""

    steps: int
    """Model and tool rounds."""
    retries: int = 0
    """Further tries of a round whose answer is empty or fails, as long as nothing of it was shown."""


@dataclass(slots=True)
class Reply:
    """What the model said and did."""

    text: str = ""
    actions: list[str] = field(default_factory=list)
    results: list[tuple[str, ActionResult]] = field(default_factory=list)
    said: bool = False
    """Actions have said something to the room already."""

    @property
    def attachments(self) -> list[Media]:
        """What actions made for the answer: `data["attachments"]` of their results."""
        made = [media for _, result in self.results for media in result.data.get("attachments", ())]
        return [media for media in made if isinstance(media, Media)]

    @property
    def silent(self) -> bool:
        """The model chose to say nothing."""
        return not self.text and any(name == SILENCE and r.success for name, r in self.results)


class _Spoken:
    """The text of all rounds, and its copy on the stream."""

    def __init__(self, stream: TextStream | None) -> None:
        self._stream = stream
        self._rounds: list[str] = []
        self._shown = False

    @property
    def shown(self) -> bool:
        """Something of this round was shown, and cannot be taken back."""
        return self._shown

    async def chunk(self, text: str) -> None:
        assert self._stream is not None
        text = clean_text(text)
        if not self._shown and self._rounds:
            await self._stream.write("\n\n")
        self._shown = True
        await self._stream.write(text)

    def end_round(self, text: str) -> None:
        if text:
            self._rounds.append(text)
        self._shown = False

    @property
    def text(self) -> str:
        return "\n\n".join(self._rounds)


async def respond(
    agent: AgentRuntime,
    run: Run,
    *,
    message: Memory,
    state: State,
    prompt: tuple[ChatMessage, ...],
    stream: TextStream | None,
    limits: Limits,
    callback: HandlerCallback | None = None,
) -> Reply:
    """Model and tool rounds, at most `limits.steps`. Raises ModelError.

    Tool calls run one after the other, in the order of the model, and go back to it as results. In the last
    round no tools are offered, so that the model has to speak. `callback` says something to the room while
    an action works.
    """
    offered = await running.available(agent, agent.actions, message, state)
    reply = Reply()
    acting = agent.action_turn(message, state, callback=_noting(reply, callback))
    reply.results = acting.results
    spoken = _Spoken(stream)
    messages = list(prompt)
    for step in range(1, limits.steps + 1):
        tools = running.as_tools(offered) if step < limits.steps else ()
        request = TextRequest(
            messages=tuple(messages), tools=tools, on_chunk=spoken.chunk if stream else None
        )
        result = await _ask(agent, run, request, spoken, limits.retries)
        text = _tidy(result.text, agent.character.name)
        spoken.end_round(text)
        if not result.tool_calls:
            break
        messages.append(ChatMessage(role="assistant", content=text, tool_calls=result.tool_calls))
        messages.extend(await _run_tools(agent, run, result, reply, acting))
        if any(name == SILENCE and r.success for name, r in reply.results) and not spoken.text:
            return reply
    reply.text = spoken.text
    if len(reply.text) > REPLY_CHARACTERS:
        log.warning("the model wrote %d characters; cut at %d", len(reply.text), REPLY_CHARACTERS)
        reply.text = reply.text[: REPLY_CHARACTERS - 1] + "…"
    if not reply.text and not reply.said and not reply.attachments:
        raise ModelError("the model gave an empty answer")
    return reply


def _noting(reply: Reply, callback: HandlerCallback | None) -> HandlerCallback | None:
    if callback is None:
        return None
    say = callback

    async def noted(content: Content) -> list[Memory]:
        made = await say(content)
        reply.said = reply.said or bool(made)
        return made

    return noted


async def _ask(
    agent: AgentRuntime, run: Run, request: TextRequest, spoken: _Spoken, retries: int
) -> TextResult:
    for left in range(retries, -1, -1):
        with run.step("model") as notes:
            try:
                result = await agent.use_model(ModelType.TEXT_LARGE, request)
            except ModelError as error:
                if not left or spoken.shown:
                    raise
                notes["error"] = str(error)
                continue
            notes["tool_calls"] = [call.name for call in result.tool_calls]
        if result.tool_calls or result.text.strip() or not left:
            return result
    raise AssertionError("the last try returns or raises")


async def _run_tools(
    agent: AgentRuntime, run: Run, result: TextResult, reply: Reply, acting: ActionTurn
) -> list[ChatMessage]:
    answers = []
    for call in result.tool_calls:
        with run.step(f"action {call.name}") as notes:
            done = await acting.run(call)
            notes["success"] = done.success
            if done.error:
                notes["error"] = done.error
        reply.actions.append(running.canonical(agent.actions, call.name))
        said = done.text if done.success else f"error: {done.error or done.text}"
        answers.append(ChatMessage(role="tool", content=said or "done", tool_call_id=call.id))
    return answers


def _tidy(text: str, name: str) -> str:
    """Model output made storable, without the speaker's name that models like to copy from the history."""
    text = clean_text(text).strip()
    return re.sub(rf"\A{re.escape(name)}:\s+", "", text)
