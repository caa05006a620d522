"""What the addresses share: the host, who may ask, and how an agent is named."""

from dataclasses import dataclass, field

from starlette.requests import Request

from bot_host.config.schema import Loaded, WebConfig
from bot_host.host import BotHost
from bot_host.kit.names import did_you_mean
from bot_host.kit.tasks import Supervisor
from bot_host.runtime import AgentRuntime
from bot_host.web.auth import Guard
from bot_host.web.chat.rooms import ChatRooms
from bot_host.web.errors import ApiError
from bot_host.web.tracing import Tracing


@dataclass(slots=True, kw_only=True)
class Hub:
    """One web server's things."""

    host: BotHost
    config: WebConfig
    tasks: Supervisor
    loaded: Loaded | None = None
    """The configuration that the process runs by; None for a host that code made."""
    draining: bool = False
    """The host is stopping."""
    guard: Guard = field(init=False)
    chat: ChatRooms = field(init=False)
    tracing: Tracing = field(init=False)

    def __post_init__(self) -> None:
        self.guard = Guard(self.config.token)
        self.chat = ChatRooms(self.host)
        self.tracing = Tracing(self.host, keep=self.config.prompts)

    async def guarded(self, request: Request) -> None:
        """For `Depends`: whoever may ask. Raises ApiError."""
        await self.guard.check(request)

    def agent(self, wanted: str) -> AgentRuntime:
        """By id, then by name. Raises ApiError 404."""
        agents = self.host.get_agents()
        for agent in agents:
            if agent.agent_id == wanted.lower():
                return agent
        named = self.host.get_agent_by_name(wanted)
        if named is None:
            known = [agent.character.name for agent in agents]
            raise ApiError(404, f'there is no agent "{wanted}"{did_you_mean(wanted, known)}')
        return named

    def check_taking(self) -> None:
        """Raises ApiError 503 once the host is stopping: nothing new is begun."""
        if self.draining:
            raise ApiError(503, "the host is stopping")
