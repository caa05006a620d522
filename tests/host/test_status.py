"""What the host says of itself, and what it writes down of its accounts and of what it does not let in."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from bot_host.contracts.connector import CheckLine, ConnectorHost, ConnectorState
from bot_host.host import skips
from bot_host.kit.clock import utc_now
from bot_host.store import make_store
from bot_host.testing import FakePlatform
from bot_host.types.content import Content
from bot_host.types.errors import LoginError, StoreError
from bot_host.types.inbound import InboundEdit, InboundMessage, Mark, Skipped
from bot_host.types.ledger import EventKind
from tests.host.conftest import House, Houses


async def skipped_of(house: House) -> dict[str, int]:
    tallies = (await house.host.figures()).tallies
    return {tally.reason: tally.count for tally in tallies if tally.kind is EventKind.SKIP and tally.reason}


async def test_the_figures_count_while_it_happens(house: House) -> None:
    house.model.hold.clear()
    await house.platform.say("one")
    await house.model.wait_asked()
    status = await house.host.status()
    assert status.figures is not None
    balance = status.figures.balance()
    assert (balance.received, balance.pending, balance.balanced) == (1, 1, True)
    assert (status.rooms.working, status.agents) == (1, ((house.agent_id, "Eliza", True),))
    [connector] = status.connectors
    assert (connector.state, connector.account, connector.events) == ("connected", "fake:1", 1)
    assert connector.last_event_at is not None
    house.model.hold.set()
    await house.host.finish_pending()
    assert (await house.host.figures()).balance().answered == 1


async def test_an_account_is_noted_with_its_last_error(house_at: Houses, tmp_path: Path) -> None:
    async with house_at() as house:
        [runner] = house.host.connectors
        await house.platform.wait_until(lambda: runner.state is ConnectorState.CONNECTED)
        runner.waiting("the line is cut")
        runner.waiting("the line is cut")
        assert (await house.host.status()).connectors[0].reconnects == 0
        await runner.connected(house.platform.account)
        await runner.connected(house.platform.account)
        assert (await house.host.status()).connectors[0].reconnects == 1
        await runner.tasks.wait()
        [note] = (await house.store.figures()).accounts
        assert (note.account, note.name, note.label, note.state) == (
            "fake:1",
            "fake",
            "Fake Bot",
            "connected",
        )
        assert note.error == "the line is cut"
        assert (await house.host.status()).connectors[0].last_error == note.error
    async with make_store("sqlite:///bot.db", base=tmp_path, read_only=True) as store:
        [note] = (await store.figures()).accounts
        assert (note.state, note.error) == ("stopped", "the line is cut")


class Refused(FakePlatform):
    async def run(self, host: ConnectorHost) -> None:
        raise LoginError("the token is refused")


async def test_one_that_never_logged_in_is_noted_by_its_table(house: House) -> None:
    runner = house.host.add_connector(
        Refused(), house.host.connectors[0]._config, name="fake[2]", agent_id=house.agent_id
    )
    await runner.supervise()
    notes = {note.account: note for note in (await house.store.figures()).accounts}
    assert (notes["fake[2]"].state, notes["fake[2]"].error) == ("failed", "the token is refused")


async def test_skipped_events_are_written_within_a_second(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(skips, "SOON_SECONDS", 0.01)
    mark = Mark(name="channel:c", value=4)
    await house.platform.accept(
        Skipped(reason="bot", event_key="c/4", mark=mark), Skipped(reason="own message", event_key="c/5")
    )
    assert house.host.skipped == {"bot": 1, "own message": 1}
    while await skipped_of(house) != {"bot": 1, "own message": 1}:
        await asyncio.sleep(0.01)
    assert await house.store.find_mark("fake:1", "channel:c") == 4
    assert [each.reason for each in await house.store.find_skipped("c/4")] == ["bot"]


async def test_a_connector_finds_the_marks_of_what_it_skipped(house: House) -> None:
    await house.platform.accept(Skipped(reason="bot", mark=Mark(name="channel:c", value=4)))
    [runner] = house.host.connectors
    assert await runner.find_mark("channel:c") == 4
    assert runner._inbox.skips.waiting == 0


async def test_the_end_of_the_host_writes_what_waits(house_at: Houses) -> None:
    async with house_at() as house:
        await house.platform.accept(Skipped(reason="bot", event_key="c/4"))
    async with house_at() as house:
        assert await skipped_of(house) == {"bot": 1}


async def test_what_cannot_be_written_is_kept_and_more_of_it_is_refused(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(skips, "MOST", 3)
    write = house.store.count_skipped

    async def refuse(*_: object) -> None:
        raise StoreError("the disk is full")

    monkeypatch.setattr(house.store, "count_skipped", refuse)
    for _ in range(3):
        await house.platform.accept(Skipped(reason="bot"))
    with pytest.raises(StoreError):
        await house.platform.accept(Skipped(reason="bot"))
    monkeypatch.setattr(house.store, "count_skipped", write)
    await house.platform.accept(Skipped(reason="bot"))
    [runner] = house.host.connectors
    await runner.find_mark("any")
    assert await skipped_of(house) == {"bot": 4}


def _strange(message: InboundMessage) -> InboundMessage:
    """One that cannot even be made a memory."""
    return replace(message, sent_at=None)  # type: ignore[arg-type]


async def test_a_message_that_cannot_be_taken_in_does_not_hold_up_the_next(house: House) -> None:
    strange = _strange(house.platform.message("?", message_id="7"))
    await house.platform.accept(strange, house.platform.message("hello", message_id="8"))
    assert await house.platform.wait_sent() == ["echo: hello"]
    [runner] = house.host.connectors
    await runner.find_mark("any")
    figures = await house.host.figures()
    assert figures.count(EventKind.SKIP, "failed") == 1
    assert [each.event_key for each in await house.store.find_skipped("7")] == [strange.event_key]


async def test_an_edit_that_cannot_be_taken_in_is_counted_as_failed(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object) -> None:
        raise ValueError("a fault")

    monkeypatch.setattr(house.store, "apply_edit", fail)
    edit = InboundEdit(event_key="ada/1", content=Content(text="x"), edited_at=utc_now())
    await house.platform.accept(edit)
    assert (await house.host.figures()).count(EventKind.EDIT, "failed") == 1


async def test_the_state_is_not_worth_a_failure(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuse(_: object) -> None:
        raise StoreError("the disk is full")

    monkeypatch.setattr(house.store, "note_account", refuse)
    [runner] = house.host.connectors
    runner.waiting("cut")
    await runner.tasks.wait()
    assert runner.state is ConnectorState.WAITING


class Silent(FakePlatform):
    """Finds that nobody can hear it, and is asked how often it was."""

    asked = 0

    async def silences(self) -> list[CheckLine]:
        self.asked += 1
        if self.asked > 1:
            raise ValueError("asked twice")
        return [CheckLine(name="fake ears", ok=False, detail="both ears are shut", advice="open one")]


async def test_what_makes_it_silent_is_told_once_after_the_login(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    platform = Silent(account_id="2")
    runner = house.host.add_connector(
        platform, house.host.connectors[0]._config, name="fake[2]", agent_id=house.agent_id
    )
    for _ in range(2):
        await runner.connected(platform.account)
        await runner.tasks.wait()
    assert caplog.text.count("fake[2]: both ears are shut; open one") == 1
    assert platform.asked == 1


class Broken(FakePlatform):
    async def silences(self) -> list[CheckLine]:
        raise ValueError("no idea")


async def test_a_look_that_fails_is_no_trouble(house: House, caplog: pytest.LogCaptureFixture) -> None:
    platform = Broken(account_id="2")
    runner = house.host.add_connector(
        platform, house.host.connectors[0]._config, name="fake[2]", agent_id=house.agent_id
    )
    await runner.connected(platform.account)
    await runner.tasks.wait()
    assert runner.state is ConnectorState.CONNECTED
    assert "no idea" not in caplog.text
