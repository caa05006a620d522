"""What the host does for people who ask for their data."""

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Final

from bot_host.host.archive import collect, pack
from bot_host.host.base import HostBase
from bot_host.host.erasing import erase
from bot_host.types.archive import Archive
from bot_host.types.ids import UUID

ANY_SIZE: Final = 1 << 40
"""Bytes of an archive that no message has to carry."""


class PersonMethods(HostBase):
    """See `BotHost`."""

    async def archive_person(self, agent: UUID, entity_ids: Sequence[UUID]) -> Archive:
        """All that an agent's database holds about the accounts of one person, as zip files for a message.

        Raises StateError for an unknown agent, and StoreError.
        """
        runtime = self.get_agent(agent)
        held = await collect(runtime.store, entity_ids, read_file=self._media.read)
        return await asyncio.to_thread(partial(pack, held, agent=runtime.character.name, mask=self._mask))

    async def export_person(self, agent: UUID, entity_ids: Sequence[UUID]) -> Archive:
        """The same in one zip file, whatever its size; none where nothing is held.

        Raises StateError for an unknown agent, and StoreError.
        """
        runtime = self.get_agent(agent)
        held = await collect(runtime.store, entity_ids, read_file=self._media.read)
        name = runtime.character.name
        made = partial(pack, held, agent=name, mask=self._mask, part_bytes=ANY_SIZE, parts_at_most=1)
        return await asyncio.to_thread(made)

    async def erase_person(self, agent: UUID, entity_ids: Sequence[UUID]) -> dict[UUID, dict[str, int]]:
        """Erase these accounts of a person, with the files that were made for them; a receipt for each.

        Raises StateError for an unknown agent or an agent's own entity, and StoreError.
        """
        store = self.get_agent(agent).store
        return {each: await erase(store, each, folder=self._media) for each in entity_ids}
