"""Reading back whether a message has arrived at Discord, with the real discord.py."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot_host.connector import (
    Content,
    Payload,
    ReadBackConnector,
    SendLater,
    SendRefused,
    SendUnknown,
    Target,
)
from connectors.discord import proof
from connectors.discord.client import DiscordConnector
from connectors.discord.config import DiscordConfig
from connectors.discord.encode import nonce_of
from tests.fakes.discord import HISTORY, SEND, FakeDiscord
from tests.fakes.discord_model import FORUM, Channel

NOW = datetime.now(UTC)


@pytest.fixture
async def fake() -> AsyncIterator[FakeDiscord]:
    async with FakeDiscord() as server:
        yield server


@pytest.fixture
async def bot(fake: FakeDiscord) -> AsyncIterator[DiscordConnector]:
    connector = DiscordConnector(DiscordConfig(token=fake.token, api_base=fake.api_base))
    yield connector
    await connector.close()


@pytest.fixture
def channel(fake: FakeDiscord) -> Channel:
    return fake.add_channel(fake.add_guild("Workshop"), "general")


def to(channel: Channel, **more: Any) -> Target:
    return Target(source="discord", channel_id=channel.id, **more)


def part(bot: DiscordConnector, target: Target, text: str) -> Payload:
    [payload] = bot.encode(Content(text=text), target)
    return payload


async def look(
    bot: DiscordConnector,
    payload: Payload,
    target: Target,
    *,
    key: str = "k",
    others: frozenset[str] = frozenset(),
) -> str | None:
    sent = await bot.find_sent(payload, target, key=key, since=datetime.now(UTC), others=others)
    return sent.platform_message_id if sent else None


def test_it_can_be_asked(bot: DiscordConnector) -> None:
    assert isinstance(bot, ReadBackConnector)


@pytest.mark.parametrize("replies", [True, False])
async def test_what_was_taken_before_the_connection_broke_is_found(
    fake: FakeDiscord, bot: DiscordConnector, channel: Channel, replies: bool
) -> None:
    question = fake.say(channel, fake.add_user("ada"), "tell me")
    target = to(channel, reply_to=question["id"] if replies else "")
    payload = part(bot, target, "  an answer\nof two lines ")
    fake.drop(SEND, "after")
    with pytest.raises(SendUnknown):
        await bot.send(payload, target, key="k")
    fake.say(channel, fake.add_user("ben"), "an answer\nof two lines")
    assert await look(bot, payload, target) == fake.sent[0]["id"]


async def test_what_was_not_taken_is_not_found(
    fake: FakeDiscord, bot: DiscordConnector, channel: Channel
) -> None:
    question = fake.say(channel, fake.add_user("ada"), "tell me")
    target = to(channel, reply_to=question["id"])
    payload = part(bot, target, "an answer")
    fake.drop(SEND, "before")
    with pytest.raises(SendUnknown):
        await bot.send(payload, target, key="k")
    # The same words long before, or in answer to something else, or of another part: none is it.
    fake.post(channel, fake.bot, "an answer", ago=3600)
    fake.post(channel, fake.bot, "an answer", reply_to=fake.say(channel, fake.add_user("ben"), "and me?"))
    other = fake.post(channel, fake.bot, "an answer")
    fake.say(channel, fake.add_user("carl"), "an answer")
    assert await look(bot, payload, target, others=frozenset({other["id"]})) is None


async def test_a_reply_that_went_out_without_its_reference_is_found(
    fake: FakeDiscord, bot: DiscordConnector, channel: Channel
) -> None:
    target = to(channel, reply_to=fake.say(channel, fake.add_user("ada"), "oops")["id"])
    payload = part(bot, target, "an answer")
    arrived = fake.post(channel, fake.bot, "an answer")
    assert await look(bot, payload, target) == arrived["id"]


async def test_a_nonce_that_is_told_decides(
    fake: FakeDiscord, bot: DiscordConnector, channel: Channel
) -> None:
    payload = part(bot, to(channel), "an answer")
    fake.post(channel, fake.bot, "an answer", extra={"nonce": nonce_of("another part")})
    mine = fake.post(channel, fake.bot, "an answer, edited since", extra={"nonce": nonce_of("k")})
    assert await look(bot, payload, to(channel)) == mine["id"]


async def test_it_is_found_behind_many_others_page_by_page(
    fake: FakeDiscord, bot: DiscordConnector, channel: Channel, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = fake.add_user("ada")
    for n in range(250):
        fake.say(channel, ada, f"chatter {n}")
    arrived = fake.post(channel, fake.bot, "an answer")
    payload = part(bot, to(channel), "an answer")
    assert await look(bot, payload, to(channel)) == arrived["id"]
    assert len(fake.calls_of(HISTORY)) == 3
    monkeypatch.setattr(proof, "MOST_PAGES", 2)
    with pytest.raises(SendRefused, match="more than 200 messages"):
        await look(bot, payload, to(channel))


async def test_a_clock_that_is_minutes_ahead_does_no_harm(
    fake: FakeDiscord, bot: DiscordConnector, channel: Channel
) -> None:
    arrived = fake.post(channel, fake.bot, "an answer")
    payload, ahead = part(bot, to(channel), "an answer"), datetime.now(UTC) + timedelta(minutes=4)
    sent = await bot.find_sent(payload, to(channel), key="k", since=ahead, others=set())
    assert sent is not None
    assert sent.platform_message_id == arrived["id"]


async def test_direct_messages_by_user_are_read_back(fake: FakeDiscord, bot: DiscordConnector) -> None:
    ada = fake.add_user("ada")
    arrived = fake.post(fake.dm(ada), fake.bot, "psst")
    target = Target(source="discord", extra={"user_id": ada.id})
    assert await look(bot, part(bot, target, "psst"), target) == arrived["id"]


@pytest.mark.parametrize(
    ("status", "expected"),
    [(403, SendRefused), (404, SendRefused), (401, SendLater), (429, SendLater), (503, SendLater)],
)
async def test_what_cannot_be_read_is_told_apart(
    fake: FakeDiscord, bot: DiscordConnector, channel: Channel, status: int, expected: type[Exception]
) -> None:
    fake.fail(HISTORY, status, {"message": "no", "code": 0}, headers={"Retry-After": "300", "Via": ""})
    with pytest.raises(expected):
        await look(bot, part(bot, to(channel), "an answer"), to(channel))


@pytest.fixture
async def other(fake: FakeDiscord) -> AsyncIterator[DiscordConnector]:
    """The same account after a restart."""
    connector = DiscordConnector(DiscordConfig(token=fake.token, api_base=fake.api_base))
    yield connector
    await connector.close()


async def test_a_post_of_a_forum_is_found(
    fake: FakeDiscord, bot: DiscordConnector, other: DiscordConnector, channel: Channel
) -> None:
    assert channel.guild is not None
    forum = fake.add_channel(channel.guild, "ideas", type=FORUM)
    target = to(forum)
    payload = part(bot, target, "News\nof the week")
    assert await look(bot, payload, target) is None
    sent = await bot.send(payload, target, key="m:0")
    fake.add_thread(forum, "somebody else's")
    assert await look(other, payload, target, key="m:0") == sent.platform_message_id
    # Its further parts go into that post.
    more = await other.send(part(other, target, "more"), target, key="m:1")
    assert more.platform_message_id in fake.channels[sent.platform_message_id].messages
    assert await look(other, part(other, target, "other news"), target, key="n:0") is None


async def test_an_answer_that_found_no_thread_is_found_in_the_channel(
    fake: FakeDiscord, bot: DiscordConnector, other: DiscordConnector, channel: Channel
) -> None:
    asked = fake.say(channel, fake.add_user("ada"), "hello")
    refusal = {"message": "Missing Permissions", "code": 50013}
    fake.fail("POST /channels/{channel_id}/messages/{message_id}/threads", 403, refusal, times=2)
    target = Target(
        source="discord", channel_id=asked["id"], extra={"thread_of": channel.id, "thread_name": "hello"}
    )
    payload = part(bot, target, "here")
    sent = await bot.send(payload, target, key="k")
    assert await look(other, payload, target) == sent.platform_message_id
