"""The backlog at Telegram, and parts that may have arrived there."""

import time

import pytest

from bot_host.connector import Content, InboundMessage, RepeatingConnector, Target
from bot_host.testing.connector import RecordingHost
from connectors.telegram.client import TelegramConnector
from connectors.telegram.config import TelegramConfig
from connectors.telegram.encode import REPEAT, TEXT_LIMIT, encode, mark_repeat
from connectors.telegram.markup import utf16_len
from tests.connectors.test_telegram_live import ann, fake, host, make, private, running, texts
from tests.fakes.telegram import FakeTelegram
from tests.fakes.telegram_world import Chat, User

__all__ = ["ann", "fake", "host", "private"]

HERE = Target(source="telegram", channel_id="1")


def missed(host: RecordingHost) -> list[str]:
    return [event.content.text for event in host.missed if isinstance(event, InboundMessage)]


async def test_what_waited_is_missed_and_what_comes_then_is_live(
    fake: FakeTelegram, host: RecordingHost, ann: User, private: Chat
) -> None:
    for n in range(230):
        await fake.say(private, ann, f"waiting {n}", date=int(time.time()) - 7200)
    connector = make(fake)
    async with running(connector, host):
        await host.wait_caught_up()
        assert missed(host) == [f"waiting {n}" for n in range(230)]
        assert {message.sent_at.timestamp() < time.time() - 7000 for message in host.messages} == {True}
        await fake.say(private, ann, "live")
        await host.wait_for(InboundMessage, 231)
        assert len(missed(host)) == 230
        assert host.gaps_closed == 1
    # Nothing of the backlog was asked to be dropped.
    assert not any("drop_pending_updates" in call.params for call in fake.calls)


async def test_after_an_outage_what_waited_is_missed_too(
    fake: FakeTelegram, host: RecordingHost, ann: User, private: Chat
) -> None:
    connector = make(fake)
    async with running(connector, host):
        await fake.bot.updates.wait_polling()
        await fake.say(private, ann, "live")
        await host.wait_for(InboundMessage)
        await fake.stop()
        await fake.say(private, ann, "in between")
        await fake.start()
        await host.wait_for(InboundMessage, 2)
        await host.wait_caught_up(2)
        assert texts(host) == ["live", "in between"]
        assert missed(host) == ["in between"]


async def test_a_backlog_that_cannot_be_stored_at_first_stays_missed(
    fake: FakeTelegram, host: RecordingHost, ann: User, private: Chat
) -> None:
    await fake.say(private, ann, "waiting")
    host.fail_next = 2
    connector = make(fake)
    async with running(connector, host):
        await host.wait_caught_up()
        assert missed(host) == texts(host) == ["waiting"]


async def test_a_new_user_name_counts_from_the_next_login_on(
    fake: FakeTelegram, host: RecordingHost, ann: User
) -> None:
    club = fake.world.supergroup("Club")
    async with running(make(fake), host):
        await host.wait_connected()
        fake.bot.user.username = "new_name_bot"
        fake.fail("getUpdates")
        await fake.wait_for_call("getMe", count=2, answered=True)
        await fake.say(club, ann, "@new_name_bot, are you there?")
        [found] = await host.wait_for(InboundMessage)
    assert found.content.mention_context is not None
    assert found.content.mention_context.is_mention
    assert found.content.text == "are you there?"


def test_a_repeat_is_marked_if_it_is_wanted(fake: FakeTelegram) -> None:
    [payload] = encode(Content(text="**hello** & more"), HERE)
    for wanted in (True, False):
        connector = make(fake, resend_unknown=wanted)
        assert isinstance(connector, RepeatingConnector)
        again = connector.repeated(payload)
        if wanted:
            assert again == {"html": "↻ <b>hello</b> &amp; more", "plain": "↻ **hello** & more"}
        else:
            assert again is None
    assert TelegramConfig().resend_unknown


async def test_a_marked_repeat_is_taken(fake: FakeTelegram, private: Chat) -> None:
    connector: TelegramConnector = make(fake)
    target = Target(source="telegram", channel_id=str(private.id), reply_to="7")
    [payload] = connector.encode(Content(text="**hello** & more"), target)
    again = connector.repeated(payload)
    assert again is not None
    await connector.send(again, target, key="k")
    await connector.close()
    [message] = fake.sent
    assert (message.text, message.marked("bold")) == ("↻ hello & more", ["hello"])
    assert "reply_parameters" in message.request


@pytest.mark.parametrize("text", ["x" * TEXT_LIMIT, "🙂" * (TEXT_LIMIT // 2), "&" * TEXT_LIMIT])
async def test_a_full_message_is_repeated_as_it_is(fake: FakeTelegram, private: Chat, text: str) -> None:
    connector = make(fake)
    [payload] = connector.encode(Content(text=text), HERE)
    assert mark_repeat(payload) == payload
    shorter = connector.encode(Content(text=text[: -len(REPEAT)]), HERE)[0]
    again = mark_repeat(shorter)
    assert again["plain"].startswith(REPEAT)
    assert utf16_len(again["plain"]) <= TEXT_LIMIT
    await connector.send(again, Target(source="telegram", channel_id=str(private.id)), key="k")
    await connector.close()
    assert fake.sent[0].text.startswith(REPEAT)
