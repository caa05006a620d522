"""The Slack connector with the real libraries against the fake."""

import asyncio
import logging
from pathlib import Path

import pytest

from bot_host.connector import (
    ChannelType,
    Content,
    InboundDelete,
    InboundEdit,
    InboundMessage,
    InboundPlaces,
    LoginError,
    MentionType,
    SendLater,
    SendRefused,
    SendUnknown,
    Skipped,
    Target,
)
from bot_host.testing.connector import RecordingHost
from connectors.slack.client import SlackConnector
from tests.connectors.slack_helpers import config_for, running
from tests.fakes.slack import FakeSlack


def said(text: str) -> Content:
    return Content(text=text, source="slack")


async def test_a_mention_is_answered_in_a_thread_and_the_follow_up_is_in_the_same_room(
    tmp_path: Path,
) -> None:
    async with FakeSlack() as slack, running(slack, tmp_path) as bot:
        ada = slack.add_user("ada", display_name="Ada Lovelace")
        general = slack.add_channel("general")
        post = await slack.say(general, ada, f"<@{slack.bot_user_id}> hello")
        await slack.wait_acked()
        first = bot.host.messages[0]
        assert first.content.text == "hello"
        assert first.room.key == f"slack-room-{general.id}-{post['ts']}"
        assert first.room.type is ChannelType.THREAD
        assert first.room.name == "general"
        assert first.sender.name == "Ada Lovelace"
        assert first.world.name == "Fake Works"

        (payload,) = bot.connector.encode(said("Hello **Ada**"), first.target)
        sent = await bot.connector.send(payload, first.target, key="m1/0")
        reply = await slack.wait_for_message(channel=general, thread_ts=post["ts"])
        assert reply["text"] == "Hello *Ada*"
        assert reply["ts"] == sent.platform_message_id
        assert reply["metadata"]["event_payload"] == {"key": "m1/0"}

        await slack.say(general, ada, "and then?", thread_ts=post["ts"])
        await slack.wait_acked()
        follow_up = bot.host.messages[-1]
        assert follow_up.room.key == first.room.key
        assert follow_up.target.thread_id == post["ts"]
        assert follow_up.content.mention_context is not None
        assert follow_up.content.mention_context.mention_type is MentionType.THREAD
        own = [event for event in bot.host.events if isinstance(event, Skipped)]
        assert [event.reason for event in own] == ["own message"]


@pytest.mark.parametrize("mention_first", [False, True])
async def test_message_and_mention_of_one_post_are_one_event(tmp_path: Path, mention_first: bool) -> None:
    async with FakeSlack() as slack, running(slack, tmp_path) as bot:
        ada = slack.add_user("ada")
        general = slack.add_channel("general")
        await slack.say(general, ada, f"<@{slack.bot_user_id}> hi", mention_first=mention_first)
        one, other = await bot.host.wait_for(InboundMessage, 2)
        assert one == other


async def test_a_direct_message_is_answered_flat(tmp_path: Path) -> None:
    async with FakeSlack() as slack, running(slack, tmp_path) as bot:
        ada = slack.add_user("ada")
        im = slack.add_im(ada)
        await slack.say(im, ada, "hi")
        await slack.wait_acked()
        (message,) = bot.host.messages
        assert (message.room.key, message.room.type) == (f"slack-room-{im.id}", ChannelType.DM)
        await bot.connector.send({"text": "yes", "plain": "yes"}, message.target, key="k")
        assert "thread_ts" not in await slack.wait_for_message(channel=im)


async def test_the_acknowledgement_waits_for_the_commit(tmp_path: Path) -> None:
    async with FakeSlack() as slack, running(slack, tmp_path) as bot:
        ada = slack.add_user("ada")
        im = slack.add_im(ada)
        bot.host.open_gate.clear()
        await slack.say(im, ada, "one")
        await slack.say(im, ada, "two")
        # The name look-up comes just before the commit: when it is answered, the event has reached the gate
        # or will at once; a ping's round trip more, and an early acknowledgement would have arrived.
        await slack.wait_answered("users.info")
        before = slack.socket_mode.sockets[0].pongs
        await slack.socket_mode.ping()
        await slack.wait_until(lambda: slack.socket_mode.sockets[0].pongs > before)
        assert [envelope.acked_at for envelope in slack.envelopes] == [None, None]
        assert bot.host.messages == []
        bot.host.open_gate.set()
        await slack.wait_acked()
        assert [message.content.text for message in bot.host.messages] == ["one", "two"]
        first, second = slack.envelopes
        assert first.acked_at is not None
        assert second.acked_at is not None
        assert first.acked_at < second.acked_at


async def test_what_could_not_be_stored_is_not_acknowledged_and_comes_again(tmp_path: Path) -> None:
    async with FakeSlack() as slack, running(slack, tmp_path) as bot:
        ada = slack.add_user("ada")
        im = slack.add_im(ada)
        bot.host.fail_next = 1
        await slack.say(im, ada, "lost?")
        await slack.say(im, ada, "next")
        lost, following = slack.envelopes
        await slack.wait_acked(following)
        assert lost.acked_at is None
        await slack.socket_mode.redeliver()
        await slack.wait_acked(lost)
        assert lost.deliveries == 2
        assert [message.content.text for message in bot.host.messages] == ["next", "lost?"]


@pytest.mark.parametrize("reason", ["warning", "refresh_requested"])
@pytest.mark.parametrize("close", [False, True])
async def test_nothing_is_lost_when_slack_wants_a_new_connection(
    tmp_path: Path, reason: str, close: bool
) -> None:
    async with FakeSlack() as slack, running(slack, tmp_path) as bot:
        ada = slack.add_user("ada")
        im = slack.add_im(ada)
        bot.host.open_gate.clear()
        await slack.say(im, ada, "before")
        await slack.socket_mode.disconnect(reason, close=close)  # type: ignore[arg-type]
        await slack.say(im, ada, "between")
        bot.host.open_gate.set()
        await slack.wait_until(lambda: len(slack.socket_mode.sockets) == 2)
        await slack.say(im, ada, "after")
        await slack.wait_acked()
        texts = [message.content.text for message in bot.host.messages]
        assert list(dict.fromkeys(texts)) == ["before", "between", "after"]
        keys = {message.event_key for message in bot.host.messages}
        assert len(keys) == 3
