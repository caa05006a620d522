"""The console's own connectors: one for each agent, as long as it is there."""

import logging
from collections.abc import Callable

from bot_host.host import BotHost
from bot_host.runtime import AgentRuntime
from bot_host.types.errors import StateError
from bot_host.types.events import ActionEvent, Event, EventType, RunEvent
from bot_host.types.host_events import AgentAdded
from bot_host.types.ids import UUID
from bot_host.web.chat.connector import WebConnector, person_of, room_of

log = logging.getLogger(__name__)


class ChatRooms:
    """See the module."""

    def __init__(self, host: BotHost) -> None:
        self._host = host
        self._connectors: dict[UUID, WebConnector] = {}
        self._unlisten: Callable[[], None] = lambda: None

    def open(self) -> None:
        """Give each agent its connector, those that come later too."""
        for agent in self._host.get_agents():
            self._add(agent)
        self._unlisten = self._host.on(AgentAdded, self._added)

    def close(self) -> None:
        """No more of them."""
        self._unlisten()

    def of(self, agent: AgentRuntime) -> WebConnector:
        """An agent's connector. Raises StateError."""
        found = self._connectors.get(agent.agent_id)
        if found is None:
            raise StateError(f"{agent.character.name} cannot be talked with here")
        return found

    def _added(self, event: AgentAdded) -> None:
        agent = None if event.ephemeral else self._host.get_agent(event.agent_id)
        if agent is not None:
            self._add(agent)
            if self._host.connectors_begun:
                self._host.start_connectors()

    def _add(self, agent: AgentRuntime) -> None:
        name = "web" if not self._connectors else f"web[{agent.character.name}]"
        connector = WebConnector(agent.agent_id, agent.character.name)
        # Whoever opens the console may change all there is: nothing is kept from them in the chat.
        agent.owners.add(person_of(agent.agent_id))
        self._host.add_connector(
            connector, connector.config(), name=name, agent_id=agent.agent_id, accompanies=True
        )
        self._connectors[agent.agent_id] = connector


class Watch:
    """An agent's doings in one room, told to the page that shows it."""

    def __init__(self, agent: AgentRuntime, connector: WebConnector, conversation: str) -> None:
        self._agent = agent
        self._connector = connector
        self._conversation = conversation
        self._room_id = room_of(agent.agent_id, conversation)

    def __enter__(self) -> "Watch":
        self._agent.on(ActionEvent, self._acted)
        self._agent.on(RunEvent, self._ran)
        return self

    def __exit__(self, *_: object) -> None:
        self._agent.off(ActionEvent, self._acted)
        self._agent.off(RunEvent, self._ran)

    async def _acted(self, event: Event) -> None:
        if not isinstance(event, ActionEvent) or event.room_id != self._room_id:
            return
        done = event.type == EventType.ACTION_COMPLETED
        self._connector.feed.tell(
            self._conversation,
            "action",
            name=event.action,
            state="done" if done else "running",
            success=event.success,
            text=event.content.text if done and event.content is not None else "",
        )

    async def _ran(self, event: Event) -> None:
        if isinstance(event, RunEvent) and event.room_id == self._room_id:
            self._connector.feed.tell(
                self._conversation, "run", id=event.run_id, state=str(event.type), message_id=event.message_id
            )
