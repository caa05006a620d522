"""A house full of secrets: who said what where, who asks where, and who may hear it."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from bot_host.contracts.plugin import Action, ActionCall, ActionResult, Agent
from bot_host.host import BotHost
from bot_host.kit.clock import utc_now
from bot_host.plugins.reminders.actions import TAGS
from bot_host.testing import FakePlatform
from bot_host.types.content import ChannelType, Content, Media, MediaType, Quote
from bot_host.types.ids import UUID, create_unique_uuid
from bot_host.types.inbound import InboundMessage, InboundReaction, PersonRef
from bot_host.types.knowledge import Audience, Component, Relationship
from bot_host.types.memory import Memory, MemoryType
from bot_host.types.places import OUTSIDERS, Entity
from bot_host.types.sources import knowledge_room
from bot_host.types.summary import Summary
from bot_host.types.task import Task

TOPIC: Final = "zanzibar"
"""Stands in all that was planted, so that a search for it finds all that it may."""


@dataclass(frozen=True, kw_only=True)
class Spot:
    """A room, and who speaks there."""

    key: str
    person: str = "ada"
    type: ChannelType = ChannelType.GROUP
    world: str = "guild"
    open: bool | None = None
    outsiders: bool = False

    @property
    def private(self) -> bool:
        return self.type is ChannelType.DM


SPOTS: Final = {
    spot.key: spot
    for spot in (
        Spot(key="adasdm", type=ChannelType.DM, world="dms"),
        Spot(key="adelesdm", type=ChannelType.DM, world="dms", person="adele"),
        Spot(key="bobsdm", type=ChannelType.DM, world="dms", person="bob"),
        Spot(key="lobby", open=True),
        Spot(key="hall", open=True, person="bob"),
        Spot(key="feed", open=True, type=ChannelType.FEED),
        Spot(key="board", open=False),
        Spot(key="attic"),
        Spot(key="hiddenthread", open=False, type=ChannelType.THREAD),
        Spot(key="guestroom", open=True, outsiders=True),
        Spot(key="abroad", open=True, world="abroad"),
    )
}
"""Adele is Ada, by an account that she linked. Of the attic nobody knows who reads it."""
ONE_PERSON: Final = ("ada", "adele")
FOREIGN: Final = Spot(key="otheragents", open=True)
"""A room of another agent of the same host."""
KINDS: Final = (
    "said",
    "quoted",
    "read",
    "visitorsaid",
    "name",
    "visitor",
    "emoji",
    "alone",
    "tag",
    "contact",
    "reminder",
    "summary",
    "passage",
    *(f"fact{audience}" for audience in Audience),
)


def secret(spot: Spot, kind: str) -> str:
    """A word that stands nowhere else."""
    return f"x{spot.key}{kind}x"


class House:
    """Two agents, each on a platform of its own."""

    def __init__(self, host: BotHost, platform: FakePlatform, foreign: FakePlatform) -> None:
        self.host = host
        self.store = host.store
        self.platform = platform
        self.foreign = foreign
        self.agent_id, self.foreign_id = (agent.agent_id for agent in host.get_agents())

    def id_of(self, key: str) -> UUID:
        return create_unique_uuid(self.agent_id, key)

    def message(self, spot: Spot, text: str, *, person: str = "", mention: bool = False) -> InboundMessage:
        platform = self.foreign if spot is FOREIGN else self.platform
        told = platform.message(
            text,
            person=person or spot.person,
            room=spot.key,
            type=spot.type,
            world=spot.world,
            open=spot.open,
            mention=mention,
            room_name=secret(spot, "name"),
        )
        room = replace(told.room, metadata={OUTSIDERS: True} if spot.outsiders else {})
        return replace(told, room=room)

    async def plant(self) -> None:
        """All kinds of secrets in all rooms, and the two accounts linked."""
        for spot in SPOTS.values():
            await self._plant(spot, self.platform, self.agent_id)
        await self._plant(FOREIGN, self.foreign, self.foreign_id)
        now = utc_now()
        ada, adele = (self.id_of(name) for name in ONE_PERSON)
        assert await self.store.put_link_code(ada, self.id_of("adasdm"), "ABCDEFGH", now=now)
        by = self.id_of("adelesdm:1")
        await self.store.use_link_code(adele, "ABCDEFGH", by=by, now=now)
        assert await self.store.linked_entities(ada) == [ada, adele]
        for agent_id in (self.agent_id, self.foreign_id):
            for memory in await self.store.list_memories(agent_id, count=10_000):
                await self.store.set_embedding(memory.id, [1.0, 0.0], model="m")

    async def _plant(self, spot: Spot, platform: FakePlatform, agent_id: UUID) -> None:
        said = self.message(spot, f"{TOPIC} {secret(spot, 'said')}")
        media = Media(
            id="file", url="", content_type=MediaType.DOCUMENT, text=f"{TOPIC} {secret(spot, 'read')}"
        )
        said.content.quotes = [Quote(author="Somebody", text=f"{TOPIC} {secret(spot, 'quoted')}")]
        said.content.attachments = [media]
        visit = self.message(spot, f"{TOPIC} {secret(spot, 'visitorsaid')}")
        visitor = PersonRef(key=f"visitor-{spot.key}", platform_id="v", name=secret(spot, "visitor"))
        alone = replace(self.message(spot, f"{TOPIC} {secret(spot, 'alone')}"), private=True)
        quiet = [replace(each, unanswered="only to be remembered") for each in (said, alone)]
        if not spot.private:
            quiet.append(replace(visit, sender=visitor, unanswered="only to be remembered"))
        await platform.accept(*quiet)
        await platform.accept(
            InboundReaction(
                event_key=said.event_key,
                message_id=said.message_id,
                channel_id=spot.key,
                world=said.world,
                room=said.room,
                sender=said.sender,
                reaction=f":{secret(spot, 'emoji')}:",
                added=True,
            )
        )
        await self._derive(spot, agent_id, said)

    async def _derive(self, spot: Spot, agent_id: UUID, said: InboundMessage) -> None:
        """What was learned from it, as reflection and the actions keep it."""
        speaker, room, world, source = (
            create_unique_uuid(agent_id, key) for key in (spot.person, spot.key, spot.world, said.memory_key)
        )
        dora = create_unique_uuid(agent_id, "dora")
        await self.store.apply_places("", [], [], [_person(agent_id, "dora")], None)
        for audience in Audience:
            await self.store.create_memory(
                Memory(
                    agent_id=agent_id,
                    entity_id=speaker,
                    room_id=room,
                    world_id=world,
                    type=MemoryType.FACT,
                    content=Content(text=f"{TOPIC} {secret(spot, f'fact{audience}')}"),
                    source_memory_id=source,
                    audience=audience,
                )
            )
        shelf = knowledge_room(agent_id)
        await self.store.apply_places("", [], [shelf], [], None)
        passage = Memory(
            agent_id=agent_id,
            entity_id=agent_id,
            room_id=shelf.id,
            world_id=world,
            type=MemoryType.FRAGMENT,
            content=Content(text=f"{TOPIC} {secret(spot, 'passage')}"),
            audience=Audience.WORLD,
        )
        await self.store.create_memory(passage)
        await self.store.put_relationship(
            Relationship(
                agent_id=agent_id,
                source_entity_id=speaker,
                target_entity_id=dora,
                tags=(secret(spot, "tag"),),
                source_memory_id=source,
                audience=Audience.ENTITY if spot.private else Audience.ROOM,
            )
        )
        await self.store.create_component(
            Component(
                agent_id=agent_id,
                entity_id=speaker,
                type="contact:email",
                data={"value": secret(spot, "contact")},
                room_id=room,
                world_id=world,
                source_entity_id=speaker,
            )
        )
        [(first, *_), _] = await self.store.messages_to_fold(room, begins_at=None, count=1, horizon=100)
        at = first.memory.created_at
        summary = Summary(
            agent_id=agent_id,
            room_id=room,
            first_seq=first.seq,
            last_seq=first.seq,
            first_at=at,
            last_at=at,
            count=1,
            text=secret(spot, "summary"),
        )
        assert await self.store.put_summary(summary, [first.print])
        await self.store.create_task(
            Task(
                agent_id=agent_id,
                name="REMINDER",
                room_id=room,
                entity_id=speaker,
                tags=TAGS,
                metadata={"about": secret(spot, "reminder"), "text": secret(spot, "reminder")},
                due_at=utc_now().replace(year=2099),
            )
        )


def _person(agent_id: UUID, key: str) -> Entity:
    return Entity(id=create_unique_uuid(agent_id, key), agent_id=agent_id, names=(key.title(),))


def everything() -> Iterator[tuple[Spot, str, str]]:
    """All that was planted: where, of what kind, and the word."""
    for spot in (*SPOTS.values(), FOREIGN):
        for kind in KINDS:
            yield spot, kind, secret(spot, kind)


def may_hear(asked: Spot, person: str, spot: Spot, kind: str) -> bool:
    """The rule in words of its own: whether who reads the answer in `asked` may know what was planted."""
    if spot is FOREIGN:
        return False
    if kind == f"fact{Audience.AGENT}":
        return True
    if kind in (f"fact{Audience.ENTITY}", "alone"):
        return asked.private and _same_person(asked.person, spot.person) and (kind != "alone" or spot.private)
    here = spot.key == asked.key
    if kind == "summary":
        return here
    if kind == "passage":
        return not asked.private and not asked.outsiders and spot.world == asked.world
    if kind == "reminder":
        return (asked.private or here) and person == spot.person
    if asked.private:
        # Whatever they told of themselves, and all of their own chats.
        told = kind.startswith("fact") or kind in ("tag", "contact")
        return _same_person(asked.person, spot.person) and (spot.private or told)
    if here:
        return True
    shared = spot.world == asked.world and bool(spot.open) and not asked.outsiders
    return shared and kind not in (f"fact{Audience.ROOM}", "tag")


def must_hear(asked: Spot, person: str, spot: Spot, kind: str) -> bool:
    """What is really to be found, and not only allowed."""
    found = ("said", "visitorsaid", *(f"fact{audience}" for audience in Audience))
    if kind in ("visitor", "visitorsaid") and spot.private:
        return False
    own = ("tag", "contact", "reminder") if person == spot.person else ()
    here = ("name", "visitor", "quoted") if spot.key == asked.key and not asked.private else ()
    return may_hear(asked, person, spot, kind) and kind in (*found, *own, *here, "summary", "passage")


def _same_person(one: str, other: str) -> bool:
    return one == other or {one, other} == set(ONE_PERSON)


def probing(found: list[str]) -> Action:
    """An action that looks for all there is, by all that a plugin has, and notes it."""

    async def probe(agent: Agent, call: ActionCall) -> ActionResult:
        message = call.message
        names = [provider.name for provider in agent.providers]
        state = await agent.compose_state(message, names, only_include=True)
        found.append(state.text)
        found.extend(map(repr, state.values.values()))
        memories = [
            *await agent.search_memories(TOPIC, limit=1000),  # type: ignore[attr-defined]
            *await agent.search_memories_by_embedding([1.0, 0.0], count=1000),  # type: ignore[attr-defined]
            *await agent.search_facts(TOPIC, limit=1000),  # type: ignore[attr-defined]
        ]
        found.extend(repr((each.content.to_dict(), each.metadata)) for each in memories)
        for entity_id in (message.entity_id, create_unique_uuid(agent.agent_id, "dora")):
            found.extend(map(repr, await agent.get_relationships(entity_id)))  # type: ignore[attr-defined]
        found.append(repr(await agent.get_entity_details(room_id=message.room_id)))  # type: ignore[attr-defined]
        listed = next(action for action in agent.actions if action.name == "LIST_REMINDERS")
        found.append((await listed.handler(agent, call)).text)
        return ActionResult(text="Looked.")

    return Action(name="PROBE", description="Look for all there is.", handler=probe)
