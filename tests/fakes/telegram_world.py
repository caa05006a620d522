"""Users, chats and messages of the fake Telegram, and the JSON that the Bot API makes of them.

Shapes: core.telegram.org/bots/api#available-types. Message ids count per account in private chats and basic
groups, and per chat in supergroups and channels, so they repeat from chat to chat.
"""

import itertools
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.fakes.telegram_text import Entity, find_entities, utf16_len
from tests.fakes.telegram_updates import UpdateQueue

Json = dict[str, Any]

GROUP_ANONYMOUS_BOT: Json = {
    "id": 1087968824,
    "is_bot": True,
    "first_name": "Group",
    "username": "GroupAnonymousBot",
}
"""The sender that anonymous administrators appear as (core.telegram.org/bots/api#message, `sender_chat`)."""

KEPT = ("reply_to_message", "quote", "message_thread_id", "is_topic_message")
"""What an edit of a text leaves as it was."""


@dataclass
class User:
    """A person, or another bot."""

    id: int
    first_name: str
    last_name: str = ""
    username: str = ""
    is_bot: bool = False
    language_code: str = "en"

    def json(self) -> Json:
        """The Bot API's User."""
        value: Json = {"id": self.id, "is_bot": self.is_bot, "first_name": self.first_name}
        if self.last_name:
            value["last_name"] = self.last_name
        if self.username:
            value["username"] = self.username
        if not self.is_bot:
            value["language_code"] = self.language_code
        return value


@dataclass
class Chat:
    """A private chat, group, supergroup or channel."""

    id: int
    type: str
    title: str = ""
    user: User | None = None
    username: str = ""
    is_forum: bool = False
    topics: dict[int, str] = field(default_factory=dict)
    migrated_to: int | None = None

    def json(self) -> Json:
        """The Bot API's Chat."""
        value: Json = {"id": self.id, "type": self.type}
        if self.user is not None:
            value["first_name"] = self.user.first_name
            if self.user.last_name:
                value["last_name"] = self.user.last_name
            if self.user.username:
                value["username"] = self.user.username
        else:
            value["title"] = self.title
            if self.username:
                value["username"] = self.username
        if self.is_forum:
            value["is_forum"] = True
        return value


@dataclass
class BotMessage:
    """A message that the bot sent, as people see it now, with what its last request said."""

    chat_id: int
    message_id: int
    text: str
    entities: list[Entity]
    thread_id: int | None
    reply_to: int | None
    request: Json
    bot_id: int
    edits: int = 0
    deleted: bool = False

    def marked(self, kind: str) -> list[str]:
        """The parts of the text under an entity of a kind."""
        units = self.text.encode("utf-16-le")
        return [
            units[2 * e["offset"] : 2 * (e["offset"] + e["length"])].decode("utf-16-le")
            for e in self.entities
            if e["type"] == kind
        ]


@dataclass
class BotAccount:
    """A bot that logs in here."""

    user: User
    token: str
    sees_all: bool = False
    """Privacy mode is off (or the bot is an administrator): it gets every group message."""
    can_join_groups: bool = True
    """/setjoingroups."""
    has_topics: bool = False
    """@BotFather's switch for topics in private chats."""
    updates: UpdateQueue = field(default_factory=UpdateQueue)
    webhook: Json = field(default_factory=dict)
    commands: dict[tuple[str, str], list[Json]] = field(default_factory=dict)
    """By scope (`chat:7`, `all_private_chats` …) and language."""
    menu_button: str = "default"
    blocked_in: set[int] = field(default_factory=set)
    """Private chats whose user blocked the bot."""
    kicked_from: set[int] = field(default_factory=set)
    message_ids: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def me(self) -> Json:
        """getMe's answer."""
        return {
            **self.user.json(),
            "can_join_groups": self.can_join_groups,
            "can_read_all_group_messages": self.sees_all,
            "supports_inline_queries": False,
            "can_connect_to_business": False,
            "has_main_web_app": False,
            "has_topics_enabled": self.has_topics,
        }


class World:
    """All users, chats and messages."""

    def __init__(self) -> None:
        self.users: dict[int, User] = {}
        self.chats: dict[int, Chat] = {}
        self.messages: dict[tuple[int, int, int], Json] = {}
        self.reactions: dict[tuple[int, int], list[str]] = {}
        """Emoji of the bot's reactions, by chat and message."""
        """By bot id, chat id and message id: what that bot knows of the message."""
        self.files: dict[str, tuple[str, bytes]] = {}
        self.presses: set[str] = set()
        """Presses of buttons that are not answered yet, by id."""
        self.press_ids = itertools.count(4_382_000_001)
        self.download_limit = 20 * 1000 * 1000
        """Bytes that getFile hands out."""
        self.local_files: Path | None = None
        """Where an own Bot API server with `--local` puts files."""
        self.no_voice: set[int] = set()
        """Private chats whose people take no voice messages."""
        self._user_ids = itertools.count(7_000_000_001)
        self._group_ids = itertools.count(4_100_001)
        self._super_ids = itertools.count(1_500_000_001)
        # Message 1 of a supergroup is the one about its creation.
        self._chat_message_ids: defaultdict[int, Iterator[int]] = defaultdict(lambda: itertools.count(2))

    def user(self, first_name: str, *, username: str = "", last_name: str = "", is_bot: bool = False) -> User:
        """Make a user."""
        user = User(next(self._user_ids), first_name, last_name, username, is_bot)
        self.users[user.id] = user
        return user

    def private(self, user: User) -> Chat:
        """The private chat with a user; its id is the user's."""
        chat = self.chats.get(user.id) or Chat(user.id, "private", user=user)
        self.chats[chat.id] = chat
        return chat

    def group(self, title: str) -> Chat:
        """Make a basic group."""
        return self._add(Chat(-next(self._group_ids), "group", title))

    def supergroup(self, title: str, *, is_forum: bool = False) -> Chat:
        """Make a supergroup."""
        return self._add(
            Chat(-1_000_000_000_000 - next(self._super_ids), "supergroup", title, None, "", is_forum)
        )

    def channel(self, title: str) -> Chat:
        """Make a channel."""
        return self._add(Chat(-1_000_000_000_000 - next(self._super_ids), "channel", title))

    def _add(self, chat: Chat) -> Chat:
        self.chats[chat.id] = chat
        return chat

    def next_message_id(self, chat: Chat, bot: BotAccount) -> int:
        """The next id in a chat, as this bot numbers it."""
        if chat.type in ("private", "group"):
            return next(bot.message_ids)
        return next(self._chat_message_ids[chat.id])

    def topic_root(self, chat: Chat, topic: int) -> Json:
        """The service message that began a topic, which every unreplied message in it points at."""
        return {
            "message_id": topic,
            "chat": chat.json(),
            "date": int(time.time()),
            "from": {"id": 1, "is_bot": False, "first_name": "Admin"},
            "message_thread_id": topic,
            "is_topic_message": True,
            "forum_topic_created": {"name": chat.topics[topic], "icon_color": 7322096},
        }

    def build(
        self,
        bot: BotAccount,
        chat: Chat,
        sender: User | None,
        *,
        text: str | None = None,
        caption: str | None = None,
        entities: list[Entity] | None = None,
        topic: int | None = None,
        reply_to: int | None = None,
        message_id: int | None = None,
        **fields: Any,
    ) -> Json:
        """A Message as one bot sees it; remembered."""
        message: Json = {
            "message_id": message_id or self.next_message_id(chat, bot),
            "chat": chat.json(),
            "date": int(time.time()),
        }
        if sender is not None:
            message["from"] = sender.json()
        if topic is not None:
            message["message_thread_id"] = topic
            message["is_topic_message"] = True
            message["reply_to_message"] = self.topic_root(chat, topic)
        if reply_to is not None:
            message["reply_to_message"] = without_reply(self.messages[bot.user.id, chat.id, reply_to])
        if text is not None:
            message["text"] = text
            add_entities(message, "entities", text, entities)
        if caption is not None:
            message["caption"] = caption
            add_entities(message, "caption_entities", caption, entities)
        message.update(fields)
        self.messages[bot.user.id, chat.id, message["message_id"]] = message
        return message

    def store_file(self, name: str, content: bytes) -> Json:
        """Keep a file; the Bot API's File without its path."""
        file_id = f"FILE{len(self.files) + 1}_{name.replace('.', '_')}"
        self.files[file_id] = (name, content)
        return {"file_id": file_id, "file_unique_id": f"U{len(self.files)}", "file_size": len(content)}


def without_reply(message: Json) -> Json:
    """As inside `reply_to_message`, which goes one level deep only."""
    return {key: value for key, value in message.items() if key != "reply_to_message"}


def add_entities(message: Json, key: str, text: str, given: list[Entity] | None) -> None:
    """The given entities, or those that Telegram finds by itself."""
    found = find_entities(text) if given is None else given
    if found:
        message[key] = found


def entity(kind: str, text: str, part: str, **fields: Any) -> Entity:
    """An entity over the first occurrence of `part` in `text`."""
    return {"type": kind, "offset": utf16_len(text[: text.index(part)]), "length": utf16_len(part), **fields}
