"""A platform without a network: a connector for tests of hosts, plugins and pipelines."""

import asyncio
from collections.abc import Callable, Sequence
from typing import ClassVar

from bot_host.contracts.connector import CheckLine, ConnectorHost, OutgoingFiles
from bot_host.kit.clock import utc_now
from bot_host.types.content import ChannelType, Content, Media, MentionContext, MentionType
from bot_host.types.errors import FetchRefused
from bot_host.types.inbound import (
    Account,
    InboundDelete,
    InboundEdit,
    InboundEvent,
    InboundMessage,
    PersonRef,
    RoomRef,
    WorldRef,
)
from bot_host.types.outbound import Payload, Sent, Target


class FakePlatform:
    """A `Connector` whose users are the test: `say` puts a message in, `sent` is what came out.

    `faults` are raised by the next sends, one each. `hold_sends.clear()` makes sends wait. With
    `edit_every_s` above 0 answers are shown while they are written. `files` are those that hang on
    messages, by the ids of their attachments: bytes, or what reading them raises.
    """

    platform: ClassVar[str] = "fake"
    edits_share_limit: ClassVar[bool] = False
    typing_interval_s: ClassVar[float] = 5.0

    def __init__(self, *, account_id: str = "1", limit: int = 200, edit_every_s: float = 0.0) -> None:
        self.account = Account(platform="fake", id=account_id, name="Fake Bot")
        self.sent: list[tuple[Target, str, str]] = []
        """Target, text and key of each part that was taken, in order."""
        self.changes: list[tuple[str, str, str]] = []
        """`edit` or `retract`, the platform id and the text, in order."""
        self.files: dict[str, bytes | Exception] = {}
        self.downloads: list[str] = []
        """Ids of attachments that were read, in order."""
        self.sent_files: list[tuple[str, bytes | None]] = []
        """Name and bytes of each file that went out; None: it was gone. Its part's text is its name."""
        self._outgoing: OutgoingFiles | None = None
        self.tried = 0
        self.faults: list[Exception] = []
        self.hold_sends = asyncio.Event()
        self.hold_sends.set()
        self.typing_shown = 0
        self.typing_ended = 0
        self.closed = False
        self._limit = limit
        self._edit_every_s = edit_every_s
        self._host: ConnectorHost | None = None
        self._stop = asyncio.Event()
        self._news = asyncio.Condition()
        self._count = 0

    # -- the connector ----------------------------------------------------------------------------------

    async def run(self, host: ConnectorHost) -> None:
        await host.connected(self.account)
        async with self._news:
            self._host = host
            self._news.notify_all()
        await self._stop.wait()

    async def stop_intake(self) -> None:
        self._stop.set()

    def encode(self, content: Content, target: Target) -> list[Payload]:
        text = content.text
        files = [told for media in content.attachments if (told := media.as_file()) is not None]
        parts: list[Payload] = [
            {"text": text[at : at + self._limit]} for at in range(0, len(text), self._limit)
        ]
        return [*parts, *({**told, "text": f"[{told['name']}]"} for told in files)]

    def use_files(self, files: OutgoingFiles) -> None:
        self._outgoing = files

    async def download(self, media: Media, target: Target, *, message_id: str, max_bytes: int) -> bytes:
        self.downloads.append(media.id)
        found = self.files.get(media.id, FetchRefused("it is gone"))
        if isinstance(found, Exception):
            raise found
        if len(found) > max_bytes:
            raise FetchRefused("it is too large")
        return found

    async def send(self, payload: Payload, target: Target, *, key: str) -> Sent:
        async with self._news:
            self.tried += 1
            self._news.notify_all()
        await self.hold_sends.wait()
        if self.faults:
            raise self.faults.pop(0)
        if payload.get("file") and self._outgoing is not None:
            self.sent_files.append((payload["name"], await self._outgoing.read(payload["file"])))
        async with self._news:
            self.sent.append((target, payload["text"], key))
            self._news.notify_all()
        return Sent(platform_message_id=f"sent-{len(self.sent)}")

    async def edit(self, payload: Payload, target: Target, platform_message_id: str, *, key: str) -> None:
        await self._change("edit", platform_message_id, payload["text"])

    def edit_every_s(self, target: Target) -> float:
        return self._edit_every_s

    async def retract(self, target: Target, platform_message_id: str) -> None:
        await self._change("retract", platform_message_id, "")

    async def _change(self, what: str, platform_message_id: str, text: str) -> None:
        self.tried += 1
        await self.hold_sends.wait()
        if self.faults:
            raise self.faults.pop(0)
        async with self._news:
            self.changes.append((what, platform_message_id, text))
            self._news.notify_all()

    @property
    def shown(self) -> list[str]:
        """What people see of what was sent, after all changes."""
        texts = {f"sent-{number}": text for number, (_, text, _) in enumerate(self.sent, 1)}
        for what, platform_message_id, text in self.changes:
            if what == "edit":
                texts[platform_message_id] = text
            else:
                texts.pop(platform_message_id, None)
        return list(texts.values())

    async def typing(self, target: Target) -> None:
        self.typing_shown += 1

    async def typing_done(self, target: Target) -> None:
        self.typing_ended += 1

    async def close(self) -> None:
        self.closed = True

    async def check(self) -> Sequence[CheckLine]:
        return [CheckLine(name="fake", ok=True, detail="there")]

    # -- the test ---------------------------------------------------------------------------------------

    def message(
        self,
        text: str,
        *,
        person: str = "ada",
        room: str = "ada",
        type: ChannelType = ChannelType.DM,
        mention: bool = False,
        reply: bool = False,
        message_id: str = "",
        room_name: str = "",
        world: str = "world",
        open: bool | None = None,
    ) -> InboundMessage:
        """A message as decode would make it. `open`: whether all of the world may read its room."""
        self._count += 1
        message_id = message_id or str(self._count)
        kind = MentionType.PLATFORM_MENTION if mention else MentionType.REPLY if reply else MentionType.NONE
        return InboundMessage(
            event_key=f"{room}/{message_id}",
            message_id=message_id,
            memory_key=f"{room}:{message_id}",
            world=WorldRef(key=world, name=world.title()),
            room=RoomRef(key=room, type=type, channel_id=room, name=room_name or room, open=open),
            sender=PersonRef(key=person, platform_id=person, name=person.title(), user_name=person),
            content=Content(
                text=text,
                mention_context=MentionContext(
                    is_mention=mention,
                    is_reply=reply,
                    is_thread=type is ChannelType.THREAD,
                    mention_type=kind,
                ),
            ),
            sent_at=utc_now(),
            target=Target(source="fake", channel_id=room, reply_to=message_id),
        )

    async def accept(self, *events: InboundEvent) -> None:
        """Hand events to the host, as the connector does."""
        async with self._news:
            await self._news.wait_for(lambda: self._host is not None)
        assert self._host is not None
        await self._host.accept(*events)

    async def say(self, text: str, **how: object) -> InboundMessage:
        """A user says something; returns after the host has it on disk."""
        message = self.message(text, **how)  # type: ignore[arg-type]
        await self.accept(message)
        return message

    async def rewrite(self, message: InboundMessage, text: str, *, mention: bool = False) -> None:
        """A user edits what they said."""
        content = Content(text=text)
        if mention:
            content.mention_context = MentionContext(
                is_mention=True, mention_type=MentionType.PLATFORM_MENTION
            )
        await self.accept(InboundEdit(event_key=message.event_key, content=content, edited_at=utc_now()))

    async def delete(self, message: InboundMessage) -> None:
        """A user deletes what they said."""
        await self.accept(InboundDelete(event_keys=(message.event_key,)))

    async def wait_sent(self, count: int = 1) -> list[str]:
        """Wait until `count` parts have come out; all texts so far."""
        await self.wait_until(lambda: len(self.sent) >= count)
        return [text for _, text, _ in self.sent]

    async def wait_until(self, true: Callable[[], bool]) -> None:
        """Wait for something that a send brings about."""
        async with self._news:
            await self._news.wait_for(true)
