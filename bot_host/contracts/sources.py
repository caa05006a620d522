"""What the database does for knowledge. Each method is one whole transaction."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from bot_host.types.ids import UUID
from bot_host.types.memory import Memory
from bot_host.types.sources import KnowledgeSource, SourceRead


class Sources(Protocol):
    """Sources of knowledge as rows. They are the truth: whoever reads sources asks which are due.

    A document is a memory, its fragments are memories derived from it. A source that is read again writes a
    new document beside the old one, which counts until the new one is whole.
    """

    async def add_source(self, source: KnowledgeSource) -> KnowledgeSource:
        """Keep a source, due at once. One of the same agent, world and location is made due instead.

        That one gets a title that is given, and a new text.
        """

    async def adopt_document(self, source: KnowledgeSource) -> bool:
        """Have a document that is there already (`document_id`) known by a source that is never read anew.

        False: its location is known, or the document has no parts.
        """

    async def get_sources(self, agent_id: UUID) -> list[KnowledgeSource]:
        """All of an agent's, by location."""

    async def find_source(self, source_id: UUID) -> KnowledgeSource | None:
        """One source."""

    async def due_sources(self, agent_id: UUID, *, now: datetime, count: int) -> list[KnowledgeSource]:
        """Those that are to be looked at, and that nobody reads just now, longest due first."""

    async def claim_source(
        self, source_id: UUID, *, now: datetime, until: datetime
    ) -> KnowledgeSource | None:
        """Take a source to read it: as it is now; None: it is gone, or somebody else has it.

        What a reader that died has written of a new document goes.
        """

    async def begin_document(self, source_id: UUID, document: Memory) -> bool:
        """Write a new document's memory, not yet the source's; False: the source is gone."""

    async def add_fragments(self, source_id: UUID, document_id: UUID, fragments: Sequence[Memory]) -> bool:
        """Write some of it; False: the source is gone, or the document is not the one being written."""

    async def finish_source(
        self, source_id: UUID, document_id: UUID, read: SourceRead, *, fragments: int, now: datetime
    ) -> bool:
        """The new document counts from now on, and the old one waits to be tidied up.

        False: as in `add_fragments`.
        """

    async def tidy_source(self, source_id: UUID, *, count: int = 100) -> bool:
        """Delete up to `count` fragments of the document that counts no more; whether there may be others."""

    async def keep_source(
        self,
        source_id: UUID,
        *,
        now: datetime,
        due_at: datetime | None,
        remark: str | None = None,
        modified: str = "",
    ) -> None:
        """It was looked at, and what is known of it stays. `remark`: a new one; None: the old one.

        `modified`: a new one, where not empty.
        """

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
        """It could not be read. What was known of it stays, unless `forget`.

        `modified`: of what could not be read, so that it is not tried before it has changed.
        """

    async def sources_mark(self, agent_id: UUID) -> str:
        """A short text that is another one when what is known is."""

    async def remove_sources(self, source_ids: Sequence[UUID]) -> int:
        """Delete sources with their documents and, of folders, all that is in them; how many sources."""

    async def unembedded_sources(self, agent_id: UUID) -> list[KnowledgeSource]:
        """Those that were read, and whose fragments are not in the queue of embeddings yet."""

    async def queue_source(self, source_id: UUID, *, priority: int) -> int:
        """Put a source's fragments into the queue of embeddings; how many."""
