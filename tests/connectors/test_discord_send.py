"""Sending through the Discord connector: limits, faults, nonces, typing, check, shutdown."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bot_host.testing.connector import RecordingHost
from bot_host.types.content import Content
from bot_host.types.errors import ConfigError, RoomClosed, SendLater, SendRefused, SendUnknown
from bot_host.types.outbound import ASKED_BY, Target
from connectors.discord import connector as spec
from connectors.discord import permissions
from connectors.discord.advice import needed_permissions
from connectors.discord.client import DiscordConnector
from connectors.discord.config import DiscordConfig
from connectors.discord.gateway import Pace
from tests.fakes.discord import ME, SEND, TYPING, FakeDiscord
from tests.fakes.discord_model import Channel, allow_and_deny

APPLICATION = "GET /oauth2/applications/@me"
PACE = Pace(identify_s=0.05, retry_base_s=0.05)


@pytest.fixture
async def fake() -> AsyncIterator[FakeDiscord]:
    async with FakeDiscord() as server:
        yield server


@pytest.fixture
async def bot(fake: FakeDiscord) -> AsyncIterator[DiscordConnector]:
    connector = DiscordConnector(DiscordConfig(token=fake.token, api_base=fake.api_base), pace=PACE)
    yield connector
    await connector.close()


@pytest.fixture
def channel(fake: FakeDiscord) -> Channel:
    return fake.add_channel(fake.add_guild("Workshop"), "general")


def to(channel: Channel, **more: Any) -> Target:
    return Target(source="discord", channel_id=channel.id, **more)


async def say(
    bot: DiscordConnector, channel: Channel, text: str, *, key: str = "k", **more: Any
) -> list[str]:
    target = to(channel, **more)
    sent = []
    for part, payload in enumerate(bot.encode(Content(text=text), target)):
        sent.append((await bot.send(payload, target, key=f"{key}:{part}")).platform_message_id)
    return sent


async def test_sending_needs_no_gateway(fake: FakeDiscord, bot: DiscordConnector, channel: Channel) -> None:
    [message_id] = await say(bot, channel, "hello")
    assert fake.sent[0]["id"] == message_id
    assert fake.gateway.connections == []


async def test_what_somebody_asked_for_goes_only_where_they_may_write(
    fake: FakeDiscord, bot: DiscordConnector, channel: Channel
) -> None:
    guild = channel.guild
    assert guild is not None
    ada, ben = fake.add_user("ada"), fake.add_user("ben")
    fake.member(guild, ada)
    allow_and_deny(channel, ben, deny=permissions.SEND)
    thread = fake.add_thread(channel, "plans")
    await say(bot, channel, "for ada", extra={ASKED_BY: ada.id})
    with pytest.raises(SendRefused, match="cannot see that channel"):
        await say(bot, channel, "for ben", key="2", extra={ASKED_BY: ben.id})
    fake.member(guild, ben)
    with pytest.raises(SendRefused, match="lacks Send Messages in #general"):
        await say(bot, channel, "for ben", key="3", extra={ASKED_BY: ben.id})
    await say(bot, thread, "for ben", key="4", extra={ASKED_BY: ben.id})
    with pytest.raises(SendRefused, match="private chat"):
        await say(bot, fake.dm(ada), "for ben", key="5", extra={ASKED_BY: ben.id})
    assert [message["content"] for message in fake.sent] == ["for ada", "for ben"]


async def test_a_long_reply_arrives_in_parts_and_only_the_first_replies(
    fake: FakeDiscord, bot: DiscordConnector, channel: Channel
) -> None:
    question = fake.say(channel, fake.add_user("ada"), "tell me")
    code = "\n".join(f"line {i} = {i} * {i}" for i in range(200))
    ids = await say(bot, channel, f"So:\n\n```python\n{code}\n```\n\nDone. 🙂", reply_to=question["id"])
    texts = [message["content"] for message in fake.sent]
    assert len(ids) == len(texts) > 1
    assert all(len(text) <= 2000 and text.count("```") % 2 == 0 for text in texts)
    assert [("message_reference" in m) for m in fake.sent] == [True] + [False] * (len(texts) - 1)


async def test_nothing_in_a_text_pings_anybody(
    fake: FakeDiscord, bot: DiscordConnector, channel: Channel
) -> None:
    ada = fake.add_user("ada")
    assert channel.guild is not None
    role = fake.add_role(channel.guild, "staff")
    question = fake.say(channel, ada, "tell me")
    await say(bot, channel, f"@everyone @here {ada.mention} {role.mention}", reply_to=question["id"])
    [message] = fake.sent
    assert (message["mentions"], message["mention_roles"], message["mention_everyone"]) == ([], [], False)


@pytest.mark.parametrize("text", ["", "  \n ", "\x00"])
def test_an_empty_message_is_not_sent(bot: DiscordConnector, channel: Channel, text: str) -> None:
    assert bot.encode(Content(text=text), to(channel)) == []


async def test_the_same_key_makes_one_message(
    fake: FakeDiscord, bot: DiscordConnector, channel: Channel
) -> None:
    assert await say(bot, channel, "once") == await say(bot, channel, "once")
    assert await say(bot, channel, "once", key="other") != await say(bot, channel, "once")
    assert len(fake.sent) == 2
    nonces = [call.payload["nonce"] for call in fake.calls_of(SEND)]
    assert nonces[0] == nonces[1] != nonces[2]
    assert all(len(nonce) <= 25 for nonce in nonces)


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_lost_answer_is_safe_to_repeat(
    fake: FakeDiscord, bot: DiscordConnector, channel: Channel, when: str
) -> None:
    fake.drop(SEND, when)
    with pytest.raises(SendUnknown):
        await say(bot, channel, "once")
    [message_id] = await say(bot, channel, "once")
    assert [message["id"] for message in fake.sent] == [message_id]


async def test_a_short_rate_limit_is_waited_out(
    fake: FakeDiscord, bot: DiscordConnector, channel: Channel
) -> None:
    fake.rate_limit(SEND, 0.05)
    await say(bot, channel, "hello")
    assert [call.status for call in fake.calls_of(SEND)] == [429, 200]


async def test_buckets_are_kept_to(fake: FakeDiscord, bot: DiscordConnector, channel: Channel) -> None:
    fake.door.limits[SEND] = (5, 0.3)
    for i in range(12):
        await say(bot, channel, f"m{i}", key=f"k{i}")
    assert [call.status for call in fake.calls_of(SEND)] == [200] * 12


@pytest.mark.parametrize(
    ("fault", "after"),
    [
        (lambda fake: fake.rate_limit(SEND, 300.0), 300.0),
        (lambda fake: fake.cloudflare_ban(SEND), 600.0),
        # Servers and proxies that send no `Via`, and even no `Retry-After`: the body says it.
        (lambda fake: fake.fail(SEND, 429, {"retry_after": 0.5}, headers={"Via": ""}), 0.5),
        (lambda fake: fake.fail(SEND, 401, {"message": "401: Unauthorized", "code": 0}), 60.0),
    ],
)
async def test_passing_troubles_are_tried_later(
    fake: FakeDiscord, bot: DiscordConnector, channel: Channel, fault: Any, after: float | None
) -> None:
    fault(fake)
    with pytest.raises(SendLater) as caught:
        await say(bot, channel, "hello")
    assert caught.value.after_s == after
    assert await say(bot, channel, "hello")


@pytest.mark.parametrize(
    "fault",
    [
        lambda fake: fake.fail(SEND, 503, {"message": "overloaded", "code": 0}),
        lambda fake: fake.fail(SEND, 200, {"surprise": True}),
        lambda fake: fake.fail(SEND, 200, b"half a page", content_type="text/html"),
    ],
)
async def test_no_sure_answer_is_said_to_be_none(
    fake: FakeDiscord, bot: DiscordConnector, channel: Channel, fault: Any
) -> None:
    fault(fake)
    with pytest.raises(SendUnknown):
        await say(bot, channel, "hello")
    assert await say(bot, channel, "hello")


@pytest.mark.parametrize(
    "refusal",
    [
        (403, 50001, "Missing Access"),
        (403, 50013, "Missing Permissions"),
        (403, 50007, "Cannot send messages to this user"),
        (404, 10003, "Unknown Channel"),
        (400, 50083, "Thread is archived"),
    ],
)
async def test_some_refusals_are_the_rooms(
    fake: FakeDiscord, bot: DiscordConnector, channel: Channel, refusal: tuple[int, int, str]
) -> None:
    channel.refusal = refusal
    with pytest.raises(RoomClosed, match=rf"code {refusal[1]}: .*; .+"):
        await say(bot, channel, "hello")


@pytest.mark.parametrize(
    "refusal",
    [
        (400, 50006, "Cannot send an empty message"),
        (400, 50035, "Invalid Form Body"),
        (400, 20009, "Explicit content cannot be sent to the desired recipient(s)"),
        (400, 200000, "Message was blocked by AutoMod"),
        (403, 40333, "internal network error"),
    ],
)
async def test_refusals_are_final(
    fake: FakeDiscord, bot: DiscordConnector, channel: Channel, refusal: tuple[int, int, str]
) -> None:
    channel.refusal = refusal
    with pytest.raises(SendRefused, match=str(refusal[1])) as caught:
        await say(bot, channel, "hello")
    assert type(caught.value) is SendRefused


async def test_unknown_places_are_refused(fake: FakeDiscord, bot: DiscordConnector) -> None:
    for target in (Target(source="discord", channel_id="123"), Target(source="discord")):
        with pytest.raises(SendRefused):
            await bot.send({"content": "x"}, target, key="k")


async def test_a_user_can_be_written_to(fake: FakeDiscord, bot: DiscordConnector) -> None:
    ada = fake.add_user("ada")
    target = Target(source="discord", extra={"user_id": ada.id})
    await bot.send({"content": "psst"}, target, key="k")
    assert (await fake.wait_for_message(fake.dm(ada)))["content"] == "psst"


async def test_a_reply_to_what_is_gone_or_hidden_goes_out_as_a_message(
    fake: FakeDiscord, bot: DiscordConnector, channel: Channel
) -> None:
    gone = fake.say(channel, fake.add_user("ada"), "oops")
    fake.delete(gone)
    await say(bot, channel, "one", reply_to=gone["id"], key="a")
    body = {"message": "Cannot reply without permission to read message history", "code": 160002}
    fake.fail(SEND, 403, body)
    await say(bot, channel, "two", reply_to=gone["id"], key="b")
    assert [(m["content"], "message_reference" in m) for m in fake.sent] == [("one", False), ("two", False)]


async def test_an_unreachable_server_is_tried_later(tmp_path: Path) -> None:
    async with FakeDiscord() as fake:
        base, token = fake.api_base, fake.token
    bot = DiscordConnector(DiscordConfig(token=token, api_base=base))
    with pytest.raises(SendLater) as caught:
        await bot.send({"content": "x"}, Target(source="discord", channel_id="1"), key="k")
    assert caught.value.account
    await bot.close()


async def test_typing_is_shown_and_a_refusal_is_silent(
    fake: FakeDiscord, bot: DiscordConnector, channel: Channel
) -> None:
    await bot.typing(to(channel))
    assert (await fake.wait_for_call(TYPING)).status == 204
    channel.refusal = (403, 50013, "Missing Permissions")
    await bot.typing(to(channel))
    assert [call.status for call in fake.calls_of(TYPING)] == [204, 403]
    await bot.typing_done(to(channel))


async def test_sending_works_while_the_gateway_is_gone_and_after_the_intake_stopped(
    fake: FakeDiscord, bot: DiscordConnector, channel: Channel, tmp_path: Path
) -> None:
    host = RecordingHost(tmp_path)
    running = asyncio.create_task(bot.run(host))
    await host.wait_connected()
    fake.gateway.refuse = 1000
    fake.cut()
    await say(bot, channel, "in between", key="a")
    await bot.stop_intake()
    await running
    await say(bot, channel, "at the end", key="b")
    await bot.stop_intake()
    assert [m["content"] for m in fake.sent] == ["in between", "at the end"]
    assert len(host.tasks) == 0
    await host.tasks.close()


async def test_stopping_while_storing_is_stuck_ends_all_the_same(
    fake: FakeDiscord, bot: DiscordConnector, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connectors.discord.client.FINISH_S", 0.1)
    ada, host = fake.add_user("ada"), RecordingHost(tmp_path)
    running = asyncio.create_task(bot.run(host))
    await host.wait_connected()
    host.open_gate.clear()
    fake.say(fake.dm(ada), ada, "stuck")
    await bot.stop_intake()
    await running
    assert len(host.tasks) == 0
    await host.tasks.close()


async def test_cancelling_leaves_nothing_behind(
    fake: FakeDiscord, bot: DiscordConnector, tmp_path: Path
) -> None:
    host = RecordingHost(tmp_path)
    running = asyncio.create_task(bot.run(host))
    await host.wait_connected()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert len(host.tasks) == 0
    await host.tasks.close()


@pytest.mark.parametrize(("switch", "there"), [("on", True), ("limited", True), ("off", False)])
async def test_check_looks_at_token_and_intent(switch: str, there: bool) -> None:
    async with FakeDiscord(message_content=switch) as fake:
        bot = DiscordConnector(DiscordConfig(token=fake.token, api_base=fake.api_base))
        login, intent, invite, *_ = await bot.check()
        assert login.ok
        assert fake.bot.id in login.detail
        assert intent.ok  # without it the bot runs, too
        assert ("Privileged Gateway Intents" in intent.advice) == (not there)
        assert f"client_id={fake.bot.id}" in invite.detail
        assert fake.gateway.connections == []
        await bot.close()


async def test_check_misses_the_members_switch_where_the_config_asks_for_it() -> None:
    async with FakeDiscord() as fake:
        for members, switch, missed in ((True, False, True), (True, True, False), (False, False, False)):
            fake.members_intent = switch
            config = DiscordConfig(token=fake.token, api_base=fake.api_base, members=members)
            bot = DiscordConnector(config)
            bad = [line for line in await bot.check() if not line.ok]
            assert ["members = true" in line.detail for line in bad] == [True] * missed
            assert all("switch on Server Members Intent" in line.advice for line in bad)
            await bot.close()


@pytest.mark.parametrize("told", [None, {"id": "77"}])
async def test_an_application_that_is_not_told_keeps_nobody_off(
    fake: FakeDiscord, bot: DiscordConnector, channel: Channel, told: dict[str, str] | None
) -> None:
    for _ in range(2):
        fake.fail(APPLICATION, 404 if told is None else 200, told or {"message": "404: Not Found", "code": 0})
    login, intent, invite, *_ = await bot.check()
    assert (login.ok, intent.ok, "not told" in intent.detail) == (True, True, True)
    assert f"client_id={told['id'] if told else fake.bot.id}" in invite.detail
    assert await say(bot, channel, "hello")


async def test_json_is_read_whatever_its_charset_is_called(
    fake: FakeDiscord, bot: DiscordConnector, channel: Channel
) -> None:
    fake.fail(SEND, 200, {"id": "9"}, headers={"Content-Type": "application/json; charset=utf-8"})
    assert await say(bot, channel, "hello") == ["9"]


async def test_check_says_what_is_wrong(fake: FakeDiscord) -> None:
    wrong = DiscordConnector(DiscordConfig(token="wrong-token", api_base=fake.api_base))
    [line] = await wrong.check()
    assert (line.ok, "Reset Token" in line.advice) == (False, True)
    fake.fail(ME, 200, b"<html>hotel wifi</html>", content_type="text/html")
    [line] = await wrong.check()
    assert not line.ok
    assert "api_base" in line.advice
    assert "wrong-token" not in line.detail
    await wrong.close()


def test_two_accounts_need_the_same_addresses() -> None:
    first = DiscordConnector(DiscordConfig(token="a", api_base="http://127.0.0.1:1/api/v10", agent="Ada"))
    with pytest.raises(ConfigError, match=r"(?s)api_base.*'Bob'.*'Ada'"):
        spec.create(DiscordConfig(token="b", api_base="http://127.0.0.1:2/api/v10", agent="Bob"))
    same = DiscordConnector(DiscordConfig(token="b", api_base="http://127.0.0.1:1/api/v10"))
    asyncio.run(first.close())
    asyncio.run(same.close())
    asyncio.run(DiscordConnector(DiscordConfig(token="c")).close())


def test_the_spec_says_what_is_missing_and_hides_the_token() -> None:
    assert spec.missing(DiscordConfig()) == "no token; set DISCORD_BOT_TOKEN"
    config = DiscordConfig(token=" Bot abc.def ")
    assert spec.missing(config) == ""
    assert spec.secrets(config) == ("abc.def",)
    assert "abc.def" not in repr(config)


@pytest.mark.parametrize(
    "values", [{"api_base": "discord.com/api"}, {"gateway_url": "http://x"}, {"colour": "red"}]
)
def test_wrong_settings_are_refused(values: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=next(iter(values))):
        DiscordConfig.model_validate(values)


def test_the_readme_asks_for_the_permissions_of_the_invite_link() -> None:
    text = (Path(__file__).parents[2] / "README.md").read_text("utf-8")
    [listed] = re.findall(r"scope `bot`; permissions (.*?)\. Open", text, re.S)
    told = {name.lower() for name in re.findall(r"\*(.*?)\*", " ".join(listed.split()))}
    flags = {name for name, on in needed_permissions() if on}
    # The library calls two of them by older names of Discord's.
    shown = {"read_messages": "view_channels", "send_polls": "create_polls"}
    wanted = {shown.get(name, name).replace("_", " ") for name in flags}
    assert told == wanted
