"""Bots that answer each other come to an end, by what stands in the rows."""

import logging
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bot_host.connector import ConnectorConfig
from bot_host.kit import clock
from bot_host.pipeline import bots
from bot_host.types.content import ChannelType
from bot_host.types.inbound import InboundMessage
from tests.host.conftest import House, Houses
from tests.host.test_host import inbox_of

CONFIG = ConnectorConfig(bots="all", bots_limit=3)


async def say(house: House, text: str, room: str = "general", *, bot: bool = True) -> InboundMessage:
    person = "robo" if bot else "ada"
    said = house.platform.message(text, person=person, room=room, type=ChannelType.GROUP, mention=True)
    said = replace(said, sender=replace(said.sender, is_bot=bot))
    await house.platform.accept(said)
    await house.host.finish_pending()
    return said


def answers(house: House) -> list[str]:
    return [text.rpartition(": ")[2] for _, text, _ in house.platform.sent]


async def test_after_so_many_answers_bots_get_none_in_that_room(
    house_at: Houses, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with house_at(config=CONFIG) as house:
        for number in range(5):
            await say(house, f"ping {number}")
        assert answers(house) == ["ping 0", "ping 1", "ping 2"]
        # People are answered there, and bots elsewhere.
        await say(house, "hello", bot=False)
        await say(house, "ping", room="other")
        assert answers(house)[3:] == ["hello", "ping"]
    lines = [each for each in caplog.records if each.name == bots.__name__]
    assert [(each.levelno, each.getMessage()) for each in lines] == [
        (
            logging.WARNING,
            "bots in this room had 3 answers within 5 minutes and get none for 10 minutes",
        )
    ]
    assert [row[1:] for row in inbox_of(tmp_path)][3:5] == [("ignored", "bot loop")] * 2


async def test_a_restart_forgets_nothing(house_at: Houses) -> None:
    for round in range(2):
        async with house_at(config=CONFIG) as house:
            for number in range(2):
                said = house.platform.message(
                    f"ping {number}",
                    room="general",
                    type=ChannelType.GROUP,
                    mention=True,
                    message_id=f"{round}-{number}",
                )
                await house.platform.accept(replace(said, sender=replace(said.sender, is_bot=True)))
                await house.host.finish_pending()
            assert len(house.platform.sent) == 2 - round


async def test_messages_of_one_turn_count_each(house_at: Houses, tmp_path: Path) -> None:
    async with house_at(config=CONFIG) as house:
        house.model.hold.clear()
        await house.platform.say("first", room="general", type=ChannelType.GROUP, mention=True)
        await house.model.wait_asked(1)
        made: list[Any] = [
            house.platform.message(f"ping {n}", room="general", type=ChannelType.GROUP, mention=True)
            for n in range(5)
        ]
        await house.platform.accept(*(replace(m, sender=replace(m.sender, is_bot=True)) for m in made))
        house.model.hold.set()
        await house.host.finish_pending()
    reasons = [row[2] for row in inbox_of(tmp_path)]
    assert reasons == ["mention"] * 4 + ["bot loop"] * 2


async def test_the_silence_ends_and_slow_talk_is_none_of_its_business(
    house_at: Houses, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = clock.utc_now()
    for module in ("bot_host.pipeline.bots", "bot_host.store.inbox", "bot_host.host.inbox"):
        monkeypatch.setattr(f"{module}.utc_now", lambda: now)
    async with house_at(config=CONFIG) as house:
        for minutes, answered in (
            (0, True),  # three answers in nine minutes are no loop
            (4, True),
            (9, True),
            (10, True),
            (11, True),  # 9, 10 and 11 are one
            (12, False),
            (20, False),
            (22, True),  # ten minutes after the last answer
            (23, True),
            (24, True),
            (25, False),
        ):
            before = len(house.platform.sent)
            start = now
            now = start + timedelta(minutes=minutes)
            await say(house, f"ping {minutes}")
            now = start
            assert (len(house.platform.sent) > before) is answered, minutes


async def test_a_bot_that_deletes_what_it_said_counts_all_the_same(house_at: Houses) -> None:
    async with house_at(config=CONFIG) as house:
        for number in range(5):
            said = await say(house, f"ping {number}")
            await house.platform.delete(said)
        assert len(house.platform.sent) == 3


async def test_what_a_proxy_repeats_is_answered_once(house_at: Houses, tmp_path: Path) -> None:
    async with house_at() as house:
        house.model.hold.clear()
        original = await house.platform.say("L: hello")
        await house.model.wait_asked(1)
        copy = replace(house.platform.message("hello"), replaces=original.event_key)
        await house.platform.delete(original)
        await house.platform.accept(copy)
        house.model.hold.set()
        assert await house.platform.wait_sent() == ["echo: hello"]
        await house.host.finish_pending()
        # One that had its answer before it was deleted: the copy gets none.
        quick = await house.platform.say("L: quick")
        await house.platform.wait_sent(2)
        await house.host.finish_pending()
        await house.platform.delete(quick)
        await house.platform.accept(replace(house.platform.message("quick"), replaces=quick.event_key))
        await house.host.finish_pending()
        assert len(house.platform.sent) == 2
    assert [row[1:] for row in inbox_of(tmp_path)] == [
        ("ignored", "deleted"),
        ("answered", "direct message"),
        ("answered", "direct message"),
        ("ignored", "repeats an answered message"),
    ]


async def test_where_the_answer_goes_with_its_question_the_copy_gets_one(house_at: Houses) -> None:
    async with house_at(config=ConnectorConfig(deleted_answer="retract")) as house:
        quick = await house.platform.say("L: quick")
        await house.platform.wait_sent(1)
        await house.host.finish_pending()
        await house.platform.delete(quick)
        await house.platform.accept(replace(house.platform.message("quick"), replaces=quick.event_key))
        assert (await house.platform.wait_sent(2))[1] == "echo: quick"
        assert "echo: L: quick" not in house.platform.shown
