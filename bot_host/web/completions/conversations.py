"""Which room a request in OpenAI's form belongs to, and what of its earlier messages is new there.

Such a client keeps the conversation and sends all of it each time; here it is remembered. So that nothing is
told to the model twice, what the room knows counts, and only what it does not know is taken over, once.

A client that names the conversation (`X-Conversation-Id`) is in the room of that name. For one that does not,
all that was said, up to the last answer, says which conversation it is: the room in which just that was said
and nothing since. Where there is none (a new conversation, one that the client changed, another host's, or
from before a restart) a new room is made.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from bot_host.kit.clock import utc_now
from bot_host.runtime import AgentRuntime
from bot_host.types.content import ChannelType, Content
from bot_host.types.ids import UUID, create_unique_uuid
from bot_host.types.memory import Memory
from bot_host.types.places import Entity, Room, World
from bot_host.web.completions.asked import Line
from bot_host.web.messages import SOURCE

KNOWN: Final = 10_000
"""Conversations that are known by what was said in them."""
TAKEN_OVER: Final = 50
"""Earlier messages that are taken over at the most, the newest."""
LOOKED_AT: Final = 200
"""Messages of a room among which earlier ones are looked for."""


class Conversations:
    """See the module."""

    def __init__(self) -> None:
        self._rooms: OrderedDict[bytes, UUID] = OrderedDict()

    def take(self, agent_id: UUID, entity_id: UUID, said: Sequence[Line]) -> UUID | None:
        """The room in which just this was said. It is given once: two who go on from here do not mix."""
        return self._rooms.pop(_mark(agent_id, entity_id, said), None) if said else None

    def note(self, agent_id: UUID, entity_id: UUID, said: Sequence[Line], room_id: UUID) -> None:
        """This was said in a room, and nothing since."""
        self._rooms[_mark(agent_id, entity_id, said)] = room_id
        while len(self._rooms) > KNOWN:
            self._rooms.popitem(last=False)


def _mark(agent_id: UUID, entity_id: UUID, said: Sequence[Line]) -> bytes:
    digest = hashlib.blake2b(f"{agent_id}\0{entity_id}".encode(), digest_size=16)
    for line in said:
        # Each text by its own digest, so that no text can pass for two.
        text = hashlib.blake2b(line.text.strip().encode("utf-8", "replace"), digest_size=16).digest()
        digest.update((b"a" if line.mine else b"u") + text)
    return digest.digest()


def _texts(there: Sequence[Memory], agent_id: UUID) -> set[tuple[bool, str]]:
    """By whom, and what. What the agent said in several messages reached the client as one, too."""
    known = set()
    together: list[str] = []
    for memory in there:
        mine, text = memory.entity_id == agent_id, memory.content.text.strip()
        together = [*together, text] if mine else []
        known |= {(mine, text), (mine, "\n\n".join(together) if mine else text)}
    return known


def _first_new(earlier: Sequence[Line], known: set[tuple[bool, str]]) -> int:
    """The place after the last message that is known; an answer is, when its question is."""
    new = 0
    was_known = False
    for place, line in enumerate(earlier):
        answers = line.mine and was_known and not earlier[place - 1].mine
        was_known = answers or (line.mine, line.text) in known
        if was_known:
            new = place + 1
    return new


async def take_over(agent: AgentRuntime, room_id: UUID, entity_id: UUID, earlier: Sequence[Line]) -> int:
    """Remember what was said earlier, as far as the room does not know it; how much. Raises StoreError."""
    if not earlier:
        return 0
    there = await agent.store.get_memories(room_id, count=LOOKED_AT)
    new = _first_new(earlier, _texts(there, agent.agent_id))
    lines = earlier[new:][-TAKEN_OVER:]
    if not lines:
        return 0
    await agent.store.apply_places(
        SOURCE,
        [World(id=room_id, agent_id=agent.agent_id, platform=SOURCE, platform_id=room_id)],
        [
            Room(
                id=room_id,
                agent_id=agent.agent_id,
                world_id=room_id,
                source=SOURCE,
                type=ChannelType.DM,
                channel_id=room_id,
            )
        ],
        [Entity(id=entity_id, agent_id=agent.agent_id, metadata={SOURCE: {"id": entity_id}})],
        None,
    )
    now = utc_now()
    for place, line in enumerate(lines):
        # The same id for the same message: a request that comes twice at once takes it over once.
        said = hashlib.sha256(line.text.encode("utf-8", "replace")).hexdigest()
        await agent.store.create_memory(
            Memory(
                id=create_unique_uuid(agent.agent_id, f"taken-over-{room_id}-{new + place}-{said}"),
                agent_id=agent.agent_id,
                entity_id=agent.agent_id if line.mine else entity_id,
                room_id=room_id,
                world_id=room_id,
                content=Content(text=line.text, source=SOURCE, channel_type=ChannelType.DM),
                created_at=now - timedelta(milliseconds=len(lines) - place),
                metadata={"taken_over": True},
            )
        )
    return len(lines)
