"""Slack's shortcuts, and the forms of commands, through the real slack-bolt against the fake."""

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
    Option,
    OptionKind,
    RoomClosed,
    Skipped,
)
from connectors.slack.answering import REFUSED, STRANGER
from connectors.slack.interactions import ABOUT_THIS
from connectors.slack.menus import command_form, shortcuts_of
from connectors.slack.shortcuts import GONE
from connectors.slack.using import NOT_NOW
from tests.connectors.slack_helpers import Running, running
from tests.fakes.slack import FakeChannel, FakeSlack, FakeUser, Json

TEXT = Option(name="text", description="What you want to know.", required=True)
ASK = CommandSpec(
    name="ask",
    description="Ask me something.",
    options=(TEXT,),
    says="text",
    menus={"message": "Ask about this", "anywhere": "Ask something"},
)
DATA = CommandSpec(
    name="mydata", description="All.", private=True, menus={"user": "Data?", "anywhere": "My data"}
)
ROLL = CommandSpec(
    name="roll",
    description="Roll dice.",
    options=(
        Option(name="dice", description="How many.", kind=OptionKind.INTEGER, required=True),
        Option(name="size", description="How big.", choices=("small", "large")),
        Option(name="open", description="For all to see.", kind=OptionKind.BOOLEAN),
        Option(name="whom", description="For whom.", kind=OptionKind.USER),
        Option(name="where", description="Where.", kind=OptionKind.CHANNEL),
        Option(name="seed", description="Hidden.", hidden=True),
    ),
)


class Stage:
    """A connector that is online, and who is there."""

    def __init__(self, slack: FakeSlack, bot: Running) -> None:
        self.slack, self.bot = slack, bot
        bot.host.known_commands = (ASK, DATA, ROLL)
        self.ada: FakeUser = slack.add_user("ada", display_name="Ada")
        self.ben: FakeUser = slack.add_user("ben", display_name="Ben")
        self.general: FakeChannel = slack.add_channel("general")
        self.general.members |= {self.ada.id, self.ben.id}

    async def said(self, text: str, **how: Any) -> Json:
        """What Ben said, before anybody asks about it."""
        message = await self.slack.say(self.general, self.ben, text, **how)
        await self.slack.wait_acked()
        return message

    async def used(self) -> InboundMessage:
        """The use that was taken in."""
        while not (found := [each for each in self.bot.host.messages if each.command]):
            await self.bot.host.wait_for(InboundMessage, len(self.bot.host.messages) + 1)
        return found[0]

    async def form(self) -> Json:
        await self.slack.wait_answered("views.open")
        return self.slack.views[-1]

    async def answer(self, to: InboundMessage, text: str) -> None:
        for payload in self.bot.connector.encode(Content(text=text), to.target):
            await self.bot.connector.send(payload, to.target, key="k")

    async def note(self) -> Json:
        await self.slack.wait_until(lambda: bool(self.slack.ephemerals))
        return self.slack.ephemerals[0]


@asynccontextmanager
async def stage_at(folder: Path, **config: Any) -> AsyncIterator[Stage]:
    async with FakeSlack() as slack, running(slack, folder, **config) as bot:
        yield Stage(slack, bot)


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with stage_at(tmp_path) as one:
        yield one


def test_they_are_in_the_manifest() -> None:
    assert [(each["name"], each["type"], each["callback_id"]) for each in shortcuts_of([ASK, DATA])] == [
        ("Ask something", "global", "anywhere:ask"),
        ("My data", "global", "anywhere:mydata"),
        ("Ask about this", "message", "message:ask"),
    ]
    long = CommandSpec(name="long", description="Long.", menus={"anywhere": "x" * 32})
    assert (
        shortcuts_of([long] * 7)
        == [
            {
                "name": "x" * 23 + "…",
                "type": "global",
                "callback_id": "anywhere:long",
                "description": "Long.",
            }
        ]
        * 5
    )


class TestOfAMessage:
    async def test_it_is_on_disk_before_it_is_acknowledged(self, stage: Stage) -> None:
        message = await stage.said("the moon is made of cheese")
        stage.bot.host.open_gate.clear()
        envelope = await stage.slack.message_shortcut(stage.general, stage.ada, "message:ask", message)
        await stage.bot.received()
        assert envelope.acked_at is None
        stage.bot.host.open_gate.set()
        await stage.slack.wait_acked(envelope)
        used = await stage.used()
        assert used.command == CommandUse(name="ask", arguments={"text": ABOUT_THIS})
        assert used.content.text == ABOUT_THIS
        [quote] = used.content.quotes
        assert (quote.kind, quote.author, quote.text) == ("reply", "Ben", "the moon is made of cheese")
        assert (used.sender.platform_id, used.private) == (stage.ada.id, True)

    async def test_the_answer_is_for_who_asked_alone(self, stage: Stage) -> None:
        message = await stage.said("hm")
        await stage.slack.message_shortcut(stage.general, stage.ada, "message:ask", message)
        await stage.answer(await stage.used(), "It is not.")
        seen = await stage.note()
        assert (seen["user"], seen["by"], seen["text"]) == (stage.ada.id, "response_url", "It is not.")
        assert stage.slack.posts() == []

    async def test_in_a_thread_it_belongs_there(self, stage: Stage) -> None:
        root = await stage.said("root")
        message = await stage.said("leaf", thread_ts=root["ts"])
        await stage.slack.message_shortcut(stage.general, stage.ada, "message:ask", message)
        used = await stage.used()
        assert used.room.key == f"slack-room-{stage.general.id}-{root['ts']}"
        assert used.room.type is ChannelType.THREAD

    async def test_its_files_come_along(self, stage: Stage) -> None:
        message = await stage.said("look", files=[{"id": "F1", "name": "a.png", "mimetype": "image/png"}])
        await stage.slack.message_shortcut(stage.general, stage.ada, "message:ask", message)
        [quote] = (await stage.used()).content.quotes
        assert [media.file_name for media in quote.attachments] == ["a.png"]

    async def test_who_is_not_let_in_is_told(self, tmp_path: Path) -> None:
        async with stage_at(tmp_path, deny=["U0STRANGE1"]) as stage:
            eve = stage.slack.add_user("eve", id="U0STRANGE1")
            message = await stage.said("hm")
            envelope = await stage.slack.message_shortcut(stage.general, eve, "message:ask", message)
            seen = await stage.note()
            assert (seen["user"], seen["text"]) == (eve.id, REFUSED)
            await stage.slack.wait_acked(envelope)
            assert not [each for each in stage.bot.host.messages if each.command]

    async def test_one_that_is_no_more_is_told(self, stage: Stage) -> None:
        message = await stage.said("hm")
        for callback_id in ("message:mydata", "message:gone", "nonsense"):
            envelope = await stage.slack.message_shortcut(stage.general, stage.ada, callback_id, message)
            await stage.slack.wait_acked(envelope)
        await stage.slack.wait_until(lambda: len(stage.slack.ephemerals) == 3)
        assert {each["text"] for each in stage.slack.ephemerals} == {GONE}

    async def test_a_malformed_one_is_skipped(self, stage: Stage) -> None:
        payload = {"type": "message_action", "callback_id": "message:ask", "user": {"id": "U1"}}
        await stage.slack.socket_mode.deliver(stage.slack.socket_mode.add("interactive", payload))
        await stage.slack.wait_acked()
        [skipped] = await stage.bot.host.wait_for(Skipped)
        assert skipped.reason == "malformed: message_action"


class TestOfNoMessage:
    async def test_it_is_used_in_the_direct_messages(self, stage: Stage) -> None:
        im = stage.slack.add_im(stage.ada)
        await stage.slack.shortcut(stage.ada, "anywhere:mydata")
        used = await stage.used()
        assert used.command == CommandUse(name="mydata")
        assert (used.room.key, used.room.type) == (f"slack-room-{im.id}", ChannelType.DM)
        assert used.private is True
        await stage.answer(used, "all of it")
        assert (await stage.slack.wait_for_message(channel=im))["text"] == "all of it"
        assert stage.slack.ephemerals == []

    async def test_what_it_has_to_be_told_is_asked_by_a_form(self, stage: Stage) -> None:
        im = stage.slack.add_im(stage.ada)
        await stage.slack.shortcut(stage.ada, "anywhere:ask")
        await stage.slack.fill(await stage.form(), stage.ada, text="is 1 < 2?")
        used = await stage.used()
        assert used.command == CommandUse(name="ask", arguments={"text": "is 1 < 2?"})
        assert (used.content.text, used.room.channel_id) == ("is 1 < 2?", im.id)
        assert used.private is False

    async def test_the_conversation_is_asked_for_once(self, stage: Stage) -> None:
        for _ in range(2):
            await stage.slack.wait_acked(await stage.slack.shortcut(stage.ada, "anywhere:mydata"))
        await stage.bot.host.wait_for(InboundMessage, 2)
        assert len(stage.slack.calls_of("conversations.open")) == 1

    async def test_without_the_scope_it_is_told(self, stage: Stage) -> None:
        stage.slack.scopes = [each for each in stage.slack.scopes if each not in ("im:write", "mpim:write")]
        envelope = await stage.slack.shortcut(stage.ada, "anywhere:mydata")
        await stage.slack.wait_acked(envelope)
        post = await stage.slack.wait_for_message(channel=stage.slack.add_im(stage.ada))
        assert post["text"] == NOT_NOW
        assert stage.bot.host.messages == []

    async def test_strangers_are_told_that_they_are(self, tmp_path: Path) -> None:
        async with stage_at(tmp_path, dm_policy="pairing") as stage:
            await stage.slack.shortcut(stage.ada, "anywhere:mydata")
            used = await stage.used()
            assert used.pairing_id == stage.ada.id
            post = await stage.slack.wait_for_message(channel=stage.slack.add_im(stage.ada))
            assert post["text"] == STRANGER

    async def test_where_direct_messages_are_off_nothing_is_opened(self, tmp_path: Path) -> None:
        async with stage_at(tmp_path, dm_policy="off") as stage:
            await stage.slack.wait_acked(await stage.slack.shortcut(stage.ada, "anywhere:ask"))
            post = await stage.slack.wait_for_message(channel=stage.slack.add_im(stage.ada))
            assert post["text"] == REFUSED
            assert stage.slack.calls_of("conversations.open") == stage.slack.calls_of("views.open") == []


class TestForms:
    async def test_a_command_without_what_it_needs_asks_for_it(self, stage: Stage) -> None:
        envelope = await stage.slack.command(stage.general, stage.ada, "/ask")
        form = await stage.form()
        await stage.slack.wait_acked(envelope)
        assert envelope.response is None
        assert stage.bot.host.messages == []
        [block] = form["blocks"]
        assert (form["title"]["text"], block["label"]["text"]) == ("/ask", "What you want to know.")
        await stage.slack.fill(form, stage.ada, text="why?")
        used = await stage.used()
        assert (used.room.channel_id, used.content.text) == (stage.general.id, "why?")
        await stage.answer(used, "because")
        assert (await stage.slack.wait_for_message(channel=stage.general))["text"] == "because"

    async def test_where_the_bot_is_no_member_it_answers_by_what_opened_the_form(self, stage: Stage) -> None:
        elsewhere = stage.slack.add_channel("elsewhere", with_bot=False)
        await stage.slack.command(elsewhere, stage.ada, "/ask")
        await stage.slack.fill(await stage.form(), stage.ada, text="why?")
        used = await stage.used()
        await stage.answer(used, "because")
        assert [each["text"] for each in elsewhere.messages.values()] == ["because"]
        stage.slack.expire_responses()
        with pytest.raises(RoomClosed):
            await stage.answer(used, "again")

    async def test_each_kind_of_option_has_its_field(self, stage: Stage) -> None:
        await stage.slack.command(stage.general, stage.ada, "/roll")
        form = await stage.form()
        assert [(each["block_id"], each["element"]["type"], each["optional"]) for each in form["blocks"]] == [
            ("dice", "number_input", False),
            ("size", "static_select", True),
            ("open", "static_select", True),
            ("whom", "users_select", True),
            ("where", "conversations_select", True),
        ]
        told = {"dice": "2", "size": "large", "open": "no", "whom": "U1", "where": "C1"}
        await stage.slack.fill(form, stage.ada, **told)
        assert (await stage.used()).command == CommandUse(name="roll", arguments=told)

    async def test_what_is_left_empty_is_not_told(self, stage: Stage) -> None:
        await stage.slack.command(stage.general, stage.ada, "/roll")
        await stage.slack.fill(await stage.form(), stage.ada, dice="1")
        assert (await stage.used()).command == CommandUse(name="roll", arguments={"dice": "1"})

    async def test_a_trigger_that_is_over_is_told(self, stage: Stage) -> None:
        stage.slack.fail("views.open", "expired_trigger_id")
        await stage.slack.command(stage.general, stage.ada, "/ask")
        assert (await stage.note())["text"] == NOT_NOW

    async def test_a_command_that_is_gone_meanwhile_is_told(self, stage: Stage) -> None:
        await stage.slack.command(stage.general, stage.ada, "/ask")
        form = await stage.form()
        stage.bot.host.known_commands = ()
        await stage.slack.fill(form, stage.ada, text="why?")
        assert (await stage.note())["text"] == GONE
        assert stage.bot.host.messages == []

    def test_labels_fit(self) -> None:
        long = Option(name="o" * 32, description="x" * 100, choices=("y" * 100,), required=True)
        form = command_form(CommandSpec(name="c" * 32, description="C.", options=(long,)), origin={})
        assert len(form["title"]["text"]) == 24
        assert len(form["blocks"][0]["element"]["options"][0]["text"]["text"]) == 75
