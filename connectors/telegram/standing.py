"""People who join and leave chats, and the bot's own standing in them. Pure.

Of people Telegram tells where the bot is an administrator; elsewhere the chat's notices do (see `services`).
"""

from typing import Final

from telegram import Chat, ChatMember, ChatMemberAdministrator, ChatMemberRestricted, ChatMemberUpdated
from telegram.constants import ChatMemberStatus, ChatType

from bot_host.connector import InboundEvent, InboundMembership, InboundPlaces, Skipped, Visit
from connectors.telegram.places import View, person_of, room_of, world_of
from connectors.telegram.several import Several

_GONE: Final = (ChatMemberStatus.LEFT, ChatMemberStatus.BANNED)


def is_denied(chat: Chat, view: View) -> bool:
    """Whether nothing of a chat is to be kept."""
    ids = view.ids_of(str(chat.id))
    place = Visit(servers=ids, channels=ids)
    return chat.type != ChatType.PRIVATE and view.door.deny.names_place(place)


def decode_own(change: ChatMemberUpdated, view: View) -> InboundEvent | Several:
    """The bot was added, blocked, removed, promoted, restricted.

    A room that it loses is closed, with all that waits there, by the first message that Telegram refuses.
    """
    if is_denied(change.chat, view):
        return Skipped(reason="denied")
    was_in, is_in = _is_in(change.old_chat_member), _is_in(change.new_chat_member)
    private = change.chat.type == ChatType.PRIVATE
    world = world_of(change.chat, view.me)
    if not is_in:
        if private or not was_in:
            return Skipped(reason="blocked" if private else "removed from the chat")
        return InboundMembership(world=world, person=None, joined=False)
    speaks = _may_speak(change.new_chat_member, change.chat)
    opened = (str(change.chat.id),) if speaks else ()
    places = InboundPlaces(world=world, rooms=(room_of(change.chat, None),), opened=opened)
    if private or was_in:
        return places
    return Several((places, InboundMembership(world=world, person=None, joined=True)))


def decode_person(change: ChatMemberUpdated, view: View) -> InboundEvent:
    """Somebody joined or left, or has other rights than before."""
    if is_denied(change.chat, view):
        return Skipped(reason="denied")
    if change.chat.type == ChatType.CHANNEL:
        # They read, and never meet the bot: no business of its memory.
        return Skipped(reason="service: subscriber of a channel")
    user = change.new_chat_member.user
    if user.id == view.me.id:
        return Skipped(reason="own membership")
    world, person = world_of(change.chat, view.me), person_of(user)
    joined = _is_in(change.new_chat_member)
    if joined is _is_in(change.old_chat_member):
        return InboundPlaces(world=world, people=(person,))
    return InboundMembership(world=world, person=person, joined=joined)


def _is_in(member: ChatMember) -> bool:
    if isinstance(member, ChatMemberRestricted):
        return member.is_member
    return member.status not in _GONE


def _may_speak(me: ChatMember, chat: Chat) -> bool:
    if isinstance(me, ChatMemberRestricted):
        return me.can_send_messages
    if isinstance(me, ChatMemberAdministrator) and chat.type == ChatType.CHANNEL:
        return bool(me.can_post_messages)
    return True
