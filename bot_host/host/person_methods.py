"""What the host does for people who ask for their data."""

import asyncio
from collections.abc import Sequence
from functools import partial

from bot_host.host.archive import collect, pack
from bot_host.host.base import HostBase
from bot_host.types.archive import Archive
from bot_host.types.ids import UUID


class PersonMethods(HostBase):
    """See `BotHost`."""

    async def archive_person(self, agent: UUID, entity_ids: Sequence[UUID]) -> Archive:
        """All that an agent's database holds about the accounts of one person, as zip files for a message.

        Raises StateError for an unknown agent, and StoreError.
        """
        runtime = self.get_agent(agent)
        held = await collect(runtime.store, entity_ids, read_file=self._media.read)
        return await asyncio.to_thread(partial(pack, held, agent=runtime.character.name, mask=self._mask))
