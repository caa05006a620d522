"""Discord's commands and components through the real discord.py, against the fake gateway and REST server."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from bot_host.connector import (
    Choices,
    ChoiceUse,
    CommandSpec,
    CommandUse,
    Completing,
    Content,
    FormField,
    InboundMessage,
    Localized,
    Media,
    Option,
    OptionKind,
    Pick,
    Skipped,
    Target,
)
from bot_host.kit.media_folder import MediaFolder
from bot_host.testing.connector import RecordingHost
from bot_host.types.errors import RoomClosed, SendRefused
from bot_host.types.outbound import for_eyes
from connectors.discord.client import DiscordConnector
from connectors.discord.config import DiscordConfig
from connectors.discord.gateway import Pace
from connectors.discord.sync import is_same, payloads_of
from tests.fakes.discord import SEND, FakeDiscord
from tests.fakes.discord_interactions import CALLBACK, COMMANDS, EPHEMERAL, FOLLOWUP, LOADING, ORIGINAL, Given
from tests.fakes.discord_model import Channel, User

PACE = Pace(identify_s=0.05, retry_base_s=0.05)
GET_COMMANDS = f"GET {COMMANDS}"
PUT_COMMANDS = f"PUT {COMMANDS}"

ASK = CommandSpec(
    name="ask",
    description="Ask me.",
    options=(Option(name="text", description="What.", required=True),),
    says="text",
    menus={"message": "Ask about this"},
)
MINE = CommandSpec(
    name="mine",
    description="What is mine.",
    private=True,
    options=(
        Option(name="count", description="How many.", kind=OptionKind.INTEGER),
        Option(name="sort", description="Which.", choices=("one", "other")),
        Option(name="town", description="Where.", complete=lambda _agent, _asked: asyncio.sleep(0, ())),
        Option(name="secret", description="Not shown.", hidden=True),
    ),
    menus={"user": "What do you know?"},
    localizations={"de": Localized(name="meins", description="Was meins ist."), "xx": Localized(name="x")},
)


class Stage:
    """A connector that is online, and who is there."""

    def __init__(self, fake: FakeDiscord, host: RecordingHost, bot: DiscordConnector) -> None:
        self.fake = fake
        self.host = host
        self.bot = bot
        self.ada: User = fake.add_user("ada", global_name="Ada")
        self.ben: User = fake.add_user("ben")
        self.guild = fake.add_guild("Workshop", members=[self.ada, self.ben])
        self.channel: Channel = fake.add_channel(self.guild, "general")

    async def taken(self, count: int = 1) -> InboundMessage:
        """The `count`th message that was taken in."""
        return (await self.host.wait_for(InboundMessage, count))[count - 1]

    async def acked(self, given: Given) -> None:
        await self.fake.wait_until(lambda: given.ack is not None, "an acknowledgement")

    async def say(self, target: Target, content: Content, *, key: str = "k") -> list[str]:
        """Send an answer, as the outbox does."""
        payloads = self.bot.encode(content, target)
        sent = [await self.bot.send(each, target, key=f"{key}:{n}") for n, each in enumerate(payloads)]
        return [each.platform_message_id for each in sent]


@asynccontextmanager
async def stage_at(
    fake: FakeDiscord, folder: Path, *, remembered: dict[str, Any] | None = None, **config: Any
) -> AsyncIterator[Stage]:
    host = RecordingHost(folder)
    host.remembered = dict(remembered or {})
    host.known_commands = (ASK, MINE)
    bot = DiscordConnector(DiscordConfig(token=fake.token, api_base=fake.api_base, **config), pace=PACE)
    stage = Stage(fake, host, bot)
    running = host.tasks.spawn("connector", bot.run(host))
    try:
        await host.wait_connected()
        await fake.wait_ready()
        yield stage
    finally:
        await bot.close()
        await asyncio.wait([running])
        await host.tasks.close()


@pytest.fixture
async def fake() -> AsyncIterator[FakeDiscord]:
    async with FakeDiscord() as server:
        yield server


@pytest.fixture
async def stage(fake: FakeDiscord, tmp_path: Path) -> AsyncIterator[Stage]:
    async with stage_at(fake, tmp_path) as one:
        yield one


class TestComing:
    async def test_a_command_is_on_disk_before_it_is_acknowledged(self, stage: Stage) -> None:
        stage.host.open_gate.clear()
        given = stage.fake.use_command(stage.channel, stage.ada, "ask", text="what is rain?")
        # A second one, so that the gateway has certainly handed over the first.
        stage.fake.type_option(stage.channel, stage.ada, "mine", "town", "u")
        await stage.fake.wait_for_call(CALLBACK)
        assert given.ack is None
        stage.host.open_gate.set()
        await stage.acked(given)
        message = await stage.taken()
        assert given.ack == {"type": 5}
        assert (message.event_key, message.message_id) == (f"interaction/{given.id}", given.id)
        assert message.content.text == "what is rain?"
        assert message.command == CommandUse(name="ask", arguments={"text": "what is rain?"}, locale="en-US")
        assert (message.room.key, message.world.key) == (stage.channel.id, stage.guild.id)
        assert (message.sender.key, message.sender.name) == (stage.ada.id, "Ada")
        assert message.private is False
        assert message.content.mention_context is not None
        assert message.content.mention_context.is_mention

    async def test_a_private_one_is_so_from_the_first(self, stage: Stage) -> None:
        given = stage.fake.use_command(stage.channel, stage.ada, "mine", count=3, sort="other", locale="de")
        message = await stage.taken()
        await stage.acked(given)
        assert given.ack == {"type": 5, "data": {"flags": EPHEMERAL}}
        assert message.private is True
        assert message.content.text == "/mine count:3 sort:other"
        assert message.command == CommandUse(
            name="mine", arguments={"count": 3, "sort": "other"}, locale="de"
        )

    async def test_in_direct_messages(self, stage: Stage) -> None:
        stage.fake.use_command(stage.fake.dm(stage.ada), stage.ada, "mine")
        message = await stage.taken()
        assert message.room.type == "DM"
        assert message.world.key == f"discord-dm-{stage.fake.bot.id}"

    async def test_from_a_messages_menu_it_is_quoted(self, stage: Stage) -> None:
        said = stage.fake.say(stage.channel, stage.ben, "roses\nare red")
        stage.fake.use_command(
            stage.channel,
            stage.ada,
            "Ask about this",
            kind=3,
            target=said["id"],
            resolved={"messages": {said["id"]: said}},
        )
        await stage.host.wait_for(InboundMessage)
        message = next(each for each in stage.host.messages if each.command is not None)
        assert message.content.text == "What do you say to this message of ben?\n> roses\n> are red"
        assert message.command is not None
        assert message.command.arguments == {"text": message.content.text}
        assert message.sender.name == "Ada"

    async def test_from_the_menu_of_a_message_without_words_of_its_own(self, stage: Stage) -> None:
        said = stage.fake.say(stage.channel, stage.ben, "")
        shot = {"content": "roses", "embeds": [{"title": "Red", "type": "rich"}]}
        said |= {
            "message_reference": {"type": 1, "message_id": "1", "channel_id": "2"},
            "message_snapshots": [{"message": shot}],
            "sticker_items": [{"id": "3", "name": "Wave", "format_type": 1}],
        }
        stage.fake.use_command(
            stage.channel,
            stage.ada,
            "Ask about this",
            kind=3,
            target=said["id"],
            resolved={"messages": {said["id"]: said}},
        )
        message = await stage.taken()
        quoted = "> [sticker: Wave]\n> roses\n> Red"
        assert message.content.text == f"What do you say to this message of ben?\n{quoted}"

    async def test_from_a_persons_menu(self, stage: Stage) -> None:
        given = stage.fake.use_command(
            stage.channel, stage.ada, "What do you know?", kind=2, target=stage.ben.id
        )
        message = await stage.taken()
        await stage.acked(given)
        assert message.command == CommandUse(name="mine", locale="en-US")
        assert given.ack == {"type": 5, "data": {"flags": EPHEMERAL}}

    async def test_one_that_is_no_longer_known_comes_all_the_same(self, stage: Stage) -> None:
        stage.fake.use_command(stage.channel, stage.ada, "gone")
        message = await stage.taken()
        assert message.command is not None
        assert message.command.name == "gone"
        assert message.private, "nobody else needs to read that it is gone"

    async def test_a_redelivery_has_the_same_key(self, stage: Stage) -> None:
        given = stage.fake.use_command(stage.channel, stage.ada, "mine")
        await stage.acked(given)
        stage.fake.dispatch("INTERACTION_CREATE", stage.fake.interaction_payload(given))
        again = await stage.taken(2)
        assert again.event_key == f"interaction/{given.id}"
        await stage.fake.wait_for_call(CALLBACK, 2)

    async def test_in_a_channel_that_the_bot_does_not_see(self, stage: Stage) -> None:
        hidden = Channel("77", 0, "secret", stage.guild)
        stage.fake.channels[hidden.id] = hidden
        stage.fake.use_command(hidden, stage.ada, "mine")
        message = await stage.taken()
        assert (message.room.key, message.room.name) == ("77", "secret")

    async def test_who_may_not_talk_may_not_ask_either(self, fake: FakeDiscord, tmp_path: Path) -> None:
        async with stage_at(fake, tmp_path, deny=["4711"]) as stage:
            mallory = stage.fake.add_user("mallory")
            mallory.id = "4711"
            given = stage.fake.use_command(stage.channel, mallory, "mine")
            await stage.acked(given)
            assert given.texts == ["I may not be used here."]
            assert given.shown[0]["flags"] & EPHEMERAL
            [skipped] = await stage.host.wait_for(Skipped)
            assert (skipped.reason, skipped.event_key) == ("denied", f"interaction/{given.id}")

    async def test_who_has_to_be_approved_of_is_told_so(self, fake: FakeDiscord, tmp_path: Path) -> None:
        async with stage_at(fake, tmp_path, dm_policy="pairing") as stage:
            stranger = stage.fake.use_command(stage.fake.dm(stage.ada), stage.ada, "mine")
            message = await stage.taken()
            await stage.acked(stranger)
            assert message.pairing_id == stage.ada.id
            assert stranger.texts == ["I do not know you yet: whoever runs me has to approve of you first."]
            # The host's code comes by the same way.
            await stage.say(message.target, Content(text="Your code is ABCD."))
            assert stranger.texts[1:] == ["Your code is ABCD."]
            stage.host.paired.add(stage.ada.id)
            known = stage.fake.use_command(stage.fake.dm(stage.ada), stage.ada, "mine")
            await stage.acked(known)
            assert known.is_thinking

    async def test_a_full_disk_is_told_and_nothing_is_acknowledged(self, stage: Stage) -> None:
        stage.host.fail_next = 1
        given = stage.fake.use_command(stage.channel, stage.ada, "mine")
        await stage.acked(given)
        assert given.texts == ["I cannot take that just now. Please try again in a moment."]
        assert stage.host.messages == []

    async def test_a_malformed_one_stops_nobody(self, stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
        stage.fake.dispatch("INTERACTION_CREATE", {"id": "1", "type": 2})
        stage.fake.use_command(stage.channel, stage.ada, "mine")
        await stage.taken()
        assert "skipped an interaction that could not be read" in caplog.text

    async def test_options_are_completed(self, stage: Stage) -> None:
        stage.host.proposals = ["Ulm", "Unna"]
        given = stage.fake.type_option(stage.channel, stage.ada, "mine", "town", "u")
        await stage.acked(given)
        shown = [{"name": town, "value": town} for town in ("Ulm", "Unna")]
        assert given.ack == {"type": 8, "data": {"choices": shown}}
        assert stage.host.completing == [Completing(command="mine", option="town", typed="u")]
        assert stage.host.messages == []

    async def test_nothing_is_proposed_or_opened_to_who_is_not_let_in(
        self, fake: FakeDiscord, tmp_path: Path
    ) -> None:
        eve = fake.add_user("eve")
        async with stage_at(fake, tmp_path, deny=[f"user:{eve.id}"], dm_policy="pairing") as stage:
            stage.host.proposals = ["Ulm"]
            stage.host.open_choices["k3y"] = FORM
            shown = {"id": "1", "channel_id": stage.channel.id, "flags": 0, "components": []}
            typed = fake.type_option(stage.channel, eve, "mine", "town", "u")
            clicked = fake.click_id(shown, eve, "f:k3y")
            stranger = fake.dm(stage.ada)
            unpaired = fake.click_id(shown | {"channel_id": stranger.id}, stage.ada, "f:k3y")
            for given in (typed, clicked, unpaired):
                await stage.acked(given)
            assert typed.ack == {"type": 8, "data": {"choices": []}}
            assert clicked.texts == ["I may not be used here."]
            assert unpaired.texts == ["I do not know you yet: whoever runs me has to approve of you first."]
            stage.host.paired.add(stage.ada.id)
            paired = fake.click_id(shown | {"channel_id": stranger.id}, stage.ada, "f:k3y")
            await stage.acked(paired)
            assert paired.ack is not None
            assert paired.ack["type"] == 9


class TestAnswers:
    async def used(self, stage: Stage, name: str, **options: Any) -> tuple[Given, Target]:
        given = stage.fake.use_command(stage.channel, stage.ada, name, **options)
        message = await stage.taken()
        await stage.acked(given)
        return given, message.target

    async def test_the_first_takes_the_place_of_thinking(self, stage: Stage) -> None:
        given, target = await self.used(stage, "ask", text="x")
        assert given.is_thinking
        [message_id] = await stage.say(target, Content(text="It falls."))
        assert given.texts == ["It falls."]
        assert not given.is_thinking
        assert stage.channel.messages[message_id]["content"] == "It falls."
        assert stage.fake.calls_of(SEND) == []

    async def test_a_private_one_is_seen_by_one_person(self, stage: Stage) -> None:
        given, target = await self.used(stage, "mine")
        await stage.say(target, Content(text="a" * 3000))
        assert len(given.texts) == 2
        assert all(message["flags"] & EPHEMERAL for message in given.shown)
        assert stage.channel.messages == {}

    async def test_nothing_in_it_pings_anybody(self, stage: Stage) -> None:
        _, target = await self.used(stage, "ask", text="x")
        await stage.say(target, Content(text=f"@everyone {stage.ben.mention}"))
        [call] = stage.fake.calls_of(FOLLOWUP)
        assert call.payload["allowed_mentions"] == {"parse": [], "replied_user": False}

    async def test_the_turn_may_be_quicker_than_the_acknowledgement(self, stage: Stage) -> None:
        hold = stage.fake.hold(CALLBACK)
        given = stage.fake.use_command(stage.channel, stage.ada, "ask", text="x")
        message = await stage.taken()
        await hold.reached.wait()
        saying = stage.host.tasks.spawn("say", stage.say(message.target, Content(text="quick")))
        # Two requests that go out after it would have gone out.
        for _ in range(2):
            await stage.bot.typing(Target(source="discord", channel_id=stage.channel.id))
        assert stage.fake.calls_of(FOLLOWUP) == []
        hold.release()
        await saying
        assert given.texts == ["quick"]

    async def test_after_a_quarter_of_an_hour_it_goes_to_the_channel(self, stage: Stage) -> None:
        given, target = await self.used(stage, "ask", text="x")
        given.is_over = True
        [message_id] = await stage.say(target, Content(text="late"))
        assert stage.channel.messages[message_id]["content"] == "late"
        assert [call.payload["content"] for call in stage.fake.calls_of(SEND)] == ["late"]

    async def test_by_our_own_clock_nothing_is_tried_in_vain(self, stage: Stage) -> None:
        stage.fake.use_command(stage.channel, stage.ada, "ask", ago=901, text="x")
        message = await stage.taken()
        await stage.say(message.target, Content(text="late"))
        assert stage.fake.calls_of(FOLLOWUP) == []
        assert [call.payload["content"] for call in stage.fake.calls_of(SEND)] == ["late"]

    async def test_a_private_one_goes_to_the_person_then(self, stage: Stage) -> None:
        given, target = await self.used(stage, "mine")
        given.is_over = True
        await stage.say(target, Content(text="late, and yours"))
        said = stage.fake.dm(stage.ada).messages.values()
        assert [message["content"] for message in said] == ["late, and yours"]
        assert stage.channel.messages == {}

    async def test_one_that_was_acknowledged_too_late_is_answered_by_a_message(self, stage: Stage) -> None:
        hold = stage.fake.hold(CALLBACK)
        given = stage.fake.use_command(stage.channel, stage.ada, "ask", text="x")
        message = await stage.taken()
        given.is_late = True
        hold.release()
        await stage.say(message.target, Content(text="all the same"))
        assert [each["content"] for each in stage.channel.messages.values()] == ["all the same"]

    async def test_a_channel_that_refuses_is_not_closed_by_it(self, stage: Stage) -> None:
        given, target = await self.used(stage, "ask", text="x")
        given.is_over = True
        stage.channel.refusal = (403, 50001, "Missing Access")
        with pytest.raises(SendRefused) as caught:
            await stage.say(target, Content(text="late"))
        assert not isinstance(caught.value, RoomClosed)

    async def test_nothing_to_say_ends_the_waiting(self, stage: Stage) -> None:
        given, target = await self.used(stage, "ask", text="x")
        [payload] = stage.bot.unanswered(target)
        await stage.bot.send(payload, target, key="n")
        assert given.shown == []
        # And again, after a kill: what is gone is gone.
        await stage.bot.send(payload, target, key="n")

    async def test_what_was_said_before_stays(self, stage: Stage) -> None:
        given, target = await self.used(stage, "ask", text="x")
        await stage.say(target, Content(text="said by an action"))
        [payload] = stage.bot.unanswered(target)
        await stage.bot.send(payload, target, key="n")
        assert given.texts == ["said by an action"]

    async def test_a_file_goes_along(self, stage: Stage, tmp_path: Path) -> None:
        given, target = await self.used(stage, "mine")
        folder = MediaFolder(tmp_path / "media")
        stage.bot.use_files(folder)
        name = await folder.save(b"{}", ending="json")
        media = Media(id="1", file=name, file_name="mydata.json", mime_type="application/json")
        await stage.say(target, Content(text="Here.", attachments=[media]))
        [call] = stage.fake.calls_of(FOLLOWUP)
        assert call.files == {"mydata.json": b"{}"}
        assert given.shown[0]["attachments"] == [{"filename": "mydata.json", "size": 2}]

    async def test_a_part_of_unknown_fate_is_looked_up(self, stage: Stage) -> None:
        _, target = await self.used(stage, "ask", text="x")
        [payload] = stage.bot.encode(Content(text="It falls."), target)
        since = (await stage.taken()).sent_at

        async def find() -> str | None:
            found = await stage.bot.find_sent(payload, target, key="k", since=since, others=set())
            return found.platform_message_id if found is not None else None

        assert await find() is None
        sent = await stage.bot.send(payload, target, key="k")
        assert await find() == sent.platform_message_id

    async def test_a_later_part_is_looked_for_in_the_channel(self, stage: Stage) -> None:
        _, target = await self.used(stage, "ask", text="x")
        await stage.say(target, Content(text="first"))
        [payload] = stage.bot.encode(Content(text="second"), target)
        since = (await stage.taken()).sent_at
        find = stage.bot.find_sent
        assert await find(payload, target, key="k", since=since, others=set()) is None
        sent = await stage.bot.send(payload, target, key="k")
        assert await find(payload, target, key="k", since=since, others=set()) == sent

    async def test_typing_is_not_shown_twice(self, stage: Stage) -> None:
        _, target = await self.used(stage, "ask", text="x")
        await stage.bot.typing(target)
        assert stage.fake.calls_of("POST /channels/{channel_id}/typing") == []


COLOURS = Choices(picks=[Pick(label="Red", style="danger"), Pick(label="Blue")], key="k3y", command="c")
MANY = Choices(picks=[Pick(label=f"No {n}") for n in range(12)], key="k3y", many=True)
FORM = Choices(
    title="Report",
    fields=[
        FormField(name="what", label="What"),
        FormField(name="more", label="More", long=True, required=False, placeholder="anything"),
    ],
    key="k3y",
)


class TestComponents:
    async def offered(self, stage: Stage, choices: Choices) -> dict[str, Any]:
        target = Target(source="discord", channel_id=stage.channel.id)
        [message_id] = await stage.say(target, Content(text="Choose.", choices=choices))
        return stage.channel.messages[message_id]

    async def test_a_button(self, stage: Stage) -> None:
        shown = await self.offered(stage, COLOURS)
        given = stage.fake.click(shown, stage.ada, "Blue")
        message = await stage.taken()
        await stage.acked(given)
        assert given.ack == {"type": 6}
        assert message.choice == ChoiceUse(key="k3y", picks=(1,))
        assert message.content.text == "Blue"
        assert (message.private, message.target.extra["click"]) == (False, "1")
        await stage.say(message.target, Content(text="Blue it is."))
        assert given.texts == ["Blue it is."]

    async def test_afterwards_there_is_nothing_to_click(self, stage: Stage) -> None:
        shown = await self.offered(stage, COLOURS)
        given = stage.fake.click(shown, stage.ada, "Blue")
        target = (await stage.taken()).target
        await stage.acked(given)
        [payload] = stage.bot.chosen(target, "Blue")
        await stage.bot.send(payload, target, key="k")
        [row] = shown["components"]
        assert [(part["label"], part["disabled"]) for part in row["components"]] == [("Blue", True)]
        assert shown["content"] == "Choose."
        given.is_over = True
        assert (await stage.bot.send(payload, target, key="k")).platform_message_id == ""

    async def test_an_answer_for_one_person_alone(self, stage: Stage) -> None:
        shown = await self.offered(stage, COLOURS)
        given = stage.fake.click(shown, stage.ben, "Red")
        target = for_eyes((await stage.taken()).target)
        await stage.acked(given)
        await stage.say(target, Content(text="That is for somebody else to choose."))
        assert given.shown[0]["flags"] & EPHEMERAL

    async def test_on_a_message_for_one_person_the_click_is_so_too(self, stage: Stage) -> None:
        given = stage.fake.use_command(stage.channel, stage.ada, "mine")
        asked = await stage.taken()
        await stage.acked(given)
        await stage.say(asked.target, Content(text="Sure?", choices=COLOURS))
        stage.fake.click(given.shown[0], stage.ada, "Red")
        message = await stage.taken(2)
        assert message.private is True
        assert message.target.extra["private"] == "1"

    async def test_a_list_of_which_several_are_chosen(self, stage: Stage) -> None:
        shown = await self.offered(stage, MANY)
        stage.fake.click(shown, stage.ada, values=("No 0", "No 11"))
        message = await stage.taken()
        assert message.choice == ChoiceUse(key="k3y", picks=(0, 11))
        assert message.content.text == "No 0, No 11"

    async def test_a_form_is_opened_and_sent(self, stage: Stage) -> None:
        stage.host.open_choices["k3y"] = FORM
        shown = await self.offered(stage, FORM)
        opened = stage.fake.click(shown, stage.ada, "Report")
        await stage.acked(opened)
        assert opened.ack is not None
        assert opened.ack["type"] == 9
        assert stage.host.messages == []
        given = stage.fake.submit(opened, what="a leak", more="")
        message = await stage.taken()
        await stage.acked(given)
        assert given.ack == {"type": 6}
        assert message.choice == ChoiceUse(key="k3y", fields={"what": "a leak", "more": ""})

    async def test_a_form_that_is_over(self, stage: Stage) -> None:
        shown = await self.offered(stage, FORM)
        given = stage.fake.click(shown, stage.ada, "Report")
        await stage.acked(given)
        assert given.texts == ["That is no longer open."]
        assert given.shown[0]["flags"] & EPHEMERAL

    @pytest.mark.parametrize("custom_id", ["approve", "b:k3y", "b::1", "b:k3y:x", ""])
    async def test_a_component_of_somebody_elses(self, stage: Stage, custom_id: str) -> None:
        shown = await self.offered(stage, COLOURS)
        given = stage.fake.click_id(shown, stage.ada, custom_id)
        await stage.acked(given)
        assert given.texts == ["That is no longer open."]
        skipped = [event for event in stage.host.events if isinstance(event, Skipped)]
        assert skipped[-1].reason == "unknown component"


class TestRegistering:
    async def registered(self, stage: Stage) -> None:
        await stage.host.wait_remembered("commands")

    async def test_what_is_missing_is_registered_once(self, stage: Stage) -> None:
        await self.registered(stage)
        names = [(command["type"], command["name"]) for command in stage.fake.commands]
        assert names == [(1, "ask"), (1, "mine"), (3, "Ask about this"), (2, "What do you know?")]
        mine = stage.fake.commands[1]
        assert mine["name_localizations"] == {"de": "meins"}
        assert mine["contexts"] == [0, 1]
        assert [option["name"] for option in mine["options"]] == ["count", "sort", "town"]
        assert mine["options"][2]["autocomplete"] is True

    async def test_a_restart_asks_nothing(self, fake: FakeDiscord, tmp_path: Path) -> None:
        async with stage_at(fake, tmp_path) as first:
            await self.registered(first)
        async with stage_at(fake, tmp_path, remembered=first.host.remembered) as second:
            given = fake.use_command(second.channel, second.ada, "mine")
            await second.acked(given)
        assert len(fake.calls_of(GET_COMMANDS)) == 1

    async def test_a_reconnect_asks_nothing(self, stage: Stage) -> None:
        await self.registered(stage)
        stage.fake.invalidate()
        await stage.fake.wait_ready(2)
        given = stage.fake.use_command(stage.channel, stage.ada, "mine")
        await stage.acked(given)
        assert len(stage.fake.calls_of(GET_COMMANDS)) == 1
        assert len(stage.fake.calls_of(PUT_COMMANDS)) == 1

    async def test_what_is_there_already_is_not_written(self, fake: FakeDiscord, tmp_path: Path) -> None:
        async with stage_at(fake, tmp_path) as first:
            await self.registered(first)
        async with stage_at(fake, tmp_path) as second:
            await self.registered(second)
        assert len(fake.calls_of(GET_COMMANDS)) == 2
        assert len(fake.calls_of(PUT_COMMANDS)) == 1

    async def test_trouble_with_it_costs_nothing_else(
        self, fake: FakeDiscord, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        fake.fail(GET_COMMANDS, 403, {"code": 50001, "message": "Missing Access"})
        async with stage_at(fake, tmp_path) as stage:
            await fake.wait_for_call(GET_COMMANDS)
            given = stage.fake.use_command(stage.channel, stage.ada, "mine")
            await stage.acked(given)
        assert "the commands could not be registered: HTTP 403, code 50001" in caplog.text
        assert stage.host.remembered == {}

    def test_only_differences_count(self) -> None:
        wanted = payloads_of((ASK, MINE))
        known = [each | {"id": "1", "nsfw": False, "default_member_permissions": None} for each in wanted]
        assert is_same(known, wanted)
        assert is_same(list(reversed(known)), wanted)
        assert not is_same(known[1:], wanted)
        assert not is_same([known[0] | {"description": "Other."}, *known[1:]], wanted)
        assert not is_same([known[0] | {"options": []}, *known[1:]], wanted)

    def test_no_more_are_registered_than_discord_takes(self, caplog: pytest.LogCaptureFixture) -> None:
        specs = [CommandSpec(name=f"c{n}", description="x") for n in range(102)]
        assert len(payloads_of(specs)) == 100
        assert "too many commands; c100 is left out" in caplog.text


async def test_the_flags_are_discords(stage: Stage) -> None:
    given = stage.fake.use_command(stage.channel, stage.ada, "ask", text="x")
    await stage.acked(given)
    assert given.shown[0]["flags"] == LOADING
    assert ORIGINAL.endswith("@original")
