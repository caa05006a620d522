"""Albums at Telegram, through the running program: one answer, whenever the items come."""

from pathlib import Path
from typing import Any

import pytest

from tests.fakes.openai_media import PIXEL
from tests.journeys.party import Party, party
from tests.journeys.seats import DM, GROUP, TelegramSeat
from tests.journeys.test_gaps import recorded, rows


async def show(seat: TelegramSeat, place: str, number: int, caption: str = "") -> Any:
    """One picture of an album."""
    stored = seat.fake.world.store_file(f"{number}.png", PIXEL)
    fields: dict[str, Any] = {"photo": [{**stored, "width": 1, "height": 1}], "media_group_id": "13"}
    return await seat.fake.say(seat.chats[place], seat.ada, None, caption=caption or None, **fields)


def telegram(p: Party) -> TelegramSeat:
    [seat] = p.seats
    assert isinstance(seat, TelegramSeat)
    p.model.any_model = True
    return seat


async def test_an_album_is_one_message_with_one_answer(tmp_path: Path) -> None:
    async with party(tmp_path, "telegram") as p:
        seat = telegram(p)
        async with p.host() as host:
            await show(seat, GROUP, 1)
            await show(seat, GROUP, 2, "@fake_bot what are these?")
            last = await show(seat, GROUP, 3)
            await seat.wait_reply(GROUP)
            await seat.fake.say(seat.chats[GROUP], seat.ada, "@fake_bot thanks", reply_to=last["message_id"])
            await seat.wait_reply(GROUP, 2)
            assert await host.stop() == 0
        assert len(seat.replies(GROUP)) == 2
        assert "what are these?" in seat.replies(GROUP)[0]
        assert rows(tmp_path, "SELECT outcome FROM inbox") == [("answered",)] * 2
        [(asked, album)] = rows(
            tmp_path,
            "SELECT json_extract(content, '$.in_reply_to'), (SELECT memory_id FROM inbox WHERE seq = 1) "
            "FROM memories WHERE id = (SELECT memory_id FROM inbox WHERE seq = 2)",
        )
        assert asked == album


@pytest.mark.parametrize("answered", [True, False])
async def test_killed_in_the_middle_of_an_album_there_is_one_answer_to_all_of_it(
    answered: bool, tmp_path: Path
) -> None:
    async with party(tmp_path, "telegram") as p:
        seat = telegram(p)
        async with p.host() as host:
            first = await show(seat, DM, 1, "what are these?")
            if answered:
                await seat.wait_reply(DM)
                await recorded(tmp_path)
            else:
                updates = seat.fake.bot.updates
                await updates.wait_confirmed(updates.confirmed_up_to + 1)
            await host.kill()
        await show(seat, DM, 2)
        await seat.fake.bot.updates.push("message", first)  # and once more what came already
        async with p.host() as host:
            if answered:
                await seat.fake.wait_for_call("editMessageText", answered=True)
            await seat.wait_reply(DM)
            assert await host.stop() == 0
        [shown] = seat.shown(DM)
        assert shown.count("[attached image") == 2
        assert rows(tmp_path, "SELECT outcome FROM inbox") == [("answered",)]
        [(files,)] = rows(
            tmp_path,
            "SELECT json_array_length(content, '$.attachments') FROM memories "
            "WHERE id = (SELECT memory_id FROM inbox WHERE seq = 1)",
        )
        assert files == 2
