"""The audit log: noted at once, written as soon as possible."""

import asyncio
from collections import deque
from collections.abc import Mapping
from typing import Any, Final

from bot_host.contracts.store import Store
from bot_host.types.ids import UUID
from bot_host.types.knowledge import AuditEntry

MOST: Final = 1000
"""Entries that wait to be written; the oldest go first."""


class Audit:
    """Entries of one agent on their way to the store."""

    def __init__(self, agent_id: UUID, store: Store) -> None:
        self._agent_id = agent_id
        self._store = store
        self._waiting: deque[AuditEntry] = deque(maxlen=MOST)
        self._lock = asyncio.Lock()

    def note(self, action: str, subject: str, details: Mapping[str, Any], *, actor: str = "code") -> None:
        """Something changed."""
        self._waiting.append(
            AuditEntry(
                agent_id=self._agent_id, actor=actor, action=action, subject=subject, details=dict(details)
            )
        )

    async def flush(self) -> None:
        """Write what waits, in order. Raises StoreError; what was not written still waits."""
        async with self._lock:
            while self._waiting:
                await self._store.add_audit(self._waiting[0])
                self._waiting.popleft()
