"""Slack's buttons, lists and forms through the real slack-bolt against the fake."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bot_host.connector import (
    ChannelType,
    Choices,
    ChoiceUse,
    Content,
    FormField,
    InboundMessage,
    Pick,
    SendRefused,
    Skipped,
    Target,
)
from bot_host.types.outbound import for_eyes
from connectors.slack.answering import NO_LONGER, NOTHING, REFUSED, STRANGER
from connectors.slack.blocks import blocks_of
from connectors.slack.encode import encode, shown
from connectors.slack.using import NOT_NOW
from tests.connectors.slack_helpers import Running, running
from tests.fakes.slack import FakeChannel, FakeSlack, FakeUser, Json
from tests.fakes.slack_methods import check_message

KEY = "k" * 16
TWO = Choices(picks=[Pick(label="Yes", style="good"), Pick(label="No", style="danger")], key=KEY)
FORM = Choices(
    fields=[
        FormField(name="town", label="Town"),
        FormField(name="why", label="Why", long=True, required=False),
    ],
    title="Where do you want to go tomorrow?",
    key=KEY,
)
PLACE = Target(source="slack", channel_id="C1")


class Stage:
    """A connector that is online, and a message of its with choices in a thread."""

    def __init__(self, slack: FakeSlack, bot: Running) -> None:
        self.slack, self.bot = slack, bot
        self.ada: FakeUser = slack.add_user("ada")
        self.ben: FakeUser = slack.add_user("ben")
        self.general: FakeChannel = slack.add_channel("general")
        self.general.members |= {self.ada.id, self.ben.id}
        self.asked: InboundMessage

    async def offer(self, choices: Choices, text: str = "What *is* <it>?") -> Json:
        await self.slack.say(self.general, self.ada, f"<@{self.slack.bot_user_id}> hello")
        self.asked = (await self.bot.host.wait_for(InboundMessage))[-1]
        await self.send(Content(text=text, choices=choices), self.asked.target)
        return self.slack.posts(channel=self.general)[-1]

    async def send(self, content: Content, target: Target) -> None:
        for payload in self.bot.connector.encode(content, target):
            await self.bot.connector.send(payload, target, key="k")

    async def used(self, count: int = 1) -> InboundMessage:
        """The `count`th choice that was taken in."""
        while len(found := [each for each in self.bot.host.messages if each.choice]) < count:
            await self.bot.host.wait_for(InboundMessage, len(self.bot.host.messages) + 1)
        return found[count - 1]

    async def note(self, count: int = 1) -> Json:
        await self.slack.wait_until(lambda: len(self.slack.ephemerals) >= count)
        return self.slack.ephemerals[count - 1]

    def message(self, ts: str) -> Json:
        return self.general.messages[ts]


@asynccontextmanager
async def stage_at(folder: Path, **config: Any) -> AsyncIterator[Stage]:
    async with FakeSlack() as slack, running(slack, folder, **config) as bot:
        yield Stage(slack, bot)


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with stage_at(tmp_path) as one:
        yield one


class TestShown:
    def test_few_are_buttons_below_the_text(self) -> None:
        [payload] = encode(Content(text="**Well**?", choices=TWO), PLACE)
        body = shown(payload)
        assert body["text"] == "*Well*?"
        text, actions = body["blocks"]
        assert text == {"type": "section", "text": {"type": "mrkdwn", "text": "*Well*?"}}
        buttons = [(each["text"]["text"], each["action_id"], each["style"]) for each in actions["elements"]]
        assert buttons == [("Yes", f"b:{KEY}:0", "primary"), ("No", f"b:{KEY}:1", "danger")]

    def test_many_or_described_ones_are_a_list(self) -> None:
        for picks in ([Pick(label=str(n)) for n in range(11)], [Pick(label="a", description="of old")]):
            [actions] = blocks_of(Choices(picks=picks, key=KEY))
            assert [each["type"] for each in actions["elements"]] == ["static_select"]

    @pytest.mark.parametrize(
        "choices",
        [
            Choices(picks=[Pick(label="x" * 80, description="y" * 100)] * 25, key=KEY),
            Choices(picks=[Pick(label="x" * 80)] * 25, many=True, key=KEY),
            Choices(picks=[Pick(label="<!channel> <@U1>")] * 10, key=KEY),
            Choices(fields=[FormField(name="a", label="x" * 45)], title="y" * 45, key=KEY),
        ],
    )
    @pytest.mark.parametrize("text", ["", "word & " * 1200, "| a | b |\n|---|---|\n" + "| x | y |\n" * 300])
    def test_slack_takes_the_largest(self, choices: Choices, text: str) -> None:
        payloads = encode(Content(text=text, choices=choices), PLACE)
        assert ["blocks" in each for each in payloads] == [False] * (len(payloads) - 1) + [True]
        for payload in payloads:
            args = {"channel": "C1", **shown(payload)}
            assert check_message(args) == []
            assert "<!channel>" not in str(args)


class TestUsed:
    async def test_a_button_is_on_disk_before_it_is_acknowledged(self, stage: Stage) -> None:
        offered = await stage.offer(TWO)
        stage.bot.host.open_gate.clear()
        envelope = await stage.slack.press(stage.general, stage.ada, f"b:{KEY}:1", message=offered)
        await stage.bot.received()
        assert envelope.acked_at is None
        stage.bot.host.open_gate.set()
        await stage.slack.wait_acked(envelope)
        used = await stage.used()
        assert used.choice == ChoiceUse(key=KEY, picks=(1,))
        assert used.content.text == "No"
        assert used.room.key == stage.asked.room.key
        assert used.room.type is ChannelType.THREAD
        assert (used.sender.key, used.sender.user_name) == (stage.asked.sender.key, "ada")
        assert used.private is False
        await stage.slack.socket_mode.deliver(envelope)  # an acknowledgement that got lost
        again = await stage.used(2)
        assert again.event_key == used.event_key

    async def test_what_was_chosen_takes_the_place_of_the_buttons(self, stage: Stage) -> None:
        offered = await stage.offer(TWO)
        await stage.slack.press(stage.general, stage.ada, f"b:{KEY}:0", message=offered)
        target = (await stage.used()).target
        [payload] = stage.bot.connector.chosen(target, "Yes")
        await stage.bot.connector.send(payload, target, key="k")
        after = stage.message(offered["ts"])
        assert [block["type"] for block in after["blocks"]] == ["section", "context"]
        assert after["blocks"][0]["text"]["text"] == offered["blocks"][0]["text"]["text"]
        assert after["blocks"][1]["elements"][0]["text"] == "Yes"
        assert after["metadata"]["event_payload"] == {"key": "k"}
        since = datetime.now(UTC)
        assert not await stage.bot.connector.find_sent(payload, target, key="k", since=since, others=set())
        await stage.slack.delete(stage.general, offered["ts"])
        await stage.bot.connector.send(payload, target, key="k")

    async def test_an_answer_goes_where_the_button_stands(self, stage: Stage) -> None:
        offered = await stage.offer(TWO)
        await stage.slack.press(stage.general, stage.ada, f"b:{KEY}:0", message=offered)
        await stage.send(Content(text="fine"), (await stage.used()).target)
        answer = stage.slack.posts(channel=stage.general, thread_ts=offered["thread_ts"])[-1]
        assert answer["text"] == "fine"

    async def test_a_line_for_one_is_seen_by_one(self, stage: Stage) -> None:
        offered = await stage.offer(TWO)
        await stage.slack.press(stage.general, stage.ben, f"b:{KEY}:0", message=offered)
        target = for_eyes((await stage.used()).target)
        posts = len(stage.slack.posts())
        await stage.send(Content(text="not yours"), target)
        assert (await stage.note())["by"] == "response_url"
        stage.slack.expire_responses()
        await stage.send(Content(text="not yours"), target)
        assert {**await stage.note(2), "ts": ""} == {
            "user": stage.ben.id,
            "channel": stage.general.id,
            "ts": "",
            "by": "chat.postEphemeral",
            "ephemeral": True,
            "text": "not yours",
            "thread_ts": offered["thread_ts"],
        }
        assert len(stage.slack.posts()) == posts
        stage.general.members.discard(stage.ben.id)
        await stage.send(Content(text="not yours"), target)
        assert stage.slack.posts(channel=stage.slack.add_im(stage.ben))[-1]["text"] == "not yours"
        [payload] = stage.bot.connector.encode(Content(text="not yours"), target)
        with pytest.raises(SendRefused):
            await stage.bot.connector.find_sent(
                payload, target, key="k", since=datetime.now(UTC), others=set()
            )

    async def test_only_slack_is_sent_what_is_for_one(self, stage: Stage) -> None:
        offered = await stage.offer(TWO)
        await stage.slack.press(stage.general, stage.ada, f"b:{KEY}:0", message=offered)
        target = for_eyes((await stage.used()).target)
        for url in ("http://localhost:1/slack.com", "http://slack.com.example.org/x"):
            odd = replace(target, extra={**target.extra, "response_url": url})
            await stage.send(Content(text="not yours"), odd)
        assert [each["by"] for each in stage.slack.ephemerals] == ["chat.postEphemeral"] * 2

    async def test_a_choice_that_one_person_alone_sees(self, stage: Stage) -> None:
        offered = await stage.offer(TWO)
        await stage.slack.press(stage.general, stage.ada, f"b:{KEY}:0", message=offered)
        await stage.send(Content(text="sure?", choices=TWO), for_eyes((await stage.used()).target))
        hidden = await stage.note()
        await stage.slack.press(stage.general, stage.ada, f"b:{KEY}:1", message=hidden)
        used = await stage.used(2)
        assert used.private is True
        assert used.content.text == "No"
        [payload] = stage.bot.connector.chosen(used.target, "No")
        await stage.bot.connector.send(payload, used.target, key="k")
        assert [block["type"] for block in hidden["blocks"]] == ["context"]

    async def test_a_list_and_a_list_of_several(self, stage: Stage) -> None:
        picks = [Pick(label=f"L{n}") for n in range(12)]
        offered = await stage.offer(Choices(picks=picks, key=KEY))
        await stage.slack.press(stage.general, stage.ada, f"s:{KEY}", message=offered, picked=["11"])
        used = await stage.used()
        assert (used.choice, used.content.text) == (ChoiceUse(key=KEY, picks=(11,)), "L11")

        await stage.send(Content(choices=Choices(picks=picks, many=True, key=KEY)), stage.asked.target)
        offered = stage.slack.posts()[-1]
        for action, picked in ((f"m:{KEY}", ["1"]), (f"n:{KEY}", []), (f"n:{KEY}", ["1", "3"])):
            await stage.slack.press(stage.general, stage.ada, action, message=offered, picked=picked)
        used = await stage.used(2)
        assert (used.choice, used.content.text) == (ChoiceUse(key=KEY, picks=(1, 3)), "L1, L3")
        assert (await stage.note())["text"] == NOTHING
        await stage.slack.wait_acked()

    async def test_refused_markup_leaves_a_list_in_words(self, stage: Stage) -> None:
        stage.slack.fail("chat.postMessage", "invalid_blocks")
        offered = await stage.offer(TWO, "Well?")
        assert "blocks" not in offered
        assert offered["text"] == "Well?\n\n1. Yes\n2. No"


class TestForms:
    async def test_a_form_is_opened_and_sent_off(self, stage: Stage) -> None:
        offered = await stage.offer(FORM)
        stage.bot.host.open_choices[KEY] = FORM
        await stage.slack.press(stage.general, stage.ada, f"f:{KEY}", message=offered)
        await stage.slack.wait_answered("views.open")
        [view] = stage.slack.views
        assert view["title"]["text"] == "Where do you want to go…"
        assert [(each["block_id"], each["optional"]) for each in view["blocks"]] == [
            ("town", False),
            ("why", True),
        ]
        assert not [each for each in stage.bot.host.messages if each.choice]
        envelope = await stage.slack.submit(view, stage.ada, town="Rome")
        used = await stage.used()
        assert used.choice == ChoiceUse(key=KEY, fields={"town": "Rome", "why": ""})
        assert used.room.key == stage.asked.room.key
        await stage.slack.wait_acked(envelope)
        assert envelope.response is None
        [payload] = stage.bot.connector.chosen(used.target, "Rome")
        await stage.bot.connector.send(payload, used.target, key="k")
        kinds = [block["type"] for block in stage.message(offered["ts"])["blocks"]]
        assert kinds == ["section", "context"]

    async def test_the_text_of_a_long_message_stays_as_it_is(self, stage: Stage) -> None:
        offered = await stage.offer(FORM, "ü" * 2500)
        stage.bot.host.open_choices[KEY] = FORM
        await stage.slack.press(stage.general, stage.ada, f"f:{KEY}", message=offered)
        await stage.slack.wait_answered("views.open")
        await stage.slack.submit(stage.slack.views[0], stage.ada, town="Rome")
        assert stage.bot.connector.chosen((await stage.used()).target, "Rome") == []

    async def test_a_form_that_is_over_or_does_not_open(self, stage: Stage) -> None:
        offered = await stage.offer(FORM)
        await stage.slack.press(stage.general, stage.ada, f"f:{KEY}", message=offered)
        assert (await stage.note())["text"] == NO_LONGER
        stage.bot.host.open_choices[KEY] = FORM
        stage.slack.fail("views.open", "expired_trigger_id")
        await stage.slack.press(stage.general, stage.ada, f"f:{KEY}", message=offered)
        assert (await stage.note(2))["text"] == NOT_NOW


class TestRefused:
    async def test_what_is_not_ours_is_said_to_be_over(self, stage: Stage) -> None:
        await stage.slack.press(stage.general, stage.ada, "somebody-elses")
        assert (await stage.note())["text"] == NO_LONGER
        assert stage.bot.host.messages == []

    async def test_who_is_not_let_in_is_told(self, tmp_path: Path) -> None:
        async with stage_at(tmp_path, deny=["U0STRANGE1"]) as stage:
            eve = stage.slack.add_user("eve", id="U0STRANGE1")
            for action in (f"b:{KEY}:0", f"f:{KEY}"):
                await stage.slack.press(stage.general, eve, action)
            assert [(await stage.note(n))["text"] for n in (1, 2)] == [REFUSED] * 2
            await stage.slack.wait_acked()
            skipped = await stage.bot.host.wait_for(Skipped, 2)
            assert all(each.reason not in ("", "unknown component") for each in skipped)
            assert stage.slack.calls_of("views.open") == []

    async def test_a_stranger_is_told_and_paired_by_the_host(self, tmp_path: Path) -> None:
        async with stage_at(tmp_path, dm_policy="pairing") as stage:
            im = stage.slack.add_im(stage.ada)
            await stage.slack.press(im, stage.ada, f"b:{KEY}:0")
            assert (await stage.used(1)).pairing_id == stage.ada.id
            assert (await stage.note())["text"] == STRANGER
            stage.bot.host.paired.add(stage.ada.id)
            await stage.slack.press(im, stage.ada, f"b:{KEY}:0")
            await stage.used(2)
            await stage.slack.wait_acked()
            assert len(stage.slack.ephemerals) == 1
