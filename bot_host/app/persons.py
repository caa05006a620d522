"""People, for an admin on the command line: found, their data written out or erased, accounts parted."""

import asyncio
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Final

from bot_host.config.schema import Loaded
from bot_host.contracts.store import Store
from bot_host.host import erasing
from bot_host.host.archive import collect, pack
from bot_host.kit.clean import one_line
from bot_host.kit.media_folder import FOLDER, MediaFolder
from bot_host.store import Database, make_store
from bot_host.types.errors import StateError
from bot_host.types.ids import UUID, as_id, create_unique_uuid, is_uuid
from bot_host.types.places import Entity

BY: Final = "command line"
"""On the record, as who did it."""
FILE_BYTES: Final = 1 << 40
"""On a disk an archive may be as large as it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """Somebody whom an agent knows."""

    entity: Entity
    agent: str

    @property
    def line(self) -> str:
        """In one line."""
        names = ", ".join(one_line(name, 60) for name in self.entity.names) or "nameless"
        ids = [
            one_line(f"{platform} {about['id']}", 80)
            for platform, about in self.entity.metadata.items()
            if isinstance(about, dict) and about.get("id")
        ]
        known = f"{names} ({', '.join(ids)})" if ids else names
        return f"{self.entity.id}  {known}, of {self.agent}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Erased:
    """A receipt."""

    entity_id: UUID
    receipt: dict[str, int]


def _read_only(loaded: Loaded) -> Database:
    # A command neither makes a database nor upgrades one under a running host.
    return make_store(loaded.config.database.url, base=loaded.folder, read_only=True)


def _writing(loaded: Loaded) -> Database:
    return make_store(loaded.config.database.url, base=loaded.folder)


async def find(loaded: Loaded, who: str) -> list[Named]:
    """All whom a text may mean: an entity's id, a platform's id, `platform:id`, a name. Raises StoreError."""
    async with _read_only(loaded) as store:
        agents = await store.get_agents()
        found: dict[UUID, Named] = {}
        for agent in agents:
            for entity in await _candidates(store, agent.id, who.strip()):
                if entity.agent_id == agent.id and entity.id != agent.id:
                    found[entity.id] = Named(entity=entity, agent=agent.character.name)
        return list(found.values())


async def _candidates(store: Store, agent_id: UUID, who: str) -> list[Entity]:
    platform, _, rest = who.partition(":")
    ids = [create_unique_uuid(agent_id, text) for text in (who, rest) if text]
    if is_uuid(who):
        ids.insert(0, as_id(who))
    known = await store.get_entities(ids)
    by_id = [entity for each in ids if (entity := known.get(each)) is not None]
    if rest:
        by_id = [entity for entity in by_id if platform in entity.metadata] or by_id
    return by_id or await store.find_entities_by_name(agent_id, who)


async def _accounts(store: Store, one: Named, *, linked: bool) -> list[UUID]:
    if not linked:
        return [one.entity.id]
    # Others first, as with /forgetme: killed in between, it can be said again.
    me, *others = await store.linked_entities(one.entity.id)
    return [*others, me]


async def export(
    loaded: Loaded, one: Named, file: Path, *, linked: bool, mask: Callable[[str], str]
) -> dict[str, int]:
    """Write all that is held about somebody into a new file; the rows by table.

    Raises FileExistsError, OSError, StoreError, StateError when they are gone by now.
    """
    async with _read_only(loaded) as store:
        accounts = await _accounts(store, one, linked=linked)
        folder = MediaFolder(loaded.config.data_dir / FOLDER)
        held = await collect(store, accounts, read_file=folder.read)
    made = partial(pack, held, agent=one.agent, mask=mask, part_bytes=FILE_BYTES, parts_at_most=1)
    archive = await asyncio.to_thread(made)
    if not archive.parts:
        raise StateError(f"nothing is held about {one.entity.id}")
    await asyncio.to_thread(_write, file, archive.parts[0])
    return dict(archive.counts)


def _write(file: Path, data: bytes) -> None:
    """For its owner alone."""
    with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as opened:
        opened.write(data)


async def erase(loaded: Loaded, one: Named, *, linked: bool) -> list[Erased]:
    """Erase somebody; a receipt for each account. Raises StoreError."""
    folder = MediaFolder(loaded.config.data_dir / FOLDER)
    async with _writing(loaded) as store:
        return [
            Erased(entity_id=each, receipt=await erasing.erase(store, each, folder=folder))
            for each in await _accounts(store, one, linked=linked)
        ]


async def linked_persons(loaded: Loaded) -> list[list[Named]]:
    """Those who have linked accounts, each with all of them. Raises StoreError."""
    async with _read_only(loaded) as store:
        agents = {agent.id: agent.character.name for agent in await store.get_agents()}
        accounts = await store.linked_accounts()
        known = await store.get_entities([each.entity_id for each in accounts])
    return [
        [
            Named(entity=known[each.entity_id], agent=agents.get(each.agent_id, ""))
            for each in together
            if each.entity_id in known
        ]
        for _, together in groupby(accounts, key=lambda each: each.person_id)
    ]


async def part(loaded: Loaded, entity_id: str) -> Sequence[UUID]:
    """Take an account out of its person; with whom it was. Raises StoreError."""
    if not is_uuid(entity_id):
        return []
    async with _read_only(loaded) as store:
        if len(await store.linked_entities(entity_id)) < 2:
            return []
    async with _writing(loaded) as store:
        return await store.unlink(entity_id, by=BY)
