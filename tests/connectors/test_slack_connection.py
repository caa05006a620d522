"""The Slack connector: login, connection, check, manifest."""

import asyncio
import logging
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot_host.connector import (
    Choices,
    CommandSpec,
    Content,
    FormField,
    InboundPlaces,
    LoginError,
    Media,
    Target,
)
from bot_host.kit.media_folder import MediaFolder
from bot_host.testing.connector import RecordingHost
from connectors.slack import needs
from connectors.slack.client import SlackConnector
from connectors.slack.config import SlackConfig
from connectors.slack.web import web_client
from tests.connectors.slack_helpers import config_for, running
from tests.fakes.slack import FakeSlack


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"bot_token": "xoxb-wrong-token"}, "bot token: invalid_auth"),
        ({"app_token": "xapp-wrong-token"}, "app token: invalid_auth"),
    ],
)
async def test_a_wrong_token_is_a_login_error(tmp_path: Path, changes: dict[str, str], says: str) -> None:
    async with FakeSlack() as slack:
        connector = SlackConnector(config_for(slack, **changes))
        host = RecordingHost(tmp_path)
        with pytest.raises(LoginError, match=says) as caught:
            await connector.run(host)
        assert "wrong-token" not in str(caught.value)
        assert host.account is None
        await connector.close()
        await host.tasks.close()


async def test_an_envelope_is_as_good_as_a_hello(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def silence(*_args: object, **_named: object) -> None:
        pass

    async with FakeSlack() as slack:
        monkeypatch.setattr(slack.socket_mode, "_hello", silence)
        connector, host = SlackConnector(config_for(slack)), RecordingHost(tmp_path)
        task = asyncio.create_task(connector.run(host))
        await slack.wait_until(lambda: bool(slack.socket_mode.sockets))
        ada = slack.add_user("ada")
        await slack.say(slack.add_im(ada), ada, "hi")
        await slack.wait_acked()
        assert [message.content.text for message in host.messages] == ["hi"]
        await connector.stop_intake()
        await task
        await connector.close()
        await host.tasks.close()


async def test_an_envelope_says_that_it_has_an_event(tmp_path: Path) -> None:
    async with FakeSlack() as slack, running(slack, tmp_path) as bot:
        event = {"type": "message", "channel": "D1", "user": "U1", "text": "hi", "ts": "1795484533.000100"}
        envelope = slack.socket_mode.add("events_api", {"event": event})
        await slack.socket_mode.deliver(envelope)
        await slack.wait_acked(envelope)
        assert [message.content.text for message in bot.host.messages] == ["hi"]


async def test_a_proxy_is_not_asked_for_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    async with FakeSlack() as slack, running(slack, tmp_path) as bot:
        ada = slack.add_user("ada")
        await slack.say(slack.add_im(ada), ada, "hi")
        await slack.wait_acked()
        assert len(bot.host.messages) == 1
    assert web_client(SlackConfig(), None).proxy == "http://127.0.0.1:9"
    monkeypatch.setenv("NO_PROXY", "slack.com")
    assert web_client(SlackConfig(), None).proxy is None


async def test_slack_in_the_environment_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Bolt reads these by itself, and would begin an OAuth flow with them.
    for name in ("SLACK_CLIENT_ID", "SLACK_CLIENT_SECRET", "SLACK_BOT_TOKEN", "SLACK_SIGNING_SECRET"):
        monkeypatch.setenv(name, "xoxb-from-the-environment")
    monkeypatch.chdir(tmp_path)
    async with FakeSlack() as slack, running(slack, tmp_path) as bot:
        ada = slack.add_user("ada")
        await slack.say(slack.add_im(ada), ada, "hi")
        await slack.wait_acked()
        assert len(bot.host.messages) == 1
        assert {call.token for call in slack.calls} == {slack.bot_token, slack.app_token}


async def test_a_removed_app_is_a_login_error(tmp_path: Path) -> None:
    async with FakeSlack() as slack:
        slack.token_error = "account_inactive"
        connector = SlackConnector(config_for(slack))
        host = RecordingHost(tmp_path)
        with pytest.raises(LoginError, match="install the app again"):
            await connector.run(host)
        await connector.close()
        await host.tasks.close()


async def test_a_passing_fault_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connectors.slack.client.backoff", lambda attempt: 0.01)
    async with FakeSlack() as slack:
        slack.fail("auth.test", status=503, body="<html>maintenance</html>")
        slack.rate_limit("apps.connections.open", 1)
        slack.drop("auth.test", "before")
        async with running(slack, tmp_path) as bot:
            assert len(bot.host.waits) == 3
            assert bot.host.account is not None
            assert (bot.host.account.key, bot.host.account.name) == (f"slack:{slack.team_id}", "botty")


@pytest.mark.parametrize("event", ["app_uninstalled", "tokens_revoked"])
async def test_being_thrown_out_ends_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, event: str
) -> None:
    monkeypatch.setattr("connectors.slack.client.WATCH_S", 0.01)
    async with FakeSlack() as slack, running(slack, tmp_path) as bot:
        await slack.emit({"type": event, "tokens": {"bot": [slack.bot_user_id]}})
        with pytest.raises(LoginError, match=event):
            await bot.task


async def test_a_switched_off_socket_mode_ends_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connectors.slack.client.WATCH_S", 0.01)
    async with FakeSlack() as slack, running(slack, tmp_path) as bot:
        slack.socket_mode.disabled = True
        await slack.socket_mode.disconnect("link_disabled", close=True)
        with pytest.raises(LoginError, match="Socket Mode"):
            await bot.task


async def test_a_cut_connection_is_told_and_mended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connectors.slack.client.WATCH_S", 0.01)
    monkeypatch.setattr("connectors.slack.intake.PING_S", 0.3)
    async with FakeSlack() as slack, running(slack, tmp_path) as bot:
        ada = slack.add_user("ada")
        im = slack.add_im(ada)
        bot.host.account = None
        slack.socket_mode.drop()
        await slack.say(im, ada, "anybody?")
        account = await bot.host.wait_connected()
        await slack.wait_acked()
        assert account.id == slack.team_id
        assert bot.host.waits == ["the websocket is lost; reconnecting"]
        # Live, and perhaps out of the history too: one event.
        assert {message.event_key: message.content.text for message in bot.host.messages} == {
            bot.host.messages[0].event_key: "anybody?"
        }


async def test_a_socket_that_answers_no_pings_is_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connectors.slack.intake.PING_S", 0.1)
    async with FakeSlack() as slack, running(slack, tmp_path) as bot:
        [silent] = await slack.wait_connected()
        slack.socket_mode.answer_pings = False
        await slack.wait_until(lambda: len(slack.socket_mode.sockets) >= 2)
        slack.socket_mode.answer_pings = True
        await slack.wait_until(lambda: silent not in slack.socket_mode.open_sockets)
        ada = slack.add_user("ada")
        await slack.say(slack.add_im(ada), ada, "still there?")
        await slack.wait_acked()
        assert {message.content.text for message in bot.host.messages} == {"still there?"}


async def test_a_connection_that_does_not_come_back_is_begun_afresh(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connectors.slack.client.WATCH_S", 0.01)
    monkeypatch.setattr("connectors.slack.client.LOST_PATIENCE_S", 0.05)
    async with FakeSlack() as slack, running(slack, tmp_path) as bot:
        ada = slack.add_user("ada")
        slack.socket_mode.drop()
        # slack-sdk itself would look after five seconds.
        await slack.wait_for_call("auth.test", 2)
        await slack.say(slack.add_im(ada), ada, "anybody?")
        await slack.wait_acked()
        # Live, and perhaps out of the history too: one event.
        assert {message.event_key: message.content.text for message in bot.host.messages} == {
            bot.host.messages[0].event_key: "anybody?"
        }


async def test_stopping_finishes_the_event_under_way_and_leaves_the_rest(tmp_path: Path) -> None:
    async with FakeSlack() as slack, running(slack, tmp_path) as bot:
        ada = slack.add_user("ada")
        im = slack.add_im(ada)
        bot.host.open_gate.clear()
        await slack.say(im, ada, "under way")
        await slack.wait_answered("users.info")
        await slack.say(im, ada, "the rest")
        await bot.connector.stop_intake()
        await bot.connector.stop_intake()
        bot.host.open_gate.set()
        await bot.task
        await slack.wait_until(lambda: not slack.socket_mode.open_sockets)
        taken = {message.content.text for message in bot.host.messages}
        acked = {e.event["text"] for e in slack.envelopes if e.acked_at is not None}
        assert acked == taken
        assert "under way" in taken
        sent = await bot.connector.send(
            {"text": "x", "plain": "x"}, Target(source="slack", channel_id=im.id), key="k"
        )
        assert sent.platform_message_id == slack.posts()[0]["ts"]


async def test_it_runs_again_after_a_stop(tmp_path: Path) -> None:
    async with FakeSlack() as slack, running(slack, tmp_path) as bot:
        await bot.connector.stop_intake()
        await bot.task
        bot.task = asyncio.create_task(bot.connector.run(bot.host))
        await slack.wait_until(lambda: len(slack.socket_mode.sockets) == 2)
        await bot.connector.stop_intake()
        await bot.task


async def test_a_run_that_is_cancelled_lets_go(tmp_path: Path) -> None:
    async with FakeSlack() as slack, running(slack, tmp_path) as bot:
        bot.task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await bot.task
        await slack.wait_until(lambda: not slack.socket_mode.open_sockets)


async def test_check_finds_all_well() -> None:
    async with FakeSlack() as slack:
        slack.add_im(slack.add_user("ada"))
        for n in range(205):
            slack.add_channel(f"c{n}")
        slack.add_channel("elsewhere", with_bot=False)
        lines = await SlackConnector(config_for(slack)).check()
        assert [(line.name, line.ok) for line in lines] == [
            ("slack", True),
            ("slack scopes", True),
            ("slack catch-up", True),
            ("slack socket mode", True),
        ]
        assert lines[0].detail == "@botty in the workspace Fake Works"
        assert "206 conversations" in lines[2].detail
        assert "15 messages a minute" in lines[2].advice
        assert slack.socket_mode.sockets == []


async def test_check_says_what_is_wrong() -> None:
    async with FakeSlack() as slack:
        slack.scopes = [scope for scope in slack.scopes if scope not in ("chat:write", "reactions:write")]
        lines = await SlackConnector(config_for(slack, app_token="xapp-nonsense")).check()
        bot, scopes, _, mode = lines
        assert bot.ok
        assert (scopes.ok, scopes.detail) == (False, "missing: chat:write, reactions:write")
        assert "bot_host slack-manifest" in scopes.advice
        assert (mode.ok, mode.detail) == (False, "Slack refuses the app token: invalid_auth")
        assert "Basic Information" in mode.advice
        slack.scopes = sorted((*needs.SCOPES - {"reactions:write"}, "calls:write"))
        scopes = (await SlackConnector(config_for(slack)).check())[1]
        assert (scopes.ok, scopes.detail) == (
            True,
            "enough; without reactions:write small things are missing; superfluous: calls:write",
        )
        slack.scopes = sorted(needs.SCOPES)
        scopes = (await SlackConnector(config_for(slack)).check())[1]
        assert (scopes.detail, scopes.advice) == ("all there", "")
        swapped = config_for(slack, bot_token=slack.app_token, app_token=slack.bot_token)
        (line,) = await SlackConnector(swapped).check()
        assert "swapped" in line.detail
    for line in await SlackConnector(config_for(slack)).check():
        assert not line.ok
        assert "cannot be reached" in line.detail
        assert line.advice


async def test_no_secret_reaches_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connectors.slack.client.WATCH_S", 0.01)
    monkeypatch.setattr("connectors.slack.intake.PING_S", 0.05)
    caplog.set_level(logging.DEBUG)
    for name in ("connectors.slack.sdk", "connectors.slack.bolt"):
        logging.getLogger(name).propagate = True
    async with FakeSlack() as slack, running(slack, tmp_path) as bot:
        await slack.socket_mode.send_frame("nonsense")
        bot.host.fail_next = 1
        ada = slack.add_user("ada")
        await slack.say(slack.add_im(ada), ada, "hi")
        slack.fail("apps.connections.open", "internal_error", times=2)
        slack.socket_mode.refuse_next = 2
        slack.socket_mode.drop()
        await slack.wait_until(lambda: len(slack.socket_mode.sockets) >= 2)
        await slack.wait_acked()
    assert "could not be stored" in caplog.text
    assert "internal_error" in caplog.text
    assert "ticket=***" in caplog.text
    for secret in (slack.bot_token, slack.app_token, "Traceback"):
        assert secret not in caplog.text
    assert set(re.findall(r"ticket=([^&\s]*)", caplog.text)) == {"***"}


def manifest_list(key: str) -> set[str]:
    """The entries of one list of the manifest (there is no YAML reader among our dependencies)."""
    path = Path(__file__).parents[2] / "docs" / "slack-manifest.yaml"
    lines = path.read_text(encoding="utf-8").splitlines()
    start = next(n for n, line in enumerate(lines) if line.strip() == f"{key}:") + 1
    entries = []
    for line in lines[start:]:
        if not line.strip().startswith("- "):
            break
        entries.append(line.strip().removeprefix("- "))
    assert len(entries) == len(set(entries))
    return set(entries)


async def test_with_the_manifest_everything_works(tmp_path: Path) -> None:
    async with FakeSlack() as slack:
        slack.scopes = sorted(manifest_list("bot"))
        slack.subscriptions = manifest_list("bot_events")
        async with running(slack, tmp_path) as bot:
            ada, bob = slack.add_user("ada"), slack.add_user("bob")
            general = slack.add_channel("general")
            rooms = [general, slack.add_channel("secret", private=True), slack.add_mpim(ada, bob)]
            for room in [*rooms, slack.add_im(ada)]:
                await slack.say(room, ada, f"<@{slack.bot_user_id}> hi")
                await slack.wait_acked()
                target = bot.host.messages[-1].target
                await bot.connector.typing(target)
                await bot.connector.send({"text": "hi", "plain": "hi"}, target, key="k")
                await bot.connector.typing_done(target)
                await slack.wait_for_message(channel=room)
            place = bot.host.messages[0].target
            for text in ("One", "One two", "One two three"):
                [payload] = bot.connector.encode(Content(text=text), place)
                live = bot.connector.unfinished(payload, place)
                if text == "One":
                    written = (await bot.connector.send(live, place, key="l")).platform_message_id
                else:
                    await bot.connector.edit(
                        payload if text.endswith("three") else live, place, written, key="l"
                    )
            for room in rooms[:2]:
                await slack.rename_channel(room, f"{room.name}-2")
            await slack.rename_user(ada, "Ada")
            await slack.rename_team("Newer")
            await slack.wait_acked()
            assert len(await bot.host.wait_for(InboundPlaces, 4)) == 4
        again = RecordingHost(tmp_path)
        again.marks = bot.host.marks
        async with running(slack, tmp_path, host=again) as bot:
            await again.wait_caught_up()
            assert len(again.missed) == 4  # the time before the start is read again, and known by its keys
            for place in (message.target for message in again.messages):
                found = await bot.connector.find_sent(
                    {"text": "hi", "plain": "hi"}, place, key="k", since=datetime.now(UTC), others=set()
                )
                assert found is not None
            folder = MediaFolder(tmp_path / "media")
            bot.connector.use_files(folder)
            picture = Media(id="1", file=await folder.save(b"png", ending="png"), file_name="a.png")
            [payload] = bot.connector.encode(Content(attachments=[picture]), target)
            sent = (await bot.connector.send(payload, target, key="k")).platform_message_id
            read = await bot.connector.download(Media(id=sent), target, message_id="1", max_bytes=9)
            assert read == b"png"
            await bot.connector.retract(target, sent)
            form = Choices(fields=[FormField(name="a", label="A")], title="T", key="k" * 16)
            bot.host.open_choices[form.key] = form
            [payload] = bot.connector.encode(Content(choices=form), target)
            await bot.connector.send(payload, target, key="k")
            offered = slack.posts(channel=general)[-1]
            await slack.press(general, ada, f"f:{form.key}", message=offered)
            await slack.wait_answered("views.open")
            await slack.submit(slack.views[0], ada, a="b")
            await slack.wait_acked()
            used_by = bot.host.messages[-1].target
            again.known_commands = [CommandSpec(name="x", description="X.", menus={"anywhere": "X"})]
            await slack.wait_acked(await slack.shortcut(ada, "anywhere:x"))
            await slack.open_home(ada)
            await slack.wait_answered("views.publish")
            for payload in (
                *bot.connector.chosen(used_by, "T"),
                {"how": "eyes", "text": "no", "plain": "no"},
            ):
                await bot.connector.send(payload, used_by, key="k")
            assert all(call.answer and call.answer["ok"] for call in slack.calls)
            used = {call.method for call in slack.calls} - {"apps.connections.open"}
            assert used == set(needs.METHODS)
