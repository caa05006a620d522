"""Messages that callers of the library bring, as admissions like any other."""

from collections.abc import Collection, Mapping
from typing import Any

from pydantic import ValidationError

from bot_host.host.accounts import LOCAL
from bot_host.host.handlers import handler_account
from bot_host.kit.clean import clean_text
from bot_host.kit.clock import utc_now
from bot_host.runtime.given import keys_of
from bot_host.types.content import ChannelType, Content
from bot_host.types.errors import StateError
from bot_host.types.ids import UUID, is_uuid, new_id
from bot_host.types.memory import PLATFORM_ROLE, SOURCE_ACCOUNT, Memory
from bot_host.types.outbound import Target
from bot_host.types.places import Entity, Room, World
from bot_host.types.turn import Admission


def admission_of(
    agent_id: UUID, message: Mapping[str, Any] | Memory, *, handled: Collection[str] = ()
) -> Admission:
    """A caller's message, checked. Raises StateError that names the key.

    `handled`: sources that the agent has a send handler for. Its answers go out by that, too.
    """
    memory = message if isinstance(message, Memory) else _memory(agent_id, message)
    content = memory.content
    source = content.source or "local"
    content = content.model_copy(
        update={
            "text": clean_text(content.text),
            "source": source,
            "channel_type": content.channel_type or ChannelType.DM,
        }
    )
    now = utc_now()
    world_id = memory.world_id or memory.room_id
    memory = memory.model_copy(
        update={
            "content": content,
            "agent_id": agent_id,
            "world_id": world_id,
            "created_at": now,
            # A caller's message came through no platform account, whatever it says.
            "metadata": {key: told for key, told in memory.metadata.items() if key != SOURCE_ACCOUNT},
        }
    )
    account = handler_account(agent_id, source).key if source in handled else f"{LOCAL}{agent_id}"
    platform_id = {"id": memory.entity_id}
    return Admission(
        agent_id=agent_id,
        account=account,
        event_key=memory.id,
        message_id=memory.id,
        world=World(id=world_id, agent_id=agent_id, platform=source, platform_id=world_id),
        room=Room(
            id=memory.room_id,
            agent_id=agent_id,
            world_id=world_id,
            source=source,
            type=content.channel_type or ChannelType.DM,
            channel_id=memory.room_id,
        ),
        sender=Entity(id=memory.entity_id, agent_id=agent_id, metadata={source: platform_id}),
        memory=memory,
        target=Target(source=source, account=account, room_id=memory.room_id, channel_id=memory.room_id),
        sent_at=now,
    )


def _memory(agent_id: UUID, told: Mapping[str, Any]) -> Memory:
    if not isinstance(told, Mapping):
        raise StateError(
            "the message: expected a mapping with entity_id, room_id and content, or a Memory, "
            f"found {type(told).__name__}"
        )
    message = keys_of(told)
    for key in ("entity_id", "room_id", "content"):
        if key not in message:
            raise StateError(f"the message has no {key}")
    ids: dict[str, str] = {}
    for key in ("id", "entity_id", "room_id", "world_id"):
        if message.get(key) is not None:
            ids[key] = str(message[key]).lower()
            if not is_uuid(ids[key]):
                raise StateError(f"the message's {key} is not a UUID: {ids[key][:80]!r}")
    given = message["content"]
    try:
        content = given if isinstance(given, Content) else Content.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise StateError(f"the message's content.{where}: {first['msg']}") from error
    return Memory(
        id=ids.get("id") or new_id(),
        agent_id=agent_id,
        entity_id=ids["entity_id"],
        room_id=ids["room_id"],
        world_id=ids.get("world_id"),
        content=content,
        metadata=_metadata(message.get("metadata")),
    )


def _metadata(given: Any) -> dict[str, Any]:
    if given is not None and not isinstance(given, Mapping):
        raise StateError(f"the message's metadata: expected a mapping, found {type(given).__name__}")
    # What the platform says of people comes from connectors alone.
    return {key: value for key, value in (given or {}).items() if key != PLATFORM_ROLE}
