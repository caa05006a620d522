"""What people and other apps do in the fake Slack, and the events that it brings the app.

Events by https://docs.slack.dev/reference/events and https://docs.slack.dev/apis/events-api .
"""

import time
import uuid
from typing import Any

from tests.fakes.slack_socket import Envelope, SocketMode
from tests.fakes.slack_workspace import (
    APP_ID,
    BOT_USER_ID,
    TEAM_ID,
    FakeChannel,
    FakeUser,
    Json,
    Workspace,
)

_EVENT_OF_KIND = {"channel": "channels", "group": "groups", "im": "im", "mpim": "mpim"}


class People:
    """The workspace's life. `FakeSlack` is one of these."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.socket_mode: SocketMode
        self.subscriptions: set[str] | None = None
        """Bot events that the app asked for, as in a manifest; None: all."""
        self._emitted: list[Envelope] = []

    # events

    def _emit_later(self, event: Json, channel: FakeChannel | None) -> None:
        envelope = self._envelope(event, channel)
        if envelope is not None:
            self._emitted.append(envelope)

    async def _flush(self) -> None:
        while self._emitted:
            await self.socket_mode.deliver(self._emitted.pop(0))

    def _subscribed(self, event: Json, channel: FakeChannel | None) -> bool:
        name = str(event["type"])
        if name == "message" and channel is not None:
            name = f"message.{_EVENT_OF_KIND[channel.kind]}"
        return self.subscriptions is None or name in self.subscriptions

    def _envelope(self, event: Json, channel: FakeChannel | None) -> Envelope | None:
        if not self._subscribed(event, channel):
            return None
        if channel is not None and BOT_USER_ID not in channel.members:
            return None
        event = {"event_ts": self.workspace.new_ts(), **event}
        if event["type"] == "message" and channel is not None:
            subtype = event.get("subtype")
            hidden = subtype in ("message_changed", "message_deleted")
            ts = self.workspace.new_ts() if hidden else event["ts"]
            event |= {"channel": channel.id, "channel_type": channel.kind, "ts": ts, "event_ts": ts}
            if hidden:
                event["hidden"] = True
        return self.socket_mode.add("events_api", _callback(event))

    async def emit(self, event: Json, channel: FakeChannel | None = None) -> Envelope:
        """Any event, as it stands. Raises LookupError when the app is not told of such events."""
        envelope = self._envelope(event, channel)
        if envelope is None:
            raise LookupError(f"the app gets no {event['type']} here")
        await self.socket_mode.deliver(envelope)
        return envelope

    def add_user(
        self, name: str, *, display_name: str | None = None, id: str | None = None, is_bot: bool = False
    ) -> FakeUser:
        """A new member of the workspace."""
        return self.workspace.add_user(name, display_name=display_name, id=id, is_bot=is_bot)

    def add_channel(self, name: str, *, private: bool = False, with_bot: bool = True) -> FakeChannel:
        """A channel; the bot is a member unless said otherwise."""
        return self.workspace.add_channel(name, private=private, with_bot=with_bot)

    def add_im(self, user: FakeUser) -> FakeChannel:
        """The direct messages between a person and the bot."""
        return self.workspace.add_im(user)

    def add_mpim(self, *users: FakeUser) -> FakeChannel:
        """A direct message of several people with the bot."""
        return self.workspace.add_mpim(*users)

    # what people do

    async def say(
        self,
        channel: FakeChannel,
        user: FakeUser,
        text: str,
        *,
        thread_ts: str | None = None,
        subtype: str | None = None,
        files: list[Json] | None = None,
        mention_first: bool = False,
        **fields: Any,
    ) -> Json:
        """A person posts. A mention of the bot brings `app_mention` besides, in either order, not in a DM.

        https://docs.slack.dev/reference/events/app_mention : no `channel_type` and no `parent_user_id` in it.
        """
        channel.members.add(user.id)
        message = self.workspace.user_message(
            channel, user, text, thread_ts=thread_ts, subtype=subtype, files=files, **fields
        )
        events = [(message, channel)]
        if f"<@{BOT_USER_ID}>" in text and channel.kind != "im":
            kept = ("user", "text", "ts", "client_msg_id", "team", "thread_ts", "files", "blocks")
            mention = {key: message[key] for key in kept if key in message}
            mention |= {"type": "app_mention", "channel": channel.id, "event_ts": message["ts"]}
            events.insert(0 if mention_first else 1, (mention, channel))
        for event, place in events:
            self._emit_later(event, place)
        await self._flush()
        return message

    async def say_as_bot(self, channel: FakeChannel, text: str, *, user: FakeUser | None = None) -> Json:
        """Another app posts: an old webhook (`bot_message`, no user), or with `user` in that user's name."""
        message: Json = {
            "type": "message",
            "text": text,
            "ts": self.workspace.new_ts(),
            "bot_id": "B0OTHER01",
        }
        if user is None:
            message |= {"subtype": "bot_message", "username": "webhook"}
        else:
            message |= {"user": user.id, "app_id": "A0OTHER01", "team": TEAM_ID}
        self.workspace.store(channel, message)
        self._emit_later(message, channel)
        await self._flush()
        return message

    async def edit(self, channel: FakeChannel, ts: str, text: str) -> Envelope:
        """The author changes a message."""
        message = channel.messages[ts]
        before = dict(message)
        message |= {"text": text, "edited": {"user": message.get("user", ""), "ts": self.workspace.new_ts()}}
        return await self.emit(
            {
                "type": "message",
                "subtype": "message_changed",
                "message": dict(message),
                "previous_message": before,
            },
            channel,
        )

    async def unfurl(self, channel: FakeChannel, ts: str) -> Envelope:
        """Slack adds a link preview: the same text comes again as `message_changed`, without `edited`."""
        message = channel.messages[ts]
        before = dict(message)
        message["attachments"] = [{"id": 1, "from_url": "https://example.org/", "title": "An example"}]
        return await self.emit(
            {
                "type": "message",
                "subtype": "message_changed",
                "message": dict(message),
                "previous_message": before,
            },
            channel,
        )

    async def delete(self, channel: FakeChannel, ts: str) -> Envelope:
        """A message is deleted."""
        message = channel.messages.pop(ts)
        gone = {"deleted_ts": ts, "previous_message": message}
        return await self.emit({"type": "message", "subtype": "message_deleted", **gone}, channel)

    async def join(self, channel: FakeChannel, user: FakeUser) -> Json:
        """A person comes into a channel; Slack posts a line about it."""
        text = f"<@{user.id}> has joined the channel"
        return await self.say(channel, user, text, subtype="channel_join", client_msg_id=None)

    async def react(
        self, channel: FakeChannel, user: FakeUser, ts: str, name: str, *, added: bool = True
    ) -> Envelope:
        """https://docs.slack.dev/reference/events/reaction_added"""
        item = {"type": "message", "channel": channel.id, "ts": ts}
        kind = "reaction_added" if added else "reaction_removed"
        return await self.emit({"type": kind, "user": user.id, "reaction": name, "item": item})

    async def join_team(self, user: FakeUser) -> Envelope:
        """https://docs.slack.dev/reference/events/team_join"""
        return await self.emit({"type": "team_join", "user": user.to_json()})

    async def rename_channel(self, channel: FakeChannel, name: str) -> Envelope:
        """https://docs.slack.dev/reference/events/channel_rename"""
        channel.name = name
        kind = "group_rename" if channel.kind == "group" else "channel_rename"
        shown = {"id": channel.id, "name": name, "name_normalized": name, "created": 1700000000}
        return await self.emit({"type": kind, "channel": shown})

    async def rename_team(self, name: str) -> Envelope:
        """https://docs.slack.dev/reference/events/team_rename"""
        self.workspace.name = name
        return await self.emit({"type": "team_rename", "name": name})

    async def rename_user(self, user: FakeUser, display_name: str) -> Envelope:
        """https://docs.slack.dev/reference/events/user_change"""
        user.display_name = display_name
        return await self.emit({"type": "user_change", "user": user.to_json(), "cache_ts": int(time.time())})


def _callback(event: Json) -> Json:
    """https://docs.slack.dev/apis/events-api/#callback-field"""
    return {
        "token": "fake",
        "team_id": TEAM_ID,
        "context_team_id": TEAM_ID,
        "api_app_id": APP_ID,
        "event": event,
        "type": "event_callback",
        "event_id": f"Ev{uuid.uuid4().hex[:9].upper()}",
        "event_time": int(time.time()),
        "authorizations": [
            {
                "enterprise_id": None,
                "team_id": TEAM_ID,
                "user_id": BOT_USER_ID,
                "is_bot": True,
                "is_enterprise_install": False,
            }
        ],
        "is_ext_shared_channel": False,
        "event_context": f"4-{uuid.uuid4().hex}",
    }
