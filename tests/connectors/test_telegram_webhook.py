"""Telegram's webhook, through the host's own web server."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bot_host.connector import ConfigError, InboundEdit, InboundMessage, LoginError, Skipped
from bot_host.testing.connector import RecordingHost
from bot_host.web.server import WebServer
from connectors.telegram import connector as spec
from connectors.telegram.client import TelegramConnector
from connectors.telegram.config import TelegramConfig, webhook_secret
from connectors.telegram.decode import ALLOWED_UPDATES
from tests.connectors.test_telegram_live import ann, fake, host, make, private, running, texts
from tests.connectors.web_front import web_front
from tests.fakes.telegram import FakeTelegram
from tests.fakes.telegram_hooks import Hooks
from tests.fakes.telegram_world import Chat, User

__all__ = ["ann", "fake", "host", "private"]


@pytest.fixture
async def hooks(fake: FakeTelegram) -> AsyncIterator[Hooks]:
    async with Hooks(fake) as hooks:
        yield hooks


@asynccontextmanager
async def hooked(
    fake: FakeTelegram, host: RecordingHost, **settings: Any
) -> AsyncIterator[tuple[TelegramConnector, WebServer]]:
    connector = make(fake, mode="webhook", **settings)
    async with web_front(connector) as web, running(connector, host):
        await host.wait_connected()
        yield connector, web


def address(fake: FakeTelegram, web: WebServer) -> str:
    return f"{web.url}/telegram/{fake.bot.user.id}"


async def test_telegram_is_told_where_and_brings_what_is_said(
    fake: FakeTelegram, hooks: Hooks, host: RecordingHost, ann: User, private: Chat
) -> None:
    async with hooked(fake, host) as (_, web):
        [call] = fake.called("setWebhook")
        assert call.params["url"] == address(fake, web)
        assert call.params["drop_pending_updates"] == "false"
        assert fake.bot.webhook["allowed_updates"] == list(ALLOWED_UPDATES)
        assert fake.bot.webhook["max_connections"] == 40
        secret = call.params["secret_token"]
        assert len(secret) == 64
        assert secret == webhook_secret(fake.token)
        assert not set(fake.token.split(":")) & {secret}
        for text in ("one", "two", "three"):
            await fake.say(private, ann, text)
        await hooks.wait_delivered()
        assert texts(host) == ["one", "two", "three"]
    assert fake.called("getUpdates") == []
    # What Telegram has meanwhile waits there for the next start.
    assert fake.bot.webhook["url"] == address(fake, web)
    assert fake.called("deleteWebhook") == []


async def test_a_webhook_that_is_set_is_not_set_again(
    fake: FakeTelegram, hooks: Hooks, host: RecordingHost
) -> None:
    connector = make(fake, mode="webhook")
    async with web_front(connector) as web:
        fake.bot.webhook = {
            "url": address(fake, web),
            "secret_token": webhook_secret(fake.token),
            "allowed_updates": list(reversed(ALLOWED_UPDATES)),
            "max_connections": 40,
        }
        async with running(connector, host):
            await host.wait_connected()
    assert fake.called("setWebhook") == []


@pytest.mark.parametrize(
    "change",
    [
        {"url": "https://elsewhere.example/hook"},
        {"allowed_updates": ["message"]},
        {"max_connections": 1},
        # Perhaps the secret was another program's.
        {"last_error_date": 1_700_000_000, "last_error_message": "403 Forbidden"},
    ],
)
async def test_a_webhook_that_differs_is_set_anew(
    fake: FakeTelegram, hooks: Hooks, host: RecordingHost, change: dict[str, Any]
) -> None:
    connector = make(fake, mode="webhook")
    async with web_front(connector) as web:
        fake.bot.webhook = {
            "url": address(fake, web),
            "allowed_updates": list(ALLOWED_UPDATES),
            "max_connections": 40,
        } | change
        async with running(connector, host):
            await host.wait_connected()
            assert fake.bot.webhook["url"] == address(fake, web)
            assert fake.bot.webhook["secret_token"] == webhook_secret(fake.token)
    assert len(fake.called("setWebhook")) == 1


async def test_it_is_answered_when_it_is_on_disk(
    fake: FakeTelegram, hooks: Hooks, host: RecordingHost, ann: User, private: Chat
) -> None:
    async with hooked(fake, host):
        answered: list[int] = []

        async def on_disk() -> None:
            answered.append(len(hooks.attempts))

        host.after_accept = on_disk
        host.open_gate.clear()
        await fake.say(private, ann, "slowly")
        [update] = fake.bot.updates.pending
        host.open_gate.set()
        await hooks.wait_delivered()
        assert hooks.statuses(update["update_id"]) == [200]
        assert answered == [0]


async def test_what_cannot_be_stored_is_repeated_by_telegram(
    fake: FakeTelegram, hooks: Hooks, host: RecordingHost, ann: User, private: Chat
) -> None:
    async with hooked(fake, host):
        host.fail_next = 2
        await fake.say(private, ann, "one")
        [update] = fake.bot.updates.pending
        await hooks.wait_delivered()
        assert hooks.statuses(update["update_id"]) == [503, 503, 200]
        assert texts(host) == ["one"]


async def test_requests_side_by_side_are_put_in_order(
    fake: FakeTelegram, hooks: Hooks, host: RecordingHost, ann: User, private: Chat
) -> None:
    hooks.paused = hooks.scrambled = True
    said = [f"{number}" for number in range(40)]
    async with hooked(fake, host):
        for text in said:
            await fake.say(private, ann, text)
        hooks.paused = False
        await hooks.wait_delivered()
        assert texts(host) == said
        # And an edit never comes before what it edits.
        hooks.paused = True
        message = await fake.say(private, ann, "typo")
        await fake.edit(message, "no typo")
        hooks.paused = False
        await hooks.wait_delivered()
    assert isinstance(host.events[-2], InboundMessage)
    assert isinstance(host.events[-1], InboundEdit)


async def test_an_update_that_never_comes_holds_up_nobody(
    fake: FakeTelegram, hooks: Hooks, host: RecordingHost, ann: User, private: Chat
) -> None:
    async with hooked(fake, host):
        await fake.say(private, ann, "one")
        await hooks.wait_delivered()
        hooks.paused = True
        await fake.say(private, ann, "lost")
        await fake.bot.updates.clear()
        hooks.paused = False
        await fake.say(private, ann, "three")
        await hooks.wait_delivered()
        assert texts(host) == ["one", "three"]


async def test_only_telegram_is_let_in(
    fake: FakeTelegram, hooks: Hooks, host: RecordingHost, caplog: pytest.LogCaptureFixture
) -> None:
    update = {"update_id": 5, "message": {}}
    async with hooked(fake, host) as (_, web):
        hook = dict(fake.bot.webhook)
        right = hook["secret_token"]
        for wrong in ("", right[:-1], right.upper(), right + " x", "ü"):
            assert await hooks.post(update, hook, secret=wrong) == 403, wrong
        for garbage in (
            b"",
            b"{",
            b"[]",
            b"7",
            b'{"update_id": "5"}',
            b'{"update_id": true}',
            b"\xff\xfe",
            b"[" * 9999,
        ):
            assert await hooks.post(garbage, hook) == 400, garbage[:20]
        assert await hooks.post(b" " * 1_000_001, hook) == 413
        other = {**hook, "url": f"{web.url}/telegram/1"}
        assert await hooks.post(update, other) == 404
        async with aiohttp.ClientSession() as client, client.get(hook["url"]) as answer:
            assert answer.status == 405
    assert host.events == []
    assert right not in caplog.text


async def test_strange_updates_are_taken_once_and_stop_nothing(
    fake: FakeTelegram, hooks: Hooks, host: RecordingHost, ann: User, private: Chat
) -> None:
    async with hooked(fake, host):
        await fake.bot.updates.push_raw({"brand_new": {"x": 1}})
        await fake.bot.updates.push_raw({"message": {"message_id": "?", "chat": None}})
        await fake.bot.updates.push_raw({"message": {"date": 10**30}})
        await fake.say(private, ann, "after them")
        await hooks.wait_delivered()
    assert texts(host) == ["after them"]
    reasons = [event.reason for event in host.events if isinstance(event, Skipped)]
    assert reasons == ["unknown kind: brand_new", "malformed: message", "malformed: message"]
    assert {attempt.status for attempt in hooks.attempts} == {200}


async def test_what_was_said_while_nobody_listened_is_missed(
    fake: FakeTelegram, hooks: Hooks, host: RecordingHost, ann: User, private: Chat
) -> None:
    now, long_ago = int(time.time()), int(time.time()) - 3000
    await fake.say(private, ann, "before", date=now - 100)
    await fake.say(private, ann, "before too", date=now - 99)
    async with hooked(fake, host):
        await hooks.wait_delivered()
        await host.wait_caught_up()
        await fake.say(private, ann, "now")
        await hooks.wait_delivered()
        # What comes long after it was said, as the proxy was down, was missed as well.
        await fake.say(private, ann, "behind the proxy", date=long_ago)
        await hooks.wait_delivered()
    assert texts(host) == ["before", "before too", "now", "behind the proxy"]
    missed = [event.content.text for event in host.missed if isinstance(event, InboundMessage)]
    assert missed == ["before", "before too", "behind the proxy"]


async def test_a_button_is_answered(
    fake: FakeTelegram, hooks: Hooks, host: RecordingHost, ann: User, private: Chat
) -> None:
    async with hooked(fake, host) as (connector, _):
        await fake.say(private, ann, "hello")
        await hooks.wait_delivered()
        [payload] = connector.encode(host.messages[0].content, host.messages[0].target)
        await connector.send(payload, host.messages[0].target, key="k")
        press = await fake.press(fake.sent[0], ann, "no button of ours")
        assert await fake.wait_told(press) == "That is no longer open."


async def test_before_the_login_and_after_the_end_telegram_is_told_to_repeat(
    fake: FakeTelegram, hooks: Hooks, host: RecordingHost, ann: User, private: Chat
) -> None:
    connector = make(fake, mode="webhook")
    async with web_front(connector) as web:
        hook = {"url": address(fake, web), "secret_token": webhook_secret(fake.token)}
        assert await hooks.post({"update_id": 1}, hook) == 503
        async with running(connector, host):
            await host.wait_connected()
            await fake.say(private, ann, "hello")
            await hooks.wait_delivered()
        assert await hooks.post({"update_id": 2}, hook) == 503


async def test_from_polling_to_webhook_and_back_nothing_is_lost_or_doubled(
    fake: FakeTelegram, hooks: Hooks, host: RecordingHost, ann: User, private: Chat
) -> None:
    async with running(make(fake), host):
        await fake.say(private, ann, "polled")
        await host.wait_for(InboundMessage)
    await fake.say(private, ann, "between")
    async with hooked(fake, host):
        await fake.say(private, ann, "brought")
        await hooks.wait_delivered()
    hooks.paused = True
    await fake.say(private, ann, "between again")
    async with running(make(fake), host):
        await host.wait_for(InboundMessage, 4)
    assert texts(host) == ["polled", "between", "brought", "between again"]
    assert fake.called("deleteWebhook")[0].params["drop_pending_updates"] == "false"
    assert fake.bot.webhook == {}


async def test_a_webhook_that_somebody_took_away_is_set_again(
    fake: FakeTelegram,
    hooks: Hooks,
    host: RecordingHost,
    ann: User,
    private: Chat,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr("connectors.telegram.webhook.WATCH_S", 0.01)
    async with hooked(fake, host):
        fake.bot.webhook = {}
        await fake.say(private, ann, "hello")
        await hooks.wait_delivered()
        fake.bot.webhook |= {
            "last_error_date": int(time.time()) + 2,
            "last_error_message": "Wrong response: 502",
        }
        while "Wrong response: 502" not in caplog.text:
            await asyncio.sleep(0.01)
    assert texts(host) == ["hello"]
    assert "another program removed the webhook" in caplog.text
    assert "see that web.public_url leads here" in caplog.text
    assert caplog.text.count("Wrong response: 502") == 1


async def test_a_token_that_is_revoked_meanwhile_ends_it(
    fake: FakeTelegram, hooks: Hooks, host: RecordingHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connectors.telegram.webhook.WATCH_S", 0.01)
    connector = make(fake, mode="webhook")
    async with web_front(connector):
        task = asyncio.create_task(connector.run(host))
        await host.wait_connected()
        fake.revoke(fake.token)
        with pytest.raises(LoginError, match="copy the token again"):
            await task
        await connector.close()


async def test_refusals_of_the_address_are_waited_out(
    fake: FakeTelegram, hooks: Hooks, host: RecordingHost, ann: User, private: Chat
) -> None:
    why = "Bad Request: bad webhook: Failed to resolve host: Name or service not known"
    fake.fail("setWebhook", status=400, description=why)
    # The library takes every 404 for a wrong token.
    fake.fail("setWebhook", status=404, description="Not Found")
    async with hooked(fake, host):
        await fake.say(private, ann, "hello")
        await hooks.wait_delivered()
    assert "failed to resolve host" in host.waits[0]
    assert texts(host) == ["hello"]


async def test_a_server_that_says_nothing_of_webhooks_serves(
    fake: FakeTelegram, hooks: Hooks, host: RecordingHost, ann: User, private: Chat
) -> None:
    fake.fail("getWebhookInfo", status=404, description="Not Found", times=99)
    async with hooked(fake, host):
        await fake.say(private, ann, "hello")
        await hooks.wait_delivered()
    assert texts(host) == ["hello"]


@pytest.mark.parametrize(
    ("base", "says"),
    [
        ("http://127.0.0.1:3000/telegram", "set web.public_url to the https address"),
        ("https://bots.example.org:3000/telegram", "443, 80, 88 and 8443 only"),
        ("", "web.enabled = true"),
    ],
)
async def test_telegram_itself_calls_https_on_four_ports_only(
    host: RecordingHost, base: str, says: str
) -> None:
    connector = TelegramConnector(TelegramConfig(token="1:x", mode="webhook"))
    if base:
        connector.use_address(base)
    with pytest.raises(ConfigError, match=says):
        await connector.run(host)
    await connector.close()


async def test_check_tells_of_the_webhook(fake: FakeTelegram, hooks: Hooks) -> None:
    connector = make(fake, mode="webhook")
    connector.use_address("https://bots.example.org/telegram")
    url = f"https://bots.example.org/telegram/{fake.bot.user.id}"

    async def line() -> tuple[bool, str, str]:
        [found] = [each for each in await connector.check() if each.name == "telegram webhook"]
        return found.ok, found.detail, found.advice

    assert (await line())[:2] == (True, f"it is not set yet; {url} is set when the host starts")
    fake.bot.webhook = {"url": "https://elsewhere.example/secret-path"}
    ok, detail, advice = await line()
    assert (ok, advice) == (True, "see that no other program needs it")
    assert "another address is set" in detail
    assert "secret-path" not in detail
    fake.bot.webhook = {"url": url}
    assert await line() == (True, f"set to {url}; 0 updates wait at Telegram", "")
    fake.bot.webhook |= {"last_error_date": int(time.time()), "last_error_message": "Connection refused"}
    assert (await line())[0]
    await fake.bot.updates.push_raw({"x": {}})
    ok, detail, advice = await line()
    assert not ok
    assert "Connection refused; 1 updates wait" in detail
    assert "web.public_url" in advice
    await connector.close()
    # Of Telegram itself the address alone tells that it is no use.
    connector = make(fake, mode="webhook")
    connector._config = TelegramConfig(token=fake.token, mode="webhook")
    connector.use_address("http://127.0.0.1:3000/telegram")
    ok, detail, advice = await line()
    assert not ok
    assert "https addresses only" in detail
    assert "web.public_url" in advice
    await connector.close()


def test_the_mode_and_what_it_needs() -> None:
    assert spec.needs_web(TelegramConfig(token="1:x")) == ""
    assert spec.needs_web(TelegramConfig(token="1:x", mode="webhook")) == 'mode = "polling"'
    secrets = spec.secrets(TelegramConfig(token="1:x"))
    assert webhook_secret("1:x") in secrets
    assert spec.secrets(TelegramConfig()) == []
    with pytest.raises(ValueError, match='expected "polling"'):
        TelegramConfig(mode="hook")


async def test_nothing_is_served_while_it_polls(fake: FakeTelegram, tmp_path: Path) -> None:
    connector = make(fake)
    assert list(connector.http_routes()) == []
    connector.use_address("https://bots.example.org/telegram")
    await connector.close()
