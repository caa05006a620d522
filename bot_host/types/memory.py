"""Something remembered."""

from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field

from bot_host.kit.clock import utc_now
from bot_host.types.content import Content
from bot_host.types.ids import UUID, new_id
from bot_host.types.knowledge import Audience

FOR_ENTITY: Final = "for_entity_id"
"""In the metadata of what the agent says unasked: whom it is for. It goes when that person is erased."""

PLATFORM_ROLE: Final = "platform_role"
"""In the metadata of a message that came through a connector: what the sender's roles on the platform made of
them then (`roles` of the account). Nobody else can put it there."""


SOURCE_ACCOUNT: Final = "source_account"
"""In a message's metadata: the key of the platform account that it came in through. Set by the host only."""


INSTRUCTIONS: Final = "instructions"
"""In the metadata of a caller's message: what the program through which somebody writes wants of the answer.
Of no account in messages of platforms."""


FAILURE: Final = "failure"
"""In a memory's metadata: the agent could not answer. Kept out of prompts, since models imitate it."""


class MemoryType(StrEnum):
    """Kinds of memories (elizaos.md 3.1-03)."""

    MESSAGE = "message"
    FACT = "fact"
    DOCUMENT = "document"
    FRAGMENT = "fragment"
    DESCRIPTION = "description"
    CUSTOM = "custom"


REACTIONS: Final = "reactions"
"""In a message's metadata: how often each reaction was put to it, `{"👍": 2}`."""


PIECES: Final = "pieces"
"""In the metadata of a message that came in pieces: what each of them says, by its event key."""


class Memory(BaseModel):
    """One memory of one agent (elizaos.md 3.1-01). Times are aware UTC."""

    model_config = ConfigDict(extra="forbid")

    id: UUID = Field(default_factory=new_id)
    agent_id: UUID
    entity_id: UUID
    """Who said it; the agent's own id for its answers."""
    room_id: UUID
    world_id: UUID | None = None
    type: MemoryType = MemoryType.MESSAGE
    content: Content
    created_at: datetime = Field(default_factory=utc_now)
    metadata: dict[str, Any] = Field(default_factory=dict)
    embedding: list[float] | None = None
    """Only where it was asked for; the store keeps vectors apart."""
    unique: bool = True
    similarity: float | None = None
    """Of a search's hit: 1 is the best."""
    source_memory_id: UUID | None = None
    """The message that a fact, summary or fragment was derived from."""
    confidence: float | None = None
    """Of a fact: 0 to 1."""
    audience: Audience | None = None
    """Of a fact: who may hear of it."""
    revision: int = 0
    """Counts the edits of the message on its platform."""
