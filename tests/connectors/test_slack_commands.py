"""Slack's slash commands through the real slack-bolt against the fake."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from bot_host.connector import (
    ChannelType,
    CommandSpec,
    CommandUse,
    Content,
    InboundMessage,
    Media,
    Option,
    OptionKind,
    RoomClosed,
)
from bot_host.kit.media_folder import MediaFolder
from bot_host.types.outbound import for_eyes
from connectors.slack.answering import REFUSED
from connectors.slack.needs import command_of, slash_of
from tests.connectors.slack_helpers import Running, running
from tests.fakes.slack import FakeChannel, FakeSlack, FakeUser

ASK = CommandSpec(
    name="ask", description="Ask.", options=(Option(name="text", description="What."),), says="text"
)
MUTE = CommandSpec(
    name="mute",
    description="Hush.",
    private=True,
    options=(Option(name="who", description="Whom.", kind=OptionKind.USER),),
)


class Stage:
    """A connector that is online, and who is there."""

    def __init__(self, slack: FakeSlack, bot: Running) -> None:
        self.slack, self.bot = slack, bot
        bot.host.known_commands = (ASK, MUTE)
        self.ada: FakeUser = slack.add_user("ada")
        self.general: FakeChannel = slack.add_channel("general")
        self.general.members.add(self.ada.id)

    async def use(
        self, command: str, text: str = "", *, channel: FakeChannel | None = None
    ) -> InboundMessage:
        count = len(self.bot.host.messages) + 1
        await self.slack.command(channel or self.general, self.ada, command, text)
        return (await self.bot.host.wait_for(InboundMessage, count))[-1]

    async def answer(self, to: InboundMessage, content: Content) -> list[str]:
        payloads = self.bot.connector.encode(content, to.target)
        sent = [await self.bot.connector.send(each, to.target, key="k") for each in payloads]
        return [each.platform_message_id for each in sent]


@asynccontextmanager
async def stage_at(folder: Path, **config: Any) -> AsyncIterator[Stage]:
    async with FakeSlack() as slack, running(slack, folder, **config) as bot:
        yield Stage(slack, bot)


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with stage_at(tmp_path) as one:
        yield one


def test_names_that_slack_keeps_to_itself() -> None:
    assert (slash_of("mute"), slash_of("ask")) == ("/bot_mute", "/ask")
    assert [command_of(each) for each in ("/bot_mute", "/mute", "/ask", "/bot_ask", "/ASK")] == [
        "mute", "mute", "ask", "bot_ask", "ask"
    ]  # fmt: skip


class TestComing:
    async def test_it_is_on_disk_before_it_is_acknowledged_and_shown(self, stage: Stage) -> None:
        stage.bot.host.open_gate.clear()
        envelope = await stage.slack.command(stage.general, stage.ada, "/ask", "is 1 &lt; 2?")
        await stage.bot.received()
        assert envelope.acked_at is None
        stage.bot.host.open_gate.set()
        await stage.slack.wait_acked(envelope)
        assert envelope.response == {"response_type": "in_channel"}
        [used] = stage.bot.host.messages
        assert used.content.text == "is 1 < 2?"
        assert used.command == CommandUse(name="ask", arguments={"text": "is 1 < 2?"})
        assert (used.room.key, used.room.type) == (f"slack-room-{stage.general.id}", ChannelType.GROUP)
        assert (used.sender.platform_id, used.sender.user_name) == (stage.ada.id, "ada")
        assert used.private is False
        assert used.content.mention_context is not None
        assert used.content.mention_context.is_mention

    async def test_a_private_one_is_seen_by_nobody_else(self, stage: Stage) -> None:
        used = await stage.use("/bot_mute", f"<@{stage.ada.id}|ada>")
        await stage.slack.wait_acked()
        assert stage.slack.envelopes[-1].response is None
        assert used.command == CommandUse(name="mute", text=f"<@{stage.ada.id}|ada>")
        assert used.content.text == "/mute @ada"
        assert used.private is True
        assert await stage.answer(used, Content(text="hush")) == [""]
        [seen] = stage.slack.ephemerals
        assert (seen["by"], seen["text"]) == ("response_url", "hush")
        assert stage.slack.posts() == []

    async def test_one_that_nobody_knows_is_not_shown(self, stage: Stage) -> None:
        used = await stage.use("/nothing", "at all")
        await stage.slack.wait_acked()
        assert stage.slack.envelopes[-1].response is None
        assert used.command == CommandUse(name="nothing", text="at all")

    async def test_in_a_direct_message(self, stage: Stage) -> None:
        im = stage.slack.add_im(stage.ada)
        used = await stage.use("/ask", "hi", channel=im)
        assert (used.room.key, used.room.type) == (f"slack-room-{im.id}", ChannelType.DM)
        await stage.answer(used, Content(text="hello"))
        assert (await stage.slack.wait_for_message(channel=im))["text"] == "hello"

    async def test_who_is_not_let_in_is_told(self, tmp_path: Path) -> None:
        async with stage_at(tmp_path, deny=["U0STRANGE1"]) as stage:
            eve = stage.slack.add_user("eve", id="U0STRANGE1")
            envelope = await stage.slack.command(stage.general, eve, "/ask", "hi")
            await stage.slack.wait_until(lambda: bool(stage.slack.ephemerals))
            assert (stage.slack.ephemerals[0]["user"], stage.slack.ephemerals[0]["text"]) == (eve.id, REFUSED)
            await stage.slack.wait_acked(envelope)
            assert envelope.response is None
            assert stage.bot.host.messages == []

    async def test_a_malformed_one_is_skipped(self, stage: Stage) -> None:
        payload = {"command": "/ask", "text": "hi"}
        await stage.slack.socket_mode.deliver(stage.slack.socket_mode.add("slash_commands", payload))
        await stage.slack.wait_acked()
        assert stage.bot.host.messages == []


class TestAnswers:
    async def test_for_all_it_is_a_message_like_any_other(self, stage: Stage) -> None:
        used = await stage.use("/ask", "hi")
        [ts] = await stage.answer(used, Content(text="hello"))
        post = await stage.slack.wait_for_message(channel=stage.general)
        assert (post["ts"], post["metadata"]["event_payload"]) == (ts, {"key": "k"})
        assert stage.slack.responses == []

    async def test_where_the_bot_is_no_member(self, stage: Stage) -> None:
        elsewhere = stage.slack.add_channel("elsewhere", with_bot=False)
        used = await stage.use("/ask", "hi", channel=elsewhere)
        assert await stage.answer(used, Content(text="hello")) == [""]
        assert [each["text"] for each in elsewhere.messages.values()] == ["hello"]
        stage.slack.expire_responses()
        with pytest.raises(RoomClosed):
            await stage.answer(used, Content(text="hello"))

    async def test_after_five_of_them_it_goes_another_way(self, stage: Stage) -> None:
        used = await stage.use("/bot_mute")
        for number in range(6):
            await stage.answer(used, Content(text=str(number)))
        ways = [each["by"] for each in stage.slack.ephemerals]
        assert ways == ["response_url"] * 5 + ["chat.postEphemeral"]
        assert [each["text"] for each in stage.slack.ephemerals] == list("012345")

    async def test_a_file_for_one_goes_to_the_direct_messages(self, stage: Stage, tmp_path: Path) -> None:
        folder = MediaFolder(tmp_path / "media")
        stage.bot.connector.use_files(folder)
        data = Media(id="1", file=await folder.save(b"{}", ending="json"), file_name="mydata.json")
        used = await stage.use("/bot_mute")
        target = for_eyes(used.target)
        [payload] = stage.bot.connector.encode(Content(attachments=[data]), target)
        await stage.bot.connector.send(payload, target, key="k")
        note, file = stage.slack.posts(channel=stage.slack.add_im(stage.ada))
        assert note["text"] == "For you alone: mydata.json"
        assert [each["name"] for each in file["files"]] == ["mydata.json"]
        [told] = stage.slack.ephemerals
        assert (told["channel"], told["text"]) == (stage.general.id, "mydata.json: see our direct messages.")
        assert stage.slack.posts(channel=stage.general) == []
