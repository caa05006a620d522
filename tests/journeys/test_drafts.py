"""Killed while an answer is shown in the making: the next host finishes the same message."""

import asyncio
from pathlib import Path
from typing import Any, cast

import pytest

from tests.journeys.party import Party, party
from tests.journeys.seats import DM, GROUP, THREAD, Seat, TelegramSeat
from tests.journeys.test_gaps import recorded, rows

HALF = "Roses want sun and a deep soil."
WHOLE = f"{HALF} Water them in the morning."
LONG = f"{HALF} " + "They like company. " * 200
"""Several messages on each platform."""


async def shows(seat: Seat, place: str, *texts: str) -> None:
    """Wait until people see just this of what the bot said there."""
    while [text.strip() for text in seat.shown(place)] != list(texts):
        await asyncio.sleep(0.01)


def show_in_groups(p: Party) -> None:
    """Telegram's groups are left out by `auto`."""
    config = p.folder / "config.toml"
    text = config.read_text("utf-8").replace(
        "[connectors.telegram]\n", "[connectors.telegram]\nstreaming = true\n"
    )
    config.write_text(text, "utf-8")


def by_edits(seat: Any) -> None:
    """A Bot API server of before drafts, as Telegram's private chats need nothing finished else."""
    if seat.name == "telegram":
        seat.fake.methods.lack("sendMessageDraft")


def drafts(folder: Path) -> int:
    return len(rows(folder, "SELECT memory_id FROM drafts"))


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("discord", DM),
        ("discord", THREAD),
        ("telegram", DM),
        ("telegram", GROUP),
        ("slack", DM),
        ("slack", THREAD),
    ],
)
async def test_killed_in_the_middle_of_an_answer_it_is_finished_where_it_stands(
    name: str, place: str, tmp_path: Path
) -> None:
    async with party(tmp_path, name) as p:
        [seat] = p.seats
        by_edits(seat)
        show_in_groups(p)
        p.model.answer(WHOLE)
        async with p.host() as host:
            with p.model.hold(after=len(HALF.split())):
                await seat.say(place, "how do I keep roses?", mention=place != DM)
                await seat.wait_reply(place)
                await shows(seat, place, HALF)
                await recorded(tmp_path)
                await host.kill()
        assert drafts(tmp_path) == 1
        assert rows(tmp_path, "SELECT state FROM inbox") == [("running",)]
        p.model.answer(WHOLE)
        async with p.host() as host:
            await shows(seat, place, WHOLE)
            assert await host.stop() == 0
        assert len(seat.replies(place)) == 1
        assert drafts(tmp_path) == 0
        assert rows(tmp_path, "SELECT operation, part, state FROM outbox") == [
            ("send", 0, "sent"),
            ("finish", 0, "sent"),
        ]
        assert rows(tmp_path, "SELECT outcome FROM inbox") == [("answered",)]


@pytest.mark.parametrize("name", ["discord", "telegram", "slack"])
async def test_killed_between_the_first_words_and_their_record(name: str, tmp_path: Path) -> None:
    async with party(tmp_path, name) as p:
        [seat] = p.seats
        by_edits(seat)
        p.model.answer(WHOLE)
        async with p.host() as host:
            held = seat.hold_answers()
            with p.model.hold(after=len(HALF.split())):
                await seat.say(DM, "how do I keep roses?")
                await seat.wait_reply(DM)
                await host.kill()
        held.release()
        assert rows(tmp_path, "SELECT state FROM outbox") == [("sending",)]
        p.model.answer(WHOLE)
        # Telegram cannot be asked: what it has and we do not know of stays, as with any message.
        there = [HALF] if name == "telegram" else []
        async with p.host() as host:
            await shows(seat, DM, *there, WHOLE)
            assert await host.stop() == 0
        assert len(seat.replies(DM)) == len(there) + 1


@pytest.mark.parametrize("name", ["discord", "telegram", "slack"])
async def test_killed_while_the_answer_is_finished(name: str, tmp_path: Path) -> None:
    async with party(tmp_path, name) as p:
        [seat] = p.seats
        by_edits(seat)
        p.model.answer(LONG)
        async with p.host() as host:
            with p.model.hold(after=len(HALF.split())) as writing:
                await seat.say(DM, "how do I keep roses?")
                await seat.wait_reply(DM)
                await recorded(tmp_path)
                held = seat.hold_edits()
                writing.release()
                while rows(tmp_path, "SELECT state FROM inbox") != [("done",)]:
                    await asyncio.sleep(0.01)
                await host.kill()
        held.release()
        assert rows(tmp_path, "SELECT seq FROM outbox WHERE operation = 'finish' AND state <> 'sent'")
        async with p.host() as host:
            await recorded(tmp_path)
            assert await host.stop() == 0
        assert " ".join(seat.shown(DM)).split() == LONG.split()
        assert len(p.model.chats) == 1


async def test_killed_in_the_middle_of_a_preview_it_is_answered_once(tmp_path: Path) -> None:
    async with party(tmp_path, "telegram") as p:
        [seat] = p.seats
        fake = cast(TelegramSeat, seat).fake
        for round in (1, 2):
            p.model.answer(WHOLE)
            async with p.host() as host:
                if round == 1:
                    # What was found out about the server is remembered for the second life.
                    while not rows(tmp_path, "SELECT 1 FROM cache WHERE key LIKE '%:drafts'"):
                        await asyncio.sleep(0.01)
                    with p.model.hold(after=len(HALF.split())):
                        await seat.say(DM, "how do I keep roses?")
                        while not fake.methods.drafts:
                            await asyncio.sleep(0.01)
                        await host.kill()
                    assert fake.methods.drafts[-1]["text"] == HALF
                    assert seat.replies(DM) == []
                    assert rows(tmp_path, "SELECT 1 FROM outbox") == []
                else:
                    await seat.wait_reply(DM)
                    assert await host.stop() == 0
        assert seat.shown(DM) == [WHOLE]
        assert rows(tmp_path, "SELECT operation, part, state FROM outbox") == [("send", 0, "sent")]
        assert rows(tmp_path, "SELECT outcome FROM inbox") == [("answered",)]
