"""A full disk, and a database that another process locks: at each end of a message's way, and back."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.faults.rows import at_rest, verify
from tests.faults.test_steps_killed import times
from tests.journeys.harness import PATIENCE_S, HostProcess
from tests.journeys.party import party
from tests.journeys.seats import DM, PLATFORMS, SlackSeat
from tests.journeys.test_restart import locked_database

TROUBLE = {"full": "the disk", "locked": "is locked by another process"}


@contextmanager
def full_disk(host: HostProcess) -> Iterator[None]:
    """No file of this process can be written to: what a full disk does, without filling one."""
    pid = host.process.pid
    _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, hard))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (hard, hard))


@contextmanager
def trouble(how: str, host: HostProcess, folder: Path) -> Iterator[None]:
    with full_disk(host) if how == "full" else locked_database(folder):
        yield


async def told(host: HostProcess, how: str, before: int) -> None:
    """Until the host has said so again."""
    await times(host, TROUBLE[how], before + 1)


def said(host: HostProcess, how: str) -> int:
    return sum(TROUBLE[how] in line for line in host.log)


@pytest.mark.slow
@pytest.mark.parametrize("how", TROUBLE)
async def test_a_database_that_cannot_be_written_loses_and_doubles_nothing(how: str, tmp_path: Path) -> None:
    async with party(tmp_path, *PLATFORMS, patience_s=3 * PATIENCE_S) as p, p.host() as host:
        for seat in p.seats:
            await seat.say(DM, "first")
            await seat.wait_reply(DM)
        await at_rest(tmp_path)
        before = said(host, how)
        with trouble(how, host, tmp_path):  # as a message comes in
            for seat in p.seats:
                await seat.say(DM, "second")
                await seat.wait_handed_over()
            await told(host, how, before)
        for seat in p.seats:
            if isinstance(seat, SlackSeat):
                await seat.fake.socket_mode.redeliver()
            assert await seat.wait_reply(DM, 2) == "echo: second"
        await at_rest(tmp_path)
        before = said(host, how)
        with p.model.hold() as model:  # as its turn ends
            asked = len(p.model.chats)
            for seat in p.seats:
                await seat.say(DM, "third")
            await p.model.wait_for_requests(asked + len(p.seats))
            with trouble(how, host, tmp_path):
                model.release()
                await told(host, how, before)
        for seat in p.seats:
            assert await seat.wait_reply(DM, 3) == "echo: third"
        await at_rest(tmp_path)
        before = said(host, how)
        held = [seat.hold_answers() for seat in p.seats]
        for seat in p.seats:
            await seat.say(DM, "fourth")  # as its answer has arrived
            await seat.wait_reply(DM, 4)
        with trouble(how, host, tmp_path):
            for each in held:
                each.release()
            await told(host, how, before)
        await at_rest(tmp_path)
        assert await host.stop() == 0
        for seat in p.seats:
            assert seat.replies(DM) == [f"echo: {text}" for text in ("first", "second", "third", "fourth")]
        await verify(p)
