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
from connectors.slack import needs
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


# what people do besides


async def test_edits_deletions_and_previews(tmp_path: Path) -> None:
    async with FakeSlack() as slack, running(slack, tmp_path) as bot:
        ada = slack.add_user("ada", display_name="Ada")
        im = slack.add_im(ada)
        post = await slack.say(im, ada, "see https://example.org")
        await slack.edit(im, post["ts"], f"see &lt;this&gt; <@{ada.id}>")
        await slack.unfurl(im, post["ts"])
        await slack.delete(im, post["ts"])
        await slack.wait_acked()
        message, edit, preview, deletion = bot.host.events
        assert isinstance(message, InboundMessage)
        assert isinstance(edit, InboundEdit)
        assert (edit.event_key, edit.content.text) == (message.event_key, "see <this> @Ada")
        assert edit.edited_at > message.sent_at
        assert isinstance(preview, Skipped)
        assert preview.reason == "edit without a change"
        assert deletion == InboundDelete(event_keys=(message.event_key,))


async def test_renames_are_followed(tmp_path: Path) -> None:
    async with FakeSlack() as slack, running(slack, tmp_path) as bot:
        ada, stranger = slack.add_user("ada", display_name="Ada"), slack.add_user("eve")
        general = slack.add_channel("general")
        await slack.say(general, ada, "hello")
        await slack.wait_acked()
        await slack.rename_channel(general, "lobby")
        await slack.rename_team("New Works")
        await slack.rename_user(ada, "Countess")
        await slack.rename_user(ada, "Countess")
        await slack.rename_user(stranger, "Mallory")
        await slack.say(general, ada, "again")
        await slack.wait_acked()
        room, team, person = await bot.host.wait_for(InboundPlaces, 3)
        assert [(r.key, r.name) for r in room.rooms] == [(f"slack-room-{general.id}", "lobby")]
        assert team.world is not None
        assert (team.world.key, team.world.name) == (f"slack-workspace-{slack.team_id}", "New Works")
        assert [(p.key, p.name) for p in person.people] == [(f"slack-user-{ada.id}", "Countess")]
        reasons = [event.reason for event in bot.host.events if isinstance(event, Skipped)]
        assert reasons == ["change without a new name", "change of a stranger"]
        again = bot.host.messages[-1]
        assert (again.room.name, again.sender.name) == ("lobby", "Countess")
        assert again.world.name == "New Works"
        assert len(slack.calls_of("users.info")) == len(slack.calls_of("conversations.info")) == 1


async def test_kinds_of_posts(tmp_path: Path) -> None:
    async with FakeSlack() as slack, running(slack, tmp_path) as bot:
        ada, bob = slack.add_user("ada"), slack.add_user("bob")
        robot = slack.add_user("robot", is_bot=True)
        private, group = slack.add_channel("secret", private=True), slack.add_mpim(ada, bob)
        file = {"id": "F1", "name": "a.png", "mimetype": "image/png", "size": 3, "url_private": "https://f/a"}
        await slack.say(private, ada, "in private")
        root = await slack.say(group, bob, "for the few")
        await slack.say(group, bob, "with a file", subtype="file_share", files=[file])
        await slack.say(group, bob, "waves", subtype="me_message")
        await slack.say(group, bob, "also here", subtype="thread_broadcast", thread_ts=root["ts"])
        await slack.join(private, bob)
        await slack.say_as_bot(private, "from a webhook")
        await slack.say_as_bot(private, "from an app", user=robot)
        await slack.say_as_bot(private, "from Ada, by way of an app", user=ada)
        await slack.emit({"type": "emoji_changed", "subtype": "add"})
        await slack.say(private, ada, "hm", subtype="huddle_thread")
        await slack.wait_acked()
        heard = [(m.content.text, m.room.type) for m in bot.host.messages]
        assert heard == [
            ("in private", ChannelType.GROUP),
            ("for the few", ChannelType.GROUP),
            ("with a file", ChannelType.GROUP),
            ("*waves*", ChannelType.GROUP),
            ("also here", ChannelType.THREAD),
            ("from Ada, by way of an app", ChannelType.GROUP),
        ]
        (media,) = bot.host.messages[2].content.attachments
        assert (media.id, media.file_name, media.mime_type) == ("F1", "a.png", "image/png")
        assert [event.reason for event in bot.host.events if isinstance(event, Skipped)] == [
            "news: channel_join",
            "bot",
            "bot",
            "unknown kind: emoji_changed",
            "unknown kind: message/huddle_thread",
        ]
        assert bot.host.marks[f"channel:{private.id}"] > bot.host.marks[f"channel:{group.id}"]


async def test_many_are_taken_in_order(tmp_path: Path) -> None:
    async with FakeSlack() as slack, running(slack, tmp_path) as bot:
        people = [slack.add_user(f"user{number}") for number in range(5)]
        rooms = [slack.add_channel(f"room{number}") for number in range(4)]
        for number in range(100):
            await slack.say(rooms[number % 4], people[number % 5], str(number))
        await slack.wait_acked()
        assert [message.content.text for message in bot.host.messages] == [str(n) for n in range(100)]
        acks = [envelope.acked_at or 0 for envelope in slack.envelopes]
        assert acks == sorted(acks)
        assert len(slack.calls_of("users.info")) == 5
        assert len(slack.calls_of("auth.test")) == 1


async def test_names_that_cannot_be_had_hold_nothing_up(tmp_path: Path) -> None:
    async with FakeSlack() as slack, running(slack, tmp_path) as bot:
        ada, bob = slack.add_user("ada"), slack.add_user("bob")
        general = slack.add_channel("general")
        slack.rate_limit("users.info", 30, times=2)
        slack.fail("conversations.info", status=500, body="<html>")
        await slack.say(general, ada, f"ask <@{bob.id}>")
        await slack.say(general, ada, "again")
        await slack.wait_acked()
        first, second = bot.host.messages
        assert (first.sender.name, first.room.name) == ("", "")
        assert first.content.text == f"ask @{bob.id}"
        assert second.content.text == "again"
        assert len(slack.calls_of("users.info")) == 2


async def test_a_look_up_that_hangs_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connectors.slack.names.PATIENCE_S", 0.05)
    async with FakeSlack() as slack, running(slack, tmp_path) as bot:
        ada = slack.add_user("ada")
        slack.hold("users.info")
        await slack.say(slack.add_im(ada), ada, "hi")
        await slack.wait_acked()
        assert bot.host.messages[0].sender.platform_id == ada.id


@pytest.mark.parametrize(
    "frame",
    [
        "not json",
        "[1, 2]",
        '{"type": "events_api"',
        '{"type": "events_api", "envelope_id": "e", "payload": [1]}',
        '{"type": "events_api", "envelope_id": 5, "payload": null}',
        '{"type": "something_new", "number": 1}',
        "\x00\x01",
        "{" * 5000,
    ],
)
async def test_a_malformed_frame_is_survived(tmp_path: Path, frame: str) -> None:
    async with FakeSlack() as slack, running(slack, tmp_path) as bot:
        await slack.socket_mode.send_frame(frame)
        ada = slack.add_user("ada")
        await slack.say(slack.add_im(ada), ada, "still there?")
        await slack.wait_acked()
        assert [message.content.text for message in bot.host.messages] == ["still there?"]


@pytest.mark.parametrize(
    "payload",
    [
        {"type": "event_callback", "event": "no object"},
        {"type": "event_callback", "event": {"no": "type"}},
        {"type": "event_callback", "event": {"type": "message"}},
        {"type": "event_callback", "event": {"type": "message", "user": "U1", "channel": 7, "ts": None}},
        {"type": "event_callback", "event": {"type": "message", "user": "U1", "channel": "C1", "ts": "x"}},
        {
            "type": "event_callback",
            "event": {"type": "message", "subtype": ["x"], "channel": "C1", "ts": "1.2"},
        },
        {"type": "event_callback", "event": {"type": "message", "subtype": "message_changed"}},
        {"type": "event_callback", "event": {"type": "channel_rename", "channel": "C1"}},
        {"type": "event_callback", "event": {"type": "user_change", "user": None}},
        {"type": "app_rate_limited", "minute_rate_limited": 1},
        {},
    ],
)
async def test_a_malformed_event_is_skipped_and_acknowledged(tmp_path: Path, payload: object) -> None:
    async with FakeSlack() as slack, running(slack, tmp_path) as bot:
        await slack.socket_mode.deliver(slack.socket_mode.add("events_api", payload))
        ada = slack.add_user("ada")
        await slack.say(slack.add_im(ada), ada, "still there?")
        await slack.wait_acked()
        assert [message.content.text for message in bot.host.messages] == ["still there?"]


async def test_odd_text_is_cleaned(tmp_path: Path) -> None:
    async with FakeSlack() as slack, running(slack, tmp_path) as bot:
        ada = slack.add_user("ada")
        im = slack.add_im(ada)
        zalgo = "z\u0335\u0321a\u0337" * 50
        for text in ("a\ud800b\x00c", "", zalgo, "\u202eright to left", "x" * 100_000):
            await slack.say(im, ada, text)
        await slack.wait_acked()
        texts = [message.content.text for message in bot.host.messages]
        assert texts == ["a\ufffdbc", "", zalgo, "\u202eright to left", "x" * 100_000]


async def test_commands_and_buttons_are_acknowledged(tmp_path: Path) -> None:
    async with FakeSlack() as slack, running(slack, tmp_path) as bot:
        ada, general = slack.add_user("ada"), slack.add_channel("general")
        await slack.command(general, ada, "/nothing")
        await slack.press(general, ada, "button")
        await slack.wait_acked()
        assert bot.host.events == []
        assert slack.socket_mode.bad_frames == []


# login and connection


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
        assert [message.content.text for message in bot.host.messages] == ["anybody?"]


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
        assert [message.content.text for message in bot.host.messages] == ["anybody?"]


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


# sending


async def test_how_refusals_of_a_message_are_told(tmp_path: Path) -> None:
    async with FakeSlack() as slack:
        general = slack.add_channel("general")
        connector = SlackConnector(config_for(slack))
        target = Target(source="slack", channel_id=general.id)
        payload = {"text": "x", "plain": "x"}
        try:
            slack.rate_limit("chat.postMessage", 17)
            with pytest.raises(SendLater) as later:
                await connector.send(payload, target, key="k")
            assert later.value.after_s == 17
            slack.fail("chat.postMessage", status=503, body="<html>")
            with pytest.raises(SendLater):
                await connector.send(payload, target, key="k")
            slack.fail("chat.postMessage", "fatal_error")
            slack.drop("chat.postMessage", "after")
            slack.drop("chat.postMessage", "before")
            for _ in range(3):
                with pytest.raises(SendUnknown):
                    await connector.send(payload, target, key="k")
            assert len(slack.posts()) == 1
            for error, advice in (
                ("not_in_channel", "/invite"),
                ("channel_not_found", "/invite"),
                ("is_archived", "archived"),
                ("account_inactive", "install the app again"),
                ("something_new", "something_new"),
            ):
                slack.fail("chat.postMessage", error)
                with pytest.raises(SendRefused, match=advice):
                    await connector.send(payload, target, key="k")
            slack.scopes.remove("chat:write")
            with pytest.raises(SendRefused, match=r"missing_scope \(chat:write\)"):
                await connector.send(payload, target, key="k")
            with pytest.raises(SendRefused, match="no channel"):
                await connector.send(payload, Target(source="slack"), key="k")
        finally:
            await connector.close()


async def test_no_connection_is_later_and_no_answer_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    import aiohttp

    monkeypatch.setattr("connectors.slack.web.TIMEOUT", aiohttp.ClientTimeout(total=0.2))
    payload = {"text": "x", "plain": "x"}
    async with FakeSlack() as slack:
        target = Target(source="slack", channel_id=slack.add_channel("general").id)
        connector = SlackConnector(config_for(slack))
        slack.hold("chat.postMessage")
        with pytest.raises(SendUnknown):
            await connector.send(payload, target, key="k")
        await connector.close()
    connector = SlackConnector(config_for(slack))
    with pytest.raises(SendLater):
        await connector.send(payload, target, key="k")
    await connector.close()


@pytest.mark.parametrize("error", ["invalid_blocks", "msg_blocks_too_long", "invalid_metadata_schema"])
async def test_refused_markup_goes_out_plain(error: str) -> None:
    async with FakeSlack() as slack:
        target = Target(source="slack", channel_id=slack.add_channel("general").id)
        connector = SlackConnector(config_for(slack))
        (payload,) = connector.encode(said("**bold** <!channel>"), target)
        slack.fail("chat.postMessage", error)
        await connector.send(payload, target, key="k")
        await connector.close()
        assert slack.calls_of("chat.postMessage")[1].args["mrkdwn"] is False
        assert slack.posts()[0]["text"] == "**bold** &lt;!channel&gt;"
        assert slack.pings() == []


async def test_a_very_long_answer_arrives_in_readable_parts() -> None:
    text = "\n\n".join(f"Paragraph {n} with **bold** & <angle> words." for n in range(2500))
    assert len(text) > 100_000
    async with FakeSlack() as slack:
        target = Target(source="slack", channel_id=slack.add_channel("general").id)
        connector = SlackConnector(config_for(slack))
        payloads = connector.encode(said(text), target)
        for number, payload in enumerate(payloads):
            await connector.send(payload, target, key=f"k/{number}")
        await connector.close()
        posts = [post["text"] for post in slack.posts()]
        assert all(len(post) <= 4000 for post in posts)
        assert "\n\n".join(posts) == text.replace("**", "*").replace("&", "&amp;").replace(
            "<angle>", "&lt;angle&gt;"
        )


# signs


async def test_the_status_is_set_and_cleared(tmp_path: Path) -> None:
    async with FakeSlack() as slack, running(slack, tmp_path) as bot:
        ada, general = slack.add_user("ada"), slack.add_channel("general")
        await slack.say(general, ada, f"<@{slack.bot_user_id}> hi")
        await slack.wait_acked()
        target = bot.host.messages[0].target
        await bot.connector.typing(target)
        assert slack.methods.statuses == {(general.id, target.thread_id): "is typing…"}
        await bot.connector.typing_done(target)
        assert set(slack.methods.statuses.values()) == {""}
        await bot.connector.typing_done(target)
        assert len(slack.calls_of("assistant.threads.setStatus")) == 2
        assert slack.calls_of("reactions.add") == []


async def test_where_there_is_no_thread_an_hourglass_stands_in(tmp_path: Path) -> None:
    async with FakeSlack() as slack, running(slack, tmp_path) as bot:
        ada = slack.add_user("ada")
        im = slack.add_im(ada)
        await slack.say(im, ada, "hi")
        await slack.wait_acked()
        target = bot.host.messages[0].target
        await bot.connector.typing(target)
        await bot.connector.typing(target)
        assert slack.methods.reactions == {(im.id, target.reply_to, "hourglass_flowing_sand")}
        await bot.connector.typing_done(target)
        assert slack.methods.reactions == set()
        assert len(slack.calls_of("reactions.add")) == 1


@pytest.mark.parametrize(
    ("error", "asked"), [("missing_scope", 1), ("unknown_method", 1), ("is_archived", 2), ("internal", 2)]
)
async def test_a_refused_status_is_remembered(tmp_path: Path, error: str, asked: int) -> None:
    async with FakeSlack() as slack, running(slack, tmp_path) as bot:
        ada = slack.add_user("ada")
        slack.fail("assistant.threads.setStatus", error, times=2)
        for name in ("one", "one", "two"):
            room = next((c for c in slack.workspace.channels.values() if c.name == name), None)
            await slack.say(room or slack.add_channel(name), ada, f"<@{slack.bot_user_id}> hi")
            await slack.wait_acked()
            target = bot.host.messages[-1].target
            await bot.connector.typing(target)
            assert (target.channel_id, target.reply_to, "hourglass_flowing_sand") in slack.methods.reactions
            await bot.connector.typing_done(target)
            assert slack.methods.reactions == set()
        assert len(slack.calls_of("assistant.threads.setStatus")) == asked


async def test_with_every_sign_refused_the_turn_goes_on(tmp_path: Path) -> None:
    async with FakeSlack() as slack, running(slack, tmp_path) as bot:
        slack.scopes = ["im:history", "users:read"]
        ada = slack.add_user("ada")
        await slack.say(slack.add_im(ada), ada, "hi")
        await slack.wait_acked()
        target = bot.host.messages[0].target
        for _ in range(2):
            await bot.connector.typing(target)
            await bot.connector.typing_done(target)
        assert len(slack.calls_of("reactions.add")) == 1
        slack.drop("assistant.threads.setStatus", "before")
        await bot.connector.typing(Target(source="slack", channel_id="C1", thread_id="1.2"))


# check, secrets, the manifest


async def test_check_finds_all_well() -> None:
    async with FakeSlack() as slack:
        lines = await SlackConnector(config_for(slack)).check()
        assert [(line.name, line.ok) for line in lines] == [
            ("slack", True),
            ("slack scopes", True),
            ("slack socket mode", True),
        ]
        assert lines[0].detail == "@botty in the workspace Fake Works"
        assert slack.socket_mode.sockets == []


async def test_check_says_what_is_wrong() -> None:
    async with FakeSlack() as slack:
        slack.scopes = [scope for scope in slack.scopes if scope not in ("chat:write", "reactions:write")]
        lines = await SlackConnector(config_for(slack, app_token="xapp-nonsense")).check()
        bot, scopes, mode = lines
        assert bot.ok
        assert (scopes.ok, scopes.detail) == (False, "missing: chat:write, reactions:write")
        assert "slack-manifest.yaml" in scopes.advice
        assert (mode.ok, mode.detail) == (False, "Slack refuses the app token: invalid_auth")
        assert "Basic Information" in mode.advice
        slack.scopes.append("chat:write")
        assert (await SlackConnector(config_for(slack)).check())[1].ok
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
        slack.socket_mode.drop()
        await slack.wait_until(lambda: len(slack.socket_mode.sockets) >= 2)
        await slack.wait_acked()
    assert "could not be stored" in caplog.text
    assert "internal_error" in caplog.text
    for secret in (slack.bot_token, slack.app_token, "ticket=", "Traceback"):
        assert secret not in caplog.text


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


def test_the_manifest_asks_for_what_the_code_needs_and_no_more() -> None:
    assert manifest_list("bot") == needs.SCOPES
    assert manifest_list("bot_events") == set(needs.EVENTS)


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
            for room in rooms[:2]:
                await slack.rename_channel(room, f"{room.name}-2")
            await slack.rename_user(ada, "Ada")
            await slack.rename_team("Newer")
            await slack.wait_acked()
            assert len(await bot.host.wait_for(InboundPlaces, 4)) == 4
            assert all(call.answer and call.answer["ok"] for call in slack.calls)
            used = {call.method for call in slack.calls} - {"apps.connections.open"}
            assert used == set(needs.METHODS)
