"""The agent's methods for roles, for who hears, and for who is meant (elizaos.md 3.7)."""

from typing import Any, cast

from bot_host.contracts.agent import AgentCore
from bot_host.contracts.plugin import Agent, State
from bot_host.runtime import people, roles
from bot_host.runtime.base import AgentBase
from bot_host.types.hearing import Hearing
from bot_host.types.ids import UUID
from bot_host.types.memory import Memory
from bot_host.types.places import Entity, Role, World


class RoleMethods(AgentBase):
    """Who may do what, and who is who; see `runtime.roles` and `runtime.people`."""

    async def get_user_server_role(self, entity_id: UUID, server_id: str) -> Role:
        """An entity's role in the world of a platform's server, or in a world by its own id."""
        return await roles.get_user_server_role(cast(AgentCore, self), entity_id, server_id)

    async def get_sender_role(self, message: Memory) -> Role:
        """The role that counts for what a message asks for: its sender's, in the world of its room."""
        return await roles.role_of_sender(cast(AgentCore, self), message)

    async def set_role(self, world_id: UUID, entity_id: UUID, role: Role, *, actor: str = "code") -> Role:
        """Give an entity a role in a world; the one that it had. Audited. StateError: no such world."""
        return await roles.set_role(cast(AgentCore, self), world_id, entity_id, role, actor=actor)

    async def hearing(self, message: Memory) -> Hearing:
        """Who hears what is said in a message's room: for all that recalls something into an answer."""
        return await self.store.hearing_in(self.agent_id, message.room_id)

    async def find_worlds_for_owner(self, entity_id: UUID) -> list[World]:
        """The worlds that an entity owns."""
        return await roles.find_worlds_for_owner(cast(AgentCore, self), entity_id)

    async def find_entity_by_name(self, message: Memory, state: State | None = None) -> Entity | None:
        """The one person of the message's room whom it speaks of, or None."""
        return await people.find_entity_by_name(cast(Agent, self), message, state)

    async def get_entity_details(self, *, room_id: UUID) -> list[dict[str, Any]]:
        """Who is in a room: `id`, `name`, `names`, and as `data` what is known of them, as JSON text."""
        return await people.get_entity_details(cast(Agent, self), room_id)
