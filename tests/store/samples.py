"""Rows to put in."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from bot_host.store import Database
from bot_host.types.character import Character
from bot_host.types.content import ChannelType, Content
from bot_host.types.ids import UUID, create_unique_uuid, new_id, string_to_uuid
from bot_host.types.inbound import Mark
from bot_host.types.memory import Memory
from bot_host.types.outbound import Target
from bot_host.types.places import Entity, Room, World
from bot_host.types.summary import Numbered, Summary
from bot_host.types.turn import (
    Admission,
    InboxEnd,
    InboxRow,
    NewOutbox,
    Outcome,
    RunRecord,
    StepRow,
    StepState,
    TurnCommit,
)

CHARACTER = Character(name="Ada")
AGENT = string_to_uuid("Ada")
ACCOUNT = "discord:99"
NOON = datetime(2026, 11, 23, 12, 0, 0, 123456, tzinfo=UTC)


def make_id(base: str) -> UUID:
    return create_unique_uuid(AGENT, base)


def make_world(key: str = "guild", **more: Any) -> World:
    return World(id=make_id(key), agent_id=AGENT, platform="discord", platform_id=key, **more)


def make_room(key: str = "room", **more: Any) -> Room:
    fields: dict[str, Any] = {
        "world_id": make_id("guild"),
        "name": "general",
        "source": "discord",
        "type": ChannelType.GROUP,
        "channel_id": key,
        **more,
    }
    return Room(id=make_id(key), agent_id=AGENT, **fields)


def make_person(key: str = "ben", **more: Any) -> Entity:
    fields: dict[str, Any] = {"names": (key.title(),), "metadata": {"discord": {"id": key}}, **more}
    return Entity(id=make_id(key), agent_id=AGENT, **fields)


def make_admission(
    key: str = "m1",
    text: str = "hello",
    *,
    room: str = "room",
    person: str = "ben",
    minutes: float = 0.0,
    mark: Mark | None = None,
    places_known: bool = False,
    **content: Any,
) -> Admission:
    """A message, `minutes` after noon."""
    at = NOON + timedelta(minutes=minutes)
    memory = Memory(
        id=make_id(f"memory {key}"),
        agent_id=AGENT,
        entity_id=make_id(person),
        room_id=make_id(room),
        world_id=make_id("guild"),
        content=Content(text=text, source="discord", **content),
        created_at=at,
    )
    return Admission(
        agent_id=AGENT,
        account=ACCOUNT,
        event_key=f"{room}/{key}",
        message_id=key,
        world=make_world(name="The guild"),
        room=make_room(room),
        sender=make_person(person),
        memory=memory,
        target=Target(source="discord", account=ACCOUNT, channel_id=room, reply_to=key),
        sent_at=at,
        mark=mark,
        places_known=places_known,
    )


def make_reply(row: InboxRow, text: str = "hi") -> Memory:
    return Memory(
        agent_id=row.agent_id,
        entity_id=row.agent_id,
        room_id=row.room_id,
        content=Content(text=text, in_reply_to=row.memory_id),
        created_at=NOON + timedelta(hours=1),
    )


def make_part(memory: Memory | None = None, **more: Any) -> NewOutbox:
    fields: dict[str, Any] = {
        "account": ACCOUNT,
        "destination": f"{ACCOUNT}/room",
        "target": Target(source="discord", account=ACCOUNT, channel_id="room"),
        "payload": {"content": "hi"},
        "part": 0,
        "parts": 1,
        "memory_id": memory.id if memory else None,
        **more,
    }
    return NewOutbox(agent_id=AGENT, **fields)


def make_step(turn_id: UUID | None = None, **more: Any) -> StepRow:
    """A tool call, the only one of a turn's first round."""
    fields: dict[str, Any] = {
        "turn_id": turn_id or new_id(),
        "edition": 0,
        "round": 1,
        "call": 0,
        "call_id": "call_1",
        "name": "PAY",
        "arguments": '{"amount": 5}',
        "state": StepState.RUNNING,
        "created_at": NOON,
        **more,
    }
    return StepRow(agent_id=AGENT, **fields)


def make_run(room_id: UUID, **more: Any) -> RunRecord:
    fields: dict[str, Any] = {
        "id": new_id(),
        "started_at": NOON,
        "ended_at": NOON + timedelta(seconds=2),
        "status": "completed",
        **more,
    }
    return RunRecord(agent_id=AGENT, room_id=room_id, **fields)


def make_commit(*rows: InboxRow, reply: Memory | None = None, **more: Any) -> TurnCommit:
    """The end of a turn of `rows`, answered by one part."""
    reply = reply or make_reply(rows[-1])
    commit = TurnCommit(
        ends=tuple(InboxEnd(seq=row.seq, outcome=Outcome.ANSWERED, reason="mention") for row in rows),
        run=make_run(rows[-1].room_id),
        memories=(reply,),
        outbox=(make_part(reply),),
        revisions={row.memory_id: 0 for row in rows},
    )
    return replace(commit, **more)


def make_summary(said: Sequence[Numbered], text: str = "They said hello.", **more: Any) -> Summary:
    """A segment of these messages."""
    moments = [each.memory.created_at for each in said]
    fields: dict[str, Any] = {
        "first_seq": said[0].seq,
        "last_seq": said[-1].seq,
        "first_at": min(moments),
        "last_at": max(moments),
        "count": len(said),
        "made_at": NOON,
        **more,
    }
    return Summary(agent_id=AGENT, room_id=said[0].memory.room_id, text=text, **fields)


async def put_summary(
    store: Database, room_id: UUID, text: str = "They said hello.", *, count: int = 99, **more: Any
) -> Summary:
    """Put the oldest messages that are in no summary into one."""
    said, _ = await store.messages_to_fold(room_id, begins_at=None, count=count, horizon=1000)
    made = make_summary(said, text, **more)
    assert await store.put_summary(made, [each.print for each in said])
    return made
