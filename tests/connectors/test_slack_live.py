"""The Slack connector with the real libraries against the fake."""

from pathlib import Path

import pytest

from bot_host.connector import (
    ChannelType,
    Content,
    InboundDelete,
    InboundEdit,
    InboundEvent,
    InboundMessage,
    InboundPlaces,
    MentionType,
    Skipped,
)
from bot_host.testing.connector import RecordingHost
from tests.connectors.slack_helpers import running
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
        await bot.received()
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
        bot.host.open_gate.clear()
        await slack.say(im, ada, "lost?")
        await slack.wait_answered("users.info")
        await bot.received()
        bot.host.fail_next = 1
        await slack.say(im, ada, "next")
        bot.host.open_gate.set()
        lost, following = slack.envelopes
        await slack.wait_acked(following)
        assert lost.acked_at is None
        await slack.socket_mode.redeliver()
        await slack.wait_acked(lost)
        assert lost.deliveries == 2
        assert [message.content.text for message in bot.host.messages] == ["next", "lost?"]


async def test_a_group_that_could_not_be_stored_comes_again_in_order(tmp_path: Path) -> None:
    async with FakeSlack() as slack, running(slack, tmp_path) as bot:
        ada = slack.add_user("ada")
        im = slack.add_im(ada)

        async def fill_the_disk() -> None:
            bot.host.after_accept = None
            bot.host.fail_next = 1

        bot.host.after_accept = fill_the_disk
        bot.host.open_gate.clear()
        await slack.say(im, ada, "first")
        await slack.wait_answered("users.info")
        await bot.received()
        await slack.say(im, ada, "second")
        await slack.say(im, ada, "third")
        await bot.received()
        bot.host.open_gate.set()
        first, second, third = slack.envelopes
        await slack.wait_acked(first)
        await bot.received()
        assert [second.acked_at, third.acked_at] == [None, None]
        await slack.socket_mode.redeliver()
        await slack.wait_acked()
        assert [message.content.text for message in bot.host.messages] == ["first", "second", "third"]


class Host(RecordingHost):
    """Notes what came together; refuses for good whatever holds the poison."""

    def __init__(self, data_dir: Path) -> None:
        super().__init__(data_dir)
        self.groups: list[int] = []

    async def accept(self, *events: InboundEvent) -> None:
        if any(isinstance(event, InboundMessage) and event.content.text == "poison" for event in events):
            raise ValueError("made so by the test")
        await super().accept(*events)
        self.groups.append(len(events))


async def test_what_waits_together_is_stored_together(tmp_path: Path) -> None:
    host = Host(tmp_path)
    async with FakeSlack() as slack, running(slack, tmp_path, host=host) as bot:
        ada = slack.add_user("ada")
        im = slack.add_im(ada)
        host.open_gate.clear()
        await slack.say(im, ada, "0")
        await slack.wait_answered("users.info")
        await bot.received()
        for number in range(1, 6):
            await slack.say(im, ada, str(number))
        await bot.received()
        assert [envelope.acked_at for envelope in slack.envelopes] == [None] * 6
        host.open_gate.set()
        await slack.wait_acked()
        assert host.groups == [1, 5]
        assert [message.content.text for message in host.messages] == [str(n) for n in range(6)]


async def test_one_that_cannot_be_taken_in_takes_no_other_along(tmp_path: Path) -> None:
    host = Host(tmp_path)
    async with FakeSlack() as slack, running(slack, tmp_path, host=host) as bot:
        ada = slack.add_user("ada")
        im = slack.add_im(ada)
        host.open_gate.clear()
        await slack.say(im, ada, "first")
        await slack.wait_answered("users.info")
        await bot.received()
        for text in ("before", "poison", "after"):
            await slack.say(im, ada, text)
        await bot.received()
        host.open_gate.set()
        await slack.wait_acked(*(e for e in slack.envelopes if e.event["text"] != "poison"))
        assert [message.content.text for message in host.messages] == ["first", "before", "after"]
        assert [e.event["text"] for e in slack.envelopes if e.acked_at is None] == ["poison"]


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


async def test_a_look_up_that_does_not_say_who_is_a_bot_makes_nobody_a_person(tmp_path: Path) -> None:
    async with FakeSlack() as slack, running(slack, tmp_path) as bot:
        robot, general = slack.add_user("robot", is_bot=True), slack.add_channel("general")
        slack.fail("users.info", body={"ok": True, "user": {"id": robot.id, "name": "robot"}})
        await slack.say_as_bot(general, "beep", user=robot)
        await slack.wait_acked()
        assert [event.reason for event in bot.host.events if isinstance(event, Skipped)] == ["bot"]


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


async def test_what_is_not_known_is_acknowledged(tmp_path: Path) -> None:
    async with FakeSlack() as slack, running(slack, tmp_path) as bot:
        ada, general = slack.add_user("ada"), slack.add_channel("general")
        await slack.press(general, ada, "button")
        for payload in ({"type": "shortcut", "callback_id": "x"}, {"type": "block_actions", "actions": [{}]}):
            await slack.socket_mode.deliver(slack.socket_mode.add("interactive", payload))
        await slack.wait_acked()
        assert bot.host.messages == []
        assert slack.socket_mode.bad_frames == []
