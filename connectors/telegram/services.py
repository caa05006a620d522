"""Notices that Telegram writes into a chat: topics, titles, people. Pure."""

from telegram import Message

from bot_host.connector import (
    InboundEvent,
    InboundMembership,
    InboundPlaces,
    Skipped,
)
from connectors.telegram.kinds import PLACES, SILENT
from connectors.telegram.moves import decode_move
from connectors.telegram.places import View, event_key, person_of, room_of, world_of
from connectors.telegram.several import Several
from connectors.telegram.standing import is_denied


def decode_service(message: Message, view: View) -> InboundEvent | Several | None:
    """What a notice tells; None for what people say."""
    key = event_key(message)
    for name in SILENT:
        if getattr(message, name, None):
            return Skipped(reason=f"service: {name}", event_key=key)
    if not any(getattr(message, name, None) for name in PLACES):
        return None
    if is_denied(message.chat, view):
        return Skipped(reason="denied", event_key=key)
    if (moved := decode_move(message)) is not None:
        return moved
    world = world_of(message.chat, view.me)
    if message.forum_topic_reopened:
        return InboundPlaces(world=world, opened=(str(message.chat.id),))
    if topic := message.forum_topic_created or message.forum_topic_edited:
        if not topic.name:
            return Skipped(reason="service: forum_topic_edited", event_key=key)
        return InboundPlaces(
            world=world, rooms=(room_of(message.chat, message.message_thread_id, topic.name),)
        )
    if left := message.left_chat_member:
        if left.id == view.me.id:
            return Skipped(reason="own membership", event_key=key)
        return InboundMembership(world=world, person=person_of(left), joined=False)
    people = [person_of(user) for user in message.new_chat_members if user.id != view.me.id]
    room = room_of(message.chat, None)
    joined = [InboundMembership(world=world, person=person, joined=True) for person in people]
    return Several((InboundPlaces(world=world, rooms=(room,)), *joined))
