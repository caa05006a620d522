"""The web as a platform: conversations of whoever runs the host with one agent."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final

from bot_host.contracts.connector import CheckLine, ConnectorHost, OutgoingFiles
from bot_host.contracts.connector_config import ConnectorConfig
from bot_host.kit.clock import utc_now
from bot_host.types.content import ChannelType, Content, Media
from bot_host.types.errors import FetchRefused, StateError
from bot_host.types.ids import UUID, create_unique_uuid, new_id
from bot_host.types.inbound import (
    Account,
    InboundDelete,
    InboundEdit,
    InboundMessage,
    InboundStop,
    PersonRef,
    RoomRef,
    WorldRef,
)
from bot_host.types.outbound import Payload, Sent, Target
from bot_host.web.chat.feed import Feed

PLATFORM: Final = "web"
PERSON: Final = "web-console"
"""Whoever may open the console is one person: the one who runs the host."""
_WORLD: Final = WorldRef(key="web-console", name="Console", platform_id="console")
_FILE: Final = "file:"
"""Before the name of a file of the media folder, in an attachment's `url`."""
TYPING_S: Final = 5.0


def person_of(agent_id: UUID) -> UUID:
    """The entity of whoever writes in the console."""
    return create_unique_uuid(agent_id, PERSON)


def room_key(conversation: str) -> str:
    """What a conversation's room is made of."""
    return f"web-console-{conversation}"


def room_of(agent_id: UUID, conversation: str) -> UUID:
    """The room of a conversation."""
    return create_unique_uuid(agent_id, room_key(conversation))


class WebConnector:
    """One agent's conversations in the console. The rows are what people see, so that sending is telling."""

    platform: ClassVar[str] = PLATFORM
    typing_interval_s: ClassVar[float] = TYPING_S

    def __init__(self, agent_id: UUID, name: str) -> None:
        self._agent_id = agent_id
        self._name = name
        self._host: ConnectorHost | None = None
        self._stopped = asyncio.Event()
        self._files: OutgoingFiles | None = None
        self.feed = Feed()

    @staticmethod
    def config() -> ConnectorConfig:
        """How the console's conversations are: all is answered, edits and deletions are followed."""
        return ConnectorConfig(enabled=True, mention_only=False, deleted_answer="retract")

    async def run(self, host: ConnectorHost) -> None:
        """See Connector. What comes in is brought by the console's addresses."""
        self._host = host
        await host.connected(Account(platform=PLATFORM, id=self._agent_id, name=self._name))
        await self._stopped.wait()

    async def stop_intake(self) -> None:
        """See Connector."""
        self._stopped.set()

    # -- what the pages bring ---------------------------------------------------------------------------

    async def say(self, conversation: str, text: str, files: Sequence[Media]) -> tuple[UUID, str]:
        """Take a message in; once it is on disk, its memory's id and its key. Raises BotHostError."""
        key = new_id()
        content = Content(
            text=text,
            source=PLATFORM,
            channel_type=ChannelType.DM,
            attachments=[media.model_copy(update={"url": f"{_FILE}{media.file}"}) for media in files],
        )
        message = InboundMessage(
            event_key=key,
            message_id=key,
            memory_key=key,
            world=_WORLD,
            room=RoomRef(key=room_key(conversation), type=ChannelType.DM, channel_id=conversation),
            sender=_person(),
            content=content,
            sent_at=utc_now(),
            target=Target(source=PLATFORM, channel_id=conversation),
        )
        await self._door().accept(message)
        return create_unique_uuid(self._agent_id, key), key

    async def edit_message(self, key: str, content: Content) -> None:
        """Take an edit in; an answer follows it. Raises StateError, StoreError."""
        await self._door().accept(InboundEdit(event_key=key, content=content, edited_at=utc_now()))

    async def delete_message(self, key: str) -> None:
        """Take a deletion in; the answer goes with its question. Raises StateError, StoreError."""
        await self._door().accept(InboundDelete(event_keys=(key,)))

    async def stop_turn(self, conversation: str) -> None:
        """Stop what the agent is about to say. Raises StateError, StoreError."""
        room = RoomRef(key=room_key(conversation), type=ChannelType.DM, channel_id=conversation)
        await self._door().accept(InboundStop(room=room, sender=_person()))

    def _door(self) -> ConnectorHost:
        if self._host is None or self._stopped.is_set():
            raise StateError(f"{self._name} takes no messages here now: the host starts or stops")
        return self._host

    # -- what the host brings ---------------------------------------------------------------------------

    def use_files(self, files: OutgoingFiles) -> None:
        """See FileSendingConnector."""
        self._files = files

    def encode(self, content: Content, target: Target) -> list[Payload]:
        """See Connector: one part, as nothing limits a page. What it says is read from its memory."""
        return [{"shown": True}] if content.text.strip() or content.attachments else []

    async def send(self, payload: Payload, target: Target, *, key: str) -> Sent:
        """See Connector."""
        self._tell(target, "message", id=_memory_of(key))
        return Sent(platform_message_id=key)

    async def edit(self, payload: Payload, target: Target, platform_message_id: str, *, key: str) -> None:
        """See EditingConnector."""
        self._tell(target, "message", id=_memory_of(key))

    async def retract(self, target: Target, platform_message_id: str) -> None:
        """See EditingConnector."""
        self._tell(target, "gone", id=_memory_of(platform_message_id))

    def open_stream(self, target: Target, *, memory_id: str) -> "_Stream | None":
        """See StreamingConnector."""
        return _Stream(self.feed, target.channel_id, memory_id) if self.feed.watched else None

    def turn_over(self, target: Target) -> None:
        """See TurnListener."""
        self._tell(target, "over")

    async def typing(self, target: Target) -> None:
        """See Connector."""
        self._tell(target, "typing", on=True)

    async def typing_done(self, target: Target) -> None:
        """See Connector."""
        self._tell(target, "typing", on=False)

    def _tell(self, target: Target, name: str, **data: Any) -> None:
        self.feed.tell(target.channel_id, name, **data)

    async def download(self, media: Media, target: Target, *, message_id: str, max_bytes: int) -> bytes:
        """See DownloadingConnector."""
        data = await self._files.read(media.url.removeprefix(_FILE)) if self._files is not None else None
        if data is None:
            raise FetchRefused("the file is not kept any more")
        if len(data) > max_bytes:
            raise FetchRefused(f"the file is larger than {max_bytes} bytes")
        return data

    async def close(self) -> None:
        """See Connector."""

    async def check(self) -> Sequence[CheckLine]:
        """See Connector."""
        return [CheckLine(name=PLATFORM, ok=True, detail="the console", account=self._agent_id)]


def _memory_of(key: str) -> UUID:
    # A part's key begins with the memory that it is of.
    return key.partition(":")[0]


def _person() -> PersonRef:
    return PersonRef(key=PERSON, platform_id="console", name="Admin")


class _Stream:
    """A reply on its way to the pages: each time all that there is of it, at most every so often."""

    def __init__(self, feed: Feed, conversation: str, memory_id: str) -> None:
        self._feed = feed
        self._conversation = conversation
        self._memory_id = memory_id

    async def write(self, chunk: str) -> None:
        """See TextStream."""
        self._feed.tell(self._conversation, "chunk", id=self._memory_id, text=chunk)

    async def replace(self, text: str) -> None:
        """See RevisableStream."""
        self._feed.tell(self._conversation, "replaced", id=self._memory_id, text=text)

    async def abandon(self) -> None:
        """See TextStream."""
        self._feed.tell(self._conversation, "gone", id=self._memory_id)


def is_console(metadata: Mapping[str, Any]) -> bool:
    """Whether an entity's metadata are those of whoever writes in the console."""
    told = metadata.get(PLATFORM)
    return isinstance(told, Mapping) and told.get("id") == "console"
