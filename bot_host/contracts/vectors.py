"""What the database keeps of vectors beyond those of one memory: change of the model, and what it costs."""

from collections.abc import Collection
from typing import Protocol

from bot_host.types.ids import UUID
from bot_host.types.memory import Memory, MemoryType
from bot_host.types.turn import RunRecord
from bot_host.types.vectors import EmbeddingQueue


class VectorRows(Protocol):
    """Each method is one whole transaction. The first three walk through much, off the messages' way."""

    async def count_stale_vectors(self, agent_id: UUID, model: str) -> int:
        """How many memories have vectors of other models, and none of `model`."""

    async def stale_vectors(
        self, agent_id: UUID, model: str, *, before: int | None, count: int
    ) -> list[tuple[int, Memory]]:
        """Memories with vectors of other models and none of `model`, newest first, each with its number.

        `before`: only those with a lower number. Those that are in the queue are left out.
        """

    async def missing_vectors(
        self, agent_id: UUID, types: Collection[MemoryType], *, after: int, count: int
    ) -> list[tuple[int, Memory]]:
        """Memories of `types` with neither a vector nor a place in the queue, by number, from `after` on."""

    async def drop_embedding_job(self, memory_id: UUID) -> None:
        """The memory needs no vector."""

    async def embedding_queue(self, agent_id: UUID) -> EmbeddingQueue:
        """What waits for a vector."""

    async def count_use(self, run: RunRecord) -> tuple[int, float]:
        """Count what the calls of models outside a turn have used; tokens and cost of the day so far."""
