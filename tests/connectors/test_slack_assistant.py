"""Slack's chat with an agent: what is proposed, titles, what stands open, sessions and their stop button."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from bot_host.connector import AppAbout, ChannelType, InboundStop, Skipped
from bot_host.testing.connector import RecordingHost
from connectors.slack import assistant
from connectors.slack import client as slack_client
from connectors.slack.config import SlackConfig
from connectors.slack.manifest import manifest
from connectors.slack.needs import AGENT_EVENTS, AGENT_SCOPE, events_of, scopes_of
from tests.connectors.slack_helpers import Running, running
from tests.connectors.test_slack_streams import Thread, open_thread
from tests.connectors.test_slack_threads import plain, said
from tests.fakes.slack import FakeSlack
from tests.fakes.slack_assistant import (
    PROMPTS,
    SESSION,
    TITLE,
    context_changed,
    home_opened,
    moved_on,
    started,
    stop_pressed,
)
from tests.fakes.slack_streams import START
from tests.fakes.slack_workspace import FakeChannel, FakeUser, Json
from tests.host.pen import rows_of, show_at_once

STATUS = "assistant.threads.setStatus"
OPENERS = ["What can you do?", "Water the roses, please. " * 10, "Three", "Four", "Five"]


@asynccontextmanager
async def chat(
    folder: Path, *, openers: list[str] | None = None, **config: Any
) -> AsyncIterator[tuple[Running, FakeUser, FakeChannel]]:
    host = RecordingHost(folder)
    host.known_openers = OPENERS if openers is None else openers
    slack = FakeSlack()
    slack.scopes.append(AGENT_SCOPE)
    async with slack, running(slack, folder, host=host, **config) as bot:
        ada = slack.add_user("ada", display_name="Ada", id="U0ADA0001")
        yield bot, ada, slack.add_im(ada)


async def tell(bot: Running, event: Json) -> None:
    await bot.slack.wait_acked(await bot.slack.emit(event))


async def test_who_opens_a_chat_is_shown_questions_to_begin_with(tmp_path: Path) -> None:
    async with chat(tmp_path) as (bot, ada, im):
        thread = bot.slack.assistant.thread(im, ada)["ts"]
        await tell(bot, started(im, ada, thread))
        await bot.slack.wait_answered(PROMPTS)
        [prompts] = bot.slack.assistant.prompts.values()
        assert [each["message"] for each in prompts] == [each.strip() for each in OPENERS[:4]]
        assert [len(each["title"]) <= 75 for each in prompts] == [True] * 4
        assert bot.host.events == [Skipped(reason="news: assistant_thread_started")]
        # Once a chat, however often it is opened.
        await tell(bot, started(im, ada, thread))
        await bot.received()
        assert len(bot.slack.calls_of(PROMPTS)) == 1


@pytest.mark.parametrize(
    ("config", "openers", "expected"),
    [
        ({"suggested_prompts": ["Mine"]}, None, ["Mine"]),
        ({}, [], None),
        ({"deny": ["U0ADA0001"]}, None, None),
        ({"dm_policy": "pairing"}, None, None),
    ],
)
async def test_what_is_proposed(
    tmp_path: Path, config: dict[str, Any], openers: list[str] | None, expected: list[str] | None
) -> None:
    async with chat(tmp_path, openers=openers, **config) as (bot, ada, im):
        await tell(bot, started(im, ada, bot.slack.assistant.thread(im, ada)["ts"]))
        if expected:
            await bot.slack.wait_answered(PROMPTS)
        await bot.received()
        told = [[each["message"] for each in call.args["prompts"]] for call in bot.slack.calls_of(PROMPTS)]
        assert told == ([expected] if expected else [])


@pytest.mark.parametrize(
    ("tab", "scope", "calls"), [("messages", True, 1), ("home", True, 0), ("messages", False, 0)]
)
async def test_the_messages_tab_of_an_agent_has_them_too(
    tmp_path: Path, tab: str, scope: bool, calls: int
) -> None:
    async with FakeSlack() as slack:
        slack.scopes += [AGENT_SCOPE] if scope else []
        host = RecordingHost(tmp_path)
        host.known_openers = OPENERS
        async with running(slack, tmp_path, host=host) as bot:
            ada = slack.add_user("ada")
            im = slack.add_im(ada)
            await tell(bot, home_opened(im, ada, tab))
            if calls:
                await slack.wait_answered(PROMPTS)
                assert list(slack.assistant.prompts) == [(im.id, "")]
            await bot.received()
            assert len(slack.calls_of(PROMPTS)) == calls
            assert host.events == [Skipped(reason="news: app_home_opened")]


async def test_a_chat_is_called_by_its_first_question(tmp_path: Path) -> None:
    async with chat(tmp_path) as (bot, ada, im):
        thread = bot.slack.assistant.thread(im, ada)["ts"]
        await tell(bot, started(im, ada, thread))
        for text in ("How do roses\ngrow?" + " Really?" * 20, "And now?"):
            await bot.slack.say(im, ada, text, thread_ts=thread)
            await bot.slack.wait_acked()
        await bot.slack.wait_answered(TITLE)
        [title] = bot.slack.assistant.titles.values()
        assert title.startswith("How do roses grow? Really?")
        assert len(title) <= assistant.TITLE
        assert len(bot.slack.calls_of(TITLE)) == 1
        # Slack's own first line is nothing that anybody said, and is not asked for.
        assert [content.quotes for content in said(bot)] == [[], []]
        assert bot.slack.calls_of("conversations.replies") == []


async def test_what_stands_open_is_told_once_and_as_no_words_of_theirs(tmp_path: Path) -> None:
    async with chat(tmp_path) as (bot, ada, im):
        roses, hidden = (
            bot.slack.add_channel("roses"),
            bot.slack.add_channel("hidden", private=True, with_bot=False),
        )
        thread = bot.slack.assistant.thread(im, ada)["ts"]
        await tell(bot, started(im, ada, thread, looking_at=roses.id))
        for looking_at in ("", "", hidden.id, roses.id):
            if looking_at:
                await tell(bot, moved_on(im, ada, thread, looking_at=looking_at))
            await bot.slack.say(im, ada, "summarise this", thread_ts=thread)
            await bot.slack.wait_acked()
        assert [plain(content.quotes) for content in said(bot)] == [[("view", "", "#roses")], [], [], []]


async def test_what_stands_open_beside_an_agent(tmp_path: Path) -> None:
    async with chat(tmp_path) as (bot, ada, im):
        roses, tulips = bot.slack.add_channel("roses"), bot.slack.add_channel("tulips")
        for event in (
            context_changed(ada, roses.id),
            home_opened(im, ada),
            context_changed(ada),
            context_changed(ada, tulips.id),
        ):
            await tell(bot, event)
            await bot.slack.say(im, ada, "hm")
            await bot.slack.wait_acked()
        assert [plain(content.quotes) for content in said(bot)] == [
            [("view", "", "#roses")], [], [], [("view", "", "#tulips")]
        ]  # fmt: skip
        # Said in a channel, it would tell others what somebody looks at.
        await bot.slack.say(roses, ada, f"<@{bot.slack.bot_user_id}> hi")
        await bot.slack.wait_acked()
        assert said(bot)[-1].quotes == []


@pytest.mark.parametrize("method", [PROMPTS, TITLE])
async def test_a_refusal_changes_nothing(tmp_path: Path, method: str) -> None:
    async with chat(tmp_path) as (bot, ada, im):
        bot.slack.fail(method, "missing_scope")
        thread = bot.slack.assistant.thread(im, ada)["ts"]
        await tell(bot, started(im, ada, thread))
        await bot.slack.say(im, ada, "hello", thread_ts=thread)
        await bot.slack.wait_answered(method)
        await bot.slack.wait_acked()
        assert [content.text for content in said(bot)] == ["hello"]


@pytest.mark.parametrize(
    "event",
    [
        {"type": "assistant_thread_started"},
        {"type": "assistant_thread_started", "assistant_thread": {"user_id": "U1"}},
        {"type": "agent_session_stopped", "channel": "C1"},
    ],
)
async def test_a_malformed_one_is_skipped(tmp_path: Path, event: Json) -> None:
    async with chat(tmp_path) as (bot, _, _im):
        await tell(bot, event)
        [skipped] = bot.host.events
        assert isinstance(skipped, Skipped)
        assert skipped.failed


# sessions


async def test_a_session_is_busy_while_an_answer_is_written(tmp_path: Path) -> None:
    async with chat(tmp_path) as (bot, ada, _):
        bot.slack.assistant.is_agent = True
        general = bot.slack.add_channel("general")
        post = await bot.slack.say(general, ada, f"<@{bot.slack.bot_user_id}> how are the roses?")
        await bot.slack.wait_acked()
        target = bot.host.messages[0].target
        await bot.connector.typing(target)
        await bot.connector.typing(target)
        await bot.connector.typing_done(target)
        await bot.connector.typing_done(target)
        session = bot.slack.assistant.sessions[general.id, post["ts"]]
        assert session.statuses == ["processing", "processing", "active"]
        assert session.title == "how are the roses?"
        assert bot.slack.calls_of(STATUS) == []


@pytest.mark.parametrize("error", ["unknown_method", "access_denied", "not_an_agent"])
async def test_where_there_are_no_sessions_the_status_is_shown(tmp_path: Path, error: str) -> None:
    async with chat(tmp_path) as (bot, ada, _):
        bot.slack.fail(SESSION, error)
        for name in ("general", "other"):
            general = bot.slack.add_channel(name)
            await bot.slack.say(general, ada, f"<@{bot.slack.bot_user_id}> hi")
            await bot.slack.wait_acked()
            target = bot.host.messages[-1].target
            await bot.connector.typing(target)
            await bot.connector.typing_done(target)
        assert len(bot.slack.calls_of(SESSION)) == 1
        assert [call.args["status"] for call in bot.slack.calls_of(STATUS)] == ["is typing…", ""] * 2


async def test_who_presses_stop(tmp_path: Path) -> None:
    async with chat(tmp_path, deny=["U0DENIED1"]) as (bot, ada, im):
        bot.slack.assistant.is_agent = True
        eve, general = bot.slack.add_user("eve", id="U0DENIED1"), bot.slack.add_channel("general")
        post = await bot.slack.say(general, ada, f"<@{bot.slack.bot_user_id}> hi")
        asked = bot.slack.workspace.user_message(im, ada, "hi")
        await bot.slack.wait_acked()
        before = len(bot.host.events)
        await tell(bot, stop_pressed(general, ada, post["ts"]))
        await tell(bot, stop_pressed(im, ada, asked["ts"]))
        await tell(bot, stop_pressed(general, eve, post["ts"]))
        in_channel, direct, denied = bot.host.events[before:]
        assert isinstance(in_channel, InboundStop)
        assert in_channel.room.key == bot.host.messages[0].room.key
        assert in_channel.sender.key == bot.host.messages[0].sender.key
        assert isinstance(direct, InboundStop)
        assert (direct.room.type, direct.room.thread_id) == (ChannelType.DM, asked["ts"])
        assert denied == Skipped(reason="denied")
        await bot.slack.wait_answered(SESSION, 3)
        assert {tuple(each.statuses) for each in bot.slack.assistant.sessions.values()} == {
            ("active", "active"), ("active",)
        }  # fmt: skip


@pytest.fixture
async def thread(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> AsyncIterator[Thread]:
    show_at_once(monkeypatch)
    monkeypatch.setattr(slack_client, "EDIT_EVERY_S", 0.01)
    async with FakeSlack() as slack:
        slack.assistant.is_agent = True
        slack.scopes.append(AGENT_SCOPE)
        async with AsyncExitStack() as stack:
            yield await open_thread(stack, tmp_path, slack)


async def test_stop_ends_the_turn_and_takes_back_what_was_shown(thread: Thread, tmp_path: Path) -> None:
    post = await thread.ask()
    thread.pen.write("Once upon a time")
    await thread.shows("Once upon a time")
    [(_, stream)] = thread.slack.streams.open
    # As Slack does it: what is being written is ended by the click.
    thread.slack.streams.give_up()
    await thread.slack.emit(stop_pressed(thread.channel, thread.ada, post["ts"], stream))
    await thread.shows()
    await thread.settled()
    assert rows_of(tmp_path, "SELECT outcome, reason FROM inbox") == [("superseded", "stopped")]
    async with asyncio.timeout(20):
        while thread.slack.assistant.sessions[thread.channel.id, post["ts"]].statuses[-1] != "active":
            await asyncio.sleep(0.005)
    # The room goes on.
    await thread.ask("and now?")
    await thread.answer("Fine")
    assert thread.shown == ["Fine"]
    assert len(thread.calls(START)) == 2


# what the app is asked to be


def test_the_manifest_of_an_agent() -> None:
    usual, agent = SlackConfig(), SlackConfig(assistant=True, suggested_prompts=["What  can you do?"])
    assert set(events_of(agent)) == set(events_of(usual)) | AGENT_EVENTS
    assert scopes_of(agent) - scopes_of(usual) == {AGENT_SCOPE}
    features = manifest(agent, AppAbout(name="Ada", commands=[])).values["features"]
    assert features["agent_view"] == {
        "agent_description": "An AI agent that answers in direct messages and when it is mentioned.",
        "suggested_prompts": [{"title": "What can you do?", "message": "What  can you do?"}],
    }
    assert "agent_view" not in manifest(usual, AppAbout(name="Ada", commands=[])).values["features"]
