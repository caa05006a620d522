"""Who and where, of Telegram's objects: people, rooms, keys, and who is let in. Pure.

A message id counts per chat (in private chats and basic groups per bot account), so keys hold the chat.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Final, TypeAlias

from telegram import Chat, Message, User
from telegram.constants import ChatType

from bot_host.connector import (
    ChannelType,
    Door,
    PersonRef,
    RoomRef,
    Target,
    Visit,
    WorldRef,
    one_line,
)
from connectors.telegram.albums import number_of
from connectors.telegram.config import TelegramConfig
from connectors.telegram.content import Me, display_name

SOURCE: Final = "telegram"
GENERAL: Final = "1"

IdsOf: TypeAlias = Callable[[str], tuple[str, ...]]
"""All ids that a chat has or had."""


def only_id(chat_id: str) -> tuple[str, ...]:
    """Those of a chat that has never moved."""
    return (chat_id,)


@dataclass(frozen=True, kw_only=True)
class View:
    """Who we are and whom we listen to."""

    me: Me
    config: TelegramConfig
    ids_of: IdsOf = only_id
    """All ids that a chat has or had: a group that became a supergroup has two."""

    @cached_property
    def door(self) -> Door:
        """Who is let in."""
        return self.config.door


def world_of(chat: Chat, me: Me) -> WorldRef:
    """The group or channel; all private chats of one bot share one."""
    if chat.type == ChatType.PRIVATE:
        return WorldRef(key=f"telegram-dm-{me.id}", name="Direct messages")
    return WorldRef(key=str(chat.id), name=one_line(chat.title or ""), platform_id=str(chat.id))


def room_of(chat: Chat, thread_id: int | None, name: str = "") -> RoomRef:
    """The chat, or one topic of it. A private chat stays one in its topics too."""
    channel_id = str(chat.id)
    if chat.type == ChatType.PRIVATE:
        kind, name = ChannelType.DM, name or one_line(chat.full_name or "")
    elif chat.type == ChatType.CHANNEL:
        kind, name = ChannelType.FEED, one_line(chat.title or "")
    elif thread_id is not None:
        kind = ChannelType.THREAD
    else:
        kind, name = ChannelType.GROUP, one_line(chat.title or "")
    # All of a group's members read all of its topics, and subscribers all of a channel.
    # A channel's direct messages are one chat, with a topic for each person.
    open = chat.type != ChatType.PRIVATE and not chat.is_direct_messages
    if thread_id is None:
        return RoomRef(key=channel_id, type=kind, channel_id=channel_id, name=name, open=open)
    return RoomRef(
        key=f"{channel_id}-{thread_id}",
        type=kind,
        channel_id=channel_id,
        thread_id=str(thread_id),
        name=one_line(name),
        open=open,
    )


def event_key(message: Message) -> str:
    """The message's identity inside the account."""
    return f"{message.chat.id}/{message.message_id}"


def memory_key(message: Message, me: Me) -> str:
    """Unique over all chats: each bot numbers the messages of private chats and basic groups for itself."""
    key = f"{message.chat.id}:{number_of(message)}"
    return f"{me.id}:{key}" if message.chat.type in (ChatType.PRIVATE, ChatType.GROUP) else key


def thread_of(message: Message) -> int | None:
    """The topic, if it is one: in ordinary groups a thread id only says what was replied to."""
    return message.message_thread_id if message.is_topic_message else None


def thread_id_of(target: Target) -> int | None:
    """The topic that a target names; None: it names none.

    The General topic of a group, 1, must not be named (core.telegram.org/bots/api#sendmessage refuses it).
    """
    if target.thread_id == GENERAL and target.channel_id.startswith("-"):
        return None
    return int(target.thread_id) if target.thread_id.isdecimal() else None


def sender_of(message: Message) -> PersonRef | None:
    """The person; the chat, for anonymous administrators and channels."""
    if message.sender_chat is not None:
        return chat_as_person(message.sender_chat, message.author_signature or "")
    if message.from_user is None:
        return None
    return person_of(message.from_user)


def chat_as_person(chat: Chat, signature: str = "") -> PersonRef:
    """A chat that speaks: an anonymous administrator's group, a channel."""
    return PersonRef(
        key=str(chat.id),
        platform_id=str(chat.id),
        name=one_line(signature or chat.effective_name or ""),
        user_name=one_line(chat.username or ""),
    )


def person_of(user: User) -> PersonRef:
    """A person, or a bot."""
    return PersonRef(
        key=str(user.id),
        platform_id=str(user.id),
        name=display_name(user),
        user_name=one_line(user.username or ""),
        is_bot=user.is_bot,
    )


def refuse(chat: Chat, thread_id: int | None, sender: PersonRef, view: View) -> str:
    """Why somebody is not let in there; empty: they are."""
    chat_id, direct = str(chat.id), chat.type == ChatType.PRIVATE
    room_key = room_of(chat, thread_id).key
    return view.door.refuse(
        Visit(
            user=sender.key,
            # A private chat has its person's id.
            servers=() if direct else view.ids_of(chat_id),
            channels=() if direct else tuple(dict.fromkeys((*view.ids_of(chat_id), room_key))),
            direct=direct,
            is_bot=sender.is_bot,
        )
    )
