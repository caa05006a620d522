"""What is read after a gap at Slack, with the real slack-sdk and slack-bolt."""

import asyncio
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bot_host.connector import ChannelType, InboundMessage, RecentRoom
from bot_host.testing.connector import RecordingHost
from connectors.slack import catch_up
from connectors.slack.login import clock_ahead_s
from tests.connectors.slack_helpers import Running, running
from tests.fakes.slack import FakeChannel, FakeSlack, FakeUser, Json

HISTORY, REPLIES = "conversations.history", "conversations.replies"


def knowing(folder: Path, *, away_s: float) -> RecordingHost:
    """A host that was there until so many seconds ago."""
    host = RecordingHost(folder)
    host.marks = {"since": 1, "alive": int((time.time() - away_s) * 1_000_000)}
    return host


def ago(seconds: float) -> str:
    return f"{time.time() - seconds:.6f}"


async def unheard(slack: FakeSlack, channel: FakeChannel, user: FakeUser, text: str, **fields: Any) -> Json:
    """Something that is said while nobody listens, and told to nobody later."""
    post = await slack.say(channel, user, text, **fields)
    slack.socket_mode.give_up()
    return post


def texts(events: Sequence[Any]) -> list[str]:
    return [event.content.text for event in events if isinstance(event, InboundMessage)]


def recent(slack: FakeSlack, channel: FakeChannel, thread: str = "", **fields: Any) -> RecentRoom:
    values: dict[str, Any] = {"server_id": slack.team_id, "type": ChannelType.THREAD, **fields}
    return RecentRoom(channel_id=channel.id, thread_id=thread, last_at=datetime.now(UTC), **values)


async def test_channels_dms_and_threads_are_read_to_the_end(tmp_path: Path) -> None:
    async with FakeSlack() as slack:
        ada = slack.add_user("ada", display_name="Ada")
        general, quiet = slack.add_channel("general"), slack.add_channel("secret", private=True)
        await slack.say(general, ada, "before", ts=ago(900))
        root = await slack.say(general, ada, "an old thread", ts=ago(800))
        host = knowing(tmp_path, away_s=600)
        host.rooms = [recent(slack, general, root["ts"])]
        for n in range(420):
            await unheard(slack, general, ada, f"missed {n}", ts=ago(500 - n))
        await unheard(slack, general, ada, "in the old thread", thread_ts=root["ts"])
        new = await unheard(slack, general, ada, f"<@{slack.bot_user_id}> a new one")
        await unheard(slack, general, ada, "and a reply to it", thread_ts=new["ts"])
        await unheard(slack, quiet, ada, "privately")
        await unheard(slack, slack.add_im(ada), ada, "directly")
        await unheard(slack, slack.add_mpim(ada, slack.add_user("ben")), ada, "among three")
        await unheard(slack, slack.add_channel("elsewhere", with_bot=False), ada, "not for us")
        await slack.say_as_bot(general, "another bot")
        slack.socket_mode.give_up()
        async with running(slack, tmp_path, host=host):
            await host.wait_caught_up()
            found = texts(host.missed)
            in_channel = [*(f"missed {n}" for n in range(420)), "a new one"]
            assert [text for text in found if text in set(in_channel)] == in_channel
            assert sorted(set(found) - set(in_channel)) == [
                "among three",
                "and a reply to it",
                "directly",
                "in the old thread",
                "privately",
            ]
            assert len(found) == len(set(found))
            assert host.events == host.missed
            by_text = {message.content.text: message for message in host.messages}
            assert by_text["directly"].room.type is ChannelType.DM
            assert by_text["in the old thread"].room.thread_id == root["ts"]
            assert by_text["and a reply to it"].room == by_text["a new one"].room
            assert by_text["a new one"].sender.name == "Ada"
        assert len([call for call in slack.calls_of(HISTORY) if call.args["channel"] == general.id]) == 3


async def test_the_first_start_reads_nothing_and_the_next_one_what_came_since(tmp_path: Path) -> None:
    async with FakeSlack() as slack:
        ada = slack.add_user("ada")
        direct = slack.add_im(ada)
        await unheard(slack, direct, ada, "long before the bot", ts=ago(300))
        first = RecordingHost(tmp_path)
        async with running(slack, tmp_path, host=first):
            await first.wait_caught_up()
            assert slack.calls_of(HISTORY) == []
        await unheard(slack, direct, ada, "while it was away")
        again = RecordingHost(tmp_path)
        again.marks = first.marks
        async with running(slack, tmp_path, host=again):
            await again.wait_caught_up()
            assert texts(again.missed) == ["while it was away"]


async def test_what_slack_delivers_late_is_the_same_event(tmp_path: Path) -> None:
    async with FakeSlack() as slack:
        ada, general = slack.add_user("ada"), slack.add_channel("general")
        root = await unheard(slack, general, ada, "root", ts=ago(30))
        host = knowing(tmp_path, away_s=60)
        host.rooms = [recent(slack, general, root["ts"])]
        # Not given up: message and app_mention come when there is a socket again, and history has it, too.
        await slack.say(general, ada, f"<@{slack.bot_user_id}> hello")
        await slack.say(general, ada, f"<@{slack.bot_user_id}> and here", thread_ts=root["ts"])
        await slack.say(general, ada, "to all", thread_ts=root["ts"], subtype="thread_broadcast")
        async with running(slack, tmp_path, host=host):
            await host.wait_caught_up()
            await slack.wait_acked()
            for text in ("hello", "and here", "to all"):
                seen = [message for message in host.messages if message.content.text == text]
                assert len(seen) >= 2
                assert seen.count(seen[0]) == len(seen)


async def test_a_lost_socket_leaves_a_gap_that_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connectors.slack.intake.PING_S", 0.1)
    async with FakeSlack() as slack:
        ada = slack.add_user("ada")
        direct = slack.add_im(ada)
        host = knowing(tmp_path, away_s=60)
        async with running(slack, tmp_path, host=host):
            await host.wait_caught_up()
            await slack.say(direct, ada, "live")
            await slack.wait_acked()
            slack.socket_mode.refuse_next = 2
            slack.socket_mode.drop()
            await unheard(slack, direct, ada, "in the gap")
            await slack.wait_connected()
            await host.wait_caught_up(2)
            assert "in the gap" in texts(host.missed)


async def test_a_hello_in_the_middle_of_a_gap_makes_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connectors.slack.intake.PING_S", 0.1)
    async with FakeSlack() as slack:
        ada = slack.add_user("ada")
        direct = slack.add_im(ada)
        await unheard(slack, direct, ada, "first gap")
        host = knowing(tmp_path, away_s=60)
        held = slack.hold(HISTORY)
        async with running(slack, tmp_path, host=host):
            await slack.wait_for_call(HISTORY)
            slack.socket_mode.refuse_next = 1
            slack.socket_mode.drop()
            await unheard(slack, direct, ada, "second gap")
            await slack.wait_connected()
            held.release()
            await host.wait_caught_up(2)
            assert set(texts(host.missed)) == {"first gap", "second gap"}
            assert len(slack.calls_of(HISTORY)) == 2


async def test_the_mark_moves_only_while_all_is_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catch_up, "KEEP_S", 0.0)
    monkeypatch.setattr("connectors.slack.client.WATCH_S", 0.02)
    monkeypatch.setattr("connectors.slack.intake.PING_S", 0.1)
    async with FakeSlack() as slack:
        ada = slack.add_user("ada")
        direct = slack.add_im(ada)
        host = knowing(tmp_path, away_s=600)
        before = host.marks["alive"]
        held = slack.hold("users.conversations")
        async with running(slack, tmp_path, host=host) as bot:
            await slack.wait_for_call("users.conversations")
            await _ticks(bot, 5)
            assert host.marks["alive"] == before  # a gap is open
            held.release()
            await host.wait_caught_up()
            await _until_mark(host, before + 500_000_000)
            host.open_gate.clear()
            await slack.say(direct, ada, "waits for the disk")
            await slack.wait_until(lambda: slack.envelopes[-1].deliveries > 0)
            await _ticks(bot, 3)
            stuck = host.marks["alive"]
            await _ticks(bot, 5)
            assert host.marks["alive"] == stuck
            host.open_gate.set()
            await _until_mark(host, stuck + 1)
            held = slack.hold("users.conversations")
            slack.socket_mode.drop()
            await slack.wait_for_call("users.conversations", len(slack.calls_of("users.conversations")) + 1)
            stuck = host.marks["alive"]  # a gap is open again
            await _ticks(bot, 5)
            assert host.marks["alive"] == stuck
            held.release()
            await _until_mark(host, stuck + 1)


async def _ticks(bot: Running, count: int) -> None:
    """Until the connector has looked after its socket so many times."""
    looks = 0
    look = bot.connector._pause

    async def counted(seconds: float) -> None:
        nonlocal looks
        looks += 1
        await look(seconds)

    bot.connector._pause = counted  # type: ignore[method-assign]
    while looks < count:
        await look(0.01)


async def _until_mark(host: RecordingHost, value: int) -> None:
    while host.marks["alive"] < value:
        await asyncio.sleep(0.01)


async def test_of_what_is_too_old_one_page_is_read_and_nothing_when_skipping(tmp_path: Path) -> None:
    async with FakeSlack() as slack:
        ada = slack.add_user("ada")
        direct = slack.add_im(ada)
        for n in range(130):
            await unheard(slack, direct, ada, f"old {n}", ts=ago(8000 - n))
        await unheard(slack, direct, ada, "young", ts=ago(100))
        host = knowing(tmp_path, away_s=9000)
        async with running(slack, tmp_path, host=host):
            await host.wait_caught_up()
            assert texts(host.missed) == [*(f"old {n}" for n in range(30, 130)), "young"]
        host = knowing(tmp_path, away_s=9000)
        async with running(slack, tmp_path, host=host, catch_up="skip"):
            await host.wait_caught_up()
            assert texts(host.missed) == ["young"]


async def test_small_pages_now_and_then_are_waited_for(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with FakeSlack() as slack:
        slack.methods.small_pages = True
        slack.limits = {HISTORY: 0.3, "users.conversations": 0.1}
        ada, general = slack.add_user("ada"), slack.add_channel("general")
        for n in range(20):
            await unheard(slack, general, ada, f"missed {n}")
        host = knowing(tmp_path, away_s=60)
        async with running(slack, tmp_path, host=host):
            direct = slack.add_im(ada)
            await slack.say(direct, ada, "live")
            await host.wait_for(InboundMessage)
            assert texts(host.events) == ["live"]  # nobody waits for the past
            await host.wait_caught_up()
            assert [text for text in texts(host.missed) if text != "live"] == [
                f"missed {n}" for n in range(20)
            ]
        assert "pages of 15 messages" in caplog.text
        refused = [call for call in slack.calls_of(HISTORY) if call.answer is None]
        assert refused


async def test_the_liveliest_are_read_first_and_a_long_reading_is_not_begun_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with FakeSlack() as slack:
        ada = slack.add_user("ada")
        quiet, lively = slack.add_channel("quiet"), slack.add_channel("lively")
        root = await unheard(slack, quiet, ada, "root", ts=ago(3000))
        for channel in (quiet, lively):
            await unheard(slack, channel, ada, f"early in {channel.name}", ts=ago(500))
            await unheard(slack, channel, ada, f"late in {channel.name}", ts=ago(50))
        host = knowing(tmp_path, away_s=1000)
        host.rooms = [recent(slack, lively), recent(slack, quiet, root["ts"])]
        async with running(slack, tmp_path, host=host):
            await host.wait_caught_up()
            assert texts(host.missed)[:2] == ["early in lively", "late in lively"]
            assert [name for name in host.marks if name.startswith("read:")] == []
        monkeypatch.setattr(catch_up, "KEEP_S", 0.0)
        host = knowing(tmp_path, away_s=1000)
        host.marks[f"read:{lively.id}"] = int((time.time() - 200) * 1_000_000)
        async with running(slack, tmp_path, host=host):
            await host.wait_caught_up()
            assert texts(host.missed) == ["early in quiet", "late in quiet", "late in lively"]
            ends = [host.marks[f"read:{channel.id}"] for channel in (quiet, lively)]
            assert min(ends) > (time.time() - 60) * 1_000_000


async def test_a_missing_scope_leaves_out_only_its_own_kind(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    async with FakeSlack() as slack:
        slack.scopes = [scope for scope in slack.scopes if scope not in ("im:read", "groups:read")]
        ada = slack.add_user("ada")
        known, unknown = slack.add_im(ada), slack.add_im(slack.add_user("ben"))
        general, secret = slack.add_channel("general"), slack.add_channel("secret", private=True)
        for channel in (known, unknown, general, secret):
            await unheard(slack, channel, ada, f"in {channel.id}")
        host = knowing(tmp_path, away_s=60)
        gone = FakeChannel("C0GONE", "gone", "channel", set())
        foreign = recent(slack, secret, server_id="T0OTHER")
        host.rooms = [recent(slack, known, type=ChannelType.DM), recent(slack, gone), foreign]
        async with running(slack, tmp_path, host=host):
            await host.wait_caught_up()
            assert sorted(texts(host.missed)) == sorted([f"in {known.id}", f"in {general.id}"])
        assert "the kind im are not listed: missing_scope" in caplog.text


async def test_trouble_is_waited_out_and_a_refusal_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catch_up, "backoff", lambda attempt: 0.01)
    async with FakeSlack() as slack:
        ada = slack.add_user("ada")
        closed, general = slack.add_channel("closed"), slack.add_channel("general")
        await unheard(slack, closed, ada, "not to be read")
        await unheard(slack, general, ada, "missed")
        host = knowing(tmp_path, away_s=60)
        host.fail_next = 1
        slack.fail("users.conversations", status=503, body="<html>")
        slack.drop(HISTORY, "before")
        slack.fail(HISTORY, "internal_error")
        async with running(slack, tmp_path, host=host):
            slack.fail(HISTORY, "channel_is_limited_access", times=1)
            await host.wait_caught_up()
            assert "missed" in texts(host.missed)


async def test_strange_answers_are_no_end(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connectors.slack.intake.PING_S", 0.1)
    async with FakeSlack() as slack:
        ada, general = slack.add_user("ada"), slack.add_channel("general")
        host = knowing(tmp_path, away_s=60)
        messages: list[Any] = [
            {"ts": "x"},
            {"user": ada.id},
            7,
            {"ts": ago(9), "latest_reply": 5, "thread_ts": "y"},
        ]
        messages.append({"type": "message", "user": ada.id, "text": "good", "ts": ago(9)})
        slack.fail(HISTORY, body={"ok": True, "messages": messages})
        async with running(slack, tmp_path, host=host):
            await host.wait_caught_up()
            assert texts(host.missed) == ["good"]
            # What is broken beyond that ends the gap, not the connector.
            slack.fail("users.conversations", body={"ok": True, "channels": 7})
            slack.socket_mode.drop()
            await slack.wait_connected()
            await host.wait_caught_up(2)
            await slack.say(general, ada, "live")
            await host.wait_for(InboundMessage, 2)
        assert "the gap is given up" in caplog.text


@pytest.mark.parametrize(
    ("date", "expected"),
    [("Mon, 23 Nov 2026 12:00:00 GMT", True), ("", False), ("yesterday", False)],
)
def test_slacks_clock_is_told_by_its_answers(date: str, expected: bool) -> None:
    ahead = clock_ahead_s({"Date": date})
    noon = datetime(2026, 11, 23, 12, tzinfo=UTC).timestamp()
    assert abs(ahead - (noon - time.time() if expected else 0.0)) < 10
