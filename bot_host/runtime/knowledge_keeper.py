"""Keeps what an agent knows up to date while it runs: reads what is due, whoever wrote the rows."""

import asyncio
import logging
from pathlib import Path
from typing import Any, Final

from bot_host.contracts.plugin import Agent
from bot_host.kit.fetch import SafeFetcher
from bot_host.runtime.config import KnowledgeOptions
from bot_host.runtime.embeddings import PRIORITIES, Embeddings
from bot_host.runtime.given_knowledge import given_knowledge
from bot_host.runtime.knowledge_reader import KnowledgeReader
from bot_host.types.errors import StoreError
from bot_host.types.events import Event, EventType
from bot_host.types.sources import KnowledgeSource, SourceOrigin

log = logging.getLogger(__name__)

LOOK_S: Final = 5.0
"""Seconds between looks at the rows: a command beside the host writes them and tells nobody."""
BY: Final = "character"
"""On the record, as who added it."""


class KnowledgeKeeper:
    """Works for one agent, until it is cancelled."""

    def __init__(
        self,
        agent: Agent,
        options: KnowledgeOptions,
        embeddings: Embeddings,
        *,
        fetcher: SafeFetcher | None = None,
        look_s: float = LOOK_S,
    ) -> None:
        self._agent = agent
        self._store = agent.store
        self._options = options
        self._embeddings = embeddings
        self._look_s = look_s
        self._reader = KnowledgeReader(agent.store, agent.agent_id, options, fetcher=fetcher)
        self._wake = asyncio.Event()
        self._mark = ""
        self._embedded = ""

    async def run(self) -> None:
        """Take over what the character says, then read what is due, again and again."""
        self._agent.on(EventType.KNOWLEDGE_ADDED, self._added)
        given = False
        while True:
            self._wake.clear()
            try:
                if not given:
                    await self.take_over()
                    given = True
                await self.look()
            except StoreError as error:
                log.warning("knowledge is not looked after for now: %s", error)
            except Exception:
                # A fault here must not leave the agent with what it knew at the start (invariant I4).
                log.exception("knowledge is not looked after for now")
            try:
                async with asyncio.timeout(self._look_s):
                    await self._wake.wait()
            except TimeoutError:
                pass

    def _added(self, _: Event) -> None:
        self._wake.set()

    async def take_over(self) -> None:
        """Make rows of what the character says; those of what it says no more go."""
        given = self._options.given
        if given is None:
            # Paths are looked at.
            given = await asyncio.to_thread(given_knowledge, self._agent.character, Path.cwd())
        known = [
            each
            for each in await self._store.get_sources(self._agent.agent_id)
            if each.origin is SourceOrigin.CHARACTER and each.parent_id is None
        ]
        wanted = {(each.kind, each.location) for each in given}
        gone = [each.id for each in known if (each.kind, each.location) not in wanted]
        if gone:
            count = await self._store.remove_sources(gone)
            log.info("knowledge: %d sources are taken out of the character, and forgotten", count)
        for each in given:
            await self._store.add_source(
                KnowledgeSource(
                    agent_id=self._agent.agent_id,
                    kind=each.kind,
                    location=each.location,
                    title=each.title,
                    text=each.text,
                    origin=SourceOrigin.CHARACTER,
                    added_by=BY,
                )
            )

    async def look(self) -> None:
        """Read what is due, queue what has no vectors, and tell of what has changed."""
        await self._reader.read_due()
        mark = await self._store.sources_mark(self._agent.agent_id)
        if self._embeddings.possible and mark != self._embedded:
            count = 0
            for source in await self._store.unembedded_sources(self._agent.agent_id):
                count += await self._store.queue_source(source.id, priority=PRIORITIES["low"])
            if count:
                self._embeddings.wake()
            self._embedded = mark
        if mark != self._mark:
            self._mark = mark
            self._agent.knowledge_changed()
            told: dict[str, Any] = {"source": "knowledge"}
            await self._agent.emit_event(EventType.KNOWLEDGE_CHANGED, told)
