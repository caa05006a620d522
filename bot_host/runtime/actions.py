"""Running actions: found by exact name, validated again, their failures kept to themselves."""

import json
import logging
from collections.abc import Mapping, Sequence
from typing import Any

from bot_host.contracts.plugin import Action, ActionCall, ActionResult, Agent, State
from bot_host.types.memory import Memory
from bot_host.types.models import ToolCall, ToolSpec

log = logging.getLogger(__name__)


async def available(agent: Agent, actions: Sequence[Action], message: Memory, state: State) -> list[Action]:
    """The actions whose `validate` allows them now."""
    return [action for action in actions if await _allowed(agent, action, message, state)]


def as_tools(actions: Sequence[Action]) -> tuple[ToolSpec, ...]:
    """Actions as they are offered to a model."""
    return tuple(
        ToolSpec(name=action.name, description=action.description, parameters=dict(action.parameters))
        for action in actions
    )


async def run_call(
    agent: Agent,
    actions: Sequence[Action],
    call: ToolCall,
    *,
    message: Memory,
    state: State,
    previous: Sequence[tuple[str, ActionResult]],
) -> ActionResult:
    """Run what the model asked for. Never raises for the action's own faults: they are a failed result.

    `validate` is asked again, so that a name which the model remembers from before cannot run an action
    that is not allowed now (elizaOS does not: 2.7-05).
    """
    action = next((a for a in actions if _same(call.name, a.name, *a.similes)), None)
    if action is None:
        return ActionResult(success=False, error=f"there is no action called {call.name}")
    try:
        arguments = _arguments(call.arguments)
    except ValueError as error:
        return ActionResult(
            success=False, error=f"the arguments of {action.name} are not a JSON object: {error}"
        )
    if not await _allowed(agent, action, message, state):
        return ActionResult(success=False, error=f"{action.name} is not possible here and now")
    try:
        return await action.handler(
            agent,
            ActionCall(message=message, state=state, arguments=arguments, previous_results=tuple(previous)),
        )
    except Exception as error:
        log.exception("action %s failed", action.name)
        return ActionResult(success=False, error=f"{action.name} failed: {type(error).__name__}")


async def _allowed(agent: Agent, action: Action, message: Memory, state: State) -> bool:
    if action.validate is None:
        return True
    try:
        return await action.validate(agent, message, state)
    except Exception:
        log.exception("validate of action %s failed; the action is not offered", action.name)
        return False


def _same(asked: str, *names: str) -> bool:
    folded = asked.replace("_", "").casefold()
    return any(folded == name.replace("_", "").casefold() for name in names)


def _arguments(text: str) -> Mapping[str, Any]:
    if not text.strip():
        return {}
    value = json.loads(text)
    if not isinstance(value, dict):
        raise ValueError(f"found {type(value).__name__}")
    return value


def canonical(actions: Sequence[Action], asked: str) -> str:
    """The registered name that `asked` stands for, or `asked` itself."""
    return next((a.name for a in actions if _same(asked, a.name, *a.similes)), asked)
