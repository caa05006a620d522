"""The Slack connector: sending, and signs that an answer is being written."""

from pathlib import Path

import aiohttp
import pytest

from bot_host.connector import (
    Content,
    RoomClosed,
    SendError,
    SendLater,
    SendRefused,
    SendUnknown,
    Target,
)
from connectors.slack.client import SlackConnector
from tests.connectors.slack_helpers import config_for, running
from tests.fakes.slack import FakeSlack


def said(text: str) -> Content:
    return Content(text=text, source="slack")


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
            slack.fail("chat.postMessage", status=404, body="<html>")
            with pytest.raises(SendLater):
                await connector.send(payload, target, key="k")
            slack.fail("chat.postMessage", "fatal_error")
            slack.fail("chat.postMessage", status=503, body="<html>")
            slack.fail("chat.postMessage", status=200, body="<html>")
            slack.drop("chat.postMessage", "after")
            slack.drop("chat.postMessage", "before")
            for _ in range(5):
                with pytest.raises(SendUnknown):
                    await connector.send(payload, target, key="k")
            assert len(slack.posts()) == 1
            for kind, error, advice in (
                (RoomClosed, "not_in_channel", "/invite"),
                (RoomClosed, "channel_not_found", "/invite"),
                (RoomClosed, "is_archived", "archived"),
                (RoomClosed, "restricted_action", "does not let the bot post"),
                (SendRefused, "msg_too_long", "msg_too_long"),
                (SendRefused, "no_text", "no_text"),
                (SendRefused, "something_new", "something_new"),
                # Of the app's own account: its messages wait until it is installed again.
                (SendLater, "account_inactive", "install the app again"),
            ):
                slack.fail("chat.postMessage", error)
                with pytest.raises(SendError, match=advice) as caught:
                    await connector.send(payload, target, key="k")
                assert type(caught.value) is kind
            slack.scopes.remove("chat:write")
            with pytest.raises(SendRefused, match=r"missing_scope \(chat:write\)"):
                await connector.send(payload, target, key="k")
            with pytest.raises(SendRefused, match="no channel"):
                await connector.send(payload, Target(source="slack"), key="k")
        finally:
            await connector.close()


async def test_no_connection_is_later_and_no_answer_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:

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
    with pytest.raises(SendLater) as caught:
        await connector.send(payload, target, key="k")
    assert caught.value.account
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


TABLE = "# Title\n\n| a | b |\n|---|---|\n| 1 | <!here> |"


@pytest.mark.parametrize(("error", "again"), [("invalid_blocks", False), ("msg_blocks_too_long", True)])
async def test_where_markdown_blocks_are_refused_the_text_is_mrkdwn(error: str, again: bool) -> None:
    async with FakeSlack() as slack:
        target = Target(source="slack", channel_id=slack.add_channel("general").id)
        connector = SlackConnector(config_for(slack))
        (payload,) = connector.encode(said(TABLE), target)
        slack.fail("chat.postMessage", error)
        sent = await connector.send(payload, target, key="k")
        first, second = slack.calls_of("chat.postMessage")
        assert "blocks" in first.args
        assert not second.args["blocks"]
        assert second.args["metadata"] == first.args["metadata"]
        assert slack.posts()[0]["text"].startswith("*Title*\n\n```")
        await connector.edit(payload, target, sent.platform_message_id, key="k")
        await connector.send(payload, target, key="l")
        await connector.close()
        assert bool(slack.calls_of("chat.update")[0].args.get("blocks")) is again
        assert bool(slack.calls_of("chat.postMessage")[2].args["blocks"]) is again
        assert slack.pings() == []


async def test_an_edit_falls_back_as_well() -> None:
    async with FakeSlack() as slack:
        target = Target(source="slack", channel_id=slack.add_channel("general").id)
        connector = SlackConnector(config_for(slack))
        (payload,) = connector.encode(said(TABLE), target)
        sent = await connector.send(payload, target, key="k")
        assert slack.posts()[0]["blocks"][0]["type"] == "markdown"
        slack.fail("chat.update", "invalid_blocks", times=2)
        await connector.edit(payload, target, sent.platform_message_id, key="k")
        await connector.close()
        assert len(slack.calls_of("chat.update")) == 3
        assert slack.posts()[0]["text"].startswith("# Title")
        assert "blocks" not in slack.posts()[0]


async def test_a_broadcast_is_seen_in_the_channel() -> None:
    async with FakeSlack() as slack:
        ada, general = slack.add_user("ada"), slack.add_channel("general")
        post = slack.workspace.user_message(general, ada, "question")
        target = Target(source="slack", channel_id=general.id, thread_id=post["ts"])
        connector = SlackConnector(config_for(slack))
        for wish in (True, False):
            content = Content(text=f"{wish}", metadata={"reply_broadcast": wish})
            (payload,) = connector.encode(content, target)
            await connector.send(payload, target, key="k")
        await connector.close()
        told = [call.args.get("reply_broadcast") for call in slack.calls_of("chat.postMessage")]
        assert told == [True, None]


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


async def test_a_sign_after_the_end_opens_nothing() -> None:
    async with FakeSlack() as slack:
        connector, target = SlackConnector(config_for(slack)), Target(source="slack", channel_id="C1")
        await connector.typing(target)
        await connector.typing_done(target)
        assert connector._session is None


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
