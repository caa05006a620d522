"""What was said in a room, in short: segments of its messages, and summaries of segments."""

import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from bot_host.kit.clock import utc_now
from bot_host.types.ids import UUID, new_id
from bot_host.types.memory import Memory


class SummaryState(StrEnum):
    """How a summary stands to its messages."""

    READY = "ready"
    STALE = "stale"
    """One of them was edited or deleted: it says nothing any more, and is to be made anew."""
    SKIPPED = "skipped"
    """Too much was said at once to read it all: nothing is said of these messages."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """A stretch of a room's messages in short; its audience is the room."""

    id: UUID = field(default_factory=new_id)
    agent_id: UUID
    room_id: UUID
    level: int = 0
    """0: of messages. n: of summaries of level n - 1."""
    state: SummaryState = SummaryState.READY
    first_seq: int
    """The messages by their order of arrival (`memories.seq`), from this one …"""
    last_seq: int
    """… to this one."""
    first_at: datetime
    """When the earliest of them was said."""
    last_at: datetime
    count: int
    """How many messages there were."""
    text: str
    model: str = ""
    tokens: int = 0
    """Of the text, by the estimate."""
    revision: int = 0
    made_at: datetime = field(default_factory=utc_now)

    def covers(self, seq: int) -> bool:
        """Whether a message of the room stands in it."""
        return self.first_seq <= seq <= self.last_seq

    @property
    def says(self) -> bool:
        """Whether there is anything to read."""
        return self.state is SummaryState.READY and bool(self.text)


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomSummary:
    """What of a room's past is known in short, and what of it is not."""

    parts: tuple[Summary, ...] = ()
    """Those that no ready summary of a higher level covers, oldest first."""
    covered: frozenset[UUID] = frozenset()
    """Of the messages that were asked about, those that one of the parts tells of."""
    between: int = 0
    """Messages that came after the parts and are not among those that were asked about."""

    older: bool = False
    """Something was said before the first of the parts."""

    @property
    def untold(self) -> int:
        """Messages that stand in a part of which nothing can be read."""
        return sum(part.count for part in self.parts if not part.says)


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbered:
    """A message with its place in the order of arrival."""

    seq: int
    memory: Memory

    @property
    def print(self) -> str:
        """A fingerprint of what it says."""
        content = self.memory.content.model_dump_json()
        return hashlib.sha256(f"{self.memory.id}\n{content}".encode()).hexdigest()
