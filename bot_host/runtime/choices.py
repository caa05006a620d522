"""Choices: made ready to be shown, written as a list where there are no buttons, read from an answer."""

import base64
import hashlib
import re
from collections import OrderedDict
from datetime import datetime, timedelta
from typing import Final
from weakref import WeakKeyDictionary

from bot_host.contracts.plugin import Agent
from bot_host.contracts.store import Store
from bot_host.kit.clean import one_line
from bot_host.kit.clock import utc_now
from bot_host.types.choices import Choices, OpenChoice
from bot_host.types.commands import ChoiceUse
from bot_host.types.content import Content
from bot_host.types.ids import UUID
from bot_host.types.memory import Memory

GONE: Final = "choice over"
NOT_THEIRS: Final = "choice of somebody else"
NO_LONGER: Final = (GONE, "That is no longer open.")
QUIET: Final = 8192
"""Rooms in which nothing is open, so that the database is not asked at each message."""
_quiet: WeakKeyDictionary[Store, OrderedDict[UUID, None]] = WeakKeyDictionary()
"""By database: a database has one host, and its runtimes share what they know."""
_EDGES: Final = " \t\r\n.,;:!()[]\"'“”*_`"


def key_of(memory_id: UUID) -> str:
    """What a platform gives back for the choices of a message: the same each time, and no way back to it."""
    digest = hashlib.sha256(f"choice:{memory_id}".encode()).digest()
    return base64.urlsafe_b64encode(digest[:12]).decode("ascii")


def bound(store: Store, content: Content, *, memory_id: UUID, room_id: UUID, owner: UUID | None) -> Content:
    """A message's content with its choices made ready: key, owner and end. Without choices as it is."""
    offered = content.choices
    if offered is None:
        return content
    _quiet.setdefault(store, OrderedDict()).pop(room_id, None)
    ready = offered.model_copy(
        update={
            "key": key_of(memory_id),
            "owner": None if offered.anybody else owner,
            "expires_at": utc_now() + timedelta(seconds=offered.lasts_s),
        }
    )
    return content.model_copy(update={"choices": ready})


def as_list(choices: Choices) -> str:
    """Choices in words, for platforms without buttons: a numbered list, or the lines of a form."""
    if choices.fields:
        lines = [f"{each.label}:{'' if each.required else ' (may stay empty)'}" for each in choices.fields]
        return "\n".join(["Answer with these lines:", *lines])
    lines = []
    for number, pick in enumerate(choices.picks, 1):
        about = f": {one_line(pick.description, 100)}" if pick.description else ""
        lines.append(f"{number}. {one_line(pick.label, 80)}{about}")
    how = "several numbers, as 1, 3" if choices.many else "a number"
    return "\n".join([*lines, f"Answer with {how}."])


def with_list(content: Content) -> Content:
    """A message whose choices stand in its text."""
    if content.choices is None or not content.choices.listed:
        return content
    text = "\n\n".join(part for part in (content.text.strip(), as_list(content.choices)) if part)
    return content.model_copy(update={"text": text, "choices": None})


def match(choices: Choices, text: str) -> ChoiceUse | None:
    """What a message chooses in words, if that is all that it says."""
    if choices.fields:
        return _form(choices, text)
    words = [word for part in text.split(",") if (word := part.strip(_EDGES).casefold())]
    if not words or (len(words) > 1 and not choices.many):
        words = [text.strip(_EDGES).casefold()]
    picks = [_pick(choices, word) for word in words]
    if not picks or None in picks:
        return None
    chosen = tuple(dict.fromkeys(number for number in picks if number is not None))
    return ChoiceUse(key=choices.key, picks=chosen)


def _pick(choices: Choices, word: str) -> int | None:
    if re.fullmatch(r"[0-9]{1,2}", word) and 1 <= int(word) <= len(choices.picks):
        return int(word) - 1
    for number, pick in enumerate(choices.picks):
        if word in (pick.label.strip(_EDGES).casefold(), pick.meaning.strip(_EDGES).casefold()):
            return number
    return None


def _form(choices: Choices, text: str) -> ChoiceUse | None:
    labels = {each.label.casefold(): each.name for each in choices.fields}
    filled: dict[str, str] = {}
    at = ""
    for line in text.splitlines():
        label, sign, value = line.partition(":")
        name = labels.get(label.strip(_EDGES).casefold(), "") if sign else ""
        if name:
            at, filled[name] = name, value.strip()
        elif at:
            filled[at] = f"{filled[at]}\n{line}".strip()
        elif line.strip():
            return None
    if not filled or any(each.required and not filled.get(each.name) for each in choices.fields):
        return None
    return ChoiceUse(key=choices.key, fields=filled)


async def answered(agent: Agent, message: Memory) -> ChoiceUse | None:
    """What a message chooses in words, of what is open in its room for its sender. The newest one counts."""
    quiet = _quiet.setdefault(agent.store, OrderedDict())
    if message.room_id in quiet or message.entity_id == agent.agent_id:
        return None
    found = await agent.store.open_choices(message.room_id, utc_now())
    if not found:
        quiet[message.room_id] = None
        while len(quiet) > QUIET:
            quiet.popitem(last=False)
        return None
    for each in found:
        if not each.choices.listed or not may_choose(each, message):
            continue
        if (use := match(each.choices, message.content.text)) is not None:
            return use
    return None


def may_choose(choice: OpenChoice, message: Memory) -> bool:
    """Whether the choice is the sender's to make, here."""
    return _is_theirs(choice, message.entity_id, message.room_id)


def _is_theirs(choice: OpenChoice, entity_id: UUID, room_id: UUID) -> bool:
    return choice.entity_id in (None, entity_id) and choice.room_id == room_id


def why_not(
    choice: OpenChoice | None, *, agent_id: UUID, entity_id: UUID, room_id: UUID, by: UUID, at: datetime
) -> tuple[str, str] | None:
    """Why a message (`by`) may not choose that: the reason, and words for its sender; None: it may."""
    if choice is None or choice.agent_id != agent_id:
        return NO_LONGER
    if not _is_theirs(choice, entity_id, room_id):
        return NOT_THEIRS, "That is for somebody else to choose."
    if choice.used_by not in (None, by):
        return GONE, "That has been answered already."
    if choice.used_by is None and choice.expires_at <= at:
        return GONE, "That came too late: it is no longer open."
    return None
