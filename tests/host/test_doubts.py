"""Parts that may have arrived: what goes out again, what does not, and what is said of it."""

import asyncio
import sqlite3
from collections.abc import Set
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot_host.connector import ConnectorError, SendLater, SendRefused, SendUnknown
from bot_host.host.doubts import REPEATED, UNKNOWN
from bot_host.testing import FakePlatform
from bot_host.types.errors import StoreError
from bot_host.types.outbound import Payload, Sent, Target
from tests.host.conftest import House, Houses
from tests.host.test_hard_moments import until

Taken = dict[str, str]
"""What the platform has, by key; it outlives the host."""


class Forgetful(FakePlatform):
    """A platform that takes a part and then does not answer: `silent` times, for ever if it is negative."""

    def __init__(self, taken: Taken, *, silent: int = 0, loses: bool = False) -> None:
        super().__init__()
        self.taken = taken
        self.silent = silent
        self.loses = loses
        """What goes unanswered was not taken either."""
        self.reached = asyncio.Event()
        self._count = 10 * len(taken)  # else a message of the next host would be one of the last's

    async def send(self, payload: Payload, target: Target, *, key: str) -> Sent:
        if self.faults:
            return await super().send(payload, target, key=key)
        if not self.loses or not self.silent:
            self.taken[f"{key} {len(self.taken)}"] = payload["text"]
        self.reached.set()
        if self.silent < 0:
            await asyncio.Event().wait()
        if self.silent > 0:
            self.silent -= 1
            raise SendUnknown("no answer")
        return await super().send(payload, target, key=key)


class ReadsBack(Forgetful):
    """A platform that can be asked."""

    def __init__(self, taken: Taken, *, silent: int = 0, loses: bool = False) -> None:
        super().__init__(taken, silent=silent, loses=loses)
        self.looks: list[tuple[str, datetime, Set[str]]] = []
        self.look_faults: list[Exception] = []

    async def find_sent(
        self, payload: Payload, target: Target, *, key: str, since: datetime, others: Set[str]
    ) -> Sent | None:
        self.looks.append((key, since, others))
        if self.look_faults:
            raise self.look_faults.pop(0)
        found = next((taken for taken in self.taken if taken.startswith(f"{key} ")), None)
        return Sent(platform_message_id=f"found {found}") if found else None


class Repeats(Forgetful):
    """A platform that cannot."""

    again = True

    def repeated(self, payload: Payload) -> Payload | None:
        return {"text": f"again: {payload['text']}"} if self.again else None


@pytest.fixture(autouse=True)
def _no_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot_host.host.sender.backoff", lambda attempt: 0.0)


def rows_of(folder: Path) -> list[tuple[str, str, str]]:
    """State, error and platform id of each outgoing part."""
    database = sqlite3.connect(folder / "bot.db")
    try:
        return database.execute(
            "SELECT state, error, platform_message_id FROM outbox ORDER BY seq"
        ).fetchall()
    finally:
        database.close()


async def killed(house_at: Houses, platform: Forgetful) -> None:
    """A host that goes down while the platform has a part and has not answered."""
    platform.silent = -1
    async with house_at(platform=platform) as house:
        await platform.say("Hello")
        await platform.reached.wait()
        await house.host.stop(0.0)


async def test_what_had_arrived_is_recorded_and_not_sent_again(house_at: Houses, tmp_path: Path) -> None:
    taken: Taken = {}
    await killed(house_at, ReadsBack(taken))
    assert rows_of(tmp_path) == [("sending", "", "")]
    platform = ReadsBack(taken)
    before = datetime.now(UTC)
    async with house_at(platform=platform) as house:
        await house.host.finish_pending()
        await platform.say("thanks")
        await platform.wait_sent()
    assert list(taken.values()) == ["echo: Hello", "echo: thanks"]
    [(key, since, others)] = platform.looks
    assert before - timedelta(seconds=60) < since < before
    assert others == set()
    assert rows_of(tmp_path) == [("sent", "", f"found {key} 0"), ("sent", "", "sent-1")]


async def test_what_had_not_arrived_is_sent_again_with_the_same_key(house_at: Houses, tmp_path: Path) -> None:
    taken: Taken = {}
    await killed(house_at, ReadsBack(taken, loses=True))
    assert taken == {}
    platform = ReadsBack(taken)
    async with house_at(platform=platform):
        assert await platform.wait_sent() == ["echo: Hello"]
    [(key, _, _)] = platform.looks
    assert platform.sent[0][2] == key


@pytest.mark.parametrize("loses", [False, True])
async def test_an_answer_that_never_came_is_looked_into(
    house_at: Houses, tmp_path: Path, loses: bool
) -> None:
    platform = ReadsBack({}, silent=1, loses=loses)
    async with house_at(platform=platform) as house:
        await platform.say("one")
        await until(lambda: len(platform.taken) == 1)
        await platform.say("two")
        await until(lambda: len(platform.taken) == 2)
        await house.host.finish_pending()
        await until(lambda: [state for state, _, _ in rows_of(tmp_path)] == ["sent", "sent"])
    assert list(platform.taken.values()) == ["echo: one", "echo: two"]
    assert len(platform.looks) == 1


async def test_a_look_that_fails_for_now_is_tried_again_also_over_a_restart(
    house_at: Houses, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: Taken = {}
    await killed(house_at, ReadsBack(taken))
    waits = iter([0.0, 0.0, 600.0])
    monkeypatch.setattr("bot_host.host.sender.backoff", lambda attempt: next(waits))
    platform = ReadsBack(taken)
    platform.look_faults = [ConnectorError("away"), TimeoutError(), ConnectorError("away")]
    async with house_at(platform=platform):
        await until(lambda: len(platform.looks) == 3)
        await until(lambda: rows_of(tmp_path)[0][1] == "away")
        assert rows_of(tmp_path) == [("sending", "away", "")]
    with sqlite3.connect(tmp_path / "bot.db") as database:
        database.execute("UPDATE outbox SET not_before = NULL")
    database.close()
    platform = ReadsBack(taken)
    platform.look_faults = [SendLater("slow down", after_s=0.0)]
    async with house_at(platform=platform):
        await until(lambda: rows_of(tmp_path)[0][0] == "sent")
    assert len(taken) == 1
    assert len(platform.looks) == 2


@pytest.mark.parametrize("fault", [SendRefused("missing scope"), KeyError("a bug")])
async def test_where_it_can_never_be_read_back_it_is_sent_again_and_said(
    house_at: Houses, fault: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    taken: Taken = {}
    await killed(house_at, ReadsBack(taken))
    platform = ReadsBack(taken)
    platform.look_faults = [fault]
    async with house_at(platform=platform):
        assert await platform.wait_sent() == ["echo: Hello"]
    assert list(taken.values()) == ["echo: Hello"] * 2
    assert "sending it again" in caplog.text


async def test_others_are_the_ids_of_what_went_there_before(house_at: Houses, tmp_path: Path) -> None:
    taken: Taken = {}
    async with house_at(platform=ReadsBack(taken)) as house:
        await house.platform.say("Hello")
        await house.platform.say("elsewhere", room="ben", person="ben")
        await house.platform.wait_sent(2)
    [(_, _, first), _] = rows_of(tmp_path)
    await killed(house_at, ReadsBack(taken))
    platform = ReadsBack(taken)
    async with house_at(platform=platform):
        await until(lambda: rows_of(tmp_path)[2][0] == "sent")
    [(_, _, others)] = platform.looks
    assert others == {first}


async def test_where_nothing_can_be_asked_it_is_repeated_once_and_marked(
    house_at: Houses, tmp_path: Path
) -> None:
    taken: Taken = {}
    await killed(house_at, Repeats(taken))
    async with house_at(platform=Repeats(taken)) as house:
        assert await house.platform.wait_sent() == ["again: echo: Hello"]
    assert list(taken.values()) == ["echo: Hello", "again: echo: Hello"]
    assert rows_of(tmp_path) == [("sent", "", "sent-1")]


async def test_a_repeat_of_unknown_fate_is_the_last(house_at: Houses, tmp_path: Path) -> None:
    taken: Taken = {}
    await killed(house_at, Repeats(taken))
    platform = Repeats(taken, silent=-1)
    async with house_at(platform=platform) as house:
        await platform.reached.wait()
        await house.host.stop(0.0)
    assert rows_of(tmp_path) == [("sending", REPEATED, "")]
    async with house_at(platform=Repeats(taken)) as house:
        await house.platform.say("still there?")
        assert await house.platform.wait_sent() == ["echo: still there?"]
    assert rows_of(tmp_path)[0] == ("failed", UNKNOWN, "")
    assert list(taken.values()) == ["echo: Hello", "again: echo: Hello", "echo: still there?"]


async def test_a_repeat_that_has_to_wait_stays_one(house_at: Houses, tmp_path: Path) -> None:
    platform = Repeats({}, silent=1)
    async with house_at(platform=platform) as house:
        await platform.say("Hello")
        await platform.reached.wait()
        platform.faults = [SendLater("slow down", after_s=0.0), SendLater("slow down", after_s=0.0)]
        assert await platform.wait_sent() == ["again: echo: Hello"]
        await house.host.finish_pending()
    assert list(platform.taken.values()) == ["echo: Hello", "again: echo: Hello"]


async def test_where_repeats_are_not_wanted_the_part_fails_and_its_siblings_go_out(
    house_at: Houses, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    platform = Repeats({}, silent=1)
    platform.again = False
    platform._limit = 10
    async with house_at(platform=platform) as house:
        await platform.say("Hello there")
        assert await platform.wait_sent() == ["o there"]
        await house.host.finish_pending()
    assert rows_of(tmp_path) == [("failed", UNKNOWN, ""), ("sent", "", "sent-1")]
    assert f"{UNKNOWN}; it is not sent again" in caplog.text


async def test_a_platform_of_neither_kind_gets_the_same_key_again(house_at: Houses) -> None:
    taken: Taken = {}
    await killed(house_at, Forgetful(taken))
    async with house_at(platform=Forgetful(taken)) as house:
        assert await house.platform.wait_sent() == ["echo: Hello"]
    first, second = taken
    assert first.split()[0] == second.split()[0]


async def test_a_refusal_that_could_not_be_written_down_is_no_doubt(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    mark_later = house.store.mark_later
    calls = 0

    async def fails_once(seq: int, not_before: datetime, error: str) -> None:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise StoreError("disk full")
        await mark_later(seq, not_before, error)

    monkeypatch.setattr(house.store, "mark_later", fails_once)
    monkeypatch.setattr("bot_host.host.lanes.FAILED_SECONDS", 0.0)
    monkeypatch.setattr(FakePlatform, "repeated", lambda self, payload: None, raising=False)
    house.platform.faults = [SendLater("slow down")]
    await house.platform.say("Hello")
    assert await house.platform.wait_sent() == ["echo: Hello"]
