"""Answers said aloud in voice channels: the whole house, the real discord.py, a fake voice server."""

import asyncio
import dataclasses
import itertools
import logging
from pathlib import Path

import pytest

from bot_host.types.errors import ModelError
from connectors.discord.voice import needs, session
from connectors.discord.voice.session import WAITING
from tests.connectors.voice_bench import PACE, Bench, bench, sound_of
from tests.fakes.discord_gateway import GUILD_VOICE_STATES
from tests.fakes.discord_model import allow_and_deny

CONNECT, SPEAK = 1 << 20, 1 << 21
STAGE = 13


def wish(it: Bench, channel_id: str | None) -> dict[str, object]:
    """What the bot asks its gateway for; it is deaf, for everybody to see."""
    place = int(channel_id) if channel_id else None
    return {"guild_id": int(it.guild.id), "channel_id": place, "self_mute": False, "self_deaf": True}


async def left(it: Bench) -> None:
    """Wait until the bot sits nowhere, and knows it."""
    voices = it.connector._voices
    await it.fake.wait_until(
        lambda: it.fake.bot.id not in it.guild.seats and not it.voice.connections, "the bot to leave"
    )
    while voices.sessions:
        await asyncio.sleep(0.01)


async def test_it_joins_when_asked_and_says_its_answers(tmp_path: Path) -> None:
    async with bench(tmp_path) as it:
        told = await it.join()
        assert "You are in their voice channel now" in told
        await it.answer("Hello **Ada**, see <https://example.org>!")
        await it.answer("And again.")
        assert await it.said(2) == ["Hello Ada, see!", "And again."]
        assert it.fake.voice_wishes == [wish(it, it.lounge.id)]
        assert it.voice.bad_packets == 0
        numbers, times = zip(*it.voice.stamps, strict=True)
        assert list(numbers) == list(range(1, len(numbers) + 1))
        assert {later - time for time, later in itertools.pairwise(times)} == {960}
        assert it.voice.speaking[:2] == [0, 1]
        assert it.fake.gateway.identifies[0]["intents"] & GUILD_VOICE_STATES


async def test_a_new_answer_does_not_cut_the_one_before(tmp_path: Path) -> None:
    async with bench(tmp_path) as it:
        it.speech.frames = 25
        await it.join()
        for text in ("One.", "Two.", "Three."):
            await it.answer(text)
        assert await it.said(3) == ["One.", "Two.", "Three."]
        assert [len(said) for said in it.voice.heard] == [25, 25, 25]


async def test_answers_to_who_asked_are_said_where_they_asked(tmp_path: Path) -> None:
    async with bench(tmp_path) as it:
        it.fake.sit(it.guild, it.lounge, it.bob)
        assert "what you answer to this person here" in await it.join()
        await it.answer("For Ada.", where=it.general)
        await it.answer("For Bob, who did not ask.", where=it.general, by=it.bob)
        await it.answer("For Bob in the lounge.", by=it.bob)
        it.fake.stand(it.guild, it.ada)
        await it.answer("For Ada, who has left.", where=it.general)
        await it.answer("The end.", by=it.bob)
        assert await it.said(3) == ["For Ada.", "For Bob in the lounge.", "The end."]


async def test_asked_in_private_only_the_voice_channels_own_chat_is_said(tmp_path: Path) -> None:
    async with bench(tmp_path) as it:
        it.fake.sit(it.guild, it.lounge, it.ada)
        private = it.fake.dm(it.ada)
        assert "to this person here" not in await it.call("JOIN_VOICE", where=private)
        await it.answer("A secret.", where=private)
        await it.answer("In public.")
        assert await it.said(1) == ["In public."]


async def test_an_edited_answer_is_not_said_again(tmp_path: Path) -> None:
    async with bench(tmp_path) as it:
        await it.join()
        it.model.answers = ["The first answer."]
        question = it.fake.say(it.lounge, it.ada, f"{it.fake.bot.mention} and?")
        shown = await it.fake.wait_for_message(it.lounge, containing="first answer")
        it.model.answers = ["Another answer."]
        it.fake.edit(question, f"{it.fake.bot.mention} or?")
        await it.fake.wait_until(
            lambda: it.lounge.messages[shown["id"]]["content"] == "Another answer.", "the edit"
        )
        await it.answer("The end.")
        assert await it.said(2) == ["The first answer.", "The end."]


async def test_who_is_in_no_voice_channel_is_told_so(tmp_path: Path) -> None:
    async with bench(tmp_path) as it:
        assert "in no voice channel" in await it.call("JOIN_VOICE")
        assert it.fake.voice_wishes == []


async def test_only_a_channel_that_the_asker_may_connect_to(tmp_path: Path) -> None:
    async with bench(tmp_path) as it:
        allow_and_deny(it.lounge, it.ada, deny=CONNECT)
        assert "may not connect to that channel themselves" in await it.join()
        assert it.fake.voice_wishes == []


async def test_what_the_bot_lacks_is_told(tmp_path: Path) -> None:
    async with bench(tmp_path) as it:
        allow_and_deny(it.lounge, it.fake.bot, deny=SPEAK)
        assert "the bot itself lacks Speak in that channel" in await it.join()
        assert it.fake.voice_wishes == []


async def test_a_stage_is_refused(tmp_path: Path) -> None:
    async with bench(tmp_path) as it:
        it.lounge.type = STAGE
        assert "that is a stage" in await it.join()


async def test_without_a_speech_model_it_says_what_is_missing(tmp_path: Path) -> None:
    async with bench(tmp_path, speaks=False) as it:
        assert "models.openai.speech" in await it.join()
        assert it.fake.voice_wishes == []


async def test_people_are_not_left_for_others(tmp_path: Path) -> None:
    async with bench(tmp_path) as it:
        await it.join()
        it.fake.sit(it.guild, it.studio, it.bob)
        assert "in another voice channel" in await it.call("JOIN_VOICE", by=it.bob)
        assert "only somebody who sits in that voice channel" in await it.call("LEAVE_VOICE", by=it.bob)
        it.fake.stand(it.guild, it.ada)
        assert "You are in their voice channel now" in await it.call("JOIN_VOICE", by=it.bob)
        assert it.guild.seats[it.fake.bot.id] == it.studio.id
        assert "You have left" in await it.call("LEAVE_VOICE", by=it.bob)
        await left(it)
        assert it.fake.voice_wishes[-1]["channel_id"] is None
        await it.answer("Nobody hears this.", where=it.studio, by=it.bob)
        assert it.voice.heard == []
        assert "LEAVE_VOICE" not in it.offered
        assert "JOIN_VOICE" in it.offered


async def test_it_leaves_when_only_bots_are_there(tmp_path: Path) -> None:
    async with bench(tmp_path, pace=dataclasses.replace(PACE, voice_empty_s=0.05)) as it:
        other = it.fake.add_user("musicbot", bot=True)
        it.fake.member(it.guild, other)
        it.fake.sit(it.guild, it.lounge, other)
        await it.join()
        it.fake.stand(it.guild, it.ada)
        await left(it)


async def test_it_stays_when_somebody_comes_back(tmp_path: Path) -> None:
    async with bench(tmp_path) as it:
        await it.join()
        leaving = it.connector._voices._leaving
        it.fake.stand(it.guild, it.ada)
        while not leaving:
            await asyncio.sleep(0.01)
        [task] = leaving.values()
        it.fake.sit(it.guild, it.lounge, it.ada)
        await asyncio.wait([task], timeout=30)
        assert task.cancelled()
        assert not leaving
        await it.answer("Welcome back.")
        assert await it.said(1) == ["Welcome back."]


async def test_a_kick_ends_it_and_it_can_be_asked_in_again(tmp_path: Path) -> None:
    async with bench(tmp_path) as it:
        await it.join()
        it.fake.stand(it.guild, it.fake.bot)
        await left(it)
        await it.answer("Not said.")
        await it.call("JOIN_VOICE")
        await it.answer("Here again.")
        assert await it.said(1) == ["Here again."]


async def test_it_follows_where_it_is_moved(tmp_path: Path) -> None:
    async with bench(tmp_path) as it:
        await it.join()
        it.fake.sit(it.guild, it.studio, it.ada)
        it.fake.sit(it.guild, it.studio, it.fake.bot)
        it.fake.send_voice_server(it.guild)
        await it.fake.wait_until(lambda: len(it.voice.identifies) == 2, "a second connection")
        await it.answer("In the lounge.", where=it.lounge)
        await it.answer("In the studio.", where=it.studio)
        assert await it.said(1) == ["In the studio."]


async def test_a_voice_connection_that_is_lost_is_made_again(tmp_path: Path) -> None:
    async with bench(tmp_path) as it:
        await it.join()
        await it.answer("Before.")
        await it.said(1)
        # "Session timeout. Your session has timed out. Reconnect."
        await it.voice.drop(4009)
        await it.fake.wait_until(lambda: len(it.voice.identifies) == 2, "a second connection")
        await it.answer("After.")
        assert await it.said(2) == ["Before.", "After."]


async def test_it_leaves_when_the_host_stops(tmp_path: Path) -> None:
    async with bench(tmp_path) as it:
        await it.join()
        wishes = it.fake.voice_wishes
    assert wishes == [wish(it, it.lounge.id), wish(it, None)]
    assert it.fake.bot.id not in it.guild.seats


async def test_a_host_that_stops_while_it_joins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "LEAVE_S", 0.1)
    async with bench(tmp_path) as it:
        it.fake.voice = None
        it.fake.sit(it.guild, it.lounge, it.ada)
        asking = asyncio.create_task(it.call("JOIN_VOICE"))
        while not it.fake.voice_wishes:
            await asyncio.sleep(0.01)
    asking.cancel()
    assert not it.connector._voices.sessions


async def test_a_server_that_throws_it_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "LEAVE_S", 0.1)
    async with bench(tmp_path) as it:
        await it.join()
        it.fake.leave(it.guild, it.fake.bot)
        while it.connector._voices.sessions:
            await asyncio.sleep(0.01)
        await it.fake.wait_until(lambda: not it.voice.connections, "the voice connection to close")


async def test_each_server_by_its_own_shard(tmp_path: Path) -> None:
    async with bench(tmp_path, shards=3) as it:
        await it.join()
        await it.answer("By my shard.")
        assert await it.said(1) == ["By my shard."]
        number = (int(it.guild.id) >> 22) % 3
        asked = [
            each.session.shard
            for each in it.fake.gateway.live
            if each.session is not None and any(frame["op"] == 4 for frame in each.received)
        ]
        assert asked == [(number, 3)]


async def test_when_discord_does_not_let_it_in(tmp_path: Path) -> None:
    async with bench(tmp_path, pace=dataclasses.replace(PACE, voice_connect_s=0.2)) as it:
        voice, it.fake.voice = it.fake.voice, None
        assert "Discord did not let it in" in await it.join()
        it.fake.voice = voice
        assert "You are in their voice channel now" in await it.call("JOIN_VOICE")


async def test_sound_that_fails_leaves_the_rest_alone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with bench(tmp_path) as it:
        await it.join()
        fault = ModelError("the speech server is on fire")
        it.speech.sounds = [fault, fault, b"RIFF\x00\x00\x00\x00WAVEdata", b"OggS", sound_of("Well.")]
        for number in range(4):
            await it.answer(f"Answer {number}.")
        await it.answer("Well.")
        assert await it.said(1) == ["Well."]
    lines = [record.getMessage() for record in caplog.records if record.name.endswith("voice.session")]
    warnings = [line for line in lines if "not said" in line or "speech model" in line]
    assert len(warnings) == 3
    assert f"server {it.guild.id}, channel {it.lounge.id}, Eliza: an answer was not said" in warnings[0]
    assert "on fire" in warnings[0]
    assert "sent audio/wav, which cannot be played as it is; install ffmpeg" in warnings[1]
    assert "damaged Ogg" in warnings[2]


async def test_answers_that_wait_are_bounded(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    async with bench(tmp_path) as it:
        it.speech.frames = 1
        await it.join()
        it.speech.go_on.clear()
        for number in range(WAITING + 3):
            await it.answer(f"Number {number}.")
        it.speech.go_on.set()
        said = await it.said(WAITING + 1)
        assert said == [f"Number {number}." for number in range(WAITING + 1)]
        await it.answer("And on.")
        assert (await it.said(WAITING + 2))[-1] == "And on."
    full = [each for each in caplog.messages if "one stands in the chat only" in each]
    assert len(full) == 2


async def test_a_malformed_voice_state_is_skipped(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with bench(tmp_path) as it:
        await it.join()
        for data in ({"guild_id": it.guild.id}, {"guild_id": it.guild.id, "user_id": None, "member": 7}):
            it.fake.gateway.dispatch("VOICE_STATE_UPDATE", data, intent=GUILD_VOICE_STATES)
        await it.answer("Still here.")
        assert await it.said(1) == ["Still here."]
    assert sum("skipped a malformed VOICE_STATE_UPDATE" in each for each in caplog.messages) == 2


async def test_by_default_there_is_no_voice(tmp_path: Path) -> None:
    async with bench(tmp_path, voice=False) as it:
        it.fake.sit(it.guild, it.lounge, it.ada)
        await it.answer("Hello.")
        assert not it.fake.gateway.identifies[0]["intents"] & GUILD_VOICE_STATES
        assert not {"JOIN_VOICE", "LEAVE_VOICE"} & it.offered


async def test_without_the_libraries_all_else_works(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(needs, "has_dave", False)
    async with bench(tmp_path) as it:
        await it.answer("Hello.")
        assert "JOIN_VOICE" not in it.offered
        [line] = [line for line in await it.connector.check() if line.name == "discord voice"]
    assert not line.ok
    assert (line.detail, line.advice) == (
        "voice = true, but davey missing; everything else works",
        'pip install -e ".[voice]"',
    )
    [warning] = [each for each in caplog.messages if "nothing is said in voice channels" in each]
    assert warning.endswith('davey missing; pip install -e ".[voice]"')


async def test_check_names_what_can_be_played_and_that_it_does_not_listen(tmp_path: Path) -> None:
    async with bench(tmp_path) as it:
        lines = {line.name: line for line in await it.connector.check()}
    assert lines["discord voice"].ok
    assert lines["discord voice"].detail.startswith("can play ")
    assert "does not listen" in lines["discord voice listening"].detail
    assert f"permissions={_permissions(lines['discord invite'].detail) | CONNECT | SPEAK}" in (
        lines["discord invite"].detail
    )


def _permissions(link: str) -> int:
    return int(link.partition("permissions=")[2].partition("&")[0])
