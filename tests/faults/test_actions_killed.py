"""`kill -9` at each boundary of an action, on the real process: nothing done twice, nothing asked twice."""

import asyncio
import shutil
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.openai import Answer, FakeToolCall, ModelRequest
from tests.journeys.harness import PATIENCE_S, HostProcess
from tests.journeys.party import Party, party
from tests.journeys.seats import DM, Seat

UNKNOWN = "it is not known whether {} was done"


def ask_once(action: str) -> Any:
    """A model that wants an action and then tells what it came to."""

    def script(request: ModelRequest) -> Answer:
        came = [str(message["content"]) for message in request.messages if message["role"] == "tool"]
        if came:
            return Answer(f"So: {came[-1]}")
        return Answer(None, (FakeToolCall(action, {"sum": 5}, id="call_a"),))

    return script


def deeds(folder: Path) -> int:
    file = folder / "deeds"
    return len(file.read_text(encoding="utf-8").splitlines()) if file.exists() else 0


@asynccontextmanager
async def doing(folder: Path, action: str) -> AsyncIterator[tuple[Party, Seat]]:
    shutil.copy(Path(__file__).parent / "deeds.py", folder / "deeds.py")
    agent = '[[agents]]\ncharacter = "ada.toml"\nplugins = ["deeds.py"]\n'
    (folder / "ada.toml").write_text('name = "Ada"\n', encoding="utf-8")
    # Discord knows a message that it has taken by its nonce: what comes twice was said twice.
    async with party(folder, "discord", extra=agent) as p:
        p.model.answer_with(ask_once(action))
        yield p, p.seats[0]


async def killed(host: HostProcess) -> None:
    code = await asyncio.wait_for(host.process.wait(), PATIENCE_S)
    assert code == -signal.SIGKILL, host.all_log


@pytest.mark.slow
@pytest.mark.parametrize(
    ("action", "moment", "done", "asked", "said", "told"),
    [
        ("PAY", "model answered False", 1, 3, 1, "5 is done."),
        ("PAY", "before the effect", 0, 2, 0, UNKNOWN),
        ("SET", "before the effect", 1, 2, 1, "5 is done."),
        ("PAY", "after the effect", 1, 2, 0, UNKNOWN),
        ("SET", "after the effect", 2, 2, 1, "5 is done."),
        ("PAY", "after its words", 1, 2, 1, UNKNOWN),
        ("SET", "after its words", 2, 2, 1, "5 is done."),
        ("PAY", "after the step", 1, 2, 1, "5 is done."),
        ("PAY", "model answered True", 1, 3, 1, "5 is done."),
    ],
)
async def test_killed_at(
    action: str, moment: str, done: int, asked: int, said: int, told: str, tmp_path: Path
) -> None:
    """`done`: how often the action had its effect; `asked`: requests of both lives to the model."""
    async with doing(tmp_path, action) as (p, seat):
        (tmp_path / "die_at").write_text(moment, encoding="utf-8")
        async with p.host() as host:
            await seat.say(DM, "Do it.")
            await killed(host)
        async with p.host() as host:
            answer = await seat.wait_reply(DM, said + 1)
            assert await host.stop() == 0
        assert told.format(action) in answer
        assert seat.replies(DM) == ["Working on it."] * said + [answer]
        assert deeds(tmp_path) == done
        assert len(p.model.chats) == asked


@pytest.mark.slow
async def test_asked_to_stop_in_the_middle_of_an_action_it_ends_the_turn(tmp_path: Path) -> None:
    async with doing(tmp_path, "PAY") as (p, seat):
        wait = tmp_path / "wait"
        wait.touch()
        async with p.host() as host:
            await seat.say(DM, "Do it.")
            await seat.wait_reply(DM)
            host.signal(signal.SIGTERM)
            await host.wait_log("stopping")
            wait.unlink()
            assert await host.end() == 0
        assert seat.replies(DM) == ["Working on it.", "So: 5 is done."]
        assert (deeds(tmp_path), len(p.model.chats)) == (1, 2)


@pytest.mark.slow
@pytest.mark.parametrize(("action", "done", "told"), [("PAY", 1, UNKNOWN), ("SET", 2, "5 is done.")])
async def test_asked_to_stop_at_once_in_the_middle_of_an_action(
    action: str, done: int, told: str, tmp_path: Path
) -> None:
    async with doing(tmp_path, action) as (p, seat):
        wait = tmp_path / "wait"
        wait.touch()
        async with p.host() as host:
            await seat.say(DM, "Do it.")
            await seat.wait_reply(DM)
            host.signal(signal.SIGTERM)
            await host.wait_log("stopping")
            host.signal(signal.SIGTERM)
            assert await host.end() == 128 + signal.SIGTERM
        wait.unlink()
        async with p.host() as host:
            assert told.format(action) in await seat.wait_reply(DM, 2)
            assert await host.stop() == 0
        assert len(seat.replies(DM)) == 2
        assert (deeds(tmp_path), len(p.model.chats)) == (done, 2)
