"""An agent's ways out of itself: to its host, to the web, to the background, to the audit log."""

import logging
from collections.abc import Collection, Mapping
from typing import Any

from bot_host.contracts.plugin import Delivery, Host, MessageService
from bot_host.kit.fetch import Fetched, SafeFetcher
from bot_host.runtime.audit import Audit
from bot_host.runtime.base import AgentBase
from bot_host.runtime.embeddings import Embeddings, Priority
from bot_host.runtime.media import made_media
from bot_host.types.content import Content, Media
from bot_host.types.errors import StateError
from bot_host.types.memory import Memory
from bot_host.types.outbound import Target
from bot_host.types.vectors import EmbeddingStatus


class Reach(AgentBase):
    """What an agent can set going."""

    _audit: Audit
    _embeddings: Embeddings
    _fetcher: SafeFetcher
    _host: Host | None

    @property
    def logger(self) -> logging.Logger:
        """For those who log in the agent's name."""
        return logging.getLogger(f"bot_host.agent.{self._character.name}")

    @property
    def message_service(self) -> MessageService | None:
        """Messages by elizaOS's names (4.1); None for an agent without a host."""
        return self._host.message_service if self._host is not None else None

    async def queue_embedding_generation(self, memory: Memory, priority: Priority = "normal") -> None:
        """Have a stored memory's embedding made in the background (elizaos.md 2.13-05)."""
        await self._embeddings.queue(memory, priority)

    async def add_embedding_to_memory(self, memory: Memory) -> Memory:
        """The memory with its embedding, made now. Raises ModelError, StateError for one without text."""
        return await self._embeddings.add_to(memory)

    async def query_embedding(self, text: str) -> tuple[list[float], str] | None:
        """The vector of what is looked for, and the model whose vectors it can be compared with.

        None: search by words alone, since there are no vectors, or no model to ask just now. It never takes
        more than a few seconds, and the same text is asked for once, however many ask.
        """
        return await self._embeddings.query(text)

    async def embedding_status(self, *, fresh: bool = True) -> EmbeddingStatus:
        """Whose vectors there are, what waits for one, and how far a change of the model is.

        Not `fresh`: what waits may have been counted some seconds ago. Raises StoreError.
        """
        return await self._embeddings.status(fresh=fresh)

    async def send_message_to_target(self, target: Target, content: Content) -> Delivery:
        """Say something unasked. Raises StateError at once where nothing sends; returns after the commit."""
        if self._host is None:
            raise StateError("an agent without a host has no outbox to send with").about(
                agent=self._character.name
            )
        return await self._host.send_message_to_target(self.agent_id, target, content)

    async def save_media(
        self, data: bytes, *, file_name: str = "", title: str = "", voice: bool = False
    ) -> Media:
        """An attachment of these bytes, to be put into a Content. Raises StateError."""
        if self._host is None:
            raise StateError("an agent without a host has no media folder").about(agent=self._character.name)
        media = made_media(data, file_name=file_name, title=title, voice=voice)
        return await self._host.save_media(data, media)

    async def fetch(
        self,
        url: str,
        *,
        content_types: Collection[str] = (),
        max_bytes: int | None = None,
        timeout: float | None = None,
        truncate: bool = False,
        headers: Mapping[str, str] | None = None,
    ) -> Fetched:
        """Read an address on the web, safely: the only way out to URLs (`kit.fetch`). Raises FetchError."""
        return await self._fetcher.fetch(
            url,
            content_types=content_types,
            max_bytes=max_bytes,
            timeout=timeout,
            truncate=truncate,
            headers=headers,
        )

    async def audit(
        self, action: str, subject: str = "", details: Mapping[str, Any] | None = None, *, actor: str = "code"
    ) -> None:
        """Keep a record of a change of roles, settings, plugins or the character. Never a secret."""
        self._audit.note(action, subject, details or {}, actor=actor)
        await self._audit.flush()
