"""A stop button: somebody wants the turn under way to end, without a word."""

from pathlib import Path

import pytest

from bot_host.connector import ChannelType, InboundStop, PersonRef, RoomRef
from bot_host.types.ledger import EventKind
from tests.host.conftest import Houses
from tests.host.pen import Writing, drafts_of, pen_of, settled, shown, writing_at
from tests.host.test_host import inbox_of


@pytest.fixture
def writing(house_at: Houses, monkeypatch: pytest.MonkeyPatch) -> Writing:
    return writing_at(house_at, monkeypatch)


def pressed(room: RoomRef) -> InboundStop:
    return InboundStop(room=room, sender=PersonRef(key="ada", platform_id="ada"))


async def test_the_turn_under_way_ends_and_others_do_not(writing: Writing, tmp_path: Path) -> None:
    async with writing() as house:
        said = await house.platform.say("tell me a story")
        pen_of(house).write("Once upon a time")
        await shown(house, "Once upon a time")
        elsewhere = RoomRef(key="elsewhere", type=ChannelType.DM, channel_id="elsewhere")
        await house.platform.accept(pressed(elsewhere))
        assert house.platform.shown == ["Once upon a time"]
        await house.platform.accept(pressed(said.room))
        await shown(house)
        await settled(house)
        assert drafts_of(tmp_path) == []
        assert inbox_of(tmp_path) == [("done", "superseded", "stopped")]
        figures = await house.store.figures()
        assert [tally.count for tally in figures.tallies if tally.kind is EventKind.STOP] == [2, 2]


async def test_a_click_that_comes_too_late_stops_nothing_that_follows(
    writing: Writing, tmp_path: Path
) -> None:
    async with writing() as house:
        said = await house.platform.say("hi")
        pen_of(house).say("Hello")
        await settled(house)
        await house.platform.accept(pressed(said.room))
        await house.platform.say("and now?")
        pen_of(house).say("Fine")
        await settled(house)
        assert house.platform.shown == ["Hello", "Fine"]
        assert [outcome for _, outcome, _ in inbox_of(tmp_path)] == ["answered", "answered"]
