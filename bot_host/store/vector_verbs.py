"""The store's verbs of vectors by model, each as one unit of work on a driver."""

from collections.abc import Collection
from functools import partial

from bot_host.store import vector_models as rows
from bot_host.store.driver import Driver
from bot_host.types.ids import UUID
from bot_host.types.memory import Memory, MemoryType
from bot_host.types.turn import RunRecord
from bot_host.types.vectors import EmbeddingQueue


class VectorVerbs:
    """`bot_host.contracts.vectors.VectorRows`; see there for what each verb does."""

    _driver: Driver

    async def count_stale_vectors(self, agent_id: UUID, model: str) -> int:
        """See VectorRows."""
        return await self._driver.search(partial(rows.count_stale_vectors, agent_id, model))

    async def stale_vectors(
        self, agent_id: UUID, model: str, *, before: int | None, count: int
    ) -> list[tuple[int, Memory]]:
        """See VectorRows."""
        return await self._driver.search(partial(rows.stale_vectors, agent_id, model, before, count))

    async def missing_vectors(
        self, agent_id: UUID, types: Collection[MemoryType], *, after: int, count: int
    ) -> list[tuple[int, Memory]]:
        """See VectorRows."""
        return await self._driver.search(partial(rows.missing_vectors, agent_id, types, after, count))

    async def drop_embedding_job(self, memory_id: UUID) -> None:
        """See VectorRows."""
        await self._driver.write(partial(rows.drop_embedding_job, memory_id))

    async def embedding_queue(self, agent_id: UUID) -> EmbeddingQueue:
        """See VectorRows."""
        return await self._driver.read(partial(rows.embedding_queue, agent_id))

    async def count_use(self, run: RunRecord) -> tuple[int, float]:
        """See VectorRows."""
        return await self._driver.write(partial(rows.count_use, run))
