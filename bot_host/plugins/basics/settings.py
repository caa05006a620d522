"""UPDATE_SETTINGS and the provider SETTINGS: for the bot's owners, in private, and never a secret.

Not for the owners of a world: a setting holds for the agent everywhere, and whoever invites a bot to their
server owns that world. A change lasts until the agent stops; what should stay belongs into the config.
"""

import re
from typing import Any, Final

from bot_host.plugin import (
    Action,
    ActionCall,
    ActionResult,
    Agent,
    Memory,
    Provider,
    ProviderResult,
    Role,
    State,
    looks_secret,
    one_line,
)
from bot_host.plugins.basics.here import PRIVATE

_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_.]{0,63}")
KNOWN: Final = ("MAX_WORKING_MEMORY_ENTRIES", "REFLECTION_INTERVAL")
"""Shown beside those of the character, when they are set."""


def is_secret(agent: Agent, key: str) -> bool:
    """Whether a setting's value may never be shown, nor be told in a chat."""
    nested = agent.character.settings.get("secrets")
    known = {*agent.character.secrets, *(nested if isinstance(nested, dict) else ())}
    return key in known or looks_secret(key)


async def _possible(agent: Agent, message: Memory, state: State) -> bool:
    return message.entity_id in agent.owners and message.content.channel_type in PRIVATE


async def _update(agent: Agent, call: ActionCall) -> ActionResult:
    key, value = str(call.arguments["key"]), call.arguments["value"]
    if _NAME.fullmatch(key) is None:
        return ActionResult(success=False, error="that is no name of a setting")
    if is_secret(agent, key):
        # What is told in a chat stands in the platform's history for ever.
        return ActionResult(
            success=False, error=f"{key} looks like a secret: put it into the config, never into a chat"
        )
    before = agent.get_setting(key)
    agent.set_setting(key, value)
    text = f"{key} is {_shown(value)} now (was {_shown(before)}), until the bot stops."
    return ActionResult(text=text, values={"setting": key})


async def _settings(agent: Agent, message: Memory, state: State) -> ProviderResult:
    if not await _possible(agent, message, state):
        return ProviderResult()
    named = {*agent.character.settings, *KNOWN} - {"secrets"}
    lines = []
    for key in sorted(named):
        value = agent.get_setting(key)
        if value is not None and not isinstance(value, dict | list):
            lines.append(f"- {one_line(key, 64)}: {'(set)' if is_secret(agent, key) else _shown(value)}")
    return ProviderResult(text="Your settings:\n" + "\n".join(lines) if lines else "")


def _shown(value: Any) -> str:
    return "not set" if value is None else one_line(str(value), 100)


UPDATE_SETTINGS = Action(
    name="UPDATE_SETTINGS",
    description="Change a setting of yours. Only when your owner asks for that. Never a key or password.",
    similes=("UPDATE_SETTING", "SAVE_SETTING", "SET_CONFIGURATION", "CONFIGURE"),
    handler=_update,
    validate=_possible,
    required_role=Role.OWNER,
    confirm=True,
    idempotent=True,
    parameters={
        "type": "object",
        "properties": {
            "key": {"type": "string", "minLength": 1, "maxLength": 64},
            "value": {"type": ["string", "number", "boolean"], "maxLength": 1000},
        },
        "required": ["key", "value"],
        "additionalProperties": False,
    },
)
SETTINGS = Provider(
    name="SETTINGS",
    description="The agent's settings, for its owners in private; secrets are not shown.",
    get=_settings,
    dynamic=True,
    position=56,
)
