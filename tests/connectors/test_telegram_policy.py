"""Which of Telegram's updates become messages, names, edits, and which are skipped, and why."""

from datetime import UTC, datetime

import pytest

from bot_host.connector import InboundEdit, InboundMembership, InboundMessage, InboundPlaces, Skipped
from tests.connectors.telegram_samples import (
    ANN,
    BOB,
    CHANNEL,
    DATE,
    GROUP,
    ME,
    PRIVATE,
    SUPER,
    event,
    events,
    mention,
    message,
    reason,
    said,
)
from tests.fakes.telegram_world import GROUP_ANONYMOUS_BOT, Json

OTHER_BOT = {"id": 8, "is_bot": True, "first_name": "Other"}
MEMBER = {"user": ME, "status": "member"}


@pytest.mark.parametrize(
    ("kind", "value", "why"),
    [
        ("message", said(sender=ME, text="x"), "own message"),
        ("message", said(GROUP, OTHER_BOT, text="x"), "bot"),
        (
            "message",
            said(GROUP, sender_chat=CHANNEL, is_automatic_forward=True, text="x"),
            "automatic forward",
        ),
        (
            "message",
            said(GROUP, **mention("/go@other_bot x", "/go@other_bot", "bot_command")),
            "command for another bot",
        ),
        ("message", said(GROUP, left_chat_member=ME), "own membership"),
        ("message", said(GROUP, delete_chat_photo=True), "service: delete_chat_photo"),
        (
            "message",
            said(SUPER, message_thread_id=3, is_topic_message=True, forum_topic_closed={}),
            "service: forum_topic_closed",
        ),
        (
            "message",
            said(SUPER, message_thread_id=3, is_topic_message=True, forum_topic_edited={}),
            "service: forum_topic_edited",
        ),
        ("message", said(hologram=True), "unknown content: hologram"),
        ("message", said(), "unknown content: "),
        ("message", said(text=" \n "), "unknown content: "),
        ("callback_query", {"id": "1", "from": ANN, "chat_instance": "1", "data": "x"}, "unknown button"),
        ("brand_new", {"x": 1}, "unknown kind: brand_new"),
        ("inline_query", {"id": "1", "from": ANN, "query": "", "offset": ""}, "unknown kind: inline_query"),
        (
            "my_chat_member",
            {
                "chat": PRIVATE,
                "from": ANN,
                "date": DATE,
                "old_chat_member": MEMBER,
                "new_chat_member": {"user": ME, "status": "kicked", "until_date": 0},
            },
            "blocked",
        ),
        (
            "my_chat_member",
            {
                "chat": GROUP,
                "from": ANN,
                "date": DATE,
                "old_chat_member": {"user": ME, "status": "left"},
                "new_chat_member": {"user": ME, "status": "kicked", "until_date": 0},
            },
            "removed from the chat",
        ),
    ],
)
def test_skipped_with_a_reason(kind: str, value: Json, why: str) -> None:
    assert reason(kind, value) == why


def test_anonymous_admin_speaks_as_the_group() -> None:
    found = message(GROUP, GROUP_ANONYMOUS_BOT, sender_chat=GROUP, text="hear me", author_signature="")
    assert (found.sender.key, found.sender.name, found.sender.is_bot) == ("-70", "Friends", False)


@pytest.mark.parametrize(
    ("settings", "chat", "why"),
    [
        ({}, PRIVATE, ""),
        ({"dm_policy": "off"}, PRIVATE, "direct messages are off"),
        ({"dm_policy": "off", "owners": ["5"]}, PRIVATE, ""),
        ({"dm_policy": "off"}, GROUP, ""),
        ({"dm_policy": "allowlist"}, PRIVATE, "not on the allowlist"),
        ({"dm_policy": "allowlist", "allow": ["5"]}, PRIVATE, ""),
        ({"dm_policy": "allowlist", "owners": ["5"]}, PRIVATE, ""),
        ({"allow": ["-70"]}, GROUP, ""),
        ({"allow": ["-70"]}, PRIVATE, "not allowed"),
        ({"allow": ["-70"]}, SUPER, "not allowed"),
        ({"allow": ["5"]}, SUPER, ""),
        ({"allow": ["6"], "owners": ["5"]}, SUPER, ""),
        ({"deny": ["5"], "owners": ["5"]}, SUPER, ""),
        ({"deny": ["5"], "owners": ["5"]}, PRIVATE, ""),
        ({"deny": ["-1001"], "owners": ["5"]}, SUPER, "denied"),
        ({"deny": ["server:-1001"]}, SUPER, "denied"),
        ({"deny": ["channel:-1001"]}, SUPER, "denied"),
        ({"deny": ["user:-1001"]}, SUPER, ""),
        ({"deny": ["user:5"]}, PRIVATE, "denied"),
        ({"deny": ["channel:5"]}, PRIVATE, ""),
        ({"allow": ["user:5"], "dm_policy": "pairing"}, PRIVATE, ""),
        ({"deny": ["-1001"]}, SUPER, "denied"),
        ({"deny": ["-70"]}, SUPER, ""),
    ],
)
def test_who_may_talk(settings: Json, chat: Json, why: str) -> None:
    for kind in ("message", "edited_message"):
        found = event(kind, said(chat, text="hi"), **settings)
        assert (found.reason if isinstance(found, Skipped) else "") == why


def test_topic_can_be_allowed() -> None:
    topic = said(SUPER, text="x", message_thread_id=3, is_topic_message=True)
    assert isinstance(event("message", topic, allow=["-1001-3"]), InboundMessage)
    assert isinstance(event("message", said(SUPER, text="x"), allow=["-1001-3"]), Skipped)


def test_edit() -> None:
    found = event(
        "edited_message", said(GROUP, edit_date=DATE + 60, **mention("@eliza_bot new", "@eliza_bot"))
    )
    assert isinstance(found, InboundEdit)
    assert (found.event_key, found.content.text) == ("-70/11", "new")
    assert found.edited_at == datetime.fromtimestamp(DATE + 60, UTC)
    assert reason("edited_message", said(sender=ME, text="x")) == "own message"


@pytest.mark.parametrize(
    ("fields", "names"),
    [
        ({"new_chat_title": "Better"}, ["Club"]),
        ({"group_chat_created": True}, ["Club"]),
        ({"new_chat_members": [BOB, ME]}, ["Club", "Bob"]),
        (
            {
                "message_thread_id": 3,
                "is_topic_message": True,
                "forum_topic_created": {"name": "News", "icon_color": 1},
            },
            ["News"],
        ),
        (
            {"message_thread_id": 3, "is_topic_message": True, "forum_topic_edited": {"name": "Old news"}},
            ["Old news"],
        ),
    ],
)
def test_places(fields: Json, names: list[str]) -> None:
    found, *people = events("message", said(SUPER, **fields))
    assert isinstance(found, InboundPlaces)
    assert found.world is not None
    assert (found.world.key, found.world.name) == ("-1001", "Club")
    told = [each.person.name for each in people if isinstance(each, InboundMembership) and each.person]
    assert [room.name for room in found.rooms] + told == names


def test_places_of_denied_chats_are_not_kept() -> None:
    assert reason("message", said(GROUP, new_chat_title="Better"), deny=["-70"]) == "denied"
