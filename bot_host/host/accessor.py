"""Looking at a host's agents without changing anything (elizaos.md 1.4-04)."""

from collections.abc import Callable, Sequence

from bot_host.contracts.results import State
from bot_host.runtime import AgentRuntime
from bot_host.types.ids import UUID


class RuntimeAccessor:
    """What a host shows of its agents."""

    def __init__(
        self, find: Callable[[UUID], AgentRuntime | None], all_agents: Callable[[], Sequence[AgentRuntime]]
    ) -> None:
        self._find = find
        self._all = all_agents

    def get_agent(self, agent_id: UUID) -> AgentRuntime | None:
        """An agent by id, or None."""
        return self._find(agent_id)

    def get_agents(self) -> Sequence[AgentRuntime]:
        """All agents, in the order in which they were added."""
        return self._all()

    def get_state(self, agent_id: UUID) -> State | None:
        """What the agent's providers said last, for whatever message; None before the first one."""
        agent = self._find(agent_id)
        return agent.latest_state if agent is not None else None
