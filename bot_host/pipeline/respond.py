"""Asking the model, running what it asks for, until it has said its piece (step 7)."""

import json
import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from pydantic import ValidationError

from bot_host.contracts.connector import RevisableStream, TextStream
from bot_host.contracts.plugin import ActionResult, HandlerCallback, State
from bot_host.kit.clean import clean_text, one_line
from bot_host.pipeline.prompt import Prompt
from bot_host.pipeline.results import SHOWN, as_answer, echo
from bot_host.pipeline.steps import SILENCE, Answered, Round, Steps
from bot_host.runtime import actions as running
from bot_host.runtime.agent import AgentRuntime
from bot_host.runtime.process import ActionTurn
from bot_host.runtime.runs import Run
from bot_host.types.choices import Choices
from bot_host.types.content import Content, Media
from bot_host.types.errors import ModelError
from bot_host.types.memory import Memory
from bot_host.types.models import ChatMessage, ModelType, TextRequest, TextResult, ToolCall

log = logging.getLogger(__name__)

NAME_CHARACTERS: Final = 200
REPLY_CHARACTERS: Final = 60_000
"""A model that runs away is cut here; the longest sensible answers have a tenth of it."""
CALLS: Final = 16
"""Tool calls of one round; a model that runs away is cut here, too."""
ARGUMENT_CHARACTERS: Final = 50_000
"""Longer arguments are not run: no action takes them, and they would fill the model's own context."""


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
    private: bool = False
    """For the one who asked alone: it does not belong to what was said in the room."""

    @property
    def attachments(self) -> list[Media]:
        """What actions made for the answer: `data["attachments"]` of their results."""
        made = [media for _, result in self.results for media in result.data.get("attachments", ())]
        return [media for media in made if isinstance(media, Media)]

    @property
    def choices(self) -> Choices | None:
        """What is offered below the answer: the last `data["choices"]` of the actions' results."""
        for _, result in reversed(self.results):
            offered = result.data.get("choices")
            if isinstance(offered, Choices):
                return offered
            if isinstance(offered, dict):
                try:
                    return Choices.model_validate(offered)
                except ValidationError as error:
                    log.warning("the choices of an action are left out: %s", one_line(str(error), 200))
        return None

    @property
    def silent(self) -> bool:
        """The model chose to say nothing."""
        return not self.text and any(name == SILENCE and r.success for name, r in self.results)


class _Spoken:
    """The text of all rounds, and its copy on the stream."""

    def __init__(self, stream: TextStream | None) -> None:
        self._stream = stream
        self._rounds: list[str] = []
        self._shown = ""
        """Of this round."""
        self._left = REPLY_CHARACTERS

    @property
    def shown(self) -> bool:
        """Something of this round was shown, and cannot be taken back."""
        return bool(self._shown) and not self.revisable

    @property
    def revisable(self) -> bool:
        """Whether what was shown can be put right."""
        return isinstance(self._stream, RevisableStream)

    async def chunk(self, text: str) -> None:
        assert self._stream is not None
        text = clean_text(text)[: self._left]
        if not text:
            return
        self._left -= len(text)
        if not self._shown and self._rounds:
            await self._stream.write("\n\n")
        self._shown += text
        await self._stream.write(text)

    async def restart(self) -> None:
        """The model begins this round again."""
        if self._shown and isinstance(self._stream, RevisableStream):
            self._left += len(self._shown)
            self._shown = ""
            await self._stream.replace(self.text)

    async def repeat(self, text: str) -> None:
        """A round that the model need not be asked for again."""
        if text and self._stream is not None:
            await self.chunk(text)
        await self.end_round(text)

    async def end_round(self, text: str) -> None:
        shown, self._shown = self._shown, ""
        if text:
            self._rounds.append(text)
        if shown != text and isinstance(self._stream, RevisableStream):
            await self._stream.replace(self.text)

    @property
    def text(self) -> str:
        return "\n\n".join(self._rounds)


async def respond(
    agent: AgentRuntime,
    run: Run,
    *,
    answered: Sequence[Answered],
    state: State,
    prompt: Prompt,
    stream: TextStream | None,
    limits: Limits,
    steps: Steps,
    callback: HandlerCallback,
) -> Reply:
    """Model and tool rounds, at most `limits.steps`. Raises ModelError, and what `Steps` raises.

    Tool calls run one after the other, in the order of the model, and go back to it as results. In the last
    round no tools are offered, so that the model has to speak. Rounds that `steps` has from before are not
    asked again. `callback` says something to the room while an action works.
    """
    answering = [each.memory for each in answered]
    message = answering[-1]
    steps.answer(answered)
    offered = await running.available(agent, agent.actions_for(message), message, state, answering=answering)
    reply = Reply()
    acting = agent.action_turn(message, state, callback=_noting(steps, callback), answering=answering)
    reply.results = acting.results
    spoken = _Spoken(stream)
    rounds = steps.told()
    for number in range(1, limits.steps + 1):
        answer = steps.find_round(number)
        if answer is not None:
            await spoken.repeat(answer.text)
        else:
            tools = running.as_tools(offered) if number < limits.steps else ()
            request = TextRequest(
                messages=(),
                tools=tools,
                on_chunk=spoken.chunk if stream else None,
                on_restart=spoken.restart if spoken.revisable else None,
            )
            asking = _Asking(prompt=prompt, rounds=rounds, request=request)
            answer = _read(await _ask(agent, run, asking, spoken, limits.retries), agent.character.name)
            if number == limits.steps:
                answer = replace(answer, calls=())  # Not offered; and nobody would hear what they come to.
            await spoken.end_round(answer.text)
            if not answer.calls:
                break
            await steps.begin(number, answer)
        calls = tuple(map(echo, answer.calls))
        rounds.append(ChatMessage(role="assistant", content=answer.text, tool_calls=calls))
        rounds.extend(await _run_tools(agent, run, number, answer, reply, steps, acting))
        if any(name == SILENCE and r.success for name, r in reply.results) and not spoken.text:
            return reply
    reply.text = spoken.text
    if len(reply.text) > REPLY_CHARACTERS:
        log.warning("the model wrote %d characters; cut at %d", len(reply.text), REPLY_CHARACTERS)
        reply.text = _cut(reply.text)
    if not reply.text and not steps.said and not reply.attachments:
        raise ModelError("the model gave an empty answer")
    return reply


def _noting(steps: Steps, say: HandlerCallback) -> HandlerCallback:
    async def noted(content: Content) -> list[Memory]:
        made = await say(content)
        steps.said += len(made)
        return made

    return noted


@dataclass(slots=True, kw_only=True)
class _Asking:
    """One round's question, before it is known what of it fits."""

    prompt: Prompt
    rounds: Sequence[ChatMessage]
    request: TextRequest
    """Without messages."""
    shrunk: bool = False

    async def fit(self) -> tuple[TextRequest, tuple[str, ...]]:
        fitted = await self.prompt.fit(self.rounds, self.request.tools)
        return replace(self.request, messages=fitted.messages), fitted.left_out

    def shrink(self, error: ModelError) -> bool:
        """Whether the same is worth asking once more, with less before it."""
        if not error.too_long or self.shrunk:
            return False
        self.prompt.shrink()
        self.shrunk = True
        return True


async def _ask(agent: AgentRuntime, run: Run, asking: _Asking, spoken: _Spoken, retries: int) -> TextResult:
    left = retries
    while True:
        with run.step("model") as notes:
            try:
                request, left_out = await asking.fit()
                if left_out:
                    notes["left_out"] = list(left_out)
                result = await agent.use_model(ModelType.TEXT_LARGE, request)
            except ModelError as error:
                if spoken.shown:
                    raise
                if not asking.shrink(error):
                    if not left:
                        raise
                    left -= 1
                notes["error"] = str(error)
                await spoken.restart()
                continue
            notes["tool_calls"] = [call.name for call in result.tool_calls[:CALLS]]
        if result.tool_calls or result.text.strip() or not left:
            return result
        left -= 1
        await spoken.restart()


async def _run_tools(
    agent: AgentRuntime,
    run: Run,
    number: int,
    answer: Round,
    reply: Reply,
    steps: Steps,
    acting: ActionTurn,
) -> list[ChatMessage]:
    answers = []
    for index, call in enumerate(answer.calls):
        with run.step(f"action {one_line(call.name, 60)}") as notes:
            done, before = await steps.run(number, index, acting)
            notes["success"] = done.success
            if before:
                notes["from_before"] = True
            if done.error:
                notes["error"] = done.error
        reply.actions.append(steps.canonical(call.name))
        answers.append(ChatMessage(role="tool", content=as_answer(done), tool_call_id=call.id))
    return answers


def _read(result: TextResult, name: str) -> Round:
    """Model output made storable, without the speaker's name that models like to copy from the history."""
    text = re.sub(rf"\A{re.escape(name)}:\s+", "", clean_text(result.text).strip())
    calls = result.tool_calls
    if len(calls) > CALLS:
        log.warning("the model asked for %d actions at once; the first %d are run", len(calls), CALLS)
    return Round(text=_cut(text), calls=tuple(map(_tidy_call, calls[:CALLS])))


def _tidy_call(call: ToolCall) -> ToolCall:
    # A provider of somebody's own may hand over the object that the text stands for.
    given: Any = call.arguments
    arguments = given.strip() if isinstance(given, str) else json.dumps(given, default=str)
    if len(arguments) > ARGUMENT_CHARACTERS:
        log.warning("the model gave %s arguments of %d characters", one_line(call.name, 60), len(arguments))
        # The ellipsis makes them no JSON, whatever they began with: they are refused like any other such.
        arguments = arguments[:SHOWN] + "…"
    return ToolCall(id=clean_text(call.id), name=clean_text(call.name)[:NAME_CHARACTERS], arguments=arguments)


def _cut(text: str) -> str:
    return text if len(text) <= REPLY_CHARACTERS else text[: REPLY_CHARACTERS - 1] + "…"
