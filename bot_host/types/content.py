"""What a message says, and how it was addressed."""

from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from bot_host.types.choices import Choices
from bot_host.types.ids import UUID


class ChannelType(StrEnum):
    """Kinds of rooms (elizaos.md 3.4-01)."""

    SELF = "SELF"
    DM = "DM"
    GROUP = "GROUP"
    VOICE_DM = "VOICE_DM"
    VOICE_GROUP = "VOICE_GROUP"
    FEED = "FEED"
    THREAD = "THREAD"
    WORLD = "WORLD"
    FORUM = "FORUM"
    API = "API"


class MediaType(StrEnum):
    """Kinds of attachments (elizaos.md 3.2-04)."""

    IMAGE = "image"
    VIDEO = "video"
    AUDIO = "audio"
    DOCUMENT = "document"
    LINK = "link"


class Media(BaseModel):
    """An attachment. `url` never contains a secret (a Telegram file URL does: keep the file id instead)."""

    model_config = ConfigDict(extra="allow")

    id: str
    url: str = ""
    title: str | None = None
    source: str | None = None
    description: str | None = None
    text: str | None = None
    content_type: MediaType | None = None
    file_name: str | None = None
    mime_type: str | None = None
    size: int | None = None
    """Bytes."""


class Quote(BaseModel):
    """What a message shows of others' words: what it answers or forwards, a link preview.

    Not the speaker's own words: prompts keep them apart, since whoever is quoted is not asking.
    """

    model_config = ConfigDict(extra="allow")

    kind: str = "reply"
    """`reply`, `forward` or `embed`."""
    author: str = ""
    """As people see the name; empty where it is not told."""
    text: str = ""
    attachments: list[Media] = Field(default_factory=list)


class MentionType(StrEnum):
    """How a message turned to the agent (elizaos.md 3.2-03)."""

    PLATFORM_MENTION = "platform_mention"
    REPLY = "reply"
    THREAD = "thread"
    NONE = "none"


class MentionContext(BaseModel):
    """Whether a message turns to the agent, by the platform's own data."""

    is_mention: bool = False
    is_reply: bool = False
    is_thread: bool = False
    mention_type: MentionType = MentionType.NONE


class Content(BaseModel):
    """What a message says (elizaos.md 3.2-01). Further keys are kept as they are."""

    model_config = ConfigDict(extra="allow")

    text: str = ""
    thought: str | None = None
    actions: list[str] = Field(default_factory=list)
    providers: list[str] = Field(default_factory=list)
    source: str | None = None
    """Where it came from: `discord`, `telegram`, `slack`, `terminal`, `web` …"""
    target: str | None = None
    url: str | None = None
    in_reply_to: UUID | None = None
    """The memory that this one answers."""
    attachments: list[Media] = Field(default_factory=list)
    channel_type: ChannelType | None = None
    mention_context: MentionContext | None = None
    quotes: list[Quote] = Field(default_factory=list)
    choices: Choices | None = None
    """What it offers to choose from."""

    def to_dict(self) -> dict[str, Any]:
        """As JSON values, without what is not set."""
        return self.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
