"""What people press, fill in and command, as the host's messages. Pure.

https://docs.slack.dev/interactivity/implementing-slash-commands
https://docs.slack.dev/reference/interaction-payloads/block_actions-payload
https://docs.slack.dev/reference/interaction-payloads/view-interactions-payload
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, Self

from bot_host.connector import (
    PAIRING,
    ChannelType,
    ChoiceUse,
    CommandSpec,
    CommandUse,
    Content,
    InboundMessage,
    MentionContext,
    MentionType,
    Quote,
    RoomRef,
    Skipped,
    Target,
    clean_text,
    one_line,
    utc_now,
)
from connectors.slack.blocks import read_form, read_press
from connectors.slack.decode import Decoder, Directory, ts_to_time
from connectors.slack.decode import Self as Me
from connectors.slack.files import attachments
from connectors.slack.needs import command_of
from connectors.slack.text import readable, unescape

UNKNOWN: Final = "unknown component"
FORM_WORDS: Final = "(a form)"
ABOUT_THIS: Final = "What do you say to this message?"
QUOTE: Final = 4_000
"""Characters of a message that somebody asks about."""
LANE_PREFIX: Final = "interaction:"
SOME_DM: Final = "D"
"""The direct messages with somebody, as long as nobody has asked which conversation that is."""

Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """Who uses something of ours, and where."""

    id: str
    """Of this use: the same when Slack delivers it again."""
    user: str
    user_name: str
    team: str = ""
    """The workspace that the event says they are of; empty: it does not say."""
    channel: str
    thread: str = ""
    message: str = ""
    """The time stamp of the message whose button it is; empty: a command."""
    text: str = ""
    """What that message says."""
    private: bool = False
    """That message is for this person alone."""
    response_url: str = ""
    url_since: str = ""
    """Seconds since 1970, from which on `response_url` counts; empty: since `at`."""
    at: datetime
    own: bool = False
    """It was used in no conversation, and is answered in the direct messages, as what is said there."""

    @classmethod
    def of_press(cls, body: Mapping[str, Any]) -> Self:
        """Of a `block_actions` payload. Raises what reading a malformed one raises."""
        container, action = body["container"], body["actions"][0]
        told = body.get("message") or {}
        message = str(container["message_ts"])
        thread = str(told.get("thread_ts") or container.get("thread_ts") or "")
        return cls(
            id=str(body["trigger_id"]),
            user=str(body["user"]["id"]),
            user_name=_name_of(body["user"]),
            team=team_of(body),
            channel=str(container["channel_id"]),
            thread=thread if thread != message else "",
            message=message,
            text=str(told.get("text") or ""),
            private=bool(container.get("is_ephemeral")),
            response_url=str(body.get("response_url") or ""),
            at=ts_to_time(str(action["action_ts"])),
        )

    @classmethod
    def of_form(cls, body: Mapping[str, Any]) -> Self:
        """Of a `view_submission` payload: where its form was opened, we have told it ourselves."""
        view = body["view"]
        origin = json.loads(view["private_metadata"])
        return cls(
            id=str(view["id"]),
            user=str(body["user"]["id"]),
            user_name=_name_of(body["user"]),
            team=team_of(body),
            channel=str(origin.get("channel") or SOME_DM),
            thread=str(origin.get("thread", "")),
            message=str(origin.get("message", "")),
            text=str(origin.get("text", "")),
            private=bool(origin.get("private")),
            response_url=str(origin.get("response_url", "")),
            url_since=str(origin.get("since", "")),
            at=utc_now(),
            own=bool(origin.get("own")),
        )

    @classmethod
    def of_command(cls, body: Mapping[str, Any]) -> Self:
        """Of a slash command: there are none in threads."""
        return cls(
            id=str(body["trigger_id"]),
            user=str(body["user_id"]),
            user_name=str(body.get("user_name") or ""),
            channel=str(body["channel_id"]),
            response_url=str(body.get("response_url") or ""),
            at=utc_now(),
        )

    @classmethod
    def of_message_menu(cls, body: Mapping[str, Any]) -> Self:
        """Of a message's shortcut; what is answered is for its user alone."""
        message = body["message"]
        ts, thread = str(body["message_ts"]), str(message.get("thread_ts") or "")
        return cls(
            id=str(body["trigger_id"]),
            user=str(body["user"]["id"]),
            user_name=_name_of(body["user"]),
            team=team_of(body),
            channel=str(body["channel"]["id"]),
            thread=thread if thread != ts else "",
            private=True,
            response_url=str(body.get("response_url") or ""),
            at=ts_to_time(str(body["action_ts"])),
        )

    @classmethod
    def of_shortcut(cls, body: Mapping[str, Any]) -> Self:
        """Of a shortcut that belongs to no message. Its channel is to be filled in."""
        return cls(
            id=str(body["trigger_id"]),
            user=str(body["user"]["id"]),
            user_name=_name_of(body["user"]),
            team=team_of(body),
            channel=SOME_DM,
            at=ts_to_time(str(body["action_ts"])),
            own=True,
        )

    @classmethod
    def of_home(cls, body: Mapping[str, Any]) -> Self:
        """Of a `block_actions` payload of the App Home. Its channel is to be filled in."""
        return cls(
            id=str(body["trigger_id"]),
            user=str(body["user"]["id"]),
            user_name=_name_of(body["user"]),
            team=team_of(body),
            channel=SOME_DM,
            at=ts_to_time(str(body["actions"][0]["action_ts"])),
            own=True,
        )

    def origin_of_command(self) -> dict[str, str]:
        """What the form of a command has to know of it."""
        told = {
            "channel": "" if self.channel == SOME_DM else self.channel,
            "thread": self.thread,
            "response_url": self.response_url,
            "since": str(int(self.at.timestamp())) if self.response_url else "",
            "private": "1" if self.private else "",
            "own": "1" if self.own else "",
        }
        return {name: value for name, value in told.items() if value}

    def origin(self) -> dict[str, str]:
        """What a form that is opened here has to know of it."""
        told = {"channel": self.channel, "thread": self.thread, "message": self.message, "text": self.text}
        return {name: value for name, value in told.items() if value} | (
            {"private": "1"} if self.private else {}
        )

    @property
    def target(self) -> Target:
        """Where it is answered."""
        if self.own:
            return Target(source="slack", channel_id=self.channel, extra={"user_id": self.user})
        extra = {
            # What is for one person's eyes waits for nothing else in the channel.
            "lane": f"{LANE_PREFIX}{self.id}",
            "user_id": self.user,
            "click": self.message,
            "text": self.text,
            "response_url": self.response_url,
            "at": self.url_since or str(int(self.at.timestamp())),
            "private": "1" if self.private else "",
        }
        return Target(
            source="slack",
            channel_id=self.channel,
            thread_id=self.thread,
            extra={name: value for name, value in extra.items() if value},
        )


def _name_of(user: Mapping[str, Any]) -> str:
    return str(user.get("username") or user.get("name") or "")


def team_of(body: Mapping[str, Any]) -> str:
    """The workspace of who presses, or fills in: in a shared channel it may be another one than ours."""
    user = body.get("user")
    team = user.get("team_id") if isinstance(user, Mapping) else None
    return team if isinstance(team, str) else ""


def is_use(target: Target) -> bool:
    """Whether an answer to `target` answers a button, form or command."""
    return target.extra.get("lane", "").startswith(LANE_PREFIX)


class Reader:
    """Reads what people do with what is ours."""

    def __init__(self, me: Me, decoder: Decoder, names: Directory) -> None:
        self._me = me
        self._decoder = decoder
        self._names = names

    def refuse(self, use: Use) -> str:
        """Why it is not for the agent; empty: it is, if only after somebody approved of who it is."""
        reason = self._decoder.refusal_of(use.user, use.channel, team=use.team)
        return reason if reason and reason != PAIRING else ""

    def press(self, body: Mapping[str, Any], use: Use) -> InboundMessage | Skipped:
        """A button or list."""
        found = read_press(body["actions"][0], body.get("state") or {})
        if found is None:
            return self._skip(use, UNKNOWN)
        choice, words = found
        return self._chosen(use, choice, words)

    def form(self, body: Mapping[str, Any], use: Use) -> InboundMessage | Skipped:
        """A form that was sent off."""
        choice = read_form(body["view"])
        return self._skip(use, UNKNOWN) if choice is None else self._chosen(use, choice, FORM_WORDS)

    def command(
        self, body: Mapping[str, Any], use: Use, specs: Sequence[CommandSpec]
    ) -> InboundMessage | Skipped:
        """A slash command. Its arguments come as one text, mentions with their ids (`should_escape`)."""
        if reason := self.refuse(use):
            return self._skip(use, reason)
        name, raw = command_of(str(body["command"])), str(body.get("text") or "").strip()
        spec = next((each for each in specs if each.name == name), None)
        text = readable(raw, self._names, own_id=self._me.user_id)
        says = spec.says if spec is not None else ""
        command = CommandUse(name=name, arguments={says: text}) if says and text else None
        private = spec is not None and spec.private
        use = replace(use, private=private)
        return replace(
            self._message(use, text if command else f"/{name} {text}".strip()),
            command=command or CommandUse(name=name, text=clean_text(unescape(raw))),
        )

    def menu(self, body: Mapping[str, Any], use: Use, spec: CommandSpec) -> InboundMessage | Skipped:
        """A command of a message's menu: what that message says is not said by who asks."""
        message = body["message"]
        named = one_line(str(message.get("username") or ""))
        author = self._names.user(str(message.get("user") or "")) or named
        text = readable(str(message.get("text") or ""), self._names, own_id=self._me.user_id)
        quote = Quote(kind="reply", author=author, text=text[:QUOTE], attachments=attachments(message))
        return self.asked(use, spec, {spec.says: ABOUT_THIS}, quotes=[quote])

    def asked(
        self, use: Use, spec: CommandSpec, arguments: Mapping[str, Any], *, quotes: Sequence[Quote] = ()
    ) -> InboundMessage | Skipped:
        """A command with what it is told by name."""
        if reason := self.refuse(use):
            return self._skip(use, reason)
        command = CommandUse(name=spec.name, arguments=arguments)
        said = str(arguments.get(spec.says, "")) if spec.says else ""
        written = " ".join([f"/{spec.name}", *(f"{k}:{one_line(str(v), 200)}" for k, v in arguments.items())])
        message = self._message(replace(use, private=use.private or spec.private), said or written)
        content = message.content.model_copy(update={"quotes": list(quotes)})
        return replace(message, content=content, command=command)

    def _skip(self, use: Use, reason: str) -> Skipped:
        return Skipped(reason=reason, event_key=self._key(use))

    def _key(self, use: Use) -> str:
        return f"{self._me.team_id}/{use.channel}/{LANE_PREFIX}{use.id}"

    def _chosen(self, use: Use, choice: ChoiceUse, words: str) -> InboundMessage | Skipped:
        if reason := self.refuse(use):
            return self._skip(use, reason)
        return replace(self._message(use, words or FORM_WORDS), choice=choice)

    def _message(self, use: Use, text: str) -> InboundMessage:
        room = self._room(use)
        strange = self._decoder.refusal_of(use.user, use.channel, team=use.team) == PAIRING
        return InboundMessage(
            event_key=self._key(use),
            message_id=use.id,
            memory_key=f"slack-{use.channel}-{LANE_PREFIX}{use.id}",
            world=self._me.world(self._names.team()),
            room=room,
            sender=self._decoder.visitor(use.user, use.user_name, self._names, team=use.team),
            content=Content(
                text=text,
                source="slack",
                channel_type=room.type,
                mention_context=MentionContext(
                    is_mention=True, is_thread=bool(use.thread), mention_type=MentionType.PLATFORM_MENTION
                ),
            ),
            sent_at=use.at,
            target=replace(use.target, server_id=self._me.team_id),
            private=use.private,
            pairing_id=use.user if strange else "",
        )

    def _room(self, use: Use) -> RoomRef:
        channel, thread, dm = use.channel, use.thread, use.channel.startswith("D")
        kind = ChannelType.DM if dm else ChannelType.THREAD if thread else ChannelType.GROUP
        key = self._decoder.room_key(channel, thread)
        name = "" if dm else self._names.channel(channel)
        return RoomRef(key=key, type=kind, channel_id=channel, thread_id=thread, name=name)
