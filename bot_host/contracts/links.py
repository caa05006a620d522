"""What the database does for people with several accounts. Each method is one whole transaction."""

from datetime import datetime
from typing import Protocol

from bot_host.types.ids import UUID
from bot_host.types.links import LinkedAccount, LinkedPerson, LinkUse


class Links(Protocol):
    """Entities of one agent that are one person, as they said themselves.

    Only for reading in private: rows keep their entity, and roles, owners, permissions, limits and access
    lists go by the entity alone, so that nobody gets more rights by linking.
    """

    async def put_link_code(self, entity_id: UUID, room_id: UUID, code: str, *, now: datetime) -> bool:
        """Keep a code of this entity, as a hash, in place of the one before.

        False: it got too many lately, or is not known.
        """

    async def use_link_code(self, entity_id: UUID, code: str, *, by: UUID, now: datetime) -> LinkUse:
        """Somebody enters a code: the two, and all who are linked with either, are one person from now on.

        Audited. `by`: the message that entered it; the same one again is told the same, and changes nothing.
        """

    async def burn_link_code(self, entity_id: UUID, code: str) -> bool:
        """Make an open code of the entity's agent useless: others have read it. Whether there was one."""

    async def unlink(self, entity_id: UUID, *, everything: bool = False, by: str) -> list[UUID]:
        """Take an entity out of its person, or with `everything` all of them apart; who were with it.

        Audited. A code of an entity that is parted is good no more.
        """

    async def linked_person(self, entity_id: UUID) -> LinkedPerson:
        """An entity, those linked with it, and their private chats."""

    async def linked_entities(self, entity_id: UUID) -> list[UUID]:
        """An entity and those linked with it, itself first."""

    async def linked_accounts(self, agent_id: UUID | None = None) -> list[LinkedAccount]:
        """All entities that are linked with others (of one agent), person by person."""
