"""The store's verbs for agents themselves, for rows from elsewhere, and for elizaOS's rarer questions."""

from collections.abc import Collection, Sequence
from datetime import datetime
from functools import partial

from bot_host.store import agents, importing, run_summaries, vectors
from bot_host.store.driver import Driver
from bot_host.store.importing import Imported
from bot_host.store.vector_verbs import VectorVerbs
from bot_host.types.agents import AgentRecord, CachedEmbedding, CharacterEdits, RunSummaries
from bot_host.types.character import Character
from bot_host.types.ids import UUID
from bot_host.types.memory import MemoryType


class AgentVerbs(VectorVerbs):
    """`bot_host.contracts.agents.AgentRows`; see there for what each verb does."""

    _driver: Driver

    async def ensure_agent(
        self,
        agent_id: UUID,
        character: Character,
        *,
        by: str = "file",
        note: str = "",
        afresh: bool = False,
    ) -> CharacterEdits:
        """See AgentRows."""
        return await self._driver.write(partial(agents.ensure_agent, agent_id, character, by, note, afresh))

    async def edit_agent(
        self,
        agent_id: UUID,
        character: Character,
        keys: Collection[str],
        *,
        by: str = "code",
        note: str = "",
        expected: int | None = None,
    ) -> bool:
        """See AgentRows."""
        return await self._driver.write(
            partial(agents.edit_agent, agent_id, character, keys, by, note, expected)
        )

    async def find_agent(self, agent_id: UUID) -> AgentRecord | None:
        """See AgentRows."""
        return await self._driver.read(partial(agents.find_agent, agent_id))

    async def get_agents(self) -> list[AgentRecord]:
        """See AgentRows."""
        return await self._driver.read(agents.get_agents)

    async def delete_agent(self, agent_id: UUID) -> bool:
        """See AgentRows."""
        return await self._driver.write(partial(agents.delete_agent, agent_id))

    async def get_cached_embeddings(
        self,
        agent_id: UUID,
        text: str,
        *,
        type: MemoryType,
        field: str = "content",
        key: str = "text",
        threshold: int = 0,
        count: int = 10,
    ) -> list[CachedEmbedding]:
        """See AgentRows."""
        return await self._driver.search(
            partial(vectors.get_cached_embeddings, agent_id, text, type, field, key, threshold, count)
        )

    async def requeue_embeddings(self, agent_id: UUID, dimensions: int) -> int:
        """See AgentRows."""
        return await self._driver.write(partial(vectors.requeue_embeddings, agent_id, dimensions))

    async def get_run_summaries(
        self,
        agent_id: UUID,
        *,
        room_id: UUID | None = None,
        entity_id: UUID | None = None,
        status: str | None = None,
        start: datetime | None = None,
        end: datetime | None = None,
        count: int = 20,
    ) -> RunSummaries:
        """See AgentRows."""
        return await self._driver.search(
            partial(run_summaries.get_run_summaries, agent_id, room_id, entity_id, status, start, end, count)
        )

    async def put_imported(self, rows: Sequence[Imported]) -> list[bool]:
        """Put rows in, in one transaction and in their order; which of them are new.

        A row that is known, by its id or its key, stays as it is. Raises StoreError: none was put in.
        """
        return await self._driver.write(partial(importing.put, rows))

    async def are_new(self, rows: Sequence[Imported]) -> list[bool]:
        """Which of them `put_imported` would put in now."""
        return await self._driver.search(partial(importing.are_new, rows))
