"""What an agent remembers, as the pages get it: with names, places and who may hear of it in words."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import Query

from bot_host.kit.clean import one_line
from bot_host.kit.logs import SecretMask
from bot_host.runtime import AgentRuntime
from bot_host.types.content import ChannelType
from bot_host.types.ids import UUID, as_id, is_uuid
from bot_host.types.knowledge import Audience, Relationship
from bot_host.types.memory import Memory, MemoryType
from bot_host.types.memory_views import Place
from bot_host.types.places import Entity
from bot_host.web.errors import ApiError
from bot_host.web.hub import Hub

PRIVATE: Final = frozenset({ChannelType.DM, ChannelType.VOICE_DM, ChannelType.SELF, ChannelType.API})
BY: Final = "console"
"""On the record, as who did it."""
ABOUT: Final = "about"
"""In a fact's metadata: whom it is about, or `HERE`; see the basics plugin."""
HERE: Final = "here"
NAME: Final = 80
SAID: Final = 300
"""Characters of a message that something was learned from."""
_PASSWORD: Final = re.compile(r"(://[^:/@\s]*:)[^@/\s]*(?=@)")

Agent = Annotated[
    str, Query(max_length=200, description="The agent's name or id; empty: the first of the host.")
]
Person = Annotated[str, Query(max_length=36, description="An entity's id: only theirs.")]
RoomId = Annotated[str, Query(max_length=36, description="A room's id: only of there.")]


def agent_of(hub: Hub, wanted: str) -> AgentRuntime:
    """The agent that is meant; without a name the first. Raises ApiError 404."""
    if wanted:
        return hub.agent(wanted)
    agents = hub.host.get_agents()
    if not agents:
        raise ApiError(404, "this host has no agent")
    return agents[0]


def agent_with(hub: Hub, agent_id: UUID) -> AgentRuntime | None:
    """One of the host's agents, by its id."""
    return next((each for each in hub.host.get_agents() if each.agent_id == agent_id), None)


def id_or_none(text: str, name: str) -> UUID | None:
    """A parameter that holds an id; None for nothing. Raises ApiError 400."""
    if not text:
        return None
    if not is_uuid(text):
        raise ApiError(400, f"{name}: expected an id such as 6b86b273-ff34-4ce1-9d6b-804eff5a3f57")
    return as_id(text)


def moment(text: str) -> datetime:
    """The time in a cursor. Raises ApiError 400."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise ApiError(400, "after: this is no cursor of this list; take `next` of the page before")
    return found


def cursor_id(text: str) -> UUID:
    """The id in a cursor. Raises ApiError 400."""
    if not is_uuid(text):
        raise ApiError(400, "after: this is no cursor of this list; take `next` of the page before")
    return as_id(text)


def hidden(hub: Hub, text: str) -> str:
    """A text without the configuration's secrets, and without passwords in addresses."""
    mask = SecretMask()
    if hub.loaded is not None:
        mask.add(*hub.loaded.secrets)
    return _PASSWORD.sub(r"\1***", mask.hide(text))


def name_of(entity: Entity | None) -> str:
    """How to call somebody; their account where they have no name."""
    if entity is None:
        return ""
    names = [one_line(name, NAME) for name in entity.names]
    return next((name for name in names if name), "") or next(
        (f"{each['platform']} {each['id']}" for each in accounts_of(entity)), ""
    )


def accounts_of(entity: Entity) -> list[dict[str, str]]:
    """The platforms on which somebody is known."""
    return [
        {
            "platform": one_line(str(platform), NAME),
            "id": one_line(str(about["id"]), NAME),
            "name": one_line(str(about.get("user_name") or about.get("name") or ""), NAME),
        }
        for platform, about in entity.metadata.items()
        if isinstance(about, Mapping) and about.get("id")
    ]


def place_told(place: Place | None) -> dict[str, Any] | None:
    """A room in few words."""
    if place is None:
        return None
    return {
        "id": place.room.id,
        "name": one_line(place.room.name, NAME),
        "world": one_line(place.world, NAME),
        "source": place.room.source,
        "private": place.room.type in PRIVATE,
        "open": bool(place.room.open),
    }


def where(place: Place | None) -> str:
    """Whoever reads along in a room, in words."""
    if place is None:
        return "whoever is in that room"
    name = one_line(place.room.name, NAME)
    if place.room.type in PRIVATE:
        return "whoever is in that private chat"
    return f"whoever is in {name}" if name else "whoever is in that room"


def heard_by(audience: Audience | None, place: Place | None, teller: str, *, fact: bool = False) -> str:
    """Who may hear of something, in words: the rule of `bot_host.types.hearing`."""
    teller = teller or "whoever told it"
    if audience is Audience.AGENT:
        return "everybody whom the agent talks with"
    if audience is Audience.ENTITY:
        return f"{teller} alone, in private"
    told = where(place)
    if audience is not Audience.ROOM and place is not None and place.room.open and place.room.world_id:
        told = f"everybody in {one_line(place.world, NAME) or 'that server'}"
    return f"{told}, and {teller} in private" if fact else told


@dataclass(slots=True)
class Told:
    """Names and places of what is shown, asked for in three queries however much it is."""

    agent: AgentRuntime
    people: Mapping[UUID, Entity] = field(default_factory=dict)
    places: Mapping[UUID, Place] = field(default_factory=dict)
    said: Mapping[UUID, Memory] = field(default_factory=dict)

    @classmethod
    async def of(
        cls,
        agent: AgentRuntime,
        memories: Iterable[Memory] = (),
        relationships: Iterable[Relationship] = (),
    ) -> "Told":
        """For these. Raises StoreError."""
        memories, links = list(memories), list(relationships)
        sources = {each.source_memory_id for each in memories} | {each.source_memory_id for each in links}
        said = await agent.store.get_memories_by_ids([each for each in sources if each])
        shown = [*memories, *said]
        people = {each.entity_id for each in shown}
        people |= {about for each in memories if is_uuid(about := str(each.metadata.get(ABOUT, "")))}
        people |= {each.source_entity_id for each in links} | {each.target_entity_id for each in links}
        return cls(
            agent,
            await agent.store.get_entities(list(people)),
            await agent.store.places(list({each.room_id for each in shown})),
            {each.id: each for each in said},
        )

    def who(self, entity_id: UUID) -> dict[str, Any]:
        """Somebody in few words."""
        mine = entity_id == self.agent.agent_id
        name = self.agent.character.name if mine else name_of(self.people.get(entity_id))
        return {"id": entity_id, "name": name, "agent": mine}

    def memory(self, memory: Memory) -> dict[str, Any]:
        """A memory; `heard_by` says in words who may hear of it."""
        place, teller = self.places.get(memory.room_id), self.who(memory.entity_id)
        fact = memory.type is MemoryType.FACT
        return {
            "id": memory.id,
            "type": memory.type,
            "text": memory.content.text,
            "created_at": memory.created_at.isoformat(),
            "person": teller,
            "about": self._about(memory),
            "room": place_told(place),
            "source": self.source(memory.source_memory_id),
            "confidence": memory.confidence,
            "audience": memory.audience,
            "heard_by": heard_by(memory.audience, place, teller["name"], fact=fact),
            "edited": memory.revision > 0,
        }

    def _about(self, memory: Memory) -> dict[str, Any] | None:
        about = memory.metadata.get(ABOUT)
        if about == HERE:
            return {"id": None, "name": "the room and its people", "agent": False}
        return self.who(about) if isinstance(about, str) and is_uuid(about) else None

    def source(self, memory_id: UUID | None) -> dict[str, Any] | None:
        """What something was learned from."""
        said = self.said.get(memory_id) if memory_id else None
        if said is None:
            return None
        return {
            "id": said.id,
            "type": said.type,
            "text": one_line(said.content.text, SAID),
            "created_at": said.created_at.isoformat(),
            "person": self.who(said.entity_id),
            "room": place_told(self.places.get(said.room_id)),
        }

    def relationship(self, link: Relationship) -> dict[str, Any]:
        """A relationship; `heard_by` says in words who may hear of it."""
        one = self.who(link.source_entity_id)
        said = self.said.get(link.source_memory_id) if link.source_memory_id else None
        words = heard_by(
            link.audience, self.places.get(said.room_id) if said else None, one["name"], fact=True
        )
        if said is None and link.audience is not Audience.AGENT:
            words = "each of the two in private"
        return {
            "id": link.id,
            "from": one,
            "to": self.who(link.target_entity_id),
            "tags": list(link.tags),
            "confidence": link.confidence,
            "audience": link.audience,
            "heard_by": words,
            "source": self.source(link.source_memory_id),
            "updated_at": link.updated_at.isoformat(),
        }
