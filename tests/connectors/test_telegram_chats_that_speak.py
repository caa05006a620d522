"""What is said in a chat's name on Telegram: anonymous administrators, channels, inline bots."""

from typing import Any

import pytest

from bot_host.connector import InboundMessage, MentionType, Quote, Skipped
from connectors.telegram.reasons import MEANINGS
from tests.connectors.telegram_samples import ANN, CHANNEL, DATE, GROUP, ME, event, mention, message, said
from tests.fakes.telegram_world import GROUP_ANONYMOUS_BOT, Json

TELEGRAM: Json = {"id": 777000, "is_bot": False, "first_name": "Telegram"}
CHANNEL_BOT: Json = {"id": 136817688, "is_bot": True, "first_name": "Channel", "username": "Channel_Bot"}
INLINE: Json = {"id": 8, "is_bot": True, "first_name": "GIF", "username": "gif"}
CALL = mention("@Eliza_Bot what is new?", "@Eliza_Bot")
ORIGIN = {"type": "channel", "date": DATE, "chat": CHANNEL, "message_id": 4}
LINKED = said(
    GROUP, TELEGRAM, sender_chat=CHANNEL, is_automatic_forward=True, forward_origin=ORIGIN, text="news"
)


def end(kind: str, value: Json, **settings: Any) -> tuple[str, str, bool]:
    """Why it is refused, why it is only noted, whether it turns to the bot."""
    found = event(kind, value, **settings)
    if isinstance(found, Skipped):
        assert found.reason in MEANINGS
        return found.reason, "", False
    assert isinstance(found, InboundMessage)
    assert found.content.mention_context is not None
    return "", found.unanswered, found.content.mention_context.is_mention


@pytest.mark.parametrize(
    ("policy", "post", "outcome"),
    [
        ("mentions", {"text": "news"}, ("", "channel post", False)),
        ("mentions", CALL, ("", "", True)),
        ("note", CALL, ("", "channel post", True)),
        ("answer", {"text": "news"}, ("", "", True)),
        ("ignore", CALL, ("channel post", "", False)),
    ],
)
def test_posts_of_channels(policy: str, post: Json, outcome: tuple[str, str, bool]) -> None:
    value = said(CHANNEL, None, sender_chat=CHANNEL, **post)
    assert end("channel_post", value, channel_posts=policy) == outcome
    if policy == "mentions":
        assert end("channel_post", value) == outcome


def test_posts_that_are_all_answered_count_as_a_bots() -> None:
    value = said(CHANNEL, None, sender_chat=CHANNEL, text="news")
    for policy, is_bot in (("answer", True), ("mentions", False)):
        found = event("channel_post", value, channel_posts=policy)
        assert isinstance(found, InboundMessage)
        assert found.sender.is_bot is is_bot


@pytest.mark.parametrize(
    ("policy", "outcome"),
    [
        ("ignore", ("automatic forward", "", False)),
        ("note", ("", "automatic forward", False)),
        ("answer", ("", "", True)),
    ],
)
def test_posts_of_the_linked_channel(policy: str, outcome: tuple[str, str, bool]) -> None:
    assert end("message", LINKED, linked_posts=policy) == outcome
    assert end("message", LINKED)[0] == "automatic forward"
    found = event("message", LINKED, linked_posts=policy)
    if isinstance(found, InboundMessage):
        assert (found.sender.name, found.content.text, found.content.quotes) == ("Daily", "news", [])
        assert found.target.reply_to == "11"


@pytest.mark.parametrize(
    ("sender", "chat", "key", "reason"),
    [
        (GROUP_ANONYMOUS_BOT, GROUP, "anonymous_admins", "anonymous administrator"),
        (CHANNEL_BOT, CHANNEL, "channel_senders", "message of a channel"),
    ],
)
def test_who_writes_in_a_chats_name(sender: Json, chat: Json, key: str, reason: str) -> None:
    value = said(GROUP, sender, sender_chat=chat, **CALL)
    assert end("message", value) == ("", "", True)
    assert end("message", value, **{key: "ignore"}) == (reason, "", False)
    found = event("message", value)
    assert isinstance(found, InboundMessage)
    # The id of a chat: no person has it, and owners are persons.
    assert (found.sender.key, found.sender.is_bot) == (str(chat["id"]), False)
    with pytest.raises(ValueError, match="owners"):
        event("message", value, owners=[str(chat["id"])])


def test_what_comes_through_an_inline_bot_is_not_its_senders_words() -> None:
    found = message(GROUP, via_bot=INLINE, **CALL)
    assert found.sender.key == str(ANN["id"])
    assert (found.content.text, found.content.quotes) == (
        "",
        [Quote(kind="forward", author="@gif", text="@Eliza_Bot what is new?")],
    )
    assert found.content.mention_context is not None
    assert found.content.mention_context.mention_type is MentionType.NONE
    own = message(GROUP, via_bot=ME, text="x")
    assert own.content.text == "x"


def test_direct_messages_to_a_channel_are_its_owners() -> None:
    chat = {"id": -1009, "type": "supergroup", "title": "Daily", "is_direct_messages": True}
    value = said(chat, direct_messages_topic={"topic_id": 5, "user": ANN}, **CALL)
    assert end("message", value) == ("direct message to a channel", "", False)
