"""The workspace behind the fake Slack: people, conversations, messages, and what Slack thinks of a text."""

import re
import time
import uuid
from dataclasses import dataclass, field
from typing import Any, Literal

Json = dict[str, Any]
Kind = Literal["channel", "group", "im", "mpim"]

TEAM_ID = "T0FAKE001"
APP_ID = "A0FAKE001"
BOT_USER_ID = "U0BOT0001"
BOT_ID = "B0BOT0001"

_LIVE = re.compile(r"<(?:!(?:channel|here|everyone)(?:\|[^<>]*)?|!subteam\^[^<>]+|@[UW][^<>]*)>")
_NAMED = re.compile(r"(?<!\w)@(?:channel|here|everyone)\b")


def pings_of(args: Json) -> list[str]:
    """What in a posted message would notify people, by Slack's formatting rules.

    `<!channel>`, `<!here>`, `<!everyone>`, `<@U…>` and `<!subteam^…>` are live in `text`, and as we must
    expect also in `markdown_text` and in blocks; a bare `@channel` only with `link_names` or `parse=full`.
    `&lt;` is never the start of a mention.
    https://docs.slack.dev/messaging/formatting-message-text#escaping
    """
    texts = [str(args.get("text") or ""), str(args.get("markdown_text") or ""), *_texts(args.get("blocks"))]
    found = [hit for text in texts for hit in _LIVE.findall(text)]
    if args.get("link_names") or args.get("parse") == "full":
        found += [hit for text in texts for hit in _NAMED.findall(text)]
    return found


def _texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [value["text"]] if isinstance(value.get("text"), str) else []
        return own + [text for item in value.values() for text in _texts(item) if not isinstance(item, str)]
    if isinstance(value, list):
        return [text for item in value for text in _texts(item)]
    return []


@dataclass
class FakeUser:
    """A person, or a bot's user."""

    id: str
    name: str
    display_name: str
    is_bot: bool = False
    team_id: str = TEAM_ID

    def to_json(self) -> Json:
        """As `users.info` and `user_change` show them. https://docs.slack.dev/reference/objects/user-object"""
        return {
            "id": self.id,
            "team_id": self.team_id,
            "name": self.name,
            "deleted": False,
            "real_name": self.display_name,
            "is_bot": self.is_bot,
            "is_app_user": False,
            "updated": 1700000000,
            "profile": {
                "real_name": self.display_name,
                "display_name": self.display_name,
                "real_name_normalized": self.display_name,
                "display_name_normalized": self.display_name,
                "team": self.team_id,
            },
        }


@dataclass
class FakeChannel:
    """A conversation of any kind."""

    id: str
    name: str
    kind: Kind
    members: set[str]
    is_archived: bool = False
    messages: dict[str, Json] = field(default_factory=dict)

    def other_than(self, user: str) -> str:
        """The other side of a direct message."""
        return next(iter(self.members - {user}), user)

    def to_json(self, viewer: str) -> Json:
        """https://docs.slack.dev/reference/objects/conversation-object"""
        shown: Json = {
            "id": self.id,
            "created": 1700000000,
            "is_archived": self.is_archived,
            "is_im": self.kind == "im",
            "is_mpim": self.kind == "mpim",
            "is_group": self.kind == "group",
            "is_channel": self.kind == "channel",
            "is_private": self.kind != "channel",
            "is_ext_shared": False,
            "context_team_id": TEAM_ID,
        }
        if self.kind == "im":
            return {**shown, "user": self.other_than(viewer)}
        return {**shown, "name": self.name, "name_normalized": self.name, "is_member": viewer in self.members}


@dataclass
class FakeFile:
    """A file, as https://docs.slack.dev/reference/objects/file-object has it."""

    id: str
    name: str
    data: bytes
    owner: str
    mime: str = "application/octet-stream"
    title: str = ""
    subtype: str = ""
    expected: int = 0
    """Bytes that were announced."""

    def to_json(self, base_url: str) -> Json:
        """Its address needs the token as a header."""
        shown: Json = {
            "id": self.id,
            "name": self.name,
            "title": self.title or self.name,
            "mimetype": self.mime,
            "filetype": self.name.rpartition(".")[2],
            "user": self.owner,
            "mode": "hosted",
            "size": len(self.data),
            "is_external": False,
            "url_private": f"{base_url}/files-pri/{TEAM_ID}-{self.id}/{self.name}",
            "url_private_download": f"{base_url}/files-pri/{TEAM_ID}-{self.id}/download/{self.name}",
        }
        return {**shown, "subtype": self.subtype} if self.subtype else shown


class Refused(Exception):
    """`{"ok": false, "error": …}`."""

    def __init__(self, error: str, **fields: Any) -> None:
        super().__init__(error)
        self.answer: Json = {"ok": False, "error": error, **fields}


class Workspace:
    """People, conversations and messages. Time stamps are Slack's: seconds with six decimals, as text."""

    def __init__(self) -> None:
        self.name = "Fake Works"
        self.users: dict[str, FakeUser] = {}
        self.channels: dict[str, FakeChannel] = {}
        self.groups: dict[str, list[FakeUser]] = {}
        """User groups, by id."""
        self.files: dict[str, FakeFile] = {}
        self._last_us = 0
        self._next_id = 1
        self.bot = self.add_user("botty", display_name="Botty", id=BOT_USER_ID, is_bot=True)

    def _id(self, prefix: str) -> str:
        self._next_id += 1
        return f"{prefix}0{self._next_id:07d}"

    def new_file(
        self, name: str, data: bytes, *, owner: str, mime: str = "application/octet-stream"
    ) -> FakeFile:
        """A file that is there, and shared nowhere yet."""
        file = FakeFile(self._id("F"), name, data, owner, mime)
        self.files[file.id] = file
        return file

    def new_ts(self) -> str:
        """The next time stamp; no two are equal."""
        self._last_us = max(self._last_us + 100, int(time.time() * 1_000_000))
        return f"{self._last_us // 1_000_000}.{self._last_us % 1_000_000:06d}"

    def add_user(
        self, name: str, *, display_name: str | None = None, id: str | None = None, is_bot: bool = False
    ) -> FakeUser:
        """A new member of the workspace."""
        user = FakeUser(id or self._id("U"), name, name if display_name is None else display_name, is_bot)
        self.users[user.id] = user
        return user

    def _add(self, prefix: str, name: str, kind: Kind, members: set[str]) -> FakeChannel:
        channel = FakeChannel(self._id(prefix), name, kind, members)
        self.channels[channel.id] = channel
        return channel

    def add_channel(self, name: str, *, private: bool = False, with_bot: bool = True) -> FakeChannel:
        """A channel; the bot is a member unless said otherwise."""
        members = {BOT_USER_ID} if with_bot else set()
        return self._add("C", name, "group" if private else "channel", members)

    def add_im(self, user: FakeUser) -> FakeChannel:
        """The direct messages between a person and the bot; the same one each time."""
        for channel in self.channels.values():
            if channel.kind == "im" and channel.members == {user.id, BOT_USER_ID}:
                return channel
        return self._add("D", "", "im", {user.id, BOT_USER_ID})

    def add_mpim(self, *users: FakeUser) -> FakeChannel:
        """A direct message of several people with the bot."""
        name = "mpdm-" + "--".join(user.name for user in users) + "--botty-1"
        return self._add("G", name, "mpim", {BOT_USER_ID, *(user.id for user in users)})

    def store(self, channel: FakeChannel, message: Json) -> Json:
        """Put a message in and keep its thread's parent right."""
        channel.messages[message["ts"]] = message
        parent = channel.messages.get(message.get("thread_ts", ""))
        if parent is not None and parent is not message:
            parent["thread_ts"] = parent["ts"]
            parent["reply_count"] = parent.get("reply_count", 0) + 1
            parent["latest_reply"] = message["ts"]
        return message

    def user_message(self, channel: FakeChannel, user: FakeUser, text: str, **fields: Any) -> Json:
        """A person's message as Slack stores it; `fields` with the value None are left out."""
        message: Json = {
            "type": "message",
            "user": user.id,
            "text": text,
            "ts": self.new_ts(),
            "team": TEAM_ID,
            "client_msg_id": str(uuid.uuid4()),
            **{key: value for key, value in fields.items() if value is not None},
        }
        parent = channel.messages.get(message.get("thread_ts", ""))
        if parent is not None:
            message["parent_user_id"] = parent.get("user", "")
        return self.store(channel, message)

    def bot_message(self, channel: FakeChannel, args: Json) -> Json:
        """The app's own message as Slack stores it."""
        message: Json = {
            "type": "message",
            "user": BOT_USER_ID,
            "bot_id": BOT_ID,
            "app_id": APP_ID,
            "team": TEAM_ID,
            "text": args.get("text") or args.get("markdown_text") or "",
            "ts": self.new_ts(),
            "bot_profile": {"id": BOT_ID, "app_id": APP_ID, "name": "botty", "team_id": TEAM_ID},
        }
        for key in ("thread_ts", "blocks", "metadata", "attachments"):
            if args.get(key):
                message[key] = args[key]
        parent = channel.messages.get(message.get("thread_ts", ""))
        if parent is not None:
            message["parent_user_id"] = parent.get("user", "")
        return self.store(channel, message)
