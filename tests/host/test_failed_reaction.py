"""A message that failed, and of which nobody is told, may get a reaction: where the admin wants that."""

import logging
from pathlib import Path
from typing import Any

import pytest

from bot_host.app.reports import _delivery, _delivery_line
from bot_host.connector import ConnectorConfig, RoomClosed, SendLater, Target
from bot_host.testing import FakePlatform
from bot_host.types.content import ChannelType
from bot_host.types.errors import ModelError
from tests.host.conftest import House, Houses
from tests.host.test_closed_rooms import closed
from tests.host.test_hard_moments import until
from tests.host.test_revisions import outbox_of, settled

GROUP: dict[str, Any] = {"room": "general", "type": ChannelType.GROUP}
DOWN = ModelError("down")


class Reacting(FakePlatform):
    def __init__(self) -> None:
        super().__init__()
        self.reactions: list[tuple[str, str]] = []

    async def react(self, target: Target, reaction: str) -> None:
        self.tried += 1
        if self.faults:
            raise self.faults.pop(0)
        self.reactions.append((target.reply_to, reaction))


def config(reaction: str = "⚠️", **more: Any) -> ConnectorConfig:
    return ConnectorConfig(mention_only=False, failed_reaction=reaction, **more)


async def fail(house: House, **how: Any) -> Reacting:
    """A message that the small model wants answered, and the large one cannot."""
    platform = house.platform
    assert isinstance(platform, Reacting)
    house.model.decisions, house.model.answers = ["RESPOND"], [DOWN]
    await platform.say("what is 2+2", **how)
    await settled(house)
    return platform


async def test_it_is_put_where_nobody_is_told(house_at: Houses, tmp_path: Path) -> None:
    async with house_at(config=config(), platform=Reacting()) as house:
        platform = await fail(house, **GROUP)
        assert platform.reactions == [("1", "⚠️")]
        assert platform.sent == []
        assert outbox_of(tmp_path) == [("react", 0, 0, "sent", "")]
        story = await house.store.tell_story(1)
        assert story is not None
        [part] = story.parts
        assert _delivery_line(_delivery(part)).startswith(
            "reaction, part 1 of 1 (outbox:1) to fake:1/general"
        )
        assert "shown on the message" in _delivery_line(_delivery(part))


async def test_whoever_is_told_gets_none(house_at: Houses) -> None:
    async with house_at(config=config(), platform=Reacting()) as house:
        for how in ({}, {**GROUP, "mention": True}):
            platform = await fail(house, **how)
            assert platform.reactions == []
        assert len(platform.sent) == 2


@pytest.mark.parametrize("reaction", ["", " "])
async def test_there_is_none_by_default(house_at: Houses, reaction: str) -> None:
    async with house_at(config=config(reaction), platform=Reacting()) as house:
        assert (await fail(house, **GROUP)).reactions == []
        assert await house.store.unsent_count() == 0


async def test_a_platform_without_reactions_gets_nothing(house_at: Houses, tmp_path: Path) -> None:
    async with house_at(config=config()) as house:
        house.model.decisions, house.model.answers = ["RESPOND"], [DOWN]
        await house.platform.say("what is 2+2", **GROUP)
        await settled(house)
        assert outbox_of(tmp_path) == []


async def test_it_is_put_off_like_a_message_and_comes_after_a_restart(house_at: Houses) -> None:
    async with house_at(config=config(), platform=Reacting()) as house:
        house.platform.faults = [SendLater("busy", after_s=3.0)]
        house.model.decisions, house.model.answers = ["RESPOND"], [DOWN]
        await house.platform.say("what is 2+2", **GROUP)
        await until(lambda: house.platform.tried == 1)
        await house.host.finish_pending()
        assert await house.store.unsent_count() == 1
        assert (await house.store.audit_rows(host_runs=True)).violations == ()
    platform = Reacting()
    async with house_at(config=config(), platform=platform) as house:
        await until(lambda: bool(platform.reactions))
        assert platform.reactions == [("1", "⚠️")]


async def test_a_refusal_closes_no_room(house_at: Houses, caplog: pytest.LogCaptureFixture) -> None:
    async with house_at(config=config(), platform=Reacting()) as house:
        house.platform.faults = [RoomClosed("no right to react")]
        await fail(house, **GROUP)
        assert await closed(house) == []
        [line] = [r.getMessage() for r in caplog.records if r.levelno == logging.ERROR and "message" in r.msg]
        assert line.endswith("cannot be sent: no right to react")
