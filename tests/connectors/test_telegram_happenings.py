"""Reactions on Telegram, and people and the bot itself who come and go."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot_host.connector import ChannelType, InboundReaction, Skipped
from bot_host.testing import RecordingHost
from tests.connectors.telegram_samples import (
    ANN,
    CHANNEL,
    DATE,
    GROUP,
    ME,
    PRIVATE,
    event,
    events,
    reason,
)
from tests.connectors.test_telegram_live import make, running
from tests.fakes.telegram import FakeTelegram
from tests.fakes.telegram_happenings import count_reactions, react
from tests.fakes.telegram_world import Json

UP = {"type": "emoji", "emoji": "👍"}
DOWN = {"type": "emoji", "emoji": "👎"}
OWN = {"type": "custom_emoji", "custom_emoji_id": "5368324170671202286"}


@pytest.fixture
async def fake() -> AsyncIterator[FakeTelegram]:
    async with FakeTelegram() as running_fake:
        yield running_fake


@pytest.fixture
async def host(tmp_path: Path) -> AsyncIterator[RecordingHost]:
    recording = RecordingHost(tmp_path)
    yield recording
    await recording.tasks.close()


def changed(old: list[Json], new: list[Json], **who: object) -> Json:
    by = who or {"user": ANN}
    return {
        "chat": GROUP, "message_id": 11, "date": DATE, "old_reaction": old, "new_reaction": new, **by
    }  # fmt: skip


def told(old: list[Json], new: list[Json]) -> list[tuple[str, bool]]:
    found = events("message_reaction", changed(old, new))
    assert all(isinstance(each, InboundReaction) for each in found)
    return [(each.reaction, each.added) for each in found if isinstance(each, InboundReaction)]


def test_reactions_are_told_by_their_difference() -> None:
    assert told([], [UP]) == [("👍", True)]
    assert told([UP], []) == [("👍", False)]
    assert told([UP, OWN], [DOWN, OWN]) == [("👍", False), ("👎", True)]
    assert told([], [OWN, {"type": "paid"}]) == [(":5368324170671202286:", True), (":paid star:", True)]
    assert reason("message_reaction", changed([UP], [UP])) == "change of nothing"


def test_a_reaction_says_who_where_and_to_what() -> None:
    found = event("message_reaction", changed([], [UP]))
    assert isinstance(found, InboundReaction)
    assert (found.event_key, found.message_id, found.channel_id) == ("-70/11", "11", "-70")
    assert (found.sender.name, found.room.type, found.world.key) == ("Ann Lee", ChannelType.GROUP, "-70")
    anonymous = event("message_reaction", changed([], [UP], actor_chat=GROUP))
    assert isinstance(anonymous, InboundReaction)
    assert (anonymous.sender.key, anonymous.sender.name) == ("-70", "Friends")


def test_reactions_of_who_is_not_let_in_are_skipped() -> None:
    bot = {"id": 8, "is_bot": True, "first_name": "Other"}
    assert reason("message_reaction", changed([], [UP]), deny=["5"]) == "denied"
    assert reason("message_reaction", changed([], [UP], user=ME)) == "own reaction"
    assert reason("message_reaction", changed([], [UP], user=bot)) == "bot"
    private = {**changed([], [UP]), "chat": PRIVATE}
    found = event("message_reaction", private, dm_policy="pairing")
    assert isinstance(found, InboundReaction)
    assert found.pairing_id == "5"


def test_anonymous_reactions_are_told_as_numbers() -> None:
    counted = [{"type": UP, "total_count": 3}, {"type": OWN, "total_count": 1}]
    change = {"chat": CHANNEL, "message_id": 4, "date": DATE, "reactions": counted}
    found = event("message_reaction_count", change)
    assert isinstance(found, InboundReaction)
    assert (found.event_key, found.totals) == ("-1002/4", {"👍": 3, ":5368324170671202286:": 1})
    assert reason("message_reaction_count", change, deny=["-1002"]) == "denied"


async def test_reactions_come_by_the_wire_in_order(fake: FakeTelegram, host: RecordingHost) -> None:
    ann = fake.world.user("Ann")
    group, channel = fake.world.supergroup("Club"), fake.world.channel("Daily")
    connector = make(fake)
    async with running(connector, host):
        await host.wait_connected()
        said = await fake.say(group, ann, "@fake_bot hi")
        await react(fake, group, said["message_id"], ann, new=("👍",))
        await react(fake, group, said["message_id"], ann, old=("👍",), new=("🔥",))
        await count_reactions(fake, channel, 7, {"👍": 2})
        found = await host.wait_for(InboundReaction, 4)
    [message] = host.messages
    assert [each.event_key == message.event_key for each in found] == [True, True, True, False]
    assert [(each.reaction, each.added) for each in found[:3]] == [("👍", True), ("👍", False), ("🔥", True)]
    assert found[3].totals == {"👍": 2}
    assert not any(isinstance(each, Skipped) for each in host.events)
