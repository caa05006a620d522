"""Agents as the database knows them, and what their turns came to."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from bot_host.types.character import Character
from bot_host.types.ids import UUID


class AgentStatus(StrEnum):
    """elizaOS's words (3.3-08). Whether an agent runs is its host's to say; it is not stored."""

    ACTIVE = "active"
    INACTIVE = "inactive"


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentRecord:
    """An agent's row."""

    id: UUID
    character: Character
    """As it was when the agent last started or was changed, without its secrets."""
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CharacterEdits:
    """What was changed of a character since it was given (by a file or by code)."""

    kept: dict[str, Any] = field(default_factory=dict)
    """Values by key, to be put over the character."""
    dropped: tuple[str, ...] = ()
    """Keys whose changes are gone just now, because another character was given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CharacterVersion:
    """A character as it was once; the newest one is as it is."""

    number: int
    keys: tuple[str, ...]
    """What differs from the version before; none in the first."""
    by: str
    """Who changed it: `file` (it was given so at a start), `console`, `api`, `code`."""
    note: str
    made_at: datetime
    character: dict[str, Any] = field(default_factory=dict)
    """JSON values, secrets as `***`; empty in lists."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DayUse:
    """What an agent has used on one UTC day."""

    turns: int = 0
    """Those that asked a model."""
    tokens: int = 0
    cost: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CachedEmbedding:
    """The vector of a text that is much like another one."""

    embedding: list[float]
    levenshtein_score: int
    """Letters to change, add or take out: 0 is the same text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunCounts:
    """What a run did."""

    actions: int = 0
    model_calls: int = 0
    errors: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSummary:
    """A run in short (elizaos.md 7.3-06)."""

    run_id: UUID
    status: str
    started_at: datetime
    ended_at: datetime
    room_id: UUID
    message_id: UUID | None = None
    """The newest message that it handled; None when that is gone."""
    entity_id: UUID | None = None
    """Whose message that is."""
    error: str = ""
    counts: RunCounts = field(default_factory=RunCounts)

    @property
    def duration_ms(self) -> float:
        """From its beginning to its commit."""
        return (self.ended_at - self.started_at).total_seconds() * 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSummaries:
    """A page of runs, newest first."""

    runs: tuple[RunSummary, ...]
    total: int
    """All that fit."""

    @property
    def has_more(self) -> bool:
        """Whether there are more than these."""
        return self.total > len(self.runs)
