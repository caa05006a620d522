"""The agent's methods for roles (elizaos.md 3.7)."""

from typing import cast

from bot_host.contracts.agent import AgentCore
from bot_host.runtime import roles
from bot_host.runtime.base import AgentBase
from bot_host.types.ids import UUID
from bot_host.types.memory import Memory
from bot_host.types.places import Role, World


class RoleMethods(AgentBase):
    """Who may do what; see `runtime.roles`."""

    async def get_user_server_role(self, entity_id: UUID, server_id: str) -> Role:
        """An entity's role in the world of a platform's server, or in a world by its own id."""
        return await roles.get_user_server_role(cast(AgentCore, self), entity_id, server_id)

    async def get_sender_role(self, message: Memory) -> Role:
        """The role that counts for what a message asks for: its sender's, in the world of its room."""
        return await roles.role_of_sender(cast(AgentCore, self), message)

    async def set_role(self, world_id: UUID, entity_id: UUID, role: Role, *, actor: str = "code") -> Role:
        """Give an entity a role in a world; the one that it had. Audited. StateError: no such world."""
        return await roles.set_role(cast(AgentCore, self), world_id, entity_id, role, actor=actor)

    async def find_worlds_for_owner(self, entity_id: UUID) -> list[World]:
        """The worlds that an entity owns."""
        return await roles.find_worlds_for_owner(cast(AgentCore, self), entity_id)
