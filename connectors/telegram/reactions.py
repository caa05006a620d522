"""Reactions that people put to messages and take away. Pure.

They come where the bot is an administrator; reactions of bots, its own among them, are not told
(core.telegram.org/bots/api#update). When the host was killed before it had confirmed the update, they come
again and count twice: what is counted does not say by whom.
"""

from collections.abc import Sequence
from typing import Final

from telegram import (
    Chat,
    MessageReactionCountUpdated,
    MessageReactionUpdated,
    ReactionType,
    ReactionTypeCustomEmoji,
    ReactionTypeEmoji,
    User,
)

from bot_host.connector import PAIRING, InboundReaction, PersonRef, Skipped, one_line
from connectors.telegram.places import View, chat_as_person, person_of, refuse, room_of, world_of
from connectors.telegram.several import Several

PAID: Final = ":paid star:"


def name_of(reaction: ReactionType) -> str:
    """The emoji; of custom ones their id, as Telegram names them in no other way."""
    if isinstance(reaction, ReactionTypeEmoji):
        return one_line(reaction.emoji)
    if isinstance(reaction, ReactionTypeCustomEmoji):
        return f":{one_line(reaction.custom_emoji_id)}:"
    return PAID if reaction.type == ReactionType.PAID else f":{one_line(reaction.type)}:"


def decode_reaction(change: MessageReactionUpdated, view: View) -> Several | Skipped:
    """What somebody's reactions to a message were, and what they are now."""
    sender = _sender(change.user, change.actor_chat)
    if sender is None:
        return Skipped(reason="no sender")
    if sender.key == str(view.me.id):
        return Skipped(reason="own reaction")
    if sender.is_bot and (why := view.door.refuse_bot(addressed=False, kind="bot")):
        return Skipped(reason=why)
    why = refuse(change.chat, None, sender, view)
    if why and why != PAIRING:
        return Skipped(reason=why)
    before, now = _names(change.old_reaction), _names(change.new_reaction)
    changes = [(name, False) for name in before if name not in now]
    changes += [(name, True) for name in now if name not in before]
    if not changes:
        return Skipped(reason="change of nothing")
    return Several(
        tuple(
            _event(change.chat, change.message_id, sender, view, name, added=added, known=not why)
            for name, added in changes
        )
    )


def decode_counts(change: MessageReactionCountUpdated, view: View) -> InboundReaction | Skipped:
    """How many anonymous reactions a message has by now, as in channels."""
    sender = chat_as_person(change.chat)
    if why := refuse(change.chat, None, sender, view):
        return Skipped(reason=why)
    totals = {name_of(each.type): each.total_count for each in change.reactions}
    return _event(change.chat, change.message_id, sender, view, "", added=True, known=True, totals=totals)


def _sender(user: User | None, chat: Chat | None) -> PersonRef | None:
    if user is not None:
        return person_of(user)
    return chat_as_person(chat) if chat is not None else None


def _names(reactions: Sequence[ReactionType]) -> list[str]:
    return list(dict.fromkeys(name_of(each) for each in reactions))


def _event(
    chat: Chat,
    message_id: int,
    sender: PersonRef,
    view: View,
    name: str,
    *,
    added: bool,
    known: bool,
    totals: dict[str, int] | None = None,
) -> InboundReaction:
    return InboundReaction(
        event_key=f"{chat.id}/{message_id}",
        message_id=str(message_id),
        channel_id=str(chat.id),
        world=world_of(chat, view.me),
        # Which topic it is in is not told.
        room=room_of(chat, None),
        sender=sender,
        reaction=name,
        added=added,
        pairing_id="" if known else sender.platform_id,
        totals=totals,
    )
