"""What the parts of an AgentRuntime share: who it is and where its data are."""

from collections.abc import Callable

from bot_host.contracts.store import Store
from bot_host.types.character import Character
from bot_host.types.ids import UUID


class AgentBase:
    """Identity and store."""

    def __init__(self, character: Character, store: Store) -> None:
        self._character = character
        self._store = store
        self._agent_id = character.agent_id
        self.owners: set[UUID] = set()
        """The entities that run this bot (`owners` of its connectors): OWNER in every world."""
        self.on_task_change: Callable[[], None] = lambda: None
        """Called when a task was made or changed; the host's scheduler looks again then."""

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._character.name!r} {self._agent_id}>"

    @property
    def agent_id(self) -> UUID:
        """The agent's id, which is also its entity's. It stays when the character is renamed."""
        return self._agent_id

    @property
    def character(self) -> Character:
        """Who it is."""
        return self._character

    @property
    def store(self) -> Store:
        """The database."""
        return self._store
