"""A room that has got other ids on its platform: all that points at it points at the new one.

`RULES` says for each column that may hold such an id what becomes of it; a test walks through the schema.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Table, Text, bindparam, cast, delete, or_, select, update

from bot_host.kit.clock import utc_now
from bot_host.store import cache as cached
from bot_host.store import drafts, places, revisions, rooms, schema, spending, summaries
from bot_host.store.marks import set_mark
from bot_host.store.plugin_catalogue import metadata
from bot_host.store.schema import constant, inbox_open, outbox_open
from bot_host.store.statement import Row, Statement, Unit
from bot_host.types.ids import UUID
from bot_host.types.inbound import Mark
from bot_host.types.outbound import ASKED_BY, MOVED_PART
from bot_host.types.places import Room, World
from bot_host.types.turn import Move, Moved, Operation, OutboxState

MOVED: Final = "the room has moved"
"""Why a part is not sent any more: it changes what stands in the old room."""


_OF_THE_SPEAKER: Final = ("agent", ASKED_BY)
"""In `Target.extra`, what is not about the place."""


class Rule(StrEnum):
    """What a move does about a column."""

    POINTS = "points at the new one"
    MERGED = "merged into the new one's"
    REWRITTEN = "open rows name the new one"
    NAMES = "values that name the old one name the new one"
    GOES = "the row goes"
    KEEP = "stays"


RULES: Final[Mapping[str, tuple[Rule, str]]] = {
    "agents.character": (Rule.KEEP, "configuration"),
    "agents.edits": (Rule.KEEP, "configuration"),
    "character_versions.character": (Rule.KEEP, "configuration as it was"),
    "character_versions.changed": (Rule.KEEP, "names of keys"),
    "worlds.platform_id": (Rule.MERGED, ""),
    "worlds.metadata": (Rule.MERGED, "roles and settings"),
    "rooms.world_id": (Rule.MERGED, ""),
    "rooms.channel_id": (Rule.MERGED, ""),
    "rooms.metadata": (Rule.MERGED, "settings"),
    "entities.metadata": (Rule.KEEP, "of people"),
    "participants.room_id": (Rule.MERGED, "the state in the new room counts, where it has one"),
    "components.room_id": (Rule.POINTS, ""),
    "components.world_id": (Rule.POINTS, ""),
    "components.data": (Rule.KEEP, "of people"),
    "memories.room_id": (Rule.POINTS, ""),
    "memories.world_id": (Rule.POINTS, "of the room's"),
    "memories.content": (Rule.KEEP, "what was said"),
    "memories.metadata": (Rule.KEEP, "where it was said then, by the platform's ids"),
    "relationships.metadata": (Rule.KEEP, "of people"),
    "tasks.room_id": (Rule.POINTS, ""),
    "tasks.world_id": (Rule.POINTS, ""),
    "tasks.metadata": (Rule.NAMES, "where a schedule speaks"),
    "logs.room_id": (Rule.POINTS, ""),
    "logs.body": (Rule.KEEP, "what was then"),
    "audit.details": (Rule.KEEP, "what was then"),
    "cache.value": (Rule.NAMES, "what is remembered by room; so do the keys"),
    "runs.room_id": (Rule.POINTS, ""),
    "runs.model_calls": (Rule.KEEP, "no ids of rooms"),
    "runs.steps": (Rule.KEEP, "no ids of rooms"),
    "spending.room_id": (Rule.MERGED, "the sums of both rooms are added up"),
    "inbox.room_id": (Rule.POINTS, ""),
    "summaries.room_id": (Rule.POINTS, "where nothing was said in the new one; else both rooms' go"),
    "inbox.target": (Rule.REWRITTEN, "of done ones `why` tells the old place, and finds it by it"),
    "steps.room_id": (Rule.POINTS, ""),
    "steps.answering": (Rule.KEEP, "ids of messages"),
    "steps.result": (Rule.KEEP, "what was then"),
    "steps.data": (Rule.KEEP, "what was then"),
    "outbox.destination": (Rule.REWRITTEN, "of sent ones it says where they stand"),
    "outbox.target": (Rule.REWRITTEN, ""),
    "outbox.payload": (Rule.KEEP, "the connector's; `MOVED_PART` tells it what does not hold any more"),
    "drafts.room_id": (Rule.GOES, "what is shown in the old room stays there; the turn begins again"),
    "drafts.destination": (Rule.GOES, ""),
    "closed_rooms.room_id": (Rule.POINTS, ""),
    "closed_rooms.destination": (Rule.MERGED, ""),
    "choices.room_id": (Rule.POINTS, ""),
    "link_codes.room_id": (Rule.POINTS, ""),
    "pairings.target": (Rule.KEEP, "private chats only, which do not move"),
    "connector_secrets.about": (Rule.KEEP, "of an account"),
    "knowledge_sources.world_id": (Rule.POINTS, "with its documents"),
    "marks.name": (Rule.KEEP, "an order that counts anew in the new room has a mark of its own"),
    "plugin_schemas.tables": (Rule.KEEP, "what tables there are; their rows: `plugin_people`"),
}
"""Of each column that points at a room or world, or holds a place or JSON."""

_i, _o, _p, _t, _c = (
    schema.inbox.c,
    schema.outbox.c,
    schema.participants.c,
    schema.tasks.c,
    schema.cache.c,
)


def _pointing(of: str) -> list[Table]:
    names = [name.partition(".")[0] for name, (rule, _) in RULES.items() if rule is Rule.POINTS]
    tables = [metadata.tables[name] for name in dict.fromkeys(names)]
    return [table for table in tables if of in table.c]


def _point(table: Table, column: str) -> Statement:
    return Statement(
        f"moves.{table.name}_{column}",
        update(table).where(table.c[column] == bindparam("old")).values({column: bindparam("new")}),
    )


# Memories are many and their worlds have no index: those of the room are found by it.
WORLDS: Final = [_point(table, "world_id") for table in _pointing("world_id") if table is not schema.memories]
MEMORIES: Final = Statement(
    "moves.memories_world_id",
    update(schema.memories)
    .where(
        schema.memories.c.room_id == bindparam("old_room"),
        schema.memories.c.world_id == bindparam("old"),
    )
    .values(world_id=bindparam("new")),
)
_known = select(schema.knowledge_sources.c.document_id).where(
    schema.knowledge_sources.c.world_id == bindparam("old")
)
KNOWLEDGE: Final = Statement(
    "moves.knowledge",
    update(schema.memories)
    .where(or_(schema.memories.c.id.in_(_known), schema.memories.c.source_memory_id.in_(_known)))
    .values(world_id=bindparam("new")),
)
"""Documents lie in a room of their own."""
ROOMS: Final = [_point(table, "room_id") for table in _pointing("room_id")]

OPEN_IN: Final = Statement(
    "moves.open_inbox",
    select(_i.seq, _i.memory_id, _i.state, _i.target).where(
        _i.agent_id == bindparam("of_agent"), _i.room_id == bindparam("of_room"), inbox_open
    ),
)
REWRITE_IN: Final = Statement(
    "moves.inbox_target",
    update(schema.inbox)
    .where(_i.seq == bindparam("row"))
    .values(
        target=bindparam("to", type_=_i.target.type),
        state="pending",
        attempts=_i.attempts - bindparam("taken_back", type_=_i.attempts.type),
    ),
)
BEGIN_AGAIN: Final = Statement(
    "moves.begin_again",
    update(schema.memories)
    .where(schema.memories.c.id == bindparam("memory_id"))
    .values(revision=schema.memories.c.revision + 1),
)
OPEN_OUT: Final = Statement(
    "moves.open_outbox",
    select(_o.seq, _o.message, _o.state, _o.operation, _o.target)
    .where(_o.destination == bindparam("of_destination"), outbox_open)
    .order_by(_o.seq),
)
REWRITE_OUT: Final = Statement(
    "moves.outbox_target",
    update(schema.outbox)
    .where(_o.seq == bindparam("row"), outbox_open)
    .values(
        target=bindparam("to", type_=_o.target.type),
        destination=bindparam("where", type_=_o.destination.type),
        operation=bindparam("what", type_=_o.operation.type),
    ),
)
FAIL_OUT: Final = Statement(
    "moves.fail",
    update(schema.outbox)
    .where(_o.seq == bindparam("row"), outbox_open, _o.state == constant("pending"))
    .values(state="failed", error=MOVED),
)
WHO: Final = Statement(
    "moves.participants",
    select(_p.entity_id, _p.state, _p.joined_at).where(_p.room_id == bindparam("of_room")),
)
CLOSED: Final = Statement(
    "moves.closed",
    select(schema.closed_rooms.c.destination).where(schema.closed_rooms.c.destination == bindparam("where")),
)
REOPEN: Final = Statement(
    "moves.drop_closed",
    delete(schema.closed_rooms).where(schema.closed_rooms.c.destination == bindparam("where")),
)
MOVE_CLOSED: Final = Statement(
    "moves.closed_destination",
    update(schema.closed_rooms)
    .where(schema.closed_rooms.c.destination == bindparam("where"))
    .values(destination=bindparam("to_where", type_=schema.closed_rooms.c.destination.type)),
)
TASKS: Final = Statement(
    "moves.tasks",
    select(_t.id, _t.metadata).where(
        _t.agent_id == bindparam("of_agent"),
        or_(
            cast(_t.metadata, Text).like(bindparam("like_room")),
            cast(_t.metadata, Text).like(bindparam("like_channel")),
        ),
    ),
)
REWRITE_TASK: Final = Statement(
    "moves.task",
    update(schema.tasks).where(_t.id == bindparam("task")).values(metadata=bindparam("told")),
)
CACHE: Final = Statement(
    "moves.cache",
    select(_c.key, _c.value).where(
        _c.agent_id == bindparam("of_agent"),
        or_(_c.key.like(bindparam("like_room")), cast(_c.value, Text).like(bindparam("like_room"))),
    ),
)


def apply_move(move: Move, mark: Mark | None) -> Unit[Moved]:
    """See Inbox.apply_move."""
    yield from set_mark(move.account, mark)
    old_world = yield from places.find_world(move.old_world.id)
    old_room = yield from places.find_room(move.old_room.id)
    yield from places.ensure_world((yield from _merged_world(move, old_world)))
    room = yield from _merged_room(move, old_room)
    yield from places.ensure_room(room)
    # Of several accounts in one room each says that it has moved: the first moves it, each its own parts.
    sent = yield from _move_parts(move)
    if old_room is None:
        return Moved(found=False, parts=sent)
    yield from _drop_drafts(move)
    begun = yield from _move_open(move)
    old, new = move.old_room.id, move.room.id
    yield from summaries.before_move(old, new)
    yield MEMORIES(old_room=old, old=move.old_world.id, new=move.world.id)
    for statement in ROOMS:
        yield statement(old=old, new=new)
    yield from spending.move(move.agent_id, old, new)
    for entity_id, state, joined_at in (yield WHO(of_room=old)):
        yield from _join(move, entity_id, state, joined_at)
    yield from _rename(move)
    yield rooms.REMOVE_ROOMS(ids=[old])
    if old_world is not None and not (yield rooms.ROOM_IDS(world_id=old_world.id)):
        yield KNOWLEDGE(old=old_world.id, new=move.world.id)
        for statement in WORLDS:
            yield statement(old=old_world.id, new=move.world.id)
        yield rooms.REMOVE_WORLD(id=old_world.id)
    return Moved(found=True, name=room.name, pending=begun, parts=sent)


def _merged_world(move: Move, old: World | None) -> Unit[World]:
    known = yield from places.find_world(move.world.id)
    metadata = _over(old.metadata if old else None, known.metadata if known else None, move.world.metadata)
    name = move.world.name or (known.name if known else "") or (old.name if old else "")
    return World(
        id=move.world.id,
        agent_id=move.agent_id,
        name=name,
        platform=move.world.platform,
        platform_id=move.world.platform_id,
        metadata=metadata,
    )


def _merged_room(move: Move, old: Room | None) -> Unit[Room]:
    known = yield from places.find_room(move.room.id)
    return Room(
        id=move.room.id,
        agent_id=move.agent_id,
        world_id=move.world.id,
        name=move.room.name or (known.name if known else "") or (old.name if old else ""),
        source=move.room.source,
        type=move.room.type,
        channel_id=move.room.channel_id,
        thread_id=move.room.thread_id,
        metadata=_over(old.metadata if old else None, known.metadata if known else None, move.room.metadata),
        open=move.room.open,
    )


def _over(*told: Mapping[str, Any] | None) -> dict[str, Any]:
    """Later ones over earlier ones."""
    merged: dict[str, Any] = {}
    for values in told:
        merged.update(values or {})
    return merged


def _join(move: Move, entity_id: UUID, state: Any, joined_at: Any) -> Unit[None]:
    here = yield places.FIND_PARTICIPANT(room_id=move.room.id, entity_id=entity_id)
    values = {
        "entity_id": entity_id,
        "room_id": move.room.id,
        "agent_id": move.agent_id,
        "joined_at": joined_at,
    }
    if not here:
        yield places.JOIN(**values, state=state)
    elif here[0][0] is None and state is not None:
        yield places.SET_STATE(**values, state=state)


def _target(move: Move, target: Mapping[str, Any]) -> dict[str, Any]:
    """A target in the new room. Ids of messages are the old room's, and what else only the platform knows."""
    kept = {key: value for key, value in target.items() if key not in ("reply_to", "extra")}
    kept |= {"room_id": move.room.id} if "room_id" in kept else {}
    return kept | {"channel_id": move.room.channel_id}


def _move_open(move: Move) -> Unit[int]:
    """Messages without an answer get it in the new room; how many there are."""
    rows = yield OPEN_IN(of_agent=move.agent_id, of_room=move.old_room.id)
    for seq, memory_id, state, target in rows:
        running = state != "pending"
        yield REWRITE_IN(row=seq, to=_target(move, target), taken_back=int(running))
        if running and memory_id is not None:
            # The turn that is under way in the old room cannot be committed any more.
            yield BEGIN_AGAIN(memory_id=memory_id)
    return len(rows)


def _drop_drafts(move: Move) -> Unit[None]:
    """Answers in the making are made anew in the new room."""
    found = yield drafts.IN_ROOM(of_agent=move.agent_id, of_room=move.old_room.id)
    for (memory_id,) in found:
        yield drafts.DROP(of_memory=memory_id)
        parts = yield revisions.FIRST_PARTS(memory_id=memory_id)
        yield revisions.UNSEND(seqs=[part[0] for part in parts], why=MOVED)
        yield drafts.BLANK(of_message=memory_id)


def _move_parts(move: Move) -> Unit[int]:
    """What waits to be said there is said in the new room; how many parts that are.

    A message that is going out just now goes on by its old way to its end: whoever sends it holds its rows.
    """
    old, new = move.old_destination, move.destination
    rows: Sequence[Row] = yield OPEN_OUT(of_destination=old)
    leaving = {message for _, message, state, *_ in rows if state == OutboxState.SENDING}
    moved = 0
    for seq, message, _, operation, target in rows:
        if message in leaving:
            continue
        if operation in (Operation.DELETE, Operation.REACT):
            yield FAIL_OUT(row=seq)
            continue
        spoken = {key: value for key, value in target.get("extra", {}).items() if key in _OF_THE_SPEAKER}
        told = _target(move, target) | {"extra": {**spoken, MOVED_PART: "1"}}
        yield REWRITE_OUT(row=seq, to=told, where=new, what=Operation.SEND.value)
        moved += 1
    if (yield CLOSED(where=new)):
        yield REOPEN(where=old)
    else:
        yield MOVE_CLOSED(where=old, to_where=new)
    return moved


def _rename(move: Move) -> Unit[None]:
    """Values that name the room by its id, or by the platform's, name the new one."""
    ids = {
        move.old_room.id: move.room.id,
        move.old_world.id: move.world.id,
    }
    like_room, like_channel = f"%{move.old_room.id}%", f"%{move.old_room.channel_id}%"
    found = yield TASKS(of_agent=move.agent_id, like_room=like_room, like_channel=like_channel)
    channels = {move.old_room.channel_id: move.room.channel_id}
    for task_id, told in found:
        yield REWRITE_TASK(task=task_id, told=_renamed(told, {**ids, **channels}))
    for key, value in (yield CACHE(of_agent=move.agent_id, like_room=like_room)):
        new_key = key.replace(move.old_room.id, move.room.id)
        if new_key == key or not (yield cached.GET(agent_id=move.agent_id, key=new_key)):
            told = _renamed(value, ids)
            yield cached.PUT(agent_id=move.agent_id, key=new_key, value=told, updated_at=utc_now())
        if new_key != key:
            yield cached.DELETE(agent_id=move.agent_id, key=key)
    yield cached.PUT(
        agent_id=move.agent_id,
        key=_redirect(move.old_room.source, move.old_room.channel_id),
        value=move.room.channel_id,
        updated_at=utc_now(),
    )


def _renamed(value: Any, names: Mapping[str, str]) -> Any:
    """JSON with whole texts replaced."""
    if isinstance(value, str):
        return names.get(value, value)
    if isinstance(value, list):
        return [_renamed(each, names) for each in value]
    if isinstance(value, dict):
        return {key: _renamed(each, names) for key, each in value.items()}
    return value


def _redirect(source: str, channel_id: str) -> str:
    return f"moved channel: {source}:{channel_id}"


def find_room_by_channel(agent_id: UUID, source: str, channel_id: str, thread_id: str) -> Unit[Room | None]:
    """See Places.find_room_by_channel. What has moved is found by its old id, too."""
    found = yield from rooms.find_room_by_channel(agent_id, source, channel_id, thread_id)
    if found is None:
        moved = yield from cached.get_cache(agent_id, _redirect(source, channel_id))
        if isinstance(moved, str):
            found = yield from rooms.find_room_by_channel(agent_id, source, moved, thread_id)
    return found
