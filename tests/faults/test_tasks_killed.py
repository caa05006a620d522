"""`kill -9` between a task's due time, its claim, its work and its end: said once, asked once, each time."""

import asyncio
import sqlite3
from pathlib import Path

import pytest

from tests.faults.rows import at_rest, rows, verify
from tests.faults.test_steps_killed import times
from tests.journeys.harness import PATIENCE_S
from tests.journeys.party import party
from tests.journeys.seats import DM, GROUP, DiscordSeat

HERE = Path(__file__).parent


def change(folder: Path, what: str) -> None:
    """What passing time would do to the rows of a host that is down."""
    database = sqlite3.connect(folder / "data" / "bot_host.db")
    with database:
        database.execute(what)
    database.close()


@pytest.mark.slow
@pytest.mark.timeout(5 * PATIENCE_S)
async def test_killed_at_each_step_of_a_task_it_speaks_once_each_time(tmp_path: Path) -> None:
    (tmp_path / "ada.toml").write_text('name = "Ada"\n', encoding="utf-8")
    agent = '[[agents]]\ncharacter = "ada.toml"\n'
    async with party(tmp_path, "discord", patience_s=4 * PATIENCE_S) as p:
        [seat] = p.seats
        assert isinstance(seat, DiscordSeat)
        for place, words in ((GROUP, 'text = "Still here."'), (DM, 'prompt = "How is the garden?"')):
            target = f'target = {{ source = "discord", channel_id = "{seat.channels[place].id}" }}'
            agent += f"[[agents.schedules]]\nevery = 86400\n{target}\n{words}\n"
        p.write_config(agent)
        p.program = (str(HERE / "stepped.py"),)
        async with p.host() as host:
            await seat.say(DM, "hello")
            await seat.wait_reply(DM)
            await at_rest(tmp_path)
            assert await host.stop() == 0
        for number, step in enumerate(("task claimed", "task executed", "task ended"), 1):
            change(tmp_path, f"UPDATE tasks SET due_at = created_at + {number}")
            (tmp_path / "stop_at").write_text(step, encoding="utf-8")
            async with p.host() as host:
                await times(host, f"stopped at {step}.", 1 if step == "task claimed" else 2)
                await host.kill()
            (tmp_path / "stop_at").unlink()
            change(tmp_path, "UPDATE task_occurrences SET lease_until = claimed_at WHERE state = 'claimed'")
            async with p.host() as host:
                await seat.wait_reply(GROUP, number)
                await seat.wait_reply(DM, number + 1)
                # What waited for Discord stands for its first time until it has run.
                while rows(tmp_path, "SELECT 1 FROM tasks WHERE due_at < created_at + 3600000000"):
                    await asyncio.sleep(0.01)
                await at_rest(tmp_path)
                assert await host.stop() == 0
            assert seat.replies(GROUP) == ["Still here."] * number
            assert seat.replies(DM) == ["echo: hello"] + ["echo: How is the garden?"] * number
            assert len(p.model.chats) == 1 + number
        await verify(p)
