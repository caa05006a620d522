"""Worlds, rooms and people as the pages get them."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from bot_host.kit.clean import one_line, shorten
from bot_host.types.content import ChannelType, Media
from bot_host.types.ids import UUID
from bot_host.types.knowledge import Audience
from bot_host.types.ledger import Part
from bot_host.types.memory import FAILURE, REACTIONS, Memory, MemoryType
from bot_host.types.places import OUTSIDERS, Entity, Role, Room, World
from bot_host.types.room_views import Gone, PersonRow, PersonView, RoomRow, RoomState, SaidRow, Talk, WorldRow
from bot_host.types.turn import OutboxState
from bot_host.web.chat.shown import attached
from bot_host.web.markdown import markdown_tree

PREVIEW: Final = 160
SEEN: Final = 600
"""Characters of what was read of a file."""
PRIVATE: Final = frozenset({ChannelType.DM, ChannelType.VOICE_DM, ChannelType.SELF, ChannelType.API})
CALLED: Final = 200
EDITED_AT: Final = "edited_at"
SAID_BY: Final = "said_by"
"""In the metadata of what an admin had the agent say."""
CONSOLE: Final = "console"


def name_of(entity: Entity | None) -> str:
    """How to call somebody; empty: no name is known."""
    return one_line(entity.names[0], CALLED) if entity is not None and entity.names else ""


def room_shown(row: RoomRow) -> dict[str, Any]:
    """A room in a list."""
    room, last = row.room, row.last
    return {
        **place_shown(room),
        "title": room.name or (row.first_name if room.type in PRIVATE else "") or room.channel_id,
        "agent": {"id": room.agent_id, "name": row.agent_name},
        "world": {"id": room.world_id, "name": row.world_name} if room.world_id else None,
        "closed": row.closed,
        "people": row.people,
        "state": row.state,
        "last": last
        and {
            "text": _preview(last),
            "at": last.created_at.isoformat(),
            "name": row.agent_name if last.entity_id == last.agent_id else row.speaker,
        },
    }


def place_shown(room: Room) -> dict[str, Any]:
    """A room by itself."""
    return {
        "id": room.id,
        "name": room.name,
        "source": room.source,
        "type": room.type,
        "private": room.type in PRIVATE,
        "open": room.open,
        "channel_id": room.channel_id,
        "thread_id": room.thread_id,
    }


def world_shown(row: WorldRow) -> dict[str, Any]:
    """A world in a list."""
    world = row.world
    return {
        "id": world.id,
        "name": world.name,
        "platform": world.platform,
        "platform_id": world.platform_id,
        "agent": {"id": world.agent_id, "name": row.agent_name},
        "rooms": row.rooms,
    }


def state_shown(state: RoomState) -> dict[str, Any]:
    """One room, as it stands."""
    room = state.row.room
    return {
        **room_shown(state.row),
        "account": state.account,
        "begins_at": room.begins_at.isoformat() if room.begins_at else None,
        "settings": settings_of(room),
        "waiting": state.waiting,
        "unsent": state.unsent,
        "hearing": {"told": told_to(state), "recalled": recalled_in(state)},
        "summary": [
            {
                "text": part.text,
                "from": part.first_at.isoformat(),
                "to": part.last_at.isoformat(),
                "messages": part.count,
                "state": part.state,
            }
            for part in state.summary.parts
        ],
    }


def settings_of(room: Room) -> dict[str, Any]:
    """What was set for this room alone; None: nothing."""
    language, only = room.setting("language"), room.setting("mention_only")
    return {
        "language": language if isinstance(language, str) else None,
        "mention_only": only if isinstance(only, bool) else None,
    }


def told_to(state: RoomState) -> str:
    """In words, who may hear of what is said in a room."""
    room, world = state.row.room, state.row.world_name or "its world"
    if room.type in PRIVATE:
        others = len(state.hearing.room_ids) - 1
        if not state.hearing.persons:
            return "Only those in this room may hear of what is said here."
        also = (
            f" It is recalled in their other private chats too ({others}), since they linked those accounts."
            if others
            else ""
        )
        return f"Only the person who is here may hear of what is said here.{also}"
    if room.open:
        return f"Everybody in {world} may hear of what is said here: all of them can read this room."
    if room.open is False:
        return f"Only those in this room may hear of what is said here: not all of {world} can read it."
    return (
        "Only those in this room may hear of what is said here: the platform did not say that all of "
        f"{world} can read it."
    )


def recalled_in(state: RoomState) -> str:
    """In words, what may be recalled in a room."""
    room, hearing = state.row.room, state.hearing
    if hearing.private:
        known = "what was said here, what this person said of themselves anywhere"
    elif hearing.world_id is not None:
        known = f"what was said here, and in rooms that all of {state.row.world_name or 'its world'} can read"
    else:
        known = "what was said here"
    outside = " People from outside read along." if room.metadata.get(OUTSIDERS) else ""
    return f"Here the agent may recall {known}, and what everybody may know.{outside}"


# -- what was said --------------------------------------------------------------------------------------


def said_shown(row: SaidRow, talk: Talk, room: Room) -> dict[str, Any]:
    """One message, as it stands on its platform."""
    memory, content, receipt = row.memory, row.memory.content, row.receipt
    mine = memory.entity_id == memory.agent_id
    inbound = receipt is not None and receipt.memory_id == memory.id
    told: dict[str, Any] = {
        "id": memory.id,
        "seq": row.seq,
        "from": "agent" if mine else "person",
        "entity": {"id": memory.entity_id, "name": name_of(talk.people.get(memory.entity_id))},
        "text": content.text,
        "tree": markdown_tree(content.text) if mine else None,
        "created_at": memory.created_at.isoformat(),
        "edited_at": memory.metadata.get(EDITED_AT) if memory.revision else None,
        "edited": memory.revision > 0,
        "private": memory.type is MemoryType.CUSTOM and memory.audience is Audience.ENTITY,
        "note": memory.type is MemoryType.CUSTOM and memory.audience is not Audience.ENTITY,
        "by_console": memory.metadata.get(SAID_BY) == CONSOLE,
        "failure": bool(memory.metadata.get(FAILURE)),
        "before_reset": room.is_past(memory.created_at),
        "reply_to": _reply(memory, talk),
        "quotes": [
            {"kind": each.kind, "author": one_line(each.author, CALLED), "text": shorten(each.text, SEEN)}
            for each in content.quotes
        ],
        "attachments": [_file(each) for each in content.attachments],
        "reactions": _reactions(memory.metadata.get(REACTIONS)),
        "actions": content.actions,
        "choices": [each.label for each in content.choices.picks] if content.choices else [],
        "run_id": _run(row),
        "parts": [part_shown(part) for part in row.parts],
    }
    if inbound and receipt is not None:
        told |= {
            "platform_id": receipt.message_id,
            "account": receipt.account,
            "done": receipt.done,
            "outcome": receipt.outcome,
            "reason": receipt.reason,
        }
    return told


def gone_shown(each: Gone, talk: Talk) -> dict[str, Any]:
    """That there was a message."""
    return {
        "seq": each.seq,
        "at": each.received_at.isoformat(),
        "name": name_of(talk.people.get(each.entity_id or "")),
        "outcome": each.outcome,
        "run_id": each.run_id,
    }


def part_shown(part: Part) -> dict[str, Any]:
    """What goes out of a message by itself."""
    return {
        "part": part.part,
        "parts": part.parts,
        "operation": part.operation,
        "state": part.state,
        "attempts": part.attempts,
        "error": part.error,
        "platform_id": part.platform_message_id,
        "not_before": part.not_before.isoformat() if part.not_before else None,
        "sent_at": part.sent_at.isoformat() if part.sent_at else None,
        "waits": part.state in (OutboxState.PENDING, OutboxState.SENDING),
    }


def _run(row: SaidRow) -> UUID | None:
    told = next((part.run_id for part in row.parts if part.run_id), None)
    return told or (row.receipt.run_id if row.receipt is not None else None)


def _reply(memory: Memory, talk: Talk) -> dict[str, Any] | None:
    asked = memory.content.in_reply_to
    if not asked:
        return None
    found = talk.replied.get(asked)
    if found is None or found.room_id != memory.room_id:
        return {"id": asked, "name": "", "text": None}
    return {"id": asked, "name": name_of(talk.people.get(found.entity_id)), "text": _preview(found)}


def _preview(memory: Memory) -> str:
    content = memory.content
    files = ", ".join(each.title or each.file_name or "a file" for each in content.attachments)
    return one_line(content.text or files, PREVIEW)


def _file(media: Media) -> dict[str, Any]:
    seen = media.description or media.text or ""
    return {**attached(media), "seen": shorten(seen, SEEN), "voice": media.voice}


def _reactions(found: Any) -> dict[str, int]:
    if not isinstance(found, Mapping):
        return {}
    return {one_line(str(key), 40): count for key, count in found.items() if isinstance(count, int)}


# -- people ---------------------------------------------------------------------------------------------


def accounts_of(entity: Entity) -> list[dict[str, Any]]:
    """How each platform knows somebody."""
    return [
        {
            "platform": platform,
            **{key: str(about[key]) for key in ("id", "name", "user_name") if about.get(key)},
            "bot": about.get("is_bot") in (True, "true"),
        }
        for platform, about in entity.metadata.items()
        if isinstance(about, Mapping)
    ]


def person_shown(row: PersonRow, world: World | None = None) -> dict[str, Any]:
    """Somebody in a list."""
    entity = row.entity
    role = world.role_of(entity.id) if world is not None else Role.NONE
    return {
        "id": entity.id,
        "agent": entity.id == entity.agent_id,
        "name": name_of(entity),
        "names": list(entity.names),
        "accounts": accounts_of(entity),
        "role": None if role is Role.NONE else role,
        "state": row.state,
        "linked": row.linked,
        "joined_at": row.joined_at.isoformat() if row.joined_at else None,
    }


def known_of(person: PersonView) -> dict[str, Any]:
    """Somebody, with what is known of them."""
    entity = person.entity
    return {
        "id": entity.id,
        "is_agent": entity.id == entity.agent_id,
        "agent": {"id": entity.agent_id, "name": person.agent_name},
        "name": name_of(entity),
        "names": list(entity.names),
        "accounts": accounts_of(entity),
        "linked": [
            {"id": each.id, "name": name_of(each), "accounts": accounts_of(each)} for each in person.linked
        ],
        "rooms": [
            {
                **place_shown(room),
                "world": _world(person.worlds.get(room.world_id or "")),
                "role": _role(person.worlds.get(room.world_id or ""), entity.id),
                "joined_at": joined_at.isoformat(),
            }
            for room, joined_at in person.rooms
        ],
        "facts": [
            {
                "id": fact.id,
                "text": fact.content.text,
                "confidence": fact.confidence,
                "audience": fact.audience,
                "created_at": fact.created_at.isoformat(),
                "room_id": fact.room_id,
                "source_memory_id": fact.source_memory_id,
            }
            for fact in person.facts
        ],
        "contacts": _contacts(person),
    }


def _contacts(person: PersonView) -> Sequence[dict[str, Any]]:
    mine = person.entity.id
    return [
        {
            "id": each.id,
            "towards": each.source_entity_id == mine,
            "person": {
                "id": other,
                "name": name_of(person.people.get(other)),
            },
            "tags": list(each.tags),
            "confidence": each.confidence,
            "audience": each.audience,
            "updated_at": each.updated_at.isoformat(),
        }
        for each in person.contacts
        for other in [each.target_entity_id if each.source_entity_id == mine else each.source_entity_id]
    ]


def _world(world: World | None) -> dict[str, Any] | None:
    return {"id": world.id, "name": world.name} if world is not None else None


def _role(world: World | None, entity_id: UUID) -> Role | None:
    role = world.role_of(entity_id) if world is not None else Role.NONE
    return None if role is Role.NONE else role
