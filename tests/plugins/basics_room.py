"""A started agent with the built-in plugin, in a room with Ada and Bob, on a real store in memory."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from bot_host.plugin import (
    ActionResult,
    Agent,
    Audience,
    ChannelType,
    Content,
    Entity,
    Memory,
    MemoryType,
    ModelType,
    ObjectRequest,
    Plugin,
    Room,
    World,
    create_unique_uuid,
)
from bot_host.plugins.basics import plugin as basics
from bot_host.runtime import AgentRuntime
from bot_host.runtime.config import AgentOptions
from bot_host.store import make_store
from bot_host.types.character import Character

ELIZA = Character(name="Eliza", bio=["Helps."], settings={"COLOR": "blue", "API_KEY": "sk-1"})
ME = ELIZA.agent_id


def make_id(base: str) -> str:
    return create_unique_uuid(ME, base)


ADA, BOB, CAT = (make_id(name) for name in ("ada", "bob", "cat"))
WORLD, HOME = make_id("world"), make_id("dms")
GROUP, OTHER, ADAS = (make_id(name) for name in ("kitchen", "garden", "ada's chat"))


class Small:
    """A small model whose JSON answers are the test's."""

    def __init__(self, provider: str = "scripted") -> None:
        self.answers: list[Any] = []
        self.asked: list[str] = []
        self.meanwhile: Callable[[], Awaitable[None]] | None = None
        """Happens while it thinks."""
        self.plugin = Plugin(name=provider, models={ModelType.OBJECT_SMALL: self._answer}, priority=-50)

    async def _answer(self, agent: Agent, request: ObjectRequest) -> dict[str, Any]:
        self.asked.append(request.prompt)
        if self.meanwhile is not None:
            await self.meanwhile()
        answer = self.answers.pop(0) if self.answers else {}
        if isinstance(answer, Exception):
            raise answer
        assert isinstance(answer, dict)
        return answer


class Place:
    """The agent and short ways to speak with it."""

    def __init__(self, agent: AgentRuntime) -> None:
        self.agent = agent
        self.store = agent.store
        self.said: list[Content] = []

    def message(self, text: str = "hi", *, sender: str = ADA, room: str = GROUP, **content: Any) -> Memory:
        kind = ChannelType.DM if room == ADAS else ChannelType.GROUP
        return Memory(
            agent_id=ME,
            entity_id=sender,
            room_id=room,
            world_id=HOME if room == ADAS else WORLD,
            content=Content(**{"text": text, "channel_type": kind, "source": "fake", **content}),
        )

    async def keep(self, *messages: Memory) -> None:
        for message in messages:
            await self.store.create_memory(message)

    async def do(self, action: str, message: Memory | None = None, /, **arguments: Any) -> ActionResult:
        """Run an action as a response of the model would name it."""
        asked = message or self.message()
        response = Memory(
            agent_id=ME,
            entity_id=ME,
            room_id=asked.room_id,
            content=Content.model_validate({"actions": [action], "parameters": {action: arguments}}),
        )
        [result] = await self.agent.process_actions(asked, [response], callback=self._hear)
        return result

    async def confirmed(
        self, action: str, message: Memory | None = None, /, **arguments: Any
    ) -> ActionResult:
        """Ask, and say yes to the question."""
        asked = message or self.message()
        first = await self.do(action, asked, **arguments)
        if not first.data.get("needs_confirmation"):
            return first
        yes = self.message("yes", sender=asked.entity_id, room=asked.room_id)
        return await self.do("CONFIRM", yes)

    async def offered(self, message: Memory | None = None) -> set[str]:
        return {action.name for action in await self.agent.select_actions(message or self.message())}

    async def told(self, provider: str, message: Memory | None = None) -> str:
        """What one provider says; after ROOM, as in a prompt."""
        asked = message or self.message()
        await self.agent.compose_state(asked, ["ROOM"], only_include=True)
        return (await self.agent.compose_state(asked, [provider], only_include=True)).text

    async def fact(
        self, text: str, about: str = ADA, room: str = GROUP, audience: Audience | None = Audience.ROOM
    ) -> Memory:
        fact = Memory(
            agent_id=ME,
            entity_id=about,
            room_id=room,
            world_id=HOME if room == ADAS else WORLD,
            type=MemoryType.FACT,
            content=Content(text=text),
            audience=audience,
        )
        await self.store.create_memory(fact)
        return fact

    async def open_up(self, *room_ids: str, closed: bool = False) -> None:
        """From now on everybody of the world may read these rooms, or not any more."""
        for room_id in room_ids:
            room = await self.store.find_room(room_id)
            assert room is not None
            await self.store.apply_places("", [], [replace(room, open=not closed)], [], None)

    async def facts(self) -> dict[str, Memory]:
        found = await self.store.list_memories(ME, type=MemoryType.FACT, count=100)
        return {fact.content.text: fact for fact in found}

    async def _hear(self, content: Content) -> list[Memory]:
        self.said.append(content)
        return []


@asynccontextmanager
async def open_place(
    *plugins: Plugin, settings: dict[str, Any] | None = None, host: Any = None
) -> AsyncIterator[Place]:
    """Ada owns the world and has a private chat; Bob and Cat are in the kitchen, Cat in the garden."""
    async with make_store("sqlite://", base=Path()) as store:
        agent = AgentRuntime(
            ELIZA,
            store=store,
            plugins=[basics, *plugins],
            settings={"REFLECTION_INTERVAL": 8, **(settings or {})},
            host=host,
            options=AgentOptions(background=False),
        )
        await agent.start()
        metadata = {"ownership": {"owner_id": ADA}}
        worlds = [
            World(id=WORLD, agent_id=ME, name="Home", metadata=metadata),
            World(id=HOME, agent_id=ME, name="Chats"),
        ]
        rooms = [
            Room(id=GROUP, agent_id=ME, world_id=WORLD, name="kitchen", source="fake", channel_id="k"),
            Room(id=OTHER, agent_id=ME, world_id=WORLD, name="garden", source="fake", channel_id="g"),
            Room(id=ADAS, agent_id=ME, world_id=HOME, source="fake", channel_id="d", type=ChannelType.DM),
        ]
        people = [
            Entity(id=each, agent_id=ME, names=(name,), metadata={"fake": {"user_name": name.lower()}})
            for each, name in ((ADA, "Ada"), (BOB, "Bob"), (CAT, "Cat"))
        ]
        await store.apply_places("", worlds, rooms, people, None)
        await store.add_participants(ME, GROUP, [ADA, BOB, CAT, ME])
        await store.add_participants(ME, OTHER, [CAT, ME])
        await store.add_participants(ME, ADAS, [ADA, ME])
        try:
            yield Place(agent)
        finally:
            await agent.stop()
