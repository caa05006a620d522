"""What tasks can do without a plugin: say a text, or put a prompt to the agent."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC
from typing import Any, Final

from bot_host.contracts.plugin import Agent, TaskWorker
from bot_host.contracts.results import Delivery
from bot_host.contracts.store import Store
from bot_host.host.accounts import LOCAL, Accounts
from bot_host.kit.clock import utc_now
from bot_host.types.content import Content, MentionContext, MentionType
from bot_host.types.errors import SendLater, StateError
from bot_host.types.ids import UUID, create_unique_uuid
from bot_host.types.memory import FOR_ENTITY, Memory
from bot_host.types.outbound import Target
from bot_host.types.places import Entity, Room, World
from bot_host.types.task import Task
from bot_host.types.turn import Admission, Admitted

PROMPT: Final = "prompt"
"""Tasks whose `metadata.prompt` comes to the agent as a message in their room."""
TEXT: Final = "text"
"""Tasks whose `metadata.text` is said in their room, as it is."""
CONNECT_SECONDS: Final = 10.0
"""Before the next try while the platform's account is not logged in."""

Admit = Callable[[Sequence[Admission]], Awaitable[list[Admitted]]]
Say = Callable[[UUID, Target, Content, UUID, dict[str, Any]], Awaitable[Delivery]]


def occurrence_key(task: Task) -> str:
    """What is the same each time an occurrence is tried: the task, and the time it was meant for."""
    assert task.due_at is not None
    return f"task/{task.id}/{task.due_at.astimezone(UTC).isoformat()}"


def built_in_workers(store: Store, accounts: Accounts, *, admit: Admit, say: Say) -> dict[str, TaskWorker]:
    """The workers `prompt` and `text`.

    Where: the task's room; else `metadata.room_id`; else `metadata.target`, with the keys of Target. An
    occurrence that is run again, after a kill, is one inbox row and one message all the same. As long as
    the platform's account is not logged in, they wait without counting as failed.
    """

    async def prompt(agent: Agent, options: Mapping[str, Any], task: Task) -> None:
        words = _words(options, "prompt")
        room, target = await _place(store, agent.agent_id, task)
        if room is None:
            raise StateError(
                f"the agent has no room for {target.source} {target.channel_id}: write to it there once"
            )
        if is_local(room) and not accounts.handles(agent.agent_id, room.source):
            account = f"{LOCAL}{agent.agent_id}"
        elif not _is_open(accounts, agent.agent_id, target):
            raise _not_yet(target)
        else:
            account = accounts.resolve(agent.agent_id, target).account.key
        await admit([await _admission(store, agent, task, room, account, target, words)])

    async def text(agent: Agent, options: Mapping[str, Any], task: Task) -> None:
        words = _words(options, "text")
        room, target = await _place(store, agent.agent_id, task)
        memory_id = create_unique_uuid(agent.agent_id, occurrence_key(task))
        content = Content(text=words, source=target.source)
        metadata: dict[str, Any] = {"task_id": task.id}
        if task.entity_id:
            metadata[FOR_ENTITY] = task.entity_id
        if room is not None and is_local(room) and not accounts.speaks(agent.agent_id, room.source):
            # Nobody sends there: whoever reads the room finds it.
            await store.create_memory(
                Memory(
                    id=memory_id,
                    agent_id=agent.agent_id,
                    entity_id=agent.agent_id,
                    room_id=room.id,
                    world_id=room.world_id,
                    content=content,
                    metadata=metadata,
                )
            )
            return
        try:
            await say(agent.agent_id, target, content, memory_id, metadata)
        except StateError:
            if not _is_open(accounts, agent.agent_id, target):
                raise _not_yet(target) from None
            raise

    return {
        PROMPT: TaskWorker(name=PROMPT, execute=prompt),
        TEXT: TaskWorker(name=TEXT, execute=text),
    }


def _is_open(accounts: Accounts, agent_id: UUID, target: Target) -> bool:
    if target.account:
        return accounts.find(target.account) is not None
    return accounts.speaks(agent_id, target.source)


def _not_yet(target: Target) -> SendLater:
    return SendLater(f"{target.account or target.source} is not connected", after_s=CONNECT_SECONDS)


def _words(options: Mapping[str, Any], key: str) -> str:
    words = options.get(key)
    if not isinstance(words, str) or not words.strip():
        raise StateError(f"the task's metadata has no {key}")
    return words


def is_local(room: Room) -> bool:
    """Made by a caller of the library: no platform knows it (`host.local`)."""
    return room.channel_id in ("", room.id)


async def _place(store: Store, agent_id: UUID, task: Task) -> tuple[Room | None, Target]:
    room_id = task.room_id or task.metadata.get("room_id")
    if room_id:
        room = await store.find_room(room_id)
        if room is None or room.agent_id != agent_id:
            word = task.metadata.get("room") or room_id
            raise StateError(f'the agent knows no room "{word}": write to it there once')
        return room, _target_of(room)
    try:
        target = Target.from_dict(dict(task.metadata.get("target") or {}))
    except TypeError as error:
        raise StateError(f"the task's target: {error}") from error
    if target.room_id:
        room = await store.find_room(target.room_id)
    else:
        room = await store.find_room_by_channel(agent_id, target.source, target.channel_id, target.thread_id)
    if room is None or room.agent_id != agent_id:
        return None, target
    return room, _target_of(room, account=target.account)


def _target_of(room: Room, *, account: str = "") -> Target:
    return Target(
        source=room.source,
        account=account,
        room_id=room.id,
        channel_id=room.channel_id,
        thread_id=room.thread_id,
    )


async def _admission(
    store: Store, agent: Agent, task: Task, room: Room, account: str, target: Target, words: str
) -> Admission:
    key = occurrence_key(task)
    world = await store.find_world(room.world_id) if room.world_id else None
    world = world or World(id=room.world_id or room.id, agent_id=agent.agent_id, platform=room.source)
    sender = await store.find_entity(task.entity_id) if task.entity_id else None
    if sender is None:
        sender = Entity(
            id=create_unique_uuid(agent.agent_id, "schedule"), agent_id=agent.agent_id, names=("Schedule",)
        )
    now = utc_now()
    memory = Memory(
        id=create_unique_uuid(agent.agent_id, key),
        agent_id=agent.agent_id,
        entity_id=sender.id,
        room_id=room.id,
        world_id=world.id,
        content=Content(
            text=words,
            source=room.source,
            channel_type=room.type,
            # It is meant for the agent, in whatever room.
            mention_context=MentionContext(is_mention=True, mention_type=MentionType.PLATFORM_MENTION),
        ),
        created_at=now,
        metadata={"task_id": task.id},
    )
    return Admission(
        agent_id=agent.agent_id,
        account=account,
        event_key=key,
        message_id=memory.id,
        world=world,
        room=room,
        sender=sender,
        memory=memory,
        target=Target.from_dict({**target.to_dict(), "account": account}),
        sent_at=now,
    )
