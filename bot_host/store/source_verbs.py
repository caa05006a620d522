"""The store's verbs of knowledge, each as one unit of work on a driver."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial

from bot_host.store import sources as rows
from bot_host.store.driver import Driver
from bot_host.types.ids import UUID
from bot_host.types.memory import Memory
from bot_host.types.sources import KnowledgeSource, SourceRead


class SourceVerbs:
    """`bot_host.contracts.sources.Sources`; see there for what each verb does."""

    _driver: Driver

    async def add_source(self, source: KnowledgeSource) -> KnowledgeSource:
        """See Sources."""
        return await self._driver.write(partial(rows.add_source, source))

    async def adopt_document(self, source: KnowledgeSource) -> bool:
        """See Sources."""
        return await self._driver.write(partial(rows.adopt_document, source))

    async def get_sources(self, agent_id: UUID) -> list[KnowledgeSource]:
        """See Sources."""
        return await self._driver.read(partial(rows.get_sources, agent_id))

    async def find_source(self, source_id: UUID) -> KnowledgeSource | None:
        """See Sources."""
        return await self._driver.read(partial(rows.find_source, source_id))

    async def due_sources(self, agent_id: UUID, *, now: datetime, count: int) -> list[KnowledgeSource]:
        """See Sources."""
        return await self._driver.read(partial(rows.due_sources, agent_id, now, count))

    async def claim_source(
        self, source_id: UUID, *, now: datetime, until: datetime
    ) -> KnowledgeSource | None:
        """See Sources."""
        return await self._driver.write(partial(rows.claim_source, source_id, now, until))

    async def begin_document(self, source_id: UUID, document: Memory) -> bool:
        """See Sources."""
        return await self._driver.write(partial(rows.begin_document, source_id, document))

    async def add_fragments(self, source_id: UUID, document_id: UUID, fragments: Sequence[Memory]) -> bool:
        """See Sources."""
        return await self._driver.write(partial(rows.add_fragments, source_id, document_id, fragments))

    async def finish_source(
        self, source_id: UUID, document_id: UUID, read: SourceRead, *, fragments: int, now: datetime
    ) -> bool:
        """See Sources."""
        return await self._driver.write(
            partial(rows.finish_source, source_id, document_id, read, fragments, now)
        )

    async def tidy_source(self, source_id: UUID, *, count: int = 100) -> bool:
        """See Sources."""
        return await self._driver.write(partial(rows.tidy_source, source_id, count))

    async def keep_source(
        self,
        source_id: UUID,
        *,
        now: datetime,
        due_at: datetime | None,
        remark: str | None = None,
        modified: str = "",
    ) -> None:
        """See Sources."""
        await self._driver.write(partial(rows.keep_source, source_id, now, due_at, remark, modified))

    async def fail_source(
        self,
        source_id: UUID,
        *,
        now: datetime,
        due_at: datetime | None,
        remark: str,
        modified: str = "",
        forget: bool = False,
    ) -> None:
        """See Sources."""
        await self._driver.write(partial(rows.fail_source, source_id, now, due_at, remark, modified, forget))

    async def sources_mark(self, agent_id: UUID) -> str:
        """See Sources."""
        return await self._driver.read(partial(rows.sources_mark, agent_id))

    async def remove_sources(self, source_ids: Sequence[UUID]) -> int:
        """See Sources."""
        return await self._driver.write(partial(rows.remove_sources, source_ids))

    async def unembedded_sources(self, agent_id: UUID) -> list[KnowledgeSource]:
        """See Sources."""
        return await self._driver.read(partial(rows.unembedded_sources, agent_id))

    async def queue_source(self, source_id: UUID, *, priority: int) -> int:
        """See Sources."""
        return await self._driver.write(partial(rows.queue_source, source_id, priority))
