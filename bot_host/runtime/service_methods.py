"""The agent's methods for services (elizaos.md 2.14)."""

from typing import Any

from bot_host.runtime.base import AgentBase
from bot_host.runtime.services import Services
from bot_host.types.services import ServiceType


class ServiceMethods(AgentBase):
    """Looking services up."""

    def __init__(self) -> None:
        self.services = Services()

    def get_service(self, type: str) -> Any | None:
        """The first running service of a type, or None. `database` is the store."""
        return self.services.get(type) or (self.store if type == ServiceType.DATABASE else None)

    get_typed_service = get_service

    def get_services_by_type(self, type: str) -> list[Any]:
        """All running services of a type."""
        return self.services.by_type(type)

    def get_all_services(self) -> dict[str, list[Any]]:
        """All running services by type."""
        return self.services.all()

    def get_registered_service_types(self) -> list[str]:
        """The types that plugins have brought, running or not."""
        return self.services.types()

    def has_service(self, type: str) -> bool:
        """Whether one is running."""
        return self.get_service(type) is not None

    def get_service_registration_status(self, type: str) -> str:
        """`pending`, `registering`, `registered`, `failed` or `unknown`."""
        return self.services.status(type)

    def get_service_health(self) -> dict[str, dict[str, Any]]:
        """Status, number of running instances and `capability_description` of each type."""
        return {
            type: {
                "status": self.services.status(type),
                "instances": len(self.services.by_type(type)),
                "description": self.services.description(type),
            }
            for type in self.services.types()
        }

    async def get_service_load_promise(self, type: str) -> Any:
        """Wait for the first service of a type. Raises PluginError when it failed, StateError: none comes."""
        return await self.services.wait_for(type)
