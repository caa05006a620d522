"""Groups that became supergroups: they have a new id, and their messages count anew.

Telegram tells it in the old group (`migrate_to_chat_id`), in the new one (`migrate_from_chat_id`), and to
whoever sends to the old one. https://core.telegram.org/bots/api#message, #responseparameters
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from telegram import Message
from telegram.constants import ChatType

from bot_host.connector import (
    ChannelType,
    ConnectorConfig,
    ConnectorHost,
    InboundEvent,
    InboundMembership,
    InboundMessage,
    InboundMove,
    InboundPlaces,
    InboundReaction,
    RoomRef,
    Skipped,
    StoreError,
    Target,
    WorldRef,
    one_line,
    split_entry,
)
from connectors.telegram.several import Several

log = logging.getLogger(__name__)

MOVED: Final = "moved"
"""Under this name the host remembers which group is now which."""


class Moves:
    """Which group of one account is which supergroup now, kept over restarts."""

    def __init__(self, config: ConnectorConfig) -> None:
        self._config = config
        self._new: dict[str, str] = {}
        self._saved: dict[str, str] | None = None

    async def load(self, host: ConnectorHost) -> None:
        """What earlier processes have heard, once. Raises StoreError."""
        if self._saved is not None:
            return
        known = await host.recall(MOVED)
        if isinstance(known, Mapping):
            for old, new in known.items():
                self.add(str(old), str(new))
            self._saved = {str(old): str(new) for old, new in known.items()}
        else:
            self._saved = {}

    def add(self, old: str, new: str) -> None:
        """A group has another id now."""
        if self._new.get(old) == new or old == new:
            return
        self._new[old] = new
        for key in ("allow", "deny"):
            named = [entry for entry in getattr(self._config, key) if _names(entry, old)]
            if named:
                log.warning(
                    "telegram: the group %s became the supergroup %s; change it in %s of the config (until "
                    "then the entry %s means both)",
                    old,
                    new,
                    key,
                    ", ".join(named),
                )

    def notice(self, updates: Iterable[Mapping[str, Any]]) -> None:
        """What a batch tells: what was said before it in the same batch goes to the new id, too."""
        for update in updates:
            message = update.get("message")
            chat = message.get("chat") if isinstance(message, dict) else None
            here = chat.get("id") if isinstance(chat, dict) else None
            if not isinstance(here, int) or not isinstance(message, dict):
                continue
            new, old = message.get("migrate_to_chat_id"), message.get("migrate_from_chat_id")
            if isinstance(new, int):
                self.add(str(here), str(new))
            if isinstance(old, int):
                self.add(str(old), str(here))

    async def save(self, host: ConnectorHost) -> None:
        """Keep what was heard. Raises StoreError."""
        await self.load(host)
        if self._new != self._saved:
            new = {**self._new}
            await host.remember(MOVED, new)
            self._saved = new

    def has_moved(self, chat_id: str) -> bool:
        """Whether a chat is no more, and another one in its place."""
        return chat_id in self._new

    def id_now(self, chat_id: int) -> int:
        """The id by which a chat is reached."""
        return int(self._new.get(str(chat_id), chat_id))

    def ids_of(self, chat_id: str) -> tuple[str, ...]:
        """All ids that a chat has or had, as the config may name any."""
        now = self._new.get(chat_id, chat_id)
        others = [old for old, new in self._new.items() if new == now]
        return tuple(dict.fromkeys((chat_id, now, *others)))

    def world(self, world: WorldRef) -> WorldRef:
        """A world by its id now."""
        new = self._new.get(world.key, world.key)
        return replace(world, key=new, platform_id=new)

    def room(self, room: RoomRef) -> RoomRef:
        """A room by its id now."""
        new = self._new.get(room.channel_id, room.channel_id)
        return replace(room, key=new, channel_id=new)

    def target(self, target: Target) -> Target:
        """Where an answer goes now."""
        # Messages count anew there: an old one's id is another's now.
        return replace(
            target, channel_id=self._new.get(target.channel_id, target.channel_id), reply_to="", extra={}
        )


def follow(moves: Moves, event: InboundEvent | Several) -> InboundEvent | Several:
    """What was said in a group that has moved, as said in the new one."""
    if isinstance(event, Several):
        return Several(tuple(_follow(moves, each) for each in event.events))
    return _follow(moves, event)


def _follow(moves: Moves, event: InboundEvent) -> InboundEvent:
    match event:
        case InboundMessage() if moves.has_moved(event.room.channel_id):
            return replace(
                event,
                world=moves.world(event.world),
                room=moves.room(event.room),
                target=moves.target(event.target),
            )
        case InboundReaction() if moves.has_moved(event.room.channel_id):
            return replace(event, world=moves.world(event.world), room=moves.room(event.room))
        case InboundMembership() if moves.has_moved(event.world.key):
            if event.person is None and not event.joined:
                return Skipped(reason="group became a supergroup", mark=event.mark)
            return replace(event, world=moves.world(event.world))
        case InboundPlaces() if event.world is not None and moves.has_moved(event.world.key):
            return replace(
                event,
                world=moves.world(event.world),
                rooms=tuple(moves.room(room) for room in event.rooms),
                opened=tuple(str(moves.id_now(int(id))) for id in event.opened),
            )
    return event


def _names(entry: str, chat_id: str) -> bool:
    bare = split_entry(entry)[1]
    return bare == chat_id or bare.startswith(f"{chat_id}-")


def decode_move(message: Message) -> InboundMove | None:
    """What a message says of a group that became a supergroup; None: nothing. Pure."""
    title = one_line(message.chat.title or "")
    if message.migrate_to_chat_id:
        return move_of(message.chat.id, message.migrate_to_chat_id, title)
    if message.migrate_from_chat_id and message.chat.type == ChatType.SUPERGROUP:
        return move_of(message.migrate_from_chat_id, message.chat.id, title)
    return None


def move_of(old: int, new: int, title: str = "") -> InboundMove:
    """A group and the supergroup that it became. A group has no topics, so that it is one room."""
    (old_world, old_room), (world, room) = _place(old, ""), _place(new, title)
    return InboundMove(old_world=old_world, old_room=old_room, world=world, room=room)


def _place(chat_id: int, title: str) -> tuple[WorldRef, RoomRef]:
    key = str(chat_id)
    world = WorldRef(key=key, name=title, platform_id=key)
    return world, RoomRef(key=key, type=ChannelType.GROUP, channel_id=key, name=title, open=True)


async def recall(host: ConnectorHost, moves: Moves) -> None:
    """Load what is known. Never raises."""
    try:
        await moves.load(host)
    except StoreError as error:
        log.warning("telegram: which groups have moved cannot be read yet: %s", error)


async def tell(host: ConnectorHost, moves: Moves, events: Sequence[InboundMove]) -> None:
    """Say what the platform told in passing, by a refusal. Never raises: the next refusal tells it again."""
    try:
        await host.accept(*events)
        await moves.save(host)
    except StoreError as error:
        log.warning("telegram: that a group has moved could not be written down yet: %s", error)
