"""Reactions, new members, and what is left aside on Slack, through the real slack-bolt against the fake."""

from pathlib import Path

import pytest

from bot_host.connector import ChannelType, InboundMembership, InboundReaction, Skipped
from tests.connectors.slack_helpers import running
from tests.fakes.slack import FakeSlack


async def test_reactions_come_and_go(tmp_path: Path) -> None:
    async with FakeSlack() as slack, running(slack, tmp_path) as bot:
        ada, general = slack.add_user("ada"), slack.add_channel("general")
        post = await slack.say(general, ada, "look")
        await slack.react(general, ada, post["ts"], "+1::skin-tone-2")
        await slack.react(general, ada, post["ts"], "party", added=False)
        came, went = await bot.host.wait_for(InboundReaction, 2)
        assert came.event_key == bot.host.messages[0].event_key
        assert (came.message_id, came.channel_id) == (post["ts"], general.id)
        assert (came.reaction, came.added) == (":+1:", True)
        assert (went.reaction, went.added) == (":party:", False)
        assert (came.room.key, came.room.type) == (bot.host.messages[0].room.key, ChannelType.GROUP)
        assert came.sender.key == bot.host.messages[0].sender.key
        assert came.world == bot.host.messages[0].world
        im = slack.add_im(ada)
        await slack.react(im, ada, post["ts"], "eyes")
        assert (await bot.host.wait_for(InboundReaction, 3))[-1].room.type is ChannelType.DM


async def test_own_reactions_and_those_of_people_who_are_not_let_in_are_skipped(tmp_path: Path) -> None:
    async with FakeSlack() as slack, running(slack, tmp_path, deny=["U0STRANGE1"]) as bot:
        eve, general = slack.add_user("eve", id="U0STRANGE1"), slack.add_channel("general")
        await slack.react(general, slack.workspace.bot, "1.0", "eyes")
        await slack.react(general, eve, "1.0", "eyes")
        own, denied = await bot.host.wait_for(Skipped, 2)
        assert own.reason == "own reaction"
        assert denied.reason not in ("", "own reaction")
        await slack.wait_acked()
        assert len(bot.host.events) == 2


async def test_who_joins_the_workspace(tmp_path: Path) -> None:
    async with FakeSlack() as slack, running(slack, tmp_path) as bot:
        await slack.join_team(slack.add_user("ada", display_name="Ada"))
        [joined] = await bot.host.wait_for(InboundMembership)
        assert joined.joined is True
        assert joined.person is not None
        assert (joined.person.name, joined.person.user_name) == ("Ada", "ada")
        assert joined.world.platform_id == slack.team_id


@pytest.mark.parametrize("kind", ["app_home_opened", "member_left_channel", "channel_archive", "file_shared"])
async def test_what_is_left_aside(tmp_path: Path, kind: str) -> None:
    async with FakeSlack() as slack, running(slack, tmp_path) as bot:
        await slack.emit({"type": kind, "user": "U1", "channel": "C1"})
        [skipped] = await bot.host.wait_for(Skipped)
        assert (skipped.reason, skipped.failed) == (f"news: {kind}", False)


async def test_a_reaction_to_a_file_or_a_malformed_one(tmp_path: Path) -> None:
    async with FakeSlack() as slack, running(slack, tmp_path) as bot:
        event = {"type": "reaction_added", "user": "U1", "reaction": "eyes"}
        await slack.emit({**event, "item": {"type": "file", "file": "F1"}})
        await slack.emit(event)
        file, malformed = await bot.host.wait_for(Skipped, 2)
        assert (file.reason, file.failed) == ("reaction to a file", False)
        assert malformed.failed is True
