"""The Web API methods of the fake Slack. Each refuses what the real one refuses.

Errors, limits and scopes by the method pages under https://docs.slack.dev/reference/methods/ ; block limits
by https://docs.slack.dev/reference/block-kit/blocks/ ; the limit of all blocks together is not documented and
was measured by users (https://github.com/slackapi/bolt-js/issues/2509).
"""

import base64
import json
from collections.abc import Callable
from typing import Any

from tests.fakes.slack_interactions import check_interactive
from tests.fakes.slack_workspace import (
    APP_ID,
    BOT_ID,
    BOT_USER_ID,
    TEAM_ID,
    FakeChannel,
    FakeFile,
    Json,
    Refused,
    Workspace,
)

TEXT_LIMIT = 40_000
MARKDOWN_LIMIT = 12_000
BLOCKS_LIMIT = 50
ALL_BLOCKS_LIMIT = 13_200
METADATA_LIMIT = 16_000

_PREFIX = {"channel": "channels", "group": "groups", "im": "im", "mpim": "mpim"}

SCOPES: dict[str, tuple[str, ...]] = {
    "chat.postMessage": ("chat:write",),
    "chat.postEphemeral": ("chat:write",),
    "chat.update": ("chat:write",),
    "chat.delete": ("chat:write",),
    "users.info": ("users:read",),
    "usergroups.users.list": ("usergroups:read",),
    "team.info": ("team:read",),
    "files.info": ("files:read",),
    "files.getUploadURLExternal": ("files:write",),
    "files.completeUploadExternal": ("files:write",),
    "files.delete": ("files:write",),
    "reactions.add": ("reactions:write",),
    "reactions.remove": ("reactions:write",),
    "conversations.open": ("im:write", "mpim:write"),
    "conversations.list": ("channels:read", "groups:read", "im:read", "mpim:read"),
    "users.conversations": ("channels:read", "groups:read", "im:read", "mpim:read"),
    # Either one since March 2026: https://docs.slack.dev/changelog/2026/03/05/set-status-scope-update
    "assistant.threads.setStatus": ("chat:write", "assistant:write"),
}
"""Any one of these will do."""
BY_KIND = {
    "conversations.info": "read",
    "conversations.history": "history",
    "conversations.replies": "history",
}
"""Methods whose scope depends on the kind of conversation."""

KNOWN_BLOCKS = {
    "actions", "alert", "call", "card", "carousel", "container", "context", "context_actions", "divider",
    "file", "header", "image", "input", "markdown", "plan", "rich_text", "section", "table", "task_card",
    "video",
}  # fmt: skip


def _as_json(value: Any, error: str) -> Any:
    """A JSON argument, which comes as text in a form."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        raise Refused(error) from None


def _true(value: Any) -> bool:
    return value in (True, 1, "1", "true")


def _check_block(block: Any) -> int:
    if not isinstance(block, dict) or block.get("type") not in KNOWN_BLOCKS:
        raise Refused("invalid_blocks")
    kind, text = block["type"], block.get("text")
    if kind == "markdown":
        if not isinstance(text, str) or not text.strip():
            raise Refused("invalid_blocks")
        if len(text) > MARKDOWN_LIMIT:
            raise Refused("msg_blocks_too_long")
    if kind in ("section", "header"):
        limit = 3000 if kind == "section" else 150
        if text is None and kind == "section" and block.get("fields"):
            return 0
        if not isinstance(text, dict) or text.get("type") not in ("mrkdwn", "plain_text"):
            raise Refused("invalid_blocks")
        if not 0 < len(str(text.get("text", ""))) <= limit:
            raise Refused("invalid_blocks")
    if kind in ("rich_text", "context") and not isinstance(block.get("elements"), list):
        raise Refused("invalid_blocks")
    check_interactive(block)
    return len(json.dumps(block, ensure_ascii=False))


def check_message(args: Json) -> list[str]:
    """Raise Refused for a message that Slack would not post; else the warnings. Truncates a long text."""
    blocks = _as_json(args.get("blocks"), "invalid_blocks_format")
    args["blocks"] = blocks
    text, markdown = args.get("text") or "", args.get("markdown_text") or ""
    if not isinstance(text, str) or not isinstance(markdown, str):
        raise Refused("invalid_arguments")
    if markdown and (text or blocks):
        raise Refused("markdown_text_conflict")
    if blocks is not None:
        if not isinstance(blocks, list):
            raise Refused("invalid_blocks_format")
        if len(blocks) > BLOCKS_LIMIT:
            raise Refused("invalid_blocks")
        if sum(_check_block(block) for block in blocks) > ALL_BLOCKS_LIMIT:
            raise Refused("msg_blocks_too_long")
    if len(markdown) > MARKDOWN_LIMIT:
        raise Refused("msg_too_long")
    if not (text.strip() or markdown.strip() or blocks or args.get("attachments")):
        raise Refused("no_text")
    _check_metadata(args)
    if len(text) > TEXT_LIMIT:
        args["text"] = text[:TEXT_LIMIT]
        return ["message_truncated"]
    return []


def _check_metadata(args: Json) -> None:
    if not args.get("metadata"):
        return
    metadata = args["metadata"] = _as_json(args["metadata"], "invalid_metadata_format")
    if not isinstance(metadata, dict):
        raise Refused("invalid_metadata_format")
    if not isinstance(metadata.get("event_type"), str) or not isinstance(metadata.get("event_payload"), dict):
        raise Refused("invalid_metadata_schema")
    if len(json.dumps(metadata)) > METADATA_LIMIT:
        raise Refused("metadata_too_large")


def _page(items: list[Json], args: Json, *, most: int, usual: int = 100) -> tuple[list[Json], str]:
    """One page and the cursor of the next. https://docs.slack.dev/apis/web-api/pagination"""
    limit = min(int(args.get("limit") or usual), most)
    start = 0
    if args.get("cursor"):
        try:
            start = int(base64.b64decode(str(args["cursor"])).decode().removeprefix("next:"))
        except ValueError:
            raise Refused("invalid_cursor") from None
    more = start + limit < len(items)
    cursor = base64.b64encode(f"next:{start + limit}".encode()).decode() if more else ""
    return items[start : start + limit], cursor


class Methods:
    """Answers calls. `emit` is given the events that a call brings about, with their channel."""

    def __init__(self, workspace: Workspace, emit: Callable[[Json, FakeChannel | None], None]) -> None:
        self.workspace = workspace
        self._emit = emit
        self.show_ephemeral: Callable[[FakeChannel, Json], Json]
        self.statuses: dict[tuple[str, str], str] = {}
        """Status of each (channel, thread)."""
        self.base_url = ""
        """The server's own address, for files."""
        self.shares_at_once = False
        self.reactions: set[tuple[str, str, str]] = set()
        """(channel, time stamp, name) of the app's reactions."""
        self.small_pages = False
        """The app is distributed outside the Marketplace: history comes 15 messages at a time. The rate (one
        page a minute) is for the test to set, by `FakeSlack.limits`.
        https://docs.slack.dev/changelog/2025/05/29/rate-limit-changes-for-non-marketplace-apps"""
        self.table: dict[str, Callable[[Json], Json]] = {
            "auth.test": self.auth_test,
            "team.info": self.team_info,
            "users.info": self.users_info,
            "usergroups.users.list": self.usergroups_users_list,
            "chat.postMessage": self.post,
            "chat.postEphemeral": self.post_ephemeral,
            "chat.update": self.update,
            "chat.delete": self.delete,
            "conversations.info": self.conversation_info,
            "conversations.list": self.conversation_list,
            "users.conversations": self.users_conversations,
            "conversations.history": self.history,
            "conversations.replies": self.replies,
            "conversations.open": self.open,
            "assistant.threads.setStatus": self.set_status,
            "files.info": self.file_info,
            "files.getUploadURLExternal": self.upload_url,
            "files.completeUploadExternal": self.complete_upload,
            "files.delete": self.delete_file,
            "reactions.add": self.reaction_add,
            "reactions.remove": self.reaction_remove,
        }

    def needed_all(self, method: str, args: Json) -> tuple[str, ...]:
        """The scopes that are all needed: one for each kind of conversation that is asked for."""
        if method != "users.conversations":
            return ()
        kinds = {"public_channel": "channels", "private_channel": "groups", "im": "im", "mpim": "mpim"}
        asked = str(args.get("types") or "public_channel").split(",")
        return tuple(f"{kinds[name.strip()]}:read" for name in asked if name.strip() in kinds)

    def needed(self, method: str, args: Json) -> tuple[str, ...]:
        """The scopes of which one is needed for this call."""
        if method in BY_KIND:
            channel = self.workspace.channels.get(str(args.get("channel", "")))
            kind = channel.kind if channel else "channel"
            return (f"{_PREFIX[kind]}:{BY_KIND[method]}",)
        return SCOPES.get(method, ())

    # finding

    def _channel(self, args: Json, key: str = "channel") -> FakeChannel:
        channel = self.workspace.channels.get(str(args.get(key, "")))
        if channel is None or (channel.kind != "channel" and BOT_USER_ID not in channel.members):
            raise Refused("channel_not_found")
        return channel

    def _writable(self, args: Json) -> FakeChannel:
        user = self.workspace.users.get(str(args.get("channel", "")))
        channel = self.workspace.add_im(user) if user is not None else self._channel(args)
        if channel.is_archived:
            raise Refused("is_archived")
        if BOT_USER_ID not in channel.members:
            raise Refused("not_in_channel")
        return channel

    @staticmethod
    def _own(channel: FakeChannel, args: Json, error: str) -> Json:
        message = channel.messages.get(str(args.get("ts", "")))
        if message is None:
            raise Refused("message_not_found")
        if message.get("bot_id") != BOT_ID:
            raise Refused(error)
        return message

    # who and where

    def auth_test(self, _args: Json) -> Json:
        """https://docs.slack.dev/reference/methods/auth.test"""
        return {
            "ok": True,
            "url": "https://fake-works.slack.com/",
            "team": self.workspace.name,
            "user": self.workspace.bot.name,
            "team_id": TEAM_ID,
            "user_id": BOT_USER_ID,
            "bot_id": BOT_ID,
            "is_enterprise_install": False,
        }

    def team_info(self, _args: Json) -> Json:
        """https://docs.slack.dev/reference/methods/team.info"""
        return {"ok": True, "team": {"id": TEAM_ID, "name": self.workspace.name, "domain": "fake-works"}}

    def users_info(self, args: Json) -> Json:
        """https://docs.slack.dev/reference/methods/users.info"""
        user = self.workspace.users.get(str(args.get("user", "")))
        if user is None:
            raise Refused("user_not_found")
        return {"ok": True, "user": user.to_json()}

    def usergroups_users_list(self, args: Json) -> Json:
        """https://docs.slack.dev/reference/methods/usergroups.users.list"""
        members = self.workspace.groups.get(str(args.get("usergroup", "")))
        if members is None:
            raise Refused("no_such_subteam")
        return {"ok": True, "users": sorted(user.id for user in members)}

    def conversation_info(self, args: Json) -> Json:
        """https://docs.slack.dev/reference/methods/conversations.info"""
        return {"ok": True, "channel": self._channel(args).to_json(BOT_USER_ID)}

    def users_conversations(self, args: Json) -> Json:
        """Those that the bot is in. https://docs.slack.dev/reference/methods/users.conversations"""
        return self._listed(args, most=999, only_own=True)

    def conversation_list(self, args: Json) -> Json:
        """https://docs.slack.dev/reference/methods/conversations.list"""
        return self._listed(args, most=1000, only_own=False)

    def _listed(self, args: Json, *, most: int, only_own: bool) -> Json:
        kinds = {"public_channel": "channel", "private_channel": "group", "im": "im", "mpim": "mpim"}
        asked = {kinds.get(name.strip()) for name in str(args.get("types") or "public_channel").split(",")}
        if None in asked:
            raise Refused("invalid_types")
        shown = [
            channel.to_json(BOT_USER_ID)
            for channel in self.workspace.channels.values()
            if channel.kind in asked
            and ((channel.kind == "channel" and not only_own) or BOT_USER_ID in channel.members)
            and not (_true(args.get("exclude_archived")) and channel.is_archived)
        ]
        page, cursor = _page(shown, args, most=most)
        return {"ok": True, "channels": page, "response_metadata": {"next_cursor": cursor}}

    def open(self, args: Json) -> Json:
        """https://docs.slack.dev/reference/methods/conversations.open"""
        if args.get("channel"):
            return {"ok": True, "channel": {"id": self._channel(args).id}}
        given = args.get("users") or []
        ids = given.split(",") if isinstance(given, str) else list(given)
        users = [self.workspace.users.get(str(id)) for id in ids]
        if not users:
            raise Refused("users_list_not_supplied")
        found = [user for user in users if user is not None]
        if len(found) < len(users):
            raise Refused("user_not_found")
        channel = self.workspace.add_im(found[0]) if len(found) == 1 else self.workspace.add_mpim(*found)
        return {"ok": True, "channel": {"id": channel.id}}

    # messages

    def post(self, args: Json) -> Json:
        """https://docs.slack.dev/reference/methods/chat.postMessage"""
        channel = self._writable(args)
        warnings = check_message(args)
        thread = args.get("thread_ts")
        if thread is not None and str(thread) not in channel.messages:
            raise Refused("cannot_reply_to_message")
        message = self.workspace.bot_message(channel, args)
        # "Will be automatically cleared when the app sends a reply."
        self.statuses.pop((channel.id, str(thread)), None)
        self._emit(message, channel)
        answer: Json = {"ok": True, "channel": channel.id, "ts": message["ts"], "message": message}
        if warnings:
            answer |= {"warning": ",".join(warnings), "response_metadata": {"warnings": warnings}}
        return answer

    def post_ephemeral(self, args: Json) -> Json:
        """What the interactive side shows."""
        channel = self._channel(args)
        check_message(args)
        return self.show_ephemeral(channel, args)

    def update(self, args: Json) -> Json:
        """https://docs.slack.dev/reference/methods/chat.update"""
        channel = self._channel(args)
        message = self._own(channel, args, "cant_update_message")
        check_message(args)
        before = dict(message)
        message["text"] = args.get("text") or args.get("markdown_text") or ""
        # "If the `text` argument is provided and `blocks` are not provided, the `blocks` will be removed."
        message.pop("blocks", None)
        if args.get("blocks"):
            message["blocks"] = args["blocks"]
        message["edited"] = {"user": BOT_USER_ID, "ts": self.workspace.new_ts()}
        self._emit(
            {"type": "message", "subtype": "message_changed", "message": message, "previous_message": before},
            channel,
        )
        return {"ok": True, "channel": channel.id, "ts": message["ts"], "text": message["text"]}

    def delete(self, args: Json) -> Json:
        """https://docs.slack.dev/reference/methods/chat.delete"""
        channel = self._channel(args)
        message = self._own(channel, args, "cant_delete_message")
        del channel.messages[message["ts"]]
        gone = {"deleted_ts": message["ts"], "previous_message": message}
        self._emit({"type": "message", "subtype": "message_deleted", **gone}, channel)
        return {"ok": True, "channel": channel.id, "ts": message["ts"]}

    @staticmethod
    def _shown(message: Json, args: Json) -> Json:
        hidden = () if _true(args.get("include_all_metadata")) else ("metadata",)
        return {key: value for key, value in message.items() if key not in hidden}

    def _between(self, messages: list[Json], args: Json) -> list[Json]:
        oldest, latest = str(args.get("oldest") or "0"), str(args.get("latest") or "9999999999.999999")
        inclusive = _true(args.get("inclusive"))
        return [
            self._shown(message, args)
            for message in messages
            if oldest < message["ts"] < latest or (inclusive and message["ts"] in (oldest, latest))
        ]

    def _messages(self, items: list[Json], args: Json, *, most: int) -> tuple[list[Json], str]:
        if self.small_pages:
            return _page(items, args, most=15, usual=15)
        return _page(items, args, most=most)

    def history(self, args: Json) -> Json:
        """Newest first, without replies. https://docs.slack.dev/reference/methods/conversations.history"""
        channel = self._channel(args)
        if BOT_USER_ID not in channel.members:
            raise Refused("not_in_channel")
        top = [
            message
            for message in reversed(list(channel.messages.values()))
            if message.get("thread_ts", message["ts"]) == message["ts"]
            or message.get("subtype") == "thread_broadcast"
        ]
        page, cursor = self._messages(self._between(top, args), args, most=999)
        answer: Json = {"ok": True, "messages": page, "has_more": bool(cursor), "pin_count": 0}
        return answer | ({"response_metadata": {"next_cursor": cursor}} if cursor else {})

    def replies(self, args: Json) -> Json:
        """Oldest first, the parent in front. https://docs.slack.dev/reference/methods/conversations.replies"""
        channel = self._channel(args)
        parent = channel.messages.get(str(args.get("ts", "")))
        if parent is None:
            raise Refused("thread_not_found")
        thread = parent.get("thread_ts", parent["ts"])
        found = [m for m in channel.messages.values() if thread in (m["ts"], m.get("thread_ts"))]
        chosen = self._between(found, args)
        first = found[0] if found and found[0]["ts"] == thread else None
        if first is not None and not args.get("cursor") and all(m["ts"] != thread for m in chosen):
            # The thread's first message leads the first page, also where `oldest` would leave it out.
            chosen.insert(0, self._shown(first, args))
        page, cursor = self._messages(chosen, args, most=1000)
        answer: Json = {"ok": True, "messages": page, "has_more": bool(cursor)}
        return answer | ({"response_metadata": {"next_cursor": cursor}} if cursor else {})

    # files

    def _file(self, args: Json) -> FakeFile:
        file = self.workspace.files.get(str(args.get("file", "")))
        if file is None:
            raise Refused("file_not_found")
        return file

    def file_info(self, args: Json) -> Json:
        """https://docs.slack.dev/reference/methods/files.info"""
        return {"ok": True, "file": self._file(args).to_json(self.base_url)}

    def upload_url(self, args: Json) -> Json:
        """https://docs.slack.dev/reference/methods/files.getUploadURLExternal"""
        name, length = str(args.get("filename") or ""), str(args.get("length") or "")
        if not name or not length.isdecimal() or int(length) == 0:
            raise Refused("invalid_arguments")
        file = self.workspace.new_file(name, b"", owner=BOT_USER_ID)
        file.expected = int(length)
        return {"ok": True, "upload_url": f"{self.base_url}/upload/v1/{file.id}", "file_id": file.id}

    def complete_upload(self, args: Json) -> Json:
        """https://docs.slack.dev/reference/methods/files.completeUploadExternal

        The answer comes before the message: its `shares` are empty, unless a test wants it otherwise.
        """
        given = _as_json(args.get("files"), "invalid_arguments")
        if not isinstance(given, list) or not given:
            raise Refused("invalid_arguments")
        channel = self._writable({"channel": args.get("channel_id")})
        thread = args.get("thread_ts")
        if thread is not None and str(thread) not in channel.messages:
            raise Refused("invalid_thread_ts")
        files = [self._file({"file": item.get("id")}) for item in given]
        if any(file.expected != len(file.data) for file in files):
            raise Refused("file_not_found")
        for file, item in zip(files, given, strict=True):
            file.title = str(item.get("title") or file.name)
        told = {"text": args.get("initial_comment") or "", "thread_ts": thread}
        message = self.workspace.bot_message(channel, told)
        message |= {"files": [file.to_json(self.base_url) for file in files], "upload": True}
        self._emit({"subtype": "file_share", **message}, channel)
        shown = [file.to_json(self.base_url) | {"shares": {}} for file in files]
        if self.shares_at_once:
            for file in shown:
                file["shares"] = {"public": {channel.id: [{"ts": message["ts"]}]}}
        return {"ok": True, "files": shown}

    def delete_file(self, args: Json) -> Json:
        """https://docs.slack.dev/reference/methods/files.delete"""
        file = self._file(args)
        if file.owner != BOT_USER_ID:
            raise Refused("cant_delete_file")
        del self.workspace.files[file.id]
        for channel in self.workspace.channels.values():
            for ts, message in list(channel.messages.items()):
                left = [each for each in message.get("files", ()) if each["id"] != file.id]
                if len(left) < len(message.get("files", ())):
                    message["files"] = left
                    if not left and not message["text"]:
                        del channel.messages[ts]
        return {"ok": True}

    # signs

    def set_status(self, args: Json) -> Json:
        """https://docs.slack.dev/reference/methods/assistant.threads.setStatus"""
        channel = self._channel(args, "channel_id")
        thread = str(args.get("thread_ts") or "")
        if thread not in channel.messages:
            raise Refused("invalid_thread_ts")
        if not isinstance(args.get("status"), str):
            raise Refused("invalid_arguments")
        self.statuses[channel.id, thread] = args["status"]
        return {"ok": True}

    def _reaction(self, args: Json) -> tuple[str, str, str]:
        channel = self._channel(args)
        if str(args.get("timestamp", "")) not in channel.messages:
            raise Refused("message_not_found")
        if not args.get("name"):
            raise Refused("invalid_name")
        return channel.id, str(args["timestamp"]), str(args["name"])

    def reaction_add(self, args: Json) -> Json:
        """https://docs.slack.dev/reference/methods/reactions.add"""
        reaction = self._reaction(args)
        if reaction in self.reactions:
            raise Refused("already_reacted")
        self.reactions.add(reaction)
        return {"ok": True}

    def reaction_remove(self, args: Json) -> Json:
        """https://docs.slack.dev/reference/methods/reactions.remove"""
        reaction = self._reaction(args)
        if reaction not in self.reactions:
            raise Refused("no_reaction")
        self.reactions.remove(reaction)
        return {"ok": True}


__all__ = ["APP_ID", "Methods", "Refused", "check_message"]
