"""The Discord connector, with the real discord.py, against the fake Discord."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from bot_host.testing.connector import RecordingHost
from bot_host.types.content import ChannelType, Content
from bot_host.types.errors import LoginError
from bot_host.types.inbound import (
    InboundDelete,
    InboundEdit,
    InboundMessage,
    InboundPlaces,
    Skipped,
)
from connectors.discord.client import DiscordConnector
from connectors.discord.config import DiscordConfig
from connectors.discord.gateway import Pace
from tests.fakes.discord import HISTORY, FakeDiscord
from tests.fakes.discord_gateway import Session
from tests.fakes.discord_model import PUBLIC_THREAD, Channel, Json

PACE = Pace(identify_s=0.05, retry_base_s=0.05, heartbeat_s=60.0)


@pytest.fixture
async def fake() -> AsyncIterator[FakeDiscord]:
    async with FakeDiscord() as server:
        yield server


class Bot:
    """A connector with its host, running."""

    def __init__(self, fake: FakeDiscord, host: RecordingHost, connector: DiscordConnector) -> None:
        self.fake = fake
        self.host = host
        self.connector = connector
        self.running = asyncio.create_task(connector.run(host))

    async def stop(self) -> None:
        await self.connector.stop_intake()
        await asyncio.wait([self.running])
        await self.connector.close()

    async def messages(self, count: int = 1) -> list[InboundMessage]:
        """The first sight of each message: live events may repeat what was read from history."""
        need = count
        while True:
            got = await self.host.wait_for(InboundMessage, need)
            unique = list({message.event_key: message for message in reversed(got)}.values())[::-1]
            if len(unique) >= count:
                return sorted(unique, key=got.index)
            need = len(got) + 1


def make(fake: FakeDiscord, *, pace: Pace = PACE, **settings: Any) -> DiscordConnector:
    values = {"token": fake.token, "api_base": fake.api_base, **settings}
    return DiscordConnector(DiscordConfig(**values), pace=pace)


@asynccontextmanager
async def started(
    fake: FakeDiscord,
    data_dir: Path,
    *,
    host: RecordingHost | None = None,
    pace: Pace = PACE,
    **settings: Any,
) -> AsyncIterator[Bot]:
    host = host or RecordingHost(data_dir)
    bot = Bot(fake, host, make(fake, pace=pace, **settings))
    try:
        yield bot
    finally:
        await bot.stop()
        await host.tasks.close()
    if not bot.running.cancelled() and (error := bot.running.exception()) is not None:
        raise error


async def test_a_direct_message_comes_in_and_an_answer_goes_out(fake: FakeDiscord, tmp_path: Path) -> None:
    ada = fake.add_user("ada", global_name="Ada")
    async with started(fake, tmp_path) as bot:
        account = await bot.host.wait_connected()
        assert (account.key, account.name) == (f"discord:{fake.bot.id}", "hostbot")
        await fake.wait_ready()
        said = fake.say(fake.dm(ada), ada, "hello")
        [message] = await bot.messages()
        assert message.content.text == "hello"
        assert message.content.channel_type is ChannelType.DM
        assert message.sender.name == "Ada"
        assert message.world.key == f"discord-dm-{fake.bot.id}"
        [payload] = bot.connector.encode(Content(text="hi **Ada**"), message.target)
        sent = await bot.connector.send(payload, message.target, key="k1")
        answer = await fake.wait_for_message(fake.dm(ada))
        assert answer["content"] == "hi **Ada**"
        assert sent.platform_message_id == answer["id"] != said["id"]


async def test_mentions_replies_and_threads_are_known_as_such(fake: FakeDiscord, tmp_path: Path) -> None:
    ada, guild = fake.add_user("ada"), fake.add_guild("Workshop")
    channel = fake.add_channel(guild, "general")
    thread = fake.add_thread(channel, "bugs")
    fake.member(guild, ada).nick = "Countess"
    async with started(fake, tmp_path) as bot:
        await fake.wait_ready()
        fake.say(channel, ada, f"{fake.bot.mention} what is {channel.mention}?")
        own = fake.say(channel, fake.bot, "a channel")
        fake.say(channel, ada, "thanks", reply_to=own)
        fake.say(thread, ada, "in here")
        fake.say(channel, ada, f"{fake.bot_role(guild).mention} hello")
        mention, reply, in_thread, role = await bot.messages(4)
        assert mention.content.text == "what is #general?"
        assert [_how(m) for m in (mention, reply, in_thread, role)] == [
            (True, False, False),
            (False, True, False),
            (False, False, True),
            (True, False, False),
        ]
        assert reply.replied_memory_key == own["id"]
        assert mention.sender.name == "Countess"
        assert (mention.world.key, mention.world.name) == (guild.id, "Workshop")
        assert (mention.room.name, mention.room.type) == ("general", ChannelType.GROUP)
        assert (in_thread.room.key, in_thread.room.type) == (thread.id, ChannelType.THREAD)
        assert in_thread.room.metadata == {"parent_id": channel.id}
        assert role.content.text == "hello"
        # The answer goes into the thread, as a reply to the message.
        [payload] = bot.connector.encode(Content(text="found"), in_thread.target)
        await bot.connector.send(payload, in_thread.target, key="t")
        answer = await fake.wait_for_message(thread, containing="found")
        assert answer["message_reference"]["message_id"] == in_thread.message_id
        assert answer["mentions"] == []


def _how(message: InboundMessage) -> tuple[bool, bool, bool]:
    context = message.content.mention_context
    assert context is not None
    return context.is_mention, context.is_reply, context.is_thread


async def test_what_is_not_for_the_agent_is_skipped_with_a_reason(fake: FakeDiscord, tmp_path: Path) -> None:
    ada, other = fake.add_user("ada"), fake.add_user("otherbot", bot=True)
    guild = fake.add_guild("Workshop")
    channel = fake.add_channel(guild, "general")
    async with started(fake, tmp_path) as bot:
        await fake.wait_ready()
        fake.say(channel, fake.bot, "my own")
        fake.say(channel, other, "beep")
        fake.say(channel, ada, "from outside", webhook=True)
        fake.say(channel, ada, "", type=7)
        last = fake.say(channel, ada, "real")
        [message] = await bot.messages()
        assert message.content.text == "real"
        assert [event.reason for event in bot.host.events if isinstance(event, Skipped)] == [
            "own message",
            "bot",
            "webhook",
            "system message",
        ]
        assert bot.host.marks[f"channel:{channel.id}"] == int(last["id"])


async def test_edits_and_deletes_are_taken_over_and_link_previews_are_not(
    fake: FakeDiscord, tmp_path: Path
) -> None:
    ada, guild = fake.add_user("ada"), fake.add_guild("Workshop")
    channel = fake.add_channel(guild, "general")
    async with started(fake, tmp_path) as bot:
        await fake.wait_ready()
        first = fake.say(channel, ada, "https://example.org")
        second, third = fake.say(channel, ada, "two"), fake.say(channel, ada, "three")
        fake.preview(first)
        fake.preview(first, partial=True)
        fake.edit(first, "never mind")
        fake.delete(first)
        fake.delete(second, third)
        one, many = await bot.host.wait_for(InboundDelete, 2)
        [edit] = await bot.host.wait_for(InboundEdit)
        assert (edit.event_key, edit.content.text) == (f"{channel.id}/{first['id']}", "never mind")
        assert edit.edited_at.tzinfo is not None
        skipped = [event.reason for event in bot.host.events if isinstance(event, Skipped)]
        assert skipped == ["nothing edited", "nothing edited"]
        # discord.py's own parser would have ended the connection over the partial form.
        assert len(fake.gateway.identifies) == 1
        assert one.event_keys == (f"{channel.id}/{first['id']}",)
        assert many.event_keys == tuple(f"{channel.id}/{m['id']}" for m in (second, third))


async def test_names_are_announced_and_follow_renames(fake: FakeDiscord, tmp_path: Path) -> None:
    guild = fake.add_guild("Workshop")
    channel = fake.add_channel(guild, "general")
    thread = fake.add_thread(channel, "bugs")
    async with started(fake, tmp_path) as bot:
        [start] = await bot.host.wait_for(InboundPlaces)
        assert start.world is not None
        assert start.world.name == "Workshop"
        assert {room.key: room.name for room in start.rooms} == {channel.id: "general", thread.id: "bugs"}
        fake.rename_guild(guild, "Lab")
        fake.rename_channel(channel, "lobby")
        fake.rename_channel(thread, "fixed")
        fake.rename_bot("newname")
        _, world, room, in_thread = await bot.host.wait_for(InboundPlaces, 4)
        assert world.world is not None
        assert (world.world.name, room.rooms[0].name, in_thread.rooms[0].name) == ("Lab", "lobby", "fixed")
        ada = fake.add_user("ada")
        fake.say(channel, ada, "hi")
        [message] = await bot.messages()
        assert (message.world.name, message.room.name) == ("Lab", "lobby")
        assert bot.host.account is not None
        assert bot.host.account.name == "newname"


async def test_a_burst_over_many_channels_keeps_its_order(fake: FakeDiscord, tmp_path: Path) -> None:
    ada, guild = fake.add_user("ada"), fake.add_guild("Workshop")
    channels = [fake.add_channel(guild, f"c{i}") for i in range(5)]
    async with started(fake, tmp_path) as bot:
        await fake.wait_ready()
        bot.host.open_gate.clear()
        said = [fake.say(channels[i % 5], ada, f"m{i}") for i in range(300)]
        bot.host.open_gate.set()
        got = await bot.messages(300)
        assert [m.message_id for m in got] == [m["id"] for m in said]


async def test_a_full_disk_loses_nothing_and_keeps_the_order(fake: FakeDiscord, tmp_path: Path) -> None:
    ada = fake.add_user("ada")
    async with started(fake, tmp_path) as bot:
        await bot.host.wait_connected()
        bot.host.fail_next = 3
        for text in ("one", "two"):
            fake.say(fake.dm(ada), ada, text)
        assert [m.content.text for m in await bot.messages(2)] == ["one", "two"]


async def test_a_cut_connection_resumes_and_brings_what_was_missed_once(
    fake: FakeDiscord, tmp_path: Path
) -> None:
    ada, guild = fake.add_user("ada"), fake.add_guild("Workshop")
    channel = fake.add_channel(guild, "general")
    async with started(fake, tmp_path) as bot:
        await fake.wait_ready()
        fake.say(channel, ada, "before")
        await bot.messages(1)
        fake.cut()
        missed = fake.say(channel, ada, "meanwhile")
        fake.edit(missed, "meanwhile, better")
        await fake.wait_resumed()
        fake.say(channel, ada, "after")
        texts = [m.content.text for m in await bot.messages(3)]
        assert texts == ["before", "meanwhile", "after"]
        assert [e.content.text for e in await bot.host.wait_for(InboundEdit)] == ["meanwhile, better"]
        assert len(fake.gateway.identifies) == 1
        assert bot.host.waits == ["connection lost; resuming"]


@pytest.mark.parametrize("how", ["op 7", "resumable", "close 4000", "garbage"])
async def test_every_kind_of_resumable_break_is_resumed(fake: FakeDiscord, tmp_path: Path, how: str) -> None:
    ada = fake.add_user("ada")
    async with started(fake, tmp_path) as bot:
        await fake.wait_ready()
        breaks = {
            "op 7": fake.reconnect,
            "resumable": lambda: fake.invalidate(resumable=True),
            "close 4000": lambda: fake.close_gateway(4000),
            "garbage": fake.send_garbage,
        }
        breaks[how]()
        await fake.wait_resumed()
        fake.say(fake.dm(ada), ada, "still there?")
        assert [m.content.text for m in await bot.messages()] == ["still there?"]
        assert len(fake.gateway.identifies) == 1


async def test_an_invalid_session_is_begun_anew_and_history_is_read(
    fake: FakeDiscord, tmp_path: Path
) -> None:
    ada, guild = fake.add_user("ada"), fake.add_guild("Workshop")
    channel = fake.add_channel(guild, "general")
    async with started(fake, tmp_path) as bot:
        await fake.wait_ready()
        fake.say(channel, ada, "before")
        fake.say(fake.dm(ada), ada, "privately")
        await bot.messages(2)
        fake.forget_sessions()
        fake.cut()
        for i in range(250):
            fake.say(channel, ada, f"missed {i}")
        thread = fake.add_thread(channel, "new thread")
        fake.say(thread, ada, "in a new thread")
        fake.say(fake.dm(ada), ada, "missed privately")
        await fake.wait_ready(2)
        fake.say(channel, ada, "after")
        texts = [m.content.text for m in await bot.messages(255)]
        in_channel = ["before", *(f"missed {i}" for i in range(250)), "after"]
        assert [t for t in texts if t in set(in_channel)] == in_channel
        assert set(texts) - set(in_channel) == {"privately", "missed privately", "in a new thread"}


@pytest.mark.parametrize("newest_told", [True, False])
async def test_a_restart_reads_what_was_missed_and_nothing_older(
    fake: FakeDiscord, tmp_path: Path, newest_told: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not newest_told:
        payload = Channel.payload
        monkeypatch.setattr(Channel, "payload", lambda channel: _without(payload(channel), "last_message_id"))
    ada, guild = fake.add_user("ada"), fake.add_guild("Workshop")
    channel = fake.add_channel(guild, "general")
    fake.say(channel, ada, "long before the bot")
    host = RecordingHost(tmp_path)
    async with started(fake, tmp_path, host=host) as bot:
        await fake.wait_ready()
        fake.say(channel, ada, "one")
        fake.say(fake.dm(ada), ada, "dm one")
        await bot.messages(2)
    again = RecordingHost(tmp_path)
    again.marks = host.marks
    fake.say(channel, ada, "two")
    fake.say(channel, fake.bot, "an answer from elsewhere")
    fake.say(fake.dm(ada), ada, "dm two")
    async with started(fake, tmp_path, host=again) as bot:
        assert {m.content.text for m in await bot.messages(2)} == {"two", "dm two"}
        last = fake.say(channel, ada, "three")
        assert [m.content.text for m in (await bot.messages(3))[2:]] == ["three"]
        assert again.marks[f"channel:{channel.id}"] == int(last["id"])


def _without(data: Json, key: str) -> Json:
    return {name: value for name, value in data.items() if name != key}


async def test_trouble_while_catching_up_is_tried_again_and_a_closed_channel_is_left(
    fake: FakeDiscord, tmp_path: Path
) -> None:
    ada, guild = fake.add_user("ada"), fake.add_guild("Workshop")
    closed, channel = fake.add_channel(guild, "closed"), fake.add_channel(guild, "general")
    host = RecordingHost(tmp_path)
    for place in (closed, channel):
        host.marks[f"channel:{place.id}"] = int(place.id)
        fake.say(place, ada, f"missed in {place.name}")
    closed.refusal = (403, 50001, "Missing Access")
    fake.fail(HISTORY, 403, {"message": "Missing Access", "code": 50001})
    fake.fail(HISTORY, 503, {"message": "overloaded", "code": 0})
    async with started(fake, tmp_path, host=host) as bot:
        assert [m.content.text for m in await bot.messages()] == ["missed in general"]


async def test_a_wrong_token_is_final_and_says_what_to_do(fake: FakeDiscord, tmp_path: Path) -> None:
    connector = make(fake, token="wrong")
    host = RecordingHost(tmp_path)
    with pytest.raises(LoginError, match="Reset Token"):
        await connector.run(host)
    await connector.close()
    await host.tasks.close()


async def test_a_token_refused_at_the_gateway_is_final(fake: FakeDiscord, tmp_path: Path) -> None:
    connector, host = make(fake), RecordingHost(tmp_path)
    running = asyncio.create_task(connector.run(host))
    await fake.wait_ready()
    fake.close_gateway(4004)
    with pytest.raises(LoginError, match="Reset Token"):
        await running
    await connector.close()
    await host.tasks.close()


async def test_without_the_message_content_intent_the_bot_goes_on_with_less(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with FakeDiscord(message_content="off") as fake:
        ada, guild = fake.add_user("ada"), fake.add_guild("Workshop")
        channel = fake.add_channel(guild, "general")
        async with started(fake, tmp_path) as bot:
            await fake.wait_ready(2)
            fake.say(channel, ada, "nobody sees this")
            fake.say(channel, ada, f"{fake.bot.mention} hello")
            fake.say(fake.dm(ada), ada, "and here")
            got = await bot.messages(2)
            assert [m.content.text for m in got] == ["hello", "and here"]
            assert [e.reason for e in bot.host.events if isinstance(e, Skipped)] == ["no text"]
        assert f"https://discord.com/developers/applications/{fake.bot.id}/bot" in caplog.text
        assert "Message Content Intent" in caplog.text
        assert [bool(i["intents"] & 1 << 15) for i in fake.gateway.identifies] == [True, False]


async def test_servers_told_whole_in_ready_are_known(
    fake: FakeDiscord, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada, guild = fake.add_user("ada"), fake.add_guild("Workshop")
    channel = fake.add_channel(guild, "general")
    whole = {
        "id": guild.id,
        "name": "Workshop",
        "channels": [{"id": channel.id, "type": 0, "name": "general"}],
    }
    tell = fake.gateway._dispatch_to

    def tell_whole(session: Session, event: str, data: Json) -> None:
        if event != "GUILD_CREATE":
            tell(session, event, data | {"guilds": [whole]} if event == "READY" else data)

    monkeypatch.setattr(fake.gateway, "_dispatch_to", tell_whole)
    async with started(fake, tmp_path) as bot:
        [places] = await bot.host.wait_for(InboundPlaces)
        assert [room.name for room in places.rooms] == ["general"]
        await fake.wait_ready()
        fake.say(channel, ada, f"{fake.bot.mention} hello")
        assert [m.world.name for m in await bot.messages()] == ["Workshop"]


async def test_a_session_is_resumed_through_the_gateway_of_the_config(tmp_path: Path) -> None:
    class Proxied(FakeDiscord):
        """READY names an address to resume at that cannot be reached from here."""

        @property
        def gateway_url(self) -> str:
            return "ws://127.0.0.1:9/"

        @property
        def proxy(self) -> str:
            return super().gateway_url

    async with Proxied() as fake, started(fake, tmp_path, gateway_url=fake.proxy):
        await fake.wait_ready()
        fake.cut()
        await fake.wait_resumed()


@pytest.mark.parametrize("how", ["json", "cut", "array"])
async def test_a_malformed_frame_does_not_end_the_bot(fake: FakeDiscord, tmp_path: Path, how: str) -> None:
    ada = fake.add_user("ada")
    async with started(fake, tmp_path) as bot:
        await fake.wait_ready()
        fake.say(fake.dm(ada), ada, "before")
        await bot.messages()
        if how == "cut":
            fake.send_cut_frame()
            fake.ask_heartbeat()
        else:
            fake.send_raw('{"op": 0, "t": "MESS' if how == "json" else "[1, 2]")
        if how == "cut":
            # The compressed stream cannot be read on: a new session, and the history of known places.
            await fake.wait_ready(2)
        # Else, said in the gap in a place that no history was read of yet: a resumed session brings it.
        person = ada if how == "cut" else fake.add_user("bea")
        fake.say(fake.dm(person), person, "after")
        assert [m.content.text for m in await bot.messages(2)] == ["before", "after"]


async def test_unknown_events_and_broken_payloads_are_skipped(
    fake: FakeDiscord, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger="connectors.discord")
    ada = fake.add_user("ada")
    async with started(fake, tmp_path) as bot:
        await fake.wait_ready()
        fake.send_raw('{"op": 99, "d": null}')
        fake.dispatch("QUANTUM_CREATE", {"id": "1"})
        fake.dispatch("CHANNEL_UPDATE", {"id": "1"})
        fake.dispatch("MESSAGE_CREATE", {"id": "77", "channel_id": "5", "author": None})
        fake.say(fake.dm(ada), ada, "still there?")
        assert [m.content.text for m in await bot.messages()] == ["still there?"]
        assert "QUANTUM_CREATE" in caplog.text
        assert bot.host.marks["channel:5"] == 77
        assert len(fake.gateway.identifies) == 1


async def test_a_first_connection_that_is_refused_is_tried_again(fake: FakeDiscord, tmp_path: Path) -> None:
    fake.gateway.refuse = 1
    async with started(fake, tmp_path) as bot:
        await bot.host.wait_connected()
        assert len(bot.host.waits) >= 1
        assert "AttributeError" not in bot.host.waits[-1]


async def test_a_server_that_is_down_at_first_is_waited_for(tmp_path: Path) -> None:
    fake = FakeDiscord()
    async with fake:
        pass
    connector, host = make(fake), WaitedFor(tmp_path)
    running = asyncio.create_task(connector.run(host))
    await host.waited.wait()
    async with fake:
        await host.wait_connected()
        await connector.stop_intake()
        await running
        await connector.close()
        await host.tasks.close()


class WaitedFor(RecordingHost):
    """A host that says when the connector has given up for now twice."""

    def __init__(self, data_dir: Path) -> None:
        super().__init__(data_dir)
        self.waited = asyncio.Event()

    def waiting(self, why: str) -> None:
        super().waiting(why)
        if len(self.waits) == 2:
            self.waited.set()


async def test_a_dead_connection_is_noticed_and_resumed(fake: FakeDiscord, tmp_path: Path) -> None:
    fake.gateway.heartbeat_interval_ms = 100
    ada = fake.add_user("ada")
    pace = Pace(identify_s=0.05, retry_base_s=0.05, heartbeat_s=0.4)
    async with started(fake, tmp_path, pace=pace) as bot:
        await fake.wait_ready()
        fake.gateway.acks = False
        fake.say(fake.dm(ada), ada, "into the void")
        await fake.wait_until(lambda: bool(fake.gateway.resumes), "a resume")
        fake.gateway.acks = True
        assert [m.content.text for m in await bot.messages()] == ["into the void"]


async def test_more_than_can_be_stored_is_read_from_history(
    fake: FakeDiscord, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connectors.discord.intake.QUEUE_LIMIT", 20)
    ada, guild = fake.add_user("ada"), fake.add_guild("Workshop")
    channel = fake.add_channel(guild, "general")
    async with started(fake, tmp_path) as bot:
        await fake.wait_ready()
        fake.say(channel, ada, "m0")
        await bot.messages()
        bot.host.open_gate.clear()
        said = ["m0"] + [fake.say(channel, ada, f"m{i}")["content"] for i in range(1, 100)]
        await fake.wait_until(lambda: not fake.gateway.live, "the connection given up")
        bot.host.open_gate.set()
        await fake.wait_ready(2)
        said.append(fake.say(channel, ada, "last")["content"])
        assert [m.content.text for m in await bot.messages(101)] == said


async def test_no_logins_left_is_waited_out(fake: FakeDiscord, tmp_path: Path) -> None:
    fake.identifies_left = 0
    async with started(fake, tmp_path) as bot:
        await bot.host.wait_connected()
        assert bot.host.waits == ["no logins left for today"]


async def test_an_archived_thread_that_wakes_up_is_known(fake: FakeDiscord, tmp_path: Path) -> None:
    ada, guild = fake.add_user("ada"), fake.add_guild("Workshop")
    thread = fake.add_thread(fake.add_channel(guild, "general"), "old thread")
    thread.archived = True
    async with started(fake, tmp_path) as bot:
        await fake.wait_ready()
        fake.say(thread, ada, "waking up")
        [message] = await bot.messages()
        assert (message.room.type, message.room.name) == (ChannelType.THREAD, "old thread")


async def test_a_channel_that_no_event_named_is_looked_up_once(fake: FakeDiscord, tmp_path: Path) -> None:
    ada, guild = fake.add_user("ada"), fake.add_guild("Workshop")
    thread = Channel("77", PUBLIC_THREAD, "secret", guild, fake.add_channel(guild, "general"))
    unknown = Channel("78", PUBLIC_THREAD, "hidden", guild, thread.parent)
    fake.channels[thread.id] = thread
    async with started(fake, tmp_path) as bot:
        await fake.wait_ready()
        for place in (thread, thread, unknown, unknown):
            fake.say(place, ada, "hello")
        found, _, lost, _ = await bot.messages(4)
        assert (found.room.type, found.room.name) == (ChannelType.THREAD, "secret")
        assert (lost.room.type, lost.room.name) == (ChannelType.GROUP, "")
        assert [call.path[-2:] for call in fake.calls_of("GET /channels/{channel_id}")] == ["77", "78"]


async def test_the_gateway_url_of_the_config_is_used(fake: FakeDiscord, tmp_path: Path) -> None:
    async with started(fake, tmp_path, gateway_url=fake.gateway_url, shards=1) as bot:
        await bot.host.wait_connected()
        assert fake.calls_of("GET /gateway/bot") == []
