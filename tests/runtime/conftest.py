"""A runtime on a real store in memory."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from bot_host.plugin import Plugin
from bot_host.runtime import AgentRuntime
from bot_host.runtime.config import AgentOptions
from bot_host.store import Database, make_store
from bot_host.types.character import Character
from bot_host.types.content import Content
from bot_host.types.ids import UUID, new_id
from bot_host.types.memory import Memory
from bot_host.types.places import Entity, Room, World

ELIZA = Character(name="Eliza", bio=["Helps."])
WORLD, ROOM, ADA, BOB = (new_id() for _ in range(4))

Agents = Callable[..., AgentRuntime]


def message(text: str = "hi", *, sender: UUID = ADA, room: UUID = ROOM) -> Memory:
    return Memory(agent_id=ELIZA.agent_id, entity_id=sender, room_id=room, content=Content(text=text))


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Database]:
    async with make_store("sqlite://", base=tmp_path) as store:
        yield store


@pytest.fixture
async def agents(store: Database) -> AsyncIterator[Agents]:
    """Makes agents on the store; stops them all."""
    made: list[AgentRuntime] = []

    def make(
        *plugins: Plugin,
        character: Character = ELIZA,
        options: AgentOptions | None = None,
        settings: dict[str, object] | None = None,
    ) -> AgentRuntime:
        agent = AgentRuntime(character, store=store, plugins=plugins, options=options, settings=settings)
        made.append(agent)
        return agent

    yield make
    for agent in made:
        await agent.stop()


@pytest.fixture
async def agent(agents: Agents, store: Database) -> AgentRuntime:
    """A started agent with no plugins, in a room with Ada and Bob."""
    one = agents()
    await one.start()
    me = one.agent_id
    await store.apply_places(
        "",
        [World(id=WORLD, agent_id=me, name="Home")],
        [Room(id=ROOM, agent_id=me, world_id=WORLD, name="kitchen")],
        [Entity(id=ADA, agent_id=me, names=("Ada",)), Entity(id=BOB, agent_id=me, names=("Bob",))],
        None,
    )
    return one
