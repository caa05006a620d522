"""Telegram's updates as events: one table, no network."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from telegram import Chat

from bot_host.connector import (
    ChannelType,
    InboundMessage,
    MentionType,
    Skipped,
)
from connectors.telegram.content import slice_utf16
from connectors.telegram.places import room_of
from tests.connectors.telegram_samples import (
    ANN,
    BOB,
    CHANNEL,
    DATE,
    GROUP,
    ME,
    SUPER,
    event,
    mention,
    message,
    said,
)
from tests.fakes.telegram_text import utf16_len
from tests.fakes.telegram_world import Json, entity


def test_private_message() -> None:
    found = message(text="hi")
    assert (found.event_key, found.message_id, found.memory_key) == ("5/11", "11", "99:5:11")
    assert (found.world.key, found.world.name) == ("telegram-dm-99", "Direct messages")
    assert (found.room.key, found.room.type, found.room.name) == ("5", ChannelType.DM, "Ann Lee")
    assert found.room.open is False
    assert (found.sender.key, found.sender.name, found.sender.user_name) == ("5", "Ann Lee", "ann")
    assert (found.target.source, found.target.channel_id, found.target.reply_to) == ("telegram", "5", "")
    assert found.sent_at == datetime.fromtimestamp(DATE, UTC)
    assert found.content.mention_context is not None
    assert found.content.mention_context.mention_type is MentionType.NONE
    assert (found.content.source, found.content.channel_type) == ("telegram", ChannelType.DM)
    assert found.replied_memory_key is None


@pytest.mark.parametrize(
    ("chat", "memory_key", "room_type"),
    [
        (GROUP, "99:-70:11", ChannelType.GROUP),
        (SUPER, "-1001:11", ChannelType.GROUP),
    ],
)
def test_group_message(chat: Json, memory_key: str, room_type: ChannelType) -> None:
    found = message(chat, text="hi")
    assert (found.memory_key, found.room.type, found.room.key) == (memory_key, room_type, str(chat["id"]))
    assert found.room.open
    assert (found.world.key, found.world.name) == (str(chat["id"]), chat["title"])
    assert (found.target.reply_to, found.target.thread_id) == ("11", "")


def test_channel_post() -> None:
    found = event(
        "channel_post", said(CHANNEL, None, sender_chat=CHANNEL, text="news", author_signature="Ed")
    )
    assert isinstance(found, InboundMessage)
    assert (found.room.type, found.sender.key, found.sender.name) == (ChannelType.FEED, "-1002", "Ed")
    assert event("edited_channel_post", said(CHANNEL, None, text="x")) == Skipped(
        reason="no sender", event_key="-1002/11"
    )


ROOT = {
    "message_id": 3,
    "date": DATE,
    "chat": SUPER,
    "from": ME,
    "message_thread_id": 3,
    "is_topic_message": True,
    "forum_topic_created": {"name": "News", "icon_color": 1},
}


def test_topic_message() -> None:
    found = message(SUPER, text="hi", message_thread_id=3, is_topic_message=True, reply_to_message=ROOT)
    assert (found.room.key, found.room.type, found.room.name) == ("-1001-3", ChannelType.THREAD, "News")
    assert found.room.open
    assert (found.target.channel_id, found.target.thread_id) == ("-1001", "3")
    # The bot opened the topic, but nobody replied to it.
    assert found.content.mention_context is not None
    assert not found.content.mention_context.is_reply
    assert found.replied_memory_key is None


def test_a_reply_thread_is_no_topic() -> None:
    other = said(SUPER, BOB, text="first")
    found = message(SUPER, text="hi", message_thread_id=11, reply_to_message={**other, "message_id": 10})
    assert (found.room.key, found.target.thread_id) == ("-1001", "")
    assert found.replied_memory_key == "-1001:10"
    assert found.content.text == "hi"


def test_topic_in_a_private_chat_stays_private() -> None:
    found = message(text="hi", message_thread_id=8, is_topic_message=True)
    assert (found.room.key, found.room.type, found.target.thread_id) == ("5-8", ChannelType.DM, "8")
    assert found.room.open is False


@pytest.mark.parametrize(
    ("fields", "text", "is_mention"),
    [
        (mention("@Eliza_Bot hello", "@Eliza_Bot"), "hello", True),
        (mention("@eliza_bot, hello", "@eliza_bot"), "hello", True),
        (mention("@eliza_bot - hello", "@eliza_bot"), "hello", True),
        (mention("@eliza_bot -5 + 3", "@eliza_bot"), "-5 + 3", True),
        (mention("@eliza_bot", "@eliza_bot"), "@eliza_bot", True),
        (mention("😀😀 hey @ELIZA_BOT you", "@ELIZA_BOT"), "😀😀 hey @ELIZA_BOT you", True),
        (mention("@eliza_bot2 hello", "@eliza_bot2"), "@eliza_bot2 hello", False),
        (mention("@ann hello", "@ann"), "@ann hello", False),
        # Telegram marks every mention; not every server that speaks its API does.
        ({"text": "hey @Eliza_Bot, not marked"}, "hey @Eliza_Bot, not marked", True),
        ({"text": "@eliza_bot2 and x@eliza_bot"}, "@eliza_bot2 and x@eliza_bot", False),
        (mention("@ann, not @eliza_bot", "@ann"), "@ann, not @eliza_bot", False),
        (mention("Eliza, hi", "Eliza", "text_mention", user=ME), "hi", True),
        (mention("Bob, hi", "Bob", "text_mention", user=BOB), "Bob, hi", False),
        (mention("/ask@eliza_bot why", "/ask@eliza_bot", "bot_command"), "/ask why", True),
        (mention("/ask why", "/ask", "bot_command"), "/ask why", False),
        (
            {
                "caption": "😀 @eliza_bot look",
                "caption_entities": [entity("mention", "😀 @eliza_bot", "@eliza_bot")],
            },
            "😀 @eliza_bot look",
            True,
        ),
        ({"text": "odd", "entities": [{"type": "mention", "offset": 900, "length": 5}]}, "odd", False),
        ({"text": "odd", "entities": [{"type": "mention", "offset": -3, "length": -5}]}, "odd", False),
        (
            {"text": "\ud83d\ud83d x", "entities": [{"type": "mention", "offset": 1, "length": 1}]},
            "\ufffd\ufffd x",
            False,
        ),
    ],
)
def test_mentions(fields: Json, text: str, is_mention: bool) -> None:
    found = message(GROUP, **fields)
    assert found.content.text == text
    assert found.content.mention_context is not None
    assert found.content.mention_context.is_mention is is_mention


@given(st.text(st.characters(exclude_categories=["Cs"])), st.text(min_size=1), st.text())
def test_utf16_slices(before: str, part: str, after: str) -> None:
    clean_part = part.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    assert slice_utf16(before + part + after, utf16_len(before), utf16_len(part)) == clean_part


def test_reply_to_the_bot() -> None:
    found = message(GROUP, text="why?", reply_to_message=said(GROUP, ME, text="because"))
    assert found.content.mention_context is not None
    assert found.content.mention_context.is_reply
    assert found.content.mention_context.mention_type is MentionType.REPLY
    assert found.content.text == "why?"


def test_long_text_stays_whole() -> None:
    assert message(text="x" * 100_000).content.text == "x" * 100_000


@given(st.text(), st.text(max_size=20))
def test_any_text_and_name_come_out_clean(text: str, name: str) -> None:
    found = event("message", said(sender={**ANN, "first_name": name}, text=text + "\ud800\x00x"))
    assert isinstance(found, InboundMessage)
    found.content.text.encode()
    found.sender.name.encode()
    assert "\x00" not in found.content.text


@pytest.mark.parametrize(("more", "is_open"), [({}, True), ({"is_direct_messages": True}, False)])
def test_the_direct_messages_of_a_channel_are_open_to_nobody(more: Json, is_open: bool) -> None:
    chat = Chat.de_json({"id": -1001, "type": "supergroup", "title": "Lab", **more}, None)
    assert room_of(chat, 3).open is is_open
