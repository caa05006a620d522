"""What the database keeps of agents themselves, and elizaOS's rarer questions to it (7.1, 7.2, 7.5)."""

from collections.abc import Collection
from datetime import datetime
from typing import Protocol

from bot_host.contracts.vectors import VectorRows
from bot_host.types.agents import AgentRecord, CachedEmbedding, CharacterEdits, RunSummaries
from bot_host.types.character import Character
from bot_host.types.ids import UUID
from bot_host.types.memory import MemoryType


class AgentRows(VectorRows, Protocol):
    """Each method is one whole transaction."""

    async def ensure_agent(
        self,
        agent_id: UUID,
        character: Character,
        *,
        by: str = "file",
        note: str = "",
        afresh: bool = False,
    ) -> CharacterEdits:
        """Make or update the agent's row, without its secrets; its own entity too.

        `character` is as it was given. What `edit_agent` changed since holds on, and comes back; with another
        character than then it is dropped: whoever changes the file means it. A character that is another one
        than before becomes a version, `by` whom it was given. `afresh`: what was changed is dropped, even of
        this very character.
        """

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
        """Keep a character whose `keys` were changed, as a new version. Secrets are not kept.

        False: no such agent. Raises StateError where the newest version is another one than `expected`.
        """

    async def find_agent(self, agent_id: UUID) -> AgentRecord | None:
        """One agent's row."""

    async def get_agents(self) -> list[AgentRecord]:
        """All agents that have a row, oldest first: those of other hosts on this database too."""

    async def delete_agent(self, agent_id: UUID) -> bool:
        """Delete an agent with all that it knows; False when there is none."""

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
        """Vectors of memories whose text differs from `text` by `threshold` letters at the most.

        The text is the one under `key` of `field`, which is `content` or `metadata`. The nearest first; of
        one text only one. Raises StateError.
        """

    async def requeue_embeddings(self, agent_id: UUID, dimensions: int) -> int:
        """Queue memories that have vectors, but none of so many dimensions, at low priority; how many."""

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
        """The newest runs that fit, in short. `start` and `end` are of their beginning."""
