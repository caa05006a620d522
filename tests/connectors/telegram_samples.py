"""Telegram's JSON for the tests of decode, and a short way from it to an event."""

from typing import Any

from telegram import Update

from bot_host.connector import InboundEvent, InboundMessage, Skipped
from connectors.telegram.config import TelegramConfig
from connectors.telegram.content import Me
from connectors.telegram.decode import decode
from connectors.telegram.places import View
from connectors.telegram.several import spread
from tests.fakes.telegram_world import Json, entity

ME: Json = {"id": 99, "is_bot": True, "first_name": "Eliza", "username": "Eliza_Bot"}
ANN: Json = {"id": 5, "is_bot": False, "first_name": "Ann", "last_name": "Lee", "username": "ann"}
BOB: Json = {"id": 6, "is_bot": False, "first_name": "Bob"}
PRIVATE: Json = {"id": 5, "type": "private", "first_name": "Ann", "last_name": "Lee"}
GROUP: Json = {"id": -70, "type": "group", "title": "Friends"}
SUPER: Json = {"id": -1001, "type": "supergroup", "title": "Club", "is_forum": True}
CHANNEL: Json = {"id": -1002, "type": "channel", "title": "Daily"}
DATE = 1_700_000_000


def said(chat: Json = PRIVATE, sender: Json | None = ANN, **fields: Any) -> Json:
    message: Json = {"message_id": 11, "date": DATE, "chat": chat, **fields}
    return message if sender is None else {**message, "from": sender}


def events(kind: str, value: Any, **settings: Any) -> list[InboundEvent]:
    view = View(me=Me(id=99, username="Eliza_Bot"), config=TelegramConfig(**settings))
    return list(spread([decode(Update.de_json({"update_id": 1, kind: value}), view)]))


def event(kind: str, value: Any, **settings: Any) -> InboundEvent:
    [found] = events(kind, value, **settings)
    return found


def message(*args: Any, **fields: Any) -> InboundMessage:
    found = event("message", said(*args, **fields))
    assert isinstance(found, InboundMessage)
    return found


def reason(kind: str, value: Any, **settings: Any) -> str:
    found = event(kind, value, **settings)
    assert isinstance(found, Skipped)
    return found.reason


def mention(text: str, part: str, kind: str = "mention", **fields: Any) -> Json:
    return {"text": text, "entities": [entity(kind, text, part, **fields)]}
