"""A Slack event as an inbound event. Pure: names come from a look-up that the client filled before.

Where a conversation lives (elizaos.md 6.13-04 shows how it goes wrong): an answer in a channel goes into a
thread, so a post that mentions us is the first message of that thread's room, `channel-ts`, and what people
say next in the thread is in the same room. A post that does not turn to us stays in the channel's room, and
if it is answered all the same, the answer goes there too, flat. Direct messages are flat unless they are in
a thread. `message` and `app_mention` of one post give the same result, whichever comes first.
"""

from collections.abc import Callable, Mapping, Sequence

from bot_host.connector import (
    DENIED,
    NOT_LISTED,
    OUTSIDERS,
    PAIRING,
    ChannelType,
    Content,
    InboundDelete,
    InboundEdit,
    InboundEvent,
    InboundMessage,
    MentionContext,
    MentionType,
    PersonRef,
    RoomRef,
    Skipped,
    Target,
    Visit,
    one_line,
)
from connectors.slack.config import SlackConfig, person_key
from connectors.slack.events import (
    BOT_MESSAGE,
    CONVERTED,
    NEWS,
    SLACKBOT,
    SPOKEN,
    Directory,
    Event,
    Ids,
    Self,
    display_name,
    event_key,
    is_dm,
    is_open,
    room_key,
    text_of,
    ts_to_int,
    ts_to_time,
)
from connectors.slack.external import Teams, is_external, refuse
from connectors.slack.files import attachments, quotes
from connectors.slack.happenings import IGNORED, read_reaction
from connectors.slack.needs import plain_command
from connectors.slack.places import PLACES, converted
from connectors.slack.text import mentioned_channels, mentioned_users, mentions, readable

__all__ = ["Decoder", "Directory", "Ids", "Self", "display_name", "ts_to_int", "ts_to_time"]


class Decoder:
    """Decodes one workspace's events by one config."""

    def __init__(
        self,
        me: Self,
        config: SlackConfig,
        *,
        groups: Callable[[str], Sequence[str] | None] = lambda _user: (),
        teams: Teams = lambda _user: (),
        origin: Callable[[str], str] = lambda channel: channel,
    ) -> None:
        """`groups`: the user groups of a person, of those that the config names; None: not known.

        `origin`: the id that a channel had when it was first seen: what is told of it stays together.
        """
        self._me = me
        self._door = config.door
        self._external = config.external
        self._teams = teams
        self._origin = origin
        self._all_groups = groups
        self._kinds: dict[str, Callable[[Event, Directory], InboundEvent]] = {
            "message": self._message,
            "app_mention": self._spoken,
            "reaction_added": self._reacted,
            "reaction_removed": self._reacted,
        }

    def decode(self, event: Event, names: Directory) -> InboundEvent:
        """What this event says. Unknown kinds are skipped, with their name."""
        name = text_of(event, "type")
        kind, place = self._kinds.get(name), PLACES.get(name)
        if place is not None:
            return place(event, self._me, names, self._origin)
        if name in IGNORED:
            return Skipped(reason=f"news: {name}")
        if kind is None:
            return Skipped(reason=f"unknown kind: {one_line(text_of(event, 'type'), 40) or 'none'}")
        return kind(event, names)

    def ids(self, event: Event) -> Ids:
        """What to look up first; nothing for an event that is refused without it."""
        said = self._what_was_said(event)
        if said is None or self._refusal(said) not in (None, PAIRING):
            return Ids()
        return self._ids_of(said)

    def stranger(self, event: Event) -> str:
        """Who says this, where they have to be approved of first; empty: anybody else."""
        said = self._what_was_said(event)
        return text_of(said, "user") if said is not None and self._refusal(said) == PAIRING else ""

    def _what_was_said(self, event: Event) -> Event | None:
        """The message of an event in which somebody says something, new or edited."""
        kind, subtype = event.get("type"), event.get("subtype")
        if kind == "message" and subtype == "message_changed":
            return self._changed_message(event)
        spoken = kind == "app_mention" or (kind == "message" and subtype in (*SPOKEN, BOT_MESSAGE))
        return event if spoken else None

    def _key(self, channel: str, ts: str) -> str:
        return event_key(self._me, self._origin(channel), ts)

    @staticmethod
    def _ids_of(event: Event) -> Ids:
        text = text_of(event, "text")
        users = dict.fromkeys([text_of(event, "user"), *mentioned_users(text)])
        channels = dict.fromkeys([text_of(event, "channel"), *mentioned_channels(text)])
        return Ids(
            users=tuple(id for id in users if id),
            channels=tuple(id for id in channels if id and not id.startswith("D")),
        )

    # who may speak

    def _refusal(self, event: Event) -> str | None:
        """Why this is not for the agent, as far as the event alone tells."""
        user, bot = text_of(event, "user"), text_of(event, "bot_id")
        if self._me.user_id == user or (bot and bot == self._me.bot_id):
            return "own message"
        if user == SLACKBOT or not (user or bot):
            return "bot"
        as_bot = event.get("subtype") == BOT_MESSAGE or not user
        if as_bot and (refused := self._refuse_bot(event)):
            return refused
        return self._refuse_visit(event, user or bot, as_bot) or None

    def _refuse_visit(self, event: Event, user: str, as_bot: bool, *, sure: bool = False) -> str:
        channel = text_of(event, "channel")
        visit = Visit(
            user=user,
            servers=(self._me.team_id,),
            channels=tuple(dict.fromkeys((channel, self._origin(channel)))),
            groups=self._groups(event, sure=sure),
            direct=is_dm(event),
            is_bot=as_bot,
        )
        refused = self._door.refuse(visit)
        if refused not in ("", PAIRING) or user in self._door.owners:
            return refused
        if is_external(event, self._me, self._teams, sure=sure):
            return refuse(self._external, addressed=self._is_addressed(event)) or refused
        return refused

    def _groups(self, event: Event, *, sure: bool = True) -> Sequence[str] | None:
        """User groups are this workspace's own: nobody else has a role by them."""
        user = text_of(event, "user")
        return () if is_external(event, self._me, self._teams, sure=sure) else self._all_groups(user)

    def _is_addressed(self, event: Event) -> bool:
        # Who presses a button or uses a command says nothing, and means us.
        if "text" not in event or is_dm(event):
            return True
        context = self._context(event)
        return context.is_mention or context.is_reply

    def _refuse_bot(self, event: Event) -> str:
        return self._door.refuse_bot(addressed=self._is_addressed(event))

    def _judged(self, event: Event, names: Directory) -> tuple[str | None, bool]:
        """Why this is not for the agent, and whether a bot says it, with what has been looked up."""
        refusal, is_bot = self._refusal(event), self._is_bot(event, names)
        if refusal in (None, PAIRING) and (user := text_of(event, "user")):
            refusal = self._refuse_visit(event, user, is_bot, sure=True) or None
        if is_bot and refusal in (None, PAIRING):
            refusal = self._refuse_bot(event) or (NOT_LISTED if refusal == PAIRING else None)
        return refusal, is_bot

    @staticmethod
    def _is_bot(event: Event, names: Directory) -> bool:
        # A `bot_id` beside a user is either another app's bot, or a person whose own token an app posts with.
        # Only the look-up tells them apart; when it failed, a bot is the guess that cannot start a loop.
        if event.get("subtype") == BOT_MESSAGE or not event.get("user"):
            return True
        known = names.is_bot(text_of(event, "user"))
        return bool(event.get("bot_id")) if known is None else known

    # who uses commands and buttons

    def room_key(self, channel: str, thread: str) -> str:
        """The name of a room in the store."""
        return room_key(self._origin(channel), thread)

    def refusal_of(self, user: str, channel: str, *, team: str = "") -> str | None:
        """Why this person may use nothing of ours there; `PAIRING`: somebody has to approve of them.

        `team`: their workspace, as the event says it. They have been looked up, if it is not ours.
        """
        use = {"user": user, "channel": channel, "user_team": team}
        refusal = self._refusal(use)
        return (
            self._refuse_visit(use, user, False, sure=True) or None if refusal in (None, PAIRING) else refusal
        )

    def is_denied(self, event: Event) -> bool:
        """Whether the config denies this message's sender, or place."""
        user = text_of(event, "user") or text_of(event, "bot_id")
        return self._refuse_visit(event, user, not event.get("user")) == DENIED

    def visitor(self, user: str, told_name: str, names: Directory, *, team: str = "") -> PersonRef:
        """Who uses something. `told_name`, `team`: their short name and workspace, as the event says them."""
        return PersonRef(
            key=person_key(user),
            platform_id=user,
            name=names.user(user) or one_line(told_name),
            user_name=names.user_name(user) or one_line(told_name),
            roles=tuple(self._groups({"user": user, "user_team": team}) or ()),
        )

    # messages

    def _message(self, event: Event, names: Directory) -> InboundEvent:
        subtype = event.get("subtype")
        if subtype == "message_changed":
            return self._changed(event, names)
        if subtype == "message_deleted":
            key = self._key(event["channel"], text_of(event, "deleted_ts"))
            return InboundDelete(event_keys=(key,))
        if subtype in CONVERTED:
            return converted(event, self._me, names, self._origin)
        if subtype in NEWS:
            return self._skip(event, f"news: {subtype}")
        if subtype not in (*SPOKEN, BOT_MESSAGE):
            return self._skip(event, f"unknown kind: message/{one_line(str(subtype), 40)}")
        return self._spoken(event, names)

    def _skip(self, event: Event, reason: str) -> Skipped:
        key = self._key(event["channel"], event["ts"])
        return Skipped(reason=reason, event_key=key)

    def _spoken(self, event: Event, names: Directory) -> InboundEvent:
        refusal, is_bot = self._judged(event, names)
        if refusal is not None and refusal != PAIRING:
            return self._skip(event, refusal)
        channel, ts = event["channel"], event["ts"]
        context = self._context(event)
        room = self._room(event, context, names)
        thread = text_of(event, "thread_ts")
        return InboundMessage(
            event_key=self._key(channel, ts),
            message_id=ts,
            memory_key=f"slack-{self._origin(channel)}-{ts}",
            world=self._me.world(names.team()),
            room=room,
            sender=self._sender(event, names, is_bot=is_bot),
            content=self._content(event, names, context, room.type),
            sent_at=ts_to_time(ts),
            target=Target(
                source="slack",
                channel_id=channel,
                thread_id=room.thread_id,
                server_id=self._me.team_id,
                reply_to=ts,
                extra={} if is_dm(event) else _asker(event, self._me),
            ),
            replied_memory_key=f"slack-{self._origin(channel)}-{thread}" if thread and thread != ts else None,
            pairing_id=text_of(event, "user") if refusal else "",
        )

    def _sender(self, event: Event, names: Directory, *, is_bot: bool) -> PersonRef:
        user = text_of(event, "user")
        if user:
            return PersonRef(
                key=person_key(user),
                platform_id=user,
                name=names.user(user),
                user_name=names.user_name(user),
                is_bot=is_bot,
                roles=tuple(self._groups(event) or ()),
            )
        profile = event.get("bot_profile")
        profile = profile if isinstance(profile, Mapping) else {}
        name = text_of(event, "username") or text_of(profile, "name")
        bot = event["bot_id"]
        return PersonRef(key=person_key(bot), platform_id=bot, name=one_line(name), is_bot=True)

    def _context(self, event: Event) -> MentionContext:
        thread = text_of(event, "thread_ts")
        in_thread = bool(thread) and thread != event["ts"]
        # `app_mention` says no `parent_user_id`; a mention is enough, and the pair must say the same.
        if mentions(text_of(event, "text"), self._me.user_id):
            return MentionContext(
                is_mention=True, is_thread=in_thread, mention_type=MentionType.PLATFORM_MENTION
            )
        if in_thread and event.get("parent_user_id") == self._me.user_id:
            return MentionContext(is_reply=True, is_thread=True, mention_type=MentionType.REPLY)
        if in_thread:
            return MentionContext(is_thread=True, mention_type=MentionType.THREAD)
        return MentionContext()

    def _room(self, event: Event, context: MentionContext, names: Directory) -> RoomRef:
        channel, ts, dm = event["channel"], event["ts"], is_dm(event)
        thread = text_of(event, "thread_ts") if context.is_thread else ""
        if context.is_mention and not dm and not thread:
            thread = ts
        name = "" if dm else names.channel(channel)
        kind = ChannelType.DM if dm else ChannelType.THREAD if thread else ChannelType.GROUP
        key = room_key(self._origin(channel), thread)
        return RoomRef(
            key=key,
            type=kind,
            channel_id=channel,
            thread_id=thread,
            name=name,
            metadata={OUTSIDERS: True} if names.has_outsiders(channel, text_of(event, "user")) else {},
            open=not dm and is_open(event, names),
        )

    def _content(self, event: Event, names: Directory, context: MentionContext, kind: ChannelType) -> Content:
        text = plain_command(readable(text_of(event, "text"), names, own_id=self._me.user_id))
        if event.get("subtype") == "me_message":
            text = f"*{text}*"
        return Content(
            text=text,
            source="slack",
            channel_type=kind,
            mention_context=context,
            attachments=attachments(event),
            quotes=quotes(event, names, own_id=self._me.user_id),
        )

    # edits

    @staticmethod
    def _changed_message(event: Event) -> Event:
        """The message as it reads now, with the channel that only the outer event names."""
        inner = event.get("message")
        if not isinstance(inner, Mapping):
            return {}
        shared = {key: event[key] for key in ("channel", "channel_type") if key in event}
        return {**inner, **shared}

    def _changed(self, event: Event, names: Directory) -> InboundEvent:
        message = self._changed_message(event)
        if "ts" not in message:
            return Skipped(reason="malformed: message_changed", failed=True)
        key = self._key(event["channel"], message["ts"])
        if message.get("subtype") == "tombstone":
            # What remains of a deleted message that has replies.
            return InboundDelete(event_keys=(key,))
        before = event.get("previous_message")
        same = isinstance(before, Mapping) and all(
            before.get(part) == message.get(part) for part in ("text", "files")
        )
        if same:
            # Link previews, reply counts and locale changes come as edits too.
            return Skipped(reason="edit without a change", event_key=key)
        refusal, _ = self._judged(message, names)
        if refusal is not None and refusal != PAIRING:
            return Skipped(reason=refusal, event_key=key)
        context = self._context(message)
        room = self._room(message, context, names)
        edited = message.get("edited")
        at = text_of(edited, "ts") if isinstance(edited, Mapping) else ""
        return InboundEdit(
            event_key=key,
            content=self._content(message, names, context, room.type),
            edited_at=ts_to_time(at or event["ts"]),
            pairing_id=text_of(message, "user") if refusal else "",
        )

    # reactions

    def _reacted(self, event: Event, names: Directory) -> InboundEvent:
        user, channel = event["user"], text_of(event["item"], "channel")
        return read_reaction(
            event,
            world=self._me.world(names.team()),
            sender=self.visitor(user, "", names),
            name=names.channel(channel),
            refusal=self.refusal_of(user, channel),
            first=self._origin(channel),
        )


def _asker(event: Event, me: Self) -> dict[str, str]:
    """For whom an answer is: in a channel Slack wants to know it of one that is still being written."""
    user = text_of(event, "user")
    return {"asker": user, "asker_team": text_of(event, "user_team") or me.team_id} if user else {}
