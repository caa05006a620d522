"""Actions that need a yes: asked for, remembered, and run only when the same person says it.

The model's word alone is never enough: neither in the turn that asked, nor later, whatever it was talked
into. What counts is the next message of the same person in the same room: when its whole text is a yes, the
remembered action may run, with the remembered arguments. Any other text ends the matter; so do 15 minutes.
One thing is asked for at a time, so that a yes never stands for more, or less, than what was asked.
"""

import json
import re
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from weakref import WeakKeyDictionary

from bot_host.contracts.plugin import Action, ActionCall, ActionResult, Agent
from bot_host.contracts.store import Store
from bot_host.kit.clean import one_line
from bot_host.kit.clock import utc_now
from bot_host.types.choices import Choices, Pick
from bot_host.types.ids import UUID
from bot_host.types.memory import Memory

LASTS: Final = timedelta(minutes=15)
QUIET: Final = 8192
"""(room, person) pairs for whom nothing waits, so that the database is not asked at each message."""
_quiet: WeakKeyDictionary[Store, OrderedDict[tuple[UUID, str], None]] = WeakKeyDictionary()
"""By database: a database has one host, and its runtimes share what they know."""
_WORDS: Final = (
    "yes|y|yeah|yep|yup|sure|ok|okay|confirm|confirmed|i confirm|do it|go ahead|yes please|please do|"
    "ja|jo|ja bitte|klar|oui|sí|si|sim|da|да|так|tak|evet|ano|igen|kyllä|ναι|はい|是|是的|好|네|예|"
    "हाँ|हां|نعم|כן|👍|✅|+1"
)
YES: Final = frozenset(_WORDS.split("|"))
_ADDRESS: Final = re.compile(r"<@[^>]*>|@[\w.]+")
_EDGES: Final = " \t\r\n.,;:!¡。！，、'\"“”*_`~"


async def _handled_elsewhere(agent: Agent, call: ActionCall) -> ActionResult:
    return ActionResult(success=False, error="there is nothing to confirm")


CONFIRM: Final = Action(
    name="CONFIRM",
    description=(
        "Run the action that waits for a yes. Only when the last message is the yes of the person who asked."
    ),
    handler=_handled_elsewhere,
)
"""Offered while something waits and the sender has just said yes."""


YES_OR_NO: Final = Choices(
    picks=[Pick(label="Yes", value="yes", style="primary"), Pick(label="No", value="no")],
    lasts_s=LASTS.total_seconds(),
    listed=False,
)
"""Buttons below the question; a click says just that word."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """An action that waits for a yes."""

    action: str
    arguments: Mapping[str, Any]
    message_id: UUID
    """The message that asked for it."""
    expires_at: datetime


def is_yes(text: str, *names: str) -> bool:
    """Whether a whole text is a yes, apart from mentions and the names of whom it turns to."""
    plain = _ADDRESS.sub(" ", text).casefold()
    for name in names:
        plain = re.sub(rf"(?<!\w){re.escape(name.casefold())}(?!\w)", " ", plain)
    words = (word.strip(_EDGES) for word in plain.split())
    return " ".join(word for word in words if word) in YES


async def ask(agent: Agent, action: Action, arguments: Mapping[str, Any], message: Memory) -> str:
    """Remember an action, instead of an earlier one of the same person in the room; the question to put.

    First look at `in_the_way`: what it names would be forgotten.
    """
    await agent.store.set_cache(
        agent.agent_id,
        _key(message),
        {
            "action": action.name,
            "arguments": dict(arguments),
            "message_id": message.id,
            "expires_at": (utc_now() + LASTS).isoformat(),
        },
    )
    _quiet_of(agent).pop((agent.agent_id, _key(message)), None)
    shown = one_line(json.dumps(dict(arguments), ensure_ascii=False), 500) if arguments else ""
    return f"{action.name}{' with ' + shown if shown else ''}: shall I do this? Answer yes to confirm."


async def in_the_way(
    agent: Agent, action: Action, arguments: Mapping[str, Any], message: Memory
) -> Pending | None:
    """What must be settled before this can be asked for; None: nothing, or the very same was asked for.

    That is what this message's turn has asked for already, and what this message says yes to.
    """
    pending = _read(await agent.store.get_cache(agent.agent_id, _key(message)))
    if pending is None or utc_now() >= pending.expires_at:
        return None
    same = (pending.action, dict(pending.arguments)) == (action.name, dict(arguments))
    asked_now = pending.message_id == message.id
    return pending if not same and (asked_now or await waiting(agent, message) is not None) else None


def _read(value: Any) -> Pending | None:
    if not isinstance(value, dict):
        return None
    return Pending(
        action=value["action"],
        arguments=value["arguments"],
        message_id=value["message_id"],
        expires_at=datetime.fromisoformat(value["expires_at"]),
    )


async def waiting(agent: Agent, message: Memory) -> Pending | None:
    """What this message says yes to. A message that is no yes ends what waited for its sender."""
    quiet, key = _quiet_of(agent), (agent.agent_id, _key(message))
    if key in quiet:
        return None
    pending = _read(await agent.store.get_cache(*key))
    if pending is None:
        quiet[key] = None
        while len(quiet) > QUIET:
            quiet.popitem(last=False)
        return None
    if pending.message_id == message.id:
        return None  # The turn that asked: its message cannot be the yes.
    if utc_now() < pending.expires_at and is_yes(message.content.text, agent.character.name):
        return pending
    await forget(agent, message)
    return None


async def forget(agent: Agent, message: Memory) -> None:
    """Nothing waits any more for the sender of `message` in its room."""
    await agent.store.delete_cache(agent.agent_id, _key(message))


def _quiet_of(agent: Agent) -> OrderedDict[tuple[UUID, str], None]:
    return _quiet.setdefault(agent.store, OrderedDict())


def _key(message: Memory) -> str:
    return f"confirm:{message.room_id}:{message.entity_id}"
