"""Commands and choices: what a message asks for by name, done without a model (instead of steps 5 to 7)."""

import json
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, NoReturn

from bot_host.contracts.commands import Command, CommandCall
from bot_host.contracts.plugin import ActionResult, HandlerCallback
from bot_host.contracts.turn import TurnInput
from bot_host.kit.clean import clean_text, one_line
from bot_host.pipeline.gate import Decision
from bot_host.pipeline.limits import LimitCheck
from bot_host.pipeline.respond import Reply
from bot_host.pipeline.results import ATTACHMENTS
from bot_host.pipeline.steps import Answered, Gone, Round, Steps
from bot_host.runtime import choices as choosing
from bot_host.runtime import roles
from bot_host.runtime.agent import AgentRuntime
from bot_host.runtime.choices import GONE
from bot_host.runtime.commands import (
    PRIVATE_ROOMS,
    Unfit,
    asked_for,
    find_command,
    needed_roles,
    read_arguments,
    written,
)
from bot_host.runtime.runs import Run
from bot_host.runtime.voice import Voice, use_voice
from bot_host.types.choices import Choices, OpenChoice
from bot_host.types.commands import ChoiceUse, CommandUse
from bot_host.types.content import Content
from bot_host.types.errors import ActionError
from bot_host.types.ids import UUID
from bot_host.types.memory import Memory, MemoryType
from bot_host.types.models import ToolCall
from bot_host.types.permissions import NOBODY, includes

log = logging.getLogger(__name__)

REASON: Final = "command"
CHOSEN: Final = "choice"
UNKNOWN: Final = "unknown command"
UNFIT: Final = "command written wrongly"
NOT_HERE: Final = "command not possible here"
NOT_ALLOWED: Final = "command not allowed"
WORDLESS: Final = "command without an answer"

Use = CommandUse | ChoiceUse


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the turn's one message asks for, checked."""

    given: TurnInput
    """The turn's input; what somebody said by a command or a choice stands in it as their message."""
    decision: Decision
    command: Command | None = None
    """To be carried out; None: an ordinary turn, or nothing."""
    arguments: Mapping[str, Any] = field(default_factory=dict)
    locale: str = ""
    choice: OpenChoice | None = None
    """What is used up by it."""
    label: str = ""
    """What was chosen, in words."""


async def find_use(agent: AgentRuntime, message: Memory) -> Use | None:
    """What a message asks for besides an answer. Such a message has a turn of its own."""
    use = asked_for(agent, message) or await choosing.answered(agent, message)
    return use or await _in_own_thread(agent, message)


async def _in_own_thread(agent: AgentRuntime, message: Memory) -> CommandUse | None:
    """What is written as a command where everything is said to the agent: Slack has no others in threads."""
    mention = message.content.mention_context
    if mention is None or not mention.is_thread:
        return None
    command = written(agent, message)
    if command is None or not await agent.store.has_spoken(agent.agent_id, message.room_id):
        return None
    return command


async def check(agent: AgentRuntime, given: TurnInput) -> Asked:
    """Whether what is asked for is known, possible here, allowed, and within the limits."""
    assert given.use is not None
    message = given.messages[-1]
    if isinstance(given.use, ChoiceUse):
        asked = await _check_choice(agent, given, given.use, message)
    else:
        asked = await _check_command(agent, given, given.use, message, reason=REASON)
    if not asked.decision.respond:
        return asked
    rates_only = asked.command is not None and asked.command.free
    refusal = await LimitCheck(agent).refuse(message, rates_only=rates_only)
    if refusal is not None:
        return _refused(given, refusal.reason, refusal.line)
    if asked.choice is not None and not await agent.store.use_choice(asked.choice.key, message.id):
        return _refused(given, GONE, "That has been answered already.")
    return asked


def _refused(given: TurnInput, reason: str, line: str) -> Asked:
    return Asked(given=given, decision=Decision(respond=False, reason=reason, line=line))


async def _check_command(
    agent: AgentRuntime,
    given: TurnInput,
    use: CommandUse,
    message: Memory,
    *,
    reason: str,
    chosen: bool = False,
) -> Asked:
    command = find_command(agent.commands, use.name)
    if command is None:
        # The platform's list is older than we are.
        return _refused(given, UNKNOWN, f"I know no command /{one_line(use.name, 32)} (any more).")
    shared = given.room.type not in PRIVATE_ROOMS
    if command.where == ("private" if shared else "shared"):
        place = "in a direct message" if shared else "in a room of several people"
        return _refused(given, NOT_HERE, f"/{command.name} works {place} only.")
    if command.secret and shared and message.type is not MemoryType.CUSTOM:
        return _refused(given, NOT_HERE, f"Others would read that: write me /{command.name} directly.")
    role = await roles.role_of_sender(agent, message)
    for needed in needed_roles(agent, command, shared=shared):
        if needed == NOBODY:
            return _refused(given, NOT_ALLOWED, f"/{command.name} is switched off.")
        if not includes(role, needed):
            return _refused(given, NOT_ALLOWED, f"/{command.name} needs the role {needed} here.")
    try:
        arguments = read_arguments(command, use, chosen=chosen)
    except Unfit as error:
        return _refused(given, UNFIT, str(error))
    decision = Decision(respond=True, reason=reason)
    if command.says:
        given = _saying(given, message, str(arguments.get(command.says, "")))
        return Asked(given=given, decision=decision)
    return Asked(given=given, decision=decision, command=command, arguments=arguments, locale=use.locale)


async def _check_choice(agent: AgentRuntime, given: TurnInput, use: ChoiceUse, message: Memory) -> Asked:
    choice = await agent.store.find_choice(use.key)
    refusal = choosing.why_not(
        choice,
        agent_id=agent.agent_id,
        entity_id=message.entity_id,
        room_id=message.room_id,
        by=message.id,
        at=message.created_at,
    )
    if choice is None or refusal is not None:
        return _refused(given, *(refusal or choosing.NO_LONGER))
    values, label = _chosen(choice.choices, use)
    if not values and not use.fields:
        return _refused(given, GONE, "I do not offer that.")
    command = _command_of(choice.choices, use, values)
    if command is None:
        asked = Asked(
            given=_saying(given, message, _as_said(choice.choices, use, values)),
            decision=Decision(respond=True, reason=CHOSEN),
        )
    else:
        asked = await _check_command(agent, given, command, message, reason=CHOSEN, chosen=True)
    return replace(asked, choice=choice, label=label) if asked.decision.respond else asked


def _chosen(choices: Choices, use: ChoiceUse) -> tuple[list[str], str]:
    """The values, and what people saw of them."""
    picks = [choices.picks[number] for number in use.picks if 0 <= number < len(choices.picks)]
    if not choices.many:
        picks = picks[:1]
    return [pick.meaning for pick in picks], ", ".join(pick.label for pick in picks) or choices.title


def _command_of(choices: Choices, use: ChoiceUse, values: list[str]) -> CommandUse | None:
    if not choices.command:
        return None
    arguments = dict(choices.arguments)
    known = {each.name for each in choices.fields}
    arguments |= {name: clean_text(text) for name, text in use.fields.items() if name in known}
    if choices.argument and values:
        arguments[choices.argument] = ", ".join(values)
    return CommandUse(name=choices.command, arguments=arguments)


def _as_said(choices: Choices, use: ChoiceUse, values: list[str]) -> str:
    if choices.picks:
        return ", ".join(values)
    filled = ((each.label, use.fields.get(each.name, "")) for each in choices.fields)
    return "\n".join(f"{label}: {clean_text(text)}" for label, text in filled if text)


def _saying(given: TurnInput, message: Memory, text: str) -> TurnInput:
    """The turn as if its message were this text, addressed to the agent."""
    content = message.content.model_copy(update={"text": text})
    said = message.model_copy(update={"content": content})
    history = given.history
    if history is not None:
        history = tuple(said if each.id == said.id else each for each in history)
    return replace(given, messages=(said,), history=history)


async def carry_out(
    agent: AgentRuntime,
    run: Run,
    asked: Asked,
    *,
    answered: Answered,
    steps: Steps,
    say: HandlerCallback,
    farewell: Callable[[Content, Sequence[UUID]], Awaitable[None]],
) -> Reply:
    """Run a command. What its handler raises goes through; Gone when it has erased the sender.

    One that is not `idempotent` has a row before it begins, as actions have: a turn that is cut off does not
    do it twice.
    """
    command = asked.command
    assert command is not None
    private = command.private or answered.memory.type is MemoryType.CUSTOM

    async def forget(content: Content, *, also: Sequence[UUID] = ()) -> NoReturn:
        await farewell(content, also)
        raise Gone

    async def do() -> ActionResult:
        assert command.handler is not None
        call = CommandCall(
            message=answered.memory,
            room=asked.given.room,
            arguments=asked.arguments,
            role=await roles.role_of_sender(agent, answered.memory),
            say=say,
            forget_sender=forget,
            locale=asked.locale,
            chosen=asked.choice is not None,
        )
        said: Any = await command.handler(agent, call)
        if said is not None and not isinstance(said, str | Content):
            log.error("command %s gave %s instead of a text", command.name, type(said).__name__)
            said = None
        content = Content(text=said) if isinstance(said, str) else said or Content()
        return _as_result(content)

    with run.step(f"command {command.name}") as notes:
        if command.idempotent:
            # An interrupted one begins again: what it says to others is said once.
            with use_voice(Voice(agent.agent_id, f"command:{answered.memory.id}")):
                result = await do()
        else:
            result, before = await _once(command, asked, answered, steps, do)
            if before:
                notes["from_before"] = True
                if not result.success and not result.text:
                    raise ActionError(f"the command {command.name} failed: {result.error}")
    reply = Reply(text=clean_text(result.text), actions=[f"/{command.name}"], private=private)
    reply.results = [(command.name, result)]
    return reply


def _as_result(content: Content) -> ActionResult:
    data: dict[str, Any] = {}
    if content.attachments:
        data[ATTACHMENTS] = list(content.attachments)
    if content.choices is not None:
        data["choices"] = content.choices.model_dump(mode="json", exclude_defaults=True)
    return ActionResult(text=content.text, data=data)


async def _once(
    command: Command,
    asked: Asked,
    answered: Answered,
    steps: Steps,
    do: Callable[[], Awaitable[ActionResult]],
) -> tuple[ActionResult, bool]:
    steps.answer([answered])
    if steps.find_round(1) is None:
        arguments = json.dumps(dict(asked.arguments), ensure_ascii=False, sort_keys=True)
        call = ToolCall(id="command", name=f"/{command.name}", arguments=arguments)
        await steps.begin(1, Round(text="", calls=(call,)))
    return await steps.carry_out(1, 0, do)
