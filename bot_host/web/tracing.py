"""Agents keep the prompts of their newest runs as long as there is a console to look at them."""

from collections.abc import Callable

from bot_host.host import BotHost
from bot_host.types.host_events import AgentAdded


class Tracing:
    """Of all agents, those that come later too."""

    def __init__(self, host: BotHost, *, keep: int) -> None:
        self._host = host
        self._keep = keep
        self._unlisten: Callable[[], None] = lambda: None

    def open(self) -> None:
        """From now on."""
        for agent in self._host.get_agents():
            agent.traces.keep = self._keep
        self._unlisten = self._host.on(AgentAdded, self._added)

    def close(self) -> None:
        """Nobody looks any more."""
        self._unlisten()
        for agent in self._host.get_agents():
            agent.traces.keep = 0
            agent.traces.clear()

    def _added(self, event: AgentAdded) -> None:
        for agent in self._host.get_agents():
            if agent.agent_id == event.agent_id:
                agent.traces.keep = self._keep
