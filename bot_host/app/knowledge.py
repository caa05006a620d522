"""What the hosted agents are to know: what their characters say, and what an admin adds."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bot_host.app.agents import Hosted, agent_options, read_characters
from bot_host.config.schema import Loaded
from bot_host.contracts.connector import CheckLine
from bot_host.contracts.store import Store
from bot_host.kit.names import did_you_mean
from bot_host.runtime.config import KnowledgeOptions
from bot_host.runtime.given_knowledge import (
    given_knowledge,
    missing,
    shared_knowledge,
    source_at,
)
from bot_host.runtime.knowledge_reader import KnowledgeReader
from bot_host.types.ids import UUID
from bot_host.types.places import World
from bot_host.types.sources import GivenSource, KnowledgeSource, SourceKind, SourceOrigin


def _base(hosted: Hosted) -> Path:
    """The folder of its character file: its paths count from there."""
    return Path(hosted.agent.character).parent if hosted.agent.character else Path()


def given_to_each(hosted: Sequence[Hosted]) -> list[list[GivenSource]]:
    """What each agent is to know: its own character's knowledge, and what the others share."""
    shared = [(each, source) for each in hosted for source in shared_knowledge(each.character, _base(each))]
    found = []
    for each in hosted:
        own = given_knowledge(each.character, _base(each))
        there = {source.location for source in own}
        others = (source for whose, source in shared if whose is not each)
        own += {source.location: source for source in others if source.location not in there}.values()
        found.append(own)
    return found


def missing_files(hosted: Sequence[Hosted]) -> list[CheckLine]:
    """A line for each path that a character names and that is not there."""
    return [
        CheckLine(
            name=f"agent {each.character.name}",
            ok=False,
            detail=f"knowledge: there is no {path}",
            advice="paths count from the folder of the character file",
        )
        for each in hosted
        for path in missing(given_knowledge(each.character, _base(each)))
    ]


# -- what an admin adds -------------------------------------------------------------------------------------

BY: Final = "command line"
"""On the record, as who added it."""
WAIT_S: Final = 0.2
"""Between looks at a source that the host is reading just now."""


@dataclass(frozen=True, slots=True)
class Knower:
    """An agent of the configuration, as the commands need it."""

    agent_id: UUID
    name: str
    options: KnowledgeOptions


class NotKnown(Exception):
    """What was named is not there; the message says what is."""


def knower(loaded: Loaded, name: str) -> Knower:
    """The agent of a name, regardless of case; the first one without. Raises NotKnown, and as the start."""
    found = read_characters(loaded)
    names = [character.name for _, character in found]
    for agent, character in found:
        if not name or character.name.casefold() == name.casefold():
            return Knower(character.agent_id, character.name, agent_options(agent).knowledge)
    raise NotKnown(f'there is no agent "{name}"{did_you_mean(name, names)}; there is {", ".join(names)}')


async def find_world(store: Store, agent_id: UUID, asked: str) -> World | None:
    """A world by id, platform's id or name; None for nothing asked. Raises NotKnown."""
    if not asked:
        return None
    worlds = await store.get_worlds(agent_id)
    exact = [each for each in worlds if asked in (each.id, each.platform_id)]
    found = exact or [each for each in worlds if each.name.casefold() == asked.casefold()]
    if len(found) == 1:
        return found[0]
    listed = (
        ", ".join(f"{each.name or each.platform_id} ({each.id})" for each in found or worlds) or "none yet"
    )
    why = "several worlds are called that" if found else f'there is no world "{asked}"'
    raise NotKnown(f"{why}; there is: {listed}")


async def add(
    store: Store, who: Knower, places: Sequence[str], *, world: str = "", title: str = ""
) -> AsyncIterator[KnowledgeSource]:
    """Add sources and read them at once; each as it is then, with those of folders. Raises NotKnown.

    Beside a running host either of the two may read a source; this waits for the other.
    """
    if who.agent_id not in {each.id for each in await store.get_agents()}:
        raise NotKnown(f"{who.name} was never started on this database; start the host once")
    there = await find_world(store, who.agent_id, world)
    given = [source_at(place, base=Path.cwd(), title=title) for place in places]
    if lost := missing(given):
        raise NotKnown(f"there is no {lost[0]}")
    reader = KnowledgeReader(store, who.agent_id, who.options)
    for each in given:
        added = await store.add_source(
            KnowledgeSource(
                agent_id=who.agent_id,
                world_id=there.id if there is not None else None,
                kind=each.kind,
                location=each.location,
                title=each.title,
                added_by=BY,
            )
        )
        found = await _read(store, reader, added)
        if found is not None:
            yield found
        if each.kind is SourceKind.FOLDER:
            for child in await store.get_sources(who.agent_id):
                if child.parent_id == added.id and (inner := await _read(store, reader, child)) is not None:
                    yield inner


async def _read(store: Store, reader: KnowledgeReader, source: KnowledgeSource) -> KnowledgeSource | None:
    while True:
        done = await reader.read(source.id)
        if done is not None:
            return done
        found = await store.find_source(source.id)
        # Taken by the host: when it lets go of it, it has looked at it after it was added.
        if found is None or found.claimed_until is None:
            return found
        await asyncio.sleep(WAIT_S)


async def remove(store: Store, who: Knower, asked: str) -> tuple[KnowledgeSource, int]:
    """Forget a source by its id (or its beginning), path or address; it, and how many with it.

    Raises NotKnown, also for one that a folder or the character would bring back.
    """
    known = await store.get_sources(who.agent_id)
    exact = {asked, source_at(asked, base=Path.cwd()).location}
    found = [each for each in known if each.id == asked.lower() or each.location in exact]
    found = found or [each for each in known if len(asked) >= 4 and each.id.startswith(asked.lower())]
    if not found:
        raise NotKnown(f"{who.name} has no such source: {asked}; `knowledge list` has them")
    if len(found) > 1:
        listed = ", ".join(f"{each.location} ({each.id})" for each in found)
        raise NotKnown(f"that may be any of these, name one by its id: {listed}")
    source = found[0]
    if source.parent_id is not None:
        folder = next(each for each in known if each.id == source.parent_id)
        raise NotKnown(f"it would come back with its folder: move the file away, or remove {folder.location}")
    if source.origin is SourceOrigin.CHARACTER:
        raise NotKnown("it would come back with the next start: take it out of the character file")
    return source, await store.remove_sources([source.id])
