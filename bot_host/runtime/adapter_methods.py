"""elizaOS's database adapter, as far as its names are methods of the runtime (2.15-07, 2.16, 7.4, 7.5)."""

import logging
from abc import abstractmethod
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from bot_host.contracts.store import Store
from bot_host.runtime.base import AgentBase
from bot_host.runtime.embeddings import Embeddings
from bot_host.runtime.knowledge import table_type
from bot_host.types.agents import AgentRecord, CachedEmbedding, RunSummaries
from bot_host.types.character import Character
from bot_host.types.errors import ConfigError, StateError, StoreError
from bot_host.types.ids import UUID

log = logging.getLogger(__name__)


class AdapterMethods(AgentBase):
    """The database itself, the rows of agents, and questions about vectors and runs."""

    _embeddings: Embeddings

    @property
    @abstractmethod
    def started(self) -> bool:
        """Between `start` and `stop`."""

    @abstractmethod
    def has_host(self) -> bool:
        """Whether there is a host."""

    @abstractmethod
    async def stop(self) -> None:
        """Stop the agent."""

    # -- the database -----------------------------------------------------------------------------------

    @property
    def db(self) -> Store:
        """The database. There is no way to a bare connection: plugins have `tables`."""
        return self.store

    async def get_connection(self) -> Store:
        """The same."""
        return self.store

    def register_database_adapter(self, adapter: Store) -> None:
        """The first one wins (2.4-04), and an agent is made with one: another one is left out, and logged."""
        if adapter is not self.store:
            log.warning("%s has a database already; another one is left out", self.character.name)

    async def is_ready(self) -> bool:
        """Whether the database is open and answers."""
        try:
            await self.store.find_mark("health", "ready")
        except StoreError as error:
            log.debug("the database is not ready: %s", error)
            return False
        return True

    async def init(self) -> None:
        """Open the database where nobody has; tables are made or migrated. Raises StoreError."""
        if not await self.is_ready():
            await self.store.open()

    async def close(self) -> None:
        """Stop, and close the database: for an agent that stands alone.

        Raises StateError in a host, whose other agents have the same database: stop the host instead.
        """
        if self.has_host():
            raise StateError("the host owns the database: stop the host").about(agent=self.character.name)
        await self.stop()
        await self.store.close()

    # -- rows of agents ---------------------------------------------------------------------------------

    async def get_agent(self, agent_id: UUID) -> AgentRecord | None:
        """An agent's row, of this or any other agent of the database."""
        return await self.store.find_agent(agent_id)

    async def get_agents(self) -> list[AgentRecord]:
        """All agents that have a row."""
        return await self.store.get_agents()

    async def create_agent(self, agent: Character | Mapping[str, Any]) -> bool:
        """Make the row of an agent that is not there yet; False when it is. It does not run it."""
        character = _character(agent)
        if await self.store.find_agent(character.agent_id) is not None:
            return False
        await self.store.ensure_agent(character.agent_id, character)
        return True

    async def ensure_agent_exists(self, agent: Character | Mapping[str, Any]) -> AgentRecord:
        """Make or update an agent's row; as it is now (2.16-01). Changes that were made of it stay."""
        character = _character(agent)
        await self.store.ensure_agent(character.agent_id, character)
        record = await self.store.find_agent(character.agent_id)
        assert record is not None
        return record

    async def update_agent(self, agent_id: UUID, agent: Mapping[str, Any]) -> bool:
        """Change keys of an agent's character in its row; it holds from its next start. False: no such agent.

        `BotHost.update_agent` changes one that runs.
        """
        record = await self.store.find_agent(agent_id)
        if record is None:
            return False
        changes = _character({"name": record.character.name, **agent})
        keys = changes.model_fields_set - {"id", *({"name"} - agent.keys())}
        changed = record.character.model_copy(update={key: getattr(changes, key) for key in keys})
        return await self.store.edit_agent(agent_id, changed, keys)

    async def delete_agent(self, agent_id: UUID) -> bool:
        """Delete an agent's row with all that it knows; False when there is none.

        Raises StateError for this agent itself while it runs.
        """
        if agent_id == self.agent_id and self.started:
            raise StateError("an agent that runs cannot be deleted from its database: stop it first").about(
                agent=self.character.name
            )
        return await self.store.delete_agent(agent_id)

    # -- vectors and runs -------------------------------------------------------------------------------

    async def ensure_embedding_dimension(self, dimension: int | None = None) -> int:
        """The length of the agent's vectors; those of another length are queued to be made anew.

        `dimension`, else the setting EMBEDDING_DIMENSION, else what the model makes now (2.2-11). Vectors of
        any length are stored, but searches find only those of the query's length: call it after a change
        of the embedding model. Raises StateError without a model, ModelError.
        """
        return await self._embeddings.ensure_dimension(dimension)

    async def get_cached_embeddings(
        self,
        *,
        query_table_name: str,
        query_input: str,
        query_threshold: int = 2,
        query_field_name: str = "content",
        query_field_sub_name: str = "text",
        query_match_count: int = 10,
    ) -> list[CachedEmbedding]:
        """Vectors that exist for texts like `query_input`, nearest first; it may save a call of the model.

        `query_threshold`: letters that may differ (elizaOS names the same things so).
        """
        return await self.store.get_cached_embeddings(
            self.agent_id,
            query_input,
            type=table_type(query_table_name),
            field=query_field_name,
            key=query_field_sub_name,
            threshold=query_threshold,
            count=query_match_count,
        )

    async def get_agent_run_summaries(
        self,
        *,
        limit: int = 20,
        room_id: UUID | None = None,
        status: str | None = None,
        start: datetime | None = None,
        end: datetime | None = None,
        entity_id: UUID | None = None,
    ) -> RunSummaries:
        """The agent's newest runs in short (7.3-06); `status` `all` is all. elizaOS: `from` and `to`."""
        return await self.store.get_run_summaries(
            self.agent_id,
            room_id=room_id,
            entity_id=entity_id,
            status=None if status == "all" else status,
            start=start,
            end=end,
            count=limit,
        )


def _character(given: Character | Mapping[str, Any]) -> Character:
    if isinstance(given, Character):
        return given
    try:
        return Character.model_validate(dict(given))
    except ValidationError as error:
        faults = (f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors())
        raise ConfigError(f"the character is not valid: {'; '.join(faults)}") from None
