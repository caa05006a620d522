"""Telegram's updates as the host's events. Pure; nothing is dropped unsaid."""

from dataclasses import replace
from datetime import datetime
from typing import Final

from telegram import Message, Update
from telegram.constants import ChatType

from bot_host.connector import (
    PAIRING,
    Content,
    InboundEdit,
    InboundEvent,
    InboundMessage,
    MentionContext,
    MentionType,
    RoomRef,
    Skipped,
    Target,
    one_line,
)
from connectors.telegram.albums import joins_of, of_album
from connectors.telegram.content import (
    Me,
    attachments,
    is_for_other_bot,
    mentions_me,
    readable_text,
)
from connectors.telegram.deep_links import START, started_by
from connectors.telegram.kinds import moves, noted, short_form
from connectors.telegram.places import (
    SOURCE,
    View,
    event_key,
    memory_key,
    refuse,
    room_of,
    sender_of,
    thread_of,
    world_of,
)
from connectors.telegram.policies import judge
from connectors.telegram.presses import decode_press
from connectors.telegram.quotes import is_others_words, quotes_of
from connectors.telegram.reactions import decode_counts, decode_reaction
from connectors.telegram.services import decode_service
from connectors.telegram.several import Several
from connectors.telegram.standing import decode_own, decode_person

ALLOWED_UPDATES: Final = (
    Update.MESSAGE,
    Update.EDITED_MESSAGE,
    Update.CHANNEL_POST,
    Update.EDITED_CHANNEL_POST,
    Update.MY_CHAT_MEMBER,
    Update.CHAT_MEMBER,
    Update.CALLBACK_QUERY,
    Update.MESSAGE_REACTION,
    Update.MESSAGE_REACTION_COUNT,
)


def decode(update: Update, view: View) -> InboundEvent | Several:
    """What one update tells."""
    if message := update.message or update.channel_post:
        return _decode_message(message, view)
    if message := update.edited_message or update.edited_channel_post:
        return _decode_edit(message, view)
    if update.my_chat_member:
        return decode_own(update.my_chat_member, view)
    if update.chat_member:
        return decode_person(update.chat_member, view)
    if update.callback_query:
        return decode_press(update.callback_query, view)
    if update.message_reaction:
        return decode_reaction(update.message_reaction, view)
    if update.message_reaction_count:
        return decode_counts(update.message_reaction_count, view)
    kinds = [kind for kind in Update.ALL_TYPES if getattr(update, kind, None)]
    return Skipped(reason=f"unknown kind: {one_line(', '.join([*kinds, *update.api_kwargs])) or 'none'}")


def _topic_name(message: Message) -> str:
    root = message.reply_to_message
    if root is not None and root.forum_topic_created and root.message_id == message.message_thread_id:
        return root.forum_topic_created.name
    return ""


def _skip_reason(message: Message, view: View) -> str:
    if message.from_user is not None and message.from_user.id == view.me.id:
        return "own message"
    sender = sender_of(message)
    if sender is None:
        return "no sender"
    if refused := judge(message, view.config, addressed=False).refused:
        return refused
    if sender.is_bot:
        direct = message.chat.type == ChatType.PRIVATE
        addressed = direct or mentions_me(message, view.me) or _replies_to(message, view.me)
        if refused := view.door.refuse_bot(addressed=addressed, kind="bot"):
            return refused
    if is_for_other_bot(message, view.me) and not is_others_words(message, view.me):
        return "command for another bot"
    return refuse(message.chat, thread_of(message), sender, view)


def _content(message: Message, view: View, room: RoomRef) -> Content | None:
    """None when the message holds nothing that we can name."""
    replied, others = _replied(message), is_others_words(message, view.me)
    files = attachments(message, forwarded=others)
    quotes = quotes_of(message, replied, view.me)
    text = "" if others else _own_words(message, view.me, has_files=bool(files))
    if not text and not files and not any(quote.text for quote in quotes):
        return None
    # Who is named in others' words is not spoken to.
    is_mention = (not others and mentions_me(message, view.me)) or _is_asked(message, view)
    is_reply = _replies_to(message, view.me)
    kind = MentionType.PLATFORM_MENTION if is_mention else MentionType.REPLY if is_reply else MentionType.NONE
    return Content(
        text=text,
        source=SOURCE,
        attachments=files,
        quotes=quotes,
        channel_type=room.type,
        mention_context=MentionContext(is_mention=is_mention, is_reply=is_reply, mention_type=kind),
    )


def _is_asked(message: Message, view: View) -> bool:
    return judge(message, view.config, addressed=False).asked


def _own_words(message: Message, me: Me, *, has_files: bool) -> str:
    """What its sender writes, or what the message shows where that is not words, nor seen in its files."""
    text, (_, note) = readable_text(message, me), noted(message)
    shown = "" if message.text or (text and has_files) else note or short_form(message)
    return "\n".join(part for part in (text, shown) if part)


def _replied(message: Message) -> Message | None:
    """The message that this one really replies to: in a topic, every message refers to its beginning."""
    replied = message.reply_to_message
    return None if replied is None or replied.forum_topic_created else replied


def _replies_to(message: Message, me: Me) -> bool:
    replied = _replied(message)
    return replied is not None and replied.from_user is not None and replied.from_user.id == me.id


def _decode_message(message: Message, view: View) -> InboundEvent | Several:
    notice = decode_service(message, view)
    if notice is not None:
        return notice
    key = event_key(message)
    reason = _skip_reason(message, view)
    if reason and reason != PAIRING:
        return Skipped(reason=reason, event_key=key)
    room = room_of(message.chat, thread_of(message), _topic_name(message))
    content, sender, replied = _content(message, view, room), sender_of(message), _replied(message)
    if content is None or sender is None:
        return Skipped(
            reason=f"unknown content: {one_line(', '.join(sorted(message.api_kwargs)))}", event_key=key
        )
    turned = content.mention_context or MentionContext()
    verdict = judge(message, view.config, addressed=turned.is_mention or turned.is_reply)
    if verdict.asked and message.chat.type == ChatType.CHANNEL:
        # Who wrote a post is not told: two bots that answer each are kept from going round in circles.
        sender = replace(sender, is_bot=True)
    command = started_by(content.text)
    if command is not None:
        content = content.model_copy(update={"text": f"/{START}"})
    is_private, (note, _) = message.chat.type == ChatType.PRIVATE, noted(message)
    return InboundMessage(
        event_key=key,
        message_id=str(message.message_id),
        memory_key=memory_key(message, view.me),
        world=world_of(message.chat, view.me),
        room=room,
        sender=sender,
        content=of_album(content, message, view.me),
        sent_at=message.date,
        target=Target(
            source=SOURCE,
            channel_id=room.channel_id,
            thread_id=room.thread_id,
            reply_to="" if is_private else str(message.message_id),
        ),
        replied_memory_key=memory_key(replied, view.me) if replied is not None else None,
        replied_id=str(replied.message_id) if replied is not None else "",
        pairing_id=sender.platform_id if reason else "",
        unanswered=f"service: {note}" if note else verdict.noted,
        command=command,
        joins=joins_of(message),
    )


def _decode_edit(message: Message, view: View) -> InboundEvent:
    key = event_key(message)
    reason = _skip_reason(message, view)
    if reason and reason != PAIRING:
        return Skipped(reason=reason, event_key=key)
    content = _content(message, view, room_of(message.chat, thread_of(message)))
    if content is None:
        return Skipped(reason="unknown content", event_key=key)
    edited_at: datetime = message.edit_date or message.date
    sender = sender_of(message)
    pairing_id = sender.platform_id if reason and sender is not None else ""
    content = of_album(content, message, view.me)
    return InboundEdit(
        event_key=key,
        content=content,
        edited_at=edited_at,
        pairing_id=pairing_id,
        quiet=moves(message),
    )
