"""Where an agent's knowledge comes from: files, folders, addresses and texts."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final

from bot_host.kit.clock import utc_now
from bot_host.types.content import ChannelType
from bot_host.types.ids import UUID, create_unique_uuid, new_id
from bot_host.types.places import Room

CITATIONS: Final = "citations"
"""In the data of a provider's or action's result: `{"number", "id", "name", "url"}` of what may be cited."""
SOURCE: Final = "knowledge_source"
"""In a fragment's metadata: the id of the source that it was read from."""
PATH: Final = "headings"
"""The same: the headings above it, outermost first."""
POSITION: Final = "position"
"""The same: its place in the document, from 0 (elizaos.md 3.1-03)."""


class SourceKind(StrEnum):
    """What a source is."""

    FILE = "file"
    FOLDER = "folder"
    """Its files are sources of their own, with this one as their parent."""
    URL = "url"
    TEXT = "text"


class SourceOrigin(StrEnum):
    """Who said that it is to be known; what a character names goes when the character names it no more."""

    COMMAND = "command"
    CHARACTER = "character"
    CHAT = "chat"


class SourceState(StrEnum):
    """How far a source is."""

    NEW = "new"
    """Not read yet."""
    READY = "ready"
    """Read; `remark` says what was left out, or why it could not be read again."""
    FAILED = "failed"
    """It could not be read, and nothing of it is known; `remark` says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KnowledgeSource:
    """One source of one agent."""

    id: UUID = field(default_factory=new_id)
    agent_id: UUID
    world_id: UUID | None = None
    """Only this world's people hear of it; None: everybody does."""
    parent_id: UUID | None = None
    """The folder that it is in."""
    kind: SourceKind
    location: str
    """An absolute path or an address; of a text a name for it, unique in the agent."""
    title: str = ""
    """As it is cited; empty until it was read, where nobody gave one."""
    origin: SourceOrigin = SourceOrigin.COMMAND
    text: str = ""
    """Of a text, itself."""
    hash: str = ""
    """Of what was read."""
    size: int = 0
    """Bytes that were read."""
    modified: str = ""
    """A file's time of change in nanoseconds; of an address, what its server says (`Last-Modified`)."""
    etag: str = ""
    state: SourceState = SourceState.NEW
    remark: str = ""
    fragments: int = 0
    document_id: UUID | None = None
    """The memory that its fragments belong to; None: nothing of it is known."""
    draft_id: UUID | None = None
    """The one that is being written in the document's place."""
    added_by: str = ""
    """An entity's id, `command line`, `character`."""
    added_at: datetime = field(default_factory=utc_now)
    read_at: datetime | None = None
    checked_at: datetime | None = None
    due_at: datetime | None = None
    """When it is to be looked at again; None: never by itself."""
    claimed_until: datetime | None = None
    """Somebody reads it just now; after that time they are taken for dead."""
    embedded: bool = False
    """Whether its fragments were put into the queue of embeddings."""


@dataclass(frozen=True, slots=True)
class GivenSource:
    """What a character says that it knows."""

    kind: SourceKind
    location: str
    title: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """A part of a document that fits a question."""

    id: UUID
    """The fragment's."""
    title: str
    """The document's."""
    path: tuple[str, ...] = ()
    """The headings above it, without the title."""
    url: str = ""
    """Where people can read it; empty for what lies on the host's disk."""
    text: str

    @property
    def name(self) -> str:
        """As it is cited: `Handbook > Leave`."""
        return " > ".join((self.title, *self.path))


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceRead:
    """What came of reading a source."""

    title: str = ""
    hash: str = ""
    size: int = 0
    modified: str = ""
    etag: str = ""
    remark: str = ""
    """What was left out."""
    due_at: datetime | None = None


def knowledge_room(agent_id: UUID) -> Room:
    """The room that an agent's documents lie in: nobody is in it, and whatever is in it has an audience.

    It counts as open, so that what a world's people may hear depends on the memory's world alone.
    """
    return Room(
        id=create_unique_uuid(agent_id, "knowledge"),
        agent_id=agent_id,
        name="knowledge",
        source="knowledge",
        type=ChannelType.SELF,
        open=True,
    )
