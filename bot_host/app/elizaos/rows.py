"""Rows of elizaOS as ours. Pure. Raises NotUnderstoodError for what cannot be taken over."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeAlias

from bot_host.app.elizaos.contents import NotUnderstoodError, channel_type, parse, parse_object, to_content
from bot_host.app.elizaos.ids import entity_id, is_private, telegram_chat, world_id, world_of_room
from bot_host.kit.clean import one_line
from bot_host.kit.clock import utc_now
from bot_host.store.importing import Imported
from bot_host.types.content import ChannelType, Content
from bot_host.types.ids import UUID, as_id, is_uuid
from bot_host.types.knowledge import Audience, Component, Relationship
from bot_host.types.memory import Memory, MemoryType
from bot_host.types.places import Entity, Participant, ParticipantState, Room, World
from bot_host.types.sources import KnowledgeSource, SourceKind

Row: TypeAlias = Mapping[str, Any]

KEPT: Final = "elizaos"
"""In our metadata: what elizaOS had in its own. Ours give rights and tell what is done; theirs must not."""
NAME_LIMIT: Final = 100
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_TABLES: Final = {
    "messages": MemoryType.MESSAGE,
    "facts": MemoryType.FACT,
    "documents": MemoryType.DOCUMENT,
    "knowledge": MemoryType.FRAGMENT,
    "fragments": MemoryType.FRAGMENT,
    "descriptions": MemoryType.DESCRIPTION,
}


class LeftOutError(ValueError):
    """A row that is not wanted here; the message says why."""


def moment(micros: Any) -> datetime:
    """A time of the database; without one, now. Raises NotUnderstoodError."""
    if micros is None:
        return utc_now()
    try:
        found = _EPOCH + timedelta(microseconds=int(micros))
    except (OverflowError, ValueError):
        found = None
    # asyncpg cannot give back what stands in the calendar's first year.
    if found is None or found.year == 1:
        raise NotUnderstoodError("its time is none that a calendar has")
    return found


def _agent(row: Row) -> UUID:
    if row["agent_id"] is None:
        raise NotUnderstoodError("it belongs to no agent")
    return as_id(row["agent_id"])


def _kept(metadata: dict[str, Any]) -> dict[str, Any]:
    return {KEPT: metadata} if metadata else {}


def to_world(row: Row) -> Imported:
    """A world: under its platform, without the roles that elizaOS's plugins gave in it."""
    agent_id = _agent(row)
    if is_private(row["room_type"]):
        raise LeftOutError("worlds of private chats: the connectors make their own")
    metadata = parse_object(row["metadata"], "metadata")
    # The settings of an onboarding, secrets among them.
    metadata.pop("settings", None)
    source = row["room_source"] or metadata.get("source") or ""
    made = world_id(agent_id, row["id"], row["room_source"], row["room_channel"])
    server = row["server_id"] or ""
    platform_id = telegram_chat(row["room_channel"])[0] if source == "telegram" else server
    world = World(
        id=made,
        agent_id=agent_id,
        name=one_line(row["name"] or "", NAME_LIMIT),
        platform=str(source),
        platform_id="" if is_uuid(platform_id) else platform_id,
        metadata=_kept(metadata),
    )
    return Imported(row=world, created_at=moment(row["created_at"]))


def to_room(row: Row) -> Imported:
    """A room. One of a kind that we do not know is a group, and keeps what it was called."""
    if row["room_agent"] is None:
        raise NotUnderstoodError("it belongs to no agent")
    agent_id = row["room_agent"]
    metadata = parse_object(row["metadata"], "metadata")
    kind = channel_type(row["room_type"])
    if kind is None:
        metadata["type"] = row["room_type"]
    channel, thread = row["room_channel"] or "", ""
    if row["room_source"] == "telegram":
        channel, thread = telegram_chat(channel)
    room = Room(
        id=row["room_id"],
        agent_id=agent_id,
        world_id=world_of_room(agent_id, row),
        name=one_line(row["name"] or "", NAME_LIMIT),
        source=row["room_source"] or "",
        type=kind or ChannelType.GROUP,
        channel_id=channel,
        thread_id=thread,
        metadata=_kept(metadata),
    )
    return Imported(row=room, created_at=moment(row["created_at"]))


def to_entity(row: Row) -> Imported:
    """Somebody, as the agent knows them."""
    agent_id = _agent(row)
    names = parse(row["names"]) or []
    told = [one_line(name, NAME_LIMIT) for name in names if isinstance(name, str)]
    metadata = parse_object(row["metadata"], "metadata")
    for about in metadata.values():
        if isinstance(about, dict) and isinstance(about.get("userName"), str):
            about.setdefault("user_name", about["userName"])
    entity = Entity(
        id=entity_id(agent_id, row["entity_id"], row["entity_owner"], row["entity_slack"]),
        agent_id=agent_id,
        names=tuple(name for name in told if name),
        metadata=metadata,
    )
    return Imported(row=entity, created_at=moment(row["created_at"]))


def _person(row: Row, agent_id: UUID, name: str = "entity") -> UUID:
    id = row[f"{name}_id"]
    if id is None:
        raise NotUnderstoodError("who it is about is not there")
    return entity_id(agent_id, id, row[f"{name}_owner"], row[f"{name}_slack"])


def _room(row: Row, agent_id: UUID) -> UUID:
    if row["room_id"] is None:
        raise NotUnderstoodError("its room is not there")
    if row["room_agent"] != agent_id:
        raise NotUnderstoodError("its room is another agent's, or nobody's")
    id: UUID = row["room_id"]
    return id


def to_participant(row: Row) -> Imported:
    """Somebody in a room."""
    agent_id = row["agent_id"] or row["room_agent"]
    room_id = _room(row, agent_id)
    state = (row["state"] or "").upper()
    at = moment(row["created_at"])
    participant = Participant(
        entity_id=_person(row, agent_id),
        room_id=room_id,
        agent_id=agent_id,
        state=ParticipantState(state) if state in list(ParticipantState) else None,
        joined_at=at,
    )
    return Imported(row=participant, created_at=at)


def document_of(row: Row) -> UUID | None:
    """The document that a memory says it is a piece of."""
    metadata = parse_object(row["metadata"], "metadata")
    told = metadata.get("documentId")
    return as_id(told) if isinstance(told, str) and is_uuid(told) else None


def to_memory(row: Row, *, document: UUID | None = None) -> Imported:
    """A memory. `document`: the one that it is a piece of, if that is there."""
    agent_id = _agent(row)
    room_id = _room(row, agent_id)
    content = to_content(row["content"])
    metadata = parse_object(row["metadata"], "metadata")
    entity_id = _person(row, agent_id)
    if row["created_at"] is None:
        raise NotUnderstoodError("it has no time")
    kind = _kind(row, content, metadata, own=entity_id == agent_id)
    audience = None
    if kind is MemoryType.FACT:
        entity_id, audience = _about(row, agent_id, entity_id)
    elif kind in (MemoryType.DOCUMENT, MemoryType.FRAGMENT):
        # An agent's own knowledge is kept in a room with the agent's id, and recalled everywhere.
        audience = Audience.AGENT if room_id == agent_id and _is_shared(metadata) else Audience.ROOM
    memory = Memory(
        id=row["id"],
        agent_id=agent_id,
        entity_id=entity_id,
        room_id=room_id,
        world_id=world_of_room(agent_id, row),
        type=kind,
        content=content,
        created_at=moment(row["created_at"]),
        metadata=_of_message(metadata) | _kept(metadata),
        source_memory_id=document,
        audience=audience,
        unique=row["is_unique"] is not False,
    )
    return Imported(row=memory, created_at=memory.created_at, embed=row["has_vector"] and bool(content.text))


def source_of(given: Imported) -> KnowledgeSource | None:
    """The row by which a document that all may hear of is listed; None for anything else."""
    document = given.row
    if not isinstance(document, Memory) or document.type is not MemoryType.DOCUMENT:
        return None
    if document.audience is not Audience.AGENT:
        return None
    told = document.metadata.get(KEPT, {})
    names = (told.get(key) for key in ("title", "originalFilename", "filename", "fileName", "path", "url"))
    title = next((name for name in names if isinstance(name, str) and name.strip()), document.content.text)
    return KnowledgeSource(
        agent_id=document.agent_id,
        kind=SourceKind.TEXT,
        location=f"elizaOS document {document.id}",
        title=one_line(title, 80) or "elizaOS document",
        added_by="import-elizaos",
        document_id=document.id,
        read_at=document.created_at,
    )


def _kind(row: Row, content: Content, metadata: Mapping[str, Any], *, own: bool) -> MemoryType:
    table = row["type"]
    told = metadata.get("type")
    if table == "messages":
        # Notes of elizaOS to itself, that no prompt here is to take for something said: what an action gave,
        # and that it chose to say nothing.
        note = "action_result" in (told, content.model_dump().get("type"))
        silent = own and not content.text.strip() and not content.attachments
        return MemoryType.CUSTOM if note or silent else MemoryType.MESSAGE
    if table in _TABLES:
        return _TABLES[table]
    if table == "memories" and told in ("document", "fragment", "description"):
        return MemoryType(told)
    return MemoryType.CUSTOM


def _about(row: Row, agent_id: UUID, entity_id: UUID) -> tuple[UUID, Audience]:
    """Whom a fact is about and who may hear it: elizaOS says neither, and puts it under the agent's own id.

    In a private chat it is the other one's; elsewhere it stays in its room.
    """
    if not is_private(row["room_type"]) or row["other_id"] is None:
        return entity_id, Audience.ROOM
    return _person(row, agent_id, "other"), Audience.ENTITY


def _is_shared(metadata: Mapping[str, Any]) -> bool:
    return metadata.get("scope") not in ("private", "room")


def _of_message(metadata: Mapping[str, Any]) -> dict[str, Any]:
    told: dict[str, Any] = {}
    if metadata.get("fromBot") is True:
        told["from_bot"] = True
    if isinstance(metadata.get("discordMessageId"), str):
        told["source_id"] = metadata["discordMessageId"]
    return told


def to_component(row: Row) -> Imported:
    """Further data about somebody."""
    agent_id = _agent(row)
    at = moment(row["created_at"])
    component = Component(
        id=row["id"],
        agent_id=agent_id,
        entity_id=_person(row, agent_id),
        type=row["type"],
        data=parse_object(row["data"], "data"),
        room_id=_room(row, agent_id),
        world_id=world_of_room(agent_id, row),
        source_entity_id=_person(row, agent_id, "source") if row["source_id"] else None,
        created_at=at,
    )
    return Imported(row=component, created_at=at)


def to_relationship(row: Row) -> Imported:
    """Who stands how to whom. elizaOS does not say where it was learned: only the person hears of it."""
    agent_id = _agent(row)
    at = moment(row["created_at"])
    tags = parse(row["tags"])
    relationship = Relationship(
        id=row["id"],
        agent_id=agent_id,
        source_entity_id=_person(row, agent_id),
        target_entity_id=_person(row, agent_id, "target"),
        tags=tuple(dict.fromkeys(tag for tag in tags or () if isinstance(tag, str))),
        metadata=_kept(parse_object(row["metadata"], "metadata")),
        audience=Audience.ENTITY,
        created_at=at,
        updated_at=at,
    )
    return Imported(row=relationship, created_at=at)
