"""Slack's Events API over HTTP, through the host's own web server."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from bot_host.connector import Choices, Content, LoginError, Pick, Target
from bot_host.testing.connector import RecordingHost
from bot_host.web.server import WebServer
from connectors.slack import connector as spec
from connectors.slack.client import SlackConnector
from connectors.slack.config import SlackConfig
from connectors.slack.events import ts_to_int
from tests.connectors.slack_helpers import config_for
from tests.connectors.web_front import web_front
from tests.fakes.slack import FakeSlack
from tests.fakes.slack_posts import Posts


@pytest.fixture
async def slack() -> AsyncIterator[FakeSlack]:
    async with FakeSlack() as slack:
        yield slack


@pytest.fixture
async def posts(slack: FakeSlack) -> AsyncIterator[Posts]:
    async with Posts(slack) as posts:
        yield posts


def make(slack: FakeSlack, posts: Posts, **changes: Any) -> SlackConnector:
    values = {"mode": "http", "app_token": "", "signing_secret": posts.signing_secret, **changes}
    return SlackConnector(config_for(slack, **values))


@asynccontextmanager
async def posted(
    slack: FakeSlack, posts: Posts, folder: Path, *, host: RecordingHost | None = None, **changes: Any
) -> AsyncIterator[tuple[RecordingHost, SlackConnector, WebServer]]:
    connector = make(slack, posts, **changes)
    host = host or RecordingHost(folder)
    async with web_front(connector) as web:
        posts.url = f"{web.url}/slack/events"
        task = asyncio.create_task(connector.run(host))
        try:
            await host.wait_connected()
            yield host, connector, web
        finally:
            host.open_gate.set()
            await connector.stop_intake()
            await asyncio.wait([task])
            await connector.close()
            await host.tasks.close()
            error = task.exception()
            assert error is None or isinstance(error, LoginError), repr(error)


def texts(host: RecordingHost) -> list[str]:
    return [message.content.text for message in host.messages]


async def test_what_is_said_comes_and_is_answered_when_it_is_on_disk(
    slack: FakeSlack, posts: Posts, tmp_path: Path
) -> None:
    ada = slack.add_user("ada")
    dm, general = slack.add_im(ada), slack.add_channel("general")
    acked: list[int] = []
    async with posted(slack, posts, tmp_path) as (host, _, _):

        async def on_disk() -> None:
            acked.append(sum(each.acked_at is not None for each in slack.envelopes))

        host.after_accept = on_disk
        await slack.say(dm, ada, "hello")
        await slack.wait_acked()
        assert acked == [0]
        host.after_accept = None
        await slack.say(general, ada, f"<@{slack.bot_user_id}> hello")
        await slack.wait_acked()
        assert texts(host)[0] == "hello"
        assert {message.room.channel_id for message in host.messages} == {dm.id, general.id}
        assert {status for _, status in posts.statuses} == {200}
    # Nothing needs an app token.
    assert slack.calls_of("apps.connections.open") == []


async def test_what_cannot_be_stored_is_posted_again(
    slack: FakeSlack, posts: Posts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connectors.slack.calls.ANSWER_S", 0.2)
    ada = slack.add_user("ada")
    async with posted(slack, posts, tmp_path) as (host, _, _):
        host.fail_next = 2
        await slack.say(slack.add_im(ada), ada, "hello")
        await slack.wait_acked()
        assert texts(host) == ["hello"]
        assert [status for _, status in posts.statuses] == [503, 503, 200]


async def test_buttons_forms_and_commands_come_as_forms(
    slack: FakeSlack, posts: Posts, tmp_path: Path
) -> None:
    ada = slack.add_user("ada")
    general = slack.add_channel("general")
    async with posted(slack, posts, tmp_path) as (host, connector, _):
        choices = Choices(key="c-0123456789abcdef", picks=[Pick(label="Yes"), Pick(label="No")])
        content = Content(text="Sure?", choices=choices)
        target = Target(source="slack", channel_id=general.id)
        [payload] = connector.encode(content, target)
        await connector.send(payload, target, key="k")
        [message] = slack.posts()
        [buttons] = [block["elements"] for block in message["blocks"] if block["type"] == "actions"]
        action = buttons[0]["action_id"]
        pressed = await slack.press(general, ada, action, message=message)
        used = await slack.command(general, ada, "/ask", "what & <why>")
        await slack.wait_acked(pressed, used)
        assert pressed.response is None
        assert [message.choice is not None for message in host.messages] == [True, False]
        assert host.messages[1].command is not None
        assert host.messages[1].command.name == "ask"
        assert host.messages[1].command.text == "what & <why>"


async def test_only_slack_is_let_in(slack: FakeSlack, posts: Posts, tmp_path: Path) -> None:
    body = json.dumps({"type": "url_verification", "challenge": "abc"}).encode()
    async with posted(slack, posts, tmp_path) as (host, _, _):
        assert await posts.post(body, posts.signed(body)) == (200, "abc")
        right = posts.signed(body)
        for wrong in (
            {},
            posts.signed(body + b" "),
            posts.signed(body, at=time.time() - 301),
            posts.signed(body, at=time.time() + 301),
            {**right, "X-Slack-Signature": ""},
            {**right, "X-Slack-Signature": right["X-Slack-Signature"].upper()},
            {**right, "X-Slack-Signature": "v0=ü"},
            {**right, "X-Slack-Request-Timestamp": "soon"},
            {**right, "X-Slack-Request-Timestamp": "9" * 5000},
            {**right, "X-Slack-Request-Timestamp": str(int(right["X-Slack-Request-Timestamp"]) - 1)},
        ):
            assert await posts.post(body, wrong) == (401, ""), wrong
        assert (await posts.post(body, posts.signed(body, at=time.time() - 290)))[0] == 200
        for garbage in (b"", b"{", b"[]", b"[" * 9999, b'"x"'):
            assert (await posts.post(garbage, posts.signed(garbage)))[0] == 400, garbage[:9]
        # What is no text cannot be signed in the SDK's eyes.
        assert (await posts.post(b"\xff", posts.signed(b"\xff")))[0] == 401
        form = "application/x-www-form-urlencoded"
        bad = urlencode({"payload": "{"}).encode()
        assert (await posts.post(bad, posts.signed(bad), kind=form))[0] == 400
        ping = urlencode({"ssl_check": "1", "token": "x"}).encode()
        assert (await posts.post(ping, posts.signed(ping), kind=form))[0] == 200
        huge = b" " * 1_000_001
        assert (await posts.post(huge, posts.signed(huge)))[0] == 413
        assert host.events == []


async def test_a_clock_that_is_wrong_is_told(
    slack: FakeSlack, posts: Posts, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    body = b'{"type": "url_verification", "challenge": "abc"}'
    async with posted(slack, posts, tmp_path):
        for _ in range(3):
            await posts.post(body, posts.signed(body, at=time.time() - 4000))
    assert caplog.text.count("set this machine's clock") == 1
    assert posts.signing_secret not in caplog.text


async def test_malformed_payloads_are_taken_once(slack: FakeSlack, posts: Posts, tmp_path: Path) -> None:
    ada = slack.add_user("ada")
    async with posted(slack, posts, tmp_path) as (host, _, _):
        for strange in ({}, {"type": "event_callback", "event": 7}, {"type": "hologram"}):
            assert (await posts.send(strange))[0] == 200, strange
        await slack.emit({"type": "hologram_call", "user": ada.id})
        await slack.say(slack.add_im(ada), ada, "after them")
        await slack.wait_acked()
        assert texts(host) == ["after them"]


async def test_another_workspace_s_request_is_not_ours(
    slack: FakeSlack, posts: Posts, tmp_path: Path
) -> None:
    event = {"type": "message", "channel": "C1", "user": "U1", "text": "x", "ts": "1.2"}
    other = {"type": "event_callback", "team_id": "TOTHER", "event": event}
    async with posted(slack, posts, tmp_path) as (host, _, _):
        assert (await posts.send(other))[0] == 404
        # In a shared channel the authorizations say whose it is.
        mine = {**other, "authorizations": [{"team_id": slack.team_id, "enterprise_id": None}]}
        assert (await posts.send(mine))[0] == 200
        assert len(host.events) == 1


async def test_two_apps_may_share_the_address(slack: FakeSlack, posts: Posts, tmp_path: Path) -> None:
    ada = slack.add_user("ada")
    one = make(slack, posts, signing_secret="0" * 32)
    two = make(slack, posts)
    hosts = [RecordingHost(tmp_path), RecordingHost(tmp_path)]
    async with web_front(one, two) as web:
        posts.url = f"{web.url}/slack/events"
        tasks = [asyncio.create_task(c.run(h)) for c, h in zip((one, two), hosts, strict=True)]
        for host in hosts:
            await host.wait_connected()
        await slack.say(slack.add_im(ada), ada, "hello")
        await slack.wait_acked()
        assert [len(host.messages) for host in hosts] == [0, 1]
        for connector, task, host in zip((one, two), tasks, hosts, strict=True):
            await connector.stop_intake()
            await task
            await connector.close()
            await host.tasks.close()


async def test_before_the_login_and_after_the_end_slack_is_told_to_repeat(
    slack: FakeSlack, posts: Posts, tmp_path: Path
) -> None:
    connector, host = make(slack, posts), RecordingHost(tmp_path)
    event = {
        "type": "event_callback",
        "team_id": slack.team_id,
        "event": {"type": "team_rename", "name": "x"},
    }
    async with web_front(connector) as web:
        posts.url = f"{web.url}/slack/events"
        assert (await posts.send(event))[0] == 503
        # The address can be entered all the same.
        assert (await posts.send({"type": "url_verification", "challenge": "abc"})) == (200, "abc")
        task = asyncio.create_task(connector.run(host))
        await host.wait_connected()
        await connector.stop_intake()
        await task
        assert (await posts.send(event))[0] == 503
        await connector.close()
        await host.tasks.close()


async def test_what_slack_did_not_deliver_for_its_number_is_read_from_the_history(
    slack: FakeSlack, posts: Posts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connectors.slack.client.WATCH_S", 0.01)
    monkeypatch.setattr("connectors.slack.catch_up.KEEP_S", 0.0)
    monkeypatch.setattr("connectors.slack.catch_up.OVERLAP", 0)
    ada = slack.add_user("ada")
    dm = slack.add_im(ada)
    host = RecordingHost(tmp_path)
    host.marks["since"] = 1
    async with posted(slack, posts, tmp_path, host=host):
        await host.wait_caught_up()
        posts.url, url = "", posts.url
        said = await slack.say(dm, ada, "one too many")
        # All else comes, so that the mark has moved past it.
        while host.marks.get("alive", 0) <= ts_to_int(said["ts"]):
            await asyncio.sleep(0.01)
        slack.socket_mode.give_up()
        slack.envelopes.clear()
        posts.url = url
        assert host.messages == []
        minute = int(time.time()) - 60
        assert await posts.limit(minute) == (200, "")
        await host.wait_caught_up(2)
        assert texts(host) == ["one too many"]


async def test_after_a_silence_a_repeated_request_has_the_history_read(
    slack: FakeSlack, posts: Posts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connectors.slack.calls.SILENCE_S", 0.0)
    ada = slack.add_user("ada")
    dm = slack.add_im(ada)
    host = RecordingHost(tmp_path)
    host.marks["since"] = 1
    async with posted(slack, posts, tmp_path, host=host):
        await host.wait_caught_up()
        posts.url, url = "", posts.url
        await slack.say(dm, ada, "given up")
        slack.envelopes.clear()
        posts.url = url
        event = {
            "type": "event_callback",
            "team_id": slack.team_id,
            "event": {"type": "team_rename", "name": "x"},
        }
        body = json.dumps(event).encode()
        assert (await posts.post(body, posts.signed(body)))[0] == 200
        assert host.gaps_closed == 1
        again = {**posts.signed(body), "X-Slack-Retry-Num": "1", "X-Slack-Retry-Reason": "connection_failed"}
        assert (await posts.post(body, again))[0] == 200
        await host.wait_caught_up(2)
        assert texts(host) == ["given up"]


async def test_being_thrown_out_ends_the_run(slack: FakeSlack, posts: Posts, tmp_path: Path) -> None:
    connector, host = make(slack, posts), RecordingHost(tmp_path)
    async with web_front(connector) as web:
        posts.url = f"{web.url}/slack/events"
        task = asyncio.create_task(connector.run(host))
        await host.wait_connected()
        await slack.emit({"type": "app_uninstalled"})
        with pytest.raises(LoginError, match="install the app again"):
            await task
        await connector.close()
        await host.tasks.close()


async def test_check_names_the_address(slack: FakeSlack, posts: Posts) -> None:
    connector = make(slack, posts)
    connector.use_address("https://bots.example.org/slack")
    lines = {line.name: line for line in await connector.check()}
    assert "slack socket mode" not in lines
    assert lines["slack events"].detail == "Slack posts to https://bots.example.org/slack/events"
    assert "Event Subscriptions, Interactivity" in lines["slack events"].advice
    await connector.close()
    told = SlackConnector(SlackConfig(mode="http"))
    told.use_address("http://127.0.0.1:3000/slack")
    assert "set web.public_url" in told._calls.line().advice


def test_nothing_is_served_over_sockets() -> None:
    assert list(SlackConnector(SlackConfig(signing_secret="x")).http_routes()) == []
    assert spec.needs_web(SlackConfig(mode="socket")) == ""
    assert spec.needs_web(SlackConfig(mode="http")) == 'mode = "socket"'
