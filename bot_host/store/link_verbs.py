"""The store's verbs of linked accounts, each as one unit of work on a driver."""

from datetime import datetime
from functools import partial

from bot_host.store import linking as rows
from bot_host.store.driver import Driver
from bot_host.types.ids import UUID
from bot_host.types.links import LinkedAccount, LinkedPerson, LinkUse


class LinkVerbs:
    """`bot_host.contracts.links.Links`; see there for what each verb does."""

    _driver: Driver

    async def put_link_code(self, entity_id: UUID, room_id: UUID, code: str, *, now: datetime) -> bool:
        """See Links."""
        return await self._driver.write(partial(rows.put_code, entity_id, room_id, code, now))

    async def use_link_code(self, entity_id: UUID, code: str, *, by: UUID, now: datetime) -> LinkUse:
        """See Links."""
        return await self._driver.write(partial(rows.use_code, entity_id, code, by, now))

    async def burn_link_code(self, entity_id: UUID, code: str) -> bool:
        """See Links."""
        return await self._driver.write(partial(rows.burn_code, entity_id, code))

    async def unlink(self, entity_id: UUID, *, everything: bool = False, by: str) -> list[UUID]:
        """See Links."""
        return await self._driver.write(partial(rows.unlink, entity_id, everything, by))

    async def linked_person(self, entity_id: UUID) -> LinkedPerson:
        """See Links."""
        return await self._driver.read(partial(rows.linked_person, entity_id))

    async def linked_entities(self, entity_id: UUID) -> list[UUID]:
        """See Links."""
        return await self._driver.read(partial(rows.linked_entities, entity_id))

    async def linked_accounts(self, agent_id: UUID | None = None) -> list[LinkedAccount]:
        """See Links."""
        return await self._driver.read(partial(rows.linked_accounts, agent_id))
