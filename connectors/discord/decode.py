"""Discord's events as the host's. Pure.

It reads the gateway's raw payloads, not discord.py's objects: those come in their own tasks, need the
library's cache to be warm, and cannot be made in a test without a connection. The same payload comes
from `GET /channels/{id}/messages`, so that what was missed is read by the same code. The REST form lacks
`guild_id` and the memberships; the caller puts `guild_id` in.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

from bot_host.connector import (
    PAIRING,
    PARENT_ID,
    ChannelType,
    Content,
    InboundDelete,
    InboundEdit,
    InboundMembership,
    InboundMessage,
    InboundReaction,
    Mark,
    MentionContext,
    MentionType,
    PersonRef,
    Quote,
    RoomRef,
    Skipped,
    Target,
    WorldRef,
    utc_now,
)
from connectors.discord.attachments import attachments_of, media_of
from connectors.discord.places import Book, Me, Place, clean_name, display_name, person
from connectors.discord.proxied import Proxied
from connectors.discord.rules import Rules
from connectors.discord.spots import THREAD_NAME, THREAD_OF, thread_name
from connectors.discord.text import embeds, read_extras, read_text, snapshots

Json = dict[str, Any]

GROWS_THREADS: Final = frozenset({0, 5})
QUOTE: Final = 4000
OWN_QUOTE: Final = 500
"""Characters of a quoted message that the bot itself said: it stands in the conversation, as a rule."""
DISCORD_EPOCH_MS: Final = 1_420_070_400_000
REPLY: Final = 19
SPOKEN: Final = frozenset({0, REPLY})
"""Message types that somebody said; all others are the platform's own notices or belong to commands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What decode needs to know besides the payload."""

    me: Me
    book: Book
    rules: Rules
    threads: str = "never"
    """`threads` of the config."""


def snowflake_time(snowflake: int) -> datetime:
    """When an id was made (reference#snowflakes)."""
    return datetime.fromtimestamp(((snowflake >> 22) + DISCORD_EPOCH_MS) / 1000, UTC)


def snowflake_at(when: datetime) -> int:
    """The smallest id of a moment; 0 before Discord's time."""
    return max(0, (int(when.timestamp() * 1000) - DISCORD_EPOCH_MS) << 22)


def mark_name(channel_id: str) -> str:
    """The high-water mark of a channel."""
    return f"channel:{channel_id}"


def event_key(channel_id: str, message_id: str) -> str:
    """A message's identity inside the account."""
    return f"{channel_id}/{message_id}"


def decode_message(data: Json, view: View) -> InboundMessage | Skipped:
    """MESSAGE_CREATE, or a message of a channel's history."""
    channel_id, message_id = str(data["channel_id"]), str(data["id"])
    key, mark = event_key(channel_id, message_id), Mark(name=mark_name(channel_id), value=int(message_id))
    reason = _refuse(data, view)
    if reason and reason != PAIRING:
        return Skipped(reason=reason, event_key=key, mark=mark)
    content = _content(data, view)
    if is_empty(content):
        # So comes every unaddressed message when the message content intent is off.
        return Skipped(reason="no text", event_key=key, mark=mark)
    guild_id = str(data.get("guild_id") or "")
    reference = data.get("message_reference") or {}
    replied = data.get("type") == REPLY and reference.get("message_id")
    opens = _opens_thread(data, content, view)
    sender = _sender(data)
    room, target = _room(data, view), None
    if opens:
        name = thread_name(content.text, sender.name)
        # A thread has the id of the message that it grows from.
        room = RoomRef(
            key=message_id,
            type=ChannelType.THREAD,
            channel_id=message_id,
            name=name,
            metadata={PARENT_ID: channel_id},
            open=room.open,
        )
        target = Target(
            source="discord",
            channel_id=message_id,
            server_id=guild_id,
            extra={THREAD_OF: channel_id, THREAD_NAME: name},
        )
    return InboundMessage(
        event_key=key,
        message_id=message_id,
        memory_key=message_id,
        world=_world(guild_id, view),
        room=room,
        sender=sender,
        content=content,
        sent_at=snowflake_time(int(message_id)),
        target=target
        or Target(
            source="discord",
            channel_id=channel_id,
            server_id=guild_id,
            # A direct message needs no pointer to what it answers.
            reply_to=message_id if guild_id else "",
        ),
        replied_memory_key=str(reference["message_id"]) if replied else None,
        mark=mark,
        pairing_id=str(data["author"]["id"]) if reason else "",
    )


def decode_proxied(pair: Proxied, view: View) -> InboundMessage | Skipped:
    """What a person's proxy said for them, in place of their own message, which is gone.

    Under the rules for the person, as somebody without roles: whoever may use webhooks and delete messages
    could put words into a mouth.
    """
    theirs = ("author", "member", "type", "message_reference", "referenced_message")
    kept = {key: pair.original[key] for key in theirs if key in pair.original}
    shown = {key: value for key, value in pair.copy.items() if key not in ("webhook_id", "application_id")}
    if not pair.original.get("embeds"):
        shown["embeds"] = []  # a proxy shows by one what was replied to
    found = decode_message(shown | kept, view)
    if isinstance(found, Skipped):
        return found
    name = clean_name(pair.copy["author"].get("username")) or found.sender.name
    who = PersonRef(
        key=f"{found.sender.key}-proxied",
        platform_id=found.sender.platform_id,
        name=name,
        user_name=found.sender.user_name,
    )
    original = event_key(str(pair.original["channel_id"]), str(pair.original["id"]))
    return replace(found, sender=who, replaces=original)


def _sender(data: Json) -> PersonRef:
    who = person(data["author"], data.get("member"))
    return replace(who, is_bot=True) if data.get("webhook_id") else who


def decode_edit(data: Json, view: View) -> InboundEdit | Skipped:
    """MESSAGE_UPDATE: an edit by the author; link previews and pins are skipped.

    A payload may be partial ("will always contain an id and channel_id"): only a time of no edit says that
    nothing was edited.
    """
    key = event_key(str(data["channel_id"]), str(data["id"]))
    edited = data.get("edited_timestamp", "")
    if "content" not in data or edited is None:
        return Skipped(reason="nothing edited", event_key=key)
    data = {"author": {"id": "", "username": ""}} | data
    reason = _refuse(data, view)
    if reason and reason != PAIRING:
        return Skipped(reason=reason, event_key=key)
    content = _content(data, view)
    if is_empty(content):
        return Skipped(reason="no text", event_key=key)
    return InboundEdit(
        event_key=key,
        content=content,
        edited_at=_moment(edited) if edited else utc_now(),
        pairing_id=str(data["author"]["id"]) if reason else "",
    )


def is_empty(content: Content) -> bool:
    """Whether a message says nothing at all."""
    return not content.text and not content.attachments and not content.quotes


def decode_reaction(data: Json, view: View, *, added: bool) -> InboundReaction | Skipped:
    """MESSAGE_REACTION_ADD and MESSAGE_REACTION_REMOVE; the latter does not say who the user is."""
    channel_id, message_id = str(data["channel_id"]), str(data["message_id"])
    guild_id = str(data.get("guild_id") or "")
    member = data.get("member") or {}
    user = member.get("user") or {"id": data["user_id"]}
    if str(data["user_id"]) == view.me.id:
        return Skipped(reason="own reaction")
    seen = {"author": user, "channel_id": channel_id, "guild_id": guild_id}
    # Who takes a reaction away is not told with their roles.
    reason = _refuse(seen | ({"member": member} if member else {}), view)
    if reason and reason != PAIRING:
        return Skipped(reason=reason)
    emoji = data.get("emoji") or {}
    name = clean_name(emoji.get("name")) or "?"
    direct = RoomRef(key=channel_id, type=ChannelType.DM, channel_id=channel_id)
    return InboundReaction(
        event_key=event_key(channel_id, message_id),
        message_id=message_id,
        channel_id=channel_id,
        world=_world(guild_id, view),
        room=_room(seen, view) if guild_id else direct,
        sender=person(user, member),
        reaction=f":{name}:" if emoji.get("id") else name,
        added=added,
        pairing_id=str(data["user_id"]) if reason else "",
    )


def decode_membership(event: str, data: Json, view: View) -> InboundMembership | Skipped:
    """GUILD_MEMBER_ADD and GUILD_MEMBER_REMOVE, which come with the server members intent only."""
    guild_id, user = str(data["guild_id"]), data["user"]
    if str(user["id"]) == view.me.id:
        return Skipped(reason="own membership")
    roles = [str(role) for role in data.get("roles", ())]
    reason = view.rules.refuse_place(guild_id=guild_id, channel_id="", user_id=str(user["id"]), roles=roles)
    if reason:
        return Skipped(reason=reason)
    return InboundMembership(
        world=view.book.world(guild_id), person=person(user, data), joined=event == "GUILD_MEMBER_ADD"
    )


def decode_delete(data: Json) -> InboundDelete:
    """MESSAGE_DELETE and MESSAGE_DELETE_BULK."""
    ids = data["ids"] if "ids" in data else [data["id"]]
    return InboundDelete(event_keys=tuple(event_key(str(data["channel_id"]), str(i)) for i in ids))


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _refuse(data: Json, view: View) -> str:
    author = data["author"]
    user_id, channel_id = str(author["id"]), str(data["channel_id"])
    if view.me.id in (user_id, str(data.get("application_id") or "")):
        return "own message"
    is_bot = bool(data.get("webhook_id") or author.get("bot"))
    if is_bot and (refused := _refuse_bot(data, view)):
        return refused
    if data.get("type", 0) not in SPOKEN:
        return "system message"
    guild_id = str(data.get("guild_id") or "")
    if not guild_id:
        return view.rules.refuse_dm(channel_id=channel_id, user_id=user_id, is_bot=is_bot)
    place = view.book.channels.get(channel_id)
    return view.rules.refuse_place(
        guild_id=guild_id,
        channel_id=channel_id,
        parent_id=place.parent_id if place else "",
        user_id=user_id,
        roles=_roles(data),
        is_bot=is_bot,
    )


def _refuse_bot(data: Json, view: View) -> str:
    door = view.rules.door
    addressed = door.bots == "mentions" and _turns_to_me(data, view)
    return door.refuse_bot(addressed=addressed, kind="webhook" if data.get("webhook_id") else "bot")


def _turns_to_me(data: Json, view: View) -> bool:
    if not data.get("guild_id"):
        return True
    if "content" not in data:
        return False  # a reaction
    names_me = read_text(data, me=view.me, book=view.book).names_me
    return names_me or (data.get("type") == REPLY and _replies_to_me(data, view, names_me=names_me))


def _roles(data: Json) -> tuple[str, ...] | None:
    """None: history does not tell; see `Lookups`. A webhook is no member and has none."""
    if data.get("webhook_id"):
        return ()
    member = data.get("member")
    return None if member is None else tuple(str(role) for role in member.get("roles", ()))


def _world(guild_id: str, view: View) -> WorldRef:
    if guild_id:
        return view.book.world(guild_id)
    return WorldRef(key=f"discord-dm-{view.me.id}", name="Direct messages")


def _room(data: Json, view: View) -> RoomRef:
    channel_id, guild_id = str(data["channel_id"]), str(data.get("guild_id") or "")
    if not guild_id:
        name = person(data["author"]).name
        return RoomRef(key=channel_id, type=ChannelType.DM, channel_id=channel_id, name=name)
    place = view.book.channels.get(channel_id) or Place(id=channel_id, type=0, guild_id=guild_id)
    return view.book.room(place)


def _content(data: Json, view: View) -> Content:
    reading = read_text(data, me=view.me, book=view.book)
    room = _room(data, view)
    lines = [reading.text, *read_extras(data)]
    place = f"{data.get('guild_id') or '@me'}/{data['channel_id']}/{data['id']}"
    return Content(
        text="\n".join(line for line in lines if line),
        source="discord",
        url=f"https://discord.com/channels/{place}",
        attachments=attachments_of(data),
        quotes=_quotes(data, view),
        channel_type=room.type,
        mention_context=_mention(data, view, names_me=reading.names_me, room=room),
    )


def _opens_thread(data: Json, content: Content, view: View) -> bool:
    """Whether the answer gets a thread of its own. Threads grow in text and announcement channels."""
    if view.threads != "mention" or content.mention_context is None:
        return False
    place = view.book.channels.get(str(data["channel_id"]))
    return content.mention_context.is_mention and place is not None and place.type in GROWS_THREADS


def _mention(data: Json, view: View, *, names_me: bool, room: RoomRef) -> MentionContext:
    is_thread = room.type is ChannelType.THREAD
    is_reply = data.get("type") == REPLY and _replies_to_me(data, view, names_me=names_me)
    kind = MentionType.NONE
    if names_me:
        kind = MentionType.PLATFORM_MENTION
    elif is_reply:
        kind = MentionType.REPLY
    elif is_thread:
        kind = MentionType.THREAD
    return MentionContext(is_mention=names_me, is_reply=is_reply, is_thread=is_thread, mention_type=kind)


def _replies_to_me(data: Json, view: View, *, names_me: bool) -> bool:
    answered = data.get("referenced_message")
    if answered:
        return str(answered["author"]["id"]) == view.me.id
    # The answered message was not loaded. A reply that pings puts its author among the mentions.
    return not names_me and any(str(user["id"]) == view.me.id for user in data.get("mentions", ()))


def _quotes(data: Json, view: View) -> list[Quote]:
    """The answered message, forwarded ones, and embeds: not what the author says (reference 4.0)."""
    guild = {"guild_id": data.get("guild_id", "")}
    found = []
    answered = data.get("referenced_message")
    if data.get("type") == REPLY and answered:
        limit = OWN_QUOTE if str(answered["author"]["id"]) == view.me.id else QUOTE
        found.append(
            Quote(
                kind="reply",
                author=display_name(answered["author"]),
                text=_words(answered | guild, view)[:limit],
                attachments=[media_of(item) for item in answered.get("attachments", ())],
            )
        )
    for shot in snapshots(data):
        text = _words(shot | guild, view)
        if text:
            # A forward does not say who wrote it; its files are handed on as the message's own.
            found.append(Quote(kind="forward", text=text[:QUOTE]))
    found += embeds(data)
    return found


def _words(data: Json, view: View) -> str:
    lines = [read_text(data, me=view.me, book=view.book, strip=False).text, *read_extras(data)]
    lines += [quote.text for quote in embeds(data)]
    return "\n".join(line for line in lines if line)


def refuse_interaction(data: Json, user: Json, view: View) -> str:
    """Why a command or click is not taken: by the rules of messages. Empty: it is."""
    return _refuse({**_where(data), "author": user, "member": data.get("member")}, view)


def place_of(data: Json, user: Json, view: View) -> tuple[WorldRef, RoomRef]:
    """Where an interaction happened."""
    place = _where(data)
    guild_id = place.get("guild_id", "")
    channel = data.get("channel") or {}
    if guild_id and place["channel_id"] not in view.book.channels and "type" in channel:
        # A channel that the bot does not see: commands come from there all the same.
        there = Place(
            id=place["channel_id"],
            type=int(channel["type"]),
            guild_id=guild_id,
            name=clean_name(channel.get("name")),
            parent_id=str(channel.get("parent_id") or ""),
        )
        room = view.book.room(there)
    else:
        room = _room({**place, "author": user}, view)
    return _world(guild_id, view), room


def _where(data: Json) -> Json:
    channel_id = data.get("channel_id") or (data.get("channel") or {})["id"]
    guild_id = str(data.get("guild_id") or "")
    return {"channel_id": str(channel_id), **({"guild_id": guild_id} if guild_id else {})}
