"""Running actions: found by name, allowed for this sender, checked, confirmed, their failures kept apart."""

import json
import logging
from collections.abc import Mapping, Sequence
from typing import Any

from bot_host.contracts.plugin import Action, ActionCall, ActionResult, Agent, HandlerCallback, State
from bot_host.kit.json_schema import faults
from bot_host.kit.names import did_you_mean
from bot_host.runtime import confirm, roles
from bot_host.runtime.confirm import CONFIRM
from bot_host.types.content import Content
from bot_host.types.memory import Memory
from bot_host.types.models import ToolCall, ToolSpec
from bot_host.types.permissions import NOBODY, Needed, includes
from bot_host.types.places import Role

log = logging.getLogger(__name__)


async def available(
    agent: Agent,
    actions: Sequence[Action],
    message: Memory,
    state: State,
    *,
    answering: Sequence[Memory] = (),
) -> list[Action]:
    """The actions that this sender may have run now; CONFIRM too, where they have just said yes to one.

    `answering`: all messages that the turn answers; the least of their senders' roles counts, so that nobody
    has something done by speaking just before an admin.
    """
    possible = [action for action in actions if await _allowed(agent, action, message, state)]
    # After that: the role is asked of the store only where an action that needs one is possible at all.
    role = await _role(agent, possible, message, answering)
    found = [action for action in possible if includes(role, needed(agent, action))]
    if any(action.confirm for action in actions) and await confirm.waiting(agent, message) is not None:
        found.append(CONFIRM)
    return found


def needed(agent: Agent, action: Action) -> Needed:
    """The role that an action needs: by the config, else by its author."""
    return agent.permissions.for_action(action.name, action.required_role)


def as_tools(actions: Sequence[Action]) -> tuple[ToolSpec, ...]:
    """Actions as they are offered to a model."""
    return tuple(
        ToolSpec(name=action.name, description=action.description, parameters=dict(action.parameters))
        for action in actions
        if action.as_tool
    )


def find_action(actions: Sequence[Action], asked: str) -> Action | None:
    """By name, by simile, then the same regardless of case, spaces, hyphens and underscores.

    Never by a part of the name, nor by likeness: elizaOS runs UNMUTE_ROOM for MUTE_ROOM (2.7-04).
    """
    known = (*actions, CONFIRM)
    folded = _folded(asked)
    return (
        next((a for a in known if a.name == asked), None)
        or next((a for a in known if asked in a.similes), None)
        or next((a for a in known if _folded(a.name) == folded), None)
        or next((a for a in known if any(_folded(simile) == folded for simile in a.similes)), None)
    )


def canonical(actions: Sequence[Action], asked: str) -> str:
    """The registered name that `asked` stands for, or `asked` itself."""
    action = find_action(actions, asked)
    return action.name if action is not None else asked


def may_repeat(agent: Agent, actions: Sequence[Action], name: str, messages: Sequence[Memory]) -> bool:
    """Whether a call that was cut off may be run again: it is idempotent, or can only have asked for a yes.

    `messages`: what the turn answers.
    """
    action = find_action(actions, name)
    if action is None:
        return False
    if action.confirm:
        return not any(confirm.is_yes(each.content.text, agent.character.name) for each in messages)
    return action.idempotent


async def run_call(
    agent: Agent,
    actions: Sequence[Action],
    call: ToolCall,
    *,
    message: Memory,
    state: State,
    previous: Sequence[tuple[str, ActionResult]],
    callback: HandlerCallback | None = None,
    options: Mapping[str, Any] | None = None,
    responses: Sequence[Memory] = (),
    answering: Sequence[Memory] = (),
) -> ActionResult:
    """Run what the model asked for. Never raises for the action's own faults: they are a failed result.

    The role of the sender, `validate`, the arguments' schema and `confirm` are asked here, whoever calls:
    what was offered to the model is no boundary (elizaOS asks none of them when it runs: 2.7-05). For
    `answering` see `available`.
    """
    action = find_action(actions, call.name)
    if action is None:
        hint = did_you_mean(call.name, [a.name for a in actions])
        return ActionResult(success=False, error=f"there is no action called {call.name}{hint}")
    try:
        arguments = _arguments(call.arguments)
    except ValueError as error:
        return ActionResult(
            success=False, error=f"the arguments of {action.name} are not a JSON object: {error}"
        )
    yes = None
    if action is CONFIRM or action.confirm:
        yes = await confirm.waiting(agent, message)
    if action is CONFIRM:
        waits = find_action(actions, yes.action) if yes is not None else None
        if yes is None or waits is None or waits is CONFIRM:
            return ActionResult(success=False, error="there is nothing that this message says yes to")
        action, arguments = waits, yes.arguments
    wrong = await _why_not(agent, action, arguments, message, state, answering)
    if wrong:
        return ActionResult(success=False, error=wrong)
    if action.confirm:
        if yes is None or (yes.action, dict(yes.arguments)) != (action.name, dict(arguments)):
            return await _ask(agent, action, arguments, message, callback)
        await confirm.forget(agent, message)  # First: however the action ends, one yes runs it once.
    return await _run(
        agent,
        action,
        ActionCall(
            message=message,
            state=state,
            arguments=arguments,
            previous_results=tuple(previous),
            callback=callback,
            options=options or {},
            responses=responses,
            answering=answering,
        ),
    )


async def _why_not(
    agent: Agent,
    action: Action,
    arguments: Mapping[str, Any],
    message: Memory,
    state: State,
    answering: Sequence[Memory],
) -> str:
    role = await _role(agent, (action,), message, answering)
    if (wanted := needed(agent, action)) == NOBODY:
        return f"{action.name} is switched off"
    if not includes(role, wanted):
        return f"{action.name} needs the role {wanted}, which the sender does not have here"
    wrong = faults(dict(arguments), action.parameters, "the arguments")
    if wrong:
        return f"the arguments of {action.name} do not fit: {'; '.join(wrong)}"
    if not await _allowed(agent, action, message, state):
        return f"{action.name} is not possible here and now"
    return ""


async def _ask(
    agent: Agent,
    action: Action,
    arguments: Mapping[str, Any],
    message: Memory,
    callback: HandlerCallback | None,
) -> ActionResult:
    first = await confirm.in_the_way(agent, action, arguments, message)
    if first is not None:
        if first.message_id == message.id:
            then = f"tell the person, and ask again when {first.action} is settled"
        else:
            then = f"the last message says yes to {first.action}: run {CONFIRM.name} first"
        text = f"{action.name} was not done and not asked for, as {first.action} waits for a yes: {then}"
        return ActionResult(success=False, text=text, error=text, data={"waits_for": first.action})
    question = await confirm.ask(agent, action, arguments, message)
    if callback is None:
        text = f"Not done yet: it needs a yes from the person who asked. Put this to them: {question}"
    else:
        # Put by us and not by the model, so that what they say yes to is what will be done.
        await callback(Content(text=question, choices=confirm.YES_OR_NO))
        text = "Not done yet: the person was asked to confirm it. Say nothing more about it."
    return ActionResult(
        success=False,
        text=text,
        error=text,
        data={"needs_confirmation": True, "question": question, "action": action.name},
    )


async def _run(agent: Agent, action: Action, call: ActionCall) -> ActionResult:
    try:
        result: Any = await action.handler(agent, call)
    except Exception as error:
        log.exception("action %s failed", action.name)
        return ActionResult(success=False, error=f"{action.name} failed: {type(error).__name__}")
    if not isinstance(result, ActionResult):
        log.error("action %s gave %r instead of an ActionResult", action.name, type(result).__name__)
        return ActionResult(success=False, error=f"{action.name} gave no result")
    done: ActionResult = result
    return done


async def _role(
    agent: Agent, actions: Sequence[Action], message: Memory, answering: Sequence[Memory]
) -> Role:
    """The least role of those who speak. Asked of the store only where it matters."""
    if all(needed(agent, action) in (None, Role.NONE, NOBODY) for action in actions):
        return Role.NONE
    speakers = {each.entity_id: each for each in (*answering, message)}
    return roles.least([await roles.role_of_sender(agent, each) for each in speakers.values()])


async def _allowed(agent: Agent, action: Action, message: Memory, state: State) -> bool:
    if action.validate is None:
        return True
    try:
        return await action.validate(agent, message, state)
    except Exception:
        log.exception("validate of action %s failed; the action is not offered", action.name)
        return False


def _folded(name: str) -> str:
    return name.translate(_FOLD).casefold()


_FOLD = str.maketrans("", "", "_- ")


def _arguments(text: str) -> Mapping[str, Any]:
    if not text.strip():
        return {}
    value = json.loads(text)
    if not isinstance(value, dict):
        raise ValueError(f"found {type(value).__name__}")
    return value
