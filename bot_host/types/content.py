"""What a message says, and how it was addressed."""

import re
from enum import StrEnum
from typing import Any, Final

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


class Reading(StrEnum):
    """How an attachment was read."""

    DESCRIBED = "described"
    """A picture; `description` says what is seen."""
    TRANSCRIBED = "transcribed"
    """Sound; `text` is what is said."""
    TEXT = "text"
    """A document; `text` is its beginning and end."""
    NAMED = "named"
    """Of a kind that is not read: the model knows its name, type and size."""


_READ: Final = {"title", "text", "description", "alt", "reading", "mime_type", "size"}
"""What reading a file may fill in."""


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
    duration: float | None = None
    """Seconds, of sound and of moving pictures."""
    voice: bool = False
    """Spoken as the message itself (a voice message, a video note): what is heard is what the sender says."""
    silent: bool = False
    """Moving pictures without sound."""
    quoted: bool = False
    """It hangs on the message that is answered, not on this one."""
    lasting_id: str | None = None
    """The platform's id of a file that stays the same and comes again and again, such as a sticker: what is
    seen on it is remembered by that."""
    alt: str | None = None
    """How its sender describes it, once `description` says what was seen."""
    reading: str | None = None
    """What came of reading it for the model: one of `Reading`, or why it could not be read."""
    file: str | None = None
    """A file of the host's media folder, as `Agent.save_media` names it. It goes out as a file."""

    @property
    def is_read(self) -> bool:
        """It was read, and need not be again."""
        return self.reading in tuple(Reading)

    def as_sent(self) -> dict[str, Any]:
        """What its platform says of it, without what came of reading it: JSON values, to be compared.

        Signed addresses are signed anew with each event: the query says nothing of the file.
        """
        told = self.model_dump(mode="json", exclude_none=True, exclude=_READ)
        return told | {"url": self.url.partition("?")[0]}

    def as_read(self, earlier: "Media") -> "Media":
        """This one, with what came of reading it earlier, when it had another address."""
        return self.model_copy(update={name: getattr(earlier, name) for name in _READ})

    def as_file(self) -> dict[str, Any] | None:
        """What a connector needs to send it as a file; JSON values. None: there is no file."""
        if not self.file:
            return None
        name = re.sub(r'[\\/:*?"<>|\x00-\x1f\x7f-\x9f]+', "_", self.file_name or "").strip(" ._")[-100:]
        told = {
            "file": self.file,
            "name": name or f"file.{self.file.rpartition('.')[2]}",
            "type": self.mime_type or "application/octet-stream",
            "size": self.size or 0,
        }
        if self.title:
            told["title"] = self.title
        if self.voice:
            told["voice"] = True
        if self.url.startswith(("http://", "https://")):
            told["url"] = self.url
        return told


class Quote(BaseModel):
    """What a message shows of others' words: what it answers or forwards, a link preview.

    Not the speaker's own words: prompts keep them apart, since whoever is quoted is not asking.
    """

    model_config = ConfigDict(extra="allow")

    kind: str = "reply"
    """`reply`, `forward`, `embed`, `thread`: what was said before in a thread; or
    `view`: what its sender has open beside the chat."""
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
