"""Albums: several updates, one message."""

from typing import Any

import pytest

from bot_host.connector import InboundEdit, InboundMessage
from connectors.telegram.albums import SETTLE_S
from tests.connectors.telegram_samples import ANN, GROUP, SUPER, event, mention, message, said
from tests.fakes.telegram_world import Json


def shot(number: int, chat: Json = SUPER, **fields: Any) -> Json:
    """One picture of an album."""
    photo = [{"file_id": f"F{number}", "file_unique_id": f"U{number}", "width": 1, "height": 1}]
    return said(chat, ANN, message_id=number, media_group_id="7", photo=photo, **fields)


def taken(number: int, **fields: Any) -> InboundMessage:
    found = event("message", shot(number, **fields))
    assert isinstance(found, InboundMessage)
    return found


def test_each_item_is_a_piece_of_the_same_message() -> None:
    first, second = taken(11), taken(12)
    assert (first.event_key, second.event_key) == ("-1001/11", "-1001/12")
    assert first.memory_key == second.memory_key == "-1001:album:7"
    assert first.joins is not None
    assert (first.joins.key, first.joins.place, first.joins.settle_s) == ("-1001/album:7", 11, SETTLE_S)
    assert second.joins is not None
    assert (second.joins.key, second.joins.place) == ("-1001/album:7", 12)
    # Basic groups count their messages per bot.
    assert taken(11, chat=GROUP).memory_key == "99:-70:album:7"


def test_an_album_says_its_captions_and_not_what_its_files_are() -> None:
    assert taken(11).content.text == ""
    assert [media.id for media in taken(11).content.attachments] == ["F11"]
    assert taken(12, caption="the garden").content.text == "the garden"
    quoted = said(SUPER, {"id": 6, "is_bot": False, "first_name": "Bob"}, message_id=5, text="show me")
    replied = taken(11, reply_to_message=quoted)
    assert "[photo]" not in replied.content.text
    assert replied.replied_memory_key == "-1001:5"


def test_a_caption_turns_to_the_agent_for_its_album() -> None:
    text = mention("@Eliza_Bot what is this", "@Eliza_Bot")
    found = taken(11, caption=text["text"], caption_entities=text["entities"])
    assert found.content.mention_context is not None
    assert (found.content.mention_context.is_mention, found.content.text) == (True, "what is this")


def test_a_reply_to_any_item_is_one_to_the_album() -> None:
    for number in (11, 12):
        found = message(SUPER, text="nice", reply_to_message=shot(number))
        assert found.replied_memory_key == "-1001:album:7"


def test_an_edited_caption_is_one_of_its_item() -> None:
    found = event("edited_message", shot(12, caption="better", edit_date=1_700_000_009))
    assert isinstance(found, InboundEdit)
    assert (found.event_key, found.content.text) == ("-1001/12", "better")
    found = event("edited_message", shot(12, edit_date=1_700_000_009))
    assert isinstance(found, InboundEdit)
    assert found.content.text == ""


@pytest.mark.parametrize("fields", [{"text": "hi"}, {"sticker": None, "text": "hi"}])
def test_what_stands_alone_joins_nothing(fields: Json) -> None:
    found = message(SUPER, **{key: value for key, value in fields.items() if value})
    assert (found.joins, found.memory_key) == (None, "-1001:11")


def test_what_an_album_shows_of_unknown_files_stays_said() -> None:
    story = said(SUPER, ANN, media_group_id="7", story={"chat": SUPER, "id": 1})
    found = event("message", story)
    assert isinstance(found, InboundMessage)
    assert (found.content.text, found.content.attachments) == ("[story of Club]", [])
