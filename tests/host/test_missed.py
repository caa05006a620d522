"""What was said while nobody listened, through a whole host."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bot_host.connector import ConnectorConfig, InboundMessage, Mark, Skipped, utc_now
from bot_host.testing import FakePlatform
from bot_host.types.content import ChannelType
from tests.host.conftest import House, Houses
from tests.host.test_host import inbox_of


def said(house: House, text: str, *, ago: float, **how: Any) -> InboundMessage:
    """Something that was said so many seconds ago."""
    message = house.platform.message(text, **how)
    return replace(message, sent_at=utc_now() - timedelta(seconds=ago))


async def missed(house: House, *events: Any) -> None:
    """The connector hands over what it missed."""
    await house.platform.wait_until(lambda: house.platform._host is not None)
    assert house.platform._host is not None
    await house.platform._host.accept_missed(*events)
    house.platform._host.caught_up()


async def test_by_default_it_is_answered_and_what_is_too_old_is_noted(
    house: House, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    await missed(house, said(house, "long ago", ago=7200), said(house, "just now", ago=300))
    assert await house.platform.wait_sent() == ["echo: just now"]
    await house.host.finish_pending()
    assert inbox_of(tmp_path) == [
        ("done", "ignored", "too old"),
        ("done", "answered", "direct message"),
    ]
    # What was noted is part of the conversation.
    assert [m.content for m in house.model.requests[0].messages[1:]] == ["long ago", "just now"]
    assert (
        "fake caught up: 2 missed messages: 1 to answer, 1 only noted (1 of them too old), 0 skipped"
        in caplog.text
    )


async def test_noted_messages_are_remembered_and_not_answered(
    house_at: Houses, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    async with house_at(config=ConnectorConfig(catch_up="note")) as house:
        await missed(house, said(house, "long ago", ago=7200), said(house, "missed", ago=300))
        await house.host.finish_pending()
        assert house.platform.sent == []
        await house.platform.say("live")
        await house.platform.wait_sent()
        await house.host.finish_pending()
        assert [m.content for m in house.model.requests[0].messages[1:]] == ["long ago", "missed", "live"]
    assert inbox_of(tmp_path) == [
        ("done", "ignored", "too old"),
        ("done", "ignored", "caught up, not answered"),
        ("done", "answered", "direct message"),
    ]
    assert "0 to answer, 2 only noted (1 of them too old), 0 skipped" in caplog.text


async def test_skipped_messages_leave_their_mark_and_a_count(
    house_at: Houses, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    async with house_at(config=ConnectorConfig(catch_up="skip")) as house:
        old = replace(said(house, "missed", ago=300), mark=Mark(name="c", value=7))
        await missed(house, old, said(house, "long ago", ago=7200))
        [runner] = house.host.connectors
        assert await runner.find_mark("c") == 7
        assert runner._inbox.skips.by_reason["missed, not taken in"] == 2
        # The same message live: it was not taken in, so it is none that is known.
        await house.platform.accept(old)
        await house.platform.wait_sent()
    assert [row[1] for row in inbox_of(tmp_path)] == ["answered"]
    assert "0 to answer, 0 only noted (0 of them too old), 2 skipped" in caplog.text


@pytest.mark.parametrize("catch_up", ["answer", "note", "skip"])
async def test_what_was_taken_in_before_is_none_of_it(
    house_at: Houses, tmp_path: Path, catch_up: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    async with house_at(config=ConnectorConfig(catch_up=catch_up)) as house:
        live = said(house, "live", ago=300)
        await house.platform.accept(live)
        await house.platform.wait_sent()
        again = replace(live, mark=Mark(name="c", value=9))
        await missed(house, again, Skipped(reason="bot"))
        await house.host.finish_pending()
        [runner] = house.host.connectors
        assert await runner.find_mark("c") == 9
    assert inbox_of(tmp_path) == [("done", "answered", "direct message")]
    assert "caught up" not in caplog.text


@pytest.mark.parametrize("catch_up", ["note", "skip"])
async def test_a_short_break_of_a_running_host_is_nobodys_past(
    house_at: Houses, tmp_path: Path, catch_up: str
) -> None:
    async with house_at(config=ConnectorConfig(catch_up=catch_up)) as house:
        before = said(house, "before the start", ago=30, message_id="1")
        during = said(house, "in the break", ago=0, message_id="2")
        await missed(house, before, during)
        assert await house.platform.wait_sent() == ["echo: in the break"]
        await house.host.finish_pending()
    ended = [row[1:] for row in inbox_of(tmp_path)]
    assert ended[-1] == ("answered", "direct message")
    assert ended[:-1] == ([("ignored", "caught up, not answered")] if catch_up == "note" else [])


async def test_the_gate_decides_about_missed_messages_as_about_live_ones(
    house: House, tmp_path: Path
) -> None:
    group = {"room": "general", "type": ChannelType.GROUP}
    await missed(
        house,
        said(house, "chatter", ago=300, **group),
        said(house, "a question", ago=299, mention=True, **group),
    )
    await house.platform.wait_sent()
    await house.host.finish_pending()
    assert inbox_of(tmp_path) == [("done", "ignored", "not addressed"), ("done", "answered", "mention")]


async def test_a_connector_is_told_where_people_spoke_last(house: House) -> None:
    platform: FakePlatform = house.platform
    await platform.say("one", room="first")
    await platform.say("two", room="second")
    await platform.wait_sent(2)
    assert platform._host is not None
    rooms = await platform._host.recent_rooms(limit=5)
    assert [(room.channel_id, room.type) for room in rooms] == [
        ("second", ChannelType.DM),
        ("first", ChannelType.DM),
    ]
