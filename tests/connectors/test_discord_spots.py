"""Threads for answers, posts of forums, archived threads, working reactions: against the fake Discord."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot_host.testing.connector import RecordingHost
from bot_host.types.content import ChannelType, Content
from bot_host.types.errors import RoomClosed
from bot_host.types.outbound import Target
from connectors.discord.client import DiscordConnector
from connectors.discord.config import DiscordConfig
from connectors.discord.spots import thread_name
from tests.connectors.test_discord_live import make, started
from tests.fakes.discord import FakeDiscord
from tests.fakes.discord_model import FORUM, Channel


@pytest.mark.parametrize("key", ["working_reaction", "failed_reaction"])
def test_a_reaction_that_discord_would_not_take_is_refused(key: str) -> None:
    for good in ("", "👀", "1️⃣", "party:41771983429993937", "<a:party:41771983429993937>"):
        assert getattr(DiscordConfig(**{key: good}), key) == good
    for bad in ("eyes", ":eyes:", "x:y"):
        with pytest.raises(ValueError, match="must be an emoji such as 👀"):
            DiscordConfig(**{key: bad})


@pytest.fixture
async def fake() -> AsyncIterator[FakeDiscord]:
    async with FakeDiscord() as server:
        yield server


@pytest.fixture
def channel(fake: FakeDiscord) -> Channel:
    return fake.add_channel(fake.add_guild("Workshop"), "general")


@pytest.fixture
async def bot(fake: FakeDiscord) -> AsyncIterator[DiscordConnector]:
    connector = make(fake)
    yield connector
    await connector.close()


async def say(bot: DiscordConnector, target: Target, text: str, key: str = "m:0") -> str:
    [payload] = bot.encode(Content(text=text), target)
    return (await bot.send(payload, target, key=key)).platform_message_id


async def test_a_mention_is_answered_in_a_thread_of_its_own(
    fake: FakeDiscord, channel: Channel, tmp_path: Path
) -> None:
    ada = fake.add_user("ada")
    async with started(fake, tmp_path, threads="mention") as bot:
        await fake.wait_ready()
        asked = fake.say(channel, ada, f"{fake.bot.mention} **How** do I solder?\nplease")
        fake.say(channel, ada, "not to the bot")
        question, other = await bot.messages(2)
        assert (question.room.type, question.room.name) == (ChannelType.THREAD, "How** do I solder?")
        assert (question.room.key, other.room.key) == (asked["id"], channel.id)
        await bot.connector.typing(question.target)
        assert fake.channels.get(asked["id"]) is None
        first = await say(bot.connector, question.target, "Like this.")
        thread = fake.channels[asked["id"]]
        assert (thread.name, thread.parent) == ("How** do I solder?", channel)
        assert thread.messages[first]["content"] == "Like this."
        await say(bot.connector, question.target, "And then that.", "m:1")
        assert len(fake.calls_of("POST /channels/{channel_id}/messages/{message_id}/threads")) == 1
        fake.say(thread, ada, "thanks")
        *_, thanks = await bot.messages(3)
        assert (thanks.room.key, thanks.room.type) == (question.room.key, ChannelType.THREAD)
        await bot.connector.edit({"content": "Like that."}, question.target, first, key="m:0")
        assert thread.messages[first]["content"] == "Like that."


async def test_a_thread_that_is_there_is_used_after_a_restart(
    fake: FakeDiscord, channel: Channel, bot: DiscordConnector
) -> None:
    asked = fake.say(channel, fake.add_user("ada"), "hello")
    thread = fake.add_thread(channel, "hello", id=asked["id"])
    target = Target(
        source="discord", channel_id=asked["id"], extra={"thread_of": channel.id, "thread_name": "hello"}
    )
    sent = await say(bot, target, "again")
    assert sent in thread.messages


async def test_where_no_thread_may_be_opened_the_answer_comes_all_the_same(
    fake: FakeDiscord, channel: Channel, bot: DiscordConnector
) -> None:
    asked = fake.say(channel, fake.add_user("ada"), "hello")
    refusal = {"message": "Missing Permissions", "code": 50013}
    fake.fail("POST /channels/{channel_id}/messages/{message_id}/threads", 403, refusal)
    target = Target(
        source="discord", channel_id=asked["id"], extra={"thread_of": channel.id, "thread_name": "hello"}
    )
    sent = await say(bot, target, "here then")
    assert channel.messages[sent]["message_reference"]["message_id"] == asked["id"]
    await bot.edit({"content": "here, edited"}, target, sent, key="m:0")
    assert channel.messages[sent]["content"] == "here, edited"


async def test_a_message_to_a_forum_becomes_a_post(
    fake: FakeDiscord, channel: Channel, bot: DiscordConnector
) -> None:
    assert channel.guild is not None
    forum = fake.add_channel(channel.guild, "ideas", type=FORUM)
    target = Target(source="discord", channel_id=forum.id)
    sent = await say(bot, target, "# News of the week\nMuch happened.")
    post = fake.channels[sent]
    assert (post.name, post.parent) == ("News of the week", forum)
    more = await say(bot, target, "And more.", "m:1")
    assert [message["content"] for message in post.messages.values()] == [
        "# News of the week\nMuch happened.",
        "And more.",
    ]
    assert more in post.messages
    await bot.edit({"content": "Nothing happened."}, target, sent, key="m:0")
    assert post.messages[sent]["content"] == "Nothing happened."
    other = await say(bot, target, "Another one", "other:0")
    assert fake.channels[other].name == "Another one"


async def test_an_archived_thread_is_woken_up_for_an_edit(
    fake: FakeDiscord, channel: Channel, bot: DiscordConnector
) -> None:
    thread = fake.add_thread(channel, "old")
    target = Target(source="discord", channel_id=thread.id)
    sent = await say(bot, target, "first")
    thread.archived = True
    await bot.edit({"content": "second"}, target, sent, key="m:0")
    assert (thread.archived, thread.messages[sent]["content"]) == (False, "second")
    thread.archived = thread.locked = True
    with pytest.raises(RoomClosed, match="50083"):
        await say(bot, target, "third", "m:1")


async def test_a_reaction_says_that_the_bot_is_at_work(
    fake: FakeDiscord, channel: Channel, tmp_path: Path
) -> None:
    ada = fake.add_user("ada")
    async with started(fake, tmp_path, host=RecordingHost(tmp_path), working_reaction="👀") as bot:
        await fake.wait_ready()
        asked = fake.say(channel, ada, f"{fake.bot.mention} hello")
        [question] = await bot.messages()
        for _ in range(2):
            await bot.connector.typing(question.target)
        await bot.connector.typing_done(question.target)
        await bot.connector.typing_done(question.target)
        assert fake.reacted == [(channel.id, asked["id"], "👀", on) for on in (True, False)]


async def test_without_the_setting_no_reaction_is_put(
    fake: FakeDiscord, channel: Channel, bot: DiscordConnector
) -> None:
    asked = fake.say(channel, fake.add_user("ada"), "hello")
    target = Target(source="discord", channel_id=channel.id, reply_to=asked["id"])
    await bot.typing(target)
    await bot.typing_done(target)
    assert fake.reacted == []


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("How?\nmore", "How?"),
        ("\n## Title ##\n", "Title"),
        ("> ```\nx", "x"),
        ("  \n", "Question from Ada"),
        ("y" * 300, "y" * 99 + "…"),
    ],
)
def test_threads_have_a_name(text: str, name: str) -> None:
    assert thread_name(text, "Ada") == name
