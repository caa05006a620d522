"""`kill -9` at each step of a message's way, on each platform: answered once, done once, the books balance.

The steps stand one after the other in a chain of lives: each life finishes what the one before left, takes a
message on each platform to the next step, and is killed there.
"""

import asyncio
import re
from contextlib import nullcontext
from pathlib import Path

import pytest

from tests.fakes.openai import Answer, FakeToolCall, ModelRequest
from tests.faults.rows import at_rest, verify
from tests.faults.test_actions_killed import UNKNOWN
from tests.journeys.harness import PATIENCE_S, HostProcess
from tests.journeys.party import Party, party
from tests.journeys.seats import DM, PLATFORMS, Seat

HERE = Path(__file__).parent
REPEAT = "↻ "
LIMITS = {"discord": 2000, "telegram": 4096, "slack": 4000}
"""Characters of one message."""
COMMITTED = ("committed", "sending marked", "sent", "part by part", "recorded", "evaluated")
"""Steps at which the turn is over."""


def script(request: ModelRequest) -> Answer:
    """Notes each message's number once, and answers with the number; `long` with two messages' length."""
    number, length = re.findall(r"\d+", request.last_user_text)
    came = [str(message["content"]) for message in request.messages if message["role"] == "tool"]
    if not came:
        return Answer(None, (FakeToolCall("NOTE", {"sum": int(number)}, id="call_a"),))
    text = f"#{number} {came[-1]}"
    if int(length):
        text += f" {'a' * int(length)}\n\n#{number}b {'b' * int(length)}"
    return Answer(text)


class Lives:
    """A party whose host is killed again and again."""

    def __init__(self, p: Party) -> None:
        self.party = p
        self.told: dict[str, list[str]] = {seat.name: [] for seat in p.seats}
        """How the messages must begin that each platform has at the end; in order."""
        self.noted: list[str] = []
        self.left: list[tuple[Seat, str]] = []
        """What the next life has to say."""

    def number(self, step: int, seat: Seat) -> str:
        return f"{step + 2}{PLATFORMS.index(seat.name)}"

    async def finish(self, host: HostProcess, step: str) -> None:
        """What the life before left at a step."""
        for seat, said in self.left:
            await seat.wait_reply(DM, len(self.told[seat.name]) + 1)
            self.told[seat.name].append(said)
        self.left = []
        await at_rest(self.party.folder)
        if step not in COMMITTED:
            await times(host, "a turn is over", len(self.party.seats))

    async def stop_at(self, host: HostProcess, step: int, name: str) -> None:
        """Take a message on each platform to a step, and kill the host there."""
        stop_at = self.party.folder / "stop_at"
        stop_at.write_text(name, encoding="utf-8")
        model = self.party.model
        asked = len(model.chats)
        with model.hold() if name == "model asked" else nullcontext():
            for seat in self.party.seats:
                length = LIMITS[seat.name] * 6 // 10 if name == "part by part" else 0
                await seat.say(DM, f"{self.number(step, seat)} {length}")
            if name == "model asked":
                await model.wait_for_requests(asked + len(self.party.seats))
            else:
                await times(host, f"stopped at {name}.", len(self.party.seats))
            if name == "evaluated":
                await at_rest(self.party.folder)
            await host.kill()
        for seat in self.party.seats:
            self.expect(seat, name, self.number(step, seat))
        stop_at.unlink()

    def expect(self, seat: Seat, name: str, number: str) -> None:
        """What becomes of a message whose host was killed at a step."""
        told = self.told[seat.name]
        result = f"#{number} {number} is done."
        if name in ("step written", "action done"):
            result = f"#{number} error: {UNKNOWN.format('NOTE')}"
        if name != "step written":
            self.noted.append(number)
        if name in ("sent", "part by part", "recorded", "evaluated"):
            told.append(result)
        if name == "part by part":
            result = f"#{number}b"
        if seat.name == "telegram" and name in ("sending marked", "sent"):
            # The documented window: Telegram cannot be asked, and gets it once more, marked.
            self.left.append((seat, f"{REPEAT}{result}"))
        elif name not in ("sent", "recorded", "evaluated"):
            self.left.append((seat, result))

    def all_is_well(self) -> None:
        for seat in self.party.seats:
            replies = seat.replies(DM)
            expected = self.told[seat.name]
            assert len(replies) == len(expected), (seat.name, replies)
            for reply, beginning in zip(replies, expected, strict=True):
                assert reply.startswith(beginning), (seat.name, reply, beginning)
        deeds = (self.party.folder / "deeds").read_text(encoding="utf-8").split()
        assert sorted(deeds) == sorted(self.noted)


async def times(host: HostProcess, part: str, count: int) -> None:
    """Until the log has a line with this so many times."""
    async with asyncio.timeout(PATIENCE_S):
        while sum(part in line for line in host.log) < count:
            assert host.process.returncode is None, host.all_log
            await asyncio.sleep(0.01)


@pytest.mark.slow
@pytest.mark.timeout(7 * PATIENCE_S)
@pytest.mark.parametrize(
    "steps",
    [
        ("received", "admitted", "taken", "gated", "composed"),
        ("model asked", "model answered", "step written", "action done", "step completed"),
        ("committed", "sending marked", "sent", "part by part", "recorded", "evaluated"),
    ],
    ids=lambda steps: f"{steps[0]} to {steps[-1]}",
)
async def test_killed_at_each_step_nothing_is_lost_and_nothing_done_twice(
    steps: tuple[str, ...], tmp_path: Path
) -> None:
    (tmp_path / "deeds.py").write_text((HERE / "deeds.py").read_text("utf-8"), encoding="utf-8")
    (tmp_path / "ada.toml").write_text('name = "Ada"\n', encoding="utf-8")
    agent = '[[agents]]\ncharacter = "ada.toml"\nplugins = ["deeds.py"]\n'
    async with party(tmp_path, *PLATFORMS, extra=agent, patience_s=6 * PATIENCE_S) as p:
        p.model.answer_with(script)
        p.program = (str(HERE / "stepped.py"),)
        lives = Lives(p)
        before = "evaluated"
        # Discord tells a host of direct messages it missed only where it knows the channel.
        async with p.host() as host:
            for seat in p.seats:
                await seat.say(DM, f"{lives.number(-1, seat)} 0")
                lives.told[seat.name].append(f"#{lives.number(-1, seat)} ")
                lives.noted.append(lives.number(-1, seat))
                await seat.wait_reply(DM)
            await at_rest(tmp_path)
            await times(host, "a turn is over", len(p.seats))
            await lives.stop_at(host, 0, steps[0])
            before = steps[0]
        for step, name in enumerate(steps[1:], 1):
            async with p.host() as host:
                await lives.finish(host, before)
                await lives.stop_at(host, step, name)
                before = name
        async with p.host() as host:
            await lives.finish(host, before)
            assert await host.stop() == 0
        lives.all_is_well()
        await verify(p)
