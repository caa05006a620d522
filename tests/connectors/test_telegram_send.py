"""Sending, refusals and `check` of the Telegram connector, against the fake."""

import asyncio
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import pytest
from pydantic import ValidationError

from bot_host.connector import (
    ASKED_BY,
    Content,
    Payload,
    RoomClosed,
    SendError,
    SendLater,
    SendRefused,
    SendUnknown,
    Target,
)
from connectors.telegram import connector as spec
from connectors.telegram.client import TelegramConnector
from connectors.telegram.config import TelegramConfig
from connectors.telegram.http import AiohttpRequest, NotSent
from tests.fakes.telegram import FakeTelegram
from tests.fakes.telegram_world import Chat

PAYLOAD: Payload = {"html": "<b>hi</b>", "plain": "**hi**"}

_FLOOD = (
    b'{"ok":false,"error_code":429,"description":"Too Many Requests: retry after 17",'
    b'"parameters":{"retry_after":17}}'
)


@pytest.fixture
async def fake() -> AsyncIterator[FakeTelegram]:
    async with FakeTelegram() as server:
        yield server


@pytest.fixture
async def telegram(fake: FakeTelegram) -> AsyncIterator[TelegramConnector]:
    connector = TelegramConnector(TelegramConfig(token=fake.token, api_base=fake.url + "/"))
    yield connector
    await connector.close()
    await connector.close()


@pytest.fixture
def private(fake: FakeTelegram) -> Chat:
    return fake.world.private(fake.world.user("Ann", username="ann"))


def to(chat: Chat) -> Target:
    return Target(source="telegram", channel_id=str(chat.id))


async def test_refused_markup_goes_out_plain(
    fake: FakeTelegram, telegram: TelegramConnector, private: Chat
) -> None:
    payload = {"html": "<b>oops", "plain": "**oops** <b>", "reply_to": 77}
    await telegram.send(payload, to(private), key="k")
    (message,) = fake.sent
    assert (message.text, message.marked("bold")) == ("**oops** <b>", [])
    assert [call.status for call in fake.called("sendMessage")] == [400, 200]
    assert "reply_parameters" in message.request


async def test_reply_and_missing_reply(
    fake: FakeTelegram, telegram: TelegramConnector, private: Chat
) -> None:
    group = fake.world.supergroup("Club")
    said = await fake.say(group, private.user, "hi @fake_bot")
    await telegram.send(PAYLOAD | {"reply_to": said["message_id"]}, to(group), key="k")
    await telegram.send(PAYLOAD | {"reply_to": 4242}, to(group), key="k")
    assert [message.reply_to for message in fake.sent] == [said["message_id"], None]


async def test_what_was_for_a_topic_that_is_gone_goes_to_the_chat_and_says_so(
    fake: FakeTelegram, telegram: TelegramConnector, private: Chat, caplog: pytest.LogCaptureFixture
) -> None:
    assert private.user is not None
    forum = fake.world.supergroup("Forum", is_forum=True)
    topic = await fake.open_topic(forum, "Roses", private.user)
    there = replace(to(forum), thread_id=str(topic))
    await telegram.send(PAYLOAD, there, key="k")
    del forum.topics[topic]
    await telegram.send(PAYLOAD, there, key="k")
    await telegram.send({"html": "x" * 4096, "plain": "x" * 4096}, there, key="k")
    first, second, full = fake.sent
    assert (first.thread_id, first.text) == (topic, "hi")
    assert (second.thread_id, second.text) == (None, "↪ (its topic is gone)\nhi")
    assert (full.thread_id, full.text) == (None, "x" * 4096)
    assert f"topic {topic} of chat {forum.id} is gone" in caplog.text


@pytest.mark.parametrize("shown", [False, True])
async def test_links_get_previews_only_where_wanted(fake: FakeTelegram, private: Chat, shown: bool) -> None:
    config = TelegramConfig(token=fake.token, api_base=fake.url, **({"link_previews": True} if shown else {}))
    connector = TelegramConnector(config)
    sent = await connector.send(PAYLOAD, to(private), key="k")
    await connector.edit({"html": "new", "plain": "new"}, to(private), sent.platform_message_id, key="k")
    await connector.close()
    options = [call.params.get("link_preview_options") for call in fake.calls]
    assert options == ([None] * 2 if shown else ['{"is_disabled": true}'] * 2)


async def test_migrated_group_is_followed(
    fake: FakeTelegram, telegram: TelegramConnector, private: Chat
) -> None:
    assert private.user is not None
    group = fake.world.group("Old")
    said = await fake.say(group, private.user, "hi")
    new = await fake.migrate(group, private.user)
    for _ in range(2):
        await telegram.send(PAYLOAD | {"reply_to": said["message_id"]}, to(group), key="k")
    assert [message.chat_id for message in fake.sent] == [new.id, new.id]
    # The second goes there at once.
    assert len(fake.called("sendMessage")) == 3


def _blocked(fake: FakeTelegram, chat: Chat) -> None:
    fake.bot.blocked_in.add(chat.id)


@pytest.mark.parametrize(
    ("break_it", "kind", "said"),
    [
        (lambda f, c: f.flood("sendMessage", retry_after=17), SendLater, "Retry in"),
        (lambda f, c: f.fail("sendMessage", status=500), SendLater, "Internal Server Error"),
        (
            lambda f, c: f.fail("sendMessage", status=502, raw=b"<html>/bot5550001:AAfake"),
            SendUnknown,
            "Bad Gateway",
        ),
        (
            lambda f, c: f.fail("sendMessage", status=401, description="Unauthorized"),
            SendLater,
            "token is refused",
        ),
        (_blocked, RoomClosed, "has to unblock the bot"),
        (lambda f, c: f.world.chats.clear(), RoomClosed, "Chat not found"),
        (
            lambda f, c: f.fail("sendMessage", status=403, description="Forbidden: something new"),
            RoomClosed,
            "omething new",
        ),
        (
            lambda f, c: f.fail("sendMessage", status=400, description="Bad Request: TOPIC_CLOSED"),
            RoomClosed,
            "open the topic",
        ),
        (
            lambda f, c: f.fail("sendMessage", status=400, description="Bad Request: message is too long"),
            SendRefused,
            "too long",
        ),
        (
            lambda f, c: f.fail("sendMessage", status=400, description="Bad Request: message text is empty"),
            SendRefused,
            "empty",
        ),
        (
            lambda f, c: f.fail(
                "sendMessage", status=400, description="Bad Request: not enough rights to send text"
            ),
            RoomClosed,
            "as an admin",
        ),
        (
            lambda f, c: f.fail("sendMessage", status=200, raw=b'{"ok":true,"result":{"mess'),
            SendUnknown,
            "Invalid",
        ),
        (lambda f, c: f.fail("sendMessage", status=200, raw=b"{}"), SendUnknown, "not an answer"),
        (
            lambda f, c: f.fail("sendMessage", status=200, raw=b'{"ok":true,"result":true}'),
            SendUnknown,
            "no message",
        ),
        (
            lambda f, c: f.fail("sendMessage", status=200, raw=b'{"ok":true,"result":{"message_id":null}}'),
            SendUnknown,
            "no message",
        ),
        # A refusal that a gateway passed on with a success's status.
        (lambda f, c: f.fail("sendMessage", status=200, raw=_FLOOD), SendLater, "Retry in"),
        (lambda f, c: f.drop("sendMessage"), SendUnknown, "no answer"),
        (lambda f, c: f.drop("sendMessage", after=True), SendUnknown, "no answer"),
        (
            lambda f, c: f.fail("sendMessage", status=400, parameters={"migrate_to_chat_id": c.id}, times=2),
            SendLater,
            "migrated",
        ),
    ],
)
async def test_errors_say_what_became_of_it(
    fake: FakeTelegram,
    telegram: TelegramConnector,
    private: Chat,
    break_it: Callable[[FakeTelegram, Chat], None],
    kind: type[SendError],
    said: str,
) -> None:
    break_it(fake, private)
    with pytest.raises(kind) as caught:
        await telegram.send(PAYLOAD, to(private), key="k")
    assert type(caught.value) is kind
    assert said in str(caught.value)
    assert "AAfake" not in f"{caught.value!r}{caught.value.__cause__!r}"
    if isinstance(caught.value, SendLater) and "Retry" in said:
        assert caught.value.after_s == 17


async def test_server_not_there_is_later(fake: FakeTelegram, private: Chat) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{free.getsockname()[1]}"
        telegram = TelegramConnector(TelegramConfig(token=fake.token, api_base=address))
        with pytest.raises(SendLater, match="cannot reach the Bot API") as caught:
            await telegram.send(PAYLOAD, to(private), key="k")
        assert caught.value.account
        await telegram.typing(to(private))
        (line,) = await telegram.check()
        await telegram.close()
    assert fake.token not in str(caught.value)
    assert (line.ok, "cannot reach" in line.detail) == (False, True)


async def test_no_answer_in_time_is_unknown(fake: FakeTelegram) -> None:
    request = AiohttpRequest(connections=1)
    hold = fake.hold("getMe")
    with pytest.raises(Exception, match="no answer") as caught:
        await request.post(f"{fake.url}/bot{fake.token}/getMe", read_timeout=0.05)
    hold.release()
    await request.shutdown()
    assert fake.token not in str(caught.value)


async def test_proxy_is_taken_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, fake: FakeTelegram
) -> None:
    asked: list[bytes] = []

    async def proxy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n"))
        writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(proxy, "127.0.0.1", 0)
    address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    for name in ("no_proxy", "NO_PROXY", "all_proxy", "ALL_PROXY", "HTTPS_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("https_proxy", address)
    request = AiohttpRequest(connections=1)
    with pytest.raises(NotSent) as caught:
        await request.post("https://api.telegram.invalid/bot1:secret/getMe")
    await request.shutdown()
    server.close()
    await server.wait_closed()
    assert asked[0].startswith(b"CONNECT api.telegram.invalid:443")
    assert "secret" not in str(caught.value)


async def test_bad_targets(telegram: TelegramConnector) -> None:
    target = Target(source="telegram", channel_id="general")
    with pytest.raises(SendRefused, match="not a chat id"):
        await telegram.send(PAYLOAD, target, key="k")
    await telegram.typing(target)
    await telegram.typing_done(target)


async def test_typing_never_raises(fake: FakeTelegram, telegram: TelegramConnector, private: Chat) -> None:
    fake.bot.blocked_in.add(private.id)
    fake.flood("sendChatAction", retry_after=5)
    await telegram.typing(to(private))
    await telegram.typing(to(private))
    assert [call.status for call in fake.called("sendChatAction")] == [429, 403]


async def test_many_sends_share_connections_with_the_poll(
    fake: FakeTelegram, telegram: TelegramConnector, private: Chat
) -> None:
    await asyncio.gather(
        *(telegram.send({"html": str(i), "plain": str(i)}, to(private), key="k") for i in range(60))
    )
    assert sorted(int(message.text) for message in fake.sent) == list(range(60))


async def test_check(fake: FakeTelegram, telegram: TelegramConnector) -> None:
    lines = {line.name: line for line in await telegram.check()}
    assert all(line.ok for line in lines.values())
    assert "@fake_bot" in lines["telegram"].detail
    assert "/setprivacy" in lines["telegram privacy"].advice
    assert "which are all that it answers" in lines["telegram privacy"].detail
    assert lines["telegram links"].detail == (
        "https://t.me/fake_bot to talk to it, https://t.me/fake_bot?startgroup=true to add it to a group"
    )
    assert "telegram topics" not in lines
    assert "telegram webhook" not in lines
    fake.bot.webhook = {"url": "https://example.org/x"}
    fake.bot.sees_all = True
    fake.bot.can_join_groups = False
    fake.bot.has_topics = True
    lines = {line.name: line for line in await telegram.check()}
    assert lines["telegram privacy"].advice == ""
    assert "mention_only = true" in lines["telegram privacy"].detail
    assert lines["telegram links"].detail == "https://t.me/fake_bot to talk to it"
    assert "conversation of its own" in lines["telegram topics"].detail
    assert "removed when the host starts" in lines["telegram webhook"].detail
    assert fake.called("getUpdates") == []
    assert fake.called("deleteWebhook") == []


async def test_check_of_a_server_without_webhooks(fake: FakeTelegram, telegram: TelegramConnector) -> None:
    fake.fail("getWebhookInfo", status=404, description="Not Found")
    lines = {line.name: line for line in await telegram.check()}
    assert all(line.ok for line in lines.values())
    assert "telegram webhook" not in lines


async def test_check_with_a_wrong_token(fake: FakeTelegram) -> None:
    telegram = TelegramConnector(TelegramConfig(token="1:wrong-token", api_base=fake.url))
    (line,) = await telegram.check()
    await telegram.close()
    assert not line.ok
    assert "token is refused" in line.detail
    assert "@BotFather" in line.advice
    assert "wrong-token" not in line.detail + line.advice


def test_spec() -> None:
    empty, full = TelegramConfig(), TelegramConfig(token=" 1:abc ")
    assert spec.missing(empty) == "no token; set TELEGRAM_BOT_TOKEN"
    assert (spec.missing(full), spec.wrong(full), next(iter(spec.secrets(full)))) == ("", "", "1:abc")
    assert isinstance(spec.create(full), TelegramConnector)
    assert spec.platform == TelegramConnector.platform == "telegram"


def test_the_library_is_loaded_only_when_needed() -> None:
    code = "import connectors.telegram, sys; sys.exit('telegram' in sys.modules or 'aiohttp' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    "values",
    [
        {"token": "1:abc", "api_base": "127.0.0.1:8081"},
        {"token": "1:abc", "api_bas": "x"},
    ],
)
def test_wrong_settings(values: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as caught:
        TelegramConfig(**values)
    assert values["token"] not in str(caught.value)


@pytest.mark.parametrize("token", ["sesame-open", "12345678", "1:a/b?c"])
def test_a_token_of_another_shape_keeps_only_telegram_off(token: str) -> None:
    why = spec.wrong(TelegramConfig(token=token))
    assert "not a Telegram bot token" in why
    assert token not in why


def test_encode_is_the_platforms(telegram: TelegramConnector) -> None:
    target = Target(source="telegram", channel_id="-1", reply_to="9")
    (payload,) = telegram.encode(Content(text="*a*"), target)
    assert payload == {"html": "<i>a</i>", "plain": "*a*", "reply_to": 9}


async def test_what_a_member_asked_for_goes_only_where_they_may_write_themselves(
    fake: FakeTelegram, telegram: TelegramConnector
) -> None:
    ann, club = fake.world.user("Ann"), fake.world.supergroup("Club")

    def asked_by(user_id: int | str) -> Target:
        return Target(source="telegram", channel_id=str(club.id), extra={ASKED_BY: str(user_id)})

    await telegram.send(PAYLOAD, asked_by(ann.id), key="1")
    for standing in ({"status": "left"}, {"status": "restricted", "is_member": True}):
        fake.members.stand(club, ann, **standing)
        with pytest.raises(SendRefused, match="may not write in that chat"):
            await telegram.send(PAYLOAD, asked_by(ann.id), key="2")
    fake.members.secretive.add(club.id)
    with pytest.raises(SendRefused, match="make the bot an administrator"):
        await telegram.send(PAYLOAD, asked_by(ann.id), key="3")
    with pytest.raises(SendRefused, match="channel's name"):
        await telegram.send(PAYLOAD, asked_by(-1001), key="4")
    private = Target(source="telegram", channel_id=str(ann.id), extra={ASKED_BY: "1"})
    with pytest.raises(SendRefused, match="private chat"):
        await telegram.send(PAYLOAD, private, key="5")
    fake.members.secretive.clear()
    fake.drop("getChatMember", after=True)
    with pytest.raises(SendLater):
        await telegram.send(PAYLOAD, asked_by(ann.id), key="6")
    assert len(fake.sent) == 1
    # An anonymous administrator; and a server that knows nothing of members.
    await telegram.send(PAYLOAD, asked_by(club.id), key="7")
    fake.members.lack("getChatMember")
    await telegram.send(PAYLOAD, asked_by(ann.id), key="8")
    assert len(fake.sent) == 3
