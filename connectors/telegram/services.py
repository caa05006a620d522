"""Notices that Telegram writes into a chat: topics, titles, people. Pure."""

from telegram import Message

from bot_host.connector import InboundEvent, InboundPlaces, Skipped
from connectors.telegram.kinds import SILENT
from connectors.telegram.places import View, event_key, person_of, room_of, world_of


def decode_service(message: Message, view: View) -> InboundEvent | None:
    """An event for a notice; None for what people say."""
    world, thread = world_of(message.chat, view.me), message.message_thread_id
    if message.forum_topic_created:
        room = room_of(message.chat, thread, message.forum_topic_created.name)
        return InboundPlaces(world=world, rooms=(room,))
    if message.forum_topic_edited:
        if not message.forum_topic_edited.name:
            return Skipped(reason="service: forum_topic_edited", event_key=event_key(message))
        return InboundPlaces(
            world=world, rooms=(room_of(message.chat, thread, message.forum_topic_edited.name),)
        )
    if message.new_chat_title or message.migrate_from_chat_id or message.new_chat_members or _is_new(message):
        people = tuple(person_of(user) for user in message.new_chat_members if user.id != view.me.id)
        return InboundPlaces(world=world, rooms=(room_of(message.chat, None),), people=people)
    if message.migrate_to_chat_id:
        return Skipped(reason="group became a supergroup", event_key=event_key(message))
    for name in SILENT:
        if getattr(message, name, None):
            return Skipped(reason=f"service: {name}", event_key=event_key(message))
    return None


def _is_new(message: Message) -> bool:
    return bool(message.group_chat_created or message.supergroup_chat_created or message.channel_chat_created)
