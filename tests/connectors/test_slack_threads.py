"""What was said in a thread before the agent came into it, and channels whose id changes."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from bot_host.connector import (
    Content,
    InboundEdit,
    InboundEvent,
    InboundPlaces,
    Quote,
    Skipped,
    StoreError,
    Target,
)
from bot_host.testing.connector import RecordingHost
from connectors.slack import threads
from tests.connectors.slack_helpers import Running, running
from tests.fakes.slack import FakeSlack
from tests.fakes.slack_workspace import FakeChannel, FakeUser

REPLIES = "conversations.replies"


def plain(quotes: list[Quote]) -> list[tuple[str, str, str]]:
    return [(quote.kind, quote.author, quote.text) for quote in quotes]


def said(bot: Running) -> list[Content]:
    """What was taken in: each mention comes as two events, of which the host takes the first."""
    first: dict[str, Content] = {}
    for message in bot.host.messages:
        first.setdefault(message.event_key, message.content)
    return list(first.values())


async def thread_before(slack: FakeSlack, general: FakeChannel) -> tuple[FakeUser, str]:
    """A thread of two people, a bot and somebody denied, in which nobody has turned to the agent."""
    ada, bob = slack.add_user("ada", display_name="Ada"), slack.add_user("bob", display_name="Bob")
    parent = slack.workspace.user_message(general, ada, "the build is *red*")
    thread = str(parent["ts"])
    slack.workspace.user_message(general, bob, "since noon", thread_ts=thread)
    slack.workspace.user_message(general, slack.add_user("eve", id="U0DENIED1"), "leave it", thread_ts=thread)
    slack.workspace.store(
        general,
        {
            "type": "message", "subtype": "bot_message", "bot_id": "B0CI00001", "username": "CI",
            "text": "job 7 failed", "ts": slack.workspace.new_ts(), "thread_ts": thread,
        },
    )  # fmt: skip
    return ada, thread


async def call(bot: Running, general: FakeChannel, who: FakeUser, thread: str, text: str = "why?") -> None:
    await bot.slack.say(general, who, f"<@{bot.slack.bot_user_id}> {text}", thread_ts=thread)
    await bot.slack.wait_acked()


async def test_the_thread_is_asked_once_and_shown_as_others_words(tmp_path: Path) -> None:
    async with FakeSlack() as slack, running(slack, tmp_path, deny=["U0DENIED1"]) as bot:
        general = slack.add_channel("general")
        ada, thread = await thread_before(slack, general)
        await call(bot, general, ada, thread)
        await call(bot, general, ada, thread, "and now?")
        first, second = said(bot)
        assert first.text == "why?"
        assert plain(first.quotes) == [
            ("reply", "Ada", "the build is *red*"),
            ("thread", "Bob", "since noon"),
            ("thread", "CI", "job 7 failed"),
        ]
        assert second.quotes == []
        assert len(slack.calls_of(REPLIES)) == 1


async def test_a_thread_that_begins_with_us_is_not_asked_for(tmp_path: Path) -> None:
    async with FakeSlack() as slack, running(slack, tmp_path) as bot:
        ada, general = slack.add_user("ada"), slack.add_channel("general")
        post = await slack.say(general, ada, f"<@{slack.bot_user_id}> hello")
        await call(bot, general, ada, post["ts"])
        assert [content.quotes for content in said(bot)] == [[], []]
        assert slack.calls_of(REPLIES) == []


async def test_a_thread_that_does_not_turn_to_us_is_not_asked_for(tmp_path: Path) -> None:
    async with FakeSlack() as slack, running(slack, tmp_path) as bot:
        general = slack.add_channel("general")
        ada, thread = await thread_before(slack, general)
        await slack.say(general, ada, "no idea", thread_ts=thread)
        await slack.wait_acked()
        assert bot.host.messages[0].content.quotes == []
        assert slack.calls_of(REPLIES) == []


async def test_a_restart_knows_the_thread_still(tmp_path: Path) -> None:
    async with FakeSlack() as slack:
        general = slack.add_channel("general")
        ada, thread = await thread_before(slack, general)
        async with running(slack, tmp_path) as bot:
            await call(bot, general, ada, thread)
            remembered = dict(bot.host.remembered)
        host = RecordingHost(tmp_path)
        host.remembered.update(remembered)
        async with running(slack, tmp_path, host=host) as bot:
            await call(bot, general, ada, thread, "again")
            assert bot.host.messages[-1].content.quotes == []
            assert len(slack.calls_of(REPLIES)) == 1


async def test_threads_that_begin_with_us_are_written_down_together(tmp_path: Path) -> None:
    async with FakeSlack() as slack, running(slack, tmp_path) as bot:
        ada, general = slack.add_user("ada"), slack.add_channel("general")
        posts = [await slack.say(general, ada, f"<@{slack.bot_user_id}> {n}") for n in range(2)]
        await slack.wait_acked()
        await bot.connector._threads.keep(bot.host)
        await slack.say(general, ada, f"<@{slack.bot_user_id}> more")
        await slack.wait_acked()
        await bot.connector._threads.keep(bot.host)
        assert bot.host.remembered["threads"] == [f"{general.id}/{post['ts']}" for post in posts]


async def test_a_gap_that_nobody_read_is_looked_at_once(tmp_path: Path) -> None:
    async with FakeSlack() as slack:
        general = slack.add_channel("general")
        ada, thread = await thread_before(slack, general)
        async with running(slack, tmp_path) as bot:
            await call(bot, general, ada, thread)
            await bot.host.wait_caught_up()
            host = RecordingHost(tmp_path)
            host.remembered.update(bot.host.remembered)
            host.marks.update(bot.host.marks)
        since = len(slack.calls_of(REPLIES))
        # Catching up reads threads that are shown to have something new; this one it cannot see.
        async with running(slack, tmp_path, host=host) as bot:
            await host.wait_caught_up()
            bob = next(user for user in slack.workspace.users.values() if user.name == "bob")
            bot.connector._threads.gap_closed("1.000000", set())
            slack.workspace.user_message(general, bob, "meanwhile fixed", thread_ts=thread)
            caught = len(slack.calls_of(REPLIES))
            assert caught >= since
            await call(bot, general, ada, thread, "and?")
            await call(bot, general, ada, thread, "well?")
            last, after = [content.quotes for content in said(bot)[-2:]]
            assert ("thread", "Bob", "meanwhile fixed") in plain(last)
            assert all(quote.kind == "thread" for quote in last)
            assert after == []
            assert len(slack.calls_of(REPLIES)) == caught + 1


class Full(RecordingHost):
    """Its disk is full, once."""

    def __init__(self, data_dir: Path) -> None:
        super().__init__(data_dir)
        self.failed = asyncio.Event()

    async def accept(self, *events: InboundEvent) -> None:
        if not self.failed.is_set():
            self.failed.set()
            raise StoreError("the disk is full (made so by the test)")
        await super().accept(*events)


async def test_what_could_not_be_stored_has_it_again(tmp_path: Path) -> None:
    host = Full(tmp_path)
    async with FakeSlack() as slack, running(slack, tmp_path, host=host) as bot:
        general = slack.add_channel("general")
        ada, thread = await thread_before(slack, general)
        text = f"<@{slack.bot_user_id}> why?"
        post = slack.workspace.user_message(general, ada, text, thread_ts=thread)
        lost = await slack.emit(post, general)
        await host.failed.wait()
        await slack.socket_mode.redeliver(lost)
        await slack.wait_acked(lost)
        [content] = said(bot)
        assert [quote.kind for quote in content.quotes] == ["reply", "thread", "thread", "thread"]
        assert len(slack.calls_of(REPLIES)) == 1


@pytest.mark.parametrize(("error", "asked"), [("missing_scope", 1), ("", 2)])
async def test_what_cannot_be_read_holds_nothing_up(tmp_path: Path, error: str, asked: int) -> None:
    async with FakeSlack() as slack, running(slack, tmp_path) as bot:
        general = slack.add_channel("general")
        ada, thread = await thread_before(slack, general)
        if error:
            slack.fail(REPLIES, error)
        else:
            slack.fail(REPLIES, status=503, body="down")
        await call(bot, general, ada, thread)
        await call(bot, general, ada, thread, "again")
        first, second = [content.quotes for content in said(bot)]
        assert first == []
        assert bool(second) is (asked == 2)
        assert len(slack.calls_of(REPLIES)) == asked


async def test_a_look_that_hangs_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "PATIENCE_S", 0.05)
    async with FakeSlack() as slack, running(slack, tmp_path) as bot:
        general = slack.add_channel("general")
        ada, thread = await thread_before(slack, general)
        held = slack.hold(REPLIES)
        await call(bot, general, ada, thread)
        held.release()
        assert bot.host.messages[0].content.quotes == []


async def test_of_a_long_thread_the_beginning_and_the_end_are_shown(tmp_path: Path) -> None:
    async with FakeSlack() as slack, running(slack, tmp_path) as bot:
        ada, general = slack.add_user("ada"), slack.add_channel("general")
        parent = slack.workspace.user_message(general, ada, "first", files=None)
        for number in range(250):
            slack.workspace.user_message(general, ada, f"{number} " + "x" * 400, thread_ts=parent["ts"])
        await call(bot, general, ada, parent["ts"])
        quotes = bot.host.messages[0].content.quotes
        assert quotes[0].text == "first"
        assert quotes[-1].text.startswith("249 ")
        assert 10 < len(quotes) <= threads.LATEST + 1
        assert sum(len(quote.text) for quote in quotes) <= threads.CHARACTERS
        assert len(slack.calls_of(REPLIES)) == 2


# channels whose id changes


async def moved(slack: FakeSlack, channel: FakeChannel) -> str:
    """A private channel is shared with another workspace."""
    old, channel.id = channel.id, "C0SHARED1"
    slack.workspace.channels[channel.id] = slack.workspace.channels.pop(old)
    event = {"type": "channel_id_changed", "old_channel_id": old, "new_channel_id": channel.id}
    await slack.wait_acked(await slack.emit(event))
    return old


async def test_a_channel_with_a_new_id_is_the_same_room(tmp_path: Path) -> None:
    async with FakeSlack() as slack, running(slack, tmp_path) as bot:
        ada, inner = slack.add_user("ada"), slack.add_channel("inner", private=True)
        post = await slack.say(inner, ada, "before")
        await slack.wait_acked()
        before = bot.host.messages[0]
        old = await moved(slack, inner)
        [place] = await bot.host.wait_for(InboundPlaces)
        assert [(room.key, room.channel_id, room.name) for room in place.rooms] == [
            (before.room.key, inner.id, "inner")
        ]
        await slack.say(inner, ada, "after")
        await slack.edit(inner, post["ts"], "before, edited")
        [edit] = await bot.host.wait_for(InboundEdit)
        after = bot.host.messages[1]
        assert (after.room.key, after.target.channel_id) == (before.room.key, inner.id)
        assert edit.event_key == before.event_key
        # What was meant for the old id reaches the channel.
        target = Target(source="slack", channel_id=old)
        [payload] = bot.connector.encode(Content(text="hello"), target)
        sent = await bot.connector.send(payload, target, key="k")
        assert sent.platform_message_id in inner.messages


async def test_a_new_id_outlives_the_process_and_the_lists_know_both(tmp_path: Path) -> None:
    async with FakeSlack() as slack:
        ada, inner = slack.add_user("ada"), slack.add_channel("inner", private=True)
        first = inner.id
        async with running(slack, tmp_path, allow=[first]) as bot:
            await moved(slack, inner)
            host = RecordingHost(tmp_path)
            host.remembered.update(bot.host.remembered)
        async with running(slack, tmp_path, host=host, allow=[first]):
            await slack.say(inner, ada, "hello")
            await slack.wait_acked()
            assert [message.room.key for message in host.messages] == [f"slack-room-{first}"]


async def test_a_new_id_that_could_not_be_written_down_comes_again(tmp_path: Path) -> None:
    class Forgetful(RecordingHost):
        async def remember(self, name: str, value: Any) -> None:
            if self.fail_next:
                self.fail_next = 0
                raise StoreError("the disk is full (made so by the test)")
            await super().remember(name, value)

    host = Forgetful(tmp_path)
    async with FakeSlack() as slack, running(slack, tmp_path, host=host) as bot:
        inner = slack.add_channel("inner", private=True)
        host.fail_next = 1
        event = {"type": "channel_id_changed", "old_channel_id": inner.id, "new_channel_id": "C0SHARED1"}
        lost = await slack.emit(event)
        await bot.received()
        assert lost.acked_at is None
        await slack.wait_acked(await slack.emit(event))
        assert host.remembered["moved channels"] == {"C0SHARED1": inner.id}


# coming and going


@pytest.mark.parametrize(
    ("event", "opened"),
    [
        ({"type": "member_joined_channel", "user": "U0BOT0001"}, True),
        ({"type": "member_joined_channel", "user": "U1"}, False),
        ({"type": "channel_unarchive", "user": "U1"}, True),
        ({"type": "group_unarchive", "user": "U1"}, True),
    ],
)
async def test_channels_that_open_are_told(tmp_path: Path, event: dict[str, str], opened: bool) -> None:
    async with FakeSlack() as slack, running(slack, tmp_path) as bot:
        await slack.wait_acked(await slack.emit({**event, "channel": "C7"}))
        [found] = bot.host.events
        if opened:
            assert isinstance(found, InboundPlaces)
            assert found.opened == ("C7",)
            assert [room.key for room in found.rooms] == ["slack-room-C7"]
        else:
            assert found == Skipped(reason="news: member_joined_channel")


@pytest.mark.parametrize("kind", ["channel_left", "group_left"])
async def test_being_taken_out_is_told(tmp_path: Path, kind: str) -> None:
    async with FakeSlack() as slack, running(slack, tmp_path) as bot:
        await slack.wait_acked(await slack.emit({"type": kind, "channel": "C7"}))
        assert bot.host.events == [Skipped(reason="removed from the channel")]
