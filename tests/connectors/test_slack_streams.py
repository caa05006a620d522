"""Answers that are written with Slack's own streams, through slack-sdk and a whole host."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot_host.connector import (
    ConnectorState,
    Content,
    InboundMessage,
    SendLater,
    Target,
    UnfoldingConnector,
    utc_now,
)
from bot_host.types.errors import ModelError
from connectors.slack import client as slack_client
from connectors.slack.client import SlackConnector
from connectors.slack.decode import Decoder
from connectors.slack.encode import encode
from connectors.slack.markdown import safe, unfinished
from tests.connectors.slack_helpers import config_for
from tests.connectors.test_slack_decode import ME, Book, message
from tests.fakes.slack import FakeSlack
from tests.fakes.slack_streams import APPEND, START, STOP
from tests.fakes.slack_workspace import FakeChannel, FakeUser, Json
from tests.host.conftest import House
from tests.host.pen import Pen, pen_house, pen_of, settled, show_at_once

UPDATE, POST, DELETE = "chat.update", "chat.postMessage", "chat.delete"


class Thread:
    """A thread in a channel, and a host that has just been asked something in it."""

    def __init__(self, slack: FakeSlack, house: House, channel: FakeChannel, ada: FakeUser) -> None:
        self.slack, self.house, self.channel, self.ada = slack, house, channel, ada
        self.pen = pen_of(house)

    async def ask(self, text: str = "why?") -> Json:
        before = len(self.pen.requests)
        post = await self.slack.say(self.channel, self.ada, f"<@{self.slack.bot_user_id}> {text}")
        await self.pen.wait_asked(before + 1)
        return post

    @property
    def shown(self) -> list[str]:
        return [str(post["text"]) for post in self.slack.posts(channel=self.channel)]

    async def shows(self, *texts: str) -> None:
        async with asyncio.timeout(20):
            while self.shown != list(texts):
                await asyncio.sleep(0.005)

    async def answer(self, begins: str, ends: str = "") -> None:
        """An answer that is shown before it is finished."""
        before = self.shown
        self.pen.write(begins)
        await self.shows(*before, begins)
        self.pen.say(ends)
        await self.settled()

    async def settled(self) -> None:
        await self.house.host.finish_pending()
        await settled(self.house)

    def calls(self, *methods: str) -> list[str]:
        return [call.method for call in self.slack.calls if call.method in methods]


async def open_thread(stack: AsyncExitStack, folder: Path, slack: FakeSlack) -> Thread:
    config = config_for(slack)
    house = await stack.enter_async_context(pen_house(folder, SlackConnector(config), Pen(), config))
    async with asyncio.timeout(20):
        while house.host.connectors[0].state is not ConnectorState.CONNECTED:
            await asyncio.sleep(0.005)
    return Thread(slack, house, slack.add_channel("general"), slack.add_user("ada"))


@pytest.fixture
async def thread(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> AsyncIterator[Thread]:
    show_at_once(monkeypatch)
    monkeypatch.setattr(slack_client, "EDIT_EVERY_S", 0.01)
    monkeypatch.setattr(slack_client, "STREAM_EVERY_S", 0.01)
    async with AsyncExitStack() as stack:
        slack = await stack.enter_async_context(FakeSlack())
        yield await open_thread(stack, tmp_path, slack)


async def test_an_answer_is_begun_added_to_and_ended(thread: Thread) -> None:
    post = await thread.ask()
    thread.pen.write("Roses want ")
    await thread.shows("Roses want")
    thread.pen.write("**sun** & a ")
    await thread.shows("Roses want **sun** & a")
    thread.pen.say("deep soil.")
    await thread.settled()
    assert thread.shown == ["Roses want **sun** & a deep soil."]
    assert thread.calls(START, STOP, POST, UPDATE) == [START, STOP]
    [begun] = thread.slack.calls_of(START)
    assert begun.args == {
        "channel": thread.channel.id,
        "thread_ts": post["ts"],
        "markdown_text": "Roses want",
        "recipient_user_id": thread.ada.id,
        "recipient_team_id": thread.slack.team_id,
    }
    assert thread.slack.streams.open == {}


async def test_what_reads_otherwise_is_ended_and_edited(thread: Thread) -> None:
    await thread.ask()
    thread.pen.write("Once upon a time")
    await thread.shows("Once upon a time")
    thread.pen.end_with(ModelError("it broke off", retryable=True))
    await thread.house.model.wait_asked(2)
    thread.pen.write("A fine")
    await thread.shows("A fine")
    thread.pen.say(" *day*")
    await thread.settled()
    assert thread.shown == ["A fine _day_"]
    assert thread.calls(START, STOP) == [START, STOP]
    assert thread.slack.streams.open == {}


async def test_a_table_is_put_in_place_by_an_edit(thread: Thread) -> None:
    await thread.ask()
    table = "| a | b |\n|---|---|\n| 1 | 2 |"
    thread.pen.write(table[:12])
    await thread.shows(table[:12].strip())
    thread.pen.say(table[12:])
    await thread.settled()
    [post] = thread.slack.posts(channel=thread.channel)
    assert post["blocks"] == [{"type": "markdown", "text": table}]
    assert thread.calls(STOP, UPDATE) == [STOP, UPDATE]


async def test_a_long_answer_goes_on_in_a_further_stream(thread: Thread) -> None:
    await thread.ask()
    text = "Roses want sun, and a deep soil that keeps its water. " * 100
    thread.pen.write(text[:30])
    await thread.shows(text[:30].strip())
    for at in range(30, len(text), 900):
        before = len(thread.calls(START, APPEND, STOP, UPDATE))
        thread.pen.write(text[at : at + 900])
        async with asyncio.timeout(20):
            while len(thread.calls(START, APPEND, STOP, UPDATE)) == before:
                await asyncio.sleep(0.005)
    thread.pen.end()
    await thread.settled()
    target = Target(source="slack", channel_id="C1", thread_id="1.0")
    assert thread.shown == [payload["plain"] for payload in encode(Content(text=text), target)]
    assert len(thread.shown) == thread.slack.streams.begun == 2
    assert thread.slack.streams.open == {}


async def test_an_answer_that_fails_is_ended_and_taken_back(thread: Thread) -> None:
    await thread.ask()
    thread.pen.write("Once upon a time")
    await thread.shows("Once upon a time")
    thread.pen.end_with(ModelError("it went away"))
    await thread.settled()
    assert thread.calls(START, STOP, DELETE) == [START, STOP, DELETE]
    assert "Once upon a time" not in thread.shown
    assert thread.slack.streams.open == {}


async def test_a_stream_that_slack_has_ended_goes_on_by_edits(thread: Thread) -> None:
    await thread.ask()
    thread.pen.write("One")
    await thread.shows("One")
    thread.slack.streams.give_up()
    thread.pen.write(" two")
    await thread.shows("One two")
    thread.pen.say(" three")
    await thread.settled()
    assert thread.shown == ["One two three"]
    assert UPDATE in thread.calls(UPDATE)
    # The next one is a stream again.
    await thread.ask("and?")
    await thread.answer("Four")
    assert thread.slack.streams.begun == len(thread.calls(START)) == 2


@pytest.mark.parametrize("error", ["unknown_method", "missing_scope", "channel_type_not_supported"])
async def test_a_refusal_is_remembered_and_the_answer_shown_by_edits(thread: Thread, error: str) -> None:
    thread.slack.fail(START, error)
    for _ in range(2):
        await thread.ask()
        await thread.answer("One", " two")
    assert thread.shown == ["One two", "One two"]
    assert len(thread.slack.calls_of(START)) == 1
    assert thread.calls(APPEND, STOP) == []
    # In other channels it is tried, unless it is the app that may not.
    thread.channel = thread.slack.add_channel("other")
    await thread.ask()
    await thread.answer("Two")
    assert thread.slack.streams.begun == (error == "channel_type_not_supported")


@pytest.mark.parametrize("method", [APPEND, STOP])
async def test_a_lost_answer_makes_nothing_stand_there_twice(thread: Thread, method: str) -> None:
    await thread.ask()
    thread.pen.write("One")
    await thread.shows("One")
    thread.slack.drop(method, "after")
    thread.pen.write(" two")
    if method == APPEND:
        await thread.slack.wait_for_call(APPEND)
    thread.pen.say(" three")
    await thread.settled()
    assert thread.shown == ["One two three"]
    assert thread.slack.streams.open == {}


async def test_a_limit_slows_down_and_loses_nothing(thread: Thread) -> None:
    await thread.ask()
    thread.pen.write("One")
    await thread.shows("One")
    thread.slack.rate_limit(APPEND, 0)
    thread.pen.write(" two")
    await thread.shows("One two")
    thread.pen.say(" three")
    await thread.settled()
    assert thread.shown == ["One two three"]


async def test_after_a_kill_the_same_message_is_ended_by_the_next_process(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    show_at_once(monkeypatch)
    monkeypatch.setattr(slack_client, "EDIT_EVERY_S", 0.01)
    async with FakeSlack() as slack:
        async with AsyncExitStack() as stack:
            first = await open_thread(stack, tmp_path, slack)
            await first.ask()
            first.pen.write("One")
            await first.shows("One")
            # As after a kill: what it knows of the stream goes with the process.
        [(_, begun)] = slack.streams.open
        async with AsyncExitStack() as stack:
            again = await open_thread(stack, tmp_path, slack)
            again.channel = first.channel
            await again.house.model.wait_asked(1)
            again.pen.say("Another answer")
            await again.settled()
            assert [(post["ts"], post["text"]) for post in slack.posts()] == [(begun, "Another answer")]
            assert slack.streams.open == {}
            assert again.calls(START, DELETE) == [START]


# the connector alone


async def begin(slack: FakeSlack) -> tuple[SlackConnector, Target, dict[str, Any]]:
    ada, general = slack.add_user("ada"), slack.add_channel("general")
    root = slack.workspace.user_message(general, ada, "question")
    target = Target(
        source="slack",
        channel_id=general.id,
        thread_id=root["ts"],
        server_id=slack.team_id,
        extra={"asker": ada.id},
    )
    connector = SlackConnector(config_for(slack))
    [payload] = connector.encode(Content(text="One <!here> **two**"), target)
    return connector, target, connector.unfinished(payload, target)


async def test_what_may_have_arrived_is_found_by_its_words(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        slack = await stack.enter_async_context(FakeSlack())
        thread = await open_thread(stack, tmp_path, slack)
        await thread.ask()
        thread.pen.say("done")
        await thread.settled()
        connector, target, payload = await begin(slack)
        connector._me = thread.house.host.connectors[0].connector._me  # type: ignore[attr-defined]
        since = utc_now() - timedelta(minutes=1)
        assert await connector.find_sent(payload, target, key="k", since=since, others=set()) is None
        sent = await connector.send(payload, target, key="k")
        found = await connector.find_sent(payload, target, key="k", since=since, others=set())
        assert found == sent
        assert (
            await connector.find_sent(
                payload, target, key="k", since=since, others={sent.platform_message_id}
            )
            is None
        )
        await connector.close()


async def test_nobody_is_notified_and_a_closed_room_is_told() -> None:
    async with FakeSlack() as slack:
        connector, target, payload = await begin(slack)
        await connector.send(payload, target, key="k")
        assert slack.pings() == []
        slack.rate_limit(START, 7)
        with pytest.raises(SendLater) as caught:
            await connector.send(payload, target, key="k")
        assert caught.value.after_s == 7
        slack.fail(START, "is_archived")
        with pytest.raises(slack_client.RoomClosed):
            await connector.send(payload, target, key="k")
        await connector.close()


async def test_where_there_is_no_stream() -> None:
    async with FakeSlack() as slack:
        connector, target, _ = await begin(slack)
        assert isinstance(connector, UnfoldingConnector)
        [payload] = connector.encode(Content(text="One"), target)
        for other in (
            replace(target, thread_id=""),
            replace(target, extra={}),
            replace(target, server_id=""),
            replace(target, extra={"lane": "interaction:1", "asker": "U1"}),
        ):
            assert connector.unfinished(payload, other) == payload
        assert "live" in connector.unfinished(payload, replace(target, channel_id="D1", extra={}))
        await connector.close()


def test_for_whom_an_answer_is_stands_in_its_target() -> None:
    for event, extra in (
        (message(), {"asker": "U1", "asker_team": "T1"}),
        (message("<@UBOT>", user_team="T2"), {"asker": "U1", "asker_team": "T2"}),
        (message(channel="D1", channel_type="im"), {}),
    ):
        found = Decoder(ME, slack_client.SlackConfig()).decode(event, Book())
        assert isinstance(found, InboundMessage)
        assert found.target.extra == extra


@given(st.lists(st.text(alphabet="<>!@#[]()&lt; chanelU1\n`*", max_size=12), max_size=6))
def test_more_text_only_adds_to_what_is_shown(pieces: list[str]) -> None:
    whole = "".join(pieces)
    said = ""
    for piece in pieces:
        said += piece
        # Where that fails the message is edited instead: here it is only to be rare, and never live.
        assert not any(sign in unfinished(said) for sign in ("<!c", "<@U", "<#C"))
    assert safe(whole).startswith(unfinished(whole)) or "](" in whole or "]:" in whole
