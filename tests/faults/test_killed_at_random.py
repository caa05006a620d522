"""`kill -9` at random moments, with 200 messages in flight over 20 rooms on each platform."""

import asyncio
import random
from pathlib import Path

import pytest

from tests.faults.crowd import REPEAT, Crowd
from tests.faults.rows import at_rest, verify
from tests.journeys.harness import PATIENCE_S, HostProcess
from tests.journeys.party import party
from tests.journeys.seats import PLATFORMS

ROOMS = 20
"""On each platform."""
EACH = 10
KILLS = 3
ANSWERS = len(PLATFORMS) * ROOMS * (EACH + 1)


async def answered(crowds: list[Crowd], count: int, host: HostProcess) -> None:
    """Until so many messages have an answer."""
    async with asyncio.timeout(2 * PATIENCE_S):
        while sum(crowd.answered() for crowd in crowds) < count:
            assert host.process.returncode is None, host.all_log
            await asyncio.sleep(0.005)


async def kill_now_and_then(seed: int, folder: Path) -> None:
    """The whole story, with moments by chance."""
    chance = random.Random(seed)
    moments = sorted(chance.sample(range(ANSWERS // (EACH + 1) + 1, ANSWERS - 10), KILLS))
    (folder / "ada.toml").write_text('name = "Ada"\n', encoding="utf-8")
    agent = '[[agents]]\ncharacter = "ada.toml"\nbusy_mode = "each"\n'
    async with party(folder, *PLATFORMS, extra=agent, patience_s=6 * PATIENCE_S) as p:
        crowds = [Crowd(seat, ROOMS) for seat in p.seats]
        async with p.host() as host:
            # Discord tells a host of direct messages that it missed only where it knows the channel.
            for crowd in crowds:
                for room in range(ROOMS):
                    await crowd.say(room, f"hello {room}")
            await answered(crowds, len(crowds) * ROOMS, host)
            await at_rest(folder)
            for number in range(EACH):
                for crowd in crowds:
                    for room in range(ROOMS):
                        await crowd.say(room, f"message {number} of room {room}")
            await answered(crowds, moments[0], host)
            await host.kill()
        for moment in moments[1:]:
            async with p.host(wait=False) as host:
                await answered(crowds, moment, host)
                await asyncio.sleep(chance.uniform(0, 0.05))
                await host.kill()
        async with p.host() as host:
            await answered(crowds, ANSWERS, host)
            await at_rest(folder)
            assert await host.stop() == 0
        for crowd in crowds:
            doubles = crowd.repeats()
            marked = sum(reply.startswith(REPEAT) for room in crowd.replies() for reply in room)
            print(f"{crowd.seat.name}, seed {seed}: {KILLS} kills, {marked} marked, {doubles} of them double")
            if crowd.seat.name == "telegram":
                # The documented window: what was on its way at a kill, one in each room at the most.
                assert doubles <= marked <= KILLS * ROOMS
            else:
                assert (doubles, marked) == (0, 0)
        print(f"seed {seed}: {await verify(p, in_doubt=True)} parts of unknown fate after two kills")


@pytest.mark.slow
@pytest.mark.timeout(7 * PATIENCE_S)
async def test_killed_at_random_moments_each_message_is_answered_once(tmp_path: Path) -> None:
    await kill_now_and_then(1, tmp_path)


@pytest.mark.long
@pytest.mark.timeout(7 * PATIENCE_S)
@pytest.mark.parametrize("seed", range(2, 12))
async def test_killed_at_many_random_moments(seed: int, tmp_path: Path) -> None:
    await kill_now_and_then(seed, tmp_path)
