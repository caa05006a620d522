"""Every kind of message reaches the model in words or as a file; notices have a rule each."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from telegram import Chat, Message, Update

from bot_host.connector import Content, InboundEdit, InboundMessage, MediaType, Skipped
from connectors.telegram.config import TelegramConfig
from connectors.telegram.content import Me
from connectors.telegram.decode import decode
from connectors.telegram.kinds import ABOUT, FORMS, NOTED, PLACES, QUOTED, SILENT, WORDS
from connectors.telegram.places import View
from connectors.telegram.rich import rich_text
from tests.connectors.telegram_samples import ANN, BOB, CHANNEL, DATE, GROUP, event, message, said
from tests.fakes.telegram_world import Json

FILE = {"file_id": "F1", "file_unique_id": "U1"}
SIZE = {"width": 1, "height": 1}
PHOTO = [{**FILE, **SIZE}]
STILL = {"file_id": "F2", "file_unique_id": "U2", "width": 9, "height": 9}
PLACE = {"longitude": 13.4, "latitude": 52.5}
STICKER = {**FILE, **SIZE, "is_animated": False, "is_video": False, "type": "regular", "emoji": "😀"}
OPTIONS = [
    {"text": "yes", "voter_count": 0, "persistent_id": "a"},
    {"text": "no", "voter_count": 2, "persistent_id": "b"},
]
POLL: Json = {
    "id": "1",
    "question": "Tea?",
    "options": OPTIONS,
    "total_voter_count": 0,
    "is_closed": False,
    "is_anonymous": True,
    "type": "regular",
    "allows_multiple_answers": False,
    "allows_revoting": False,
    "members_only": False,
}
TASKS = [{"id": 1, "text": "milk"}, {"id": 2, "text": "tea", "completion_date": DATE}]
LIST: Json = {"title": "Groceries", "tasks": TASKS}
WON = {"chat": CHANNEL, "giveaway_message_id": 1, "winners_selection_date": DATE, "winner_count": 1}
PAID = {"currency": "XTR", "total_amount": 5, "invoice_payload": "x", "telegram_payment_charge_id": "c"}
RARE = {"name": "x", "sticker": STICKER, "rarity_per_mille": 1}
COLORS = {"center_color": 1, "edge_color": 1, "symbol_color": 1, "text_color": 1}

CONTENT: dict[str, list[tuple[Json, str, MediaType | None]]] = {
    "photo": [
        ({"photo": [*PHOTO, STILL]}, "[photo]", MediaType.IMAGE),
        ({"photo": PHOTO, "caption": "my cat"}, "my cat", MediaType.IMAGE),
    ],
    "live_photo": [
        ({"live_photo": {**FILE, **SIZE, "duration": 2, "photo": [STILL]}}, "[photo]", MediaType.IMAGE),
        ({"live_photo": {**FILE, **SIZE, "duration": 2}}, "[photo]", MediaType.VIDEO),
    ],
    "animation": [
        ({"animation": {**FILE, **SIZE, "duration": 1}, "document": FILE}, "[animation]", MediaType.VIDEO)
    ],
    "video": [({"video": {**FILE, **SIZE, "duration": 7}}, "[video, 7 s]", MediaType.VIDEO)],
    "video_note": [
        ({"video_note": {**FILE, "length": 1, "duration": 7}}, "[video message, 7 s]", MediaType.VIDEO)
    ],
    "voice": [({"voice": {**FILE, "duration": 7}}, "[voice message, 7 s]", MediaType.AUDIO)],
    "audio": [
        (
            {"audio": {**FILE, "duration": 7, "title": "Song", "performer": "Ana"}},
            "[audio: Ana, Song]",
            MediaType.AUDIO,
        ),
        ({"audio": {**FILE, "duration": 7}}, "[audio: 7 s]", MediaType.AUDIO),
    ],
    "document": [
        ({"document": {**FILE, "file_name": "a.pdf", "file_size": 3}}, "[file: a.pdf]", MediaType.DOCUMENT),
        ({"document": {**FILE, "mime_type": "image/png"}}, "[file: image/png]", MediaType.IMAGE),
    ],
    "sticker": [
        ({"sticker": {**STICKER, "set_name": "Cats"}}, "[sticker 😀, of the set Cats]", MediaType.IMAGE),
        ({"sticker": {**STICKER, "is_video": True, "thumbnail": STILL}}, "[sticker 😀]", MediaType.IMAGE),
        ({"sticker": {**STICKER, "is_animated": True}}, "[sticker 😀]", MediaType.IMAGE),
    ],
    "venue": [
        (
            {"venue": {"location": PLACE, "title": "Café", "address": "Street 1"}, "location": PLACE},
            "[place: Café, Street 1; 52.50000, 13.40000]",
            None,
        )
    ],
    "location": [
        ({"location": PLACE}, "[location: 52.50000, 13.40000]", None),
        (
            {"location": {**PLACE, "live_period": 900}},
            "[live location, shared for 900 s: 52.50000, 13.40000]",
            None,
        ),
        (
            {"location": {**PLACE, "live_period": 0x7FFFFFFF}},
            "[live location, shared until it is ended: 52.50000, 13.40000]",
            None,
        ),
    ],
    "contact": [({"contact": {"phone_number": "+49", "first_name": "Bob"}}, "[contact: Bob, +49]", None)],
    "poll": [
        ({"poll": POLL}, "[poll: Tea?; options: yes / no]", None),
        (
            {"poll": {**POLL, "total_voter_count": 2, "is_anonymous": False, "is_closed": True}},
            "[poll: Tea?; options: yes (0 votes) / no (2 votes) (votes are public, closed)]",
            None,
        ),
        (
            {"poll": {**POLL, "type": "quiz", "correct_option_ids": [0], "allows_multiple_answers": True}},
            "[quiz: Tea?; options: yes (correct) / no (several answers)]",
            None,
        ),
    ],
    "dice": [({"dice": {"emoji": "🎲", "value": 4}}, "[dice 🎲 4]", None)],
    "checklist": [({"checklist": LIST}, "[checklist: Groceries: [ ] milk / [x] tea]", None)],
    "game": [
        ({"game": {"title": "Snake", "description": "Eat.", "photo": PHOTO}}, "[game: Snake: Eat.]", None)
    ],
    "invoice": [
        (
            {
                "invoice": {
                    "title": "Tea",
                    "description": "green",
                    "start_parameter": "",
                    "currency": "EUR",
                    "total_amount": 250,
                }
            },
            "[invoice: Tea, green, 250 EUR in its smallest unit]",
            None,
        )
    ],
    "story": [({"story": {"chat": CHANNEL, "id": 1}}, "[story of Daily]", None)],
    "paid_media": [
        (
            {
                "paid_media": {"star_count": 5, "paid_media": [{"type": "photo", "photo": PHOTO}]},
                "caption": "look",
            },
            "look",
            MediaType.IMAGE,
        ),
        (
            {"paid_media": {"star_count": 5, "paid_media": [{"type": "preview"}]}, "caption": "look"},
            "look\n[paid media, 5 Telegram Stars]",
            None,
        ),
    ],
    "giveaway": [
        (
            {
                "giveaway": {
                    "chats": [CHANNEL],
                    "winners_selection_date": DATE,
                    "winner_count": 3,
                    "prize_star_count": 50,
                }
            },
            "[giveaway: 50 Telegram Stars, 3 winners]",
            None,
        )
    ],
    "giveaway_winners": [
        (
            {"giveaway_winners": {**WON, "winners": [BOB], "premium_subscription_month_count": 3}},
            "[giveaway has ended: 3 months of Telegram Premium; winners: Bob]",
            None,
        )
    ],
    "gift": [
        (
            {"gift": {"gift": {"id": "g", "sticker": STICKER, "star_count": 15}, "text": "for you"}},
            "[gift 😀, 15 Telegram Stars, for you]",
            None,
        )
    ],
    "unique_gift": [
        (
            {
                "unique_gift": {
                    "origin": "transfer",
                    "gift": {
                        "gift_id": "1",
                        "base_name": "Rose",
                        "name": "rose",
                        "number": 7,
                        "model": RARE,
                        "symbol": RARE,
                        "backdrop": {"name": "x", "rarity_per_mille": 1, "colors": COLORS},
                    },
                }
            },
            "[gift: Rose #7]",
            None,
        )
    ],
    "web_app_data": [
        (
            {"web_app_data": {"data": '{"size": "L"}', "button_text": "Order"}},
            '[sent from the app behind Order: {"size": "L"}]',
            None,
        )
    ],
    "users_shared": [
        (
            {
                "users_shared": {
                    "request_id": 1,
                    "users": [{"user_id": 6, "first_name": "Bob"}, {"user_id": 7}],
                }
            },
            "[shared people: Bob (6) / user 7 (7)]",
            None,
        )
    ],
    "chat_shared": [
        (
            {"chat_shared": {"request_id": 1, "chat_id": -5, "title": "Club"}},
            "[shared a chat: Club, -5]",
            None,
        )
    ],
    "successful_payment": [
        (
            {"successful_payment": {**PAID, "provider_payment_charge_id": "p"}},
            "[paid 5 XTR in its smallest unit]",
            None,
        )
    ],
}
NOTES: dict[str, tuple[Json, str]] = {
    "checklist_tasks_done": (
        {
            "checklist_message": said(checklist=LIST),
            "marked_as_done_task_ids": [1, 9],
            "marked_as_not_done_task_ids": [2],
        },
        "[checklist Groceries: marked as done: milk / task 9; marked as not done: tea]",
    ),
    "checklist_tasks_added": ({"tasks": TASKS}, "[added to a checklist: milk / tea]"),
    "poll_option_added": ({"option_persistent_id": "c", "option_text": "maybe"}, "[added to a poll: maybe]"),
    "poll_option_deleted": ({"option_persistent_id": "c", "option_text": "no"}, "[taken from a poll: no]"),
    "proximity_alert_triggered": (
        {"traveler": BOB, "watcher": ANN, "distance": 80},
        "[Bob is within 80 m of Ann Lee]",
    ),
    "refunded_payment": (PAID, "[was paid back 5 XTR in its smallest unit]"),
    "giveaway_created": ({"prize_star_count": 5}, "[a giveaway was announced]"),
    "giveaway_completed": ({"winner_count": 2}, "[a giveaway has ended with 2 winners]"),
}


def test_every_attribute_of_the_librarys_message_has_a_rule() -> None:
    ruled = [*FORMS, *NOTED, *PLACES, *SILENT, *WORDS, *QUOTED, *ABOUT]
    assert len(ruled) == len(set(ruled))
    known = {name for name in Message.__slots__ if not name.startswith("_")}
    assert known - set(ruled) == set(), "new in the library: say in kinds.py what becomes of it"
    assert set(ruled) - known == set(), "gone from the library"
    assert (set(CONTENT), set(NOTES)) == (set(FORMS), set(NOTED)), "each has a sample here"


@pytest.mark.parametrize(
    ("fields", "text", "kind"),
    [sample for samples in CONTENT.values() for sample in samples],
    ids=[f"{name}-{place}" for name, samples in CONTENT.items() for place in range(len(samples))],
)
def test_every_kind_is_words_or_a_file(fields: Json, text: str, kind: MediaType | None) -> None:
    for chat in (GROUP, {"id": 5, "type": "private"}):
        found = message(chat, **fields)
        assert found.content.text == text
        assert [media.content_type for media in found.content.attachments] == ([] if kind is None else [kind])
        assert all(media.id.startswith("F") and media.url == "" for media in found.content.attachments)
        assert found.unanswered == ""


@pytest.mark.parametrize("name", NOTES)
def test_notices_of_what_was_said_are_remembered_without_a_turn(name: str) -> None:
    value, text = NOTES[name]
    found = message(**{name: value})
    assert (found.content.text, found.unanswered) == (text, f"service: {name}")


@pytest.mark.parametrize("name", SILENT)
def test_other_notices_are_skipped_by_name(name: str) -> None:
    # Each has a shape of its own; only that it is there counts.
    notice: Any = {name: (1,)}
    found = Message(11, datetime.fromtimestamp(DATE, UTC), Chat(-70, "group"), **notice)
    view = View(me=Me(id=99, username="Eliza_Bot"), config=TelegramConfig())
    assert decode(Update(1, message=found), view) == Skipped(reason=f"service: {name}", event_key="-70/11")


def test_the_picture_of_a_sticker_is_one_that_models_can_look_at() -> None:
    def picture(**more: Any) -> tuple[str, bool]:
        [media] = message(sticker={**STICKER, **more}).content.attachments
        return media.id, media.silent

    assert picture() == ("F1", False)
    assert picture(is_video=True, thumbnail=STILL) == ("F2", False)
    assert picture(is_animated=True) == ("F1", True)
    [media] = message(sticker={**STICKER, "is_video": True, "thumbnail": STILL}).content.attachments
    assert media.lasting_id == "telegram:U1"
    [photo] = message(photo=PHOTO).content.attachments
    assert photo.lasting_id is None


def test_the_largest_photo_is_kept() -> None:
    [media] = message(photo=[*PHOTO, {**STILL, "file_size": 100}]).content.attachments
    assert (media.id, media.size) == ("F2", 100)


def test_a_kind_that_nobody_knows_yet_is_named() -> None:
    found = message(hologram={"x": 1}, is_shiny=True)
    assert found.content.text == "[hologram: a kind of message that cannot be shown here]"


def test_a_place_that_moves_is_followed_quietly() -> None:
    found = event("edited_message", said(location={**PLACE, "live_period": 900}, edit_date=DATE + 9))
    assert isinstance(found, InboundEdit)
    assert found.quiet
    found = event("edited_message", said(text="new", edit_date=DATE + 9))
    assert isinstance(found, InboundEdit)
    assert not found.quiet


RICH: Json = {
    "blocks": [
        {"type": "heading", "size": 2, "text": ["Tea ", {"type": "bold", "text": "today"}]},
        {
            "type": "paragraph",
            "text": [
                "See ",
                {"type": "url", "text": "this", "url": "https://a.example/"},
                {"type": "custom_emoji", "custom_emoji_id": "1", "alternative_text": "🍵"},
                {"type": "mathematical_expression", "expression": "x^2"},
            ],
        },
        {"type": "pre", "language": "python", "text": "print(1)"},
        {
            "type": "list",
            "items": [
                {"label": "1.", "blocks": [{"type": "paragraph", "text": "boil"}]},
                {
                    "label": "2.",
                    "has_checkbox": True,
                    "is_checked": True,
                    "blocks": [{"type": "paragraph", "text": "pour"}, {"type": "paragraph", "text": "wait"}],
                },
            ],
        },
        {"type": "table", "cells": [[{"text": "kind"}, {"text": "min"}], [{"text": "green"}, {"text": "2"}]]},
        {"type": "blockquote", "blocks": [{"type": "paragraph", "text": "so"}], "credit": "Bob"},
        {"type": "details", "summary": "More", "blocks": [{"type": "paragraph", "text": "hidden"}]},
        {"type": "photo", "photo": [{**FILE, **SIZE}, STILL], "caption": {"text": "a cup"}},
        {"type": "map", "location": PLACE, "zoom": 13},
        {"type": "divider"},
        {"type": "buttons", "buttons": [{"text": "Yes", "callback_data": "y"}]},
        {"type": "from_the_future", "text": "new", "blocks": [{"type": "paragraph", "text": "inner"}]},
    ]
}
READ = """\
## Tea today

See this (https://a.example/)🍵$x^2$

```python
print(1)
```

1. boil
2. [x] pour
  wait

kind | min
green | 2

> so
Bob

More
hidden

[photo]
a cup

[map: 52.5, 13.4]

[Yes]

new
inner"""


def test_a_rich_message_is_read_block_by_block() -> None:
    found = message(rich_message=RICH).content
    assert found.text == READ
    assert [(media.id, media.content_type) for media in found.attachments] == [("F2", MediaType.IMAGE)]
    quoted = message(GROUP, text="ok?", reply_to_message=said(GROUP, BOB, rich_message=RICH)).content
    assert quoted.quotes[0].text == found.text
    assert [media.quoted for media in quoted.quotes[0].attachments] == [True]


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["type", "text", "blocks", "items", "cells", "caption", "summary", "buttons", "location"]
            ),
            inner
            | st.sampled_from(
                ["list", "table", "photo", "details", "map", "buttons", "blockquote", "heading"]
            ),
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(st.lists(_JSON, max_size=4))
def test_no_rich_message_stops_the_others(blocks: Any) -> None:
    assert isinstance(rich_text({"blocks": blocks}), str)
    found = event("message", said(rich_message={"blocks": blocks}))
    assert isinstance(found, InboundMessage | Skipped)


def test_a_rich_message_nested_without_end_is_cut() -> None:
    block: Json = {"type": "paragraph", "text": "deep"}
    for _ in range(200):
        block = {"type": "details", "summary": "x", "blocks": [block]}
    found = message(rich_message={"blocks": [block]}).content
    assert isinstance(found, Content)
    assert "deep" not in found.text
    text: Json = {"type": "bold", "text": "deep"}
    for _ in range(200):
        text = {"type": "bold", "text": [text]}
    assert rich_text({"blocks": [{"type": "paragraph", "text": ["x", text]}]}) == "x"
