"""Reading back whether a message has arrived at Slack, with the real slack-sdk."""

from collections.abc import AsyncIterator, Set
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot_host.connector import (
    Content,
    Payload,
    ReadBackConnector,
    SendLater,
    SendRefused,
    SendUnknown,
    Target,
)
from connectors.slack import proof
from connectors.slack.client import SlackConnector
from tests.connectors.slack_helpers import config_for, running
from tests.fakes.slack import FakeChannel, FakeSlack

POST, HISTORY, REPLIES = "chat.postMessage", "conversations.history", "conversations.replies"


@asynccontextmanager
async def ready(folder: Path) -> AsyncIterator[tuple[FakeSlack, SlackConnector, FakeChannel]]:
    """A connector that has logged in, and a channel."""
    async with FakeSlack() as slack:
        general = slack.add_channel("general")
        async with running(slack, folder) as bot:
            yield slack, bot.connector, general


def part(connector: SlackConnector, text: str = "**an** answer") -> Payload:
    [payload] = connector.encode(Content(text=text), Target(source="slack"))
    return payload


async def look(
    connector: SlackConnector,
    payload: Payload,
    target: Target,
    *,
    key: str = "k",
    others: Set[str] = frozenset(),
) -> str | None:
    sent = await connector.find_sent(payload, target, key=key, since=datetime.now(UTC), others=others)
    return sent.platform_message_id if sent else None


@pytest.mark.parametrize("threaded", [False, True])
@pytest.mark.parametrize("when", ["before", "after"])
async def test_what_was_taken_is_found_by_its_key_and_what_was_not_is_not(
    tmp_path: Path, threaded: bool, when: str
) -> None:
    async with ready(tmp_path) as (slack, connector, general):
        assert isinstance(connector, ReadBackConnector)
        ada = slack.add_user("ada")
        question = await slack.say(general, ada, "a question")
        target = Target(source="slack", channel_id=general.id, thread_id=question["ts"] if threaded else "")
        payload = part(connector)
        # Another part that says the same, and somebody who repeats it.
        await connector.send(payload, target, key="another")
        await slack.say(general, ada, payload["plain"], thread_ts=target.thread_id or None)
        slack.drop(POST, when)  # type: ignore[arg-type]
        with pytest.raises(SendUnknown):
            await connector.send(payload, target, key="k")
        found = await look(connector, payload, target)
        if when == "after":
            assert found == slack.posts()[1]["ts"]
        else:
            assert found is None
        method = REPLIES if threaded else HISTORY
        assert [call.args["include_all_metadata"] for call in slack.calls_of(method)] == ["true"]


async def test_plain_text_keeps_the_key(tmp_path: Path) -> None:
    async with ready(tmp_path) as (slack, connector, general):
        target = Target(source="slack", channel_id=general.id)
        payload = part(connector)
        slack.fail(POST, "invalid_blocks")
        sent = await connector.send(payload, target, key="k")
        await connector.send(payload, target, key="later")
        assert await look(connector, payload, target) == sent.platform_message_id


async def test_where_metadata_is_refused_the_text_tells(tmp_path: Path) -> None:
    async with ready(tmp_path) as (slack, connector, general):
        target = Target(source="slack", channel_id=general.id)
        payload = part(connector)
        sent = []
        for _ in range(2):
            slack.fail(POST, "invalid_metadata_schema")
            sent.append((await connector.send(payload, target, key="k")).platform_message_id)
        assert "metadata" not in slack.posts()[0]
        assert await look(connector, payload, target, others={sent[1]}) == sent[0]
        assert await look(connector, part(connector, "something else"), target) is None


async def test_a_limit_between_two_pages_is_waited_out_and_the_look_goes_on(tmp_path: Path) -> None:
    async with ready(tmp_path) as (slack, connector, general):
        slack.methods.small_pages = True
        target = Target(source="slack", channel_id=general.id)
        payload = part(connector)
        sent = await connector.send(payload, target, key="k")
        ada = slack.add_user("ada")
        for n in range(40):
            await slack.say(general, ada, f"chatter {n}")
        slack.limits[HISTORY] = 1000.0
        with pytest.raises(SendLater) as later:
            await look(connector, payload, target)
        assert later.value.after_s == 1000
        slack.limits.clear()
        connector._history._free_at.clear()
        assert await look(connector, payload, target) == sent.platform_message_id
        pages = [call.args.get("cursor", "") for call in slack.calls_of(HISTORY) if call.answer]
        assert len(pages) == len(set(pages)) == 3  # no page was read twice


async def test_it_is_not_asked_while_slack_says_to_wait(tmp_path: Path) -> None:
    async with ready(tmp_path) as (slack, connector, general):
        target = Target(source="slack", channel_id=general.id)
        slack.rate_limit(HISTORY, 60)
        for _ in range(3):
            with pytest.raises(SendLater) as later:
                await look(connector, part(connector), target)
            assert later.value.after_s is not None
            assert 50 < later.value.after_s <= 60
        assert len(slack.calls_of(HISTORY)) == 1


@pytest.mark.parametrize(
    ("error", "expected"),
    [("channel_not_found", SendRefused), ("internal_error", SendLater), ("invalid_auth", SendLater)],
)
async def test_what_cannot_be_read_is_told_apart(
    tmp_path: Path, error: str, expected: type[Exception]
) -> None:
    async with ready(tmp_path) as (slack, connector, general):
        target = Target(source="slack", channel_id=general.id)
        slack.fail(HISTORY, error)
        with pytest.raises(expected, match=error):
            await look(connector, part(connector), target)
        slack.drop(HISTORY, "before", times=2)  # aiohttp itself asks once more
        with pytest.raises(SendLater):
            await look(connector, part(connector), target)


async def test_a_missing_scope_and_too_much_to_read_are_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proof, "MOST_PAGES", 1)
    async with ready(tmp_path) as (slack, connector, general):
        target = Target(source="slack", channel_id=general.id)
        slack.methods.small_pages = True
        ada = slack.add_user("ada")
        for n in range(20):
            await slack.say(general, ada, f"chatter {n}")
        with pytest.raises(SendRefused, match="too much"):
            await look(connector, part(connector), target)
        slack.scopes.remove("channels:history")
        with pytest.raises(SendRefused, match="missing_scope"):
            await look(connector, part(connector), target)


async def test_before_the_login_nobody_can_tell(tmp_path: Path) -> None:
    async with FakeSlack() as slack:
        connector = SlackConnector(config_for(slack))
        with pytest.raises(SendLater):
            await look(connector, part(connector), Target(source="slack", channel_id="C1"))
        await connector.close()


async def test_a_clock_that_is_minutes_ahead_does_no_harm(tmp_path: Path) -> None:
    async with ready(tmp_path) as (_slack, connector, general):
        target = Target(source="slack", channel_id=general.id)
        payload = part(connector)
        sent = await connector.send(payload, target, key="k")
        ahead = datetime.now(UTC) + timedelta(minutes=4)
        found = await connector.find_sent(payload, target, key="k", since=ahead, others=set())
        assert found == sent
