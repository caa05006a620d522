"""Questions that people edit and take back after they were answered: the same answer follows."""

import asyncio
import re
from pathlib import Path

import pytest

from tests.journeys.harness import bot_host
from tests.journeys.party import party
from tests.journeys.seats import DM, GROUP, PLATFORMS, Seat


async def wait_shown(seat: Seat, place: str, texts: list[str]) -> None:
    """Until the bot's messages in a place read so."""
    try:
        async with asyncio.timeout(20):
            while seat.shown(place) != texts:
                await asyncio.sleep(0.01)
    except TimeoutError:
        raise AssertionError(f"{seat.shown(place)} is shown, not {texts}") from None


@pytest.mark.parametrize("name", PLATFORMS)
async def test_an_edited_question_has_its_answer_edited(name: str, tmp_path: Path) -> None:
    async with party(tmp_path, name) as p, p.host() as host:
        [seat] = p.seats
        said = await seat.say(DM, "what is 2+2")
        await seat.wait_reply(DM)
        await seat.say(DM, "thanks")
        await seat.wait_reply(DM, 2)
        await seat.edit(DM, said, "what is 3+3")
        await wait_shown(seat, DM, ["echo: what is 3+3", "echo: thanks"])
        p.model.answer("word " * 3000)
        await seat.edit(DM, said, "tell me everything")
        await p.model.wait_for_requests(4)
        while len(seat.shown(DM)) < 4 or seat.shown(DM)[0].startswith("echo"):
            await asyncio.sleep(0.01)
        await seat.edit(DM, said, "never mind")
        await wait_shown(seat, DM, ["echo: never mind", "echo: thanks"])
        assert await host.stop() == 0
        async with bot_host("why", "row:1", cwd=tmp_path, env=p.env) as asked:
            assert await asked.end() == 0
            deliveries = [
                line.split(None, 1)[1] for line in asked.text.splitlines() if line.startswith("delivery")
            ]
        place = re.escape(deliveries[0].rpartition(" sent as ")[2].partition(" within")[0])
        assert re.match(r"part 1 of 1 \(outbox:1\) to ", deliveries[0])
        assert re.match(rf"edit of part 1 of 1 \(outbox:3\) to \S+ edited in {place} within", deliveries[1])
        assert re.match(r"removal of part \d of \d \(outbox:\d+\) to \S+ took away ", deliveries[-1])
        assert "Traceback" not in host.all_log


@pytest.mark.parametrize("name", PLATFORMS)
async def test_a_mention_that_was_forgotten_is_answered_when_it_is_mended(name: str, tmp_path: Path) -> None:
    async with party(tmp_path, name) as p, p.host() as host:
        [seat] = p.seats
        said = await seat.say(GROUP, "what time is it")
        await seat.say(DM, "hello")
        await seat.wait_reply(DM)
        await seat.edit(GROUP, said, f"{seat.mention} what time is it")
        assert (await seat.wait_reply(GROUP)).endswith("what time is it")
        assert await host.stop() == 0


@pytest.mark.parametrize("name", ["discord", "slack"])
async def test_a_deleted_question_takes_its_answer_along_where_configured(name: str, tmp_path: Path) -> None:
    async with party(tmp_path, name) as p:
        config = p.folder / "config.toml"
        text = config.read_text(encoding="utf-8")
        table = f"[connectors.{name}]\n"
        config.write_text(text.replace(table, table + 'deleted_answer = "retract"\n'), encoding="utf-8")
        async with p.host() as host:
            [seat] = p.seats
            said = await seat.say(DM, "my password is sesame")
            await seat.wait_reply(DM)
            await seat.say(DM, "hello")
            await seat.wait_reply(DM, 2)
            await seat.delete(DM, said)
            await wait_shown(seat, DM, ["echo: hello"])
            await seat.say(DM, "what is my password")
            await wait_shown(seat, DM, ["echo: hello", "echo: what is my password"])
            assert "sesame" not in str(p.model.chats[-1].messages)
            assert await host.stop() == 0
            assert "Traceback" not in host.all_log
