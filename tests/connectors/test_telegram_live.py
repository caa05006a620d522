"""The Telegram connector against the fake Telegram: real library, real HTTP."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from bot_host.connector import (
    ChannelType,
    Content,
    InboundEdit,
    InboundMessage,
    InboundPlaces,
    LoginError,
    Skipped,
    Target,
)
from bot_host.testing.connector import RecordingHost
from connectors.telegram.client import TelegramConnector
from connectors.telegram.config import TelegramConfig
from tests.fakes.telegram import FakeTelegram
from tests.fakes.telegram_world import Chat, User


@pytest.fixture
async def fake() -> AsyncIterator[FakeTelegram]:
    async with FakeTelegram() as server:
        yield server


@pytest.fixture
def ann(fake: FakeTelegram) -> User:
    return fake.world.user("Ann", last_name="Lee", username="ann")


@pytest.fixture
def private(fake: FakeTelegram, ann: User) -> Chat:
    return fake.world.private(ann)


@pytest.fixture
async def host(tmp_path: Path) -> AsyncIterator[RecordingHost]:
    recording = RecordingHost(tmp_path)
    yield recording
    await recording.tasks.close()


def make(fake: FakeTelegram, **settings: Any) -> TelegramConnector:
    config = TelegramConfig(token=fake.token, api_base=fake.url, **settings)
    return TelegramConnector(config, backoff_base_s=0.01, backoff_cap_s=0.02)


@asynccontextmanager
async def running(connector: TelegramConnector, host: RecordingHost) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(connector.run(host))
    try:
        yield task
    finally:
        await connector.stop_intake()
        await asyncio.gather(task, return_exceptions=True)
        await connector.close()


def texts(host: RecordingHost) -> list[str]:
    return [message.content.text for message in host.messages]


async def test_a_message_and_its_answer(
    fake: FakeTelegram, host: RecordingHost, ann: User, private: Chat
) -> None:
    connector = make(fake)
    async with running(connector, host):
        account = await host.wait_connected()
        assert (account.key, account.name) == (f"telegram:{fake.bot.user.id}", "Fake Bot")
        said = await fake.say(private, ann, "hello")
        (message,) = await host.wait_for(InboundMessage)
        assert (message.content.text, message.sender.name, message.room.type) == (
            "hello",
            "Ann Lee",
            ChannelType.DM,
        )
        await connector.typing(message.target)
        (payload,) = connector.encode(Content(text="**hi** <you>"), message.target)
        sent = await connector.send(payload, message.target, key="k")
    answer = fake.sent[0]
    assert (answer.text, answer.marked("bold"), answer.reply_to) == ("hi <you>", ["hi"], None)
    assert sent.platform_message_id == str(answer.message_id)
    assert fake.called("sendChatAction")[0].params["action"] == "typing"
    assert message.message_id == str(said["message_id"])
    assert '"is_disabled": true' in answer.request["link_preview_options"]


async def test_offset_moves_only_after_the_commit(
    fake: FakeTelegram, host: RecordingHost, ann: User, private: Chat
) -> None:
    connector = make(fake)
    host.open_gate.clear()
    await fake.say(private, ann, "one")
    first = fake.bot.updates.pending[0]["update_id"]
    async with running(connector, host):
        await host.wait_connected()
        await fake.say(private, ann, "two")
        assert not fake.bot.updates.polling
        assert [u["update_id"] for u in fake.bot.updates.pending] == [first, first + 1]
        assert fake.bot.updates.confirmed_up_to < first
        host.open_gate.set()
        await host.wait_for(InboundMessage, 2)
        await fake.bot.updates.wait_confirmed(first + 1)
    assert texts(host) == ["one", "two"]


async def test_store_failure_brings_the_updates_again(
    fake: FakeTelegram, host: RecordingHost, ann: User, private: Chat
) -> None:
    host.fail_next = 2
    await fake.say(private, ann, "one")
    await fake.say(private, ann, "two")
    async with running(make(fake), host):
        await host.wait_for(InboundMessage, 2)
    assert texts(host) == ["one", "two"]
    # Asked three times with the old offset, and only then with the next.
    offsets = [call.params.get("offset") for call in fake.called("getUpdates")]
    assert offsets[:3] == [None, None, None]
    assert offsets[3] is not None
    assert fake.bot.updates.pending == []


async def test_nothing_lost_over_restarts(
    fake: FakeTelegram, host: RecordingHost, ann: User, private: Chat
) -> None:
    await fake.say(private, ann, "while away")
    async with running(make(fake), host):
        await host.wait_for(InboundMessage, 1)
    # What was committed has been confirmed on the way out, what came later has not.
    assert fake.bot.updates.pending == []
    await fake.say(private, ann, "away again")
    async with running(make(fake), host):
        await host.wait_for(InboundMessage, 2)
    assert texts(host) == ["while away", "away again"]
    assert not any("drop_pending" in call.params for call in fake.calls)


async def test_stopped_while_storing_confirms_what_was_stored(
    fake: FakeTelegram, host: RecordingHost, ann: User, private: Chat
) -> None:
    connector = make(fake)
    host.open_gate.clear()
    await fake.say(private, ann, "last words")
    async with running(connector, host) as task:
        await host.wait_connected()
        await connector.stop_intake()
        assert len(fake.bot.updates.pending) == 1
        host.open_gate.set()
        await task
    assert texts(host) == ["last words"]
    assert fake.bot.updates.pending == []
    assert fake.called("getUpdates")[-1].params["timeout"] == "0"


async def test_killed_between_fetch_and_commit(
    fake: FakeTelegram, host: RecordingHost, ann: User, private: Chat, tmp_path: Path
) -> None:
    connector, blocked = make(fake), RecordingHost(tmp_path)
    blocked.open_gate.clear()
    await fake.say(private, ann, "precious")
    task = asyncio.create_task(connector.run(blocked))
    await fake.wait_for_call("getUpdates", answered=True)
    await blocked.wait_connected()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await connector.close()
    assert len(fake.bot.updates.pending) == 1
    async with running(make(fake), host):
        await host.wait_for(InboundMessage)
    assert texts(host) == ["precious"]


async def test_stop_ends_the_poll_and_sending_still_works(
    fake: FakeTelegram, host: RecordingHost, ann: User, private: Chat
) -> None:
    connector = make(fake)
    async with running(connector, host) as task:
        await fake.bot.updates.wait_polling()
        await connector.stop_intake()
        await connector.stop_intake()
        await task
        await fake.say(private, ann, "too late")
        await connector.send({"html": "bye", "plain": "bye"}, to(private), key="k")
        assert host.messages == []
        assert len(fake.bot.updates.pending) == 1
    # Once stopped it stays stopped.
    await asyncio.wait_for(connector.run(host), 5)
    await connector.close()


def to(chat: Chat) -> Target:
    return Target(source="telegram", channel_id=str(chat.id))


async def test_wrong_token_is_for_good(fake: FakeTelegram, host: RecordingHost) -> None:
    config = TelegramConfig(token="999:not-the-token", api_base=fake.url)
    connector = TelegramConnector(config)
    with pytest.raises(LoginError, match="token is refused") as caught:
        await connector.run(host)
    await connector.close()
    assert "not-the-token" not in str(caught.value)
    assert host.account is None


async def test_revoked_while_polling(fake: FakeTelegram, host: RecordingHost) -> None:
    connector = make(fake)
    async with running(connector, host) as task:
        await fake.bot.updates.wait_polling()
        fake.revoke(fake.token)
        fake.cut()
        with pytest.raises(LoginError):
            await task


@pytest.mark.parametrize(
    ("break_it", "why"),
    [
        (lambda fake: fake.flood("getUpdates", retry_after=1), "wait 1 seconds"),
        (lambda fake: fake.fail("getUpdates", status=502, raw=b"<html>Bad Gateway</html>"), "Bad Gateway"),
        (
            lambda fake: fake.fail("getUpdates", status=200, raw=b'{"ok":true,"result":[{"upd'),
            "Invalid server",
        ),
        (lambda fake: fake.fail("getUpdates", status=200, raw=b"surprise"), "not an answer"),
        (lambda fake: fake.fail("getUpdates", status=200, raw=b'["result"]'), "Invalid server"),
        (lambda fake: fake.fail("getUpdates", status=200, raw=b'{"ok":true,"result":{"a":1}}'), "Invalid"),
        (lambda fake: fake.fail("getUpdates", status=200, raw=b'{"ok":true,"result":[{"x":1},7]}'), "ids"),
        (lambda fake: fake.fail("getUpdates", status=500, raw=b'{"parameters":7,"description":[1]}'), "1"),
        (lambda fake: fake.drop("getUpdates"), "no answer"),
        (lambda fake: fake.drop("getMe"), "no answer"),
        (lambda fake: fake.fail("getMe", status=503), "Internal Server Error"),
    ],
)
async def test_faults_pass(
    fake: FakeTelegram, host: RecordingHost, ann: User, private: Chat, break_it: Any, why: str
) -> None:
    break_it(fake)
    await fake.say(private, ann, "through the storm")
    async with running(make(fake), host):
        await host.wait_for(InboundMessage)
        await host.wait_connected()
    assert texts(host) == ["through the storm"]
    assert len(host.waits) == 1
    assert why in host.waits[0]


async def test_says_waiting_once_for_a_long_trouble(
    fake: FakeTelegram, host: RecordingHost, ann: User, private: Chat
) -> None:
    async with running(make(fake), host):
        await fake.bot.updates.wait_polling()
        fake.fail("getMe", status=500, times=5)
        fake.cut()
        await fake.say(private, ann, "hello")
        await host.wait_for(InboundMessage)
    assert len(fake.called("getMe")) == 7
    assert len(host.waits) == 1


async def test_network_gone_in_mid_poll_and_back(
    fake: FakeTelegram, host: RecordingHost, ann: User, private: Chat
) -> None:
    async with running(make(fake), host):
        await fake.say(private, ann, "before")
        await host.wait_for(InboundMessage)
        await fake.bot.updates.wait_polling()
        await fake.stop()
        await fake.bot.updates.push("message", fake.world.build(fake.bot, private, ann, text="meanwhile"))
        while not host.waits:
            await asyncio.sleep(0.01)
        await fake.start()
        await host.wait_for(InboundMessage, 2)
    assert texts(host) == ["before", "meanwhile"]


async def test_a_poll_that_hangs_without_a_byte_is_given_up(
    fake: FakeTelegram, host: RecordingHost, ann: User, private: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connectors.telegram.polling.POLL_S", 0)
    monkeypatch.setattr("connectors.telegram.polling.POLL_MARGIN_S", 0.2)
    async with running(make(fake), host):
        await host.wait_connected()
        held = fake.hold("getUpdates")
        await held.reached()
        await fake.say(private, ann, "anybody there?")
        async with asyncio.timeout(20):
            await host.wait_for(InboundMessage)
        held.release()
    assert host.waits[0].startswith("no answer from the Bot API")
    assert texts(host) == ["anybody there?"]


async def test_second_poller(
    fake: FakeTelegram, host: RecordingHost, ann: User, private: Chat, tmp_path: Path
) -> None:
    other = RecordingHost(tmp_path)
    async with running(make(fake), host):
        await fake.bot.updates.wait_polling()
        rival = make(fake)
        async with running(rival, other):
            await other.wait_connected()
            while not host.waits:
                await asyncio.sleep(0.01)
        assert "another program polls" in host.waits[0]
        assert "/revoke" in host.waits[0]
        await fake.say(private, ann, "mine again")
        await host.wait_for(InboundMessage)
    assert "mine again" in texts(host)


async def test_after_a_conflict_the_next_poll_is_long_enough_to_meet_the_rival(
    fake: FakeTelegram, host: RecordingHost
) -> None:
    fake.fail("getUpdates", status=409, description="Conflict: terminated by other getUpdates request")
    async with running(make(fake), host):
        await fake.wait_for_call("getUpdates", count=2)
        assert host.account is None
    assert [call.params["timeout"] for call in fake.called("getUpdates")][:2] == ["0", "5"]


async def test_webhook_is_removed(
    fake: FakeTelegram, host: RecordingHost, ann: User, private: Chat, caplog: pytest.LogCaptureFixture
) -> None:
    fake.bot.webhook = {"url": "https://example.org/secret-path"}
    await fake.say(private, ann, "waited behind the webhook")
    with caplog.at_level(logging.INFO):
        async with running(make(fake), host):
            await host.wait_for(InboundMessage)
    assert fake.called("deleteWebhook")[0].params["drop_pending_updates"] == "false"
    assert "a webhook was set" in caplog.text
    assert "secret-path" not in caplog.text


async def test_a_server_without_webhooks_is_polled(
    fake: FakeTelegram, host: RecordingHost, ann: User, private: Chat, caplog: pytest.LogCaptureFixture
) -> None:
    fake.fail("getWebhookInfo", status=404, description="Not Found")
    await fake.say(private, ann, "hello")
    with caplog.at_level(logging.INFO):
        async with running(make(fake), host):
            await host.wait_for(InboundMessage)
    assert "whether a webhook is set is not known (Not Found)" in caplog.text


async def test_webhook_set_while_polling(
    fake: FakeTelegram, host: RecordingHost, ann: User, private: Chat
) -> None:
    async with running(make(fake), host):
        await fake.bot.updates.wait_polling()
        fake.bot.webhook = {"url": "https://example.org/hook"}
        fake.bot.updates.abort("Conflict: terminated by setWebhook request")
        await fake.say(private, ann, "still here")
        await host.wait_for(InboundMessage)
    assert "webhook" in host.waits[0]


async def test_strange_updates_stop_nothing(
    fake: FakeTelegram, host: RecordingHost, ann: User, private: Chat, caplog: pytest.LogCaptureFixture
) -> None:
    updates = fake.bot.updates
    await updates.push_raw({"brand_new": {"x": 1}})
    await updates.push_raw({"message": {"message_id": "?", "chat": None}})
    await updates.push_raw({"message": 7})
    await updates.push_raw({})
    await updates.push_raw({"poll_answer": {"poll_id": "1", "option_ids": [0], "option_persistent_ids": []}})
    await updates.push_raw(
        {"message": {"message_id": 5, "date": 10**30, "chat": private.json(), "text": "x"}}
    )
    await fake.say(private, ann, "after them")
    with caplog.at_level(logging.INFO):
        async with running(make(fake), host):
            await host.wait_for(InboundMessage)
    assert texts(host) == ["after them"]
    reasons = [event.reason for event in host.events if isinstance(event, Skipped)]
    assert reasons == [
        "unknown kind: brand_new",
        "malformed: message",
        "malformed: message",
        "unknown kind: none",
        "unknown kind: poll_answer",
        "malformed: message",
    ]
    assert "brand_new" in caplog.text
    assert fake.bot.updates.pending == []


async def test_surrogates_and_nul_in_updates(
    fake: FakeTelegram, host: RecordingHost, ann: User, private: Chat
) -> None:
    ann.first_name = "A\ud83dn\x00n"
    await fake.say(private, ann, "bad \ud800 half, nul \x00, pair \ud83d\ude00, rtl \u202e zalgo Z̷̢͝")
    async with running(make(fake), host):
        (message,) = await host.wait_for(InboundMessage)
    assert message.content.text == "bad \ufffd half, nul , pair 😀, rtl \u202e zalgo Z̷̢͝"
    assert message.sender.name == "A\ufffdnn Lee"


async def test_group_names_topics_and_edits(fake: FakeTelegram, host: RecordingHost, ann: User) -> None:
    forum = fake.world.supergroup("Club", is_forum=True)
    connector = make(fake)
    async with running(connector, host):
        await host.wait_connected()
        topic = await fake.open_topic(forum, "News", ann)
        said = await fake.say(forum, ann, "@fake_bot what is new?", topic=topic)
        await fake.rename(forum, "Better club", ann)
        await fake.edit(said, "@fake_bot what is old?")
        (edit,) = await host.wait_for(InboundEdit)
        (message,) = host.messages
        assert (message.room.key, message.room.type, message.room.name) == (
            f"{forum.id}-{topic}",
            ChannelType.THREAD,
            "News",
        )
        assert edit.event_key == message.event_key
        assert edit.content.text == "what is old?"
        places = await host.wait_for(InboundPlaces, 2)
        assert [p.world.name for p in places if p.world] == ["Club", "Better club"]
        assert places[0].rooms[0].name == "News"
        payloads = connector.encode(Content(text="Nothing. " * 900), message.target)
        assert len(payloads) == 2
        for payload in payloads:
            await connector.send(payload, message.target, key="k")
        await connector.typing(message.target)
    assert [(m.thread_id, m.reply_to) for m in fake.sent] == [(topic, said["message_id"]), (topic, None)]
    assert fake.called("sendChatAction")[0].params["message_thread_id"] == str(topic)
